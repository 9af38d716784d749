// SPDX-License-Identifier: BSD-3-Clause
#include "lib/rule.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/util.h"

static int parse(struct rule *out, const char *path, const char *text, char **at_key, struct err *err)
{
	auto_cjson struct cJSON *json = cJSON_Parse(text);
	const struct cJSON *at = NULL;
	int r;

	assert_non_null(json);
	r = rule_parse(out, path, json, &at, err);
	if (r && at_key)
		*at_key = strdup(at == json ? "the rule" : at->string);
	return r;
}

static void every_key_is_read_written_and_read_again(void **state)
{
	static const struct {
		const char *path, *json, *text;
	} cases[] = {
		{"buf", "{}", "{\"path\":\"buf\"}"},
		{"(*req).name", "{\"string\": true}", "{\"path\":\"req->name\",\"string\":true}"},
		{"tp", "{\"direction\": \"out\"}", "{\"path\":\"tp\",\"direction\":\"out\"}"},
		{"buf", "{\"bytes\": \"return\", \"direction\": \"inout\", \"max\": 1048576}",
		 "{\"path\":\"buf\",\"direction\":\"inout\",\"bytes\":\"return\",\"max\":1048576}"},
		{"buf", "{\"bytes\": 16}", "{\"path\":\"buf\",\"bytes\":\"16\"}"},
		{"req->items", "{\"count\": \"min(req->n, 10)\", \"type\": \"struct item\", \"depth\": 16}",
		 "{\"path\":\"req->items\",\"count\":\"min(req->n, 10)\",\"type\":\"struct item\",\"depth\":16}"},
		{"argv", "{\"terminator\": 0}", "{\"path\":\"argv\",\"terminator\":0}"},
		{"v", "{\"terminator\": -2147483649}", "{\"path\":\"v\",\"terminator\":\"-2147483649\"}"},
		{"v", "{\"terminator\": \"9223372036854775807\"}",
		 "{\"path\":\"v\",\"terminator\":\"9223372036854775807\"}"},
		{"ctx", "{\"opaque\": true, \"direction\": \"in\"}",
		 "{\"path\":\"ctx\",\"direction\":\"in\",\"opaque\":true}"},
		{"e->u", "{\"tag\": \"(*e).kind\", \"cases\": {\"TEXT\": \"text\", \"-7\": \"n\"}}",
		 "{\"path\":\"e->u\",\"tag\":\"e->kind\",\"cases\":{\"TEXT\":\"text\",\"-7\":\"n\"}}"},
		{"return", "{\"direction\": \"out\", \"max\": 1, \"depth\": 1}",
		 "{\"path\":\"return\",\"direction\":\"out\",\"depth\":1,\"max\":1}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rule rule = {}, copy = {}, again = {};
		autofree char *text = NULL, *copied = NULL, *twice = NULL;
		struct err err = {};

		if (parse(&rule, cases[i].path, cases[i].json, NULL, &err))
			fail_msg("'%s': %s", cases[i].json, err.msg);
		text = rule_text(&rule);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(rule_copy(&copy, &rule), 0);
		rule_release(&rule);
		copied = rule_text(&copy);
		assert_string_equal(copied, text);
		assert_int_equal(!copy.bytes, !copy.bytes_text);
		assert_int_equal(!copy.count, !copy.count_text);
		if (rule_from_text(&again, text, &err))
			fail_msg("'%s': %s", text, err.msg);
		assert_int_equal(!again.bytes, !copy.bytes_text);
		twice = rule_text(&again);
		assert_string_equal(twice, text);
		rule_release(&copy);
		rule_release(&again);
	}
}

static const struct {
	const char *path, *json, *at, *msg, *hint;
	int code;
} mistakes[] = {
	{"buf", "[]", "the rule", "expected an object, found an array", "", -EINVAL},
	{"buf", "{\"dirction\": \"out\"}", "dirction", "unknown key 'dirction'", "did you mean 'direction'?",
	 -ENOENT},
	{"buf", "{\"path\": \"buf\"}", "path", "unknown key 'path'", "", -ENOENT},
	{"buf", "{\"redct\": \"hmac\"}", "redct", "unknown key 'redct'", "did you mean 'redact'?", -ENOENT},
	{"buf", "{\"redact\": \"hash\"}", "redact", "expected 'drop', 'mask' or 'hmac', found 'hash'", "",
	 -EINVAL},
	{"u", "{\"tag\": \"a +\"}", "tag", "at column 3: expected '->', '.', '[' or the end, found '+'", "",
	 -EINVAL},
	{"u", "{\"tag\": \"a\", \"cases\": {}}", "cases",
	 "expected an object of the tag's values and their members, found an object", "", -EINVAL},
	{"u", "{\"tag\": \"a\", \"cases\": {\"1\": 2}}", "1", "expected a string, found a number", "",
	 -EINVAL},
	{"u", "{\"cases\": {\"1\": \"n\"}}", "the rule", "'cases' without a 'tag'", "", -EINVAL},
	{"visit", "{\"callback\": true, \"opaque\": true}", "the rule",
	 "'opaque' and 'callback' exclude each other", "", -EINVAL},
	{"buf", "{\"format\": true, \"bytes\": 4}", "the rule", "'format' and 'bytes' exclude each other", "",
	 -EINVAL},
	{"buf", "{\"file\": true, \"opaque\": true}", "the rule", "'file' and 'opaque' exclude each other",
	 "", -EINVAL},
	{"buf", "{\"file\": true, \"redact\": \"drop\"}", "the rule",
	 "'redact' beside 'file': the content of a file cannot be redacted", "", -EINVAL},
	{"buf", "{\"format\": true, \"redact\": \"hmac\"}", "the rule",
	 "'redact' beside 'format': the variable arguments cannot be redacted", "", -EINVAL},
	{"buf", "{\"direction\": \"outt\"}", "direction", "expected 'in', 'out' or 'inout', found 'outt'",
	 "did you mean 'out'?", -EINVAL},
	{"buf", "{\"direction\": 1}", "direction", "expected 'in', 'out' or 'inout', found a number", "",
	 -EINVAL},
	{"buf", "{\"string\": 1}", "string", "expected true, or the key left out, found a number", "",
	 -EINVAL},
	{"buf", "{\"string\": false}", "string", "expected true, or the key left out, found false", "",
	 -EINVAL},
	{"buf", "{\"bytes\": true}", "bytes", "expected a string, found true", "", -EINVAL},
	{"buf", "{\"bytes\": \"\"}", "bytes", "expected a string, found an empty string", "", -EINVAL},
	{"buf", "{\"bytes\": \"n +\"}", "bytes", "at column 4: expected a path or a number, found the end",
	 "", -EINVAL},
	{"buf", "{\"count\": -1}", "count", "expected a length: a positive integer or an expression", "",
	 -EINVAL},
	{"buf", "{\"count\": 1.5}", "count", "expected a length: a positive integer or an expression", "",
	 -EINVAL},
	{"buf", "{\"depth\": 0}", "depth", "0 is not between 1 and 1000", "", -EINVAL},
	{"buf", "{\"depth\": 1001}", "depth", "1001 is not between 1 and 1000", "", -EINVAL},
	{"buf", "{\"depth\": 1.5}", "depth", "expected an integer, found a fraction", "", -EINVAL},
	{"buf", "{\"terminator\": 9007199254740993}", "terminator",
	 "an integer beyond 2^53 is written as a string", "", -EINVAL},
	{"buf", "{\"depth\": true}", "depth", "expected an integer, found true", "", -EINVAL},
	{"buf", "{\"max\": 0}", "max", "0 is not between 1 and 1048576", "", -EINVAL},
	{"buf", "{\"max\": 1048577}", "max", "1048577 is not between 1 and 1048576", "", -EINVAL},
	{"buf", "{\"type\": 3}", "type", "expected a string, found a number", "", -EINVAL},
	{"buf", "{\"terminator\": \"x\"}", "terminator", "expected an integer, found a string", "", -EINVAL},
	{"buf", "{\"bytes\": \"n\", \"count\": \"n\"}", "the rule", "'bytes' and 'count' exclude each other",
	 "", -EINVAL},
	{"buf", "{\"string\": true, \"opaque\": true}", "the rule",
	 "'string' and 'opaque' exclude each other", "", -EINVAL},
	{"buf->", "{}", "the rule", "at column 6: expected the name of a member, found the end", "", -EINVAL},
	{"errno", "{}", "the rule", "'errno' is recorded without a rule", "", -EINVAL},
	{"return->x", "{\"direction\": \"in\"}", "the rule", "'return' flows out only", "", -EINVAL},
};

static void a_mistake_is_told_with_its_item(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		struct rule rule = {.depth = 77};
		autofree char *at = NULL;
		struct err err = {};

		assert_int_equal(parse(&rule, mistakes[i].path, mistakes[i].json, &at, &err),
				 mistakes[i].code);
		assert_int_equal(rule.depth, 77);
		assert_string_equal(err.msg, mistakes[i].msg);
		assert_string_equal(err.hint, mistakes[i].hint);
		assert_string_equal(at, mistakes[i].at);
		assert_true(err.is_usage);
	}
}

static void text_that_is_no_rule_is_refused(void **state)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{"", "rule:1:1: expected a value, found the end"},
		{"[]", "expected an object, found an array"},
		{"{}", "a rule without a path"},
		{"{\"path\":\"3\"}", "at column 1: expected a path, found '3'"},
		{"{\"path\":\"a\",\"bytes\":\"(\"}",
		 "at column 2: expected a path or a number, found the end"},
		{"{\"path\":\"a\",\"later\":1}", "unknown key 'later'"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rule rule = {.depth = 77};
		struct err err = {};

		assert_true(rule_from_text(&rule, cases[i].text, &err) < 0);
		assert_int_equal(rule.depth, 77);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read_written_and_read_again),
		cmocka_unit_test(a_mistake_is_told_with_its_item),
		cmocka_unit_test(text_that_is_no_rule_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
