// SPDX-License-Identifier: BSD-3-Clause
#include "lib/json_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"

#define WAY_MAX 6

static const struct {
	const char *what, *text, *way[WAY_MAX], *instead, *value, *want;
} cases[] = {
	{"a value in its place", "{\"a\": 1, \"b\": 2}", {"a"}, NULL, "3", "{\"a\": 3, \"b\": 2}"},
	{"an object for a value",
	 "{\"a\": {\"x\": [1, {}]} /* c */}",
	 {"a"},
	 NULL,
	 "true",
	 "{\"a\": true /* c */}"},
	{"a member behind the others", "{ \"a\": 1 }", {"b"}, NULL, "2", "{ \"a\": 1, \"b\": 2 }"},
	{"the first member", "{}", {"b"}, NULL, "2", "{\"b\": 2}"},
	{"objects on the way", "{\"a\": {}}", {"a", "b", "c"}, NULL, "2", "{\"a\": {\"b\": {\"c\": 2}}}"},
	{"a line of its own, before the last brace",
	 "{\n\t\"a\": 1, // first\n\t\"b\": 2 // second\n}\n",
	 {"c"},
	 NULL,
	 "3",
	 "{\n\t\"a\": 1, // first\n\t\"b\": 2, // second\n\t\"c\": 3\n}\n"},
	{"with the neighbours' indentation, in an object of an object",
	 "{\n  \"in\": {\n    \"get\": {},\n    \"put\": { \"x\": 1 }\n  }\n}",
	 {"in", "del", "args"},
	 NULL,
	 "{}",
	 "{\n  \"in\": {\n    \"get\": {},\n    \"put\": { \"x\": 1 },\n    \"del\": {\"args\": {}}\n  }\n}"},
	{"comments with what looks like members",
	 "// {\"a\": 1}\n{/* \"a\": 2, */ \"b\": \"}\\\"//\", \"a\": {\"k\": 0}}",
	 {"a", "k"},
	 NULL,
	 "5",
	 "// {\"a\": 1}\n{/* \"a\": 2, */ \"b\": \"}\\\"//\", \"a\": {\"k\": 5}}"},
	{"in place of another",
	 "{\"r\": { \"opaque\": true, \"max\": 1 }}",
	 {"r", "depth"},
	 "opaque",
	 "2",
	 "{\"r\": { \"depth\": 2, \"max\": 1 }}"},
	{"not in place of another when it is there",
	 "{\"r\": {\"depth\": 1}}",
	 {"r", "depth"},
	 "opaque",
	 "2",
	 "{\"r\": {\"depth\": 2}}"},
	{"keys as JSON writes them", "{\"a\\u0062\": 1}", {"ab"}, NULL, "2", "{\"a\\u0062\": 2}"},
	{"keys that need quoting", "{}", {"a\"b"}, NULL, "2", "{\"a\\\"b\": 2}"},
};

static void everything_else_stays_as_it_was(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json struct json_doc *before = NULL, *after = NULL;
		auto_buf struct buf out = {};
		struct err err = {};
		size_t cnt = 0;

		buf_init(&out, 4096);
		while (cases[i].way[cnt])
			cnt++;
		assert_int_equal(json_parse(&before, "t", cases[i].text, strlen(cases[i].text), &err), 0);
		assert_int_equal(json_edit_set(&out, cases[i].text, strlen(cases[i].text), cases[i].way, cnt,
					       cases[i].instead, cases[i].value, &err),
				 0);
		if (json_parse(&after, "t", (char *)out.data, out.len, &err))
			fail_msg("%s: %s", cases[i].what, err.msg);
		buf_put_u8(&out, 0);
		if (strcmp((char *)out.data, cases[i].want))
			fail_msg("%s: '%s'", cases[i].what, (char *)out.data);
	}
}

static void what_is_no_object_has_no_members(void **state)
{
	static const char text[] = "{\"a\": [1]}";
	const char *const way[] = {"a", "b"};
	auto_buf struct buf out = {};
	struct err err = {};

	buf_init(&out, 4096);
	assert_int_not_equal(json_edit_set(&out, text, strlen(text), way, 2, NULL, "1", &err), 0);
	assert_string_equal(err.msg, "'a' is no object, and cannot have 'b'");
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_else_stays_as_it_was),
		cmocka_unit_test(what_is_no_object_has_no_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
