/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One object in the build's layout: its bytes, which of them are known, and the pointers in it that lead
 * somewhere.
 *
 * Fields are found by name. A number must fit its new type; a field that is new in the build stays unset
 * (zero in new memory) and is noted; a field that is gone is noted, and refused where it was to be served.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/shape.h"

struct err;
struct notes;
struct value;

struct encode_pointer {
	uint32_t off;
	uint16_t node;		    /* of the build's shape: POINTER, STRING, BYTES, HANDLE or CUT */
	const struct value *value;  /* POINTER with a child, REF or SYMBOL; is_raw: bits alone counts */
	const struct value *before; /* the same field at entry; NULL: unknown */
	bool is_raw; /* an address of which nothing was captured: its number is among the bytes */
	/* Of a container, which owns what it holds: */
	bool is_owned;
	bool is_local; /* it leads to byte `to` of the same object */
	bool has_ends; /* the two pointers behind it lead to byte `to` of what it leads to: a vector */
	uint32_t to;
};

enum {
	ENCODE_UNSET, /* not known */
	ENCODE_SET,
	ENCODE_KEPT, /* known, and the call left it as it was */
};

struct encoding {
	uint8_t *bytes;
	uint8_t *state; /* byte by byte */
	size_t len;
	struct encode_pointer *pointers;
	size_t pointers_cnt, pointers_cap;
};

void encoding_release(struct encoding *encoding);
#define auto_encoding __attribute__((cleanup(encoding_release)))

/* What lies behind the pointer node @node: a string with its NUL, a buffer, an array with its terminator, one
 * object. -EUNATCH with words when it cannot be: "'rate' was not captured: ...". */
int encode_pointee(struct encoding *out, const struct shape *shape, uint16_t node, const struct value *object,
		   const struct value *before, struct notes *notes, struct err *err);
/* A value of node @node by itself; integers are extended to 8 bytes. @before is what it was at entry, or
 * NULL. */
int encode_one(struct encoding *out, const struct shape *shape, uint16_t node, const struct value *value,
	       const struct value *before, struct notes *notes, struct err *err);
/* What values call @name in STRUCT @node, anonymous structs looked through: its node, and *@off from the
 * start of
 * @node. */
uint16_t encode_member(const struct shape *shape, uint16_t node, const char *name, uint32_t *off);
