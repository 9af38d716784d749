// SPDX-License-Identifier: BSD-3-Clause
#include "lib/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/util.h"

static void text_and_number_are_each_others_reverse(void **state)
{
	static const struct {
		int64_t ns;
		const char *text, *day;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000000000Z", "19700101"},
		{1764064800123456789ll, "2025-11-25T10:00:00.123456789Z", "20251125"},
		{951827696000000001ll, "2000-02-29T12:34:56.000000001Z", "20000229"},
		{1767225599999999999ll, "2025-12-31T23:59:59.999999999Z", "20251231"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[TIMESTAMP_LEN + 1], day[9];
		int64_t ns = -1;

		timestamp_text(cases[i].ns, text);
		timestamp_day(cases[i].ns, day);
		assert_string_equal(text, cases[i].text);
		assert_string_equal(day, cases[i].day);
		assert_true(timestamp_parse(text, &ns));
		assert_int_equal(ns, cases[i].ns);
	}
}

static void shorter_forms_are_understood(void **state)
{
	static const char *const texts[] = {"2025-11-25T10:00:00Z", "2025-11-25T10:00Z",
					    "2025-11-25T10:00:00.0Z"};
	int64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_true(timestamp_parse(texts[i], &ns));
		assert_int_equal(ns, 1764064800 * TIMESTAMP_S);
	}
	assert_true(timestamp_parse_day("2025-11-25", &ns));
	assert_int_equal(ns, 1764028800 * TIMESTAMP_S);
}

static void what_is_no_point_of_time_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"2025",
		"2025-11-25",
		"2025-11-25T10:00:00",
		"2025-11-25T10:00:00+00:00",
		"2025-11-25T10:00:00Zx",
		"2025-11-25T24:00:00Z",
		"2025-11-25T10:60:00Z",
		"2025-11-25T10:00:00.Z",
		"2025-11-25T10:00:00.1234567890Z",
		"2025-02-29T10:00:00Z",
		"2025-13-01T10:00:00Z",
		"2025-11-00T10:00:00Z",
		"1969-12-31T10:00:00Z",
		"2262-01-01T00:00:00Z",
		"-025-11-25T10:00:00Z",
	};
	int64_t ns = 7;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (timestamp_parse(texts[i], &ns))
			fail_msg("'%s' was understood", texts[i]);
	assert_false(timestamp_parse_day("2025-11-25T10:00:00Z", &ns));
	assert_false(timestamp_parse_day("2025-04-31", &ns));
	assert_int_equal(ns, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_number_are_each_others_reverse),
		cmocka_unit_test(shorter_forms_are_understood),
		cmocka_unit_test(what_is_no_point_of_time_is_refused),
	};

	return cmocka_run_group_tests_name("timestamp", tests, NULL, NULL);
}
