// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/cassette_suite.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"

#define SETTLE_MS 30000
#define POLL_US	  1000

/* Through one of them is put, through one is read, through one is removed: all the same but where a compound
 * cassette does only one of these. */
struct fixture {
	char url[SUITE_URL_MAX], compound_url[2 * SUITE_URL_MAX], dir[64];
	struct cassette *put, *get, *change;
};

static const struct cassette_suite *running;

static bool is_behind(const char *scheme)
{
	return running->behind && strcmp(running->behind, scheme) == 0;
}

static const char *get_url(const struct fixture *f)
{
	return is_behind("cached") ? f->compound_url : f->url;
}

static int make_compound(struct fixture *f, struct err *err)
{
	struct cassette *compound;
	int r;

	strcpy(f->dir, "/tmp/tapedeck-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -errno;
	snprintf(f->compound_url, sizeof(f->compound_url), "%s:%s+%s", running->behind, f->dir, f->url);
	r = cassette_open(&compound, f->compound_url, true, err);
	if (!r)
		*(is_behind("spool") ? &f->put : &f->get) = compound;
	return r;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = {};
	int r;

	if (!f)
		return -1;
	running->make(f->url);
	*state = f;
	r = cassette_open(&f->change, f->url, true, &err);
	f->put = f->get = f->change;
	if (!r && running->behind)
		r = make_compound(f, &err);
	if (r)
		print_error("%s: %s\n", f->url, err.msg);
	return r;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	if (f->put != f->change)
		cassette_close(f->put);
	if (f->get != f->change)
		cassette_close(f->get);
	cassette_close(f->change);
	if (running->unmake)
		running->unmake(f->url);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	if (*f->dir && system(command))
		return -1;
	free(f);
	return 0;
}

/* Until what was put through @cassette is where it is read. */
static void settle(struct cassette *cassette)
{
	struct cassette_progress progress;

	for (int i = 0; i < SETTLE_MS * 1000 / POLL_US; i++) {
		cassette_progress(cassette, &progress);
		if (!progress.waiting)
			return;
		usleep(POLL_US);
	}
	fail_msg("%llu recordings still wait: %s", (unsigned long long)progress.waiting, progress.error);
}

static struct cassette *reader(struct fixture *f)
{
	settle(f->put);
	return f->get;
}

struct recording_key suite_key(const char *category, const char *day, const char *id)
{
	struct recording_key key = {};

	snprintf(key.category, sizeof(key.category), "%s", category);
	snprintf(key.day, sizeof(key.day), "%s", day);
	snprintf(key.id, sizeof(key.id), "%s", id);
	return key;
}

void suite_put(struct cassette *cassette, const char *category, const char *day, const char *id)
{
	struct recording_key key = suite_key(category, day, id);
	struct err err = {};

	if (cassette_put(cassette, &key, "full", 4, "{}", &err))
		fail_msg("%s", err.msg);
}

void suite_assert_blob(const struct blob *blob, const void *data, size_t len)
{
	assert_int_equal(blob->len, len);
	assert_memory_equal(blob->data, data, len);
	free(blob->data);
}

int suite_append(const struct recording_key *key, void *ctx)
{
	char text[CATEGORY_MAX + 48];

	recording_key_text(key, text);
	text[strlen(text) - 31] = '\0';
	strcat(ctx, text);
	strcat(ctx, " ");
	return 0;
}

static void what_is_put_is_got(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("HandleOrder", "20251125", A);
	struct blob blob;

	assert_int_equal(cassette_put(f->put, &key, "\0\1\2", 3, "{\"a\":1}", NULL), 0);
	assert_int_equal(cassette_get(reader(f), &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "\0\1\2", 3);
	assert_int_equal(cassette_get_metadata(reader(f), &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "{\"a\":1}", 7);
}

static void putting_again_replaces(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A);
	struct blob blob;

	assert_int_equal(cassette_put(f->put, &key, "a longer one", 12, "{\"a\":1}", NULL), 0);
	assert_int_equal(cassette_put(f->put, &key, "", 0, "{}", NULL), 0);
	assert_int_equal(cassette_get(reader(f), &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "", 0);
	assert_int_equal(cassette_get_metadata(reader(f), &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "{}", 2);
}

static void a_second_cassette_of_the_url_sees_the_same(void **state)
{
	struct fixture *f = *state;
	auto_cassette struct cassette *second = NULL;
	struct recording_key key = suite_key("c", "20251125", A);
	struct blob blob;

	suite_put(f->put, "c", "20251125", A);
	settle(f->put);
	assert_int_equal(cassette_open(&second, get_url(f), false, NULL), 0);
	assert_string_equal(cassette_url(second), get_url(f));
	assert_int_equal(cassette_get(second, &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "full", 4);
}

static void get_of_nothing_is_enoent_and_says_so(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A);
	struct blob blob = {(void *)1, 7};
	struct err err = {};
	char words[1024];

	snprintf(words, sizeof(words), "no recording 'c/20251125/" A "' in '%s'", get_url(f));
	assert_int_equal(cassette_get(reader(f), &key, &blob, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_get_metadata(reader(f), &key, &blob, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	snprintf(words, sizeof(words), "no recording 'c/20251125/" A "' in '%s'", f->url);
	assert_int_equal(cassette_remove(f->change, &key, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	assert_ptr_equal(blob.data, (void *)1);
	assert_int_equal(blob.len, 7);
}

static void what_is_removed_is_gone_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	struct recording_key a = suite_key("c", "20251125", A), b = suite_key("c", "20251125", B);
	struct blob blob;

	suite_put(f->put, "c", "20251125", A);
	suite_put(f->put, "c", "20251125", B);
	settle(f->put);
	assert_int_equal(cassette_remove(f->change, &a, NULL), 0);
	assert_int_equal(cassette_get(reader(f), &a, &blob, NULL), -ENOENT);
	assert_int_equal(cassette_get_metadata(reader(f), &a, &blob, NULL), -ENOENT);
	assert_int_equal(cassette_get(reader(f), &b, &blob, NULL), 0);
	suite_assert_blob(&blob, "full", 4);
}

static void each_is_in_the_order_of_category_day_and_id(void **state)
{
	static const struct {
		const char *category, *since, *until, *want;
	} cases[] = {
		{NULL, NULL, NULL,
		 "_startup/20251126/a a/20251125/b a/20251126/a a/20251126/c a/20251127/a a-b/20251125/a "},
		{"a", "", "", "a/20251125/b a/20251126/a a/20251126/c a/20251127/a "},
		{"a", "20251126", NULL, "a/20251126/a a/20251126/c a/20251127/a "},
		{"a", NULL, "20251126", "a/20251125/b a/20251126/a a/20251126/c "},
		{NULL, "20251126", "20251126", "_startup/20251126/a a/20251126/a a/20251126/c "},
		{"a", "20251127", "20251126", ""},
		{"nothing", NULL, NULL, ""},
		{"..", NULL, NULL, ""},
	};
	struct fixture *f = *state;

	suite_put(f->put, "a", "20251126", C);
	suite_put(f->put, "a-b", "20251125", A);
	suite_put(f->put, "a", "20251127", A);
	suite_put(f->put, "_startup", "20251126", A);
	suite_put(f->put, "a", "20251126", A);
	suite_put(f->put, "a", "20251125", B);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[512] = "";

		assert_int_equal(cassette_each(reader(f), cases[i].category, cases[i].since, cases[i].until,
					       suite_append, got, NULL),
				 0);
		assert_string_equal(got, cases[i].want);
	}
}

static void each_of_an_empty_cassette_is_nothing(void **state)
{
	char got[512] = "";

	assert_int_equal(cassette_each(reader(*state), NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "");
}

static int stop_at_second(const struct recording_key *key, void *ctx)
{
	return ++*(int *)ctx == 2 ? 42 : 0;
}

static void each_ends_with_the_first_value_that_is_not_0(void **state)
{
	struct fixture *f = *state;
	int cnt = 0;

	suite_put(f->put, "a", "20251125", A);
	suite_put(f->put, "b", "20251125", A);
	suite_put(f->put, "c", "20251125", A);
	assert_int_equal(cassette_each(reader(f), NULL, NULL, NULL, stop_at_second, &cnt, NULL), 42);
	assert_int_equal(cnt, 2);
}

struct removal {
	struct cassette *cassette;
	int cnt;
};

static int remove_it(const struct recording_key *key, void *ctx)
{
	struct removal *removal = ctx;

	removal->cnt++;
	return cassette_remove(removal->cassette, key, NULL);
}

static void each_may_remove_what_it_visits(void **state)
{
	struct fixture *f = *state;
	struct removal removal = {f->change};
	char got[512] = "";

	suite_put(f->put, "a", "20251125", A);
	suite_put(f->put, "a", "20251125", B);
	suite_put(f->put, "b", "20251125", A);
	assert_int_equal(cassette_each(reader(f), NULL, NULL, NULL, remove_it, &removal, NULL), 0);
	assert_int_equal(removal.cnt, 3);
	assert_int_equal(cassette_each(reader(f), NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "");
}

static void a_recording_is_found_by_its_digits_or_the_whole(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = {};
	struct err err = {};
	char words[1024];

	suite_put(f->put, "a", "20251125", A);
	suite_put(f->put, "b", "20251126", B);
	assert_int_equal(cassette_find(reader(f), B, &key, NULL), 0);
	assert_string_equal(key.category, "b");
	assert_string_equal(key.day, "20251126");
	assert_string_equal(key.id, B);
	assert_int_equal(cassette_find(reader(f), "a/20251125/" A, &key, NULL), 0);
	assert_string_equal(key.category, "a");

	snprintf(words, sizeof(words), "no recording '" C "' in '%s'", get_url(f));
	assert_int_equal(cassette_find(reader(f), C, &key, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_find(reader(f), "a/20251125/" C, &key, &err), -ENOENT);
	assert_int_equal(cassette_find(reader(f), "a/20251125", &key, &err), -EINVAL);
	assert_string_equal(err.msg, "'a/20251125' is not the id of a recording");
	assert_true(err.is_usage);
	assert_string_equal(key.category, "a");
}

static void digits_that_two_recordings_have_are_ambiguous(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = {};
	struct err err = {};

	suite_put(f->put, "a", "20251125", A);
	suite_put(f->put, "b", "20251126", A);
	assert_int_equal(cassette_find(reader(f), A, &key, &err), -ENOTUNIQ);
	assert_string_equal(err.msg,
			    "'" A "' names two recordings, 'a/20251125/" A "' and 'b/20251126/" A "'");
	assert_string_equal(err.hint, "give the whole id of the one that is meant");
	assert_true(err.is_usage);
	assert_string_equal(key.category, "");
	assert_int_equal(cassette_find(reader(f), "b/20251126/" A, &key, &err), 0);
	assert_string_equal(key.category, "b");
}

#define MANY 70

static void many_of(struct cassette_item items[MANY])
{
	for (int i = 0; i < MANY; i++) {
		char id[33];

		snprintf(id, sizeof(id), "%032x", i);
		items[i] = (struct cassette_item){
			.key = suite_key(i % 2 ? "odd" : "even", "20251125", id),
			.full = {"full", 4},
			.metadata = {"{}", 2},
			.result = 77,
		};
	}
}

static int count(const struct recording_key *key, void *ctx)
{
	++*(int *)ctx;
	return 0;
}

static int count_all(struct fixture *f)
{
	int cnt = 0;

	assert_int_equal(cassette_each(reader(f), NULL, NULL, NULL, count, &cnt, NULL), 0);
	return cnt;
}

static void many_are_put_got_and_removed_together(void **state)
{
	struct fixture *f = *state;
	struct cassette_item items[MANY];
	struct blob blob;

	many_of(items);
	assert_int_equal(cassette_put_many(f->put, items, MANY, NULL), 0);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(items[i].result, 0);
		assert_int_equal(cassette_get(reader(f), &items[i].key, &blob, NULL), 0);
		suite_assert_blob(&blob, "full", 4);
	}
	assert_int_equal(count_all(f), MANY);
	assert_int_equal(cassette_get_metadata_many(reader(f), items, MANY, NULL), 0);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(items[i].result, 0);
		suite_assert_blob(&items[i].metadata, "{}", 2);
	}
	assert_int_equal(cassette_remove_many(f->change, items, MANY, NULL), 0);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(items[i].result, 0);
		/* What was read once is served though it is gone elsewhere. */
		assert_int_equal(cassette_get(reader(f), &items[i].key, &blob, NULL),
				 is_behind("cached") ? 0 : -ENOENT);
		if (is_behind("cached"))
			suite_assert_blob(&blob, "full", 4);
	}
	assert_int_equal(count_all(f), 0);
}

static void of_many_each_has_its_own_result(void **state)
{
	struct fixture *f = *state;
	struct cassette_item items[MANY];
	struct err err = {};

	many_of(items);
	items[1].key.category[0] = '.';
	items[2].full.len = CASSETTE_OBJECT_MAX + 1u;
	assert_int_equal(cassette_put_many(f->put, items, MANY, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "more than"));
	assert_int_equal(items[0].result, 0);
	assert_int_equal(items[1].result, -EINVAL);
	assert_int_equal(items[2].result, -EFBIG);
	assert_int_equal(items[3].result, 0);
	assert_int_equal(count_all(f), MANY - 2);
	assert_int_equal(cassette_get_metadata_many(reader(f), items + 2, MANY - 2, &err), 0);
	assert_int_equal(items[2].result, -ENOENT);
	assert_int_equal(items[3].result, 0);
	for (int i = 3; i < MANY; i++)
		suite_assert_blob(&items[i].metadata, "{}", 2);
	assert_int_equal(cassette_remove_many(f->change, items, 1, &err), 0);
	assert_int_equal(cassette_remove_many(f->change, items, MANY, &err), -EINVAL);
	assert_int_equal(items[0].result, 0);
	assert_int_equal(items[1].result, -EINVAL);
	assert_int_equal(items[2].result, 0);
	assert_int_equal(items[3].result, 0);
	assert_int_equal(count_all(f), 0);
	assert_int_equal(cassette_put_many(f->put, items, 0, &err), 0);
}

struct sums {
	uint64_t full, metadata, schemas;
};

static int add_size(const char *kind, const struct recording_key *key, uint64_t size, void *ctx)
{
	struct sums *sums = ctx;

	*(!key ? &sums->schemas : strcmp(kind, "full") == 0 ? &sums->full : &sums->metadata) += size;
	return 0;
}

static void sizes_are_those_of_all_objects(void **state)
{
	struct fixture *f = *state;
	struct cassette_item items[MANY];
	char abc[DIGEST_HEX_LEN + 1];
	struct sums sums = {};

	many_of(items);
	assert_int_equal(cassette_put_many(f->put, items, MANY, NULL), 0);
	digest_hex("abc", 3, abc);
	assert_int_equal(cassette_put_schema(f->put, abc, "abc", 3, NULL), 0);
	assert_int_equal(cassette_sizes(reader(f), add_size, &sums, NULL), 0);
	assert_int_equal(sums.full, MANY * strlen("full"));
	assert_int_equal(sums.metadata, MANY * strlen("{}"));
	assert_int_equal(sums.schemas, strlen("abc"));
}

static void many_are_got_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	struct cassette_item items[MANY];

	many_of(items);
	assert_int_equal(cassette_put_many(f->put, items + 1, MANY - 1, NULL), 0);
	assert_int_equal(cassette_get_many(reader(f), items, MANY, NULL), 0);
	assert_int_equal(items[0].result, -ENOENT);
	for (int i = 1; i < MANY; i++) {
		assert_int_equal(items[i].result, 0);
		suite_assert_blob(&items[i].full, "full", 4);
		suite_assert_blob(&items[i].metadata, "{}", 2);
	}
}

static void schemas_are_stored_once_and_checked(void **state)
{
	struct fixture *f = *state;
	char abc[DIGEST_HEX_LEN + 1], other[DIGEST_HEX_LEN + 1], words[1024];
	struct err err = {};
	struct blob blob;

	digest_hex("abc", 3, abc);
	digest_hex("abd", 3, other);
	assert_int_equal(cassette_put_schema(f->put, abc, "abc", 3, NULL), 0);
	assert_int_equal(cassette_put_schema(f->put, abc, "abc", 3, NULL), 0);
	assert_int_equal(cassette_get_schema(reader(f), abc, &blob, NULL), 0);
	suite_assert_blob(&blob, "abc", 3);

	snprintf(words, sizeof(words), "no schema '%s' in '%s'", other, get_url(f));
	assert_int_equal(cassette_get_schema(reader(f), other, &blob, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	snprintf(words, sizeof(words), "the bytes of schema '%s' are not those of its name", other);
	assert_int_equal(cassette_put_schema(f->put, other, "abc", 3, &err), -EINVAL);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_get_schema(reader(f), "../../etc/passwd", &blob, &err), -EINVAL);
	assert_string_equal(err.msg, "'../../etc/passwd' is not the name of a schema");
}

/* --- options --- */

static struct cassette *open_with(const char *url, const struct cassette_opts *opts)
{
	struct cassette *cassette;
	struct err err = {};

	if (cassette_open_with(&cassette, url, opts, &err))
		fail_msg("%s", err.msg);
	return cassette;
}

static void assert_read_only(const char *url)
{
	const struct cassette_opts opts = {.read_only = true, .transient = !is_behind("spool")};
	auto_cassette struct cassette *cassette = open_with(url, &opts);
	struct recording_key key = suite_key("c", "20251125", A);
	struct cassette_item item = {.key = key, .full = {"x", 1}, .metadata = {"{}", 2}};
	char schema[DIGEST_HEX_LEN + 1], words[1024];
	struct err err = {};

	digest_hex("abc", 3, schema);
	snprintf(words, sizeof(words), "cassette '%s' is read-only", url);
	assert_int_equal(cassette_put(cassette, &key, "x", 1, "{}", &err), -EROFS);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_put_many(cassette, &item, 1, &err), -EROFS);
	assert_int_equal(item.result, -EROFS);
	assert_int_equal(cassette_put_schema(cassette, schema, "abc", 3, &err), -EROFS);
	assert_int_equal(cassette_remove(cassette, &key, &err), -EROFS);
	assert_int_equal(cassette_remove_many(cassette, &item, 1, &err), -EROFS);
	assert_int_equal(cassette_empty(cassette, &err), -EROFS);
}

static void a_read_only_cassette_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A);
	struct blob blob;

	suite_put(f->put, "c", "20251125", A);
	settle(f->put);
	assert_read_only(f->url);
	if (running->behind)
		assert_read_only(f->compound_url);
	assert_int_equal(cassette_get(reader(f), &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "full", 4);
}

/* The same place, opened for something else. */
static void open_again(struct fixture *out, const struct fixture *f, const struct cassette_opts *opts)
{
	*out = *f;
	out->change = out->put = out->get = open_with(f->url, opts);
	if (is_behind("spool"))
		out->put = open_with(f->compound_url, opts);
	if (is_behind("cached"))
		out->get = open_with(f->compound_url, opts);
}

static void close_again(struct fixture *f)
{
	settle(f->put);
	if (f->put != f->change)
		cassette_close(f->put);
	if (f->get != f->change)
		cassette_close(f->get);
	cassette_close(f->change);
}

static void a_prefix_is_a_cassette_of_its_own(void **state)
{
	struct fixture *f = *state, prefixed;
	const struct cassette_opts opts = {.create = true, .prefix = "eu/shop"};
	struct recording_key key = suite_key("c", "20251125", A);
	char got[512] = "";
	struct blob blob;

	open_again(&prefixed, f, &opts);
	suite_put(prefixed.put, "c", "20251125", A);
	suite_put(f->put, "d", "20251125", B);
	assert_int_equal(cassette_each(reader(&prefixed), NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "c/20251125/a ");
	assert_int_equal(cassette_get(reader(&prefixed), &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "full", 4);
	close_again(&prefixed);
	assert_int_equal(cassette_get(reader(f), &key, &blob, NULL), -ENOENT);
}

static void prefixes_that_lead_elsewhere_are_refused(void **state)
{
	static const char *const prefixes[] = {"/a", "a/", "a//b", "..", "a/../b", ".a", "a/.b"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const struct cassette_opts opts = {.create = true, .transient = true, .prefix = prefixes[i]};
		struct cassette *cassette;
		struct err err = {};

		assert_int_equal(cassette_open_with(&cassette, get_url(f), &opts, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "cannot be a prefix"));
		assert_true(err.is_usage);
	}
}

static void a_transient_cassette_takes_its_recordings_with_it(void **state)
{
	struct fixture *f = *state, transient;
	const struct cassette_opts opts = {.create = true, .transient = true, .prefix = "tmp"};
	char got[512] = "";

	suite_put(f->put, "d", "20251125", B);
	transient.change = open_with(f->url, &opts);
	suite_put(transient.change, "c", "20251125", A);
	suite_put(transient.change, "e", "20251126", A);
	cassette_close(transient.change);
	open_again(&transient, f, &(struct cassette_opts){.prefix = "tmp"});
	assert_int_equal(cassette_each(reader(&transient), NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "");
	close_again(&transient);
	assert_int_equal(cassette_each(reader(f), NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "d/20251125/b ");
}

static void a_spool_keeps_what_it_was_given_and_is_not_transient(void **state)
{
	const struct cassette_opts opts = {.create = true, .transient = true};
	struct fixture *f = *state;
	struct cassette *cassette;
	struct err err = {};

	if (!is_behind("spool"))
		return;
	assert_int_equal(cassette_open_with(&cassette, f->compound_url, &opts, &err), -EINVAL);
	assert_string_equal(err.msg, "a spool cannot be transient: what it holds outlives it");
	assert_true(err.is_usage);
}

/* None of "never", all of "always", half of the others, and nothing large. */
static double sample(const char *category, uint64_t bytes, void *ctx)
{
	++*(int *)ctx;
	if (bytes > 4 || strcmp(category, "never") == 0)
		return 0;
	return strcmp(category, "always") == 0 ? 1 : 0.5;
}

static void sampling_by_category_and_size_is_before_anything_is_stored(void **state)
{
	struct fixture *f = *state, sampled;
	int asked = 0, stored = 0, left_out = 0;
	const struct cassette_opts opts = {.create = true, .sample = sample, .sample_ctx = &asked};
	struct recording_key key = suite_key("never", "20251125", A);
	struct cassette_item items[MANY];

	open_again(&sampled, f, &opts);
	assert_int_equal(cassette_put(sampled.put, &key, "full", 4, "{}", NULL), CASSETTE_SAMPLED_OUT);
	key = suite_key("always", "20251125", A);
	assert_int_equal(cassette_put(sampled.put, &key, "full", 4, "{}", NULL), 0);
	key = suite_key("always", "20251125", B);
	assert_int_equal(cassette_put(sampled.put, &key, "large", 5, "{}", NULL), CASSETTE_SAMPLED_OUT);
	many_of(items);
	assert_int_equal(cassette_put_many(sampled.put, items, MANY, NULL), 0);
	for (int i = 0; i < MANY; i++) {
		stored += items[i].result == 0;
		left_out += items[i].result == CASSETTE_SAMPLED_OUT;
	}
	assert_int_equal(stored + left_out, MANY);
	assert_true(stored > 5 && left_out > 5); /* of 70: 1 in 10^12 runs fails */
	assert_int_equal(asked, MANY + 3);
	close_again(&sampled);
	assert_int_equal(count_all(f), stored + 1);
}

static void keys_that_cannot_be_are_refused(void **state)
{
	static const struct {
		const char *category, *day, *id;
	} cases[] = {
		{"", "20251125", A},	{"..", "20251125", A},	 {"a/b", "20251125", A},
		{"a", "20251325", A},	{"a", "2025112", A},	 {"a", "20251125", "abc"},
		{"a\n", "20251125", A}, {"\xff", "20251125", A}, {"a", "../../..", A},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recording_key key = suite_key(cases[i].category, cases[i].day, cases[i].id);
		struct err err = {};

		assert_int_equal(cassette_put(f->put, &key, "x", 1, "{}", &err), -EINVAL);
		assert_non_null(strstr(err.msg, "is not the id of a recording"));
	}
}

static void categories_may_hold_what_function_names_hold(void **state)
{
	static const char *const categories[] = {"shop::price(int, char const*)",
						 "libshop.so:price",
						 "a b",
						 "%2f",
						 "Gr\xc3\xb6\xc3\x9f"
						 "e",
						 "a+b'\"$`\\"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(categories); i++) {
		struct recording_key key = suite_key(categories[i], "20251125", A), got;
		char text[CATEGORY_MAX + 48];
		struct blob blob;

		suite_put(f->put, categories[i], "20251125", A);
		assert_int_equal(cassette_get(reader(f), &key, &blob, NULL), 0);
		suite_assert_blob(&blob, "full", 4);
		recording_key_text(&key, text);
		assert_int_equal(recording_key_parse(&got, text, NULL), 0);
		assert_string_equal(got.category, categories[i]);
	}
}

static void the_longest_category_fits(void **state)
{
	struct fixture *f = *state;
	char category[CATEGORY_MAX + 1], text[CATEGORY_MAX + 48];
	struct recording_key key, got;

	memset(category, 'x', CATEGORY_MAX);
	category[CATEGORY_MAX] = '\0';
	key = suite_key(category, "20251125", A);
	suite_put(f->put, category, "20251125", A);
	recording_key_text(&key, text);
	assert_int_equal(cassette_find(reader(f), text, &got, NULL), 0);
	assert_string_equal(got.category, category);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int cassette_suite_run(const struct cassette_suite *suite)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_is_got),
		TEST(putting_again_replaces),
		TEST(a_second_cassette_of_the_url_sees_the_same),
		TEST(get_of_nothing_is_enoent_and_says_so),
		TEST(what_is_removed_is_gone_and_nothing_else),
		TEST(each_is_in_the_order_of_category_day_and_id),
		TEST(each_of_an_empty_cassette_is_nothing),
		TEST(each_ends_with_the_first_value_that_is_not_0),
		TEST(each_may_remove_what_it_visits),
		TEST(a_recording_is_found_by_its_digits_or_the_whole),
		TEST(digits_that_two_recordings_have_are_ambiguous),
		TEST(many_are_put_got_and_removed_together),
		TEST(of_many_each_has_its_own_result),
		TEST(many_are_got_whole_or_not_at_all),
		TEST(sizes_are_those_of_all_objects),
		TEST(schemas_are_stored_once_and_checked),
		TEST(a_read_only_cassette_changes_nothing),
		TEST(a_prefix_is_a_cassette_of_its_own),
		TEST(prefixes_that_lead_elsewhere_are_refused),
		TEST(a_transient_cassette_takes_its_recordings_with_it),
		TEST(a_spool_keeps_what_it_was_given_and_is_not_transient),
		TEST(sampling_by_category_and_size_is_before_anything_is_stored),
		TEST(keys_that_cannot_be_are_refused),
		TEST(categories_may_hold_what_function_names_hold),
		TEST(the_longest_category_fits),
	};

	running = suite;
	return cmocka_run_group_tests_name(suite->name, tests, NULL, NULL);
}
