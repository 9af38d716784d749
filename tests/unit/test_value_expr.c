// SPDX-License-Identifier: BSD-3-Clause
#include "lib/value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/util.h"
#include "tests/support/made.h"

static struct pool *pool;
static struct values values;

/* f(n, req, name, missing, out): req->items[] of {sku, qty}, *req->count; out flows out. */
static int setup(void **state)
{
	struct value *items, *req;

	pool = pool_new();
	items = made_group(pool, VALUE_ARRAY, NULL,
			   made_group(pool, VALUE_STRUCT, NULL, made_text(pool, "sku", "A1"),
				      made_int(pool, "qty", 3), NULL),
			   made_group(pool, VALUE_STRUCT, NULL, made_text(pool, "sku", "B2"),
				      made_int(pool, "qty", 4), NULL),
			   NULL);
	req = made_group(pool, VALUE_STRUCT, NULL, made_pointer(pool, "items", 0x2000, items),
			 made_pointer(pool, "count", 0x3000, made_int(pool, NULL, 2)),
			 made_pointer(pool, "none", 0, NULL),
			 made_unavailable(pool, "lost", "memory at 0x9 could not be read"), NULL);
	values = (struct values){
		.params_cnt = 5,
		.names = {"n", "req", "name", "missing", "out"},
		.args = {made_int(pool, "n", -7), made_pointer(pool, "req", 0x1000, req),
			 made_pointer(pool, "name", 0x4000, made_text(pool, NULL, "acme")), NULL,
			 made_pointer(pool, "out", 0x5000, made_int(pool, NULL, 1))},
		.out = {[4] = made_pointer(pool, "out", 0x5000, made_int(pool, NULL, 2))},
		.result = made_int(pool, "return", -1),
		.has_errno = true,
		.error_number = ENOENT,
	};
	return 0;
}

static int teardown(void **state)
{
	pool_free(pool);
	return 0;
}

static int eval(const char *text, enum value_when when, int64_t *out, struct err *err)
{
	auto_expr struct expr *expr = NULL;

	assert_int_equal(expr_parse(&expr, text, err), 0);
	return values_eval(&values, expr, when, out, err);
}

static void expressions_see_values(void **state)
{
	static const struct {
		const char *text;
		enum value_when when;
		int64_t want;
	} cases[] = {
		{"n", VALUE_AT_ENTRY, -7},
		{"n % 4", VALUE_AT_ENTRY, -3},
		{"n / 0", VALUE_AT_ENTRY, 0},
		{"-n * 2 - 1", VALUE_AT_ENTRY, 13},
		{"min(n, 3) + max(n, 3)", VALUE_AT_ENTRY, -4},
		{"req->items[1].qty", VALUE_AT_ENTRY, 4},
		{"req->items->qty", VALUE_AT_ENTRY, 3},
		{"req->items[].qty", VALUE_AT_ENTRY, 3},
		{"*req->count", VALUE_AT_ENTRY, 2},
		{"req->count[0]", VALUE_AT_ENTRY, 2},
		{"req->none == 0", VALUE_AT_ENTRY, 1},
		{"req != 0 && !req->none", VALUE_AT_ENTRY, 1},
		{"name == 'acme'", VALUE_AT_ENTRY, 1},
		{"name != \"acme\"", VALUE_AT_ENTRY, 0},
		{"name == 'acm'", VALUE_AT_ENTRY, 0},
		{"name == 0", VALUE_AT_ENTRY, 0},
		{"req->none == 'x'", VALUE_AT_ENTRY, 0},
		{"req->items[0].sku == 'A1'", VALUE_AT_ENTRY, 1},
		{"sizeof(n)", VALUE_AT_ENTRY, 8},
		{"*out", VALUE_AT_ENTRY, 1},
		{"*out", VALUE_AT_RETURN, 2},
		{"entry(*out) * 10 + *out", VALUE_AT_RETURN, 12},
		{"return < 0 && errno == 2", VALUE_AT_RETURN, 1},
		/* What decides first is enough. */
		{"1 || req->lost", VALUE_AT_ENTRY, 1},
		{"0 && missing", VALUE_AT_ENTRY, 0},
		{"9223372036854775807 + 1 < 0", VALUE_AT_ENTRY, 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {};
		int64_t v = 12345;
		int r = eval(cases[i].text, cases[i].when, &v, &err);

		if (r || v != cases[i].want)
			fail_msg("%s: %d, %ld: %s", cases[i].text, r, (long)v, err.msg);
	}
}

static void what_is_missing_is_named(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"1 + req->lost", "'req->lost' is unavailable: memory at 0x9 could not be read"},
		{"req->lost.x", "'req->lost.x' is unavailable: memory at 0x9 could not be read"},
		{"missing", "'missing' is not in this call"},
		{"req->none->x", "'req->none->x' lies behind a NULL pointer"},
		{"req->items[7].qty", "'req->items[7].qty' is not in this call"},
		{"return", "'return' is not in this call"},
		{"errno", "'errno' was not read in this call"},
		{"name == 5", "a string can be compared with a string or 0 only"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {};
		int64_t v = 12345;

		assert_int_equal(eval(cases[i].text, VALUE_AT_ENTRY, &v, &err), -ENODATA);
		assert_string_equal(err.msg, cases[i].want);
		assert_int_equal(v, 12345);
	}
}

static void a_cut_string_is_not_called_equal(void **state)
{
	struct err err = {};
	int64_t v;

	values.args[2]->child[0]->is_truncated = true;
	assert_int_equal(eval("name == 'acme inc'", VALUE_AT_ENTRY, &v, &err), -ENODATA);
	assert_string_equal(err.msg, "a string that a limit cut cannot be compared to its end");
	assert_int_equal(eval("name == 'emca'", VALUE_AT_ENTRY, &v, &err), 0);
	assert_int_equal(v, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(expressions_see_values),
		TEST(what_is_missing_is_named),
		TEST(a_cut_string_is_not_called_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
