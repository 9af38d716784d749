/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What the program itself says of the operation that its thread is in, by lib/tapedeck/mark.h: at a site the
 * registers are those of a function's entry. Some marks become calls, which are over at once; others are
 * about the recording.
 */
#pragma once

#include "bpf/thread.bpf.h"

#define MARK_DONE 1 /* what a mark that is a call returns */

/* On a stack that is not the thread's own it says nothing, and its operation lacks it; what it asks is
 * answered with no. */
static __noinline bool mark_is_elsewhere(struct pt_regs *ctx, __u32 func)
{
	struct thread *thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);

	if (control.count_only || !thread || !is_busy(thread) || !is_elsewhere(thread, ctx->rsp))
		return false;
	if (rule_of(func)->mark == PLAN_MARK_ASK)
		COUNT(func, hits, 1);
	else
		thread_lacks(thread, func);
	return true;
}

/* Where something is recorded, and the mark is not in a part that is muted; NULL: it says nothing to anybody.
 */
static __always_inline struct thread *mark_find(struct pt_regs *ctx)
{
	struct thread *thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);

	if (control.count_only || !thread || !is_busy(thread))
		return NULL;
	thread_settle(thread, ctx->rsp, 0);
	return is_busy(thread) && !is_muted(thread) ? thread : NULL;
}

/* The same, and count the hit where nothing else will. */
static __noinline struct thread *mark_thread(struct pt_regs *ctx, __u32 func)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct thread *thread;

	if (control.state == CONTROL_STOPPED)
		return NULL;
	if (control.is_following && !bpf_map_lookup_elem(&followed, &tgid))
		return NULL;
	if (mark_is_elsewhere(ctx, func))
		return NULL;
	thread = mark_find(ctx);
	if (!thread)
		COUNT(func, hits, 1);
	return thread;
}

static __noinline struct joint *joint_of(const struct frame *frame)
{
	__u32 row = frame->joint - 1;
	struct joint *joint = frame->joint ? bpf_map_lookup_elem(&joints, &row) : NULL;

	return joint && joint->op == frame->op ? joint : NULL;
}

/* Of the operation that the thread works for: its end will say it. */
static __noinline void mark_flag(struct thread *thread, __u32 flag)
{
	struct frame *operation = &thread->frame[FRAME_OPERATION];
	struct joint *joint;

	if (operation->is_open) {
		operation->flags |= flag;
		return;
	}
	joint = joint_of(&thread->frame[FRAME_CALL]);
	if (joint)
		__sync_fetch_and_or(&joint->flags, flag);
}

/* In its own thread the operation ends here, as far as its events go. */
static __noinline void mark_discard(struct thread *thread)
{
	struct frame *operation = &thread->frame[FRAME_OPERATION];

	mark_flag(thread, EVENT_F_DISCARDED);
	if (!operation->is_open)
		return;
	for (int i = FRAME_CALL; i < FRAME_CNT; i++)
		thread->frame[i].is_open = 0;
	emit_left(thread, operation, EVENT_LEFT_UNWOUND, 0);
	operation->is_muted = 1;
}

/* The frame of a mark that is a call, which is to be closed again; NULL: it is none, or belongs to nothing.
 */
static __noinline struct frame *mark_enter(struct pt_regs *ctx, struct thread *thread, __u32 func)
{
	__u32 mark = rule_of(func)->mark;
	struct frame *room;

	if (mark == PLAN_MARK_DISCARD) {
		COUNT(func, taken, 1);
		mark_discard(thread);
		return NULL;
	}
	if (mark == PLAN_MARK_KEEP) {
		COUNT(func, taken, 1);
		mark_flag(thread, EVENT_F_KEPT);
		return NULL;
	}
	room = call_room(thread);
	return room ? call_enter(ctx, thread, room, func, ctx->rip) : call_pass(thread, func);
}

/* Whether the answer to what the program asks is yes. Where a return must not be hooked there is no answer.
 */
static __noinline bool mark_answer(struct pt_regs *ctx, struct thread *thread)
{
	const struct frame *frame = &thread->frame[FRAME_OPERATION];
	const struct joint *joint;
	unsigned long long name[2];

	if (!is_hookable(ctx->rsp))
		return false;
	if (!frame->is_open)
		frame = &thread->frame[FRAME_CALL];
	joint = joint_of(frame);
	if (joint && *(volatile __u32 *)&joint->flags & EVENT_F_DISCARDED)
		return false;
	plan_name(name, control.name_key, frame->op);
	return plan_answer(name, ctx->rdi, ctx->rsi, ctx->rdx);
}
