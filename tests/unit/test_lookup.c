// SPDX-License-Identifier: BSD-3-Clause
#include "lib/lookup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"

#define NOW_S 1764158400 /* 2025-11-26T12:00:00Z */

static void put_text(struct cassette *cassette, const char *category, const char *day, char digit,
		     const char *metadata)
{
	struct recording_key key = {};

	strcpy(key.category, category);
	strcpy(key.day, day);
	memset(key.id, digit, 32);
	assert_int_equal(cassette_put(cassette, &key, "x", 1, metadata, NULL), 0);
}

static void put(struct cassette *cassette, const char *category, char digit, const char *recorded_at,
		const char *rest)
{
	char day[9], text[512];

	snprintf(day, sizeof(day), "%.4s%.2s%.2s", recorded_at, recorded_at + 5, recorded_at + 8);
	snprintf(text, sizeof(text), "{\"recorded_at\":\"%s\",%s}", recorded_at, rest);
	put_text(cassette, category, day, digit, text);
}

static int setup(void **state)
{
	struct cassette *cassette;

	assert_int_equal(cassette_open(&cassette, "mem:", true, NULL), 0);
	put(cassette, "_startup", '0', "2025-11-24T00:00:00Z", "\"complete\":true");
	put(cassette, "order", '1', "2025-11-24T23:59:59.999999999Z",
	    "\"complete\":true,\"user\":{\"customer\":\"acme\",\"total\":5}");
	put(cassette, "order", '2', "2025-11-25T00:00:00Z",
	    "\"complete\":true,\"user\":{\"customer\":\"acme\",\"total\":50}");
	put(cassette, "order", '3', "2025-11-25T10:00:00Z",
	    "\"complete\":false,\"user\":{\"customer\":\"bmc\"}");
	put(cassette, "order", '4', "2025-11-26T11:30:00Z",
	    "\"complete\":true,\"user\":{\"customer\":\"bmc\"}");
	put(cassette, "price", '5', "2025-11-26T11:50:00Z", "\"complete\":true,\"user\":{\"total\":500}");
	*state = cassette;
	return 0;
}

static int teardown(void **state)
{
	cassette_close(*state);
	return 0;
}

struct got {
	char ids[64];
	size_t cnt;
	int stop_at, value;
	size_t without_metadata;
};

static int append(const struct found *found, void *ctx)
{
	struct got *got = ctx;

	got->without_metadata += !found->metadata;
	got->ids[got->cnt++] = found->key.id[0];
	got->ids[got->cnt] = '\0';
	return got->stop_at && got->cnt == (size_t)got->stop_at ? got->value : 0;
}

static void a_lookup_finds_what_its_filters_say(void **state)
{
	static const struct {
		struct lookup lookup;
		const char *want;
	} cases[] = {
		{{}, "1245"},
		{{.category = "order"}, "124"},
		{{.category = "_startup"}, "0"},
		{{.category = "nothing"}, ""},
		{{.with_incomplete = true}, "12345"},
		{{.limit = 2}, "12"},
		{{.limit = 9}, "1245"},
		{{.since = "2025-11-25"}, "245"},
		{{.until = "2025-11-24"}, "1"},
		{{.until = "2025-11-25"}, "12"},
		{{.since = "2025-11-25", .until = "2025-11-25", .with_incomplete = true}, "23"},
		{{.until = "2025-11-25T00:00:00Z"}, "1"},
		{{.until = "2025-11-25T00:00:01Z"}, "12"},
		{{.since = "2025-11-24T23:59:59.999999999Z", .until = "2025-11-25T00:00:00Z"}, "1"},
		{{.since = "15m"}, "5"},
		{{.since = "1h"}, "45"},
		{{.since = "1d"}, "45"},
		{{.since = "2d"}, "1245"},
		{{.until = "15m"}, "124"},
		{{.since = "9999w"}, "1245"},
		{{.where = {"customer=acme"}, .where_cnt = 1}, "12"},
		{{.where = {"customer=acme", "total>=50"}, .where_cnt = 2}, "2"},
		{{.where = {"total>=50"}, .where_cnt = 1}, "25"},
		{{.where = {"customer!=acme"}, .where_cnt = 1, .since = "1d"}, "45"},
		{{.where = {"complete=false"}, .where_cnt = 1, .with_incomplete = true}, "3"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lookup lookup = cases[i].lookup;
		struct got got = {};
		size_t unreadable = 7;

		lookup.now_s = NOW_S;
		assert_int_equal(lookup_each(*state, &lookup, &unreadable, append, &got, NULL), 0);
		if (strcmp(got.ids, cases[i].want) != 0)
			fail_msg("case %zu found '%s', not '%s'", i, got.ids, cases[i].want);
		assert_int_equal(unreadable, 0);
		assert_int_equal(got.without_metadata, 0);
	}
}

static void a_lookup_ends_with_the_first_value_that_is_not_0(void **state)
{
	for (int random = 0; random < 2; random++) {
		struct lookup lookup = {.random = random, .seed = 3};
		struct got got = {.stop_at = 2, .value = -42};

		assert_int_equal(lookup_each(*state, &lookup, NULL, append, &got, NULL), -42);
		assert_int_equal(got.cnt, 2);
	}
}

static void random_finds_the_same_in_an_order_of_the_seed(void **state)
{
	char first[8] = "";
	bool differs = false;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct lookup lookup = {.random = true, .seed = seed};
		struct got got = {}, again = {};

		assert_int_equal(lookup_each(*state, &lookup, NULL, append, &got, NULL), 0);
		assert_int_equal(lookup_each(*state, &lookup, NULL, append, &again, NULL), 0);
		assert_string_equal(got.ids, again.ids);
		assert_int_equal(got.cnt, 4);
		for (const char *id = "1245"; *id; id++)
			assert_non_null(strchr(got.ids, *id));
		if (*first && strcmp(first, got.ids) != 0)
			differs = true;
		strcpy(first, got.ids);
	}
	assert_true(differs);
}

static void spread_takes_one_of_each_day_in_turn(void **state)
{
	auto_cassette struct cassette *cassette = NULL;
	int cnt[128] = {};

	/* Six of one day, two of the next, one of the last. */
	assert_int_equal(cassette_open(&cassette, "mem:", true, NULL), 0);
	for (const char *id = "012345"; *id; id++)
		put(cassette, "order", *id, "2025-11-25T10:00:00Z", "\"complete\": true");
	put(cassette, "order", 'a', "2025-11-26T10:00:00Z", "\"complete\": true");
	put(cassette, "order", 'b', "2025-11-26T10:00:00Z", "\"complete\": true");
	put(cassette, "order", 'c', "2025-11-27T10:00:00Z", "\"complete\": true");
	for (uint64_t seed = 0; seed <= 400; seed++) {
		struct lookup lookup = {.spread = true, .random = seed, .seed = seed, .limit = 5};
		struct got got = {};
		int first = 0;

		assert_int_equal(lookup_each(cassette, &lookup, NULL, append, &got, NULL), 0);
		if (!seed)
			assert_string_equal(got.ids, "0ac1b");
		assert_int_equal(got.cnt, 5);
		for (int i = 0; i < 5; i++) {
			first += !!strchr("012345", got.ids[i]);
			cnt[(int)got.ids[i]]++;
		}
		assert_int_equal(first, 2);
	}
	for (const char *id = "012345"; *id; id++)
		assert_in_range(cnt[(int)*id], 90, 180);
	assert_int_equal(cnt['c'], 401);
}

static void random_with_a_limit_chooses_evenly(void **state)
{
	int cnt[128] = {};

	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct lookup lookup = {.random = true, .seed = seed, .limit = 1, .category = "order"};
		struct got got = {};

		assert_int_equal(lookup_each(*state, &lookup, NULL, append, &got, NULL), 0);
		assert_int_equal(got.cnt, 1);
		cnt[(int)got.ids[0]]++;
	}
	for (const char *id = "124"; *id; id++)
		assert_in_range(cnt[(int)*id], 90, 180);
}

static void unreadable_metadata_is_counted_and_passed_over(void **state)
{
	struct lookup lookup = {.since = "2025-11-01", .now_s = NOW_S};
	struct got got = {};
	size_t unreadable;

	put_text(*state, "order", "20251125", 'a', "{torn");
	put_text(*state, "order", "20251125", 'b', "[]");
	put_text(*state, "order", "20251125", 'c', "{\"complete\":true,\"recorded_at\":\"yesterday\"}");
	assert_int_equal(lookup_each(*state, &lookup, &unreadable, append, &got, NULL), 0);
	assert_string_equal(got.ids, "1245");
	assert_int_equal(unreadable, 3);
}

static void unreadable_metadata_is_found_by_who_asks_for_it(void **state)
{
	struct lookup lookup = {.where = {"customer=acme"}, .where_cnt = 1, .with_unreadable = true};
	struct got got = {};
	size_t unreadable;

	put_text(*state, "order", "20251125", 'a', "{torn");
	put_text(*state, "_startup", "20251125", 'b', "{torn");
	assert_int_equal(lookup_each(*state, &lookup, &unreadable, append, &got, NULL), 0);
	assert_string_equal(got.ids, "12a");
	assert_int_equal(got.without_metadata, 1);
	assert_int_equal(unreadable, 1);
}

static void wrong_words_are_usage_errors_before_anything_is_read(void **state)
{
	static const struct {
		struct lookup lookup;
		const char *msg, *hint;
	} cases[] = {
		{{.since = "7x"},
		 "since '7x' is no point of time",
		 "write 7d, 12h or 30m for so long ago, 2026-11-25, or 2026-11-25T10:00:00Z, in UTC"},
		{{.until = ""},
		 "until '' is no point of time",
		 "write 7d, 12h or 30m for so long ago, 2026-11-25, or 2026-11-25T10:00:00Z, in UTC"},
		{{.since = "d"},
		 "since 'd' is no point of time",
		 "write 7d, 12h or 30m for so long ago, 2026-11-25, or 2026-11-25T10:00:00Z, in UTC"},
		{{.since = "1234567d"},
		 "since '1234567d' is no point of time",
		 "write 7d, 12h or 30m for so long ago, 2026-11-25, or 2026-11-25T10:00:00Z, in UTC"},
		{{.since = "2025-11-26", .until = "2025-11-25"},
		 "until '2025-11-25' is not later than since '2025-11-26'",
		 "give the earlier one to since"},
		{{.where = {"a=1", "customer"}, .where_cnt = 2},
		 "condition 'customer': no comparison",
		 "write NAME=VALUE, with one of = != < <= > >=; = takes globs and a,b for either"},
		{{.category = "a/b"}, "'a/b' cannot be a category", ""},
		{{.where_cnt = LOOKUP_WHERE_MAX + 1}, "more than 32 conditions", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct got got = {};
		struct err err = {};

		assert_int_equal(lookup_check(&cases[i].lookup, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.hint, cases[i].hint);
		assert_true(err.is_usage);
		assert_int_equal(lookup_each(*state, &cases[i].lookup, NULL, append, &got, NULL), -EINVAL);
		assert_int_equal(got.cnt, 0);
	}
	assert_int_equal(
		lookup_check(&(struct lookup){.since = "7d", .where = {"a=1"}, .where_cnt = 1}, NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lookup_finds_what_its_filters_say),
		TEST(a_lookup_ends_with_the_first_value_that_is_not_0),
		TEST(random_finds_the_same_in_an_order_of_the_seed),
		TEST(random_with_a_limit_chooses_evenly),
		TEST(spread_takes_one_of_each_day_in_turn),
		TEST(unreadable_metadata_is_counted_and_passed_over),
		TEST(unreadable_metadata_is_found_by_who_asks_for_it),
		TEST(wrong_words_are_usage_errors_before_anything_is_read),
	};

	return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
