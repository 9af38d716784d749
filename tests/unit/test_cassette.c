// SPDX-License-Identifier: BSD-3-Clause
/* The promises of cassette.h, over the drivers of this machine; and what each promises alone. */
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
#include "tests/support/cassette_suite.h"

#define ROOT "tape_recorder_recordings"

struct fixture {
	char dir[64], url[96];
	struct cassette *cassette;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/tapedeck-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->url, sizeof(f->url), "file:%s", f->dir);
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
		 "a cassette is 'file:DIRECTORY', 's3://BUCKET/PREFIX' or 'mem:'"},
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

/* --- mem: --- */

static void a_mem_cassette_without_a_name_is_nobody_elses(void **state)
{
	auto_cassette struct cassette *one = NULL, *two = NULL;
	struct recording_key key = suite_key("c", "20251125", A);
	struct blob blob;

	assert_int_equal(cassette_open(&one, "mem:", false, NULL), 0);
	assert_int_equal(cassette_open(&two, "mem:", false, NULL), 0);
	suite_put(one, "c", "20251125", A);
	assert_int_equal(cassette_get(two, &key, &blob, NULL), -ENOENT);
}

static void a_mem_cassette_goes_with_its_last_user(void **state)
{
	struct recording_key key = suite_key("c", "20251125", A);
	struct cassette *one, *two;
	struct blob blob;

	assert_int_equal(cassette_open(&one, "mem:x", false, NULL), 0);
	assert_int_equal(cassette_open(&two, "mem:x", false, NULL), 0);
	suite_put(one, "c", "20251125", A);
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

	suite_put(f->cassette, "c", "20251125", A);
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

	suite_put(f->cassette, "c", "20251125", A);
	write_file(f->dir, ROOT "/metadata/README", "");
	write_file(f->dir, ROOT "/metadata/c/notes", "");
	write_file(f->dir, ROOT "/metadata/c/20251126", "");
	write_file(f->dir, ROOT "/metadata/c/20251125/.tmp-" B, "half of");
	write_file(f->dir, ROOT "/metadata/c/20251125/" B ".bak", "");
	snprintf(path, sizeof(path), "%s/" ROOT "/metadata/link", f->dir);
	assert_int_equal(symlink("/proc/self", path), 0);
	assert_int_equal(cassette_each(f->cassette, NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "c/20251125/a ");
}

static void a_put_leaves_no_temporary_file(void **state)
{
	struct fixture *f = *state;
	struct dirent *entry;
	char path[512];
	int cnt = 0;
	DIR *dir;

	suite_put(f->cassette, "c", "20251125", A);
	suite_put(f->cassette, "c", "20251125", A);
	snprintf(path, sizeof(path), "%s/" ROOT "/full/c/20251125", f->dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		cnt++;
	closedir(dir);
	assert_int_equal(cnt, 3); /* and . and .. */
}

/* More than are open at once, some into a place that is none. */
static void many_files_are_put_and_none_is_left_half(void **state)
{
	enum { CNT = 600 };
	struct fixture *f = *state;
	struct cassette_item *items = calloc(CNT, sizeof(*items));
	struct err err = {};
	char command[256];

	assert_non_null(items);
	suite_put(f->cassette, "odd", "20251124", A);
	write_file(f->dir, ROOT "/full/odd/20251126", "in the way");
	for (int i = 0; i < CNT; i++) {
		char id[33];

		snprintf(id, sizeof(id), "%032x", i);
		items[i] = (struct cassette_item){
			.key = suite_key(i % 2 ? "odd" : "even", i % 4 == 1 ? "20251126" : "20251125", id),
			.full = {"full", 4},
			.metadata = {"{}", 2},
		};
	}
	assert_int_equal(cassette_put_many(f->cassette, items, CNT, &err), -ENOTDIR);
	assert_non_null(strstr(err.msg, "not a directory"));
	for (int i = 0; i < CNT; i++) {
		struct blob blob;

		assert_int_equal(items[i].result, i % 4 == 1 ? -ENOTDIR : 0);
		if (i % 4 == 1)
			continue;
		assert_int_equal(cassette_get(f->cassette, &items[i].key, &blob, NULL), 0);
		suite_assert_blob(&blob, "full", 4);
	}
	snprintf(command, sizeof(command), "test -z \"$(find '%s' -name '.tmp*')\"", f->dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "test ! -e '%s/" ROOT "/metadata/odd/20251126'", f->dir);
	assert_int_equal(system(command), 0);
	free(items);
}

static void a_recording_without_metadata_is_removed_too(void **state)
{
	struct fixture *f = *state;
	struct recording_key key = suite_key("c", "20251125", A);
	struct blob blob;
	char path[512];

	suite_put(f->cassette, "c", "20251125", A);
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
	suite_assert_blob(&blob, "abc", 3);
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
	suite_put(cassette, "c", "20251125", A);
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
	suite_put(cassette, "c", "20251125", A);
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

/* A file system of its own: the tests run as root. */
static void a_full_disk_is_said_and_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct cassette *cassette = NULL;
	struct recording_key key = suite_key("c", "20251125", A);
	char command[256], url[128], got[512] = "";
	autofree char *big = calloc(1, 4 << 20);
	struct err err = {};

	snprintf(command, sizeof(command),
		 "mkdir %s/small && mount -t tmpfs -o size=1m none %s/small", f->dir, f->dir);
	assert_int_equal(system(command), 0);
	snprintf(url, sizeof(url), "file:%s/small", f->dir);
	assert_int_equal(cassette_open(&cassette, url, true, NULL), 0);
	assert_int_equal(cassette_put(cassette, &key, big, 4 << 20, "{}", &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "/small: cannot write '" ROOT "/full/c/20251125/" A
					"': no space left on the device"));
	assert_string_equal(err.hint, "free some, or name a cassette elsewhere");
	assert_int_equal(cassette_each(cassette, NULL, NULL, NULL, suite_append, got, NULL), 0);
	assert_string_equal(got, "");
	suite_put(cassette, "c", "20251125", B);
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
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	r = cassette_open(&cassette, f->url, false, &err);
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(chmod(f->dir, 0700), 0);
	assert_int_equal(r, -EACCES);
	snprintf(words, sizeof(words), "cannot open '%s': permission denied", f->dir);
	assert_string_equal(err.msg, words);
	assert_string_equal(err.hint, "recordings are their owner's alone: be that user, or root");
}

static void what_cannot_be_written_is_refused_before_there_is_something_to_store(void **state)
{
	struct fixture *f = *state;
	struct cassette *cassette;
	char words[256];
	struct err err = {};
	int r;

	assert_int_equal(chmod(f->dir, 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	r = cassette_open(&cassette, f->url, true, &err);
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(r, -EACCES);
	snprintf(words, sizeof(words), "cannot write into '%s': permission denied", f->dir);
	assert_string_equal(err.msg, words);
	assert_string_equal(err.hint, "recordings are their owner's alone: be that user, or root");
}

/* --- every driver --- */

static void make_mem(char url[SUITE_URL_MAX])
{
	char id[33];

	random_id(id);
	snprintf(url, SUITE_URL_MAX, "mem:%s", id);
}

static void make_file(char url[SUITE_URL_MAX])
{
	char dir[] = "/tmp/tapedeck-test-XXXXXX";

	assert_non_null(mkdtemp(dir));
	snprintf(url, SUITE_URL_MAX, "file:%s", dir);
}

static void unmake_file(const char *url)
{
	char command[SUITE_URL_MAX + 16];
	const char *dir = url + strlen("file:");

	snprintf(command, sizeof(command), "rm -rf '%.*s'", (int)strcspn(dir, "?"), dir);
	assert_int_equal(system(command), 0);
}

static void make_mem_segments(char url[SUITE_URL_MAX])
{
	make_mem(url);
	strcat(url, "?layout=segments");
}

static void make_file_segments(char url[SUITE_URL_MAX])
{
	make_file(url);
	strcat(url, "?layout=segments");
}

static const struct cassette_suite suites[] = {
	{"cassette mem:", make_mem},
	{"cassette file:", make_file, unmake_file},
	{"cassette cached: before file:", make_file, unmake_file, "cached"},
	{"cassette spool: before file:", make_file, unmake_file, "spool"},
	{"cassette segments in mem:", make_mem_segments},
	{"cassette segments in file:", make_file_segments, unmake_file},
	{"cassette cached: before segments", make_file_segments, unmake_file, "cached"},
	{"cassette spool: before segments", make_file_segments, unmake_file, "spool"},
};

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest opening[] = {
		cmocka_unit_test(a_url_that_is_none_is_a_usage_error_with_a_hint),
		cmocka_unit_test(a_mem_cassette_without_a_name_is_nobody_elses),
		cmocka_unit_test(a_mem_cassette_goes_with_its_last_user),
	};
	const struct CMUnitTest file[] = {
		TEST(files_lie_at_their_keys_for_their_owner_alone),
		TEST(what_is_not_ours_is_passed_over),
		TEST(a_put_leaves_no_temporary_file),
		TEST(many_files_are_put_and_none_is_left_half),
		TEST(a_recording_without_metadata_is_removed_too),
		TEST(a_damaged_schema_is_refused_and_written_again),
		TEST(a_directory_is_made_only_when_asked),
		TEST(a_relative_directory_is_one_too),
		TEST(a_file_is_not_a_directory),
		TEST(a_full_disk_is_said_and_leaves_nothing),
		TEST(without_permission_it_says_so),
		TEST(what_cannot_be_written_is_refused_before_there_is_something_to_store),
	};
	int failed = cmocka_run_group_tests_name("cassette", opening, NULL, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		failed += cassette_suite_run(&suites[i]);
	return failed + cmocka_run_group_tests_name("cassette file: alone", file, NULL, NULL);
}
