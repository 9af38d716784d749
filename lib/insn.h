/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * x86-64 instructions, decoded with Zydis: where a probe sits best, and how a function's first bytes move
 * elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct object;

/* What the kernel does at a probed instruction, cheapest first. */
enum site_kind {
	SITE_NOP5,     /* 5-byte nop at the entry: a call into the uprobe trampoline (6.18+) */
	SITE_EMULATED, /* push, nop, jumps, call: emulated */
	SITE_STEPPED,  /* anything else: single-stepped out of line */
	SITE_CNT,
};

struct site {
	enum site_kind kind;
	uint64_t addr;	  /* of the probed instruction */
	char text[64];	  /* "push rbp" */
	uint32_t skipped; /* bytes from the function's entry */
};

/* Cost of one hit with an entry and a return probe, ns, as measured on one 6.18 machine; for orientation. */
uint32_t site_cost_ns(enum site_kind kind, bool has_return);
const char *site_kind_name(enum site_kind kind); /* "nop5", "emulated", "single-stepped" */

/*
 * Choose the probe's instruction in the function at @addr of @size bytes: walk its straight-line start and
 * pass only instructions that write no argument register (nor rax when @is_variadic), no stack pointer and no
 * memory, and that nothing in the function jumps to. A nop5 is chosen only at the entry itself or right
 * behind endbr64: one inside a leaf function corrupts the red zone on 6.18. Falls back to the entry.
 */
int site_choose(struct site *out, const struct object *object, uint64_t addr, uint64_t size, bool is_variadic,
		struct err *err);

/* Which of the arguments as they were at its entry the code of a function looks at. */
struct insn_reads {
	uint32_t registers; /* bits 0..5 rdi rsi rdx rcx r8 r9, from INSN_READS_XMM0 on xmm0..7 */
	uint64_t stack;	    /* a bit for each word of stack arguments */
};
#define INSN_READS_XMM0 (1u << 8)
#define INSN_READS_ALL	0xff3fu
/* Errs on the side of not looked at: what is handed on to another function, or lies behind a jump table, is
 * not seen. */
int insn_reads(struct insn_reads *out, const struct object *object, uint64_t addr, uint64_t size,
	       struct err *err);

#define INSN_PARTS_MAX 16 /* places where the code of one function lies */
struct code_range {
	uint64_t addr, size;
};
/*
 * Where the function whose code is @parts, its entry first, returns: the addresses of all its `ret`
 * instructions, the caller's to free. -ENOTSUP when they cannot all be known: some code is not understood, or
 * it may leave by a jump. "it may leave by the jump at 0x1234 to other code, ..."
 */
int insn_returns(uint64_t **out, size_t *cnt, const struct object *object, const struct code_range *parts,
		 size_t parts_cnt, struct err *err);
/* A hit of a probe on one of them costs so much, as site_cost_ns. */
#define INSN_RETURN_COST_NS 16700

#define PROLOGUE_MAX	64 /* bytes of a moved prologue */
#define PROLOGUE_FIXUPS 8
#define PATCH_LEN	5 /* jmp rel32 */

/* A 32-bit field in the copy that must become target - (address of the copy + end). */
struct insn_fixup {
	uint8_t at, end;
	uint64_t target; /* file address */
};

struct prologue {
	uint64_t addr;		    /* where to patch: the entry, or behind endbr64 */
	uint8_t patched_len;	    /* bytes replaced; whole instructions, >= PATCH_LEN */
	uint8_t copy[PROLOGUE_MAX]; /* the same instructions, to run elsewhere; without the jump back */
	uint8_t copy_len;
	struct insn_fixup fixups[PROLOGUE_FIXUPS];
	uint8_t fixups_cnt;
	bool is_whole;	  /* the copy is the whole function: no jump back is needed */
	bool is_callable; /* false: can be replaced but the original not called (something jumps into the
			     patch) */
};

/* -ENOSPC when the function and its padding are too short for a jump; prologue_trap is then left. */
int prologue_move(struct prologue *out, const struct object *object, uint64_t addr, uint64_t size,
		  struct err *err);
/* The same for a breakpoint of one byte, which always has room. */
int prologue_trap(struct prologue *out, const struct object *object, uint64_t addr, uint64_t size,
		  struct err *err);
