/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Floating-point registers. The kernel leaves a program's in the processor until the thread is switched out;
 * what lies in its memory meanwhile is an earlier call's. So a probe has itself switched out: it wakes a
 * thread of the loader's which has real-time priority and waits on this CPU, and then makes a call that gives
 * the processor away. Whether the saved registers are those of now, a bit of the thread's flags says; which
 * one, loader/fpregs.c finds out. Without it nothing is read.
 */
#pragma once

#include "bpf/kernel.bpf.h"
#include "lib/plan.h"

#define KICKS_MAX 4 /* then the registers could not be read */

/* Of fxsave and xsave (Intel SDM 1, 10.5.1 and 13.4.1). */
#define XSAVE_FSW	2
#define XSAVE_FTW	4
#define XSAVE_ST0	32
#define XSAVE_XMM0	160
#define XSAVE_XFEATURES 512
#define XFEATURE_X87	1
#define XFEATURE_SSE	2

#define XMM_BYTES (PLAN_FP_ST0 * PLAN_FP_BYTES)
#define X87_BYTES ((PLAN_FP_CNT - PLAN_FP_ST0) * PLAN_FP_BYTES)

/* Of thread_info.flags: the saved registers are those of now (TIF_NEED_FPU_LOAD). 0: not known. */
__u64 fp_flag;

/* One ring per CPU, put in by the loader, whose thread there waits for it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, 4096);
		});
} kicks SEC(".maps");

static __noinline __u64 thread_flags(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->thread_info.flags;
}

/* Where this thread's registers are saved; from 6.16 on behind the task, before that in it. */
static __noinline __u64 saved_registers(void)
{
	__u64 fpu = bpf_get_current_task(), fpstate = 0;

	if (bpf_core_field_exists(struct thread_struct, fpu))
		fpu += bpf_core_field_offset(struct task_struct, thread) +
		       bpf_core_field_offset(struct thread_struct, fpu);
	else
		fpu += bpf_core_type_size(struct task_struct);
	bpf_probe_read_kernel(&fpstate, sizeof(fpstate),
			      (void *)(fpu + bpf_core_field_offset(struct fpu, fpstate)));
	return fpstate ? fpstate + bpf_core_field_offset(struct fpstate, regs) : 0;
}

/* The x87 stack holds @cnt values: their tags, which go by physical register, say so. */
static __noinline bool has_x87(__u64 regs, __u32 cnt)
{
	__u16 word = 0;
	__u32 top, tags;

	bpf_probe_read_kernel(&word, 2, (void *)(regs + XSAVE_FSW));
	top = word >> 11 & 7;
	word = 0;
	bpf_probe_read_kernel(&word, 1, (void *)(regs + XSAVE_FTW));
	tags = word | word << 8;
	tags >>= top;
	return (tags & ((1u << cnt) - 1)) == (1u << cnt) - 1;
}

/* A part that is in its initial state is not saved: of XMM registers that is all zeros. */
static __noinline bool copy_registers(__u64 *to, __u32 cnt)
{
	__u64 regs = saved_registers(), features = 0;

	if (!regs || bpf_probe_read_kernel(&features, sizeof(features), (void *)(regs + XSAVE_XFEATURES)))
		return false;
	__builtin_memset(to, 0, XMM_BYTES);
	if (features & XFEATURE_SSE && bpf_probe_read_kernel(to, XMM_BYTES, (void *)(regs + XSAVE_XMM0)))
		return false;
	if (cnt <= PLAN_FP_ST0)
		return true;
	if (!(features & XFEATURE_X87) || !has_x87(regs, (cnt - PLAN_FP_ST0) & 3))
		return false;
	return !bpf_probe_read_kernel(to + XMM_BYTES / 8, X87_BYTES, (void *)(regs + XSAVE_ST0));
}

/* Give this CPU to the loader's thread. A plain copy would not: it never asks whether another shall run. */
static __noinline void kick(__u64 addr)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&kicks, &cpu);
	__u64 word = 0;

	if (!ring)
		return;
	bpf_ringbuf_output(ring, &word, sizeof(word), BPF_RB_FORCE_WAKEUP);
	bpf_copy_from_user_task(&word, 1, (void *)addr, bpf_get_current_task_btf(), 0);
}

/* The first @cnt registers of enum plan_fpreg to @to, which has room for all. @addr: memory of the program's
 * that is there. False: they could not be read. */
static __noinline bool read_registers(__u64 *to, __u32 cnt, __u64 addr)
{
	if (!fp_flag)
		return false;
	for (int i = 0; i < KICKS_MAX && !(thread_flags() & fp_flag); i++)
		kick(addr);
	return thread_flags() & fp_flag && copy_registers(to, cnt);
}
