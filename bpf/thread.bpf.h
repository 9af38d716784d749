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
 */
#pragma once

#include "bpf/emit.bpf.h"
#include "bpf/maps.bpf.h"

/* Where hooked functions return to; 0: the process has none yet. */
static __always_inline __u64 trampoline(struct task_struct *task)
{
	struct xol_area *area = task->mm->uprobes_state.xol_area;

	return area ? area->vaddr : 0;
}

static __noinline __u64 return_address(__u64 rsp)
{
	__u64 ret = 0;

	return read_user(&ret, sizeof(ret), rsp) ? ret : 0;
}

/* The caller's address where a tail call hides it behind the trampoline. */
static __noinline __u64 true_return_address(__u64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return ret && ret == trampoline(task) ? task->utask->return_instances->orig_ret_vaddr : ret;
}

static __noinline void frame_leave(struct thread *thread, struct frame *frame, __u32 left, __u32 by_itself)
{
	if (!frame->is_open)
		return;
	if (left == EVENT_LEFT_UNWOUND && !frame->is_hooked)
		left = EVENT_LEFT_UNKNOWN;
	emit_left(thread, frame, left, by_itself);
	frame->is_open = 0;
}

/* The operation is over without a return. */
static __noinline void operation_leave(struct thread *thread, __u32 left, __u32 by_itself)
{
	frame_leave(thread, &thread->frame[FRAME_CALL], left, by_itself);
	frame_leave(thread, &thread->frame[FRAME_OPERATION], left, by_itself);
	thread->op = 0;
}

/* Whether @frame is still there when a function is entered at @rsp, where @ret lies. */
static __noinline bool is_alive(struct frame *frame, __u64 rsp, __u64 ret)
{
	__u64 hook = trampoline(bpf_get_current_task_btf());

	if (frame->rsp < rsp)
		return false;
	if (frame->rsp == rsp)
		return ret == hook;
	return !hook || return_address(frame->rsp) == (frame->is_hooked ? hook : frame->ret);
}

/* Let go of what was abandoned before a function is entered at @rsp. Returns what lies there. */
static __noinline __u64 thread_settle(struct thread *thread, __u64 rsp)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct frame *call = &thread->frame[FRAME_CALL];
	__u64 ret = return_address(rsp);

	if (thread->exec_id != task->self_exec_id) {
		operation_leave(thread, EVENT_LEFT_EXIT, 1);
		return ret;
	}
	if (!is_alive(&thread->frame[FRAME_OPERATION], rsp, ret))
		operation_leave(thread, EVENT_LEFT_UNWOUND, 0);
	else if (call->is_open && !is_alive(call, rsp, ret))
		frame_leave(thread, call, EVENT_LEFT_UNWOUND, 0);
	return ret;
}

/* Open a frame for the function that is being entered. */
static __noinline void frame_open(struct pt_regs *ctx, struct frame *frame, __u32 func, __u32 seq, __u64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	frame->args[0] = ctx->rdi;
	frame->args[1] = ctx->rsi;
	frame->args[2] = ctx->rdx;
	frame->args[3] = ctx->rcx;
	frame->args[4] = ctx->r8;
	frame->args[5] = ctx->r9;
	frame->rsp = ctx->rsp;
	frame->ret = true_return_address(ret);
	frame->func = func;
	frame->seq = seq;
	frame->passed_over = 0;
	frame->is_open = 1;
	frame->is_hooked = task->utask->depth < URETPROBE_DEPTH_MAX;
	COUNT(func, taken, 1);
}

/* A call inside the open operation; NULL when it lies inside another call and is not recorded. */
static __always_inline struct frame *call_enter(struct pt_regs *ctx, struct thread *thread, __u32 func,
						__u64 ret)
{
	struct frame *call = &thread->frame[FRAME_CALL];

	if (call->is_open) {
		call->passed_over++;
		return NULL;
	}
	frame_open(ctx, call, func, ++thread->seq, ret);
	return call;
}

/* Count one more in the window that @now lies in; false: it is full. */
static __noinline bool is_within_rate(__u32 func)
{
	struct func_rule *rule = rule_of(func);
	__u64 *window = &windows[func & (FUNC_MAX - 1)];
	__u64 number, seen, next;

	if (!rule->window_max || !rule->window_ns)
		return true;
	number = bpf_ktime_get_ns() / rule->window_ns;
	for (int i = 0; i < 8; i++) {
		seen = *(volatile __u64 *)window;
		next = seen >> 32 == (__u32)number ? seen + 1 : number << 32 | 1;
		if ((__u32)next > rule->window_max)
			return false;
		if (__sync_val_compare_and_swap(window, seen, next) == seen)
			return true;
	}
	return false;
}

static __always_inline bool is_sampled(const struct func_rule *rule, __u32 func)
{
	return (rule->sample_threshold == ~0u || bpf_get_prandom_u32() < rule->sample_threshold) &&
	       is_within_rate(func);
}

static __noinline struct thread *thread_make(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	/* Without a return there is no operation: too many return probes are pending on this thread. */
	if (task->utask->depth >= URETPROBE_DEPTH_MAX)
		return NULL;
	return bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/*
 * The root decides: sampling and rate, before anything is copied. One operation inside another is plain code.
 * Inside one that was not taken it decides for itself: to know of the outer one would cost each call that is
 * not taken a return probe.
 */
static __noinline struct thread *operation_enter(struct pt_regs *ctx, __u32 func)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread;

	if (control.state != CONTROL_RECORDING)
		return NULL;
	if (!is_sampled(rule_of(func), func)) {
		COUNT(func, sampled_out, 1);
		return NULL;
	}
	thread = thread_make();
	if (!thread) {
		COUNT(func, no_state, 1);
		return NULL;
	}
	thread->op = __sync_fetch_and_add(&operations_cnt, 1) + 1;
	thread->exec_id = task->self_exec_id;
	thread->attempted = thread->seq = 0;
	thread->frame[FRAME_CALL].is_open = 0;
	frame_open(ctx, &thread->frame[FRAME_OPERATION], func, 0, return_address(ctx->rsp));
	return thread;
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

/* The frame of @func, which is being entered; NULL: it is not recorded. *@thread is set with it. */
static __always_inline struct frame *thread_enter(struct pt_regs *ctx, struct thread **thread, __u32 func)
{
	bool is_operation = rule_of(func)->is_operation;

	*thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);
	if (!is_operation && (!*thread || !(*thread)->op))
		return NULL;
	if ((rule_of(func)->plan_flags & PLAN_F_OUTSIDE_LIBC) && is_called_inside(ctx->rsp))
		return NULL;
	if (*thread && (*thread)->op) {
		__u64 ret = thread_settle(*thread, ctx->rsp);

		if ((*thread)->op)
			return is_operation ? NULL : call_enter(ctx, *thread, func, ret);
	}
	if (!is_operation)
		return NULL;
	*thread = operation_enter(ctx, func);
	return *thread ? &(*thread)->frame[FRAME_OPERATION] : NULL;
}

static __always_inline bool is_return_of(const struct frame *frame, __u64 rsp, __u32 func)
{
	return frame->is_open && frame->rsp == rsp && frame->func == func;
}

/* The frame of @func, which is returning to the address that lay at @rsp; NULL: it is not recorded. */
static __noinline struct frame *thread_return(struct thread *thread, __u64 rsp, __u32 func)
{
	struct frame *operation = &thread->frame[FRAME_OPERATION], *call = &thread->frame[FRAME_CALL];

	if (is_return_of(call, rsp, func))
		return call;
	if (is_return_of(operation, rsp, func)) {
		frame_leave(thread, call, EVENT_LEFT_UNWOUND, 0);
		return operation;
	}
	if (operation->rsp < rsp)
		operation_leave(thread, EVENT_LEFT_UNWOUND, 0);
	else if (call->is_open && call->rsp < rsp)
		frame_leave(thread, call, EVENT_LEFT_UNWOUND, 0);
	return NULL;
}

static __always_inline void frame_close(struct thread *thread, struct frame *frame)
{
	frame->is_open = 0;
	if (!frame->seq)
		thread->op = 0;
}
