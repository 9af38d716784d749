/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Events. Each attempt takes the thread's next number before anything can fail, so that a reader finds every
 * loss as a gap.
 */
#pragma once

#include "bpf/capture.bpf.h"
#include "bpf/fpregs.bpf.h"
#include "bpf/maps.bpf.h"

static __noinline struct slot *slot_take(void)
{
	__u32 first = bpf_get_smp_processor_id() * SLOTS_PER_CPU;

	for (int i = 0; i < SLOTS_PER_CPU; i++) {
		__u32 key = first + i;
		struct slot *slot = bpf_map_lookup_elem(&slots, &key);

		if (slot && !__sync_val_compare_and_swap(&slot->is_taken, 0, 1)) {
			slot->number = key;
			return slot;
		}
	}
	return NULL;
}

static __always_inline void slot_put(struct slot *slot)
{
	barrier();
	*(volatile __u32 *)&slot->is_taken = 0; /* x86-64 keeps stores in order */
}

/*
 * The next number of the frame's operation; 0: it has ended meanwhile, in its own thread. A call that begins
 * gets its own number with it; the operation's end ends the joint.
 */
static __noinline __u32 joint_number(struct frame *frame, __u32 kind)
{
	__u32 row = frame->joint - 1;
	struct joint *joint = bpf_map_lookup_elem(&joints, &row);
	__u64 state, step = 1, owner = frame->op & ((1 << (64 - JOINT_OWNER)) - 1);

	if (!joint || joint->op != frame->op)
		return 0;
	state = *(volatile __u64 *)&joint->state;
	if (state & JOINT_ENDED || state >> JOINT_OWNER != owner ||
	    (state & (JOINT_SEQ - 1)) == JOINT_SEQ - 2)
		return 0;
	if (frame->is_call && kind == EVENT_ENTRY)
		step += JOINT_SEQ;
	else if (!frame->is_call && kind != EVENT_ENTRY)
		step += JOINT_ENDED;
	state = __sync_fetch_and_add(&joint->state, step);
	/* Behind it: who shared the value said so before it could get a number. */
	if (!frame->is_call)
		frame->flags |= *(volatile __u32 *)&joint->flags;
	if (state & JOINT_ENDED || state >> JOINT_OWNER != owner)
		return 0;
	if (frame->is_call && kind == EVENT_ENTRY)
		frame->seq = ((state >> 24) & (JOINT_SEQ - 1)) + 1;
	return (state & (JOINT_SEQ - 1)) + 1;
}

/* The same for any frame. */
static __always_inline __u32 event_number(struct thread *thread, struct frame *frame, __u32 kind)
{
	if (frame->joint)
		return joint_number(frame, kind);
	if (kind == EVENT_ENTRY && frame->is_call)
		frame->seq = ++thread->seq;
	return ++thread->attempted;
}

/* The event's head, but for what only its kind knows. */
static __noinline void event_head(struct event *event, const struct thread *thread, const struct frame *frame)
{
	__u64 id = bpf_get_current_pid_tgid();

	event->ts_ns = bpf_ktime_get_ns();
	event->func = frame->func;
	event->flags = 0;
	event->tgid = id >> 32;
	event->tid = id;
	event->rseq = thread->rseq;
	event->op = frame->op;
	event->thread = thread->number;
	event->home = frame->home;
	event->seq = frame->seq;
	__builtin_memset(event->regs, 0, sizeof(event->regs));
}

/* A slot with the event's head; NULL: lost, and counted. */
static __noinline struct slot *event_begin(struct thread *thread, struct frame *frame, __u32 kind)
{
	__u32 number = event_number(thread, frame, kind);
	struct slot *slot;

	if (!number) {
		frame->is_open = 0;
		COUNT(frame->func, late, 1);
		return NULL;
	}
	thread->rseq++;
	slot = slot_take();
	if (!slot) {
		COUNT(frame->func, no_slot, 1);
		return NULL;
	}
	event_head(&slot->event, thread, frame);
	slot->event.kind = kind;
	slot->event.attempted = number;
	if (!frame->is_call && kind != EVENT_ENTRY)
		slot->event.flags = frame->flags;
	slot->joint = frame->joint;
	slot->used = slot->faults = slot->truncated = slot->more = 0;
	return slot;
}

/* Hand the last event of the slot on, and the slot back. @thread's numbers follow what was made meanwhile. */
static __noinline void event_end(struct slot *slot, struct thread *thread)
{
	__u32 func = slot->event.func;

	if (slot->faults)
		COUNT(func, faults, slot->faults);
	if (slot->truncated)
		COUNT(func, truncated, slot->truncated);
	if (slot->event.flags & (EVENT_F_STEPS | EVENT_F_BUDGET))
		COUNT(func, limited, 1);
	thread->rseq = slot->event.rseq;
	if (!slot->joint)
		thread->attempted = slot->event.attempted;
	event_output(slot);
	slot_put(slot);
}

static __always_inline void set_arguments(struct slot *slot, const struct frame *frame)
{
#pragma unroll
	for (int i = 0; i < ARG_REGS; i++)
		slot->v[PLAN_V_ARG0 + i] = frame->args[i];
	slot->v[PLAN_V_RSP] = frame->rsp;
	slot->v[PLAN_V_ZERO] = 0;
}

/* Before a slot is taken: meanwhile other threads run here, and will want one. */
static __noinline void take_registers(struct thread *thread, __u32 cnt, __u64 rsp)
{
	thread->has_fp = cnt && read_registers(thread->fp, cnt, rsp);
}

/* The first fragment. */
static __noinline void put_registers(struct slot *slot, struct thread *thread, __u32 cnt)
{
	struct plan_fragment *fragment = (void *)slot->bytes;

	if (!cnt || cnt > PLAN_FP_CNT)
		return;
	fragment->addr = PLAN_FP_ADDR;
	fragment->len = cnt * PLAN_FP_BYTES;
	fragment->captured = thread->has_fp ? cnt * PLAN_FP_BYTES : 0;
	fragment->node = PLAN_NODE_FPREGS;
	*(__u32 *)&fragment->status = thread->has_fp ? PLAN_FRAGMENT_OK : PLAN_FRAGMENT_FAULT;
	*(__u16 *)&fragment->pad[3] = 0;
	__builtin_memcpy(fragment + 1, thread->fp, sizeof(thread->fp));
	slot->used = sizeof(*fragment) + fragment->captured;
	if (thread->has_fp)
		return;
	slot->faults++;
	COUNT(slot->event.func, fp_unread, 1);
}

static __always_inline __u32 fp_at_entry(const struct frame *frame)
{
	const struct func_rule *rule = rule_of(frame->func);

	return rule->plan_flags & PLAN_F_FP_BY_AL && !frame->vectors ? 0 : rule->fp_in;
}

static __noinline void emit_entry(struct thread *thread, struct frame *frame)
{
	__u32 fp_cnt = fp_at_entry(frame);
	struct slot *slot;

	take_registers(thread, fp_cnt, frame->rsp);
	slot = event_begin(thread, frame, EVENT_ENTRY);
	if (!slot)
		return;
	put_registers(slot, thread, fp_cnt);
	set_arguments(slot, frame);
#pragma unroll
	for (int i = 0; i < ARG_REGS; i++)
		slot->event.regs[i] = frame->args[i];
	slot->event.regs[6] = frame->rsp;
	slot->event.regs[7] = frame->ret;
	__builtin_memset(slot->keep, 0, sizeof(slot->keep));
	capture(slot, frame->func);
	__builtin_memcpy(frame->keep, slot->keep, sizeof(slot->keep));
	event_end(slot, thread);
}

/* The program's errno: glibc sets the thread pointer by system calls, so the kernel's copy is current. */
static __always_inline bool read_errno(struct slot *slot)
{
	struct task_struct *task = bpf_get_current_task_btf();

	slot->word = 0;
	return control.errno_off && read_user(&slot->word, 4, task->thread.fsbase + control.errno_off);
}

static __noinline void emit_return(struct thread *thread, struct frame *frame, __u64 rax, __u64 rdx)
{
	__u32 fp_cnt = rule_of(frame->func)->fp_out;
	struct slot *slot;

	take_registers(thread, fp_cnt, frame->rsp);
	slot = event_begin(thread, frame, EVENT_RETURN);
	if (!slot)
		return;
	put_registers(slot, thread, fp_cnt);
	if ((rule_of(frame->func)->plan_flags & PLAN_F_ERRNO) && read_errno(slot)) {
		slot->event.regs[2] = (__s64)(__s32)slot->word;
		slot->event.regs[3] = 1;
	}
	slot->event.regs[0] = rax;
	slot->event.regs[1] = rdx;
	set_arguments(slot, frame);
	slot->v[PLAN_V_RAX] = rax;
	slot->v[PLAN_V_RDX] = rdx;
	slot->v[PLAN_V_ERRNO] = slot->event.regs[2];
	__builtin_memcpy(slot->keep, frame->keep, sizeof(slot->keep));
	capture(slot, frame->func);
	event_end(slot, thread);
}

static __noinline void emit_left(struct thread *thread, struct frame *frame, __u32 left, __u32 by_itself)
{
	struct slot *slot = event_begin(thread, frame, EVENT_LEFT);

	if (!slot)
		return;
	slot->event.regs[0] = left;
	slot->event.regs[1] = frame->passed_over;
	slot->event.regs[2] = by_itself;
	event_end(slot, thread);
}
