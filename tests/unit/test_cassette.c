// SPDX-License-Identifier: BSD-3-Clause
/* The promises of cassette.h, over every driver; and behind them what each driver promises alone. */
#include "lib/cassette.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccc"

#define ROOT "tape_recorder_recordings"

struct fixture {
	char dir[64], url[96];
	struct cassette *cassette;
};

static const char *scheme; /* of the group that runs */

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/tapedeck-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->url, sizeof(f->url), "%s:%s", scheme, f->dir);
	*state = f;
	return cassette_open(&f->cassette, f->url, false, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[256];

	cassette_close(f->cassette);
	/* A failed test may have left its mount. */
	snprintf(command, sizeof(command), "umount -q '%s/small' 2>/dev/null; rm -rf '%s'", f->dir, f->dir);
	free(f);
	return system(command);
}

static struct recording_key key_of(const char *category, const char *day, const char *id)
{
	struct recording_key key = {};

	snprintf(key.category, sizeof(key.category), "%s", category);
	snprintf(key.day, sizeof(key.day), "%s", day);
	snprintf(key.id, sizeof(key.id), "%s", id);
	return key;
}

static void put(struct cassette *cassette, const char *category, const char *day, const char *id)
{
	struct recording_key key = key_of(category, day, id);
	struct err err = {};

	if (cassette_put(cassette, &key, "full", 4, "{}", &err))
		fail_msg("%s", err.msg);
}

static void assert_blob(const struct blob *blob, const void *data, size_t len)
{
	assert_int_equal(blob->len, len);
	assert_memory_equal(blob->data, data, len);
	free(blob->data);
}

/* --- every driver --- */

static void what_is_put_is_got(void **state)
{
	struct cassette *cassette = ((struct fixture *)*state)->cassette;
	struct recording_key key = key_of("HandleOrder", "20251125", A);
	struct blob blob;

	assert_int_equal(cassette_put(cassette, &key, "\0\1\2", 3, "{\"a\":1}", NULL), 0);
	assert_int_equal(cassette_get(cassette, &key, &blob, NULL), 0);
	assert_blob(&blob, "\0\1\2", 3);
	assert_int_equal(cassette_get_metadata(cassette, &key, &blob, NULL), 0);
	assert_blob(&blob, "{\"a\":1}", 7);
}

static void putting_again_replaces(void **state)
{
	struct cassette *cassette = ((struct fixture *)*state)->cassette;
	struct recording_key key = key_of("c", "20251125", A);
	struct blob blob;

	assert_int_equal(cassette_put(cassette, &key, "a longer one", 12, "{\"a\":1}", NULL), 0);
	assert_int_equal(cassette_put(cassette, &key, "", 0, "{}", NULL), 0);
	assert_int_equal(cassette_get(cassette, &key, &blob, NULL), 0);
	assert_blob(&blob, "", 0);
	assert_int_equal(cassette_get_metadata(cassette, &key, &blob, NULL), 0);
	assert_blob(&blob, "{}", 2);
}

static void a_second_cassette_of_the_url_sees_the_same(void **state)
{
	struct fixture *f = *state;
	auto_cassette struct cassette *second = NULL;
	struct recording_key key = key_of("c", "20251125", A);
	struct blob blob;

	put(f->cassette, "c", "20251125", A);
	assert_int_equal(cassette_open(&second, f->url, false, NULL), 0);
	assert_string_equal(cassette_url(second), f->url);
	assert_int_equal(cassette_get(second, &key, &blob, NULL), 0);
	assert_blob(&blob, "full", 4);
}

static void get_of_nothing_is_enoent_and_says_so(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = key_of("c", "20251125", A);
	struct blob blob = {(void *)1, 7};
	struct err err = {};
	char words[256];

	snprintf(words, sizeof(words), "no recording 'c/20251125/" A "' in '%s'", f->url);
	assert_int_equal(cassette_get(f->cassette, &key, &blob, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_get_metadata(f->cassette, &key, &blob, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_remove(f->cassette, &key, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	assert_ptr_equal(blob.data, (void *)1);
	assert_int_equal(blob.len, 7);
}

static void what_is_removed_is_gone_and_nothing_else(void **state)
{
	struct cassette *cassette = ((struct fixture *)*state)->cassette;
	struct recording_key a = key_of("c", "20251125", A), b = key_of("c", "20251125", B);
	struct blob blob;

	put(cassette, "c", "20251125", A);
	put(cassette, "c", "20251125", B);
	assert_int_equal(cassette_remove(cassette, &a, NULL), 0);
	assert_int_equal(cassette_get(cassette, &a, &blob, NULL), -ENOENT);
	assert_int_equal(cassette_get_metadata(cassette, &a, &blob, NULL), -ENOENT);
	assert_int_equal(cassette_get(cassette, &b, &blob, NULL), 0);
	assert_blob(&blob, "full", 4);
}

static int append(const struct recording_key *key, void *ctx)
{
	char text[CATEGORY_MAX + 48];

	recording_key_text(key, text);
	text[strlen(text) - 31] = '\0';
	strcat(ctx, text);
	strcat(ctx, " ");
	return 0;
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
	struct cassette *cassette = ((struct fixture *)*state)->cassette;

	put(cassette, "a", "20251126", C);
	put(cassette, "a-b", "20251125", A);
	put(cassette, "a", "20251127", A);
	put(cassette, "_startup", "20251126", A);
	put(cassette, "a", "20251126", A);
	put(cassette, "a", "20251125", B);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[512] = "";

		assert_int_equal(cassette_each(cassette, cases[i].category, cases[i].since, cases[i].until,
					       append, got, NULL),
				 0);
		assert_string_equal(got, cases[i].want);
	}
}

static void each_of_an_empty_cassette_is_nothing(void **state)
{
	char got[512] = "";

	assert_int_equal(
		cassette_each(((struct fixture *)*state)->cassette, NULL, NULL, NULL, append, got, NULL), 0);
	assert_string_equal(got, "");
}

static int stop_at_second(const struct recording_key *key, void *ctx)
{
	return ++*(int *)ctx == 2 ? 42 : 0;
}

static void each_ends_with_the_first_value_that_is_not_0(void **state)
{
	struct cassette *cassette = ((struct fixture *)*state)->cassette;
	int cnt = 0;

	put(cassette, "a", "20251125", A);
	put(cassette, "b", "20251125", A);
	put(cassette, "c", "20251125", A);
	assert_int_equal(cassette_each(cassette, NULL, NULL, NULL, stop_at_second, &cnt, NULL), 42);
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
	struct removal removal = {((struct fixture *)*state)->cassette};
	char got[512] = "";

	put(removal.cassette, "a", "20251125", A);
	put(removal.cassette, "a", "20251125", B);
	put(removal.cassette, "b", "20251125", A);
	assert_int_equal(cassette_each(removal.cassette, NULL, NULL, NULL, remove_it, &removal, NULL), 0);
	assert_int_equal(removal.cnt, 3);
	assert_int_equal(cassette_each(removal.cassette, NULL, NULL, NULL, append, got, NULL), 0);
	assert_string_equal(got, "");
}

static void a_recording_is_found_by_its_digits_or_the_whole(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = {};
	struct err err = {};
	char words[256];

	put(f->cassette, "a", "20251125", A);
	put(f->cassette, "b", "20251126", B);
	assert_int_equal(cassette_find(f->cassette, B, &key, NULL), 0);
	assert_string_equal(key.category, "b");
	assert_string_equal(key.day, "20251126");
	assert_string_equal(key.id, B);
	assert_int_equal(cassette_find(f->cassette, "a/20251125/" A, &key, NULL), 0);
	assert_string_equal(key.category, "a");

	snprintf(words, sizeof(words), "no recording '" C "' in '%s'", f->url);
	assert_int_equal(cassette_find(f->cassette, C, &key, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_find(f->cassette, "a/20251125/" C, &key, &err), -ENOENT);
	assert_int_equal(cassette_find(f->cassette, "a/20251125", &key, &err), -EINVAL);
	assert_string_equal(err.msg, "'a/20251125' is not the id of a recording");
	assert_true(err.is_usage);
	assert_string_equal(key.category, "a");
}

static void schemas_are_stored_once_and_checked(void **state)
{
	struct fixture *f = *state;
	char abc[DIGEST_HEX_LEN + 1], other[DIGEST_HEX_LEN + 1], words[256];
	struct err err = {};
	struct blob blob;

	digest_hex("abc", 3, abc);
	digest_hex("abd", 3, other);
	assert_int_equal(cassette_put_schema(f->cassette, abc, "abc", 3, NULL), 0);
	assert_int_equal(cassette_put_schema(f->cassette, abc, "abc", 3, NULL), 0);
	assert_int_equal(cassette_get_schema(f->cassette, abc, &blob, NULL), 0);
	assert_blob(&blob, "abc", 3);

	snprintf(words, sizeof(words), "no schema '%s' in '%s'", other, f->url);
	assert_int_equal(cassette_get_schema(f->cassette, other, &blob, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	snprintf(words, sizeof(words), "the bytes of schema '%s' are not those of its name", other);
	assert_int_equal(cassette_put_schema(f->cassette, other, "abc", 3, &err), -EINVAL);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_get_schema(f->cassette, "../../etc/passwd", &blob, &err), -EINVAL);
	assert_string_equal(err.msg, "'../../etc/passwd' is not the name of a schema");
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
	struct cassette *cassette = ((struct fixture *)*state)->cassette;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recording_key key = key_of(cases[i].category, cases[i].day, cases[i].id);
		struct err err = {};

		assert_int_equal(cassette_put(cassette, &key, "x", 1, "{}", &err), -EINVAL);
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
	struct cassette *cassette = ((struct fixture *)*state)->cassette;

	for (size_t i = 0; i < ARRAY_SIZE(categories); i++) {
		struct recording_key key = key_of(categories[i], "20251125", A), got;
		char text[CATEGORY_MAX + 48];
		struct blob blob;

		put(cassette, categories[i], "20251125", A);
		assert_int_equal(cassette_get(cassette, &key, &blob, NULL), 0);
		assert_blob(&blob, "full", 4);
		recording_key_text(&key, text);
		assert_int_equal(recording_key_parse(&got, text, NULL), 0);
		assert_string_equal(got.category, categories[i]);
	}
}

static void the_longest_category_fits(void **state)
{
	struct cassette *cassette = ((struct fixture *)*state)->cassette;
	char category[CATEGORY_MAX + 1], text[CATEGORY_MAX + 48];
	struct recording_key key, got;

	memset(category, 'x', CATEGORY_MAX);
	category[CATEGORY_MAX] = '\0';
	key = key_of(category, "20251125", A);
	put(cassette, category, "20251125", A);
	recording_key_text(&key, text);
	assert_int_equal(cassette_find(cassette, text, &got, NULL), 0);
	assert_string_equal(got.category, category);
}

/* --- opening --- */

static void a_url_that_is_none_is_a_usage_error_with_a_hint(void **state)
{
	static const struct {
		const char *url, *msg, *hint;
	} cases[] = {
		{"/tmp/x", "'/tmp/x' is not a cassette: it has no scheme",
		 "for a directory write 'file:/tmp/x'"},
		{"a/b:c", "'a/b:c' is not a cassette: it has no scheme",
		 "for a directory write 'file:a/b:c'"},
		{"", "'' is not a cassette: it has no scheme", "for a directory write 'file:DIRECTORY'"},
		{"fil:/tmp/x", "cassette 'fil:/tmp/x': unknown scheme 'fil'", "did you mean 'file:/tmp/x'?"},
		{"gopher:x", "cassette 'gopher:x': unknown scheme 'gopher'",
		 "a cassette is 'file:DIRECTORY' or 'mem:'"},
		{"file:", "cassette 'file:' names no directory", "write 'file:DIRECTORY'"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cassette *cassette = (void *)1;
		struct err err = {};

		assert_int_equal(cassette_open(&cassette, cases[i].url, true, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.hint, cases[i].hint);
		assert_true(err.is_usage);
		assert_ptr_equal(cassette, (void *)1);
	}
}

static void schemes_to_come_are_refused_by_name(void **state)
{
	struct cassette *cassette;
	struct err err = {};

	assert_int_equal(cassette_open(&cassette, "s3://bucket/p", false, &err), -ENOTSUP);
	assert_string_equal(err.msg, "cassette 's3://bucket/p': s3 is not supported by this version");
	assert_int_equal(cassette_open(&cassette, "cached:/d+s3://b", false, &err), -ENOTSUP);
	assert_string_equal(err.msg, "cassette 'cached:/d+s3://b': cached is not supported by this version");
}

/* --- mem: --- */

static void a_mem_cassette_without_a_name_is_nobody_elses(void **state)
{
	auto_cassette struct cassette *one = NULL, *two = NULL;
	struct recording_key key = key_of("c", "20251125", A);
	struct blob blob;

	assert_int_equal(cassette_open(&one, "mem:", false, NULL), 0);
	assert_int_equal(cassette_open(&two, "mem:", false, NULL), 0);
	put(one, "c", "20251125", A);
	assert_int_equal(cassette_get(two, &key, &blob, NULL), -ENOENT);
}

static void a_mem_cassette_goes_with_its_last_user(void **state)
{
	struct recording_key key = key_of("c", "20251125", A);
	struct cassette *one, *two;
	struct blob blob;

	assert_int_equal(cassette_open(&one, "mem:x", false, NULL), 0);
	assert_int_equal(cassette_open(&two, "mem:x", false, NULL), 0);
	put(one, "c", "20251125", A);
	cassette_close(one);
	assert_int_equal(cassette_get(two, &key, &blob, NULL), 0);
	free(blob.data);
	cassette_close(two);
	assert_int_equal(cassette_open(&two, "mem:x", false, NULL), 0);
	assert_int_equal(cassette_get(two, &key, &blob, NULL), -ENOENT);
	cassette_close(two);
}

/* --- file: --- */

static void assert_mode(const char *dir, const char *path, mode_t mode)
{
	char full[512];
	struct stat st;

	snprintf(full, sizeof(full), "%s/%s", dir, path);
	assert_int_equal(stat(full, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void files_lie_at_their_keys_for_their_owner_alone(void **state)
{
	struct fixture *f = *state;
	char schema[DIGEST_HEX_LEN + 1], path[128];

	put(f->cassette, "c", "20251125", A);
	digest_hex("abc", 3, schema);
	assert_int_equal(cassette_put_schema(f->cassette, schema, "abc", 3, NULL), 0);
	snprintf(path, sizeof(path), "schema/%s", schema);
	assert_mode(f->dir, path, 0600);
	assert_mode(f->dir, "schema", 0700);
	assert_mode(f->dir, ROOT, 0700);
	assert_mode(f->dir, ROOT "/full/c/20251125", 0700);
	assert_mode(f->dir, ROOT "/full/c/20251125/" A, 0600);
	assert_mode(f->dir, ROOT "/metadata/c/20251125/" A, 0600);
}

static void write_file(const char *dir, const char *path, const char *text)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", dir, path);
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void what_is_not_ours_is_passed_over(void **state)
{
	struct fixture *f = *state;
	char got[512] = "", path[512];

	put(f->cassette, "c", "20251125", A);
	write_file(f->dir, ROOT "/metadata/README", "");
	write_file(f->dir, ROOT "/metadata/c/notes", "");
	write_file(f->dir, ROOT "/metadata/c/20251126", "");
	write_file(f->dir, ROOT "/metadata/c/20251125/.tmp-" B, "half of");
	write_file(f->dir, ROOT "/metadata/c/20251125/" B ".bak", "");
	snprintf(path, sizeof(path), "%s/" ROOT "/metadata/link", f->dir);
	assert_int_equal(symlink("/proc/self", path), 0);
	assert_int_equal(cassette_each(f->cassette, NULL, NULL, NULL, append, got, NULL), 0);
	assert_string_equal(got, "c/20251125/a ");
}

static void a_put_leaves_no_temporary_file(void **state)
{
	struct fixture *f = *state;
	struct dirent *entry;
	char path[512];
	int cnt = 0;
	DIR *dir;

	put(f->cassette, "c", "20251125", A);
	put(f->cassette, "c", "20251125", A);
	snprintf(path, sizeof(path), "%s/" ROOT "/full/c/20251125", f->dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		cnt++;
	closedir(dir);
	assert_int_equal(cnt, 3); /* and . and .. */
}

static void a_recording_without_metadata_is_removed_too(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = key_of("c", "20251125", A);
	struct blob blob;
	char path[512];

	put(f->cassette, "c", "20251125", A);
	snprintf(path, sizeof(path), "%s/" ROOT "/metadata/c/20251125/" A, f->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(cassette_remove(f->cassette, &key, NULL), 0);
	assert_int_equal(cassette_get(f->cassette, &key, &blob, NULL), -ENOENT);
}

static void a_damaged_schema_is_refused_and_written_again(void **state)
{
	struct fixture *f = *state;
	char schema[DIGEST_HEX_LEN + 1], path[128], words[256];
	struct err err = {};
	struct blob blob;

	digest_hex("abc", 3, schema);
	assert_int_equal(cassette_put_schema(f->cassette, schema, "abc", 3, NULL), 0);
	snprintf(path, sizeof(path), "schema/%s", schema);
	write_file(f->dir, path, "ab");
	snprintf(words, sizeof(words), "schema '%s' in '%s' is damaged: its bytes have another digest",
		 schema, f->url);
	assert_int_equal(cassette_get_schema(f->cassette, schema, &blob, &err), -EBADMSG);
	assert_string_equal(err.msg, words);
	assert_int_equal(cassette_put_schema(f->cassette, schema, "abc", 3, NULL), 0);
	assert_int_equal(cassette_get_schema(f->cassette, schema, &blob, NULL), 0);
	assert_blob(&blob, "abc", 3);
}

static void a_directory_is_made_only_when_asked(void **state)
{
	struct fixture *f = *state;
	struct cassette *cassette = NULL;
	char dir[96], url[128], words[256];
	struct err err = {};

	snprintf(dir, sizeof(dir), "%s/a/b//c/", f->dir);
	snprintf(url, sizeof(url), "file:%s", dir);
	snprintf(words, sizeof(words), "cannot open '%s': no such directory", dir);
	assert_int_equal(cassette_open(&cassette, url, false, &err), -ENOENT);
	assert_string_equal(err.msg, words);
	assert_string_equal(err.hint, "check the path; recording into it makes it");
	assert_false(err.is_usage);

	assert_int_equal(cassette_open(&cassette, url, true, &err), 0);
	put(cassette, "c", "20251125", A);
	cassette_close(cassette);
	assert_mode(f->dir, "a", 0700);
	assert_mode(f->dir, "a/b/c/" ROOT "/full/c/20251125/" A, 0600);
	assert_int_equal(cassette_open(&cassette, url, true, &err), 0);
	cassette_close(cassette);
}

static void a_relative_directory_is_one_too(void **state)
{
	struct fixture *f = *state;
	struct cassette *cassette = NULL;
	char cwd[256];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(f->dir), 0);
	assert_int_equal(cassette_open(&cassette, "file:sub", true, NULL), 0);
	assert_int_equal(chdir(cwd), 0);
	put(cassette, "c", "20251125", A);
	cassette_close(cassette);
	assert_mode(f->dir, "sub/" ROOT "/full/c/20251125/" A, 0600);
}

static void a_file_is_not_a_directory(void **state)
{
	struct fixture *f = *state;
	struct cassette *cassette;
	char url[128], words[256];
	struct err err = {};

	write_file(f->dir, "plain", "");
	snprintf(url, sizeof(url), "file:%s/plain", f->dir);
	snprintf(words, sizeof(words), "cannot open '%s/plain': not a directory", f->dir);
	assert_int_equal(cassette_open(&cassette, url, true, &err), -ENOTDIR);
	assert_string_equal(err.msg, words);
	snprintf(url, sizeof(url), "file:%s/plain/sub", f->dir);
	snprintf(words, sizeof(words), "cannot make '%s/plain/sub': not a directory", f->dir);
	assert_int_equal(cassette_open(&cassette, url, true, &err), -ENOTDIR);
	assert_string_equal(err.msg, words);
}

/* A file system of its own, where the machine lets us mount one. */
static void a_full_disk_is_said_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct cassette *cassette = NULL;
	struct recording_key key = key_of("c", "20251125", A);
	char command[256], url[128], got[512] = "";
	autofree char *big = calloc(1, 4 << 20);
	struct err err = {};

	snprintf(command, sizeof(command),
		 "mkdir %s/small && mount -t tmpfs -o size=1m none %s/small 2>/dev/null", f->dir, f->dir);
	if (system(command))
		skip();
	snprintf(url, sizeof(url), "file:%s/small", f->dir);
	assert_int_equal(cassette_open(&cassette, url, true, NULL), 0);
	assert_int_equal(cassette_put(cassette, &key, big, 4 << 20, "{}", &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "/small: cannot write '" ROOT "/full/c/20251125/" A
					"': no space left on the device"));
	assert_string_equal(err.hint, "free some, or name a cassette elsewhere");
	assert_int_equal(cassette_each(cassette, NULL, NULL, NULL, append, got, NULL), 0);
	assert_string_equal(got, "");
	put(cassette, "c", "20251125", B);
	cassette_close(cassette);
	snprintf(command, sizeof(command), "umount %s/small", f->dir);
	assert_int_equal(system(command), 0);
}

static void without_permission_it_says_so(void **state)
{
	struct fixture *f = *state;
	struct cassette *cassette;
	char words[256];
	struct err err = {};
	int r;

	assert_int_equal(chmod(f->dir, 0), 0);
	if (geteuid() == 0 && seteuid(65534))
		skip();
	r = cassette_open(&cassette, f->url, false, &err);
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(chmod(f->dir, 0700), 0);
	assert_int_equal(r, -EACCES);
	snprintf(words, sizeof(words), "cannot open '%s': permission denied", f->dir);
	assert_string_equal(err.msg, words);
	assert_string_equal(err.hint, "recordings are readable by their owner alone: use that user or root");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest every_driver[] = {
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
		TEST(schemas_are_stored_once_and_checked),
		TEST(keys_that_cannot_be_are_refused),
		TEST(categories_may_hold_what_function_names_hold),
		TEST(the_longest_category_fits),
	};
	const struct CMUnitTest opening[] = {
		cmocka_unit_test(a_url_that_is_none_is_a_usage_error_with_a_hint),
		cmocka_unit_test(schemes_to_come_are_refused_by_name),
		cmocka_unit_test(a_mem_cassette_without_a_name_is_nobody_elses),
		cmocka_unit_test(a_mem_cassette_goes_with_its_last_user),
	};
	const struct CMUnitTest file[] = {
		TEST(files_lie_at_their_keys_for_their_owner_alone),
		TEST(what_is_not_ours_is_passed_over),
		TEST(a_put_leaves_no_temporary_file),
		TEST(a_recording_without_metadata_is_removed_too),
		TEST(a_damaged_schema_is_refused_and_written_again),
		TEST(a_directory_is_made_only_when_asked),
		TEST(a_relative_directory_is_one_too),
		TEST(a_file_is_not_a_directory),
		TEST(a_full_disk_is_said_and_leaves_nothing),
		TEST(without_permission_it_says_so),
	};
	int failed = cmocka_run_group_tests_name("cassette", opening, NULL, NULL);

	scheme = "mem";
	failed += cmocka_run_group_tests_name("cassette mem:", every_driver, NULL, NULL);
	scheme = "file";
	failed += cmocka_run_group_tests_name("cassette file:", every_driver, NULL, NULL);
	return failed + cmocka_run_group_tests_name("cassette file: alone", file, NULL, NULL);
}
