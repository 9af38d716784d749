// SPDX-License-Identifier: BSD-3-Clause
/* Marks, as bpf/mark.bpf.h hears them. */
#include "replay/target/record_impl.h"

#include "lib/tape.h"
#include "replay/target/engine.h"
#include "replay/target/stack.h"
#include "replay/target/syscalls.h"

#define MARK_DONE 1 /* what one that is a call returns, as it is recorded */

static int is_discarded(void)
{
	return record_me.call[CALL_OPERATION].is_muted;
}

/* In its own thread the operation ends here, as far as its events go. */
static void discard(void)
{
	struct call *operation = &record_me.call[CALL_OPERATION];

	if (!operation->is_open)
		return;
	operation->flags |= EVENT_F_DISCARDED;
	for (int i = CALL_OUTER; i < CALL_CNT; i++)
		record_me.call[i].is_open = 0;
	emit_left(&record_me, operation, EVENT_LEFT_UNWOUND, 0);
	operation->is_muted = 1;
}

static void answer(struct frame *frame)
{
	unsigned long long name[2];

	if (!record_me.call[CALL_OPERATION].is_open || is_discarded())
		return;
	plan_name(name, engine.tape->control.name_key, record_me.call[CALL_OPERATION].op);
	frame->rax = plan_answer(name, frame->gpr[0], frame->gpr[1], frame->gpr[2]);
}

/* One that is a call is over at once. */
static void mark_call(const struct func *func, const struct frame *frame)
{
	const uint64_t xmm[2][2] = {};
	const struct emit_result result = {.rax = MARK_DONE, .xmm = xmm};
	struct call *inner = NULL;

	if (record_me.call[CALL_OPERATION].is_open)
		inner = record_inner(func, frame);
	if (!inner)
		return;
	emit_entry(&record_me, inner, frame->xmm);
	if (inner->is_open)
		emit_return(&record_me, inner, &result);
	inner->is_open = 0;
}

void record_mark(const struct func *func, enum plan_mark mark, struct frame *frame)
{
	if (syscalls_getpid() != record_pid || !record_is_busy())
		return;
	if (stack_is_elsewhere(&record_me, record_sp(frame))) {
		if (mark == PLAN_MARK_ASK)
			return;
		record_me.call[CALL_OPERATION].flags |= EVENT_F_ELSEWHERE;
		COUNT(func->patch->number, elsewhere, 1);
		return;
	}
	record_settle(record_sp(frame));
	if (!record_is_busy() || is_discarded())
		return;
	if (mark != PLAN_MARK_ASK && mark != PLAN_MARK_DISCARD && mark != PLAN_MARK_KEEP) {
		mark_call(func, frame);
		return;
	}
	COUNT(func->patch->number, taken, 1);
	if (mark == PLAN_MARK_ASK)
		answer(frame);
	else if (mark == PLAN_MARK_DISCARD)
		discard();
	else
		record_me.call[CALL_OPERATION].flags |= EVENT_F_KEPT;
}
