/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A thread's open operation and the open call inside it, and how entries and returns find them.
 *
 * Frames are told apart by the stack pointer at entry. A frame whose stack pointer is below that of a
 * function which is being entered or left was abandoned (longjmp). That is not the only way: a program may
 * jump out of a frame and then call from deeper on the stack. So a frame counts as alive only while the
 * kernel's trampoline lies where its return address was. At an equal stack pointer the trampoline tells a
 * tail call from a frame that was abandoned and its place used again. What is abandoned is said (EVENT_LEFT),
 * never paired by guess.
 *
 * A signal handler on an alternate stack is the exception: what lies on the main stack waits for it, wherever
 * the two lie. The kernel takes the main stack's returns for abandoned when a return is hooked higher up, and
 * then ends the program: so there none is.
 *
 * A stack that is neither the thread's own nor its signal stack is a coroutine's. What runs there comes and
 * goes in no order that stack pointers tell, and the kernel would take hooked returns of other stacks for
 * abandoned. So nothing is recorded there, and an operation that would have had a call there says so.
 *
 * Where something may unwind the stack nothing is hooked, and returns are seen at the functions' own `ret`
 * instructions. Such a function never ends by a jump: what begins at the stack pointer of its frame has taken
 * its place. A C++ handler says of itself that what was below it is gone.
 */
#pragma once

#include "bpf/emit.bpf.h"
#include "bpf/gate.bpf.h"
#include "bpf/maps.bpf.h"
#include "bpf/stack.bpf.h"

/* The end of the operation whose numbers @joint gives will say @flag. */
static __noinline void joint_flag(__u32 joint, __u64 op, __u32 flag)
{
	__u32 row = joint - 1;
	struct joint *at = bpf_map_lookup_elem(&joints, &row);

	if (at && at->op == op)
		__sync_fetch_and_or(&at->flags, flag);
}

/* It lacks a call. */
static __always_inline void joint_lacks(__u32 joint, __u64 op)
{
	joint_flag(joint, op, EVENT_F_ELSEWHERE);
}

static __always_inline bool is_busy(const struct thread *thread)
{
	return thread->frame[FRAME_OPERATION].is_open || thread->frame[FRAME_CALL].is_open;
}

static __always_inline bool is_muted(const struct thread *thread)
{
	return thread->frame[FRAME_OPERATION].is_open && thread->frame[FRAME_OPERATION].is_muted;
}

static __always_inline void frame_close(struct frame *frame)
{
	frame->is_open = 0;
	if (!frame->is_call && frame->joint)
		joint_close(frame);
}

static __noinline void frame_leave(struct thread *thread, struct frame *frame, __u32 left, __u32 by_itself)
{
	if (!frame->is_open)
		return;
	if (left == EVENT_LEFT_UNWOUND && !frame->is_hooked && !frame->is_at_rets)
		left = EVENT_LEFT_UNKNOWN;
	if (!frame->is_muted)
		emit_left(thread, frame, left, by_itself);
	frame_close(frame);
}

/* What is open from @outermost inwards is over without a return. */
static __noinline void frames_leave(struct thread *thread, int outermost, __u32 left, __u32 by_itself)
{
	for (int i = FRAME_CNT - 1; i >= 0; i--)
		if (i >= outermost)
			frame_leave(thread, &thread->frame[i], left, by_itself);
}

static __always_inline void thread_leave(struct thread *thread, __u32 left, __u32 by_itself)
{
	frames_leave(thread, FRAME_OPERATION, left, by_itself);
}

/* Whether @frame was abandoned by the look of a stack pointer alone. */
static __noinline bool is_passed(const struct frame *frame, __u64 rsp)
{
	bool is_alternate = is_on_alternate(rsp);

	if (is_alternate != frame->is_alternate)
		return !is_alternate;
	return frame->rsp < rsp;
}

/* Whether @frame is still there when a function is entered at @rsp, where @ret lies. */
static __noinline bool is_alive(struct frame *frame, __u64 rsp, __u64 ret)
{
	__u64 hook = trampoline(bpf_get_current_task_btf());

	if (is_passed(frame, rsp))
		return false;
	if (frame->rsp == rsp)
		return ret == hook && !frame->is_at_rets;
	if (!frame->is_hooked)
		return return_address(frame->rsp) == frame->word;
	return !hook || return_address(frame->rsp) == hook;
}

/* Let go of what was abandoned before a function is entered at @rsp, where @ret lies. */
static __noinline void thread_settle(struct thread *thread, __u64 rsp, __u64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (thread->exec_id != task->self_exec_id) {
		thread_leave(thread, EVENT_LEFT_EXIT, 1);
		return;
	}
	for (int i = 0; i < FRAME_CNT; i++) {
		if (!thread->frame[i].is_open || is_alive(&thread->frame[i], rsp, ret))
			continue;
		frames_leave(thread, i, EVENT_LEFT_UNWOUND, 0);
		return;
	}
}

/* Let go of what was abandoned by the look of a stack pointer alone. */
static __noinline void thread_pass(struct thread *thread, __u64 rsp)
{
	for (int i = 0; i < FRAME_CNT; i++) {
		if (!thread->frame[i].is_open || !is_passed(&thread->frame[i], rsp))
			continue;
		frames_leave(thread, i, EVENT_LEFT_UNWOUND, 0);
		return;
	}
}

/* Let go of what an exception left that is being handled by the function which calls at @rsp. */
static __always_inline void thread_catch(struct thread *thread, __u64 rsp)
{
	thread_pass(thread, rsp + 1);
}

/* Whether the return of a function that is entered at @rsp may be hooked. */
static __always_inline bool is_hookable(__u64 rsp)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct uprobe_task *utask = task->utask;
	__u64 pending;

	if (!utask || !utask->depth)
		return true;
	if (utask->depth >= URETPROBE_DEPTH_MAX)
		return false;
	pending = utask->return_instances->stack;
	return pending > rsp || !is_on_alternate(rsp) || is_on_alternate(pending);
}

/* Whether the return of @func, which is entered at @rsp, will be seen. */
static __noinline bool is_return_seen(__u32 func, __u64 rsp)
{
	return rule_of(func)->is_at_rets || is_hookable(rsp);
}

/* Open a frame for the function that is being entered. */
static __noinline void frame_open(struct pt_regs *ctx, struct frame *frame, __u32 func, __u64 ret)
{
	frame->args[0] = ctx->rdi;
	frame->args[1] = ctx->rsi;
	frame->args[2] = ctx->rdx;
	frame->args[3] = ctx->rcx;
	frame->args[4] = ctx->r8;
	frame->args[5] = ctx->r9;
	frame->rsp = ctx->rsp;
	frame->vectors = ctx->rax;
	frame->ret = true_return_address(ret);
	frame->word = ret;
	frame->func = func;
	frame->seq = 0;
	frame->flags = 0;
	frame->is_muted = 0;
	frame->passed_over = 0;
	frame->is_open = 1;
	frame->is_at_rets = rule_of(func)->is_at_rets;
	frame->is_hooked = !frame->is_at_rets && is_return_seen(func, ctx->rsp);
	frame->is_alternate = is_on_alternate(ctx->rsp);
	COUNT(func, taken, 1);
}

/* A thread's state, for a frame that begins now; NULL: there is no memory. */
static __noinline struct thread *thread_make(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!thread)
		return NULL;
	if (!thread->number) {
		thread->number = __sync_fetch_and_add(&threads_cnt, 1) + 1;
		for (int i = FRAME_CALL; i < FRAME_CNT; i++)
			thread->frame[i].is_call = 1;
	}
	if (!is_busy(thread) && thread->exec_id != task->self_exec_id) {
		thread->exec_id = task->self_exec_id;
		thread->stack.to = 0;
	}
	return thread;
}

/* A hit of which nothing else will be counted. While recording finishes, operations go by unseen. */
static __noinline struct frame *pass_by(__u32 func)
{
	if (control.state == CONTROL_RECORDING || !rule_of(func)->is_operation)
		COUNT(func, hits, 1);
	return NULL;
}

/* A call on another stack, of the operation that the thread works for, is not recorded. */
static __noinline struct frame *thread_lacks(struct thread *thread, __u32 func)
{
	struct frame *operation = &thread->frame[FRAME_OPERATION], *call = &thread->frame[FRAME_CALL];

	if (rule_of(func)->is_operation)
		return pass_by(func);
	if (operation->is_open)
		operation->flags |= EVENT_F_ELSEWHERE;
	else if (call->is_open && call->joint)
		joint_lacks(call->joint, call->op);
	COUNT(func, elsewhere, 1);
	return NULL;
}

/* --- calls --- */

/* Where a call that is entered may open; NULL: what it lies in is recorded without its insides. */
static __always_inline struct frame *call_room(struct thread *thread)
{
	if (!thread->frame[FRAME_CALL].is_open)
		return &thread->frame[FRAME_CALL];
	return thread->frame[FRAME_BACK].is_open && !thread->frame[FRAME_INNER].is_open
		       ? &thread->frame[FRAME_INNER]
		       : NULL;
}

/* Inside a call that stands for all that it calls. */
static __noinline struct frame *call_pass(struct thread *thread, __u32 func)
{
	thread->frame[thread->frame[FRAME_INNER].is_open ? FRAME_INNER : FRAME_CALL].passed_over++;
	return pass_by(func);
}

/* A call of the thread's input, back into the program. */
static __noinline struct frame *call_back(struct pt_regs *ctx, struct thread *thread, __u32 func, __u64 ret)
{
	struct frame *call = &thread->frame[FRAME_CALL], *back = &thread->frame[FRAME_BACK];

	if (!call->is_open || !rule_of(call->func)->is_input || back->is_open)
		return pass_by(func);
	back->op = call->op;
	back->home = call->home;
	back->joint = call->joint;
	frame_open(ctx, back, func, ret);
	return back;
}

/* A call inside the operation that is open in the thread, or inside a callback. */
static __noinline struct frame *call_enter(struct pt_regs *ctx, struct thread *thread, struct frame *call,
					   __u32 func, __u64 ret)
{
	struct frame *operation = &thread->frame[FRAME_OPERATION], *outer = operation;
	struct verdict verdict;

	if (call != &thread->frame[FRAME_CALL])
		outer = &thread->frame[FRAME_BACK];
	if (rule_of(func)->gate_flags & PLAN_GATE_CARRIES) {
		if (!operation->is_open) /* a thread that works for an operation hands nothing on */
			joint_flag(outer->joint, outer->op, EVENT_F_UNCARRIED);
		else if (gate_run(ctx, func, &verdict))
			thread->carrier = verdict.carrier;
		else
			operation->flags |= EVENT_F_UNCARRIED;
	}
	call->op = outer->op;
	call->home = outer->home;
	call->joint = outer->joint;
	frame_open(ctx, call, func, ret);
	return call;
}

/* A call that belongs to whoever carries a value; NULL: to nobody who is recorded. *@thread: NULL when it has
 * no state. */
static __noinline struct frame *call_join(struct pt_regs *ctx, struct thread **thread, __u32 func, __u64 ret)
{
	struct verdict verdict = {};
	struct carrier *carrier;
	struct frame *call;

	if (!gate_run(ctx, func, &verdict)) {
		COUNT(func, no_state, 1);
		return NULL;
	}
	carrier = verdict.carrier ? bpf_map_lookup_elem(&carriers, &verdict.carrier) : NULL;
	if (!carrier) {
		COUNT(func, unjoined, 1);
		return NULL;
	}
	*thread = thread_make();
	if (!*thread) {
		COUNT(func, no_state, 1);
		return NULL;
	}
	if (is_elsewhere(*thread, ctx->rsp)) {
		joint_lacks(carrier->joint, carrier->op);
		COUNT(func, elsewhere, 1);
		return NULL;
	}
	call = &(*thread)->frame[FRAME_CALL];
	call->op = carrier->op;
	call->home = carrier->home;
	call->joint = carrier->joint;
	frame_open(ctx, call, func, ret);
	return call;
}

/* --- start-up --- */

static __always_inline bool is_starting(void)
{
	return control.is_starting && !*(volatile __u32 *)&startup_over;
}

/* A call before the first operation; NULL: there are too many, which is counted. */
static __noinline struct frame *call_startup(struct pt_regs *ctx, struct thread **thread, __u32 func,
					     __u64 ret)
{
	struct frame *call;

	if (__sync_fetch_and_add(&startup_calls, 1) >= STARTUP_CALLS_MAX)
		return pass_by(func);
	*thread = thread_make();
	if (!*thread) {
		COUNT(func, no_state, 1);
		return NULL;
	}
	call = &(*thread)->frame[FRAME_CALL];
	call->op = STARTUP_OP;
	call->home = STARTUP_HOME;
	call->joint = STARTUP_ROW + 1;
	frame_open(ctx, call, func, ret);
	return call;
}

/* The first operation begins, taken or not. */
static __noinline void startup_end(__u32 func)
{
	struct thread *thread;
	struct frame *frame;

	if (__sync_val_compare_and_swap(&startup_over, 0, 1))
		return;
	thread = thread_make();
	if (!thread)
		return;
	frame = &thread->frame[FRAME_OPERATION];
	frame->op = STARTUP_OP;
	frame->home = STARTUP_HOME;
	frame->joint = STARTUP_ROW + 1;
	frame->func = func;
	frame->seq = 0;
	frame->flags = 0;
	frame->passed_over = 0;
	emit_left(thread, frame, EVENT_LEFT_STARTED, 0);
}

/* --- operations --- */

/*
 * The root decides: sampling and predicates, before anything is copied. One operation inside another is plain
 * code. Inside one that was not taken it decides for itself: to know of the outer one would cost each call
 * that is not taken a return probe.
 */
static __always_inline bool is_taken(struct pt_regs *ctx, __u32 func, struct verdict *verdict)
{
	struct func_rule *rule = rule_of(func);

	if (!is_drawn(rule, func)) {
		COUNT(func, sampled_out, 1);
		return false;
	}
	if (rule->gate_flags && !gate_run(ctx, func, verdict)) {
		COUNT(func, no_state, 1);
		return false;
	}
	if (!verdict->is_wanted) {
		COUNT(func, unwanted, 1);
		return false;
	}
	if (!is_drawn_by(rule, verdict->by) || !is_within_rate(func)) {
		COUNT(func, sampled_out, 1);
		return false;
	}
	return true;
}

static __noinline struct frame *operation_enter(struct pt_regs *ctx, struct thread **thread, __u32 func)
{
	struct verdict verdict = {.is_wanted = true};
	struct frame *frame;

	if (is_starting())
		startup_end(func);
	if (control.state != CONTROL_RECORDING || rule_of(func)->is_off)
		return pass_by(func);
	if (!is_taken(ctx, func, &verdict))
		return NULL;
	if (!is_return_seen(func, ctx->rsp)) {
		COUNT(func, too_deep, 1);
		return NULL;
	}
	*thread = thread_make();
	if (!*thread) {
		COUNT(func, no_state, 1);
		return NULL;
	}
	if (is_elsewhere(*thread, ctx->rsp)) {
		COUNT(func, elsewhere, 1);
		return NULL;
	}
	(*thread)->attempted = (*thread)->seq = 0;
	frame = &(*thread)->frame[FRAME_OPERATION];
	frame->op = __sync_fetch_and_add(&operations_cnt, 1) + 1;
	frame->home = bpf_get_current_pid_tgid();
	frame->joint = 0;
	frame_open(ctx, frame, func, return_address(ctx->rsp));
	(*thread)->carrier = verdict.carrier;
	return frame;
}

/* A call whose caller is libc or ld.so itself does not count. */
static __noinline bool is_called_inside(__u64 rsp)
{
	__u64 ret = true_return_address(return_address(rsp));

#pragma unroll
	for (int i = 0; i < EXCLUDE_MAX; i++)
		if (ret >= control.exclude[i][0] && ret < control.exclude[i][1])
			return true;
	return false;
}

/* Whose call is it? In its own thread an operation that carries nothing owns all; one that carries owns only
 * what joins it by value, as a thread of a pool may work for others while it waits. */
static __always_inline bool is_by_value(const struct thread *thread, __u32 func)
{
	const struct frame *operation;

	if (!(rule_of(func)->gate_flags & PLAN_GATE_JOINS) || !carriers_cnt)
		return false;
	operation = thread ? &thread->frame[FRAME_OPERATION] : NULL;
	return !operation || !operation->is_open || operation->joint;
}

/* What waits for work may call the operation itself: when all that is open in the thread is a call before the
 * first operation, it is let go of. */
static __noinline bool leave_startup(struct thread *thread)
{
	struct frame *call = &thread->frame[FRAME_CALL];

	if (thread->frame[FRAME_OPERATION].is_open || call->home != STARTUP_HOME)
		return false;
	frame_leave(thread, call, EVENT_LEFT_UNKNOWN, 0);
	return true;
}

/* Whether @rule's function may be of interest where nothing is open in the thread. */
static __always_inline bool may_begin(const struct func_rule *rule)
{
	return rule->is_operation || ((rule->gate_flags & PLAN_GATE_JOINS) && carriers_cnt) ||
	       (rule->is_input && is_starting());
}

/* The frame of @func, which is being entered; NULL: it is not recorded. *@thread is set with it. */
static __noinline struct frame *thread_enter(struct pt_regs *ctx, struct thread **thread, __u32 func)
{
	struct func_rule *rule = rule_of(func);
	struct frame *room;
	bool is_open;
	__u64 ret = 0;

	*thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);
	is_open = *thread && is_busy(*thread);
	if (!is_open && !may_begin(rule)) {
		if (!(rule->gate_flags & PLAN_GATE_JOINS))
			return pass_by(func);
		COUNT(func, unjoined, 1);
		return NULL;
	}
	if ((rule->plan_flags & PLAN_F_OUTSIDE_LIBC) && is_called_inside(ctx->rsp))
		return pass_by(func);
	if (is_open && is_elsewhere(*thread, ctx->rsp))
		return thread_lacks(*thread, func);
	if (is_open || !rule->is_operation)
		ret = return_address(ctx->rsp);
	if (is_open) {
		thread_settle(*thread, ctx->rsp, ret);
		is_open = is_busy(*thread);
		if (is_muted(*thread))
			return pass_by(func);
	}
	if (rule->is_operation)
		return is_open && !leave_startup(*thread) ? pass_by(func)
							  : operation_enter(ctx, thread, func);
	if (rule->is_callback)
		return is_open ? call_back(ctx, *thread, func, ret) : pass_by(func);
	room = is_open ? call_room(*thread) : NULL;
	if (is_open && !room)
		return call_pass(*thread, func);
	if ((!room || room == &(*thread)->frame[FRAME_CALL]) && is_by_value(*thread, func))
		return call_join(ctx, thread, func, ret);
	if (room)
		return call_enter(ctx, *thread, room, func, ret);
	return rule->is_input && is_starting() ? call_startup(ctx, thread, func, ret) : pass_by(func);
}

static __always_inline bool is_return_of(const struct frame *frame, __u64 rsp, __u32 func)
{
	return frame->is_open && frame->rsp == rsp && frame->func == func;
}

/* The frame of @func, which is returning to the address that lay at @rsp; NULL: it is not recorded. */
static __noinline struct frame *thread_return(struct thread *thread, __u64 rsp, __u32 func)
{
	for (int i = FRAME_CNT - 1; i >= 0; i--) {
		if (!is_return_of(&thread->frame[i], rsp, func))
			continue;
		frames_leave(thread, i + 1, EVENT_LEFT_UNWOUND, 0);
		return &thread->frame[i];
	}
	thread_pass(thread, rsp);
	return NULL;
}
