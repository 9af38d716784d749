/* SPDX-License-Identifier: BSD-3-Clause */
/* What this kernel and these privileges allow: tried, not read from a version. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum feature {
	FEATURE_BTF,		/* kernel BTF */
	FEATURE_BPF,		/* CAP_BPF + CAP_PERFMON: programs load */
	FEATURE_SLEEPABLE,	/* 6.0 */
	FEATURE_UPROBE_MULTI,	/* 6.6 */
	FEATURE_UPROBE_SESSION, /* 6.13 */
	FEATURE_PTRACE,		/* CAP_SYS_PTRACE: other users' processes */
	FEATURE_FPREGS,		/* floating-point registers, see fpregs.h */
	FEATURE_CNT,
};

#define FEATURE_WHY_MAX 256

struct feature_state {
	const char *name;
	bool is_there, is_required;
	const char *cost;	   /* what its absence costs, and what to do */
	char why[FEATURE_WHY_MAX]; /* it is absent; "" where nothing more is known */
};

bool feature_is_there(enum feature feature);
/* Every return that a probe is on is hooked, wherever its function runs: @two_links was asked for, or the
 * kernel has no sessions. */
bool features_hook_all(bool two_links);
/* The first that recording needs and that is absent; FEATURE_CNT: none. */
enum feature features_missing(struct feature_state *out);
/* Try everything once. */
void features_probe(struct feature_state out[FEATURE_CNT]);
