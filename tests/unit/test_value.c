// SPDX-License-Identifier: BSD-3-Clause
#include "lib/value.h"

#include <bpf/btf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/plan.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "tests/support/made.h"

static struct made m;
static struct pool *pool;

static int setup(void **state)
{
	made_init(&m);
	pool = pool_new();
	return 0;
}

static int teardown(void **state)
{
	pool_free(pool);
	return 0;
}

static void expect(const struct value *value, const char *want)
{
	autofree char *text = json_text(value);

	assert_string_equal(text, want);
}

/* One parameter of @kind and @size in a register. */
static void expect_register(enum shape_kind kind, uint32_t size, bool is_signed, uint64_t reg,
			    const char *want)
{
	struct values values;
	uint16_t n;

	made_init(&m);
	n = made_node(&m, SHAPE_NONE, kind, "x", size, 0);
	m.nodes[n].is_signed = is_signed;
	made_param(&m, n, reg);
	values = made_values(&m, pool);
	expect(values.args[0], want);
	assert_null(values.out[0]);
}

static void a_register_is_narrowed_to_its_type(void **state)
{
	static const struct {
		enum shape_kind kind;
		uint32_t size;
		bool is_signed;
		uint64_t reg;
		const char *want;
	} cases[] = {
		{SHAPE_INT, 1, true, 0xdeadbeefcafebaff, "-1"},
		{SHAPE_INT, 1, false, 0xdeadbeefcafebaff, "255"},
		{SHAPE_INT, 2, true, 0xffff8000, "-32768"},
		{SHAPE_INT, 4, true, 0xdeadbeef80000000, "-2147483648"},
		{SHAPE_INT, 4, false, 0xdeadbeef80000000, "2147483648"},
		{SHAPE_INT, 8, true, UINT64_MAX, "-1"},
		{SHAPE_INT, 8, true, 1ull << 53, "9007199254740992"},
		{SHAPE_INT, 8, true, (1ull << 53) + 1, "\"9007199254740993\""},
		{SHAPE_INT, 8, true, 1ull << 63, "\"-9223372036854775808\""},
		{SHAPE_INT, 8, false, UINT64_MAX, "\"18446744073709551615\""},
		{SHAPE_BOOL, 1, false, 0xffffff00, "false"},
		{SHAPE_BOOL, 1, false, 0xffffff01, "true"},
		{SHAPE_BOOL, 1, false, 0x07, "7"},
		{SHAPE_ENUM, 4, false, 0xdead00000003, "3"},
		{SHAPE_HANDLE, 8, false, 0, "null"},
		{SHAPE_HANDLE, 8, false, 0x1234, "{\"handle\":1}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_register(cases[i].kind, cases[i].size, cases[i].is_signed, cases[i].reg,
				cases[i].want);
}

static void sixteen_bytes_come_from_two_registers(void **state)
{
	uint16_t n = made_node(&m, SHAPE_NONE, SHAPE_INT, "x", 16, 0);

	made_param(&m, n, 5);
	m.shape.params[0].loc =
		(struct abi_loc){.piece = {{ABI_GPR, 0}, {ABI_GPR, 3}}, .pieces_cnt = 2, .size = 16};
	m.call.args[3] = 1;
	expect(made_values(&m, pool).args[0], "\"18446744073709551621\"");
	m.call.args[0] = m.call.args[3] = UINT64_MAX;
	expect(made_values(&m, pool).args[0], "-1");
	m.nodes[n].is_signed = false;
	expect(made_values(&m, pool).args[0], "\"340282366920938463463374607431768211455\"");
}

/* struct { int a, b; double f; }: rdi and xmm0. */
static void make_mixed(void)
{
	uint16_t s = made_node(&m, SHAPE_NONE, SHAPE_STRUCT, "s", 16, 0);

	made_node(&m, s, SHAPE_INT, "a", 4, 0);
	made_node(&m, s, SHAPE_INT, "b", 4, 4);
	made_node(&m, s, SHAPE_FLOAT, "f", 8, 8);
	made_param(&m, s, 7 | 8ull << 32);
	m.shape.params[0].loc =
		(struct abi_loc){.piece = {{ABI_GPR, 0}, {ABI_XMM, 1}}, .pieces_cnt = 2, .size = 16};
}

/* Of recordings made before such registers were read. */
static void only_the_piece_in_a_vector_register_is_unavailable(void **state)
{
	struct values values;

	make_mixed();
	values = made_values(&m, pool);
	expect(values.args[0], "{\"a\":7,\"b\":8,\"f\":{\"unavailable\":\"in a floating-point register\"}}");
	assert_true(values.args[0]->child[2]->is_unread);
}

static void a_piece_in_a_vector_register_comes_from_the_fragment_of_such(void **state)
{
	const double regs[4] = {1, 2, -0.5, 4};

	make_mixed();
	made_in(&m, PLAN_NODE_FPREGS, PLAN_FP_ADDR, regs, sizeof(regs));
	expect(made_values(&m, pool).args[0], "{\"a\":7,\"b\":8,\"f\":-0.5}");
	m.in[0].captured = PLAN_FP_BYTES; /* of a prototype with fewer of them */
	expect(made_values(&m, pool).args[0],
	       "{\"a\":7,\"b\":8,\"f\":{\"unavailable\":\"the floating-point registers could not be read\"}}");
}

static void registers_that_could_not_be_read_are_no_number(void **state)
{
	struct values values;

	make_mixed();
	made_in(&m, PLAN_NODE_FPREGS, PLAN_FP_ADDR, NULL, 32)->captured = 0;
	m.in[0].status = PLAN_FRAGMENT_FAULT;
	values = made_values(&m, pool);
	expect(values.args[0],
	       "{\"a\":7,\"b\":8,\"f\":{\"unavailable\":\"the floating-point registers could not be read\"}}");
	assert_false(values.args[0]->child[1]->is_unread);
	assert_true(values.args[0]->child[2]->is_unread);
}

/* Registers are no memory, whatever a wild pointer says. */
static void no_pointer_leads_into_registers(void **state)
{
	const double regs[2] = {1, 2};
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "p", 8, 0);

	made_node(&m, p, SHAPE_FLOAT, NULL, 8, 0);
	made_param(&m, p, PLAN_FP_ADDR);
	made_in(&m, PLAN_NODE_FPREGS, PLAN_FP_ADDR, regs, sizeof(regs));
	expect(made_values(&m, pool).args[0],
	       "{\"unavailable\":\"memory at 0xfd00000000000000 could not be read\"}");
}

static void an_x87_result_is_read_or_unavailable(void **state)
{
	uint16_t n = made_node(&m, SHAPE_NONE, SHAPE_FLOAT, "return", 16, 0);
	uint8_t regs[(PLAN_FP_ST0 + 1) * PLAN_FP_BYTES] = {};
	long double ld = 0.1L;

	made_result(&m, n, 1);
	m.shape.result.loc.piece[0].place = ABI_X87;
	expect(made_values(&m, pool).result, "{\"unavailable\":\"in a floating-point register\"}");
	memset(regs + sizeof(regs) - 6, 0xee, 6); /* what lies behind the ten bytes is not the value's */
	memcpy(regs + PLAN_FP_ST0 * PLAN_FP_BYTES, &ld, 10);
	made_out(&m, PLAN_NODE_FPREGS, PLAN_FP_ADDR, regs, sizeof(regs));
	expect(made_values(&m, pool).result, "\"0.100000000000000000001\"");
	m.out[0].captured = PLAN_FP_ST0 * PLAN_FP_BYTES;
	expect(made_values(&m, pool).result,
	       "{\"unavailable\":\"the floating-point registers could not be read\"}");
}

static void stack_arguments_are_read_behind_the_return_address(void **state)
{
	static const uint64_t words[] = {0x11, 0xffffffff00000022};
	uint16_t n = made_node(&m, SHAPE_NONE, SHAPE_INT, "x", 4, 0);

	made_param(&m, n, 0);
	m.shape.params[0].loc.piece[0] = (struct abi_piece){ABI_STACK, 8};
	expect(made_values(&m, pool).args[0], "{\"unavailable\":\"memory at 0x7fff0010 could not be read\"}");
	made_in(&m, SHAPE_NONE, m.call.rsp + 8, words, sizeof(words));
	expect(made_values(&m, pool).args[0], "34");
}

static void a_result_in_memory_is_read_where_rax_points(void **state)
{
	static const uint64_t words[] = {1, 2, 3};
	uint16_t s = made_node(&m, SHAPE_NONE, SHAPE_STRUCT, "return", 24, 0);

	made_node(&m, s, SHAPE_INT, "last", 8, 16);
	made_result(&m, s, 0x5000);
	m.shape.result.loc.piece[0].place = ABI_SRET;
	made_out(&m, s, 0x5000, words, sizeof(words));
	expect(made_values(&m, pool).result, "{\"last\":3}");
}

static void a_call_that_did_not_return_has_nothing_that_flows_out(void **state)
{
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_BYTES, "buf", 8, 0);
	struct values values;

	made_param(&m, p, 0x1000);
	made_result(&m, made_node(&m, SHAPE_NONE, SHAPE_INT, "return", 4, 0), 7);
	m.call.left = LEFT_UNWOUND;
	values = made_values(&m, pool);
	assert_null(values.result);
	assert_null(values.out[0]);
}

static void a_pure_out_argument_is_absent_from_args(void **state)
{
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_BYTES, "buf", 8, 0);
	struct values values;

	m.nodes[p].is_out_only = true;
	m.nodes[p].flows = FLOW_OUT;
	made_param(&m, p, 0x1000);
	made_out(&m, p, 0x1000, "abc", 3);
	values = made_values(&m, pool);
	assert_null(values.args[0]);
	expect(values.out[0], "{\"bytes\":\"YWJj\",\"length\":3}");
}

static void a_member_that_flows_the_other_way_is_left_out(void **state)
{
	static const uint64_t words[] = {0x2000, 5};
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "req", 8, 0);
	uint16_t s = made_node(&m, p, SHAPE_STRUCT, NULL, 16, 0);
	struct values values;

	m.nodes[made_node(&m, s, SHAPE_BYTES, "buf", 8, 0)].flows = FLOW_OUT;
	made_node(&m, s, SHAPE_INT, "n", 8, 8);
	made_param(&m, p, 0x1000);
	made_in(&m, p, 0x1000, words, 16);
	values = made_values(&m, pool);
	expect(values.args[0], "{\"n\":5}");
	assert_int_equal(values.args[0]->child[0]->child[0]->bits, 0x2000);
}

static void text_ends_at_its_nul(void **state)
{
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_STRING, "s", 8, 0);
	struct fragment *f;

	made_param(&m, p, 0);
	expect(made_values(&m, pool).args[0], "null");
	m.call.args[0] = 0x1000;
	f = made_in(&m, p, 0x1000, "ab\"c\0rest", 9);
	expect(made_values(&m, pool).args[0], "\"ab\\\"c\"");
	f->bytes = (const uint8_t *)"\xc3\xa9t\xc3\xa9\0";
	expect(made_values(&m, pool).args[0], "\"\xc3\xa9t\xc3\xa9\"");
	f->bytes = (const uint8_t *)"\xc0\x80\xff\0\0\0\0\0";
	expect(made_values(&m, pool).args[0], "{\"bytes\":\"wID/\",\"length\":3}");
}

static void text_cut_by_a_limit_has_no_known_length(void **state)
{
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_STRING, "s", 8, 0);
	struct fragment *f;

	made_param(&m, p, 0x1000);
	f = made_in(&m, p, 0x1000, "abcd", 4);
	f->len = 5;
	expect(made_values(&m, pool).args[0], "{\"truncated\":\"abcd\",\"length\":null}");
	f->status = PLAN_FRAGMENT_FAULT;
	expect(made_values(&m, pool).args[0], "{\"unavailable\":\"memory at 0x1004 could not be read\"}");
	f->captured = 0;
	f->status = PLAN_FRAGMENT_BUDGET;
	expect(made_values(&m, pool).args[0], "{\"unavailable\":\"the limit of a call's bytes was reached\"}");
	m.call.in.cnt = 0;
	m.call.in.steps_cut = true;
	expect(made_values(&m, pool).args[0], "{\"unavailable\":\"the step limit of a call was reached\"}");
}

static void a_length_of_zero_is_empty_and_not_unavailable(void **state)
{
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_BYTES, "b", 8, 0);
	uint16_t a = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "a", 8, 0);
	struct values values;

	made_node(&m, a, SHAPE_INT, NULL, 4, 0);
	m.nodes[a].has_terminator = false;
	m.nodes[a].length = (const void *)"any";
	made_param(&m, p, 0x1000);
	made_param(&m, a, 0x2000);
	made_in(&m, p, 0x1000, NULL, 0);
	made_in(&m, a, 0x2000, NULL, 0);
	values = made_values(&m, pool);
	expect(values.args[0], "{\"bytes\":\"\",\"length\":0}");
	expect(values.args[1], "[]");
}

static void bytes_cut_by_a_limit_say_how_many_there_were(void **state)
{
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_BYTES, "b", 8, 0);
	struct fragment *f;

	made_param(&m, p, 0x1000);
	f = made_in(&m, p, 0x1000, "abc", 3);
	f->len = 100;
	expect(made_values(&m, pool).args[0],
	       "{\"truncated\":{\"bytes\":\"YWJj\",\"length\":3},\"length\":100}");
	f->status = PLAN_FRAGMENT_FAULT;
	expect(made_values(&m, pool).args[0], "{\"unavailable\":\"memory at 0x1003 could not be read\"}");
}

static void long_data_is_joined_and_neighbours_are_not(void **state)
{
	static uint8_t data[2 * PLAN_FRAGMENT_MAX + 10];
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_BYTES, "b", 8, 0);
	struct value *v;

	data[PLAN_FRAGMENT_MAX] = 1;
	data[sizeof(data) - 1] = 2;
	made_param(&m, p, 0x10000);
	for (size_t at = 0; at < sizeof(data); at += PLAN_FRAGMENT_MAX) {
		struct fragment *f = made_in(&m, p, 0x10000 + at, data + at, sizeof(data) - at);

		f->captured = MIN(f->len, PLAN_FRAGMENT_MAX);
	}
	v = made_values(&m, pool).args[0];
	assert_int_equal(v->child[0]->len, sizeof(data));
	assert_memory_equal(v->child[0]->bytes, data, sizeof(data));
	assert_false(v->child[0]->is_truncated);

	/* The same bytes, but the first buffer wanted no more than it had: what follows is another one. */
	m.in[0].len = PLAN_FRAGMENT_MAX;
	assert_int_equal(made_values(&m, pool).args[0]->child[0]->len, PLAN_FRAGMENT_MAX);
}

static void a_counted_array_shows_what_was_captured(void **state)
{
	static const uint32_t words[] = {1, 2, 3};
	uint16_t a = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "a", 8, 0);
	struct fragment *f;

	made_node(&m, a, SHAPE_INT, NULL, 4, 0);
	m.nodes[a].length = (const void *)"any";
	made_param(&m, a, 0x1000);
	f = made_in(&m, a, 0x1000, words, sizeof(words));
	expect(made_values(&m, pool).args[0], "[1,2,3]");
	f->len = 40;
	expect(made_values(&m, pool).args[0], "{\"truncated\":[1,2,3],\"length\":10}");
	f->status = PLAN_FRAGMENT_FAULT;
	expect(made_values(&m, pool).args[0], "{\"unavailable\":\"memory at 0x100c could not be read\"}");
}

static void a_terminated_array_ends_before_its_terminator(void **state)
{
	static const uint64_t argv[] = {0x2000, 0x2002, 0, 0x2000};
	uint16_t a = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "argv", 8, 0);
	uint16_t s = made_node(&m, a, SHAPE_STRING, NULL, 8, 0);
	struct fragment *f;

	m.nodes[a].has_terminator = true;
	made_param(&m, a, 0x1000);
	f = made_in(&m, a, 0x1000, argv, sizeof(argv));
	made_in(&m, s, 0x2000, "a", 2);
	made_in(&m, s, 0x2002, "b", 2);
	expect(made_values(&m, pool).args[0], "[\"a\",\"b\"]");
	f->captured = 16;
	expect(made_values(&m, pool).args[0], "{\"truncated\":[\"a\",\"b\"],\"length\":null}");
}

static void a_pointer_may_lead_into_other_captured_memory(void **state)
{
	static const uint64_t words[] = {10, 20, 30};
	uint16_t a = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "a", 8, 0);
	uint16_t b = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "b", 8, 0);
	struct values values;

	made_node(&m, a, SHAPE_INT, NULL, 8, 0);
	m.nodes[a].length = (const void *)"any";
	made_node(&m, b, SHAPE_INT, NULL, 8, 0);
	made_param(&m, a, 0x1000);
	made_param(&m, b, 0x1010);
	made_in(&m, a, 0x1000, words, 16);
	made_in(&m, 99, 0x1010, words + 2, 8);
	values = made_values(&m, pool);
	expect(values.args[1], "30");
	/* Half of it lies in one fragment, half in the next. */
	m.call.args[1] = 0x100c;
	expect(made_values(&m, pool).args[1], "128849018880");
}

static void two_views_of_one_buffer_keep_their_lengths(void **state)
{
	static const uint64_t views[] = {0x2000, 0x2000};
	uint16_t a = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "iov", 8, 0);
	uint16_t s = made_node(&m, a, SHAPE_STRUCT, NULL, 8, 0);
	uint16_t b = made_node(&m, s, SHAPE_BYTES, "base", 8, 0);

	m.nodes[a].length = (const void *)"any";
	made_param(&m, a, 0x1000);
	made_in(&m, a, 0x1000, views, 16);
	made_in(&m, b, 0x2000, "ab", 2);
	made_in(&m, b, 0x2000, "abc", 3);
	expect(made_values(&m, pool).args[0], "[{\"base\":{\"bytes\":\"YWI=\",\"length\":2}},"
					      "{\"base\":{\"bytes\":\"YWJj\",\"length\":3}}]");
}

/* struct node { struct node *next; int v; } */
static uint16_t add_list(const char *name, uint64_t reg)
{
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, name, 8, 0);
	uint16_t s = made_node(&m, p, SHAPE_STRUCT, NULL, 16, 0), next, s2;

	next = made_node(&m, s, SHAPE_POINTER, "next", 8, 0);
	made_node(&m, s, SHAPE_INT, "v", 8, 8);
	s2 = made_node(&m, next, SHAPE_STRUCT, NULL, 16, 0);
	made_node(&m, s2, SHAPE_POINTER, "next", 8, 0);
	made_node(&m, m.shape.nodes_cnt - 1, SHAPE_STRUCT, NULL, 16, 0);
	made_node(&m, s2, SHAPE_INT, "v", 8, 8);
	for (uint16_t i = s; i < m.shape.nodes_cnt; i++)
		if (m.nodes[i].kind == SHAPE_STRUCT)
			m.nodes[i].type = 7;
	made_param(&m, p, reg);
	return p;
}

static void a_cycle_ends_in_a_reference(void **state)
{
	static const uint64_t first[] = {0x2000, 1}, second[] = {0x1000, 2};
	uint16_t p = add_list("head", 0x1000);
	struct values values;

	made_in(&m, p, 0x1000, first, 16);
	made_in(&m, p + 2, 0x2000, second, 16);
	values = made_values(&m, pool);
	expect(values.args[0], "{\"next\":{\"next\":{\"ref\":\"args.head\"},\"v\":2},\"v\":1}");
	assert_ptr_equal(values.args[0]->child[0]->child[0]->child[0]->child[0]->target,
			 values.args[0]->child[0]);
}

static void a_shared_object_is_shown_once_on_each_side(void **state)
{
	static const uint64_t object[] = {0, 1}, later[] = {0, 2};
	uint16_t a = add_list("a", 0x1000), b = add_list("b", 0x1000);
	struct values values;

	made_in(&m, a, 0x1000, object, 16);
	made_in(&m, b, 0x1000, object, 16);
	made_out(&m, a, 0x1000, later, 16);
	made_out(&m, b, 0x1000, later, 16);
	values = made_values(&m, pool);
	expect(values.args[0], "{\"next\":null,\"v\":1}");
	expect(values.args[1], "{\"ref\":\"args.a\"}");
	expect(values.out[0], "{\"next\":null,\"v\":2}");
	expect(values.out[1], "{\"ref\":\"out.a\"}");
}

static void a_cut_pointer_says_why_unless_it_is_null(void **state)
{
	uint16_t n = made_node(&m, SHAPE_NONE, SHAPE_CUT, "p", 8, 0);

	m.nodes[n].reason = "deeper than 3 pointers";
	made_param(&m, n, 0x1000);
	expect(made_values(&m, pool).args[0], "{\"unavailable\":\"deeper than 3 pointers\"}");
	m.call.args[0] = 0;
	expect(made_values(&m, pool).args[0], "null");
}

static void bit_fields_are_cut_out_and_signed(void **state)
{
	uint16_t s = made_node(&m, SHAPE_NONE, SHAPE_STRUCT, "s", 4, 0), n;

	n = made_node(&m, s, SHAPE_INT, "a", 4, 0);
	m.nodes[n].bit_size = 3;
	n = made_node(&m, s, SHAPE_INT, "b", 4, 0);
	m.nodes[n].bit_offset = 3;
	m.nodes[n].bit_size = 10;
	m.nodes[n].is_signed = false;
	made_param(&m, s, 0x3ff << 3 | 0x7);
	expect(made_values(&m, pool).args[0], "{\"a\":-1,\"b\":1023}");
}

static void anonymous_members_are_flattened_and_unions_are_bytes(void **state)
{
	uint16_t s = made_node(&m, SHAPE_NONE, SHAPE_STRUCT, "s", 8, 0);
	uint16_t inner = made_node(&m, s, SHAPE_STRUCT, NULL, 4, 0);

	made_node(&m, inner, SHAPE_INT, "x", 2, 0);
	made_node(&m, inner, SHAPE_INT, "y", 2, 2);
	made_node(&m, s, SHAPE_UNION, NULL, 2, 4);
	made_node(&m, s, SHAPE_UNION, NULL, 2, 6);
	made_param(&m, s, 0x6665646300020001);
	expect(made_values(&m, pool).args[0], "{\"x\":1,\"y\":2,\"union\":{\"bytes\":\"Y2Q=\",\"length\":2},"
					      "\"union+6\":{\"bytes\":\"ZWY=\",\"length\":2}}");
}

static void fixed_arrays_nest_and_chars_are_text(void **state)
{
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "p", 8, 0);
	uint16_t s = made_node(&m, p, SHAPE_STRUCT, NULL, 12, 0);
	uint16_t rows = made_node(&m, s, SHAPE_ARRAY, "rows", 4, 0), row;
	struct fragment *f;

	m.nodes[rows].count = 2;
	row = made_node(&m, rows, SHAPE_ARRAY, NULL, 2, 0);
	m.nodes[row].count = 2;
	made_node(&m, row, SHAPE_INT, NULL, 1, 0);
	made_node(&m, s, SHAPE_CHARS, "name", 8, 4);
	made_param(&m, p, 0x1000);
	f = made_in(&m, p, 0x1000, "\1\2\3\4abc\0junk", 12);
	expect(made_values(&m, pool).args[0], "{\"rows\":[[1,2],[3,4]],\"name\":\"abc\"}");
	f->captured = 6;
	expect(made_values(&m, pool).args[0],
	       "{\"rows\":[[1,2],[3,4]],\"name\":{\"truncated\":\"ab\",\"length\":8}}");
	f->captured = 3;
	expect(made_values(&m, pool).args[0],
	       "{\"rows\":{\"truncated\":[[1,2]],\"length\":2},"
	       "\"name\":{\"unavailable\":\"only the first 3 bytes were captured\"}}");
	f->status = PLAN_FRAGMENT_FAULT;
	expect(made_values(&m, pool).args[0],
	       "{\"rows\":{\"unavailable\":\"memory at 0x1003 could not be read\"},"
	       "\"name\":{\"unavailable\":\"memory at 0x1003 could not be read\"}}");
}

static void a_flexible_array_is_read_at_its_own_address(void **state)
{
	static const uint32_t n = 3;
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "p", 8, 0);
	uint16_t s = made_node(&m, p, SHAPE_STRUCT, NULL, 4, 0), tail;

	made_node(&m, s, SHAPE_INT, "n", 4, 0);
	tail = made_node(&m, s, SHAPE_BYTES, "data", 0, 4);
	m.nodes[tail].is_inline = true;
	made_param(&m, p, 0x1000);
	made_in(&m, p, 0x1000, &n, 4);
	made_in(&m, tail, 0x1004, "xyz", 3);
	expect(made_values(&m, pool).args[0], "{\"n\":3,\"data\":{\"bytes\":\"eHl6\",\"length\":3}}");
}

static void floats_print_as_short_as_they_can(void **state)
{
	static const struct {
		uint32_t size;
		float f;
		double d;
		const char *want;
	} cases[] = {
		{4, 0.1f, 0, "0.1"},
		{4, 16777216.f, 0, "16777216"},
		{4, -3.4028235e38f, 0, "-3.4028235e+38"},
		{4, __builtin_inff(), 0, "\"inf\""},
		{8, 0, 0.1, "0.1"},
		{8, 0, 0.1 + 0.2, "0.30000000000000004"},
		{8, 0, -0.0, "-0.0"},
		{8, 0, -__builtin_inf(), "\"-inf\""},
		{8, 0, __builtin_nan(""), "\"nan\""},
	};
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "p", 8, 0);
	uint16_t n = made_node(&m, p, SHAPE_FLOAT, NULL, 8, 0);

	made_param(&m, p, 0x1000);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		m.nodes[n].size = cases[i].size;
		m.call.in.cnt = 0;
		made_in(&m, p, 0x1000, cases[i].size == 4 ? (const void *)&cases[i].f : &cases[i].d,
			cases[i].size);
		expect(made_values(&m, pool).args[0], cases[i].want);
	}
}

static void a_long_double_is_a_number_where_that_is_exact(void **state)
{
	long double exact = 0.5L, third = 1.0L / 3;
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "p", 8, 0);

	made_node(&m, p, SHAPE_FLOAT, NULL, 16, 0);
	made_param(&m, p, 0x1000);
	made_in(&m, p, 0x1000, &exact, 16);
	expect(made_values(&m, pool).args[0], "0.5");
	m.in[0].bytes = (const uint8_t *)&third;
	expect(made_values(&m, pool).args[0], "\"0.333333333333333333342\"");
}

static void enums_have_names_of_both_widths(void **state)
{
	auto_schema struct schema *schema = NULL;
	uint16_t small = made_node(&m, SHAPE_NONE, SHAPE_ENUM, "small", 4, 0);
	uint16_t big = made_node(&m, SHAPE_NONE, SHAPE_ENUM, "big", 8, 0);
	struct values values;
	struct btf *btf;

	assert_int_equal(schema_new(&schema, NULL), 0);
	btf = schema_btf(schema);
	m.shape.schema = schema;
	m.nodes[small].type = btf__add_enum(btf, "small", 4);
	btf__add_enum_value(btf, "LOW", -1);
	btf__add_enum_value(btf, "HIGH", 1);
	m.nodes[small].is_signed = true;
	m.nodes[big].type = btf__add_enum64(btf, "big", 8, false);
	btf__add_enum64_value(btf, "HUGE_ONE", 1ull << 40);
	made_param(&m, small, 0xffffffff);
	made_param(&m, big, 1ull << 40);
	values = made_values(&m, pool);
	expect(values.args[0], "\"LOW\"");
	expect(values.args[1], "\"HUGE_ONE\"");
	m.call.args[0] = 9;
	expect(made_values(&m, pool).args[0], "9");
}

static void only_a_long_double_is_printed_of_the_sixteen_byte_floats(void **state)
{
	auto_schema struct schema *schema = NULL;
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "p", 8, 0);
	uint16_t n = made_node(&m, p, SHAPE_FLOAT, NULL, 16, 0);

	assert_int_equal(schema_new(&schema, NULL), 0);
	m.shape.schema = schema;
	m.nodes[n].type = btf__add_float(schema_btf(schema), "_Float128", 16);
	made_param(&m, p, 0x1000);
	made_in(&m, p, 0x1000, "0123456789abcdef", 16);
	expect(made_values(&m, pool).args[0], "{\"bytes\":\"MDEyMzQ1Njc4OWFiY2RlZg==\",\"length\":16}");
}

static void too_many_values_are_cut_and_say_so(void **state)
{
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "p", 8, 0);
	uint16_t a = made_node(&m, p, SHAPE_ARRAY, NULL, 0, 0);
	struct value *v;
	uint8_t *big = calloc(1, VALUE_CNT_MAX + 100);

	m.nodes[a].size = m.nodes[a].count = VALUE_CNT_MAX + 100;
	made_node(&m, a, SHAPE_INT, NULL, 1, 0);
	made_param(&m, p, 0x100000);
	made_in(&m, p, 0x100000, big, VALUE_CNT_MAX + 100);
	v = made_values(&m, pool).args[0]->child[0];
	assert_true(v->is_truncated);
	assert_true(v->child_cnt < VALUE_CNT_MAX);
	assert_int_equal(v->full_len, VALUE_CNT_MAX + 100);
	free(big);
}

static void a_path_is_spelled_as_the_configuration_does(void **state)
{
	static const uint64_t object[] = {0x2000, 0x3000};
	static const uint32_t words[] = {1, 2};
	uint16_t p = made_node(&m, SHAPE_NONE, SHAPE_POINTER, "req", 8, 0);
	uint16_t s = made_node(&m, p, SHAPE_STRUCT, NULL, 16, 0);
	uint16_t a = made_node(&m, s, SHAPE_POINTER, "items", 8, 0);
	uint16_t e = made_node(&m, a, SHAPE_STRUCT, NULL, 4, 0);
	uint16_t c = made_node(&m, s, SHAPE_POINTER, "count", 8, 8);
	const struct value *req;
	static const struct {
		int child[4];
		const char *want;
	} cases[] = {
		{{-1}, "req"},
		{{0, -1}, "req"},
		{{0, 0, -1}, "req->items"},
		{{0, 1, -1}, "req->count"},
		{{0, 1, 0, -1}, "*req->count"},
	};

	m.nodes[a].length = (const void *)"any";
	made_node(&m, e, SHAPE_INT, "sku", 4, 0);
	made_node(&m, c, SHAPE_INT, NULL, 4, 0);
	made_param(&m, p, 0x1000);
	made_in(&m, p, 0x1000, object, 16);
	made_in(&m, a, 0x2000, words, 8);
	made_in(&m, c, 0x3000, words, 4);
	req = made_values(&m, pool).args[0];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct value *v = req;
		autofree char *path = NULL;

		for (size_t j = 0; cases[i].child[j] >= 0; j++)
			v = v->child[cases[i].child[j]];
		path = value_path(v);
		assert_string_equal(path, cases[i].want);
	}
	{
		const struct value *items = req->child[0]->child[0]->child[0];
		autofree char *path = value_path(items->child[1]->child[0]);

		assert_string_equal(path, "req->items[1].sku");
	}
}

static void equal_handles_have_equal_numbers(void **state)
{
	struct handles *handles = handles_new();

	for (uint64_t i = 1; i < 1000; i++)
		assert_int_equal(handles_number(handles, i << 4), i);
	assert_int_equal(handles_number(handles, 7 << 4), 7);
	handles_free(handles);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_register_is_narrowed_to_its_type),
		TEST(sixteen_bytes_come_from_two_registers),
		TEST(only_the_piece_in_a_vector_register_is_unavailable),
		TEST(a_piece_in_a_vector_register_comes_from_the_fragment_of_such),
		TEST(registers_that_could_not_be_read_are_no_number),
		TEST(no_pointer_leads_into_registers),
		TEST(an_x87_result_is_read_or_unavailable),
		TEST(stack_arguments_are_read_behind_the_return_address),
		TEST(a_result_in_memory_is_read_where_rax_points),
		TEST(a_call_that_did_not_return_has_nothing_that_flows_out),
		TEST(a_pure_out_argument_is_absent_from_args),
		TEST(a_member_that_flows_the_other_way_is_left_out),
		TEST(text_ends_at_its_nul),
		TEST(text_cut_by_a_limit_has_no_known_length),
		TEST(a_length_of_zero_is_empty_and_not_unavailable),
		TEST(bytes_cut_by_a_limit_say_how_many_there_were),
		TEST(long_data_is_joined_and_neighbours_are_not),
		TEST(a_counted_array_shows_what_was_captured),
		TEST(a_terminated_array_ends_before_its_terminator),
		TEST(a_pointer_may_lead_into_other_captured_memory),
		TEST(two_views_of_one_buffer_keep_their_lengths),
		TEST(a_cycle_ends_in_a_reference),
		TEST(a_shared_object_is_shown_once_on_each_side),
		TEST(a_cut_pointer_says_why_unless_it_is_null),
		TEST(bit_fields_are_cut_out_and_signed),
		TEST(anonymous_members_are_flattened_and_unions_are_bytes),
		TEST(fixed_arrays_nest_and_chars_are_text),
		TEST(a_flexible_array_is_read_at_its_own_address),
		TEST(floats_print_as_short_as_they_can),
		TEST(a_long_double_is_a_number_where_that_is_exact),
		TEST(enums_have_names_of_both_widths),
		TEST(only_a_long_double_is_printed_of_the_sixteen_byte_floats),
		TEST(too_many_values_are_cut_and_say_so),
		TEST(a_path_is_spelled_as_the_configuration_does),
		TEST(equal_handles_have_equal_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
