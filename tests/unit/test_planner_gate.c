// SPDX-License-Identifier: BSD-3-Clause
/* What gates are made of, and what they refuse; tests/integration holds what they decide. */
#include "lib/planner.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/plan.h"
#include "lib/shape.h"
#include "lib/util.h"
#include "tests/support/shop.h"

static struct shape *shape_of(struct shop *s)
{
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)},
				      {"name", s->cptr},
				      {"n", s->i32},
				      {"x", s->f64},
				      {"s", s->slice},
				      {}};
	struct shape *shape = NULL;
	struct shape_fault fault;
	struct err err = {};

	if (shape_build(&shape, s->schema, shop_func(s, "f", 0, params, NULL, 0), &fault, &err))
		fail_msg("%s", err.msg);
	return shape;
}

static int compile(struct plan_gate *out, const struct shape *shape, const char *only_if,
		   struct gate_source source, struct err *err)
{
	auto_expr struct expr *expr = NULL;

	if (only_if && expr_parse(&expr, only_if, err))
		fail_msg("%s", err->msg);
	source.only_if = expr;
	return planner_gate(out, shape, &source, err);
}

static void what_cannot_be_decided_at_entry_is_refused(void **state)
{
	static const struct {
		const char *only_if;
		struct gate_source source;
		const char *message;
	} cases[] = {
		{"x > 1", {}, "'if' uses a floating-point number, which cannot be decided by at entry"},
		{"o->total > 1",
		 {},
		 "'if' uses a floating-point number, which cannot be decided by at entry"},
		{"n == o->code", {}, "'if' uses something that is no number"},
		{"n == 'text'", {}, "'if' compares text with what is none"},
		{NULL, {.by = "x"}, "'by' uses a floating-point number, which cannot be decided by at entry"},
		{NULL, {.carrier = "*o"}, "'carrier' uses something that is no number"},
		{NULL, {.joins = "s"}, "'joins' uses something that is no number"},
	};
	struct shop shop;
	struct shape *shape;

	shop_init(&shop);
	shape = shape_of(&shop);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan_gate gate;
		struct err err = {};

		assert_int_equal(compile(&gate, shape, cases[i].only_if, cases[i].source, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
		assert_true(err.is_usage);
	}
	shape_free(shape);
	shop_release(&shop);
}

static void a_predicate_without_end_is_refused(void **state)
{
	char text[EXPR_TEXT_MAX] = "";
	struct plan_gate gate;
	struct shop shop;
	struct shape *shape;
	struct err err = {};

	shop_init(&shop);
	shape = shape_of(&shop);
	for (int i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%so->next->id + 1 + 2 + 3 == %d",
			 i ? " || " : "", i);
	assert_int_equal(compile(&gate, shape, text, (struct gate_source){}, &err), -E2BIG);
	assert_string_equal(err.msg, "'if' is too long to be decided by at entry");
	shape_free(shape);
	shop_release(&shop);
}

static void a_gate_copies_nothing_and_says_what_it_decides(void **state)
{
	const struct gate_source source = {.by = "name", .carrier = "o"};
	struct plan_gate gate = {};
	struct shop shop;
	struct shape *shape;
	struct err err = {};

	shop_init(&shop);
	shape = shape_of(&shop);
	assert_int_equal(compile(&gate, shape, "o->customer == 'acme' && o->id > 3", source, &err), 0);
	assert_int_equal(gate.flags, PLAN_GATE_WANTED | PLAN_GATE_BY | PLAN_GATE_CARRIES);
	for (unsigned i = 0; i < gate.cnt; i++) {
		assert_int_not_equal(gate.ops[i].kind, PLAN_COPY);
		assert_int_not_equal(gate.ops[i].kind, PLAN_STRING);
		assert_in_range(i + 1 + gate.ops[i].jmp, 0, gate.cnt);
	}
	shape_free(shape);
	shop_release(&shop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_decided_at_entry_is_refused),
		cmocka_unit_test(a_predicate_without_end_is_refused),
		cmocka_unit_test(a_gate_copies_nothing_and_says_what_it_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
