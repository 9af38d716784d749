/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/* The FORMAT op: a printf format and the arguments that it takes, a step of the interpreter at a time. */
#pragma once

#include "bpf/copy.bpf.h"

static __noinline void format_start(struct slot *slot, const struct plan_op *op)
{
	struct formatting *f = &slot->format;
	__u32 list[2] = {PLAN_FORMAT_GPRS(op->jmp) * 8, PLAN_VA_GPRS + PLAN_FORMAT_XMMS(op->jmp) * 16};
	__u64 at = slot->v[op->dst & (PLAN_VALUES - 1)];

	f->at = slot->v[op->b & (PLAN_VALUES - 1)];
	f->stack = slot->v[PLAN_V_RSP] + 8 + PLAN_FORMAT_STACK(op->jmp) * 8;
	f->is_list = op->dst != PLAN_V_ZERO;
	f->is_running = 1;
	f->is_done = !f->at;
	f->left = f->cnt = f->walked = f->status = 0;
	__builtin_memset(&f->walk, 0, sizeof(f->walk));
	if (f->is_list && (!read_user(list, sizeof(list), at) || !read_user(&f->stack, 8, at + 8) ||
			   !read_user(&f->saved, 8, at + 16))) {
		f->status = PLAN_FRAGMENT_FAULT;
		f->is_done = 1;
	}
	f->gpr = list[0];
	f->xmm = list[1];
}

/* One more word of arguments, from @addr; 0: it lies in no memory. */
static __always_inline void format_word(struct formatting *f, __u64 word, __u64 addr)
{
	__u32 cnt = f->cnt;

	if (cnt >= PLAN_FORMAT_WORDS) {
		f->is_done = 1;
		return;
	}
	f->words[cnt & (PLAN_FORMAT_WORDS - 1)] = word;
	if (addr && !read_user(&f->words[cnt & (PLAN_FORMAT_WORDS - 1)], 8, addr)) {
		f->status = PLAN_FRAGMENT_FAULT;
		f->is_done = 1;
		return;
	}
	f->cnt = cnt + 1;
}

/* The argument that a conversion takes becomes a word. */
static __noinline void format_take(struct slot *slot, __u32 takes)
{
	struct formatting *f = &slot->format;
	__u64 word = 0, addr = 0;

	if (takes == PLAN_TAKES_LONG_DOUBLE) {
		f->stack = (f->stack + 15) & ~15ull;
		format_word(f, 0, f->stack);
		f->stack += 8;
		addr = f->stack;
		f->stack += 8;
	} else if (takes == PLAN_TAKES_DOUBLE && f->xmm < PLAN_VA_XMMS) {
		addr = f->is_list ? f->saved + f->xmm : 0;
		f->xmm += 16;
	} else if (takes != PLAN_TAKES_DOUBLE && f->gpr < PLAN_VA_GPRS) {
		addr = f->is_list ? f->saved + f->gpr : 0;
		word = slot->v[PLAN_V_ARG0 + (f->gpr / 8 & 7)];
		f->gpr += 8;
	} else {
		addr = f->stack;
		f->stack += 8;
	}
	format_word(f, word, addr);
}

/* The next character; -1: it cannot be read, and that ends the walk. What is read at once lies in one page.
 */
static __noinline long format_next(struct formatting *f)
{
	__u32 len = 8 - (f->at & 7);
	__u8 c;

	if (!f->left) {
		f->word = 0;
		PIN(len);
		if (len > 8 || !read_user(&f->word, len, f->at))
			return -1;
		f->left = len;
	}
	c = f->word;
	f->word >>= 8;
	f->left--;
	f->at++;
	return c;
}

/* Whether none of the eight bytes of @v is @c: exact where it says so. */
static __always_inline bool has_no(__u64 v, __u8 c)
{
	v ^= c * 0x0101010101010101ull;
	return !((v - 0x0101010101010101ull) & ~v & 0x8080808080808080ull);
}

/* Pass over eight characters of plain text at once. */
static __always_inline bool format_skip(struct formatting *f)
{
	if (f->walk.state != PLAN_FORMAT_TEXT || f->left || f->at & 7 || !read_user(&f->word, 8, f->at))
		return false;
	if (!has_no(f->word, '%') || !has_no(f->word, 0)) {
		f->left = 8;
		return false;
	}
	f->at += 8;
	f->walked += 8;
	return true;
}

/* Walk on. Returns what is to be captured: PLAN_TAKES_TEXT, or nothing. */
static __noinline __u32 format_walk(struct slot *slot)
{
	struct formatting *f = &slot->format;
	__u32 takes, cnt = f->cnt;
	long c;

	if (format_skip(f))
		return PLAN_TAKES_NOTHING;
	c = f->walked++ < PLAN_FORMAT_MAX ? format_next(f) : -1;
	takes = c < 0 ? PLAN_TAKES_UNKNOWN : plan_format_char(&f->walk, c);
	if (takes == PLAN_TAKES_END || takes == PLAN_TAKES_UNKNOWN) {
		f->is_done = 1;
		return PLAN_TAKES_NOTHING;
	}
	if (takes == PLAN_TAKES_NOTHING)
		return takes;
	format_take(slot, takes);
	if (takes == PLAN_TAKES_STAR)
		plan_format_star(&f->walk, f->words[cnt & (PLAN_FORMAT_WORDS - 1)]);
	return f->cnt > cnt ? takes : PLAN_TAKES_NOTHING;
}

/* The words, once all are known. */
static __noinline void format_end(struct slot *slot, const struct plan_op *op)
{
	struct formatting *f = &slot->format;
	__u32 len = f->cnt * 8, status = f->status, used;

	f->is_running = 0;
	if (!slot->v[op->b & (PLAN_VALUES - 1)])
		return;
	if (room(slot) < (long)sizeof(f->words)) {
		slot->event.flags |= EVENT_F_BUDGET;
		return;
	}
	used = slot->used;
	PIN(len);
	if (used > PLAN_BYTES_MAX || len > sizeof(f->words))
		return;
	bpf_probe_read_kernel(slot->bytes + used + HEADER_BYTES, len, f->words);
	slot->v[op->a & (PLAN_VALUES - 1)] = PLAN_FORMAT_ADDR;
	fragment_end(slot, op, len + (status == PLAN_FRAGMENT_FAULT), len, status);
}

/* A character or a few a step; what it captures, and the end, are steps of their own. */
static __noinline void do_format(struct slot *slot, const struct plan_op *op)
{
	struct formatting *f = &slot->format;

	if (!f->is_running) {
		format_start(slot, op);
	} else if (f->is_done) {
		format_end(slot, op);
		return;
	} else if (format_walk(slot) == PLAN_TAKES_TEXT) {
		slot->v[op->a & (PLAN_VALUES - 1)] = f->words[(f->cnt - 1) & (PLAN_FORMAT_WORDS - 1)];
		do_string(slot, op, f->walk.precision < 0 ? LEN_MAX : f->walk.precision);
	}
	slot->pc--;
}
