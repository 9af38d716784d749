/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Copying: pieces of the program's memory become fragments in a slot, and a slot that is full an event.
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
	/* The operation's own end has ended the joint. */
	__u64 ended = slot->event.seq ? JOINT_ENDED : 0, state;
	__u64 owner = slot->event.op & ((1 << (64 - JOINT_OWNER)) - 1);
	struct joint *joint;

	if (!slot->joint)
		return slot->event.attempted + 1;
	joint = bpf_map_lookup_elem(&joints, &row);
	if (!joint)
		return 0;
	state = *(volatile __u64 *)&joint->state;
	if (state & ended || state >> JOINT_OWNER != owner || (state & (JOINT_SEQ - 1)) == JOINT_SEQ - 2)
		return 0;
	state = __sync_fetch_and_add(&joint->state, 1);
	if (state & ended || state >> JOINT_OWNER != owner)
		return 0;
	return (state & (JOINT_SEQ - 1)) + 1;
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

/* @most bytes are all there is to it. */
static __noinline void do_string(struct slot *slot, const struct plan_op *op, __u32 most)
{
	__u64 base = slot->v[op->a & (PLAN_VALUES - 1)];
	__u32 take = op->max < most ? op->max : most, n, status = PLAN_FRAGMENT_OK;
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
		fragment_end(slot, op, take + (take < most), take, status);
	} else {
		n = LEN_MAX - n;
		fragment_end(slot, op, n + 1, n, PLAN_FRAGMENT_FAULT);
	}
}
