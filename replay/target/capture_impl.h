/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the interpreter share; included by replay/target/capture*.c only. */
#pragma once

#include "replay/target/capture.h"

#define KEY_FAULT_BYTE 0xfa /* KEY_FAULT of lib/key.h */
#define KEY_CUT_BYTE   0xfc /* KEY_CUT */

struct run {
	struct capture *c;
	enum capture_section section;
	size_t end; /* of c->out, by the budget and its room */
	int is_full;
	unsigned at, cnt, level;  /* of the list of work */
	uint64_t hash[2], folded; /* of a long KEY: its first @folded bytes */
};

static inline size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* --- capture.c --- */
void capture_full(struct run *r);
void capture_put_key(struct run *r, const void *bytes, size_t len);
/* Room for a fragment's bytes, NULL when not even its header fits. */
uint8_t *capture_room(struct run *r, size_t *room);
void capture_put_fragment(struct run *r, struct plan_fragment *f);
/* Text at @addr: a fragment, or a part of the key. @is_all: nobody wants more than the op's max. */
void capture_string(struct run *r, const struct plan_op *op, uint64_t addr, int is_all);
void capture_string_key(struct run *r, uint64_t addr, size_t most);
/* The low @bits of @v; 0 and more than 64 are 64. */
uint64_t capture_extend(uint64_t v, unsigned bits, int is_signed);

/* --- capture_format.c --- */
void capture_file(struct run *r, const struct plan_op *op);
void capture_format(struct run *r, const struct plan_op *op);
