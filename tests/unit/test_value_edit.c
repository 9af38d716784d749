// SPDX-License-Identifier: BSD-3-Clause
#include "lib/value_edit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"
#include "tests/support/trial.h"

/* int get(struct order *order), as it came back with 3. */
static struct shop shop;
static struct trial t;
static struct line lines[2];
static struct order order;
static uint8_t blob[4];
static const char *code = "AB12";

static int setup(void **state)
{
	struct shop_param params[] = {{"order"}, {}};

	shop_init(&shop);
	params[0].type = shop_ptr(&shop, shop.order);
	shop_func(&shop, "get", shop.i32, params, NULL, 0);
	lines[0] = (struct line){7, "pen", 120};
	order = (struct order){.id = 5,
			       .lines_cnt = 1,
			       .mode = 2,
			       .is_paid = true,
			       .lines = lines,
			       .customer = "ann",
			       .blob = blob,
			       .color = GREEN,
			       .total = 1.5,
			       .x = 1,
			       .y = 2};
	memcpy(order.code, code, strlen(code));
	trial_init(&t, &shop, 0, NULL, 0);
	t.call.args[0] = (uintptr_t)&order;
	trial_enter(&t);
	t.call.rax = 3;
	trial_leave(&t);
	return 0;
}

static int teardown(void **state)
{
	trial_release(&t);
	shop_release(&shop);
	return 0;
}

static int edit(const char *text, struct err *err)
{
	auto_cjson cJSON *json = cJSON_Parse(text);

	assert_non_null(json);
	return value_edit(&t.call, t.shape, json, t.pool, err);
}

static void shows(const char *wanted)
{
	autofree char *text = trial_json(&t);

	if (!strstr(text, wanted))
		fail_msg("'%s' is not in: %s", wanted, text);
}

static void values_become_what_is_said(void **state)
{
	static const struct {
		const char *json, *shown;
	} cases[] = {
		{"{\"return\": -1}", "\"return\":-1"},
		{"{\"out\": {\"order\": {\"id\": 9}}}", "\"id\":9,\"lines_cnt\":1,"},
		{"{\"out\": {\"order\": {\"is_paid\": false}}}", "\"is_paid\":false"},
		{"{\"out\": {\"order\": {\"total\": -0.25}}}", "\"total\":-0.25"},
		{"{\"out\": {\"order\": {\"code\": \"X\"}}}", "\"code\":\"X\""},
		{"{\"out\": {\"order\": {\"x\": 8, \"y\": -8}}}", "\"x\":8,\"y\":-8"},
		{"{\"out\": {\"order\": {\"customer\": \"bob\"}}}", "\"customer\":\"bob\""},
		{"{\"out\": {\"order\": {\"customer\": \"\"}}}", "\"customer\":\"\""},
		{"{\"out\": {\"order\": {\"lines\": {\"sku\": 8, \"name\": \"ink\"}}}}",
		 "\"lines\":{\"sku\":8,\"name\":\"ink\",\"price\":120}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *before = trial_json(&t);
		struct err err = {};

		assert_null(strstr(before, cases[i].shown));
		if (edit(cases[i].json, &err))
			fail_msg("%s: %s", cases[i].json, err.msg);
		shows(cases[i].shown);
		teardown(NULL);
		setup(NULL);
	}
}

static void what_cannot_become_so_is_said_and_left_as_it_was(void **state)
{
	static const struct {
		const char *json, *said;
	} cases[] = {
		{"{\"return\": \"x\"}", "'return' cannot become \"x\""},
		{"{\"return\": 4294967296}", "'return' cannot become 4294967296"},
		{"{\"out\": {\"nobody\": 1}}", "'nobody' cannot become 1"},
		{"{\"out\": {\"order\": {\"nobody\": 1}}}", "'order' cannot become {\"nobody\":1}"},
		{"{\"out\": {\"order\": null}}", "'order' cannot become null"},
		{"{\"out\": {\"order\": {\"lines_cnt\": 65536}}}",
		 "'order' cannot become {\"lines_cnt\":65536}"},
		{"{\"out\": {\"order\": {\"mode\": 3}}}", "'order' cannot become {\"mode\":3}"},
		{"{\"out\": {\"order\": {\"customer\": \"anna\"}}}",
		 "'order' cannot become {\"customer\":\"anna\"}"},
		{"{\"out\": {\"order\": {\"customer\": null}}}", "'order' cannot become {\"customer\":null}"},
		{"{\"out\": {\"order\": {\"next\": {\"id\": 1}}}}",
		 "'order' cannot become {\"next\":{\"id\":1}}"},
		{"{\"out\": {\"order\": {\"id\": 6}}, \"return\": true}", "'return' cannot become true"},
	};
	autofree char *before = trial_json(&t);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *after = NULL;
		struct err err = {};

		assert_int_equal(edit(cases[i].json, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].said);
		after = trial_json(&t);
		assert_string_equal(after, before);
	}
}

/* It has no NUL, and the customer's pointer lies behind it. */
static void a_text_that_fills_its_array_leaves_what_lies_behind_it(void **state)
{
	struct err err = {};

	teardown(NULL);
	code = "12345678";
	setup(NULL);
	code = "AB12";
	if (edit("{\"out\": {\"order\": {\"code\": \"87654321\"}}}", &err))
		fail_msg("%s", err.msg);
	shows("\"code\":\"87654321\"");
	for (size_t i = 0; i < t.call.out.cnt; i++)
		if (t.call.out.fragments[i].addr == (uintptr_t)&order) {
			const struct order *edited = (const void *)t.call.out.fragments[i].bytes;

			assert_ptr_equal(edited->customer, order.customer);
			return;
		}
	fail_msg("the order is in no fragment");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_become_what_is_said),
		TEST(a_text_that_fills_its_array_leaves_what_lies_behind_it),
		TEST(what_cannot_become_so_is_said_and_left_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
