// SPDX-License-Identifier: BSD-3-Clause
#include "lib/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/util.h"
#include "tests/support/shop.h"

#define IN    FLOW_IN
#define OUT   FLOW_OUT
#define INOUT (FLOW_IN | FLOW_OUT)

static struct shape *shape_of(struct shop *s, int result, const struct shop_param *params,
			      const struct rule *rules, size_t cnt)
{
	struct shape *shape = NULL;
	struct shape_fault fault;
	struct err err = {};
	size_t func = shop_func(s, "f", result, params, rules, cnt);

	if (shape_build(&shape, s->schema, func, &fault, &err))
		fail_msg("%s", err.msg);
	return shape;
}

static const struct shape_node *at(const struct shape *shape, const char *text)
{
	auto_path struct path path = {};
	struct err err = {};
	uint16_t node;

	assert_int_equal(path_parse(&path, text, &err), 0);
	if (shape_resolve(shape, SHAPE_NONE, &path, &node, &err))
		fail_msg("%s: %s", text, err.msg);
	return &shape->nodes[node];
}

static void every_type_has_its_kind(void **state)
{
	struct shop *s = *state;
	const struct {
		int type;
		enum shape_kind kind;
		uint8_t flows;
		bool is_signed;
	} cases[] = {
		{s->i8, SHAPE_INT, 0, true},
		{s->u64, SHAPE_INT, 0, false},
		{s->i128, SHAPE_INT, 0, true},
		{s->size, SHAPE_INT, 0, false},
		{s->ch, SHAPE_INT, 0, true},
		{s->boolean, SHAPE_BOOL, 0, false},
		{s->color, SHAPE_ENUM, 0, false},
		{s->f64, SHAPE_FLOAT, 0, false},
		{s->slice, SHAPE_STRUCT, 0, false},
		{s->cptr, SHAPE_STRING, IN, false},
		{s->sptr, SHAPE_HANDLE, 0, false},
		{s->vptr, SHAPE_HANDLE, 0, false},
		{s->cvptr, SHAPE_HANDLE, 0, false},
		{s->blob, SHAPE_HANDLE, 0, false},
		{s->callback, SHAPE_HANDLE, 0, false},
		{shop_cptr(s, s->unknown), SHAPE_HANDLE, 0, false},
		{shop_ptr(s, s->i32), SHAPE_POINTER, INOUT, false},
		{shop_cptr(s, s->i32), SHAPE_POINTER, IN, false},
		{btf__add_const(s->btf, shop_ptr(s, s->i32)), SHAPE_POINTER, INOUT, false},
		{shop_ptr(s, btf__add_typedef(s->btf, "cint", btf__add_const(s->btf, s->i32))), SHAPE_POINTER,
		 IN, false},
		{shop_ptr(s, btf__add_volatile(s->btf, btf__add_const(s->btf, s->ch))), SHAPE_STRING, IN,
		 false},
		{shop_ptr(s, s->u8), SHAPE_POINTER, INOUT, false},
		{shop_ptr(s, s->sptr), SHAPE_POINTER, INOUT, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct shop_param params[] = {{"x", cases[i].type}, {}};
		auto_shape struct shape *shape = shape_of(s, 0, params, NULL, 0);
		const struct shape_node *n = at(shape, "x");

		if (n->kind != cases[i].kind || n->flows != cases[i].flows ||
		    n->is_signed != cases[i].is_signed)
			fail_msg("case %zu: kind %d, flows %d, signed %d", i, n->kind, n->flows,
				 n->is_signed);
	}
}

static void a_returned_char_pointer_is_text(void **state)
{
	struct shop *s = *state;
	auto_shape struct shape *shape = shape_of(s, s->sptr, (struct shop_param[]){{}}, NULL, 0);

	assert_int_equal(at(shape, "return")->kind, SHAPE_STRING);
	assert_int_equal(at(shape, "return")->flows, OUT);
	assert_string_equal(at(shape, "return")->name, "return");
}

static void a_void_function_has_no_result(void **state)
{
	struct shop *s = *state;
	auto_shape struct shape *shape = shape_of(s, 0, (struct shop_param[]){{"", s->i32}, {}}, NULL, 0);

	assert_int_equal(shape->result.node, SHAPE_NONE);
	assert_string_equal(shape->nodes[shape->params[0].node].name, "arg0");
	assert_true(shape->reads_errno);
}

static void pointers_are_followed_to_depth_3_breadth_first(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)}, {"n", s->i32}, {}};
	auto_shape struct shape *shape = shape_of(s, 0, params, NULL, 0);
	int depth = 0;

	assert_int_equal(at(shape, "o->next->next->id")->depth, 3);
	assert_int_equal(at(shape, "o->next->next->next")->kind, SHAPE_CUT);
	assert_string_equal(at(shape, "o->next->next->next")->reason, "deeper than depth 3");
	assert_int_equal(at(shape, "o->next->next->customer")->kind, SHAPE_CUT);
	assert_int_equal(at(shape, "o->next->customer")->kind, SHAPE_STRING);
	assert_int_equal(at(shape, "o->next")->flows, IN);
	assert_int_equal(at(shape, "o->code")->kind, SHAPE_CHARS);
	assert_int_equal(at(shape, "o->u")->kind, SHAPE_UNION);
	assert_int_equal(at(shape, "o->priv")->kind, SHAPE_HANDLE);
	assert_int_equal(at(shape, "o->note")->kind, SHAPE_HANDLE);
	assert_int_equal(at(shape, "o->y")->offset, 4);
	assert_int_equal(at(shape, "o->mode")->offset, 6);
	assert_int_equal(at(shape, "o->mode")->bit_size, 3);
	assert_int_equal(at(shape, "o->tags_cnt")->bit_offset, 3);
	assert_false(shape->is_cut);
	for (size_t i = 0; i < shape->nodes_cnt; i++) {
		assert_true(shape->nodes[i].depth >= depth);
		depth = shape->nodes[i].depth;
	}
}

static void a_rule_sets_the_depth_beneath_its_path(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)}, {"p", shop_cptr(s, s->order)}, {}};
	struct rule rules[] = {{.path = "o", .depth = 1},
			       {.path = "p->next->next->next->next->priv", .is_opaque = true}};
	auto_shape struct shape *shape = shape_of(s, 0, params, rules, ARRAY_SIZE(rules));

	assert_string_equal(at(shape, "o->next")->reason, "deeper than depth 1");
	assert_string_equal(at(shape, "o->customer")->reason, "deeper than depth 1");
	assert_int_equal(at(shape, "p->next->next->next->next->priv")->kind, SHAPE_HANDLE);
	assert_int_equal(at(shape, "p->next->next->next->next->customer")->kind, SHAPE_CUT);
}

static void rules_say_what_types_cannot(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_ptr(s, s->order)},   {"buf", s->vptr},
				      {"argv", shop_ptr(s, s->sptr)}, {"what", s->cvptr},
				      {"out", shop_ptr(s, s->i32)},   {}};
	struct rule rules[] = {
		{.path = "o", .direction = DIRECTION_IN},
		{.path = "o->lines", .count_text = "o->lines_cnt", .max = 10},
		{.path = "o->lines[]->name", .max = 64},
		{.path = "o->blob", .bytes_text = "min(o->blob_len, 100)"},
		{.path = "o->note", .is_string = true},
		{.path = "buf", .bytes_text = "return"},
		{.path = "argv", .has_terminator = true},
		{.path = "argv[]", .is_string = true},
		{.path = "what", .type = "struct line"},
		{.path = "*out", .direction = DIRECTION_OUT},
	};
	auto_shape struct shape *shape = shape_of(s, s->i64, params, rules, ARRAY_SIZE(rules));

	assert_int_equal(at(shape, "o")->flows, IN);
	assert_true(at(shape, "o")->is_explicit);
	assert_int_equal(at(shape, "o->lines")->kind, SHAPE_POINTER);
	assert_int_equal(at(shape, "o->lines")->max, 10);
	assert_int_equal(at(shape, "o->lines")->scope, SHAPE_NONE);
	assert_non_null(at(shape, "o->lines")->length);
	assert_int_equal(at(shape, "o->lines[].name")->max, 64);
	assert_int_equal(at(shape, "o->lines[2].name")->kind, SHAPE_STRING);
	assert_int_equal(at(shape, "o->blob")->kind, SHAPE_BYTES);
	assert_int_equal(at(shape, "o->blob")->max, RULE_BYTES_DEFAULT);
	assert_int_equal(at(shape, "o->note")->kind, SHAPE_STRING);
	assert_int_equal(at(shape, "buf")->kind, SHAPE_BYTES);
	assert_int_equal(at(shape, "buf")->flows, OUT);
	assert_true(at(shape, "buf")->is_out_only);
	assert_true(at(shape, "argv")->has_terminator);
	assert_int_equal(at(shape, "argv[]")->kind, SHAPE_STRING);
	assert_int_equal(at(shape, "what")->kind, SHAPE_POINTER);
	assert_int_equal(at(shape, "what->sku")->kind, SHAPE_INT);
	assert_true(at(shape, "what")->is_const);
	assert_int_equal(at(shape, "out")->flows, OUT);
	assert_int_equal(at(shape, "*out")->kind, SHAPE_INT);
}

static void a_types_rules_hold_wherever_it_appears(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)}, {"p", shop_cptr(s, s->order)}, {}};
	struct rule types[] = {{.path = "lines", .count_text = "lines_cnt"},
			       {.path = "note", .is_string = true}};
	struct rule rules[] = {{.path = "p->lines", .is_opaque = true}};

	shop_type_rules(s, s->order, types, ARRAY_SIZE(types));
	{
		auto_shape struct shape *shape = shape_of(s, 0, params, rules, ARRAY_SIZE(rules));
		const struct shape_node *lines = at(shape, "o->next->lines");

		assert_non_null(lines->length);
		assert_int_equal(lines->scope, lines->parent);
		assert_int_equal(at(shape, "o->next->note")->kind, SHAPE_STRING);
		assert_int_equal(at(shape, "p->note")->kind, SHAPE_STRING);
		assert_int_equal(at(shape, "p->lines")->kind, SHAPE_HANDLE);
	}
}

static void a_flexible_array_needs_a_count(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"p", shop_cptr(s, s->packet)},
				      {"b", shop_cptr(s, s->batch)},
				      {"q", shop_cptr(s, s->batch)},
				      {}};
	struct rule rules[] = {{.path = "p->data", .count_text = "p->len"},
			       {.path = "b->lines", .count_text = "b->cnt"}};
	auto_shape struct shape *shape = shape_of(s, 0, params, rules, ARRAY_SIZE(rules));

	assert_int_equal(at(shape, "p->data")->kind, SHAPE_BYTES);
	assert_true(at(shape, "p->data")->is_inline);
	assert_int_equal(at(shape, "b->lines")->kind, SHAPE_ARRAY);
	assert_int_equal(at(shape, "b->lines")->flows, IN);
	assert_int_equal(at(shape, "b->lines[].name")->kind, SHAPE_STRING);
	assert_int_equal(at(shape, "q->lines")->kind, SHAPE_CUT);
	assert_string_equal(at(shape, "q->lines")->reason, "a flexible array needs a \"count\"");
}

static void a_pointer_flows_as_what_is_beneath_it(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)}, {}};
	struct rule rules[] = {{.path = "o->note", .bytes_text = "o->blob_len", .direction = DIRECTION_OUT}};
	auto_shape struct shape *shape = shape_of(s, 0, params, rules, ARRAY_SIZE(rules));

	assert_int_equal(at(shape, "o->note")->flows, OUT);
	assert_int_equal(at(shape, "o")->flows, INOUT);
	assert_false(at(shape, "o")->is_out_only);
	assert_int_equal(at(shape, "o->next")->flows, IN);
}

static void too_many_values_cut_the_deepest_pointers(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)},
				      {"p", shop_cptr(s, s->order)},
				      {"q", shop_cptr(s, s->order)},
				      {"r", shop_cptr(s, s->order)},
				      {"last", s->i32},
				      {}};
	struct rule rules[] = {{.path = "o", .depth = RULE_DEPTH_TREE},
			       {.path = "p", .depth = RULE_DEPTH_TREE},
			       {.path = "q", .depth = RULE_DEPTH_TREE},
			       {.path = "r", .depth = RULE_DEPTH_TREE}};
	auto_shape struct shape *shape = shape_of(s, 0, params, rules, ARRAY_SIZE(rules));
	bool told = false;

	assert_true(shape->is_cut);
	assert_true(shape->nodes_cnt <= SHAPE_NODES_MAX);
	assert_int_equal(at(shape, "last")->kind, SHAPE_INT);
	assert_int_equal(at(shape, "o->next->next->next->next->id")->kind, SHAPE_INT);
	for (size_t i = 0; i < shape->nodes_cnt; i++)
		if (shape->nodes[i].kind == SHAPE_CUT)
			told |= !strcmp(shape->nodes[i].reason,
					"the shape of this function has too many values");
	assert_true(told);
}

static void wrong_rules_are_told_in_words(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"req", shop_ptr(s, s->order)},
				      {"n", s->i32},
				      {"text", s->cptr},
				      {"buf", s->vptr},
				      {"f", s->f64},
				      {}};
	const struct {
		struct rule rule;
		const char *msg, *hint;
	} cases[] = {
		{{.path = "rek", .depth = 1}, "'rek': no parameter 'rek'", "did you mean 'req'?"},
		{{.path = "req->line", .is_opaque = true},
		 "'req->line': no member 'line' in 'struct order'",
		 "did you mean 'lines'?"},
		{{.path = "n->x", .is_opaque = true}, "'n->x': 'n' has no members: its type is 'int'", ""},
		{{.path = "buf->x", .is_opaque = true},
		 "'buf->x': 'buf' has no members: its type is 'void *'",
		 "say what it points to with \"type\""},
		{{.path = "return", .is_opaque = true},
		 "'return': there is no 'return': the function is void",
		 ""},
		{{.path = "n", .bytes_text = "4"},
		 "'bytes' on 'n', which is no pointer: its type is 'int'",
		 ""},
		{{.path = "n", .direction = DIRECTION_OUT},
		 "'direction' on 'n', which is no pointer: its type is 'int'",
		 ""},
		{{.path = "req", .is_string = true},
		 "'string' on 'req', which points to 'struct order', not to characters",
		 ""},
		{{.path = "req->customer", .is_string = true, .is_file = true},
		 "'file' on 'req->customer', which is no parameter",
		 ""},
		{{.path = "n", .is_string = true, .is_file = true},
		 "'file' on 'n', which is no pointer: its type is 'int'",
		 ""},
		{{.path = "...", .is_opaque = true},
		 "'...' can have no rule: the parameter that it hangs on has",
		 ""},
		{{.path = "file(text)", .is_opaque = true},
		 "'file(text)' can have no rule: the parameter that it hangs on has",
		 ""},
		{{.path = "text", .is_format = true},
		 "'format' on 'text', whose function has neither variable arguments nor a va_list",
		 ""},
		{{.path = "req->customer", .is_format = true},
		 "'format' on 'req->customer', which is no parameter",
		 ""},
		{{.path = "req", .is_string = true, .is_format = true},
		 "'format' on 'req', which points to 'struct order', not to characters",
		 ""},
		{{.path = "req->blob", .bytes_text = "1", .count_text = "1"},
		 "'req->blob' has both 'bytes' and 'count'",
		 "keep the one that says what 'req->blob' points to"},
		{{.path = "buf", .count_text = "n"},
		 "'count' on 'buf', whose elements 'void' have no size",
		 "say what they are with \"type\", or how many bytes with \"bytes\""},
		{{.path = "buf", .direction = DIRECTION_OUT},
		 "'direction' on 'buf', which is an opaque pointer",
		 "say what it points to: \"string\", \"bytes\", \"count\" or \"type\""},
		{{.path = "buf", .type = "struct oder"},
		 "no type 'struct oder' for 'buf'",
		 "did you mean 'struct order'?"},
		{{.path = "text", .direction = DIRECTION_OUT},
		 "'text' points to const: nothing flows out through it",
		 ""},
		{{.path = "text", .max = 100000},
		 "'max' of 'text' is 100000, and a string's is at most 16384",
		 ""},
		{{.path = "req", .max = 10},
		 "'max' on 'req', which points to one value",
		 "add \"count\", \"bytes\" or \"terminator\""},
		{{.path = "req", .has_terminator = true},
		 "'terminator' on 'req', whose elements 'struct order' are neither numbers nor pointers",
		 ""},
		{{.path = "text", .has_terminator = true},
		 "'terminator' on 'text', which points to characters",
		 "\"string\": true is text up to its NUL"},
		{{.path = "buf", .bytes_text = "m"},
		 "length of 'buf': no parameter 'm'",
		 "the parameters are 'req', 'n', 'text', 'buf', 'f'"},
		{{.path = "buf", .bytes_text = "f"}, "length of 'buf': 'f' does not end at an integer", ""},
		{{.path = "buf", .bytes_text = "text == \"x\""},
		 "length of 'buf': a length cannot compare text",
		 ""},
		{{.path = "buf", .bytes_text = "errno", .direction = DIRECTION_IN},
		 "length of 'buf': 'errno' is not known at entry",
		 "add \"direction\": \"out\" if it is filled by the function"},
		{{.path = "req->blob", .bytes_text = "req->lines[].sku"},
		 "length of 'req->blob': '[]' names an element that this is no part of",
		 ""},
		{{.path = "n", .tag = "n"}, "'tag' on 'n', which is no union: its type is 'int'", ""},
		{{.path = "req->u", .tag = "req->kind"},
		 "tag of 'req->u': no member 'kind' in 'struct order'",
		 "did you mean 'id'?"},
		{{.path = "req->u", .tag = "f"}, "tag of 'req->u': 'f' does not end at an integer", ""},
		{{.path = "req->u", .tag = "req->color"},
		 "no value of tag 'req->color' names a member of 'union {...}'",
		 "say which value means which: \"cases\": {\"1\": \"member\"}"},
		{{.path = "req->u",
		  .tag = "req->color",
		  .cases = (struct rule_case[]){{"GREN", "word"}},
		  .cases_cnt = 1},
		 "case 'GREN' of 'req->u' is neither a number nor a value of its tag",
		 "did you mean 'GREEN'?"},
		{{.path = "req->u",
		  .tag = "req->color",
		  .cases = (struct rule_case[]){{"5", "wrd"}},
		  .cases_cnt = 1},
		 "no member 'wrd' in the union 'req->u'",
		 "did you mean 'word'?"},
		{{.path = "req->u.word", .is_opaque = true},
		 "'req->u.word': 'u' is a union, whose members are not told apart",
		 "say what tells its live member with \"tag\""},
		{{.path = "req->lines[0].name", .is_opaque = true},
		 "'req->lines[0].name' names one element: a rule holds for each, '[]'",
		 ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t func = shop_func(s, "g", 0, params, &cases[i].rule, 1);
		struct shape *shape = (void *)1;
		struct shape_fault fault;
		struct err err = {};

		assert_int_equal(shape_build(&shape, s->schema, func, &fault, &err), -EINVAL);
		assert_ptr_equal(shape, (void *)1);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.hint, cases[i].hint);
		assert_true(err.is_usage);
		assert_int_equal(fault.rule, 0);
		assert_int_equal(fault.type_rule, -1);
	}
}

static void a_types_wrong_rule_is_found_where_the_type_is(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"p", shop_cptr(s, s->line)}, {}};
	struct rule rule = {.path = "name", .bytes_text = "length"};
	struct shape *shape;
	struct shape_fault fault;
	struct err err = {};
	size_t func = shop_func(s, "f", 0, params, NULL, 0);

	shop_type_rules(s, s->wide, &rule, 1);
	shop_type_rules(s, s->line, &rule, 1);
	assert_int_equal(shape_build(&shape, s->schema, func, &fault, &err), -EINVAL);
	assert_string_equal(err.msg, "length of 'name': no member 'length' in 'struct line'");
	assert_int_equal(fault.rule, -1);
	assert_int_equal(fault.type_rule, 1);
}

/* What is written of a node leads back to it, so that people can put it into a configuration. */
static void every_node_has_a_path_that_leads_to_it(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_ptr(s, s->order)},
				      {"out", shop_ptr(s, shop_ptr(s, s->line))},
				      {"lines", shop_ptr(s, shop_ptr(s, s->line))},
				      {}};
	struct rule rules[] = {
		{.path = "o->lines", .count_text = "o->lines_cnt"},
		{.path = "o->tags", .has_terminator = true},
		{.path = "lines", .count_text = "o->lines_cnt"},
	};
	static const char *const written[] = {"o",
					      "*o->blob",
					      "(*out)->name",
					      "lines[]->sku",
					      "o->lines[].name",
					      "o->next->next->next",
					      "return->price"};
	auto_shape struct shape *shape = shape_of(s, shop_ptr(s, s->line), params, rules, ARRAY_SIZE(rules));
	char text[SHAPE_PATH_MAX];
	size_t met = 0;

	for (uint16_t i = 0; i < shape->nodes_cnt; i++) {
		if (!shape->nodes[i].name && shape->nodes[i].kind == SHAPE_STRUCT)
			continue;
		shape_path(shape, i, text, sizeof(text));
		for (size_t k = 0; k < ARRAY_SIZE(written); k++)
			met += !strcmp(text, written[k]);
		if (shape->nodes[i].name)
			assert_ptr_equal(at(shape, text), &shape->nodes[i]);
	}
	assert_int_equal(met, ARRAY_SIZE(written));
	shape_path(shape, at(shape, "o->next->next->next") - shape->nodes, text, 8);
	assert_string_equal(text, "o->next");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_type_has_its_kind),
		TEST(a_returned_char_pointer_is_text),
		TEST(a_void_function_has_no_result),
		TEST(pointers_are_followed_to_depth_3_breadth_first),
		TEST(a_rule_sets_the_depth_beneath_its_path),
		TEST(rules_say_what_types_cannot),
		TEST(a_types_rules_hold_wherever_it_appears),
		TEST(a_flexible_array_needs_a_count),
		TEST(a_pointer_flows_as_what_is_beneath_it),
		TEST(too_many_values_cut_the_deepest_pointers),
		TEST(wrong_rules_are_told_in_words),
		TEST(a_types_wrong_rule_is_found_where_the_type_is),
		TEST(every_node_has_a_path_that_leads_to_it),
	};

	return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
