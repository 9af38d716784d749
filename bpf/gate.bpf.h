/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * What is decided at a function's entry, before anything is copied: sampling, predicates, and carriers:
 * values by which calls in other threads find the operation that they work for.
 */
#pragma once

#include "bpf/emit.bpf.h"
#include "bpf/maps.bpf.h"

/* What a gate said. */
struct verdict {
	__u64 by, carrier;
	bool is_wanted;
};

/* False: there was no room to decide. */
static __noinline bool gate_run(struct pt_regs *ctx, __u32 func, struct verdict *out)
{
	struct slot *slot = slot_take();

	if (!slot)
		return false;
	slot->v[0] = ctx->rdi;
	slot->v[1] = ctx->rsi;
	slot->v[2] = ctx->rdx;
	slot->v[3] = ctx->rcx;
	slot->v[4] = ctx->r8;
	slot->v[5] = ctx->r9;
	slot->v[PLAN_V_RSP] = ctx->rsp;
	slot->v[PLAN_V_ZERO] = 0;
	slot->v[PLAN_V_WANTED] = 1;
	slot->v[PLAN_V_BY] = slot->v[PLAN_V_CARRIER] = 0;
	capture_gate(slot, rule_of(func)->gate);
	out->is_wanted = slot->v[PLAN_V_WANTED] != 0;
	out->by = slot->v[PLAN_V_BY];
	out->carrier = slot->v[PLAN_V_CARRIER];
	slot_put(slot);
	return true;
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

/* 32 bits, by chance, or by the seed and how many were drawn before. */
static __always_inline __u32 draw(__u32 func)
{
	if (!control.is_seeded)
		return bpf_get_prandom_u32();
	return plan_mix(control.seed + __sync_fetch_and_add(&draws[func & (FUNC_MAX - 1)], 1)) >> 32;
}

/* Sampling that does not look at arguments. */
static __always_inline bool is_drawn(const struct func_rule *rule, __u32 func)
{
	return rule->sample_threshold == ~0u || (rule->gate_flags & PLAN_GATE_BY) ||
	       draw(func) < rule->sample_threshold;
}

static __always_inline bool is_drawn_by(const struct func_rule *rule, __u64 by)
{
	return rule->sample_threshold == ~0u || !(rule->gate_flags & PLAN_GATE_BY) ||
	       plan_mix(control.seed ^ by) >> 32 < rule->sample_threshold;
}

/* --- carriers --- */

/* A row for the thread's operation, which goes on with the numbers that it has given so far. */
static __noinline void joint_open(struct thread *thread)
{
	__u64 op = thread->frame[FRAME_OPERATION].op;

	for (int i = 0; i < 8; i++) {
		__u32 row = (op + i) & (JOINTS_MAX - 1);
		struct joint *joint = bpf_map_lookup_elem(&joints, &row);

		if (!joint || __sync_val_compare_and_swap(&joint->op, 0, op))
			continue;
		joint->carried_cnt = 0;
		*(volatile __u32 *)&joint->flags = 0;
		*(volatile __u64 *)&joint->state =
			op << JOINT_OWNER | (__u64)thread->seq << 24 | thread->attempted;
		for (int k = 0; k < FRAME_CNT; k++)
			thread->frame[k].joint = row + 1;
		return;
	}
}

/* Another operation carries @value already: calls that join by it may be of either. */
static __noinline void carrier_share(struct thread *thread, __u64 value)
{
	struct frame *frame = &thread->frame[FRAME_OPERATION];
	struct carrier *other = bpf_map_lookup_elem(&carriers, &value);
	struct joint *joint;
	__u32 row;

	if (!other || other->op == frame->op)
		return;
	frame->flags |= EVENT_F_SHARED;
	row = other->joint - 1;
	joint = bpf_map_lookup_elem(&joints, &row);
	if (joint && joint->op == other->op)
		__sync_fetch_and_or(&joint->flags, EVENT_F_SHARED);
}

/* From here to its end, what the thread is to carry names its operation. Behind the entry's event, which must
 * be the operation's first. */
static __noinline void carrier_add(struct thread *thread)
{
	struct frame *frame = &thread->frame[FRAME_OPERATION];
	struct carrier carrier = {.op = frame->op, .home = frame->home};
	__u64 value = thread->carrier;
	struct joint *joint;
	__u32 row;
	long r;

	thread->carrier = 0;
	if (!frame->joint)
		joint_open(thread);
	carrier.joint = frame->joint;
	row = frame->joint - 1;
	joint = bpf_map_lookup_elem(&joints, &row);
	if (!joint || joint->carried_cnt >= CARRIED_MAX) {
		frame->flags |= EVENT_F_UNCARRIED;
		return;
	}
	r = bpf_map_update_elem(&carriers, &value, &carrier, BPF_NOEXIST);
	if (r == -17 /* EEXIST */) {
		carrier_share(thread, value);
	} else if (r) {
		frame->flags |= EVENT_F_UNCARRIED;
	} else {
		joint->carried[joint->carried_cnt++ & (CARRIED_MAX - 1)] = value;
		__sync_fetch_and_add(&carriers_cnt, 1);
	}
}

/* The operation has ended: what it carried names nothing any more. */
static __noinline void joint_close(struct frame *frame)
{
	__u32 row = frame->joint - 1;
	struct joint *joint = bpf_map_lookup_elem(&joints, &row);

	frame->joint = 0;
	if (!joint || joint->op != frame->op)
		return;
	for (__u32 i = 0; i < CARRIED_MAX && i < joint->carried_cnt; i++) {
		__u64 value = joint->carried[i];

		if (!bpf_map_delete_elem(&carriers, &value))
			__sync_fetch_and_add(&carriers_cnt, -1);
	}
	__sync_val_compare_and_swap(&joint->op, frame->op, 0);
}
