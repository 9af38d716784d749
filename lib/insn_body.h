/* SPDX-License-Identifier: BSD-3-Clause */
/* A function's instructions and what jumps to its start; included by lib/insn*.c only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <Zydis/Zydis.h>

struct err;
struct object;

#define BODY_WINDOW    96	  /* bytes from the entry whose being a target is known */
#define BODY_BYTES_MAX (4u << 20) /* a longer function is not scanned */
#define TABLE_MAX      4096	  /* entries of one jump table */

enum target {
	TARGET_DIRECT = 1, /* of a jump or call of the function itself */
	TARGET_FAR = 2,	   /* of a jump table, the function's cold part, or a symbol of its own */
};

struct body {
	const struct object *object;
	const uint8_t *code;
	uint64_t addr;
	size_t len;
	bool is_scanned;	/* false: something could not be decoded; targets are unknown */
	bool has_indirect;	/* jumps through a register or a table */
	bool has_unknown_jumps; /* more such jumps than tables that were understood */
	uint8_t target[BODY_WINDOW];
};

struct insn {
	ZydisDecodedInstruction i;
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
	const uint8_t *bytes;
	uint64_t addr;
};

/* False: no valid instruction in the @len bytes at @code. */
bool insn_decode(struct insn *insn, const uint8_t *code, size_t len, uint64_t addr);
/* The destination of a jump or call that names it. */
bool insn_target(const ZydisDecodedInstruction *i, uint64_t addr, uint64_t *target);
bool insn_is(const struct insn *insn, const void *bytes, size_t len);
bool insn_is_endbr64(const struct insn *insn);
bool insn_is_nop5(const struct insn *insn);
bool insn_is_push(const struct insn *insn);
/* Memory addressed from the next instruction. */
bool insn_is_rip_relative(const ZydisDecodedInstruction *i);

/* -ERANGE when the file has no such bytes, -ENODATA when @size is 0: the symbol does not tell. */
int body_read(struct body *body, const struct object *object, uint64_t addr, uint64_t size, struct err *err);
bool body_has_target(const struct body *body, size_t from, size_t to, uint8_t kinds); /* in [from, to) */
/* Something jumps to the instruction @insn at the start, which is no prologue: a loop begins there. A
 * compiler's own jump to a prologue is a tail call. */
bool body_is_loop(const struct body *body, size_t start, const struct insn *insn);
