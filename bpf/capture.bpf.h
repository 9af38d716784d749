/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The interpreter of plans. It knows nothing of types: it copies what the plan says, within the plan's
 * limits, and says of every piece whether it is whole. lib/plan.h is its manual.
 *
 * Functions are cut small and kept out of line for the verifier and for the stack: every frame stays under
 * 64 bytes.
 */
#pragma once

#include "bpf/maps.bpf.h"

#define PAGE_BYTES   4096ull
#define PIECES_MAX   (PLAN_FRAGMENT_MAX / PAGE_BYTES + 1) /* pages that one fragment can touch */
#define HEADER_BYTES sizeof(struct plan_fragment)
#define LEN_MAX	     0xffffffffull

/* Keep the compiler from deriving a value again from memory after it was checked. */
#define PIN(x) asm volatile("" : "+r"(x))

/* @len bytes from the program's @addr: cheaply when they are resident, else by sleeping until they are. */
static __always_inline bool read_user(void *to, __u32 len, __u64 addr)
{
	return !bpf_probe_read_user(to, len, (void *)addr) || !bpf_copy_from_user(to, len, (void *)addr);
}

/* Page by page, up to one that cannot be read; returns how many bytes there are. Not static, so that the
 * verifier looks at it once, not at each of its callers' states. */
__noinline __u32 read_pages(struct slot *slot, __u32 at, __u32 len, __u64 addr)
{
	__u32 got = 0;

	if (!slot || at > PLAN_BYTES_MAX + HEADER_BYTES)
		return 0;
	PIN(at);
	for (__u32 i = 0; i < PIECES_MAX; i++) {
		__u32 piece = PAGE_BYTES - ((addr + got) & (PAGE_BYTES - 1));

		if (piece > len - got)
			piece = len - got;
		PIN(piece);
		if (got >= len || got > PLAN_FRAGMENT_MAX || piece > PAGE_BYTES)
			break;
		if (!read_user(slot->bytes + at + got, piece, addr + got))
			break;
		got += piece;
	}
	return got;
}

static __noinline __u32 read_bytes(struct slot *slot, __u32 at, __u32 len, __u64 addr)
{
	if (at > PLAN_BYTES_MAX + HEADER_BYTES || len > PLAN_FRAGMENT_MAX)
		return 0;
	if (read_user(slot->bytes + at, len, addr))
		return len;
	return read_pages(slot, at, len, addr);
}

/* The length with its NUL of @text, or @len + 1 when its first @len bytes hold none. In place: the helper
 * copies the text onto itself, and puts a NUL behind what has none. */
static __always_inline __u32 find_nul(void *text, __u32 len)
{
	long n = bpf_probe_read_kernel_str(text, len + 1, text);

	return n > 0 && n <= len ? n : len + 1;
}

/* As read_pages, until a NUL. Returns bytes with the NUL; @len + 1: @len bytes without; LEN_MAX - n: a fault
 * behind n bytes. */
__noinline __u32 string_pages(struct slot *slot, __u32 at, __u32 len, __u64 addr)
{
	__u32 got = 0;

	if (!slot || at > PLAN_BYTES_MAX + HEADER_BYTES)
		return LEN_MAX;
	PIN(at);
	for (__u32 i = 0; i < PIECES_MAX && got < len; i++) {
		__u32 piece = PAGE_BYTES - ((addr + got) & (PAGE_BYTES - 1));
		__u32 n;
		void *to;

		if (piece > len - got)
			piece = len - got;
		PIN(piece);
		if (got > PLAN_FRAGMENT_MAX || piece > PAGE_BYTES)
			return LEN_MAX - got;
		to = slot->bytes + at + got;
		PIN(to);
		if (!read_user(to, piece, addr + got))
			return LEN_MAX - got;
		n = find_nul(to, piece);
		if (n <= piece)
			return got + n;
		got += piece;
	}
	return len + 1;
}

static __noinline __u32 read_string(struct slot *slot, __u32 at, __u32 len, __u64 addr)
{
	long n;

	if (at > PLAN_BYTES_MAX + HEADER_BYTES || len > PLAN_FRAGMENT_MAX)
		return LEN_MAX;
	n = bpf_probe_read_user_str(slot->bytes + at, len + 1, (void *)addr);
	if (n > 0)
		return n;
	return string_pages(slot, at, len, addr);
}

/* Hand the slot's event to this CPU's ring. */
static __noinline void event_output(struct slot *slot)
{
	__u32 func = slot->event.func, cpu = bpf_get_smp_processor_id();
	__u64 len = sizeof(struct event) + slot->used;
	void *ring = bpf_map_lookup_elem(&rings, &cpu);

	slot->event.len = len;
	PIN(len);
	if (ring && len <= sizeof(struct event) + sizeof(slot->bytes) &&
	    !bpf_ringbuf_output(ring, &slot->event, len, BPF_RB_NO_WAKEUP))
		COUNT(func, emitted, 1);
	else
		COUNT(func, dropped, 1);
}

/* The next number of the operation; 0: there are no more. The thread's own follows when the event has ended.
 */
static __always_inline __u32 number_again(struct slot *slot)
{
	__u32 row = slot->joint - 1;
	struct joint *joint;

	if (!slot->joint)
		return slot->event.attempted + 1;
	joint = bpf_map_lookup_elem(&joints, &row);
	if (!joint || (*(volatile __u64 *)&joint->state & (JOINT_SEQ - 1)) == JOINT_SEQ - 2)
		return 0;
	return (__sync_fetch_and_add(&joint->state, 1) & (JOINT_SEQ - 1)) + 1;
}

/* The slot is full, and its plan has more to copy: go on in another event. */
static __noinline bool event_more(struct slot *slot)
{
	__u32 number = number_again(slot);

	if (!number)
		return false;
	slot->more -= slot->more < slot->used ? slot->more : slot->used;
	slot->event.flags |= EVENT_F_MORE;
	event_output(slot);
	slot->event.rseq++;
	slot->event.attempted = number;
	slot->event.flags = EVENT_F_AGAIN;
	slot->used = 0;
	return true;
}

/* Write the header of a fragment whose bytes have been read, pad it, and account for it. */
static __noinline void fragment_end(struct slot *slot, const struct plan_op *op, __u32 len, __u32 captured,
				    __u32 status)
{
	__u32 used = slot->used;
	struct plan_fragment *fragment;

	if (used > PLAN_BYTES_MAX || captured > PLAN_FRAGMENT_MAX)
		return;
	fragment = (void *)slot->bytes + used;
	fragment->addr = slot->v[op->a & (PLAN_VALUES - 1)] + op->imm + slot->done;
	fragment->len = len;
	fragment->captured = captured;
	fragment->node = op->node;
	*(__u32 *)&fragment->status = status;
	*(__u16 *)&fragment->pad[3] = 0;
	*(__u64 *)(slot->bytes + used + HEADER_BYTES + captured) = 0;
	slot->used = used + HEADER_BYTES + ((captured + 7) & ~7u);
	if (status == PLAN_FRAGMENT_FAULT)
		slot->faults++;
	else if (captured < len)
		slot->truncated++;
}

/* Bytes that the budget leaves for one fragment; -1: not even its header. */
static __always_inline long room(struct slot *slot)
{
	long left = (long)PLAN_BYTES_MAX - HEADER_BYTES - slot->used;

	if (left < PLAN_FRAGMENT_MAX && slot->more && event_more(slot))
		left = (long)PLAN_BYTES_MAX - HEADER_BYTES - slot->used;
	if (left < 0) {
		slot->event.flags |= EVENT_F_BUDGET;
		return -1;
	}
	return left;
}

/* Returns whether another fragment of the same data follows. */
static __noinline bool copy_piece(struct slot *slot, const struct plan_op *op, __u64 want, __u64 max)
{
	long left = room(slot);
	__u32 take, got, status = PLAN_FRAGMENT_OK;

	if (left < 0)
		return false;
	want -= slot->done;
	max -= slot->done;
	if (max > want)
		max = want;
	take = max < PLAN_FRAGMENT_MAX ? max : PLAN_FRAGMENT_MAX;
	if (take > left) {
		take = left;
		status = PLAN_FRAGMENT_BUDGET;
		slot->event.flags |= EVENT_F_BUDGET;
	}
	got = read_bytes(slot, slot->used + HEADER_BYTES, take,
			 slot->v[op->a & (PLAN_VALUES - 1)] + op->imm + slot->done);
	if (got < take)
		status = PLAN_FRAGMENT_FAULT;
	fragment_end(slot, op, want < LEN_MAX ? want : LEN_MAX, got, status);
	slot->done += got;
	return status == PLAN_FRAGMENT_OK && max > got;
}

/* One fragment a step: data longer than one comes back here. */
static __noinline void do_copy(struct slot *slot, const struct plan_op *op)
{
	__s64 want = op->max;

	if (!slot->v[op->a & (PLAN_VALUES - 1)])
		return;
	if (op->b != PLAN_V_ZERO)
		want = slot->v[op->b & (PLAN_VALUES - 1)];
	if (want < 0)
		want = 0;
	if (copy_piece(slot, op, want, op->max))
		slot->pc--;
	else
		slot->done = 0;
}

static __noinline void do_string(struct slot *slot, const struct plan_op *op)
{
	__u64 base = slot->v[op->a & (PLAN_VALUES - 1)];
	__u32 take = op->max, n, status = PLAN_FRAGMENT_OK;
	long left;

	if (!base)
		return;
	left = room(slot);
	if (left < 0)
		return;
	if (take > PLAN_FRAGMENT_MAX)
		take = PLAN_FRAGMENT_MAX;
	if (take > left) {
		take = left;
		status = PLAN_FRAGMENT_BUDGET;
	}
	n = read_string(slot, slot->used + HEADER_BYTES, take, base + op->imm);
	if (n <= take) {
		fragment_end(slot, op, n, n, PLAN_FRAGMENT_OK);
	} else if (n == take + 1) {
		if (status == PLAN_FRAGMENT_BUDGET)
			slot->event.flags |= EVENT_F_BUDGET;
		fragment_end(slot, op, take + 1, take, status);
	} else {
		n = LEN_MAX - n;
		fragment_end(slot, op, n + 1, n, PLAN_FRAGMENT_FAULT);
	}
}

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
		do_string(slot, op);
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
	bpf_loop(PLAN_STEPS_MAX + 1, step, &run, 0);
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
