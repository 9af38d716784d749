// SPDX-License-Identifier: BSD-3-Clause
#include "lib/alias.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/pool.h"
#include "lib/util.h"
#include "lib/value.h"
#include "tests/support/made.h"

static struct pool *pool;
static struct values values;

static int setup(void **state)
{
	pool = pool_new();
	values = (struct values){.params_cnt = 2, .names = {"name", "n"}};
	values.args[0] = made_pointer(pool, "name", 0x1000, made_text(pool, NULL, "main"));
	values.args[1] = made_int(pool, "n", 7);
	return 0;
}

static int teardown(void **state)
{
	pool_free(pool);
	return 0;
}

static void an_alias_is_filled_in_with_the_values_of_the_call(void **state)
{
	static const struct {
		const char *alias, *want;
	} cases[] = {
		{"get", "get"},		{"db.{name}.get", "db.main.get"}, {"{n}", "7"},
		{"{name}{n}", "main7"}, {"a.{nothing}.b", "a.?.b"},	  {"", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[ALIAS_LEN_MAX];

		alias_fill(text, cases[i].alias, &values);
		assert_string_equal(text, cases[i].want);
	}
}

static void a_long_one_is_cut(void **state)
{
	char text[ALIAS_LEN_MAX], *long_name = calloc(1, ALIAS_LEN_MAX + 100);

	memset(long_name, 'x', ALIAS_LEN_MAX + 99);
	values.args[0] = made_pointer(pool, "name", 0x1000, made_text(pool, NULL, long_name));
	alias_fill(text, "a.{name}", &values);
	assert_int_equal(strlen(text), ALIAS_LEN_MAX - 1);
	free(long_name);
}

static void its_paths_are_canonical(void **state)
{
	char *paths[ALIAS_PATHS_MAX];
	size_t cnt;

	assert_int_equal(alias_paths(paths, &cnt, "db.{(*c).name}.{ n }", NULL), 0);
	assert_int_equal(cnt, 2);
	assert_string_equal(paths[0], "c->name");
	assert_string_equal(paths[1], "n");
	while (cnt)
		free(paths[--cnt]);
}

static void mistakes_are_said(void **state)
{
	static const struct {
		const char *alias, *message;
	} cases[] = {
		{"a{b", "'{' without its '}' in the alias 'a{b'"},
		{"a}b", "'}' without its '{' in the alias 'a}b'"},
		{"{a{b}}", "'{' without its '}' in the alias '{a{b}}'"},
		{"{}", "in the alias: at column 1: expected a path, found the end"},
		{"{return}", "'return' is not known when the call is made"},
		{"{a}{b}{c}{d}{e}{f}{g}{h}{i}", "more than 8 paths in one alias"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *paths[ALIAS_PATHS_MAX];
		struct err err = {};
		size_t cnt;

		assert_int_equal(alias_paths(paths, &cnt, cases[i].alias, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
		assert_int_equal(cnt, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_alias_is_filled_in_with_the_values_of_the_call),
		TEST(a_long_one_is_cut),
		TEST(its_paths_are_canonical),
		TEST(mistakes_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
