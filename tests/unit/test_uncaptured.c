// SPDX-License-Identifier: BSD-3-Clause
#include "replay/uncaptured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/shape.h"
#include "lib/util.h"
#include "lib/value.h"
#include "tests/support/shop.h"

#define HANDLE_AT 0x7f0000001000
#define CUT_AT	  0x7f0000002000
#define IN_UNION  0x7f0000003000
#define ELSEWHERE 0x7f0000004000
#define BELOW	  0x7f0000020000
#define ABOVE	  (BELOW + 48)
#define NUMBER	  0x1234
#define READ(at)  "get's '" at "' read at offset "
#define NOT_THERE " in ask: the recording does not have it; it followed 'calls[get#1]."
#define NOTHING	  "', and nothing was captured there: "

static uint64_t words[2] = {7, IN_UNION};
static struct value handle = {.kind = VALUE_HANDLE, .name = "db", .bits = HANDLE_AT};
static struct value cut = {
	.kind = VALUE_UNAVAILABLE, .name = "next", .bits = CUT_AT, .text = "deeper than depth 3"};
static struct value both = {
	.kind = VALUE_BYTES, .name = "u", .bytes = (uint8_t *)words, .len = sizeof(words)};
static struct value out_only = {.kind = VALUE_UNAVAILABLE,
				.name = "out",
				.bits = ELSEWHERE,
				.text = "at return",
				.is_elsewhere = true};
static struct value number = {.kind = VALUE_HANDLE, .name = "n", .bits = NUMBER};
static struct value below = {.kind = VALUE_HANDLE, .name = "ctx", .bits = BELOW};
static struct value above = {.kind = VALUE_HANDLE, .name = "key", .bits = ABOVE};
static struct value *members[] = {&handle, &cut, &both, &out_only, &number, &below, &above};
static struct value root = {
	.kind = VALUE_STRUCT, .name = "req", .child = members, .child_cnt = ARRAY_SIZE(members)};

static void a_crash_is_laid_to_the_nearest_pointer(void **state)
{
	static const struct {
		uint64_t addr;
		const char *words;
	} cases[] = {
		{HANDLE_AT, READ("req.db") "0" NOT_THERE "req.db" NOTHING "it is opaque"},
		{HANDLE_AT + 0xf00, READ("req.db") "3840" NOT_THERE "req.db" NOTHING "it is opaque"},
		{CUT_AT + 8, READ("req.next") "8" NOT_THERE "req.next" NOTHING "deeper than depth 3"},
		{IN_UNION + 16, READ("req.u") "16" NOT_THERE "req.u" NOTHING
					      "pointers in a union or a buffer are not followed"},
		{ELSEWHERE, READ("req.u") "4096" NOT_THERE "req.u" NOTHING
					  "pointers in a union or a buffer are not followed"},
		{HANDLE_AT - 1, READ("req.db") "-1" NOT_THERE "req.db" NOTHING "it is opaque"},
		{BELOW + 31, READ("req.ctx") "31" NOT_THERE "req.ctx" NOTHING "it is opaque"},
		{ABOVE - 1, READ("req.key") "-1" NOT_THERE "req.key" NOTHING "it is opaque"},
		{HANDLE_AT - UNCAPTURED_BEFORE - 1, NULL},
		{IN_UNION + UNCAPTURED_REACH, NULL},
		{NUMBER, NULL},
		{0, NULL},
	};
	const struct uncaptured_access access = {
		.alias = "get", .place = "calls[get#1].", .where = " in ask"};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		members[i]->parent = &root;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct uncaptured nearest = {};
		struct err err = {};
		char text[256], *advice = NULL;

		uncaptured_look(&nearest, &root, NULL, 3, cases[i].addr);
		assert_int_equal(nearest.value != NULL, cases[i].words != NULL);
		if (!nearest.value)
			continue;
		assert_int_equal(nearest.place, 3);
		assert_int_equal(uncaptured_text(text, sizeof(text), &advice, &nearest, &access, &err), 0);
		assert_string_equal(text, cases[i].words);
		assert_null(advice);
	}
}

/* struct order *get(struct order *o, void *ctx, char *text), its result and o->next->... opaque. */
static void what_to_record_is_said_by_its_type(void **state)
{
	static const struct {
		const char *path;
		enum value_kind kind;
		int64_t distance;
		const char *reason, *words, *advice;
	} cases[] = {
		{"return", VALUE_HANDLE, 16, NULL,
		 "get's result read at offset 16 ('code[0]') in ask: record struct order to depth 1;",
		 "\"return\":{\"depth\":1}"},
		{"return", VALUE_HANDLE, 100000, NULL,
		 "get's result read at offset 100000 in ask: record struct order to depth 1;",
		 "\"return\":{\"depth\":1}"},
		{"ctx", VALUE_HANDLE, 3, NULL,
		 "get's 'ctx' read at offset 3 in ask: record 16 bytes of it, or say with \"type\" what it points to;",
		 "\"ctx\":{\"bytes\":16}"},
		{"text", VALUE_HANDLE, 0, NULL,
		 "get's 'text' read at offset 0 in ask: record it as a string, or with \"bytes\" how many there are;",
		 "\"text\":{\"string\":true}"},
		{"o->next->next->next", VALUE_UNAVAILABLE, 0, "deeper than depth 3",
		 "read at offset 0 ('id') in ask: record struct order to depth 4;", "\"o\":{\"depth\":4}"},
		{"o", VALUE_POINTER, 104, NULL,
		 "get's 'o' read at offset 104 in ask: record at least 2 struct order: say with \"count\" how many; it followed 'calls[get#1].o', and went beyond what was captured: that ends before it",
		 "\"o\":{\"count\":2}"},
		{"o", VALUE_POINTER, -8, NULL, "read at offset -8 in ask: the recording does not have it;",
		 NULL},
		{"o->lines", VALUE_POINTER, 48, NULL,
		 "its \"count\" covers fewer than the 3 struct line of it;", NULL},
	};
	const struct rule rules[] = {{.path = (char *)"return", .is_opaque = true},
				     {.path = (char *)"o->lines", .count_text = (char *)"o->lines_cnt"}};
	static const struct config_func func = {.role = ROLE_INPUT, .name = (char *)"libshop.so:get"};
	const struct uncaptured_access access = {
		.func = &func, .alias = "get", .place = "calls[get#1].", .where = " in ask"};
	auto_shape struct shape *shape = NULL;
	struct err err = {};
	struct shop shop;

	shop_init(&shop);
	assert_int_equal(shape_build(&shape, shop.schema,
				     shop_func(&shop, "get", shop_ptr(&shop, shop.order),
					       (struct shop_param[]){{"o", shop_ptr(&shop, shop.order)},
								     {"ctx", shop.vptr},
								     {"text", shop.sptr},
								     {}},
					       rules, ARRAY_SIZE(rules)),
				     NULL, &err),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct value object = {.kind = VALUE_STRUCT}, *child = &object;
		struct value value = {.kind = cases[i].kind,
				      .name = cases[i].path,
				      .text = cases[i].reason,
				      .bits = HANDLE_AT,
				      .child = &child,
				      .child_cnt = cases[i].kind == VALUE_POINTER};
		struct uncaptured found = {};
		char text[512], want[128], *advice = NULL;
		auto_path struct path path = {};

		assert_int_equal(path_parse(&path, cases[i].path, &err), 0);
		assert_int_equal(shape_resolve(shape, SHAPE_NONE, &path, &value.node, &err), 0);
		if (value.kind == VALUE_POINTER)
			uncaptured_look_around(&found, &value, shape, 3, HANDLE_AT, cases[i].distance);
		else
			found = (struct uncaptured){&value, shape, cases[i].distance, false, 3};
		assert_int_equal(uncaptured_text(text, sizeof(text), &advice, &found, &access, &err), 0);
		if (!strstr(text, cases[i].words))
			fail_msg("%s: %s", cases[i].path, text);
		if (cases[i].advice) {
			snprintf(want, sizeof(want), "{\"inputs\":{\"libshop.so:get\":{\"args\":{%s}}}}",
				 cases[i].advice);
			assert_string_equal(advice, want);
		} else {
			assert_null(advice);
		}
		free(advice);
	}
	shop_release(&shop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_is_laid_to_the_nearest_pointer),
		cmocka_unit_test(what_to_record_is_said_by_its_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
