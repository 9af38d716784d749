/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* Which stack a stack pointer lies on, and what returns lie there. */
#pragma once

#include "bpf/copy.bpf.h"
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

/* Whether @rsp lies on the thread's alternate signal stack. */
static __noinline bool is_on_alternate(__u64 rsp)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return rsp > task->sas_ss_sp && rsp - task->sas_ss_sp <= task->sas_ss_size;
}

/* What the kernel maps below the top of the first thread's stack at exec, and the least that the C library
 * takes for another's (PTHREAD_STACK_MIN). */
#define NEAR_MAIN   (128 * 1024)
#define NEAR_THREAD (16 * 1024)
/* mmap_lock may be taken when an area is looked for; it is waited for so often. */
#define AREA_TRIES 64

static long take_area(struct task_struct *task __attribute__((unused)), struct vm_area_struct *vma,
		      struct area *area)
{
	area->from = vma->vm_start;
	area->to = vma->vm_end;
	return 0;
}

/* The upper end of the thread's own stack, and what surely belongs to it. The C library keeps what the thread
 * pointer leads to on top of a thread's stack. */
static __noinline void own_end(struct area *near)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, *first = NULL;

	near->to = task->thread.fsbase;
	near->from = near->to - NEAR_THREAD;
	if (tgid != (__u32)id)
		return;
	first = bpf_map_lookup_elem(&followed, &tgid);
	if (first && *first == FIRST_STACK_THREAD)
		return;
	near->to = task->mm->start_stack;
	near->from = near->to - NEAR_MAIN;
}

static __always_inline bool is_in(const struct area *area, __u64 addr)
{
	return addr >= area->from && addr < area->to;
}

/* Whether @rsp lies on a stack that is neither the thread's own nor its alternate signal stack, or may. */
static __noinline bool is_elsewhere(struct thread *thread, __u64 rsp)
{
	struct area area = {};

	if (is_in(&thread->stack, rsp) || is_on_alternate(rsp))
		return false;
	own_end(&thread->stack);
	if (is_in(&thread->stack, rsp))
		return false;
	for (int i = 0; i < AREA_TRIES && !area.to; i++)
		if (bpf_find_vma(bpf_get_current_task_btf(), rsp, take_area, &area, 0) == -EBUSY)
			bpf_copy_from_user_task(&area.from, 1, (void *)rsp, bpf_get_current_task_btf(), 0);
	if (!is_in(&area, thread->stack.to) || rsp >= thread->stack.to)
		return true;
	thread->stack.from = area.from;
	return false;
}
