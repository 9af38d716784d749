// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/config_sizes.h"
#include "lib/err.h"
#include "lib/util.h"

static int parse(struct config **out, const char *text, struct err *err)
{
	return config_parse(out, "t.json", text, strlen(text), err);
}

static void the_largest_size_that_is_reached_says_the_share(void **state)
{
	static const struct {
		const char *category;
		uint64_t bytes;
		double share;
	} cases[] = {
		{"Big", 0, 1},	      {"Big", 99, 1},	   {"Big", 100, 0.5},	{"Big", 65535, 0.5},
		{"Big", 65536, 0.25}, {"Big", 1 << 20, 0}, {"Big", 1 << 30, 0}, {"g", 1 << 20, 1},
		{"f", 1 << 20, 1},    {"h", 10, 0},	   {"h", 9, 1},		{"nothing", 1 << 20, 1},
	};
	auto_size_rates struct size_rates *rates = NULL;
	auto_config struct config *config = NULL;
	struct err err = {};

	if (parse(&config,
		  "{\"operations\": {\"f\": {\"category\": \"Big\", \"sample\": {\"sizes\": "
		  "{\"1M\": 0, \"100\": 0.5, \"64K\": 0.25}}}, \"g\": {}, \"h\": {\"sample\": {\"sizes\": {\"10\": 0}}}}}",
		  &err))
		fail_msg("%s", err.msg);
	assert_int_equal(size_rates_new(&rates, config, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (size_rates_share(cases[i].category, cases[i].bytes, rates) != cases[i].share)
			fail_msg("case %zu: %g", i,
				 size_rates_share(cases[i].category, cases[i].bytes, rates));
}

static void without_sizes_nobody_is_asked(void **state)
{
	auto_config struct config *config = NULL;
	struct size_rates *rates = (void *)1;

	assert_int_equal(parse(&config, "{\"operations\": {\"f\": {}}}", NULL), 0);
	assert_int_equal(size_rates_new(&rates, config, NULL), 0);
	assert_null(rates);
}

static void sizes_that_are_none_are_refused_at_their_place(void **state)
{
	static const struct {
		const char *sizes, *words;
	} cases[] = {
		{"{\"64Q\": 0}", "'64Q' is no size"},
		{"{\"0\": 0}", "'0' is no size"},
		{"{\"-1\": 0}", "'-1' is no size"},
		{"{\"2G\": 0}", "'2G' is no size"},
		{"{\"64K\": 2}", "2 is not between 0 and 1"},
		{"[1]", "expected an object"},
		{"{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":1,\"11\":1,\"12\":1,"
		 "\"13\":1,\"14\":1,\"15\":1,\"16\":1,\"17\":1}",
		 "more than 16 sizes"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct config *config;
		struct err err = {};
		char text[512];

		snprintf(text, sizeof(text), "{\"operations\": {\"f\": {\"sample\": {\"sizes\": %s}}}}",
			 cases[i].sizes);
		assert_int_equal(parse(&config, text, &err), -EINVAL);
		assert_true(err.is_usage);
		if (!strstr(err.msg, cases[i].words) || strncmp(err.msg, "t.json:1:", 9) != 0)
			fail_msg("%s: %s", cases[i].sizes, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_size_that_is_reached_says_the_share),
		cmocka_unit_test(without_sizes_nobody_is_asked),
		cmocka_unit_test(sizes_that_are_none_are_refused_at_their_place),
	};

	return cmocka_run_group_tests_name("sizes", tests, NULL, NULL);
}
