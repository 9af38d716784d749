// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/btf.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/schema.h"
#include "lib/util.h"

/* struct order { int id; const char *name; char code[16]; unsigned flag : 3; }; */
static uint32_t add_order(struct btf *btf)
{
	int int_id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	int uint_id = btf__add_int(btf, "unsigned int", 4, 0);
	int char_id = btf__add_int(btf, "char", 1, BTF_INT_SIGNED | BTF_INT_CHAR);
	int name_id = btf__add_ptr(btf, btf__add_const(btf, char_id));
	int code_id = btf__add_array(btf, uint_id, char_id, 16);
	int order_id = btf__add_struct(btf, "order", 40);

	btf__add_field(btf, "id", int_id, 0, 0);
	btf__add_field(btf, "name", name_id, 64, 0);
	btf__add_field(btf, "code", code_id, 128, 0);
	btf__add_field(btf, "flag", uint_id, 256, 3);
	return order_id;
}

static uint32_t add_func(struct btf *btf, uint32_t order_id)
{
	int ptr_id = btf__add_ptr(btf, btf__add_const(btf, order_id));
	int proto_id = btf__add_func_proto(btf, btf__find_by_name_kind(btf, "int", BTF_KIND_INT));

	btf__add_func_param(btf, "order", ptr_id);
	return btf__add_func(btf, "price_of", BTF_FUNC_STATIC, proto_id);
}

static struct schema *sample(void)
{
	struct schema *schema = NULL;
	struct rule rule = {.path = "order->name", .is_string = true, .depth = 2};
	struct schema_func func = {ROLE_INPUT,	   "shop.c:price_of", "shop.price",
				   .rules = &rule, .rules_cnt = 1,    .unpassed = {1, 1ull << 63}};
	struct schema_func bare = {ROLE_OUTPUT, "gone", "gone"};
	struct schema_type_rules types = {.rules = &rule, .rules_cnt = 1};

	assert_int_equal(schema_new(&schema, NULL), 0);
	types.id = add_order(schema_btf(schema));
	func.id = add_func(schema_btf(schema), types.id);
	assert_int_equal(schema_add_func(schema, &func, NULL), 0);
	assert_int_equal(schema_add_type_rules(schema, &types, NULL), 0);
	assert_int_equal(schema_add_func(schema, &bare, NULL), 0);
	return schema;
}

static void what_was_written_is_read_back(void **state)
{
	auto_schema struct schema *written = sample(), *read = NULL;
	char id[SCHEMA_ID_LEN + 1], id_again[SCHEMA_ID_LEN + 1];
	struct err err = {};
	const void *data;
	size_t len;

	assert_int_equal(schema_bytes(written, &data, &len, &err), 0);
	assert_int_equal(schema_load(&read, data, len, &err), 0);
	assert_int_equal(schema_funcs_cnt(read), 2);
	assert_int_equal(schema_func(read, 0)->role, ROLE_INPUT);
	assert_string_equal(schema_func(read, 0)->name, "shop.c:price_of");
	assert_string_equal(schema_func(read, 0)->alias, "shop.price");
	assert_int_equal(schema_func(read, 0)->id, schema_func(written, 0)->id);
	assert_int_equal(schema_func(read, 0)->rules_cnt, 1);
	assert_string_equal(schema_func(read, 0)->rules[0].path, "order->name");
	assert_true(schema_func(read, 0)->rules[0].is_string);
	assert_int_equal(schema_func(read, 0)->rules[0].depth, 2);
	assert_true(schema_func(read, 0)->unpassed[0] == 1 &&
		    schema_func(read, 0)->unpassed[1] == 1ull << 63);
	assert_true(!schema_func(read, 1)->unpassed[0] && !schema_func(read, 1)->unpassed[1]);
	assert_int_equal(schema_func(read, 1)->id, 0);
	assert_string_equal(schema_func(read, 1)->name, "gone");
	assert_null(schema_func(read, 2));
	assert_int_equal(schema_type_rules_cnt(read), 1);
	assert_int_equal(schema_type_rules(read, 0)->id, schema_type_rules(written, 0)->id);
	assert_string_equal(schema_type_rules(read, 0)->rules[0].path, "order->name");

	assert_int_equal(schema_id(written, id, &err), 0);
	assert_int_equal(schema_id(read, id_again, &err), 0);
	assert_string_equal(id, id_again);
	assert_int_equal(strlen(id), SCHEMA_ID_LEN);
}

static void the_same_types_give_the_same_name(void **state)
{
	auto_schema struct schema *one = sample(), *two = sample();
	char id[SCHEMA_ID_LEN + 1], same[SCHEMA_ID_LEN + 1], other[SCHEMA_ID_LEN + 1];
	struct schema_func func = {ROLE_OUTPUT, "more", "more"};

	assert_int_equal(schema_id(one, id, NULL), 0);
	assert_int_equal(schema_id(two, same, NULL), 0);
	assert_string_equal(id, same);
	assert_int_equal(schema_add_func(two, &func, NULL), 0);
	assert_int_equal(schema_id(two, other, NULL), 0);
	assert_string_not_equal(id, other);
}

static void types_have_sizes_alignments_and_words(void **state)
{
	auto_schema struct schema *schema = NULL;
	struct btf *btf;
	int order, i32, ptr, chars, grid, fwd, proto, callback, packed, td, anon;

	assert_int_equal(schema_new(&schema, NULL), 0);
	btf = schema_btf(schema);
	order = add_order(btf);
	i32 = btf__find_by_name_kind(btf, "int", BTF_KIND_INT);
	ptr = btf__add_ptr(btf, btf__add_const(btf, order));
	chars = btf__add_array(btf, i32, btf__find_by_name_kind(btf, "char", BTF_KIND_INT), 16);
	grid = btf__add_array(btf, i32, btf__add_array(btf, i32, i32, 3), 2);
	fwd = btf__add_fwd(btf, "secret", BTF_FWD_STRUCT);
	proto = btf__add_func_proto(btf, 0);
	btf__add_func_param(btf, "a", ptr);
	btf__add_func_param(btf, "", 0);
	callback = btf__add_ptr(btf, proto);
	packed = btf__add_struct(btf, "packed", 5);
	btf__add_field(btf, "c", btf__find_by_name_kind(btf, "char", BTF_KIND_INT), 0, 0);
	btf__add_field(btf, "i", i32, 8, 0);
	td = btf__add_const(btf, btf__add_typedef(btf, "order_t", order));
	anon = btf__add_union(btf, NULL, 4);
	const struct {
		uint32_t id, size, align;
		const char *text;
	} cases[] = {
		{0, 0, 1, "void"},
		{i32, 4, 4, "int"},
		{order, 40, 8, "struct order"},
		{ptr, 8, 8, "const struct order *"},
		{chars, 16, 1, "char [16]"},
		{grid, 24, 4, "int [2][3]"},
		{btf__add_ptr(btf, chars), 8, 8, "char (*)[16]"},
		{btf__add_array(btf, i32, ptr, 4), 32, 8, "const struct order *[4]"},
		{fwd, 0, 1, "struct secret"},
		{callback, 8, 8, "void (*)(const struct order *, ...)"},
		{packed, 5, 1, "struct packed"},
		{td, 40, 8, "const order_t"},
		{btf__add_const(btf, btf__add_ptr(btf, i32)), 8, 8, "int *const"},
		{btf__add_restrict(btf, btf__add_const(btf, ptr)), 8, 8,
		 "const struct order *const restrict"},
		{btf__add_volatile(btf, btf__add_const(btf, i32)), 4, 4, "volatile const int"},
		{btf__add_ptr(btf, btf__add_ptr(btf, 0)), 8, 8, "void **"},
		{anon, 4, 1, "union {...}"},
		{1u << 30, 0, 1, "void"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[64];

		schema_type_text(schema, cases[i].id, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
		assert_int_equal(schema_size(schema, cases[i].id), cases[i].size);
		assert_int_equal(schema_align(schema, cases[i].id), cases[i].align);
	}
	assert_int_equal(schema_strip(schema, td), order);
	char cut[6];
	schema_type_text(schema, ptr, cut, sizeof(cut));
	assert_string_equal(cut, "const");
}

static void a_function_is_declared_with_its_names(void **state)
{
	auto_schema struct schema *schema = NULL;
	char text[128];
	struct btf *btf;
	int i32, proto, callback, grid, fixed;

	assert_int_equal(schema_new(&schema, NULL), 0);
	btf = schema_btf(schema);
	i32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	callback = btf__add_func_proto(btf, i32);
	btf__add_func_param(btf, "code", i32);
	callback = btf__add_ptr(btf, callback);
	grid = btf__add_ptr(btf, btf__add_array(btf, i32, i32, 3));
	fixed = btf__add_const(btf, grid);
	proto = btf__add_func_proto(btf, btf__add_ptr(btf, i32));
	btf__add_func_param(btf, "rows", grid);
	btf__add_func_param(btf, "done", callback);
	btf__add_func_param(btf, "fixed", fixed);
	btf__add_func_param(btf, "", i32);
	btf__add_func_param(btf, "", 0);
	schema_type_text(schema, btf__add_func(btf, "sum", BTF_FUNC_GLOBAL, proto), text, sizeof(text));
	assert_string_equal(
		text, "int *sum(int (*rows)[3], int (*done)(int code), int (*const fixed)[3], int, ...)");
	proto = btf__add_func_proto(btf, 0);
	schema_type_text(schema, btf__add_func(btf, "stop", BTF_FUNC_GLOBAL, proto), text, sizeof(text));
	assert_string_equal(text, "void stop(void)");
}

static void a_complex_number_is_told_by_its_tag(void **state)
{
	auto_schema struct schema *schema = NULL;
	struct btf *btf;
	int of, complex_id, order;

	assert_int_equal(schema_new(&schema, NULL), 0);
	btf = schema_btf(schema);
	of = btf__add_float(btf, "double", 8);
	complex_id = btf__add_struct(btf, NULL, 16);
	btf__add_field(btf, "real", of, 0, 0);
	btf__add_field(btf, "imag", of, 64, 0);
	btf__add_decl_tag(btf, SCHEMA_TAG_COMPLEX, complex_id, -1);
	order = add_order(btf);
	assert_true(schema_is_complex(schema, btf__add_typedef(btf, "z", complex_id)));
	assert_false(schema_is_complex(schema, order));
	assert_false(schema_is_complex(schema, 0));
}

/* --- hostile bytes --- */

/* BTF by hand: what libbpf would refuse to write. */
struct raw {
	struct btf_header header;
	uint32_t types[2048];
	uint32_t cnt;
};

static const char strings[] = "\0int\0s\0m";
enum { NAME_INT = 1, NAME_S = 5, NAME_M = 7 };

static void raw_put(struct raw *raw, uint32_t word)
{
	raw->types[raw->cnt++] = word;
}

static void raw_type(struct raw *raw, uint32_t name, uint32_t kind, uint32_t vlen, uint32_t last)
{
	raw_put(raw, name);
	raw_put(raw, kind << 24 | vlen);
	raw_put(raw, last);
}

/* Type 1 is always int. */
static void raw_begin(struct raw *raw)
{
	*raw = (struct raw){};
	raw_type(raw, NAME_INT, BTF_KIND_INT, 0, 4);
	raw_put(raw, BTF_INT_SIGNED << 24 | 32);
}

static int raw_load(struct raw *raw, struct err *err)
{
	size_t types_len = raw->cnt * sizeof(uint32_t),
	       len = sizeof(raw->header) + types_len + sizeof(strings);
	autofree uint8_t *data = malloc(len);
	auto_schema struct schema *schema = NULL;

	raw->header = (struct btf_header){
		.magic = BTF_MAGIC,
		.version = 1,
		.hdr_len = sizeof(raw->header),
		.type_len = types_len,
		.str_off = types_len,
		.str_len = sizeof(strings),
	};
	memcpy(data, &raw->header, sizeof(raw->header));
	memcpy(data + sizeof(raw->header), raw->types, types_len);
	memcpy(data + sizeof(raw->header) + types_len, strings, sizeof(strings));
	return schema_load(&schema, data, len, err);
}

static void struct_in_itself(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_STRUCT, 1, 64);
	raw_put(raw, NAME_M), raw_put(raw, 2), raw_put(raw, 0);
}

static void struct_in_itself_by_array(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_STRUCT, 1, 64);
	raw_put(raw, NAME_M), raw_put(raw, 3), raw_put(raw, 0);
	raw_type(raw, 0, BTF_KIND_ARRAY, 0, 0);
	raw_put(raw, 2), raw_put(raw, 1), raw_put(raw, 1);
}

static void typedef_loop(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_TYPEDEF, 0, 3);
	raw_type(raw, 0, BTF_KIND_CONST, 0, 2);
}

static void pointer_loop(struct raw *raw)
{
	raw_type(raw, 0, BTF_KIND_PTR, 0, 2);
}

static void array_of_itself(struct raw *raw)
{
	raw_type(raw, 0, BTF_KIND_ARRAY, 0, 0);
	raw_put(raw, 2), raw_put(raw, 1), raw_put(raw, 1);
}

static void array_too_large(struct raw *raw)
{
	raw_type(raw, 0, BTF_KIND_ARRAY, 0, 0);
	raw_put(raw, 1), raw_put(raw, 1), raw_put(raw, 0x80000000);
}

static void array_of_void(struct raw *raw)
{
	raw_type(raw, 0, BTF_KIND_ARRAY, 0, 0);
	raw_put(raw, 0), raw_put(raw, 1), raw_put(raw, 4);
}

static void member_outside(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_STRUCT, 1, 4);
	raw_put(raw, NAME_M), raw_put(raw, 1), raw_put(raw, 8);
}

static void member_of_nothing(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_STRUCT, 1, 4);
	raw_put(raw, NAME_M), raw_put(raw, 77), raw_put(raw, 0);
}

static void member_of_void(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_STRUCT, 1, 4);
	raw_put(raw, NAME_M), raw_put(raw, 0), raw_put(raw, 0);
}

static void bits_outside(struct raw *raw)
{
	raw_type(raw, NAME_S, 1 << 7 | BTF_KIND_STRUCT, 1, 4);
	raw_put(raw, NAME_M), raw_put(raw, 1), raw_put(raw, 8 << 24 | 28);
}

static void pointer_to_nothing(struct raw *raw)
{
	raw_type(raw, 0, BTF_KIND_PTR, 0, 3);
}

static void unknown_kind(struct raw *raw)
{
	raw_type(raw, 0, BTF_KIND_DATASEC, 0, 0);
}

static void cut_in_the_middle(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_STRUCT, 5, 4);
}

static void name_outside(struct raw *raw)
{
	raw_type(raw, 1000, BTF_KIND_TYPEDEF, 0, 1);
}

static void no_name(struct raw *raw)
{
	raw_type(raw, 0, BTF_KIND_TYPEDEF, 0, 1);
}

static void func_without_proto(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_FUNC, 0, 1);
}

static void tag_on_nothing(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_DECL_TAG, 0, 9);
	raw_put(raw, -1);
}

static void tag_on_missing_member(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_DECL_TAG, 0, 1);
	raw_put(raw, 0);
}

static void odd_int(struct raw *raw)
{
	raw_type(raw, NAME_S, BTF_KIND_INT, 0, 3);
	raw_put(raw, 24);
}

static void deep_pointers(struct raw *raw)
{
	for (int i = 1; i < 300; i++)
		raw_type(raw, 0, BTF_KIND_PTR, 0, i);
}

static void deep_structs(struct raw *raw)
{
	for (int i = 1; i < 300; i++) {
		raw_type(raw, NAME_S, BTF_KIND_STRUCT, 1, 4);
		raw_put(raw, NAME_M), raw_put(raw, i), raw_put(raw, 0);
	}
}

static void void_parameter(struct raw *raw)
{
	raw_type(raw, 0, BTF_KIND_FUNC_PROTO, 2, 0);
	raw_put(raw, NAME_M), raw_put(raw, 0), raw_put(raw, NAME_M), raw_put(raw, 1);
}

static void every_kind_of_damage_is_refused_in_words(void **state)
{
	static const struct {
		void (*damage)(struct raw *);
		const char *want;
	} cases[] = {
		{struct_in_itself, "type 2 contains itself"},
		{struct_in_itself_by_array, "type 2 contains itself"},
		{typedef_loop, "type 2 contains itself"},
		{pointer_loop, "type 2 contains itself"},
		{array_of_itself, "type 2 contains itself"},
		{array_too_large, "type 2 is too large"},
		{array_of_void, "type 2 is an array of something without a size"},
		{member_outside, "type 2 has a member outside itself"},
		{member_of_nothing, "type 2 has a member of a type that is not there"},
		{member_of_void, "type 2 has a member without a size"},
		{bits_outside, "type 2 has a bit-field outside itself"},
		{pointer_to_nothing, "type 2 leads to a type that is not there"},
		{unknown_kind, "type 2 is of a kind that no schema has"},
		{cut_in_the_middle, "type 2 runs past the end"},
		{name_outside, "type 2 has a name that is not there"},
		{no_name, "type 2 has no name"},
		{func_without_proto, "type 2 is a function without a prototype"},
		{tag_on_nothing, "type 2 is a tag on something that is not there"},
		{tag_on_missing_member, "type 2 is a tag on something that is not there"},
		{odd_int, "type 2 is an integer of an impossible size"},
		{deep_pointers, "type 129 is nested too deep"},
		{deep_structs, "type 129 is nested too deep"},
		{void_parameter, "type 2 has a parameter of a type that is not there"},
	};
	struct raw raw;

	raw_begin(&raw);
	assert_int_equal(raw_load(&raw, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {};
		char want[128];

		raw_begin(&raw);
		cases[i].damage(&raw);
		assert_int_equal(raw_load(&raw, &err), -EBADMSG);
		snprintf(want, sizeof(want), "damaged schema: %s", cases[i].want);
		assert_string_equal(err.msg, want);
	}
}

/* Walk all that a reader would; the sanitizers see the rest. */
static void walk(const struct schema *schema)
{
	char text[128];

	for (uint32_t id = 0; id < btf__type_cnt(schema_btf(schema)); id++) {
		schema_type_text(schema, id, text, sizeof(text));
		assert_true(schema_size(schema, id) <= SCHEMA_SIZE_MAX);
		schema_align(schema, id);
		schema_strip(schema, id);
		schema_is_complex(schema, id);
	}
}

static void flipped_and_cut_bytes_never_hurt(void **state)
{
	auto_schema struct schema *written = sample();
	autofree uint8_t *copy = NULL;
	const void *data;
	size_t len;

	assert_int_equal(schema_bytes(written, &data, &len, NULL), 0);
	copy = malloc(len);
	for (size_t at = 0; at < len; at++) {
		static const uint8_t masks[] = {0x01, 0x80, 0xff, 0x10};

		for (size_t m = 0; m < ARRAY_SIZE(masks); m++) {
			auto_schema struct schema *schema = NULL;
			struct err err = {};
			int r;

			memcpy(copy, data, len);
			copy[at] ^= masks[m];
			r = schema_load(&schema, copy, len, &err);
			assert_true(r == 0 || (r == -EBADMSG && err.msg[0]));
			if (!r)
				walk(schema);
		}
	}
	for (size_t cut = 0; cut < len; cut++) {
		auto_schema struct schema *schema = NULL;
		struct err err = {};

		assert_int_equal(schema_load(&schema, data, cut, &err), -EBADMSG);
		assert_null(schema);
	}
}

static void a_tag_that_says_nonsense_is_refused(void **state)
{
	static const struct {
		const char *tag, *want;
	} cases[] = {
		{"tapedeck.func {", "damaged schema: a tag is not JSON"},
		{"tapedeck.func []", "damaged schema: a tag is not JSON"},
		{"tapedeck.func {}", "damaged schema: a tag of a function is out of order"},
		{"tapedeck.func {\"index\":0}",
		 "damaged schema: a tag of a function says no role, name or alias"},
		{"tapedeck.func {\"index\":0,\"role\":\"input\",\"name\":\"f\",\"alias\":\"f\"}",
		 "damaged schema: a tag has no rules, or too many"},
		{"tapedeck.type {\"rules\":[]}", "damaged schema: a tag of a type is on something else"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_schema struct schema *written = NULL, *read = NULL;
		struct err err = {};
		const void *data;
		size_t len;
		int func;

		assert_int_equal(schema_new(&written, NULL), 0);
		func = add_func(schema_btf(written), add_order(schema_btf(written)));
		assert_true(btf__add_decl_tag(schema_btf(written), cases[i].tag, func, -1) > 0);
		assert_int_equal(schema_bytes(written, &data, &len, &err), 0);
		assert_int_equal(schema_load(&read, data, len, &err), -EBADMSG);
		assert_string_equal(err.msg, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(the_same_types_give_the_same_name),
		cmocka_unit_test(types_have_sizes_alignments_and_words),
		cmocka_unit_test(a_function_is_declared_with_its_names),
		cmocka_unit_test(a_complex_number_is_told_by_its_tag),
		cmocka_unit_test(every_kind_of_damage_is_refused_in_words),
		cmocka_unit_test(flipped_and_cut_bytes_never_hurt),
		cmocka_unit_test(a_tag_that_says_nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
