// SPDX-License-Identifier: BSD-3-Clause
#include "lib/plan_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <printf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/util.h"

#define ARGS_MAX 32

/* What @takes is in the words of parse_printf_format, which does not tell wide text from text by its length. */
static int as_glibc(enum plan_takes takes, const struct plan_format *f, char conversion)
{
	static const int sizes[] = {
		[1] = PA_CHAR, [2] = PA_INT | PA_FLAG_SHORT, [4] = PA_INT, [8] = PA_INT | PA_FLAG_LONG};

	switch (takes) {
	case PLAN_TAKES_SIGNED:
	case PLAN_TAKES_UNSIGNED:
		if (conversion == 'C')
			return PA_WCHAR;
		/* printf takes a long long for L, whatever parse_printf_format says. */
		return conversion == 'c' ? PA_CHAR : f->length == 'L' ? PA_INT : sizes[f->size];
	case PLAN_TAKES_COUNT:
		return PA_INT | PA_FLAG_PTR;
	case PLAN_TAKES_STAR:
		return PA_INT;
	case PLAN_TAKES_DOUBLE:
		return PA_DOUBLE;
	case PLAN_TAKES_LONG_DOUBLE:
		return PA_DOUBLE | PA_FLAG_LONG_DOUBLE;
	case PLAN_TAKES_TEXT:
		return PA_STRING;
	case PLAN_TAKES_WIDE:
		return conversion == 'S' ? PA_WSTRING : PA_STRING;
	default:
		return PA_POINTER;
	}
}

/* Types that are of one size here. */
static int plain(int type)
{
	if ((type & ~PA_FLAG_MASK) == PA_INT && type & PA_FLAG_LONG_LONG)
		type = (type & ~PA_FLAG_LONG_LONG) | PA_FLAG_LONG;
	return type;
}

/* How many arguments are known; *@is_whole: to the end. */
static size_t walk(const char *text, int *types, bool *is_whole)
{
	struct plan_format f = {};
	size_t cnt = 0;

	for (size_t i = 0;; i++) {
		enum plan_takes takes = plan_format_char(&f, text[i]);

		*is_whole = takes == PLAN_TAKES_END;
		if (takes == PLAN_TAKES_END || takes == PLAN_TAKES_UNKNOWN)
			return cnt;
		if (takes == PLAN_TAKES_NOTHING)
			continue;
		assert_true(cnt < ARGS_MAX);
		types[cnt++] = as_glibc(takes, &f, text[i]);
		if (takes == PLAN_TAKES_STAR)
			plan_format_star(&f, 3);
	}
}

static void compare(const char *text, size_t *wholes)
{
	int own[ARGS_MAX], glibc[ARGS_MAX];
	bool is_whole;
	size_t cnt = walk(text, own, &is_whole), there = parse_printf_format(text, ARGS_MAX, glibc);

	*wholes += is_whole && cnt;
	if (is_whole && cnt != there)
		fail_msg("'%s' takes %zu arguments, glibc says %zu", text, cnt, there);
	for (size_t i = 0; is_whole && i < cnt; i++)
		if (own[i] != plain(glibc[i]))
			fail_msg("'%s': argument %zu is 0x%x, glibc says 0x%x", text, i, own[i], glibc[i]);
}

static void arguments_are_what_glibc_takes_them_for(void **state)
{
	static const char letters[] = "%%%%%%%%diouxXeEfFgGaAcCsSpnm-+ #0'123.*hhlllLjzt y";
	size_t wholes = 0;

	srand(7);
	for (int i = 0; i < 200000; i++) {
		char text[16];
		size_t len = rand() % (sizeof(text) - 1);

		for (size_t k = 0; k < len; k++)
			text[k] = letters[rand() % (sizeof(letters) - 1)];
		text[len] = '\0';
		compare(text, &wholes);
	}
	/* It is not that all were unknown. */
	assert_true(wholes > 20000);
}

static void what_is_written_every_day_is_known(void **state)
{
	static const struct {
		const char *text;
		size_t cnt;
		bool is_whole;
	} rows[] = {
		{"", 0, true},
		{"100%%", 0, true},
		{"%s:%d: %m", 2, true},
		{"%-20.*s|%+05d", 3, true},
		{"%zu of %jd, %td, %qd", 4, true},
		{"%hhd%hd%ld%lld", 4, true},
		{"%#x %'d %Lf %lf", 4, true},
		{"%2$s %1$d", 0, false},
		{"%d %y %d", 1, false},
		{"%d %", 1, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int types[ARGS_MAX];
		bool is_whole;
		size_t cnt = walk(rows[i].text, types, &is_whole);

		if (cnt != rows[i].cnt || is_whole != rows[i].is_whole)
			fail_msg("'%s': %zu%s", rows[i].text, cnt, is_whole ? "" : " and what is not known");
	}
}

static void a_star_is_the_precision_behind_a_point_only(void **state)
{
	static const struct {
		const char *text;
		int precision;
	} rows[] = {{"%*s", -1}, {"%.*s", 7}, {"%5.*s", 7}, {"%*.3s", 3}, {"%.s", 0}, {"%.12s", 12}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct plan_format f = {};

		for (const char *c = rows[i].text; *c; c++)
			if (plan_format_char(&f, *c) == PLAN_TAKES_STAR)
				plan_format_star(&f, 7);
		assert_int_equal(f.precision, rows[i].precision);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_what_glibc_takes_them_for),
		cmocka_unit_test(what_is_written_every_day_is_known),
		cmocka_unit_test(a_star_is_the_precision_behind_a_point_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
