// SPDX-License-Identifier: BSD-3-Clause
#include "replay/cause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/util.h"
#include "replay/verdict.h"

static struct comparison comparison;

static int setup(void **state)
{
	comparison = (struct comparison){.verdict = VERDICT_DIFFERENT};
	return 0;
}

static int teardown(void **state)
{
	comparison_release(&comparison);
	return 0;
}

static void differs(const char *path)
{
	assert_int_equal(differences_add(&comparison.differences, path, cJSON_CreateNumber(1), NULL, NULL),
			 0);
}

static void list(char ***texts, size_t *cnt, const char *text)
{
	*texts = realloc(*texts, (*cnt + 1) * sizeof(**texts));
	(*texts)[(*cnt)++] = strdup(text);
}

static void expect(const char *want)
{
	auto_causes struct causes causes = {};
	char text[4096] = "";

	assert_int_equal(causes_find(&causes, &comparison, NULL), 0);
	for (size_t i = 0; i < causes.cnt; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? "; " : "",
			 causes.text[i]);
	assert_string_equal(text, want);
}

static void elements_and_calls_of_one_kind_are_one_cause(void **state)
{
	differs("reply->lines[3].total");
	differs("reply->lines[12].total");
	differs("calls[orders.notify#2].text");
	differs("calls[orders.notify#14].text");
	expect("reply->lines[].total differs; calls[orders.notify].text differs");
}

static void a_name_keeps_its_digits(void **state)
{
	differs("calls[v2#1].int32");
	differs("calls[log#warn].a");
	expect("calls[v2].int32 differs; calls[log#warn].a differs");
}

static void what_came_first_stands_first(void **state)
{
	differs("return");
	list(&comparison.missing, &comparison.missing_cnt, "calls[get#3]");
	list(&comparison.extra, &comparison.extra_cnt, "calls[put#1]");
	comparison.first = FIRST_EXTRA;
	expect("calls[put] made and not recorded; return differs; calls[get] not made");
	comparison.first = FIRST_MISSING;
	expect("calls[get] not made; return differs; calls[put] made and not recorded");
}

static void a_failure_is_its_reason_without_its_numbers(void **state)
{
	comparison.verdict = VERDICT_FAILED;
	strcpy(comparison.reason, "SIGSEGV at 0x7f12ab in 'total' after call 17");
	expect("SIGSEGV at N in 'total' after call N");
	strcpy(comparison.reason, "'handle/20261126/3e8f01a2b4c5d6e7f8091a2b3c4d5e6f': torn at byte 17");
	expect("'handle/N/N': torn at byte N");
}

static void an_equal_one_has_no_cause(void **state)
{
	comparison.verdict = VERDICT_EQUAL;
	expect("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(elements_and_calls_of_one_kind_are_one_cause),
		TEST(a_name_keeps_its_digits),
		TEST(what_came_first_stands_first),
		TEST(a_failure_is_its_reason_without_its_numbers),
		TEST(an_equal_one_has_no_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
