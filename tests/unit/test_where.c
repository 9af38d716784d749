// SPDX-License-Identifier: BSD-3-Clause
#include "lib/where.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"

static void conditions_match_by_their_grammar(void **state)
{
	static const struct {
		const char *where;
		bool want;
	} cases[] = {
		{"customer=acme", true},
		{"customer==acme", true},
		{"customer=ac", false},
		{"customer=ac*", true},
		{"customer=[ab]cm?", true},
		{"customer=x,acme,y", true},
		{"customer=x,a*", true},
		{"customer=x,y", false},
		{"customer=", false},
		{"customer!=acme", false},
		{"customer!=x,y", true},
		{"customer!=x,a*", false},
		{"customer<b", true},
		{"customer>b", false},
		{"Customer=acme", false},
		{"comma=a\\,b", true},
		{"comma=a,b", false},
		{"total=100", true},
		{"total=100.0", true},
		{"total=1e2", true},
		{"total=1*", true},
		{"total!=100", false},
		{"total>=100", true},
		{"total<=100", true},
		{"total>100", false},
		{"total<1000", true},
		{"total>9", true},
		{"total<x", false},
		{"total>x", false},
		{"long=1234567890123456", true},
		{"long=*456", true},
		{"long=*457", false},
		{"big>9007199254740992", true},
		{"big<9007199254740994", true},
		{"big=9007199254740993", true},
		{"big=9007199254740992", false},
		{"zip=007", true},
		{"zip=7", false},
		{"negative<-4", true},
		{"negative>-6", true},
		{"ok=true", true},
		{"ok=false", false},
		{"ok!=false", true},
		{"ok>a", false},
		{"function=user", true},
		{"service=orders", true},
		{"recorded_at>=2025-11-25", true},
		{"recorded_at<2025-11-25", false},
		{"empty=", true},
		{"empty!=", false},
		{"list=b", true},
		{"list=c", false},
		{"list!=b", false},
		{"list!=c", true},
		{"list<c", false},
		{"nothing=x", false},
		{"nothing!=x", true},
		{"nothing<1", false},
		{"null!=x", true},
		{"null=null", false},
		{"gone=x", false},
		{"gone!=x", false},
		{"gone<x", false},
	};
	auto_cjson cJSON *doc = cJSON_Parse(
		"{\"service\":\"orders\",\"function\":\"top\",\"recorded_at\":\"2025-11-25T10:00:00Z\",\"user\":{"
		"\"customer\":\"acme\",\"comma\":\"a,b\",\"total\":100,\"big\":\"9007199254740993\",\"long\":1234567890123456,\"zip\":\"007\","
		"\"negative\":-5,\"ok\":true,\"function\":\"user\",\"empty\":\"\",\"list\":[\"a\",\"b\"],\"null\":null,"
		"\"gone\":{\"unavailable\":\"not resident\"}}}");

	assert_non_null(doc);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct where where;

		assert_int_equal(where_parse(&where, cases[i].where, NULL), 0);
		if (where_matches(&where, doc) != cases[i].want)
			fail_msg("'%s' is %d", cases[i].where, !cases[i].want);
	}
}

static void a_document_without_user_is_searched_too(void **state)
{
	auto_cjson cJSON *doc = cJSON_Parse("{\"service\":\"orders\"}");
	struct where where;

	assert_int_equal(where_parse(&where, "service=orders", NULL), 0);
	assert_true(where_matches(&where, doc));
}

static void what_is_no_condition_is_a_usage_error(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{"customer", "condition 'customer': no comparison"},
		{"", "condition '': no comparison"},
		{"a!b", "condition 'a!b': no comparison"},
		{"=x", "condition '=x': no name"},
		{">=3", "condition '>=3': no name"},
	};
	char large[2 * WHERE_TEXT_MAX];
	struct where where;
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(where_parse(&where, cases[i].text, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(
			err.hint,
			"write NAME=VALUE, with one of = != < <= > >=; = takes globs and a,b for either");
		assert_true(err.is_usage);
	}
	memset(large, 'x', sizeof(large));
	large[0] = 'a';
	large[1] = '=';
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(where_parse(&where, large, &err), -EINVAL);
	assert_string_equal(err.msg, "a condition of more than 1023 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_match_by_their_grammar),
		cmocka_unit_test(a_document_without_user_is_searched_too),
		cmocka_unit_test(what_is_no_condition_is_a_usage_error),
	};

	return cmocka_run_group_tests_name("where", tests, NULL, NULL);
}
