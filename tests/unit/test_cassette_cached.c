// SPDX-License-Identifier: BSD-3-Clause
/* A cassette behind a directory: what it asks the other for, and what it does when the directory fails. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"
#include "tests/support/cassette_suite.h"

struct fixture {
	char dir[64], source_url[128], url[256];
	struct cassette *source, *cached;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/tapedeck-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->source_url, sizeof(f->source_url), "file:%s/source", f->dir);
	snprintf(f->url, sizeof(f->url), "cached:%s/cache+%s", f->dir, f->source_url);
	*state = f;
	return cassette_open(&f->source, f->source_url, true, NULL) ||
	       cassette_open(&f->cached, f->url, false, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[256];

	cassette_close(f->cached);
	cassette_close(f->source);
	snprintf(command, sizeof(command), "umount -q '%s/cache' 2>/dev/null; rm -rf '%s'", f->dir, f->dir);
	free(f);
	return system(command);
}

static void shell(struct fixture *f, const char *words)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && %s", f->dir, words);
	assert_int_equal(system(command), 0);
}

static void assert_got(struct cassette *cassette, const char *id, const char *want)
{
	struct recording_key key = suite_key("c", "20251125", id);
	struct err err = {};
	struct blob blob;

	if (cassette_get(cassette, &key, &blob, &err))
		fail_msg("%s", err.msg);
	suite_assert_blob(&blob, want, strlen(want));
}

/* What the cache holds is there though the source has lost it. */
static void lose_source_files(struct fixture *f)
{
	shell(f, "find source -type f -delete");
}

static void what_was_read_once_is_not_asked_for_again(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A);
	struct cassette_item items[2] = {{.key = key}, {.key = suite_key("c", "20251125", B)}};
	char schema[DIGEST_HEX_LEN + 1];
	struct blob blob;

	suite_put(f->source, "c", "20251125", A);
	suite_put(f->source, "c", "20251125", B);
	digest_hex("abc", 3, schema);
	assert_int_equal(cassette_put_schema(f->source, schema, "abc", 3, NULL), 0);
	assert_got(f->cached, A, "full");
	assert_int_equal(cassette_get_metadata_many(f->cached, items, 2, NULL), 0);
	suite_assert_blob(&items[0].metadata, "{}", 2);
	suite_assert_blob(&items[1].metadata, "{}", 2);
	assert_int_equal(cassette_get_schema(f->cached, schema, &blob, NULL), 0);
	suite_assert_blob(&blob, "abc", 3);

	lose_source_files(f);
	assert_got(f->cached, A, "full");
	assert_int_equal(cassette_get_metadata_many(f->cached, items, 2, NULL), 0);
	suite_assert_blob(&items[0].metadata, "{}", 2);
	suite_assert_blob(&items[1].metadata, "{}", 2);
	assert_int_equal(cassette_get_schema(f->cached, schema, &blob, NULL), 0);
	suite_assert_blob(&blob, "abc", 3);
	assert_int_equal(cassette_get(f->cached, &items[1].key, &blob, NULL), -ENOENT);
	assert_null(cassette_warning(f->cached));
}

static void copies_are_their_owners_alone(void **state)
{
	struct fixture *f = *state;

	suite_put(f->source, "c", "20251125", A);
	assert_got(f->cached, A, "full");
	shell(f,
	      "test $(find cache -type f -perm 600 | wc -l) = 1 && test $(find cache -type f | wc -l) = 1 && "
	      "test -z \"$(find cache -type d ! -perm 700)\"");
}

static void it_is_read_only_and_says_so(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A);
	struct err err = {};
	char words[320];

	snprintf(words, sizeof(words), "cassette '%s' is read-only", f->url);
	assert_int_equal(cassette_put(f->cached, &key, "x", 1, "{}", &err), -EROFS);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_remove(f->cached, &key, &err), -EROFS);
}

static void what_is_listed_is_asked_for_each_time(void **state)
{
	struct fixture *f = *state;
	char got[512] = "";

	suite_put(f->source, "c", "20251125", A);
	assert_int_equal(cassette_each(f->cached, NULL, NULL, NULL, suite_append, got, NULL), 0);
	suite_put(f->source, "c", "20251125", B);
	*got = '\0';
	assert_int_equal(cassette_each(f->cached, NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "c/20251125/a c/20251125/b ");
}

static void a_refresh_reads_anew_and_keeps_what_it_read(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A);
	struct cassette *fresh;
	char url[300];

	suite_put(f->source, "c", "20251125", A);
	assert_got(f->cached, A, "full");
	assert_int_equal(cassette_put(f->source, &key, "changed", 7, "{}", NULL), 0);
	assert_got(f->cached, A, "full");
	snprintf(url, sizeof(url), "cached:%s/cache?refresh+%s", f->dir, f->source_url);
	assert_int_equal(cassette_open(&fresh, url, false, NULL), 0);
	assert_got(fresh, A, "changed");
	cassette_close(fresh);
	lose_source_files(f);
	assert_got(f->cached, A, "changed");
}

static void a_damaged_copy_is_read_again_and_replaced(void **state)
{
	static const char *const damages[] = {
		"for f in $(find cache -type f); do : > $f; done",
		"for f in $(find cache -type f); do truncate -s 21 $f; done",
		"for f in $(find cache -type f); do printf X | dd of=$f bs=1 seek=22 conv=notrunc 2>/dev/null; done",
		"for f in $(find cache -type f); do printf X | dd of=$f bs=1 seek=2 conv=notrunc 2>/dev/null; done",
		"for f in $(find cache -type f); do echo more >> $f; done",
		"for f in $(find cache -type f); do rm $f; ln -s /etc/passwd $f; done",
		"for f in $(find cache -type f); do rm $f; mkfifo $f; done",
	};
	struct fixture *f = *state;

	suite_put(f->source, "c", "20251125", A);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		assert_got(f->cached, A, "full");
		shell(f, damages[i]);
		assert_got(f->cached, A, "full");
		shell(f, "mv source away && mkdir source");
		assert_got(f->cached, A, "full");
		shell(f, "rmdir source && mv away source");
	}
}

static void where_the_directory_fails_the_other_serves_and_a_warning_says_why(void **state)
{
	static const struct {
		const char *how, *words;
	} cases[] = {
		{"touch cache", "Not a directory"},
		{"mkdir cache && mount -t tmpfs -o ro none cache", "Read-only file system"},
		{"mkdir cache && mount -t tmpfs -o size=4k,nr_inodes=40 none cache && "
		 "dd if=/dev/zero of=cache/fill bs=4k count=2 2>/dev/null; true",
		 "No space left on device"},
	};
	struct fixture *f = *state;

	suite_put(f->source, "c", "20251125", A);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cassette *cassette;

		shell(f, cases[i].how);
		assert_int_equal(cassette_open(&cassette, f->url, false, NULL), 0);
		assert_got(cassette, A, "full");
		assert_got(cassette, A, "full");
		assert_non_null(cassette_warning(cassette));
		if (!strstr(cassette_warning(cassette), cases[i].words) ||
		    !strstr(cassette_warning(cassette), "the cache cannot be written"))
			fail_msg("%s", cassette_warning(cassette));
		cassette_close(cassette);
		shell(f, "umount -q cache 2>/dev/null; rm -rf cache");
	}
}

static void ten_processes_share_a_directory(void **state)
{
	struct fixture *f = *state;
	autofree char *big = malloc(1 << 20);
	struct recording_key key;
	int status;

	memset(big, 'x', 1 << 20);
	for (int i = 0; i < 20; i++) {
		char id[33];

		snprintf(id, sizeof(id), "%032x", i);
		key = suite_key("c", "20251125", id);
		assert_int_equal(cassette_put(f->source, &key, big, 1 << 20, "{}", NULL), 0);
	}
	for (int child = 0; child < 10; child++) {
		if (fork())
			continue;
		for (int i = 0; i < 20; i++) {
			struct cassette *cassette;
			struct blob blob;
			char id[33];

			snprintf(id, sizeof(id), "%032x", (i + child) % 20);
			key = suite_key("c", "20251125", id);
			if (cassette_open(&cassette, f->url, false, NULL) ||
			    cassette_get(cassette, &key, &blob, NULL) || blob.len != 1 << 20 ||
			    memcmp(blob.data, big, blob.len) != 0 || cassette_warning(cassette))
				_exit(1);
			free(blob.data);
			cassette_close(cassette);
		}
		_exit(0);
	}
	for (int child = 0; child < 10; child++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	shell(f, "test -z \"$(find cache -name '.tmp-*')\" && test $(find cache -type f | wc -l) = 20");
}

static void two_sources_in_one_directory_are_not_confused(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A);
	struct cassette *other, *cached;
	char url[300], other_url[128];

	snprintf(other_url, sizeof(other_url), "file:%s/other", f->dir);
	snprintf(url, sizeof(url), "cached:%s/cache+%s", f->dir, other_url);
	assert_int_equal(cassette_open(&other, other_url, true, NULL), 0);
	assert_int_equal(cassette_put(other, &key, "another", 7, "{}", NULL), 0);
	suite_put(f->source, "c", "20251125", A);
	assert_int_equal(cassette_open(&cached, url, false, NULL), 0);
	assert_got(f->cached, A, "full");
	assert_got(cached, A, "another");
	cassette_close(cached);
	cassette_close(other);
}

static void names_that_are_none_are_usage_errors_with_a_hint(void **state)
{
	static const struct {
		const char *url, *msg, *hint;
	} cases[] = {
		{"cached:/d", "cassette 'cached:/d' names no other cassette",
		 "write cached:DIRECTORY+URL, as in cached:/var/cache/tape+s3://BUCKET/PREFIX"},
		{"cached:/d+x", "cassette 'cached:/d+x' names no other cassette", NULL},
		{"cached:+file:/d", "cassette 'cached:+...' names no directory",
		 "write cached:DIRECTORY+URL"},
		{"cached:/d+fil:/x", "cassette 'fil:/x': unknown scheme 'fil'", "did you mean 'file:/x'?"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cassette *cassette;
		struct err err = {};

		assert_int_equal(cassette_open(&cassette, cases[i].url, false, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		if (cases[i].hint)
			assert_string_equal(err.hint, cases[i].hint);
		assert_true(err.is_usage);
	}
}

static void a_plus_may_be_in_the_directorys_name(void **state)
{
	struct fixture *f = *state;
	struct cassette *cassette;
	char url[300];

	suite_put(f->source, "c", "20251125", A);
	snprintf(url, sizeof(url), "cached:%s/a+b/+%s", f->dir, f->source_url);
	assert_int_equal(cassette_open(&cassette, url, false, NULL), 0);
	assert_got(cassette, A, "full");
	cassette_close(cassette);
	shell(f, "test $(find a+b -type f | wc -l) = 1");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_read_once_is_not_asked_for_again),
		TEST(copies_are_their_owners_alone),
		TEST(it_is_read_only_and_says_so),
		TEST(what_is_listed_is_asked_for_each_time),
		TEST(a_refresh_reads_anew_and_keeps_what_it_read),
		TEST(a_damaged_copy_is_read_again_and_replaced),
		TEST(where_the_directory_fails_the_other_serves_and_a_warning_says_why),
		TEST(ten_processes_share_a_directory),
		TEST(two_sources_in_one_directory_are_not_confused),
		TEST(names_that_are_none_are_usage_errors_with_a_hint),
		TEST(a_plus_may_be_in_the_directorys_name),
	};

	return cmocka_run_group_tests_name("cassette cached:", tests, NULL, NULL);
}
