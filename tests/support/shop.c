// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/shop.h"

#include <assert.h>
#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>

#include "lib/expr.h"

#define FIELD(shop, type, member, id) btf__add_field((shop)->btf, #member, id, offsetof(type, member) * 8, 0)

int shop_ptr(struct shop *shop, int type)
{
	return btf__add_ptr(shop->btf, type);
}

int shop_cptr(struct shop *shop, int type)
{
	return btf__add_ptr(shop->btf, btf__add_const(shop->btf, type));
}

static void add_base(struct shop *s)
{
	s->i8 = btf__add_int(s->btf, "signed char", 1, BTF_INT_SIGNED);
	s->u8 = btf__add_int(s->btf, "unsigned char", 1, 0);
	s->i16 = btf__add_int(s->btf, "short", 2, BTF_INT_SIGNED);
	s->u16 = btf__add_int(s->btf, "unsigned short", 2, 0);
	s->i32 = btf__add_int(s->btf, "int", 4, BTF_INT_SIGNED);
	s->u32 = btf__add_int(s->btf, "unsigned int", 4, 0);
	s->i64 = btf__add_int(s->btf, "long", 8, BTF_INT_SIGNED);
	s->u64 = btf__add_int(s->btf, "unsigned long", 8, 0);
	s->i128 = btf__add_int(s->btf, "__int128", 16, BTF_INT_SIGNED);
	s->ch = btf__add_int(s->btf, "char", 1, BTF_INT_SIGNED | BTF_INT_CHAR);
	s->boolean = btf__add_int(s->btf, "_Bool", 1, BTF_INT_BOOL);
	s->f64 = btf__add_float(s->btf, "double", 8);
	s->color = btf__add_enum(s->btf, "color", 4);
	btf__add_enum_value(s->btf, "RED", RED);
	btf__add_enum_value(s->btf, "GREEN", GREEN);
	s->cptr = shop_cptr(s, s->ch);
	s->sptr = shop_ptr(s, s->ch);
	s->vptr = shop_ptr(s, 0);
	s->cvptr = shop_cptr(s, 0);
	s->size = btf__add_typedef(s->btf, "size_t", s->u64);
	s->blob = btf__add_typedef(s->btf, "blob_t", s->cvptr);
	s->unknown = btf__add_fwd(s->btf, "unknown", BTF_FWD_STRUCT);
	s->callback = shop_ptr(s, btf__add_func_proto(s->btf, 0));
}

static void add_order(struct shop *s)
{
	int lines = shop_ptr(s, s->line), tags = shop_ptr(s, s->cptr), blob = shop_ptr(s, s->u8);
	int code = btf__add_array(s->btf, s->u32, s->ch, 8), bytes = btf__add_array(s->btf, s->u32, s->u8, 4);
	int u = btf__add_union(s->btf, NULL, 4), xy, next;

	btf__add_field(s->btf, "word", s->u32, 0, 0);
	btf__add_field(s->btf, "bytes", bytes, 0, 0);
	xy = btf__add_struct(s->btf, NULL, 8);
	btf__add_field(s->btf, "x", s->i32, 0, 0);
	btf__add_field(s->btf, "y", s->i32, 32, 0);
	next = shop_ptr(s, xy + 2);
	s->order = btf__add_struct(s->btf, "order", sizeof(struct order));
	assert(s->order == xy + 2);
	FIELD(s, struct order, id, s->u32);
	FIELD(s, struct order, lines_cnt, s->u16);
	btf__add_field(s->btf, "mode", s->u8, 48, 3);
	btf__add_field(s->btf, "tags_cnt", s->u8, 51, 5);
	FIELD(s, struct order, is_paid, s->boolean);
	FIELD(s, struct order, lines, lines);
	FIELD(s, struct order, code, code);
	FIELD(s, struct order, customer, s->cptr);
	FIELD(s, struct order, next, next);
	FIELD(s, struct order, priv, s->vptr);
	FIELD(s, struct order, blob, blob);
	FIELD(s, struct order, blob_len, s->u32);
	FIELD(s, struct order, color, s->color);
	FIELD(s, struct order, total, s->f64);
	FIELD(s, struct order, tags, tags);
	FIELD(s, struct order, note, s->sptr);
	FIELD(s, struct order, u, u);
	btf__add_field(s->btf, NULL, xy, offsetof(struct order, x) * 8, 0);
}

static void add_structs(struct shop *s)
{
	int out = shop_ptr(s, s->i32), chars = btf__add_array(s->btf, s->u32, s->ch, 0), lines;

	s->line = btf__add_struct(s->btf, "line", sizeof(struct line));
	FIELD(s, struct line, sku, s->i32);
	FIELD(s, struct line, name, s->cptr);
	FIELD(s, struct line, price, s->u64);
	lines = btf__add_array(s->btf, s->u32, s->line, 0);
	s->packet = btf__add_struct(s->btf, "packet", sizeof(struct packet));
	FIELD(s, struct packet, len, s->u32);
	FIELD(s, struct packet, kind, s->u16);
	FIELD(s, struct packet, data, chars);
	s->batch = btf__add_struct(s->btf, "batch", sizeof(struct batch));
	FIELD(s, struct batch, cnt, s->u32);
	FIELD(s, struct batch, lines, lines);
	s->slice = btf__add_struct(s->btf, "slice", sizeof(struct slice));
	FIELD(s, struct slice, text, s->cptr);
	FIELD(s, struct slice, len, s->u32);
	FIELD(s, struct slice, kind, s->i32);
	s->wide = btf__add_struct(s->btf, "wide", sizeof(struct wide));
	FIELD(s, struct wide, a, s->u64);
	FIELD(s, struct wide, name, s->cptr);
	FIELD(s, struct wide, out, out);
	FIELD(s, struct wide, d, s->u64);
}

void shop_init(struct shop *shop)
{
	*shop = (struct shop){};
	if (schema_new(&shop->schema, NULL))
		abort();
	shop->btf = schema_btf(shop->schema);
	add_base(shop);
	add_structs(shop);
	add_order(shop);
}

void shop_release(struct shop *shop)
{
	schema_free(shop->schema);
}

/* Copies of @rules with their lengths parsed; the caller frees the array and the lengths. */
static struct rule *parse(const struct rule *rules, size_t cnt)
{
	struct rule *copy = calloc(cnt + 1, sizeof(*copy));

	for (size_t i = 0; i < cnt; i++) {
		copy[i] = rules[i];
		if ((copy[i].bytes_text && expr_parse(&copy[i].bytes, copy[i].bytes_text, NULL)) ||
		    (copy[i].count_text && expr_parse(&copy[i].count, copy[i].count_text, NULL)))
			abort();
	}
	return copy;
}

static void unparse(struct rule *rules, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		expr_free(rules[i].bytes);
		expr_free(rules[i].count);
	}
	free(rules);
}

size_t shop_func(struct shop *shop, const char *name, int result, const struct shop_param *params,
		 const struct rule *rules, size_t rules_cnt)
{
	struct schema_func func = {ROLE_INPUT, (char *)name, (char *)name, .rules_cnt = rules_cnt};
	int proto = btf__add_func_proto(shop->btf, result);

	for (; params->name; params++)
		btf__add_func_param(shop->btf, *params->name ? params->name : NULL, params->type);
	func.id = btf__add_func(shop->btf, name, BTF_FUNC_GLOBAL, proto);
	func.rules = parse(rules, rules_cnt);
	if (schema_add_func(shop->schema, &func, NULL))
		abort();
	unparse(func.rules, rules_cnt);
	return schema_funcs_cnt(shop->schema) - 1;
}

void shop_type_rules(struct shop *shop, int type, const struct rule *rules, size_t rules_cnt)
{
	struct schema_type_rules types = {.id = type, .rules_cnt = rules_cnt};

	types.rules = parse(rules, rules_cnt);
	if (schema_add_type_rules(shop->schema, &types, NULL))
		abort();
	unparse(types.rules, rules_cnt);
}

int shop_setup(void **state)
{
	static struct shop shop;

	shop_init(&shop);
	*state = &shop;
	return 0;
}

int shop_teardown(void **state)
{
	shop_release(*state);
	return 0;
}
