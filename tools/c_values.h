/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as C: initialisers of objects, and assertions that an expression has a value. */
#pragma once

#include <stddef.h>

#include "lib/buf.h"

struct handles;
struct pool;
struct schema;
struct shape;
struct value;

#define C_VALUES_MAX (64u << 20) /* bytes of text */

/* The objects of one test: each is declared before any is defined, for they may point to each other. */
struct c_values {
	const struct schema *schema;
	const struct shape *shape; /* of the call whose values are written */
	struct handles *handles;   /* a handle is the same number everywhere */
	struct buf declarations, definitions;
	struct c_object {
		const struct value *value;
		unsigned number;
	} * objects;
	size_t objects_cnt;
	unsigned numbers;
	int failed; /* latches -ENOMEM */
};

void c_values_init(struct c_values *c, const struct schema *schema, struct handles *handles);
void c_values_release(struct c_values *c);
/* Write the initialiser of @value to @out; what it points to becomes objects. */
void c_values_put(struct c_values *c, struct buf *out, const struct value *value);
/* The object that @pointee, what lies behind a pointer, has: "o" and the number. */
unsigned c_values_object(struct c_values *c, const struct value *pointee);
/* The type of @value where it lies, without const: "struct order *". */
void c_values_type(const struct c_values *c, const struct value *value, char *text, size_t len);
/* Lines that fail the test unless the C expression @expression is @value. What was not captured is passed
 * over. */
void c_values_assert(struct c_values *c, struct buf *out, const char *expression, const struct value *value);
