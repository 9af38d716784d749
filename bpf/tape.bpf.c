// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The probes. `session` serves entry and return where the kernel has sessions, `enter` and `leave` elsewhere.
 * The cookie of a probe is the function's index.
 *
 * Four rules that the kernel will not enforce: every stack frame under 64 bytes (else kernels from 6.13 on
 * use a per-CPU stack, which a sleeping program must not have); no scratch memory that is merely per CPU;
 * nothing that sleeps while a ring reservation is held; `enter` returns 0 (1 removes the probe on some
 * kernels).
 */
#include "bpf/thread.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Returns whether the return is wanted. */
static __always_inline bool handle_entry(struct pt_regs *ctx, __u32 func)
{
	struct thread *thread;
	struct frame *frame;

	if (control.state == CONTROL_STOPPED)
		return false;
	/* While recording finishes, operations go by unseen: what was hit and what was taken agree. */
	if (control.state == CONTROL_RECORDING || !rule_of(func)->is_operation)
		COUNT(func, hits, 1);
	if (control.count_only)
		return false;
	frame = thread_enter(ctx, &thread, func);
	if (!frame)
		return false;
	emit_entry(thread, frame);
	if (thread->carrier)
		carrier_add(thread);
	return frame->is_open && frame->is_hooked;
}

static __always_inline void handle_return(struct pt_regs *ctx, __u32 func)
{
	struct thread *thread = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);
	struct frame *frame;

	if (control.state == CONTROL_STOPPED || !thread || !is_busy(thread))
		return;
	frame = thread_return(thread, ctx->rsp - 8, func);
	if (!frame)
		return;
	emit_return(thread, frame, ctx->rax, ctx->rdx);
	frame_close(frame);
}

SEC("uprobe.s")
int enter(struct pt_regs *ctx)
{
	handle_entry(ctx, bpf_get_attach_cookie(ctx));
	return 0;
}

SEC("uprobe.s")
int leave(struct pt_regs *ctx)
{
	handle_return(ctx, bpf_get_attach_cookie(ctx));
	return 0;
}

/* At entry the program counter is the probe's; at return it is the caller's. */
SEC("uprobe.s")
int session(struct pt_regs *ctx)
{
	__u32 func = bpf_get_attach_cookie(ctx);

	if (bpf_get_func_ip(ctx) == ctx->rip)
		return !handle_entry(ctx, func);
	handle_return(ctx, func);
	return 0;
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

	if (control.state == CONTROL_STOPPED || !thread || !is_busy(thread))
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	call = regs->orig_rax;
	thread_leave(thread, EVENT_LEFT_EXIT, call == 60 || call == 231);
	return 0;
}
