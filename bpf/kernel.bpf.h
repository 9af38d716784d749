/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The few kernel types that the programs touch, declared for CO-RE: the loader fits their offsets to the
 * running kernel, so a build needs no kernel headers and no BTF.
 */
#pragma once

#include <asm-generic/errno-base.h>
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info {
	unsigned long flags;
};

union fpregs_state {
	__u8 fxsave; /* and what follows is the processor's */
};

struct fpstate {
	union fpregs_state regs;
};

struct fpu {
	struct fpstate *fpstate; /* 5.16 */
};

struct thread_struct {
	unsigned long fsbase;
	struct fpu fpu; /* before 6.16 */
};

struct xol_area {
	unsigned long vaddr; /* the page of the return trampoline, which is its first instruction */
};

struct uprobes_state {
	struct xol_area *xol_area;
};

struct mm_struct {
	struct uprobes_state uprobes_state;
	unsigned long start_stack; /* an address in the first thread's */
};

struct vm_area_struct {
	unsigned long vm_start, vm_end;
};

struct return_instance {
	unsigned long stack; /* where the hooked return address lies */
	unsigned long orig_ret_vaddr;
};

struct uprobe_task {
	unsigned int depth;			  /* return probes pending on the thread */
	struct return_instance *return_instances; /* the innermost first */
};

struct live {
	int counter;
};

struct signal_struct {
	struct live live; /* threads of the process */
};

struct task_struct {
	int pid, tgid;
	struct signal_struct *signal;
	struct thread_info thread_info;
	struct thread_struct thread;
	struct mm_struct *mm;
	struct uprobe_task *utask;
	unsigned long sas_ss_sp, sas_ss_size; /* the alternate signal stack */
	__u64 self_exec_id;		      /* changes with every exec */
};

#pragma clang attribute pop

/* Of include/linux/uprobes.h: deeper returns are not hooked. */
#define URETPROBE_DEPTH_MAX 64
