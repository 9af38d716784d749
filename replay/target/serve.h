/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs of a case that rebuild recorded memory in this process. */
#pragma once

#include <stdint.h>

#include "replay/target/patch.h"

struct frame;

#define SERVE_XMMS 8

struct serve {
	uint64_t v[PATCH_SERVE_VALUES];	      /* address registers; set v[0..6] before */
	uint64_t args[6 + PATCH_STACK_WORDS]; /* SERVE_ARG */
	uint64_t xmm[SERVE_XMMS];	      /* SERVE_ARGS */
	uint64_t result[2];		      /* SERVE_RESULT: rax, rdx */
	struct frame *frame;		      /* of the call that is served; NULL: the operation's start */
	uint32_t call; /* index of the case's call that is served; PATCH_NONE: the operation */
	/* SERVE_CALL: @target, which @func stands for, with args and xmm; NULL: it is not done here. */
	void (*call_back)(struct serve *serve, const struct serve_op *op, uint64_t target);
	char trouble[256]; /* why it could not be done */
};

/* Run @cnt ops at offset @ops of the case. 0, or -1 with trouble. */
int serve_run(struct serve *serve, unsigned ops, unsigned cnt);
/* Another case comes: what was shared is of the last one. */
void serve_forget(void);
