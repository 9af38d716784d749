/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a C function's arguments and result are, by the System V x86-64 ABI (psABI 1.0, section 3.2.3).
 * Table-driven, pure, and shared by the recorder's plans, the readers of recordings and the replayer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct schema;

#define ABI_GPRS       6 /* rdi rsi rdx rcx r8 r9 */
#define ABI_PIECES_MAX 2
#define ABI_PARAMS_MAX 64

enum abi_place {
	ABI_NONE,     /* void, or an empty struct */
	ABI_GPR,      /* number: index into rdi rsi rdx rcx r8 r9; of a result: 0 rax, 1 rdx */
	ABI_XMM,      /* number: xmm0..7 */
	ABI_X87,      /* st0 (long double result); 1: st1 too (complex) */
	ABI_STACK,    /* number: byte offset from the first stack argument ([rsp + 8] at entry) */
	ABI_SRET,     /* result in memory whose address came in rdi and leaves in rax */
	ABI_UNPASSED, /* its place is known, and callers need not have put anything there: see schema.h */
};

/* A value of up to two eightbytes in registers, or one piece elsewhere. */
struct abi_loc {
	struct abi_piece {
		uint8_t place; /* enum abi_place */
		uint16_t number;
	} piece[ABI_PIECES_MAX];
	uint8_t pieces_cnt;
	uint32_t size; /* of the value, bytes */
};

struct abi_proto {
	struct abi_loc param[ABI_PARAMS_MAX];
	size_t params_cnt;
	struct abi_loc result;
	bool is_variadic;
	uint32_t stack_bytes; /* of all stack arguments, a multiple of 8 */
};

/* @func: a BTF_KIND_FUNC or BTF_KIND_FUNC_PROTO. -ENOTSUP names the parameter and the type that it cannot
 * place. */
int abi_classify(struct abi_proto *out, const struct schema *schema, uint32_t func, struct err *err);
