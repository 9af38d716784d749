// SPDX-License-Identifier: BSD-3-Clause
/* A cassette tidied up: what stays is what lookups found before, and nothing else is left. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/compact.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/timestamp.h"
#include "lib/util.h"
#include "tests/support/cassette_suite.h"

#define MANY 30
#define ROOT "tape_recorder_recordings/"

struct fixture {
	char dir[64], objects_url[128], url[160];
	struct cassette *cassette, *objects; /* with segments, and without */
	struct compact_counts counts;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/tapedeck-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->objects_url, sizeof(f->objects_url), "file:%s/tape", f->dir);
	snprintf(f->url, sizeof(f->url), "%s?layout=segments", f->objects_url);
	*state = f;
	return cassette_open(&f->cassette, f->url, true, NULL) ||
	       cassette_open(&f->objects, f->objects_url, false, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	cassette_close(f->cassette);
	cassette_close(f->objects);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	free(f);
	return system(command);
}

static int count_files(struct fixture *f, const char *below)
{
	char command[256], said[32] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "find %s/tape/" ROOT "%s -type f 2>/dev/null | wc -l", f->dir,
		 below);
	pipe = popen(command, "r");
	assert_non_null(fgets(said, sizeof(said), pipe));
	pclose(pipe);
	return atoi(said);
}

static struct compact_opts opts_of(const char *keep_since)
{
	struct compact_opts opts = {.now_ns = time(NULL) * TIMESTAMP_S};

	snprintf(opts.keep_since, sizeof(opts.keep_since), "%s", keep_since);
	return opts;
}

static void tidy(struct fixture *f, const struct compact_opts *opts)
{
	struct err err = {};

	if (compact(f->cassette, opts, &f->counts, &err))
		fail_msg("%s", err.msg);
}

/* One at a time: a segment each, with documents that are no lines among them. */
static void fill(struct cassette *cassette, const char *day)
{
	for (int i = 0; i < MANY; i++) {
		struct recording_key key = suite_key(i % 2 ? "odd" : "even", day, "");
		char full[32];

		snprintf(key.id, sizeof(key.id), "%032x", i);
		snprintf(full, sizeof(full), "full %d of %s", i, day);
		assert_int_equal(cassette_put(cassette, &key, full, strlen(full),
					      i % 3 ? "{\"schema\":\"s\"}" : "{\n\"schema\":\"s\"}", NULL),
				 0);
	}
}

static void assert_filled(struct cassette *cassette, const char *day)
{
	for (int i = 0; i < MANY; i++) {
		struct recording_key key = suite_key(i % 2 ? "odd" : "even", day, "");
		char full[32];
		struct blob blob;

		snprintf(key.id, sizeof(key.id), "%032x", i);
		snprintf(full, sizeof(full), "full %d of %s", i, day);
		assert_int_equal(cassette_get(cassette, &key, &blob, NULL), 0);
		suite_assert_blob(&blob, full, strlen(full));
		assert_int_equal(cassette_get_metadata(cassette, &key, &blob, NULL), 0);
		suite_assert_blob(&blob, i % 3 ? "{\"schema\":\"s\"}" : "{\n\"schema\":\"s\"}",
				  i % 3 ? 14 : 15);
	}
}

static int count(const struct recording_key *key, void *ctx)
{
	++*(int *)ctx;
	return 0;
}

static int count_all(struct cassette *cassette)
{
	int cnt = 0;

	assert_int_equal(cassette_each(cassette, NULL, NULL, NULL, count, &cnt, NULL), 0);
	return cnt;
}

static void the_small_segments_of_a_day_become_one(void **state)
{
	const struct compact_opts opts = opts_of("");
	struct fixture *f = *state;
	auto_cassette struct cassette *reader = NULL;

	fill(f->cassette, "20251125");
	fill(f->cassette, "20251126");
	/* One that has looked before goes on looking. */
	assert_int_equal(cassette_open(&reader, f->url, false, NULL), 0);
	assert_int_equal(count_all(reader), 2 * MANY);
	assert_int_equal(count_files(f, "segments"), 2 * MANY);
	tidy(f, &opts);
	assert_int_equal(f->counts.merged, 2 * MANY);
	assert_int_equal(f->counts.made, 2);
	assert_int_equal(count_files(f, "segments"), 2);
	assert_int_equal(count_files(f, "index"), 2);
	assert_filled(reader, "20251125");
	assert_filled(f->cassette, "20251125");
	assert_filled(f->cassette, "20251126");
	assert_int_equal(count_all(f->cassette), 2 * MANY);
	tidy(f, &opts);
	assert_int_equal(f->counts.merged, 0);
}

static void segments_grow_to_their_size_and_no_further(void **state)
{
	struct compact_opts opts = opts_of("");
	struct fixture *f = *state;

	fill(f->cassette, "20251125");
	opts.segment_bytes = 400; /* some 12 of these */
	tidy(f, &opts);
	assert_in_range(count_files(f, "segments"), 2, 5);
	assert_filled(f->cassette, "20251125");
}

static void what_was_put_twice_or_removed_leaves_nothing(void **state)
{
	const struct compact_opts opts = opts_of("");
	struct recording_key key = suite_key("c", "20251125", A);
	struct fixture *f = *state;
	struct blob blob;

	suite_put(f->cassette, "c", "20251125", A);
	suite_put(f->cassette, "c", "20251125", B);
	assert_int_equal(cassette_put(f->cassette, &key, "new", 3, "{}", NULL), 0);
	tidy(f, &opts);
	assert_int_equal(count_files(f, "segments"), 1);
	assert_int_equal(cassette_get(f->cassette, &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "new", 3);
	assert_int_equal(cassette_remove(f->cassette, &key, NULL), 0);
	assert_int_equal(count_all(f->cassette), 1);
}

static void objects_become_segments_where_they_lie(void **state)
{
	const struct compact_opts opts = opts_of("");
	struct fixture *f = *state;

	fill(f->objects, "20251125");
	fill(f->objects, "20251126");
	assert_int_equal(count_all(f->cassette), 0);
	tidy(f, &opts);
	assert_int_equal(f->counts.moved, 2 * MANY);
	assert_int_equal(count_files(f, "full") + count_files(f, "metadata"), 0);
	assert_int_equal(count_files(f, "segments"), 2);
	assert_filled(f->cassette, "20251125");
	assert_filled(f->cassette, "20251126");
}

static void days_that_are_too_old_go_in_both_layouts(void **state)
{
	const struct compact_opts opts = opts_of("20251126");
	struct fixture *f = *state;

	fill(f->cassette, "20251125");
	fill(f->cassette, "20251126");
	fill(f->objects, "20251124");
	fill(f->objects, "20251127");
	tidy(f, &opts);
	assert_int_equal(f->counts.expired, 2 * MANY);
	assert_int_equal(count_all(f->cassette), 2 * MANY);
	assert_filled(f->cassette, "20251126");
	assert_filled(f->cassette, "20251127");
	fill(f->objects, "20251125");
	fill(f->objects, "20251126");
	assert_int_equal(compact(f->objects, &opts, &f->counts, NULL), 0);
	assert_int_equal(f->counts.expired, MANY);
	assert_int_equal(count_all(f->objects), MANY);
}

static void segments_without_an_index_go_when_they_are_a_day_old(void **state)
{
	struct compact_opts opts = opts_of("");
	struct fixture *f = *state;
	char command[256];

	suite_put(f->cassette, "c", "20251125", A);
	snprintf(command, sizeof(command), "rm %s/tape/" ROOT "index/*/*", f->dir);
	assert_int_equal(system(command), 0);
	suite_put(f->cassette, "c", "20251125", B);
	tidy(f, &opts);
	assert_int_equal(f->counts.orphans, 0);
	opts.now_ns += 25 * 60 * 60 * TIMESTAMP_S;
	tidy(f, &opts);
	assert_int_equal(f->counts.orphans, 1);
	assert_int_equal(count_files(f, "segments"), 1);
	assert_int_equal(count_all(f->cassette), 1);
}

static void a_damaged_segment_ends_it_and_loses_nothing(void **state)
{
	const struct compact_opts opts = opts_of("");
	struct fixture *f = *state;
	struct err err = {};
	char command[256];

	suite_put(f->cassette, "c", "20251125", A);
	suite_put(f->cassette, "c", "20251125", B);
	snprintf(command, sizeof(command),
		 "printf x | dd of=$(ls %s/tape/" ROOT
		 "segments/*/* | head -1) bs=1 seek=92 conv=notrunc 2>/dev/null",
		 f->dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(compact(f->cassette, &opts, &f->counts, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "is damaged: its segment stays as it is"));
	assert_int_equal(count_files(f, "segments"), 2);
	assert_int_equal(count_all(f->cassette), 2);
}

static void it_stops_when_told_and_is_right_as_it_stands(void **state)
{
	static const volatile sig_atomic_t stop = 1;
	struct compact_opts opts = opts_of("");
	struct fixture *f = *state;
	struct err err = {};

	opts.stop = &stop;
	fill(f->cassette, "20251125");
	assert_int_equal(compact(f->cassette, &opts, &f->counts, &err), -EINTR);
	assert_filled(f->cassette, "20251125");
}

/* --- schemas --- */

static void put_schema(struct fixture *f, const char *text, char name[DIGEST_HEX_LEN + 1])
{
	digest_hex(text, strlen(text), name);
	assert_int_equal(cassette_put_schema(f->cassette, name, text, strlen(text), NULL), 0);
}

static void put_naming(struct cassette *cassette, const char *id, const char *schema)
{
	struct recording_key key = suite_key("c", "20251125", id);
	char metadata[128];

	snprintf(metadata, sizeof(metadata), "{\"schema\":\"%s\"}", schema);
	assert_int_equal(cassette_put(cassette, &key, "full", 4, metadata, NULL), 0);
}

static void schemas_that_no_recording_names_go_when_that_is_asked_for(void **state)
{
	struct compact_opts opts = opts_of("");
	char used[DIGEST_HEX_LEN + 1], also[DIGEST_HEX_LEN + 1], unused[DIGEST_HEX_LEN + 1];
	struct fixture *f = *state;
	struct blob blob;

	put_schema(f, "a", used);
	put_schema(f, "b", also);
	put_schema(f, "c", unused);
	put_naming(f->cassette, A, used);
	put_naming(f->objects, B, also);
	tidy(f, &opts);
	assert_int_equal(f->counts.schemas, 0);
	opts.schemas = true;
	tidy(f, &opts);
	assert_int_equal(f->counts.schemas, 1);
	assert_int_equal(cassette_get_schema(f->cassette, unused, &blob, NULL), -ENOENT);
	assert_int_equal(cassette_get_schema(f->cassette, used, &blob, NULL), 0);
	free(blob.data);
	assert_int_equal(cassette_get_schema(f->cassette, also, &blob, NULL), 0);
	free(blob.data);
}

static void schemas_stay_where_it_cannot_be_told_who_needs_them(void **state)
{
	const struct cassette_opts prefixed = {.create = true, .prefix = "eu"};
	struct compact_opts opts = opts_of("");
	char schema[DIGEST_HEX_LEN + 1];
	struct fixture *f = *state;
	struct cassette *other;
	struct err err = {};
	struct blob blob;

	opts.schemas = true;
	put_schema(f, "a", schema);
	suite_put(f->cassette, "c", "20251125", A);
	assert_int_equal(compact(f->cassette, &opts, &f->counts, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "a recording's metadata names none"));
	assert_int_equal(cassette_empty(f->cassette, NULL), 0);
	assert_int_equal(cassette_open_with(&other, f->url, &prefixed, NULL), 0);
	put_naming(other, A, schema);
	cassette_close(other);
	assert_int_equal(compact(f->cassette, &opts, &f->counts, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "is not of its prefix, and shares them"));
	assert_int_equal(cassette_get_schema(f->cassette, schema, &blob, NULL), 0);
	free(blob.data);
}

static void a_read_only_cassette_is_not_tidied(void **state)
{
	const struct cassette_opts read_only = {.read_only = true};
	const struct compact_opts opts = opts_of("20251126");
	struct fixture *f = *state;
	auto_cassette struct cassette *cassette = NULL;

	assert_int_equal(cassette_open_with(&cassette, f->url, &read_only, NULL), 0);
	assert_int_equal(compact(cassette, &opts, &f->counts, NULL), -EROFS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_small_segments_of_a_day_become_one),
		TEST(segments_grow_to_their_size_and_no_further),
		TEST(what_was_put_twice_or_removed_leaves_nothing),
		TEST(objects_become_segments_where_they_lie),
		TEST(days_that_are_too_old_go_in_both_layouts),
		TEST(segments_without_an_index_go_when_they_are_a_day_old),
		TEST(a_damaged_segment_ends_it_and_loses_nothing),
		TEST(it_stops_when_told_and_is_right_as_it_stands),
		TEST(schemas_that_no_recording_names_go_when_that_is_asked_for),
		TEST(schemas_stay_where_it_cannot_be_told_who_needs_them),
		TEST(a_read_only_cassette_is_not_tidied),
	};

	return cmocka_run_group_tests_name("compact", tests, NULL, NULL);
}
