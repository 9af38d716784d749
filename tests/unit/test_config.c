// SPDX-License-Identifier: BSD-3-Clause
#include "lib/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/util.h"

static const char whole[] =
	"{\n"
	"  \"service\": \"orders\", \"binary\": \"/usr/bin/ordersd\", // default target\n"
	"  \"cassette\": \"s3://production-recordings/eu?region=us-east-1\",\n"
	"  \"inputs\": {\n"
	"    \"db_get\": {\n"
	"      \"alias\": \"orders.db_get\", \"key\": [\"key\", \"(*o).id\"],\n"
	"      \"args\": { \"buf\": { \"direction\": \"out\", \"bytes\": \"return\" } },\n"
	"      \"when_missing\": { \"return\": -1 }, \"fallback_aliases\": [\"orders.fetch\", \"old\"]\n"
	"    },\n"
	"    \"libc.so.6:clock_gettime\": { \"key\": [], \"when_missing\": \"run\" },\n"
	"    \"libshop.so:shop::Rate::of\": {}\n"
	"  },\n"
	"  \"operations\": {\n"
	"    \"orders.c:handle_order\": {\n"
	"      \"category\": \"HandleOrder\",\n"
	"      \"args\": { \"req -> items\": { \"count\": \"req->nitems\" },\n"
	"                \"return\": { \"string\": true } },\n"
	"      \"metadata\": { \"customer\": \"req->customer\", \"status\": \"return\" },\n"
	"      \"sample\": { \"rate\": 0.1, \"max_per_second\": 50, \"keep_if\": \"return < 0\" },\n"
	"      \"compare\": { \"ignore\": [\"req->seen_at\"], \"tolerance\": { \"reply->total\": 1e-9 },\n"
	"                   \"unordered\": [\"reply->lines[]\"] },\n"
	"      \"error_if\": \"return == -1 || errno == 5\"\n"
	"    },\n"
	"    \"ns::plain\": { \"category\": \"plain\" }\n"
	"  },\n"
	"  \"outputs\": { \"store_invoice\": { \"compare\": { \"ignore\": [\"inv->at\"] } } },\n"
	"  \"types\": { \"struct order\": { \"items\": { \"count\": \"nitems\" } } }\n"
	"}\n";

static struct config *parse(const char *text)
{
	struct config *config = NULL;
	struct err err = {};

	if (config_parse(&config, "t.json", text, strlen(text), &err))
		fail_msg("%s", err.msg);
	return config;
}

static void what_decides_at_entry_is_read(void **state)
{
	auto_config struct config *config = parse(
		"{\"budget\": \"2.5%\", \"operations\": {\"f\": {\"if\": \"r->kind == 3\", \"carrier\": \"r->job\", \"enabled\": false,"
		" \"sample\": {\"by\": \"(*r).customer\"}}, \"g\": {\"enabled\": true}},"
		"\"outputs\": {\"h\": {\"carrier\": \"j\"}, \"i\": {\"joins\": {\"by\": \"j\"}}}}");

	assert_true(config->budget == 2.5 / 100);
	assert_int_equal(config->funcs[0].sampling.only_if->kind, EXPR_EQ);
	assert_string_equal(config->funcs[0].carrier, "r->job");
	assert_string_equal(config->funcs[0].sampling.by, "r->customer");
	assert_true(config->funcs[0].sampling.is_off);
	assert_false(config->funcs[1].sampling.is_off);
	assert_string_equal(config->funcs[2].carrier, "j");
	assert_string_equal(config->funcs[3].joins, "j");
}

static void functions_stand_by_role_whatever_the_order_of_the_file(void **state)
{
	static const struct {
		enum role role;
		const char *name, *module, *symbol, *alias, *category;
		int line, column;
	} want[] = {
		{ROLE_OPERATION, "orders.c:handle_order", "orders.c", "handle_order", "orders.c:handle_order",
		 "HandleOrder", 14, 5},
		{ROLE_OPERATION, "ns::plain", NULL, "ns::plain", "ns::plain", "plain", 24, 5},
		{ROLE_INPUT, "db_get", NULL, "db_get", "orders.db_get", NULL, 5, 5},
		{ROLE_INPUT, "libc.so.6:clock_gettime", "libc.so.6", "clock_gettime",
		 "libc.so.6:clock_gettime", NULL, 10, 5},
		{ROLE_INPUT, "libshop.so:shop::Rate::of", "libshop.so", "shop::Rate::of",
		 "libshop.so:shop::Rate::of", NULL, 11, 5},
		{ROLE_OUTPUT, "store_invoice", NULL, "store_invoice", "store_invoice", NULL, 26, 16},
	};
	auto_config struct config *config = parse(whole);

	assert_int_equal(config->funcs_cnt, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct config_func *func = &config->funcs[i];

		assert_int_equal(func->role, want[i].role);
		assert_string_equal(func->name, want[i].name);
		assert_int_equal(!func->module, !want[i].module);
		if (func->module)
			assert_string_equal(func->module, want[i].module);
		assert_string_equal(func->symbol, want[i].symbol);
		assert_string_equal(func->alias, want[i].alias);
		assert_int_equal(!func->category, !want[i].category);
		if (func->category)
			assert_string_equal(func->category, want[i].category);
		assert_int_equal(func->place.line, want[i].line);
		assert_int_equal(func->place.column, want[i].column);
	}
}

static void every_key_of_an_operation_is_read(void **state)
{
	auto_config struct config *config = parse(whole);
	const struct config_func *func = &config->funcs[0];

	assert_int_equal(func->rules_cnt, 2);
	assert_string_equal(func->rules[0].path, "req->items");
	assert_string_equal(func->rules[0].count_text, "req->nitems");
	assert_int_equal(func->rule_places[1].line, 17);
	assert_int_equal(func->rule_places[1].column, 17);
	assert_true(func->rules[1].is_string);
	assert_int_equal(func->metadata_cnt, 2);
	assert_string_equal(func->metadata[0].name, "customer");
	assert_string_equal(func->metadata[0].path, "req->customer");
	assert_int_equal(func->metadata[1].place.line, 18);
	assert_true(func->sampling.rate == 0.1);
	assert_true(func->sampling.max_per_second == 50);
	assert_int_equal(func->sampling.keep_if->kind, EXPR_LT);
	assert_int_equal(func->error_if->kind, EXPR_OR);
	assert_int_equal(func->compare.cnt, 3);
	assert_int_equal(func->compare.row[0].kind, COMPARE_IGNORE);
	assert_string_equal(func->compare.row[0].path, "req->seen_at");
	assert_int_equal(func->compare.row[1].kind, COMPARE_TOLERANCE);
	assert_string_equal(func->compare.row[1].path, "reply->total");
	assert_true(func->compare.row[1].absolute == 1e-9);
	assert_int_equal(func->compare.row[2].kind, COMPARE_UNORDERED);
	assert_string_equal(func->compare.row[2].path, "reply->lines[]");
}

static void an_alias_that_names_instances_adds_them_to_the_key(void **state)
{
	auto_config struct config *config = parse(
		"{\"operations\": {\"f\": {}}, \"inputs\": {\"get\": {\"alias\": \"db.{c->name}.get\"}, "
		"\"put\": {\"alias\": \"{n}\", \"key\": [\"*\", \"m\"]}}, \"outputs\": {\"log\": {\"alias\": \"log.{n}\"}}}");

	assert_int_equal(config->funcs[1].key_cnt, 2);
	assert_string_equal(config->funcs[1].key[0], "*");
	assert_string_equal(config->funcs[1].key[1], "c->name");
	assert_int_equal(config->funcs[2].key_cnt, 3);
	assert_string_equal(config->funcs[2].key[2], "n");
	assert_null(config->funcs[3].key);
}

static void every_key_of_an_input_is_read(void **state)
{
	auto_config struct config *config = parse(whole);
	const struct config_func *func = &config->funcs[2];

	assert_int_equal(func->key_cnt, 2);
	assert_string_equal(func->key[1], "o->id");
	assert_int_equal(func->fallbacks_cnt, 2);
	assert_string_equal(func->fallbacks[1], "old");
	assert_int_equal(func->missing, MISSING_RETURN);
	assert_int_equal(func->missing_return, -1);
	assert_int_equal(func->rules[0].direction, DIRECTION_OUT);
	assert_non_null(config->funcs[3].key);
	assert_int_equal(config->funcs[3].key_cnt, 0);
	assert_int_equal(config->funcs[3].missing, MISSING_RUN);
}

static void what_is_not_said_has_its_default(void **state)
{
	auto_config struct config *config = parse("{\"operations\": {\"f\": {}}, \"inputs\": {\"g\": {}}}");
	const struct config_func *f = &config->funcs[0], *g = &config->funcs[1];

	assert_string_equal(config->path, "t.json");
	assert_null(config->service);
	assert_null(config->binary);
	assert_null(config->cassette);
	assert_string_equal(f->category, "f");
	assert_true(f->sampling.rate == 1);
	assert_true(f->sampling.max_per_second == 0);
	assert_null(f->sampling.keep_if);
	assert_null(f->error_if);
	assert_null(g->key);
	assert_int_equal(g->missing, MISSING_FAIL);
}

static void the_top_and_the_types_are_read(void **state)
{
	auto_config struct config *config = parse(whole);

	assert_string_equal(config->service, "orders");
	assert_string_equal(config->binary, "/usr/bin/ordersd");
	assert_string_equal(config->cassette, "s3://production-recordings/eu?region=us-east-1");
	assert_int_equal(config->types_cnt, 1);
	assert_string_equal(config->types[0].type, "struct order");
	assert_int_equal(config->types[0].cnt, 1);
	assert_string_equal(config->types[0].rules[0].path, "items");
	assert_int_equal(config->types[0].place.line, 27);
}

#define OP(body)  "{\"operations\":\n {\"f\": {" body "}}}"
#define IN(body)  "{\"operations\": {\"f\": {}}, \"inputs\":\n {\"db_get\": {" body "}}}"
#define OUT(body) "{\"operations\": {\"f\": {}}, \"outputs\":\n {\"put\": {" body "}}}"
#define TOP(body) "{\"operations\": {\"f\": {}},\n " body "}"

static const struct mistake {
	const char *text, *msg, *hint;
} mistakes[] = {
	{"[]", "t.json:1:1: expected an object, found an array", ""},
	{"{\n", "t.json:2:1: expected a key in double quotes, found the end", ""},
	{"{}", "t.json:1:1: no operation: nothing would be recorded",
	 "name the function that serves one request under \"operations\""},
	{"{\"service\": \"s\",\n \"operations\": {}}",
	 "t.json:2:2: operations: no operation: nothing would be recorded",
	 "name the function that serves one request under \"operations\""},
	{"{\"operations\": []}", "t.json:1:2: operations: expected an object, found an array", ""},
	{"{\"operations\": {\"f\": 1}}", "t.json:1:17: operations.f: expected an object, found a number", ""},
	{TOP("\"servce\": \"x\""), "t.json:2:2: unknown key 'servce'", "did you mean 'service'?"},
	{TOP("\"service\": 5"), "t.json:2:2: service: expected a string, found a number", ""},
	{TOP("\"binary\": \"\""), "t.json:2:2: binary: expected a string, found an empty string", ""},
	{TOP("\"budget\": 2"), "t.json:2:2: budget: expected a share in quotes, as \"2%\", found a number",
	 ""},
	{TOP("\"budget\": \"2\""), "t.json:2:2: budget: '2' is no share: expected a number and '%'", ""},
	{TOP("\"budget\": \"0%\""), "t.json:2:2: budget: 0% is not above 0% and at most 10000%", ""},
	{TOP("\"joins\": {}"), "t.json:2:2: 'joins' is not supported by this version", ""},
	{TOP("\"service\": \"a\", \"service\": \"b\""),
	 "t.json:2:18: the key 'service' stands twice, first on line 2", ""},
	{TOP("\"types\": {\"struct s\": {\"p\": {\"cuont\": 1}}}"),
	 "t.json:2:31: unknown key 'cuont' in types.struct s.p", "did you mean 'count'?"},
	{TOP("\"types\": {\"struct s\": 1}"),
	 "t.json:2:12: types.struct s: expected an object, found a number", ""},

	{IN("\"ailas\": \"x\""), "t.json:2:14: unknown key 'ailas' in inputs.db_get",
	 "did you mean 'alias'?"},
	{IN("\"alias\": 3"), "t.json:2:14: inputs.db_get.alias: expected a string, found a number", ""},
	{IN("\"alias\": \"db.{conn->name.get\""),
	 "t.json:2:14: inputs.db_get.alias: '{' without its '}' in the alias 'db.{conn->name.get'", ""},
	{TOP("\"serve\": \"time\""),
	 "t.json:2:2: serve: expected an array, as [\"time\", \"random\"], found a string", ""},
	{TOP("\"serve\": [\"time\", \"randon\"]"),
	 "t.json:2:20: serve[1]: nothing is called 'randon': expected time, random, pid, uuid or host",
	 "did you mean 'random'?"},
	{TOP("\"serve\": [1]"), "t.json:2:12: serve[0]: expected a string, found a number", ""},
	{TOP("\"environment\": {}"),
	 "t.json:2:2: environment: expected an array of names, as [\"TZ\", \"ORDERS_*\"], found an object",
	 ""},
	{TOP("\"environment\": [\"TZ\", 3]"),
	 "t.json:2:24: environment[1]: expected a string, found a number", ""},
	{IN("\"serve\": 1"), "t.json:2:14: 'serve' is not supported by this version in inputs.db_get", ""},
	{IN("\"category\": \"x\""), "t.json:2:14: 'category' has no meaning in inputs.db_get", ""},
	{IN("\"key\": \"k\""), "t.json:2:14: inputs.db_get.key: expected an array, found a string", ""},
	{IN("\"key\": [\"a\",\n 3]"),
	 "t.json:3:2: inputs.db_get.key[1]: expected a path in quotes, found a number", ""},
	{IN("\"key\": [\"a->\"]"),
	 "t.json:2:22: inputs.db_get.key[0]: at column 4: expected the name of a member, found the end", ""},
	{IN("\"key\": [\"return\"]"),
	 "t.json:2:22: inputs.db_get.key[0]: 'return' is not known when the call is made", ""},
	{IN("\"fallback_aliases\": [\"\"]"),
	 "t.json:2:35: inputs.db_get.fallback_aliases[0]: expected a string, found an empty string", ""},
	{IN("\"when_missing\": \"fial\""),
	 "t.json:2:14: inputs.db_get.when_missing: expected 'fail', 'run' or {\"return\": NUMBER}, found 'fial'",
	 ""},
	{OUT("\"when_missing\": \"run\""),
	 "t.json:2:11: outputs.put.when_missing: an output never runs at replay: expected 'fail' or {\"return\": NUMBER}",
	 ""},
	{IN("\"when_missing\": {}"),
	 "t.json:2:14: inputs.db_get.when_missing: expected 'fail', 'run' or {\"return\": NUMBER}, found an object",
	 ""},
	{IN("\"when_missing\": {\"retrun\": 1}"),
	 "t.json:2:31: unknown key 'retrun' in inputs.db_get.when_missing", "did you mean 'return'?"},
	{IN("\"when_missing\": {\"return\": 1.5}"),
	 "t.json:2:31: inputs.db_get.when_missing.return: expected an integer, found a fraction", ""},
	{IN("\"when_missing\": {\"return\": 9007199254740993}"),
	 "t.json:2:31: inputs.db_get.when_missing.return: an integer beyond 2^53 is written as a string", ""},
	{IN("\"args\": 1"), "t.json:2:14: inputs.db_get.args: expected an object, found a number", ""},
	{IN("\"args\": {\"buf\": 1}"),
	 "t.json:2:23: inputs.db_get.args.buf: expected an object, found a number", ""},
	{IN("\"args\": {\"buf\": {\"dirction\": \"out\"}}"),
	 "t.json:2:31: unknown key 'dirction' in inputs.db_get.args.buf", "did you mean 'direction'?"},
	{IN("\"args\": {\"buf\": {\"redact\": \"hash\"}}"),
	 "t.json:2:31: inputs.db_get.args.buf.redact: expected 'drop', 'mask' or 'hmac', found 'hash'", ""},
	{IN("\"args\": {\"buf\": {\"bytes\": \"n +\"}}"),
	 "t.json:2:31: inputs.db_get.args.buf.bytes: at column 4: expected a path or a number, found the end",
	 ""},
	{IN("\"args\": {\"buf\": {\"bytes\": \"n = 1\"}}"),
	 "t.json:2:31: inputs.db_get.args.buf.bytes: at column 3: expected an operator, found '='",
	 "did you mean '=='?"},
	{IN("\"args\": {\"buf\": {\"depth\": 9999}}"),
	 "t.json:2:31: inputs.db_get.args.buf.depth: 9999 is not between 1 and 1000", ""},
	{IN("\"args\": {\"3\": {}}"),
	 "t.json:2:23: inputs.db_get.args.3: at column 1: expected a path, found '3'", ""},
	{IN("\"args\": {\"p->x\": {}, \"(*p).x\": {}}"),
	 "t.json:2:35: inputs.db_get.args.(*p).x: 'p->x' has a rule already", ""},

	{OP("\"key\": []"), "t.json:2:9: 'key' has no meaning in operations.f", ""},
	{OP("\"category\": \"a/b\""),
	 "t.json:2:9: operations.f.category: 'a/b' cannot be a category, because it is no file name", ""},
	{OP("\"category\": \"_startup\""),
	 "t.json:2:9: operations.f.category: categories that begin with '_' are reserved", ""},
	{OP("\"metadata\": {\"a\": 1}"),
	 "t.json:2:22: operations.f.metadata.a: expected a path in quotes, found a number", ""},
	{OP("\"metadata\": {\"a\": \"b c\"}"),
	 "t.json:2:22: operations.f.metadata.a: at column 3: expected '->', '.', '[' or the end, found 'c'",
	 ""},
	{OP("\"sample\": {\"rate\": 1.5}"),
	 "t.json:2:20: operations.f.sample.rate: 1.5 is not between 0 and 1", ""},
	{OP("\"sample\": {\"rate\": -0.1}"),
	 "t.json:2:20: operations.f.sample.rate: -0.1 is not between 0 and 1", ""},
	{OP("\"sample\": {\"rate\": \"all\"}"),
	 "t.json:2:20: operations.f.sample.rate: expected a number, found a string", ""},
	{OP("\"sample\": {\"max_per_second\": 0}"),
	 "t.json:2:20: operations.f.sample.max_per_second: 0 is not above 0 and at most 1e+09", ""},
	{OP("\"sample\": {\"at_end\": 1}"),
	 "t.json:2:20: operations.f.sample.at_end: expected true or false, found a number", ""},
	{OP("\"sample\": {\"at_end\": true, \"by\": \"a\"}"),
	 "t.json:2:20: operations.f.sample.at_end: what \"by\" names is known when the call is made: the rate "
	 "cannot decide at its end",
	 ""},
	{OP("\"sample\": {\"keep_if\": true}"),
	 "t.json:2:20: operations.f.sample.keep_if: expected an expression in quotes, found true", ""},
	{OP("\"sample\": {\"if\": \"return\"}"),
	 "t.json:2:20: operations.f.sample.if: 'return' is not known when the call is made",
	 "\"keep_if\" decides when the call has ended"},
	{OP("\"if\": \"a && errno\""),
	 "t.json:2:9: operations.f.if: 'errno' is not known when the call is made",
	 "\"keep_if\" decides when the call has ended"},
	{OP("\"if\": \"a\", \"sample\": {\"if\": \"a\"}"),
	 "t.json:2:31: operations.f.sample.if: it stands here and in \"sample\"", ""},
	{OP("\"sample\": {\"by\": \"return\"}"),
	 "t.json:2:20: operations.f.sample.by: 'return' is not known when the call is made", ""},
	{OP("\"enabled\": 1"), "t.json:2:9: operations.f.enabled: expected true or false, found a number",
	 ""},
	{OP("\"joins\": {\"by\": \"a\"}"), "t.json:2:9: 'joins' has no meaning in operations.f", ""},
	{IN("\"joins\": {}"), "t.json:2:14: inputs.db_get.joins: expected {\"by\": PATH}", ""},
	{IN("\"joins\": {\"by\": \"a\"}"),
	 "t.json:1:1: 'db_get' joins an operation by 'a', but no operation carries it",
	 "give the operation, or the call that hands work on, a \"carrier\""},
	{IN("\"joins\": {\"by\": \"a\"}, \"carrier\": \"a\""),
	 "t.json:2:3: inputs.db_get: \"carrier\" and \"joins\" exclude each other", ""},
	{OP("\"sample\": {\"keepif\": \"a\"}"), "t.json:2:20: unknown key 'keepif' in operations.f.sample",
	 "did you mean 'keep_if'?"},
	{OP("\"error_if\": \"return <\""),
	 "t.json:2:9: operations.f.error_if: at column 9: expected a path or a number, found the end", ""},
	{OP("\"compare\": {\"keyed\": {\"r->lines\": \"sku\"}}"),
	 "t.json:2:31: operations.f.compare.keyed.r->lines: 'r->lines' does not end with '[]'",
	 "write 'r->lines[]' for the elements whose order does not matter"},
	{OP("\"compare\": {\"keyed\": {\"r->lines[]\": 1}}"),
	 "t.json:2:31: operations.f.compare.keyed.r->lines[]: expected a path within the element, in quotes, found a "
	 "number",
	 ""},
	{OP("\"compare\": {\"match\": {\"r->id\": \"[\"}}"),
	 "t.json:2:31: operations.f.compare.match.r->id: '[' is no regular expression: Invalid regular expression",
	 ""},
	{OP("\"compare\": {\"ignore\": [\"/_at\"]}"),
	 "t.json:2:32: operations.f.compare.ignore[0]: '/_at' does not end with '/'",
	 "a pattern of paths is a regular expression between slashes: \"/_at$/\""},
	{OP("\"compare\": {\"tolerance\": {\"a\": {\"ulps\": 1}}}"),
	 "t.json:2:41: unknown key 'ulps' in operations.f.compare.tolerance.a", "did you mean 'ulp'?"},
	{OP("\"compare\": {\"tolerance\": {\"a\": -1}}"),
	 "t.json:2:35: operations.f.compare.tolerance.a: a tolerance is not negative", ""},
	{OP("\"compare\": {\"tolerance\": {\"a\": 1e999}}"),
	 "t.json:2:35: operations.f.compare.tolerance.a: expected a number, found a number too large", ""},
	{OP("\"compare\": {\"tolerance\": {\"a b\": 1}}"),
	 "t.json:2:35: operations.f.compare.tolerance.a b: at column 3: expected '->', '.', '[' or the end, found 'b'",
	 ""},
	{OP("\"compare\": {\"unordered\": [\"r->lines\"]}"),
	 "t.json:2:35: operations.f.compare.unordered[0]: 'r->lines' does not end with '[]'",
	 "write 'r->lines[]' for the elements whose order does not matter"},
	{OP("\"compare\": {\"ignore\": \"a\"}"),
	 "t.json:2:21: operations.f.compare.ignore: expected an array, found a string", ""},

	{TOP("\"callbacks\": {\"on_row\": {\"key\": []}}"),
	 "t.json:2:27: 'key' has no meaning in callbacks.on_row", ""},
	{TOP("\"callbacks\": {\"f\": {}}"),
	 "t.json:2:16: callbacks.f: 'f' stands in operations already, on line 1", ""},
	{OUT("\"error_if\": \"return\""), "t.json:2:11: 'error_if' has no meaning in outputs.put", ""},
	{OUT("\"aliass\": \"return\""), "t.json:2:11: unknown key 'aliass' in outputs.put",
	 "did you mean 'alias'?"},

	{"{\"operations\": {\"f\": {}},\n \"inputs\": {\"f\": {}}}",
	 "t.json:2:13: inputs.f: 'f' stands in operations already, on line 1", ""},
	{"{\"operations\": {\"f\": {}},\n \"inputs\": {\"g\": {}},\n \"outputs\": {\"h\": {\"alias\": \"g\"}}}",
	 "t.json:3:14: outputs.h: the alias 'g' is that of 'g' already, on line 2", ""},
	{"{\"operations\": {\":f\": {}}}",
	 "t.json:1:17: operations.:f: ':f' is no function: expected 'NAME' or 'FILE:NAME'", ""},
	{"{\"operations\": {\"a.so:\": {}}}",
	 "t.json:1:17: operations.a.so:: 'a.so:' is no function: expected 'NAME' or 'FILE:NAME'", ""},
	{"{\"operations\": {\"\": {}}}",
	 "t.json:1:17: operations.: '' is no function: expected 'NAME' or 'FILE:NAME'", ""},
	{"{\"operations\": {\"_ZN5Order6handleEv\": {}}}",
	 "t.json:1:17: operations._ZN5Order6handleEv: the function's name cannot be its category",
	 "give it a \"category\" in the configuration"},
};

static void a_mistake_names_its_place_its_way_and_the_nearest_right_name(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		const struct mistake *m = &mistakes[i];
		struct config *config = (void *)1;
		struct err err = {};

		if (config_parse(&config, "t.json", m->text, strlen(m->text), &err) != -EINVAL)
			fail_msg("'%s' is taken", m->text);
		assert_ptr_equal(config, (void *)1);
		assert_string_equal(err.msg, m->msg);
		assert_string_equal(err.hint, m->hint);
		assert_true(err.is_usage);
		assert_int_equal(config_parse(&config, "t.json", m->text, strlen(m->text), NULL), -EINVAL);
	}
}

static void too_many_functions_are_refused(void **state)
{
	autofree char *text = NULL;
	struct config *config = NULL;
	struct err err = {};
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "{\"operations\": {");
	for (int i = 0; i <= SCHEMA_FUNCS_MAX; i++)
		fprintf(out, "%s\"f%d\": {}", i ? "," : "", i);
	fprintf(out, "}}");
	fclose(out);
	assert_int_equal(config_parse(&config, "t.json", text, len, &err), -EINVAL);
	assert_string_equal(err.msg, "t.json:1:2: operations: 257 functions, at most 256 are allowed");
}

static void a_file_is_read_and_named_in_messages(void **state)
{
	char path[] = "/tmp/tapedeck-config-XXXXXX", want[256];
	autoclose int fd = mkstemp(path);
	struct config *config = NULL;
	struct err err = {};

	assert_true(fd >= 0);
	assert_int_equal(config_load(&config, path, &err), -EINVAL);
	snprintf(want, sizeof(want), "%s:1:1: expected a value, found the end", path);
	assert_string_equal(err.msg, want);
	assert_int_equal(write(fd, whole, sizeof(whole) - 1), sizeof(whole) - 1);
	assert_int_equal(config_load(&config, path, &err), 0);
	assert_string_equal(config->path, path);
	assert_int_equal(config->funcs_cnt, 6);

	err_set(&err, -ENOENT, "no function 'handle_odrer'");
	err_hint(&err, "did you mean 'handle_order'?");
	assert_int_equal(config_error_at(config, config->funcs[0].place, -ENOENT, &err), -ENOENT);
	snprintf(want, sizeof(want), "%s:14:5: no function 'handle_odrer'", path);
	assert_string_equal(err.msg, want);
	assert_string_equal(err.hint, "did you mean 'handle_order'?");
	assert_true(err.is_usage);
	config_free(config);
	unlink(path);
}

static void a_file_that_cannot_be_read_is_a_usage_error(void **state)
{
	struct config *config = (void *)1;
	struct err err = {};

	assert_int_equal(config_load(&config, "/nonexistent/t.json", &err), -ENOENT);
	assert_string_equal(err.msg, "cannot open '/nonexistent/t.json': No such file or directory");
	assert_true(err.is_usage);
	assert_int_equal(config_load(&config, "/tmp", &err), -EISDIR);
	assert_string_equal(err.msg, "cannot read '/tmp': Is a directory");
	assert_int_equal(config_load(&config, "/dev/zero", &err), -EFBIG);
	assert_string_equal(err.msg, "'/dev/zero' is longer than 16 MiB");
	assert_ptr_equal(config, (void *)1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_decides_at_entry_is_read),
		cmocka_unit_test(functions_stand_by_role_whatever_the_order_of_the_file),
		cmocka_unit_test(every_key_of_an_operation_is_read),
		cmocka_unit_test(an_alias_that_names_instances_adds_them_to_the_key),
		cmocka_unit_test(every_key_of_an_input_is_read),
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(the_top_and_the_types_are_read),
		cmocka_unit_test(a_mistake_names_its_place_its_way_and_the_nearest_right_name),
		cmocka_unit_test(too_many_functions_are_refused),
		cmocka_unit_test(a_file_is_read_and_named_in_messages),
		cmocka_unit_test(a_file_that_cannot_be_read_is_a_usage_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
