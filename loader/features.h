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
	FEATURE_CNT,
};

struct feature_state {
	const char *name;
	bool is_there, is_required;
	const char *cost; /* what its absence costs, and what to do */
};

bool feature_is_there(enum feature feature);
/* Try everything once. */
void features_probe(struct feature_state out[FEATURE_CNT]);
