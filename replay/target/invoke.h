/* SPDX-License-Identifier: BSD-3-Clause */
/* A function of the program's that the engine calls as the program would: the operation, or a callback. */
#pragma once

#include "replay/target/patch.h"
#include "replay/target/report.h"
#include "replay/target/thunk.h"

struct invocation {
	struct report report;
	struct thunk_call call;
	/* As the entry sees its stack: a return address, then the arguments. */
	uint64_t stack[1 + PATCH_STACK_WORDS + 1];
};

/* For report.func, whose arguments are in report.args and behind stack[0]. */
void invoke_prepare(struct invocation *invocation, const uint64_t xmm[8], unsigned stack_words);
/* Outside of the engine. Returns what it left in errno. */
int invoke_call(struct invocation *invocation, void *target);
void invoke_report_return(struct invocation *invocation, int error_number);
