/* SPDX-License-Identifier: BSD-3-Clause */
/* One call of a function of the shop, captured from this process's own memory by a compiled plan. */
#pragma once

#include <stdbool.h>

#include "lib/plan.h"
#include "lib/recording.h"
#include "lib/shape.h"
#include "lib/value.h"
#include "tests/support/shop.h"

#define TRIAL_STACK 16 /* words of stack arguments */

struct trial {
	struct shape *shape;
	struct plan *plan;
	struct pool *pool;
	uint64_t stack[1 + TRIAL_STACK];			/* [0] stands for the return address */
	uint64_t fp_in[PLAN_FP_CNT][2], fp_out[PLAN_FP_CNT][2]; /* floating-point registers at each side */
	bool fp_unread;						/* they could not be read */
	struct call call;
	struct values values;
	unsigned flags; /* enum capture_flags of all runs */
	uint64_t keep[PLAN_KEEP_MAX];
	uint8_t *buffers[3]; /* of each section: IN, OUT, KEY */
	size_t lens[3];
};

/* Compile; fails the test when that fails. @key as planner_compile's. */
void trial_init(struct trial *t, struct shop *shop, size_t func, const char *const *key, unsigned key_cnt);
void trial_release(struct trial *t);
/* Entry and KEY, with t->call.args and t->stack; then the caller changes memory, sets rax and rdx; then
 * return. */
void trial_enter(struct trial *t);
void trial_leave(struct trial *t);
/* Decode, and say as JSON: {"args":{...},"out":{...},"return":...}. The caller's to free. */
char *trial_json(struct trial *t);
/* The key made at entry; returns its length. */
size_t trial_key(struct trial *t, const uint8_t **key);
