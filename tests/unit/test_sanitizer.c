// SPDX-License-Identifier: BSD-3-Clause
#include "replay/sanitizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/util.h"

static void the_first_report_is_found_whatever_stands_around_it(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", ""},
		{"hello\nworld", ""},
		{"the SUMMARY: AddressSanitizer: is mine", ""},
		{"SUMMARY: 3 orders\n", ""},
		{"job: runtime error: none\n", ""},
		{"job failed: runtime error: at 3: bad\n", ""},
		{"=====\n==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1 at pc 0x2\n    #0 0x2 in f a.c:9\n\n"
		 "SUMMARY: AddressSanitizer: heap-use-after-free a.c:9 in f\nShadow bytes\n==7==ABORTING\n",
		 "AddressSanitizer: heap-use-after-free a.c:9 in f"},
		{"x\na.c:4:7: runtime error: signed integer overflow\nSUMMARY: UndefinedBehaviorSanitizer: undefined-behavior a.c:4:7\n",
		 "a.c:4:7: runtime error: signed integer overflow"},
		{"a.c:4:7: runtime error: index \x1b[1m5", "a.c:4:7: runtime error: index ?[1m5"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char out[128];

		assert_int_equal(sanitizer_report(out, sizeof(out), cases[i].text), cases[i].want[0] != 0);
		assert_string_equal(out, cases[i].want);
	}
}

static void a_long_report_is_cut(void **state)
{
	char out[8];

	assert_true(
		sanitizer_report(out, sizeof(out), "SUMMARY: MemorySanitizer: use-of-uninitialized-value"));
	assert_string_equal(out, "MemoryS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_report_is_found_whatever_stands_around_it),
		cmocka_unit_test(a_long_report_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
