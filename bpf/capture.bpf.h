/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The interpreter of plans. It knows nothing of types: it copies what the plan says, within the plan's
 * limits, and says of every piece whether it is whole. lib/plan.h is its manual.
 *
 * Functions are cut small and kept out of line for the verifier and for the stack: every frame stays under
 * 64 bytes.
 */
#pragma once

#include "bpf/copy.bpf.h"
#include "bpf/format.bpf.h"
#include "bpf/maps.bpf.h"
#include "bpf/work.bpf.h"

/* The low @bytes bytes of @v. */
static __always_inline __u64 extend(__u64 v, __u32 bytes, bool is_signed)
{
	__u32 shift = (64 - bytes * 8) & 63;

	return is_signed ? (__u64)((__s64)(v << shift) >> shift) : v << shift >> shift;
}

static __noinline void do_load(struct slot *slot, const struct plan_op *op)
{
	__u64 addr = slot->v[op->a & (PLAN_VALUES - 1)] + op->imm;
	bool is_signed = (__s32)op->max < 0;
	__u32 bytes = is_signed ? -op->max : op->max;

	slot->word = 0;
	if (bytes > 8 || !read_user(&slot->word, bytes, addr)) {
		slot->v[op->dst & (PLAN_VALUES - 1)] = 0;
		slot->pc += op->jmp;
		return;
	}
	slot->v[op->dst & (PLAN_VALUES - 1)] = extend(slot->word, bytes, is_signed);
}

/* BPF before version 4 divides unsigned numbers only. */
static __always_inline __u64 divide(__u64 a, __u64 b, bool want_rest)
{
	__u64 x = (__s64)a < 0 ? -a : a, y = (__s64)b < 0 ? -b : b;
	bool is_negative = (__s64)(want_rest ? a : a ^ b) < 0;

	if (!y)
		return 0;
	x = want_rest ? x % y : x / y;
	return is_negative ? -x : x;
}

static __noinline __u64 calculate(__u32 kind, __u64 a, __u64 b)
{
	switch (kind) {
	case PLAN_ADD:
		return a + b;
	case PLAN_SUB:
		return a - b;
	case PLAN_MUL:
		return a * b;
	case PLAN_DIV:
		return divide(a, b, false);
	case PLAN_MOD:
		return divide(a, b, true);
	case PLAN_LT:
		return (__s64)a < (__s64)b;
	case PLAN_LE:
		return (__s64)a <= (__s64)b;
	case PLAN_EQ:
		return a == b;
	case PLAN_NE:
		return a != b;
	case PLAN_MIN:
		return (__s64)a < (__s64)b ? a : b;
	case PLAN_MAX:
		return (__s64)a > (__s64)b ? a : b;
	case PLAN_NOT:
		return !a;
	}
	return 0;
}

static __always_inline __u64 bits(__u64 v, const struct plan_op *op)
{
	__u32 from = op->max & 255, cnt = op->max >> 8;
	__u32 up = (64 - from - cnt) & 63, down = (64 - cnt) & 63;

	v <<= up;
	return op->imm < 0 ? (__u64)((__s64)v >> down) : v >> down;
}

static __noinline void do_value(struct slot *slot, const struct plan_op *op)
{
	__u64 a = slot->v[op->a & (PLAN_VALUES - 1)], b = slot->v[op->b & (PLAN_VALUES - 1)], v;

	switch (op->kind) {
	case PLAN_CONST:
		v = (__u32)op->imm | (__u64)op->max << 32;
		break;
	case PLAN_MOVE:
		v = a + op->imm;
		break;
	case PLAN_EXTEND:
		v = extend(a, op->imm < 0 ? -op->imm : op->imm, op->imm < 0);
		break;
	case PLAN_BITS:
		v = bits(a, op);
		break;
	case PLAN_KEPT:
		v = slot->keep[op->imm & (PLAN_KEEP_MAX - 1)];
		break;
	default:
		v = calculate(op->kind, a, b);
	}
	slot->v[op->dst & (PLAN_VALUES - 1)] = v;
}

static __noinline void do_next(struct slot *slot, const struct plan_op *op)
{
	__u64 cnt = slot->v[op->dst & (PLAN_VALUES - 1)] + 1;

	slot->v[op->dst & (PLAN_VALUES - 1)] = cnt;
	slot->v[op->a & (PLAN_VALUES - 1)] += op->max;
	if ((__s64)cnt < (__s64)slot->v[op->b & (PLAN_VALUES - 1)])
		slot->pc += op->jmp;
}

/* The hash of the text in the slot, of @len bytes with its NUL: see plan.h. */
static __noinline __u64 hash_text(struct slot *slot, __u32 len)
{
	__u64 hash = 0;

	if (!len || len > PLAN_HASH_MAX + 1)
		return 0;
	PIN(len);
	*(__u64 *)(slot->bytes + len - 1) = 0;
	for (__u32 i = 0; i <= PLAN_HASH_MAX / 8; i++) {
		if (i * 8 >= len)
			break;
		hash = plan_hash(hash, *(__u64 *)(slot->bytes + i * 8));
	}
	return hash;
}

static __noinline void do_hash(struct slot *slot, const struct plan_op *op)
{
	__u64 base = slot->v[op->a & (PLAN_VALUES - 1)];
	__u32 take = op->max < PLAN_HASH_MAX ? op->max : PLAN_HASH_MAX, n;

	slot->v[op->dst & (PLAN_VALUES - 1)] = 0;
	if (!base)
		return;
	n = read_string(slot, 0, take, base + op->imm);
	if (n > take + 1) {
		slot->pc += op->jmp;
		return;
	}
	slot->v[op->dst & (PLAN_VALUES - 1)] = hash_text(slot, n);
}

struct run {
	struct slot *slot;
	const struct plan *plan;
};

static long step(__u32 idx __attribute__((unused)), void *ctx)
{
	struct run *run = ctx;
	struct slot *slot = run->slot;
	__u32 pc = slot->pc;
	const struct plan_op *op = &run->plan->ops[pc & (PLAN_OPS_MAX - 1)];

	if (pc - slot->first >= slot->cnt || op->kind == PLAN_END) {
		slot->is_ended = 1;
		return 1;
	}
	slot->pc = pc + 1;
	switch (op->kind) {
	case PLAN_LOAD:
		do_load(slot, op);
		break;
	case PLAN_COPY:
		do_copy(slot, op);
		break;
	case PLAN_STRING:
		do_string(slot, op, LEN_MAX);
		break;
	case PLAN_FORMAT:
		do_format(slot, op);
		break;
	case PLAN_JZ:
		if (!slot->v[op->a & (PLAN_VALUES - 1)])
			slot->pc += op->jmp;
		break;
	case PLAN_JUMP:
		slot->pc += op->jmp;
		break;
	case PLAN_NEXT:
		do_next(slot, op);
		break;
	case PLAN_FILE:
		break;
	case PLAN_PUSH:
		do_push(slot, op);
		break;
	case PLAN_POP:
		do_pop(slot, op);
		break;
	case PLAN_KEEP:
		slot->keep[op->imm & (PLAN_KEEP_MAX - 1)] = slot->v[op->a & (PLAN_VALUES - 1)];
		break;
	default:
		do_value(slot, op);
	}
	return 0;
}

static __always_inline void start(struct slot *slot, __u32 first, __u32 cnt)
{
	slot->first = slot->pc = first;
	slot->cnt = cnt;
	slot->done = slot->is_ended = 0;
	slot->format.is_running = 0;
	slot->work_at = slot->work_cnt = slot->level = 0;
}

/* Run the section of @func's plan that belongs to the slot's event; its values are in place. */
static __noinline void capture(struct slot *slot, __u32 func)
{
	struct run run = {slot, bpf_map_lookup_elem(&plans, &func)};
	bool is_in = slot->event.kind == EVENT_ENTRY;

	if (!run.plan)
		return;
	start(slot, is_in ? run.plan->in : run.plan->out, is_in ? run.plan->in_cnt : run.plan->out_cnt);
	if (!slot->cnt)
		return;
	slot->more = is_in ? run.plan->more_in : run.plan->more_out;
	bpf_loop((run.plan->flags & PLAN_F_DEEP ? PLAN_DEEP_STEPS : PLAN_STEPS_MAX) + 1, step, &run, 0);
	if (!slot->is_ended)
		slot->event.flags |= EVENT_F_STEPS;
}

/* --- gates --- */

struct gate_run {
	struct slot *slot;
	const struct plan_gate *gate;
};

/* As step, for the ops that a gate has. */
static long gate_step(__u32 idx __attribute__((unused)), void *ctx)
{
	struct gate_run *run = ctx;
	struct slot *slot = run->slot;
	__u32 pc = slot->pc;
	const struct plan_op *op = &run->gate->ops[pc & (PLAN_GATE_OPS - 1)];

	if (pc >= slot->cnt)
		return 1;
	slot->pc = pc + 1;
	switch (op->kind) {
	case PLAN_LOAD:
		do_load(slot, op);
		break;
	case PLAN_HASH:
		do_hash(slot, op);
		break;
	case PLAN_JZ:
		if (!slot->v[op->a & (PLAN_VALUES - 1)])
			slot->pc += op->jmp;
		break;
	case PLAN_JUMP:
		slot->pc += op->jmp;
		break;
	default:
		do_value(slot, op);
	}
	return 0;
}

/* Run the gate in @row; its values are in place. */
static __always_inline void capture_gate(struct slot *slot, __u32 row)
{
	struct gate_run run = {slot, bpf_map_lookup_elem(&gates, &row)};

	if (!run.gate)
		return;
	start(slot, 0, run.gate->cnt);
	bpf_loop(PLAN_GATE_OPS, gate_step, &run, 0);
}
