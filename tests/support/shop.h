/* SPDX-License-Identifier: BSD-3-Clause */
/* Types of a small shop, as C and as BTF, for tests of shapes, plans, values and keys. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rule.h"
#include "lib/schema.h"

struct btf;

enum color { RED, GREEN = 5 };

struct line {
	int32_t sku;
	const char *name;
	uint64_t price;
};

struct order {
	uint32_t id;
	uint16_t lines_cnt;
	uint8_t mode : 3, tags_cnt : 5;
	bool is_paid;
	struct line *lines;
	char code[8];
	const char *customer;
	struct order *next;
	void *priv;
	uint8_t *blob;
	uint32_t blob_len;
	enum color color;
	double total;
	const char **tags;
	char *note;
	union {
		uint32_t word;
		uint8_t bytes[4];
	} u;
	struct {
		int32_t x, y;
	}; /* anonymous */
};

struct packet {
	uint32_t len;
	uint16_t kind;
	char data[];
};

struct batch {
	uint32_t cnt;
	struct line lines[];
};

/* Passed in two registers. */
struct slice {
	const char *text;
	uint32_t len;
	int32_t kind;
};

/* Passed on the stack. */
struct wide {
	uint64_t a;
	const char *name;
	int32_t *out;
	uint64_t d;
};

struct shop {
	struct schema *schema;
	struct btf *btf;
	int i8, u8, i16, u16, i32, u32, i64, u64, i128, ch, boolean, f64, color;
	int size, blob; /* typedefs: size_t, and `const void *` as blob_t */
	int line, order, packet, batch, slice, wide, unknown; /* unknown: struct unknown, incomplete */
	int cptr, sptr, vptr, cvptr;			      /* const char *, char *, void *, const void * */
	int callback;					      /* void (*)(void) */
};

struct shop_param {
	const char *name;
	int type;
};

void shop_init(struct shop *shop);
void shop_release(struct shop *shop);
/* For cmocka: *state is a shop. */
int shop_setup(void **state);
int shop_teardown(void **state);
int shop_ptr(struct shop *shop, int type);
int shop_cptr(struct shop *shop, int type); /* const T * */
/* Add an input `result name(params)`; @params ends by a NULL name. Lengths of @rules are given as text.
 * Returns its index in the schema. */
size_t shop_func(struct shop *shop, const char *name, int result, const struct shop_param *params,
		 const struct rule *rules, size_t rules_cnt);
void shop_type_rules(struct shop *shop, int type, const struct rule *rules, size_t rules_cnt);
