// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The probes. `session` serves entry and return where the kernel has sessions, `enter` and `leave` elsewhere;
 * `enter` and `at_ret` where the stack may be unwound; `at_mark` and `at_ask` the marks in the program's
 * code. The cookie of a probe is the function's index.
 *
 * Four rules that the kernel will not enforce: every stack frame under 64 bytes (else kernels from 6.13 on
 * use a per-CPU stack, which a sleeping program must not have); no scratch memory that is merely per CPU;
 * nothing that sleeps while a ring reservation is held; `enter` returns 0 (1 removes the probe on some
 * kernels).
 */
#include "bpf/mark.bpf.h"
#include "bpf/thread.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SIGNAL_STOP 19

static __noinline bool is_followed(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	return bpf_map_lookup_elem(&followed, &tgid) != NULL;
}

static __always_inline __u64 timer_start(void)
{
	return control.is_timed ? bpf_ktime_get_ns() : 0;
}

static __noinline void timer_stop(__u32 func, __u64 begun)
{
	if (begun)
		COUNT(func, busy_ns, bpf_ktime_get_ns() - begun);
}

/* What is unwinding the stack would not find its way through a return that is hooked now. */
static __noinline void go_by(__u32 func)
{
	struct thread *thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);

	if (thread && thread->frame[FRAME_OPERATION].is_open)
		thread->frame[FRAME_OPERATION].flags |= EVENT_F_WARY;
	if (!rule_of(func)->is_operation)
		COUNT(func, hits, 1);
	else if (control.state == CONTROL_RECORDING)
		COUNT(func, too_deep, 1);
}

/* Returns whether the return is wanted. */
static __always_inline bool handle_entry(struct pt_regs *ctx, __u32 func)
{
	struct thread *thread;
	struct frame *frame;
	__u64 begun;

	if (control.state == CONTROL_STOPPED)
		return false;
	if (control.is_following && !is_followed())
		return false;
	if (control.count_only) {
		COUNT(func, hits, 1);
		return false;
	}
	if (control.is_wary) {
		go_by(func);
		return false;
	}
	begun = timer_start();
	frame = thread_enter(ctx, &thread, func);
	if (frame) {
		emit_entry(thread, frame);
		if (thread->carrier)
			carrier_add(thread);
	}
	timer_stop(func, begun);
	return frame && frame->is_open && frame->is_hooked;
}

/* @rsp: where the return address lay. */
static __always_inline void handle_return(struct pt_regs *ctx, __u64 rsp, __u32 func)
{
	struct thread *thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);
	struct frame *frame;
	__u64 begun;

	if (control.state == CONTROL_STOPPED || !thread || !is_busy(thread))
		return;
	begun = timer_start();
	frame = is_elsewhere(thread, rsp) ? NULL : thread_return(thread, rsp, func);
	if (!frame)
		return;
	if (!frame->is_muted)
		emit_return(thread, frame, ctx->rax, ctx->rdx);
	frame_close(frame);
	timer_stop(func, begun);
}

SEC("uprobe.s")
int enter(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	handle_entry(ctx, cookie);
	if (cookie & COOKIE_IS_RET)
		handle_return(ctx, ctx->rsp, cookie);
	return 0;
}

SEC("uprobe.s")
int leave(struct pt_regs *ctx)
{
	handle_return(ctx, ctx->rsp - 8, bpf_get_attach_cookie(ctx));
	return 0;
}

/* At a `ret` of a function whose return is not hooked. */
SEC("uprobe.s")
int at_ret(struct pt_regs *ctx)
{
	handle_return(ctx, ctx->rsp, bpf_get_attach_cookie(ctx));
	return 0;
}

/* At the entry of what a C++ handler calls first. */
SEC("uprobe.s")
int at_catch(struct pt_regs *ctx)
{
	struct thread *thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);

	if (control.state != CONTROL_STOPPED && thread && is_busy(thread) && !is_elsewhere(thread, ctx->rsp))
		thread_catch(thread, ctx->rsp);
	return 0;
}

/* At what ld.so calls when libraries come and go, and, with a cookie, at the first code of what unwinds the
 * stack. */
SEC("uprobe.s")
int at_load(struct pt_regs *ctx)
{
	bool is_runtime;

	if (control.is_following && !is_followed())
		return 0;
	is_runtime = bpf_get_attach_cookie(ctx);
	if (is_runtime)
		control.is_wary = 1;
	/* A return probe of its own hooks whatever its entry and the state say: until it is off, and it goes
	 * before this one, nothing may run. Whoever is stopped is counted, or nobody would look. */
	if (is_runtime && control.is_stopping)
		bpf_send_signal(SIGNAL_STOP);
	__sync_fetch_and_add(&loads_cnt, 1);
	/* The loader may have looked at what came before, and been content. */
	if (is_runtime)
		control.is_wary = 1;
	return 0;
}

/* At entry the program counter is the probe's; at return it is the caller's. */
SEC("uprobe.s")
int session(struct pt_regs *ctx)
{
	__u32 func = bpf_get_attach_cookie(ctx);

	if (bpf_get_func_ip(ctx) == ctx->rip)
		return !handle_entry(ctx, func);
	handle_return(ctx, ctx->rsp - 8, func);
	return 0;
}

/* At a mark that says something. */
SEC("uprobe.s")
int at_mark(struct pt_regs *ctx)
{
	__u32 func = bpf_get_attach_cookie(ctx);
	struct thread *thread = mark_thread(ctx, func);
	struct frame *frame;
	__u64 begun;

	if (!thread)
		return 0;
	begun = timer_start();
	frame = mark_enter(ctx, thread, func);
	if (frame) {
		emit_entry(thread, frame);
		if (frame->is_open)
			emit_return(thread, frame, MARK_DONE, 0);
		frame_close(frame);
	}
	timer_stop(func, begun);
	return 0;
}

/* At a mark that asks: a return that is hooked is a yes. */
SEC("uprobe.s")
int at_ask(struct pt_regs *ctx)
{
	__u32 func = bpf_get_attach_cookie(ctx);
	struct thread *thread;

	if (bpf_get_func_ip(ctx) != ctx->rip)
		return 0;
	thread = mark_thread(ctx, func);
	if (!thread)
		return 1;
	COUNT(func, taken, 1);
	return !mark_answer(ctx, thread);
}

static __noinline void unfollow(__u32 tgid)
{
	if (!bpf_map_delete_elem(&followed, &tgid))
		__sync_fetch_and_add(&followed_cnt, -1);
}

/* A thread that ends inside an operation or a call for one. @by_itself: it is in the system call that it
 * asked to end by. */
SEC("tp_btf/sched_process_exit")
int thread_exit(void *ctx __attribute__((unused)))
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread = bpf_task_storage_get(&threads, task, NULL, 0);
	struct pt_regs *regs;
	__u64 call;

	if (control.state != CONTROL_STOPPED && thread && is_busy(thread)) {
		regs = (struct pt_regs *)bpf_task_pt_regs(task);
		call = regs->orig_rax;
		thread_leave(thread, EVENT_LEFT_EXIT, call == 60 || call == 231);
	}
	if (task->signal->live.counter == 0)
		unfollow(task->tgid);
	return 0;
}

/* Another program runs in the process: its functions and its libraries lie elsewhere. */
SEC("tp_btf/sched_process_exec")
int process_exec(void *ctx __attribute__((unused)))
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *thread;

	if (!is_followed())
		return 0;
	thread = bpf_task_storage_get(&threads, task, NULL, 0);
	if (control.state != CONTROL_STOPPED && thread && is_busy(thread))
		thread_leave(thread, EVENT_LEFT_EXIT, 1);
	unfollow(task->tgid);
	__sync_fetch_and_add(&execs_cnt, 1);
	if (!control.is_following)
		control.state = CONTROL_STOPPED;
	return 0;
}

SEC("tp_btf/sched_process_fork")
int process_fork(__u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0], *child = (struct task_struct *)ctx[1];
	__u32 tgid = child->tgid, from = parent->tgid, first = FIRST_STACK_MAIN, *had;
	long r;

	if (parent->tgid == child->tgid || !is_followed())
		return 0;
	had = bpf_map_lookup_elem(&followed, &from);
	if (parent->pid != parent->tgid || (had && *had == FIRST_STACK_THREAD))
		first = FIRST_STACK_THREAD;
	r = bpf_map_update_elem(&followed, &tgid, &first, BPF_NOEXIST);
	if (r == -EEXIST) /* the loader saw it first */
		return 0;
	if (r) {
		__sync_fetch_and_add(&unfollowed_cnt, 1);
		return 0;
	}
	__sync_fetch_and_add(&followed_cnt, 1);
	__sync_fetch_and_add(&processes_cnt, 1);
	return 0;
}
