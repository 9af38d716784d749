// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/* The probe on a function of the loader's own by which it finds out how registers can be read: see
 * loader/fpregs.c. */
#include "lib/event.h"
#include "bpf/fpregs.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct fp_sample before, after, verified;

static __noinline void take(struct fp_sample *sample)
{
	__u64 flags = thread_flags();

	sample->is_there = copy_registers(sample->regs, PLAN_FP_CNT - 1) && thread_flags() == flags;
	sample->flags = flags;
}

/* Without the flag: before and after the thread was switched out. With it: as other probes will read. */
SEC("uprobe.s")
int calibrate(struct pt_regs *ctx)
{
	if (fp_flag) {
		verified.is_there = read_registers(verified.regs, PLAN_FP_CNT - 1, ctx->rsp);
		return 0;
	}
	take(&before);
	kick(ctx->rsp);
	take(&after);
	return 0;
}
