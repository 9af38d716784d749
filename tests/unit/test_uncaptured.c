// SPDX-License-Identifier: BSD-3-Clause
#include "replay/uncaptured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/value.h"

#define HANDLE_AT 0x7f0000001000
#define CUT_AT	  0x7f0000002000
#define IN_UNION  0x7f0000003000
#define ELSEWHERE 0x7f0000004000
#define NUMBER	  0x1234
#define FOLLOWED  "; it followed '"
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
static struct value *members[] = {&handle, &cut, &both, &out_only, &number};
static struct value root = {.kind = VALUE_STRUCT, .name = "req", .child = members, .child_cnt = 5};

static void a_crash_is_laid_to_the_nearest_pointer_below_it(void **state)
{
	static const struct {
		uint64_t addr;
		const char *words;
	} cases[] = {
		{HANDLE_AT, FOLLOWED "calls[get#1].req.db" NOTHING "it is opaque"},
		{HANDLE_AT + 0xfff, FOLLOWED "calls[get#1].req.db" NOTHING "it is opaque"},
		{CUT_AT + 8, FOLLOWED "calls[get#1].req.next" NOTHING "deeper than depth 3"},
		{IN_UNION + 16,
		 FOLLOWED "calls[get#1].req.u" NOTHING "pointers in a union or a buffer are not followed"},
		{ELSEWHERE,
		 FOLLOWED "calls[get#1].req.u" NOTHING "pointers in a union or a buffer are not followed"},
		{HANDLE_AT - 1, NULL},
		{IN_UNION + UNCAPTURED_REACH, NULL},
		{NUMBER, NULL},
		{0, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		members[i]->parent = &root;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct uncaptured nearest = {};
		struct err err = {};
		char text[256];

		uncaptured_look(&nearest, &root, 3, cases[i].addr);
		assert_int_equal(nearest.value != NULL, cases[i].words != NULL);
		if (!nearest.value)
			continue;
		assert_int_equal(nearest.place, 3);
		assert_int_equal(uncaptured_text(text, sizeof(text), &nearest, "calls[get#1].", &err), 0);
		assert_string_equal(text, cases[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_is_laid_to_the_nearest_pointer_below_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
