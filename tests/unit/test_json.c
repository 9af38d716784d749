// SPDX-License-Identifier: BSD-3-Clause
#include "lib/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"

static struct json_doc *parse(const char *text)
{
	struct json_doc *doc = NULL;
	struct err err = {};

	if (json_parse(&doc, "t.json", text, strlen(text), &err))
		fail_msg("%s", err.msg);
	return doc;
}

static const struct cJSON *get(const struct cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void assert_place(const struct json_doc *doc, const struct cJSON *item, int line, int column)
{
	struct place place = json_place(doc, item);

	assert_non_null(item);
	assert_int_equal(place.line, line);
	assert_int_equal(place.column, column);
}

static void every_item_has_its_place(void **state)
{
	auto_json struct json_doc *doc = parse("{\n"
					       "  \"a\": 1, \"b\" : [10,\n"
					       "\t\"x\", {\"c\":null}],\n"
					       "  \"d\": { \"e\" : true }\n"
					       "}\n");
	const struct cJSON *root = json_root(doc), *b = get(root, "b");

	assert_place(doc, root, 1, 1);
	assert_place(doc, get(root, "a"), 2, 3);
	assert_place(doc, b, 2, 11);
	assert_place(doc, cJSON_GetArrayItem(b, 0), 2, 18);
	assert_place(doc, cJSON_GetArrayItem(b, 1), 3, 2);
	assert_place(doc, get(cJSON_GetArrayItem(b, 2), "c"), 3, 8);
	assert_place(doc, get(get(root, "d"), "e"), 4, 10);
	assert_int_equal(json_place(doc, NULL).line, 0);
}

static void comments_are_spaces_but_not_inside_strings(void **state)
{
	auto_json struct json_doc *doc = parse("// one\n"
					       "/* two\n three */ { \"u\": \"s3://b/*c*/\", // \"x\": 1\n"
					       "  /**/ \"q\": \"\\\"//\" /* end */ } // and no newline");
	const struct cJSON *root = json_root(doc);

	assert_int_equal(cJSON_GetArraySize(root), 2);
	assert_string_equal(get(root, "u")->valuestring, "s3://b/*c*/");
	assert_string_equal(get(root, "q")->valuestring, "\"//");
	assert_place(doc, root, 3, 11);
	assert_place(doc, get(root, "q"), 4, 8);
}

static void a_byte_order_mark_is_passed_over(void **state)
{
	auto_json struct json_doc *doc = parse("\xef\xbb\xbf{}");

	assert_true(cJSON_IsObject(json_root(doc)));
}

static void any_value_is_a_document(void **state)
{
	static const char *const texts[] = {"{}",
					    "[]",
					    "0",
					    "-0.5e+3",
					    "\"\"",
					    "true",
					    "false",
					    "null",
					    " [ [ ] , { } ] ",
					    "\"\\u00e9\\ud83d\\ude00\\n\\/ \xc3\xa9\xf0\x9f\x98\x80\""};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		auto_json struct json_doc *doc = parse(texts[i]);

		assert_non_null(doc);
	}
}

static void the_way_to_an_item_is_told(void **state)
{
	auto_json struct json_doc *doc = parse("{\"inputs\": {\"db_get\": {\"key\": [\"a\", \"b\"]}}}");
	const struct cJSON *key = get(get(get(json_root(doc), "inputs"), "db_get"), "key");
	char text[64];

	json_where(doc, cJSON_GetArrayItem(key, 1), text, sizeof(text));
	assert_string_equal(text, "inputs.db_get.key[1]");
	json_where(doc, json_root(doc), text, sizeof(text));
	assert_string_equal(text, "");
	json_where(doc, key, text, 10);
	assert_string_equal(text, "inputs.db");
}

static void a_mistake_has_its_place_and_what_was_expected(void **state)
{
	static const struct {
		const char *text, *msg, *hint;
	} cases[] = {
		{"", "t.json:1:1: expected a value, found the end"},
		{"  \n ", "t.json:2:2: expected a value, found the end"},
		{"{", "t.json:1:2: expected a key in double quotes, found the end"},
		{"{a: 1}", "t.json:1:2: expected a key in double quotes, found 'a'"},
		{"{'a': 1}", "t.json:1:2: expected a key in double quotes, found '''"},
		{"{\"a\" 1}", "t.json:1:6: expected ':', found '1'"},
		{"{\"a\":\n  yes}", "t.json:2:3: expected a value, found 'yes'"},
		{"{\"a\": 1 \"b\"", "t.json:1:9: expected ',' or '}', found '\"'"},
		{"{\"a\": 1,\n}", "t.json:2:1: expected a key, found '}'", "remove the comma before it"},
		{"[1 2]", "t.json:1:4: expected ',' or ']', found '2'"},
		{"[1, ]", "t.json:1:5: expected a value, found ']'", "remove the comma before it"},
		{"[1, 2", "t.json:1:6: expected ',' or ']', found the end"},
		{"{} {}", "t.json:1:4: expected the end, found '{'"},
		{"[1]\x01", "t.json:1:4: expected the end, found byte 0x01"},
		{"TRUE", "t.json:1:1: expected a value, found 'TRUE'"},
		{"01", "t.json:1:1: malformed number"},
		{"-", "t.json:1:1: malformed number"},
		{"1.", "t.json:1:1: malformed number"},
		{"1e", "t.json:1:1: malformed number"},
		{"0x10", "t.json:1:1: malformed number"},
		{"[1, 12abc]", "t.json:1:5: malformed number"},
		{"1111111111111111111111111111111111111111111111111111111111111111",
		 "t.json:1:1: the number has too many digits"},
		{"[\"abc", "t.json:1:2: the string is not closed"},
		{"[\"abc\n\"]", "t.json:1:2: the string is not closed"},
		{"\"a\tb\"", "t.json:1:3: a control character in a string is written as an escape"},
		{"\"a\\qb\"", "t.json:1:3: unknown escape in a string"},
		{"\"\\u12g4\"", "t.json:1:2: unknown escape in a string"},
		{"\"\\u0000\"", "t.json:1:2: a string cannot hold a NUL"},
		{"\"\\ud83d\"", "t.json:1:2: half a surrogate pair in a string"},
		{"\"\\ude00\\ud83d\"", "t.json:1:2: half a surrogate pair in a string"},
		{"\"\xff\"", "t.json:1:2: the string is not UTF-8"},
		{"\"\xc0\x80\"", "t.json:1:2: the string is not UTF-8"},
		{"\"\xed\xa0\x80\"", "t.json:1:2: the string is not UTF-8"},
		{"\"\xf4\x90\x80\x80\"", "t.json:1:2: the string is not UTF-8"},
		{"\"\xc3", "t.json:1:2: the string is not UTF-8"},
		{"{} /* never", "t.json:1:4: the comment is not closed"},
		{"{} / 1", "t.json:1:4: expected the end, found '/'"},
		{"{\"a\": 1,\n \"b\": 2,\n \"a\": 3}",
		 "t.json:3:2: the key 'a' stands twice, first on line 1"},
		{"[{\"x\": {\"\\u0061\": 1, \"a\": 3}}]",
		 "t.json:1:22: the key 'a' stands twice, first on line 1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_doc *doc = (void *)1;
		struct err err = {};

		if (json_parse(&doc, "t.json", cases[i].text, strlen(cases[i].text), &err) != -EINVAL)
			fail_msg("'%s' is taken", cases[i].text);
		assert_ptr_equal(doc, (void *)1);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.hint, cases[i].hint ? cases[i].hint : "");
		assert_true(err.is_usage);
	}
}

static void a_nul_in_the_text_is_no_end(void **state)
{
	struct json_doc *doc = NULL;
	struct err err = {};

	assert_int_equal(json_parse(&doc, "t.json", "[1]\0[2]", 7, &err), -EINVAL);
	assert_string_equal(err.msg, "t.json:1:4: expected the end, found byte 0x00");
	assert_int_equal(json_parse(&doc, "t.json", "[1,\0 2]", 7, &err), -EINVAL);
	assert_int_equal(json_parse(&doc, "t.json", "\"a\0b\"", 5, &err), -EINVAL);
	assert_string_equal(err.msg, "t.json:1:3: a control character in a string is written as an escape");
}

static void depth_and_length_are_bounded(void **state)
{
	autofree char *text = malloc(JSON_TEXT_MAX + 1);
	struct json_doc *doc = NULL;
	struct err err = {};

	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(json_parse(&doc, "t.json", text, 2 * JSON_DEPTH_MAX, &err), 0);
	json_free(doc);
	memset(text, '[', JSON_TEXT_MAX + 1);
	assert_int_equal(json_parse(&doc, "t.json", text, JSON_TEXT_MAX, &err), -EINVAL);
	assert_string_equal(err.msg, "t.json:1:65: nested too deeply");
	assert_int_equal(json_parse(&doc, "t.json", text, JSON_TEXT_MAX + 1, &err), -EINVAL);
	assert_string_equal(err.msg, "t.json: longer than 16 MiB");
}

static void integers_are_never_rounded(void **state)
{
	static const struct {
		int64_t n;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-1, "-1"},
		{1LL << 31, "2147483648"},
		{9007199254740991, "9007199254740991"},
		{-9007199254740991, "-9007199254740991"},
		{9007199254740992, "\"9007199254740992\""},
		{INT64_MAX, "\"9223372036854775807\""},
		{INT64_MIN, "\"-9223372036854775808\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_cjson struct cJSON *item = json_new_integer(cases[i].n);
		autofree char *text = cJSON_PrintUnformatted(item);
		auto_json struct json_doc *doc = parse(text);
		int64_t again = 77;

		assert_string_equal(text, cases[i].text);
		assert_int_equal(json_integer(&again, json_root(doc)), 0);
		assert_true(again == cases[i].n);
	}
}

static void what_is_no_integer_or_was_rounded_is_refused(void **state)
{
	static const char *const texts[] = {
		"1.5",	  "9007199254740992",	     "1e400", "true", "null", "\"\"", "\" 1\"",
		"\"1x\"", "\"9223372036854775808\"", "[1]"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		auto_json struct json_doc *doc = parse(texts[i]);
		int64_t n = 77;

		assert_int_equal(json_integer(&n, json_root(doc)), -EINVAL);
		assert_int_equal(n, 77);
	}
}

static void numbers_are_printed_with_every_digit(void **state)
{
	static const char *const texts[] = {
		"[0,-1,1.5,0.1,-0.0,9007199254740991,-1234567890123456]",
		"{\"a\":{\"b\":0.30000000000000004},\"c\":[1.0000000000000002,1e+300,4.94065645841247e-324]}",
		"[true,null,\"x\",{\"a\":[]}]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		auto_cjson cJSON *json = cJSON_Parse(texts[i]);
		autofree char *text = json_print(json);

		assert_string_equal(text, texts[i]);
	}
}

static void what_says_the_same_is_told_to_the_last_digit(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} cases[] = {
		{"{\"a\": 1, \"b\": [true, null]}", "{\"b\": [true, null], \"a\": 1.0}", true},
		{"0.1", "0.10000000000000002", false},
		{"[1, [0.1]]", "[1, [0.10000000000000002]]", false},
		{"{\"a\": 1}", "{\"A\": 1}", false},
		{"{\"a\": 1}", "{\"a\": 1, \"b\": 1}", false},
		{"[1, 2]", "[2, 1]", false},
		{"[1]", "[1, 1]", false},
		{"\"1\"", "1", false},
		{"\"x\"", "\"x\"", true},
		{"\"x\"", "\"X\"", false},
		{"true", "false", false},
		{"{}", "[]", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_cjson cJSON *a = cJSON_Parse(cases[i].a), *b = cJSON_Parse(cases[i].b);

		if (json_is_same(a, b) != cases[i].is_same || json_is_same(b, a) != cases[i].is_same)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_item_has_its_place),
		cmocka_unit_test(comments_are_spaces_but_not_inside_strings),
		cmocka_unit_test(a_byte_order_mark_is_passed_over),
		cmocka_unit_test(any_value_is_a_document),
		cmocka_unit_test(the_way_to_an_item_is_told),
		cmocka_unit_test(a_mistake_has_its_place_and_what_was_expected),
		cmocka_unit_test(a_nul_in_the_text_is_no_end),
		cmocka_unit_test(depth_and_length_are_bounded),
		cmocka_unit_test(integers_are_never_rounded),
		cmocka_unit_test(numbers_are_printed_with_every_digit),
		cmocka_unit_test(what_says_the_same_is_told_to_the_last_digit),
		cmocka_unit_test(what_is_no_integer_or_was_rounded_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
