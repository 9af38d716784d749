// SPDX-License-Identifier: BSD-3-Clause
#include "lib/write.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"

static char folder[] = "/tmp/tapedeck-write-XXXXXX";

static const char *in(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void expect(const char *name, const char *want)
{
	char text[64] = "";
	FILE *file = fopen(in(name), "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(text, want);
}

static void a_file_keeps_its_permissions(void **state)
{
	struct stat st;

	assert_int_equal(write_file(in("kept"), "one", 3, NULL), 0);
	assert_int_equal(chmod(in("kept"), 0640), 0);
	assert_int_equal(write_file(in("kept"), "other", 5, NULL), 0);
	expect("kept", "other");
	assert_int_equal(stat(in("kept"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void behind_a_link_it_is_the_file_that_changes(void **state)
{
	struct stat st;

	assert_int_equal(write_file(in("file"), "one", 3, NULL), 0);
	assert_int_equal(symlink("file", in("link")), 0);
	assert_int_equal(write_file(in("link"), "other", 5, NULL), 0);
	expect("file", "other");
	assert_int_equal(lstat(in("link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void what_is_no_file_is_written_to(void **state)
{
	char text[8] = "";
	autoclose int from = -1, to = -1;
	char path[64];
	struct stat st;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	from = ends[0];
	to = ends[1];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
	assert_int_equal(write_file(path, "text", 4, NULL), 0);
	assert_int_equal(read(from, text, sizeof(text)), 4);
	assert_string_equal(text, "text");
	assert_int_equal(write_file("/dev/null", "text", 4, NULL), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void a_folder_that_is_not_there_is_said(void **state)
{
	struct err err = {};
	char want[256];

	snprintf(want, sizeof(want), "cannot write '%s': No such file or directory", in("none/file"));
	assert_int_equal(write_file(in("none/file"), "x", 1, &err), -ENOENT);
	assert_string_equal(err.msg, want);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"kept", "file", "link"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(in(names[i]));
	return rmdir(folder); /* fails where a file was left beside */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_keeps_its_permissions),
		cmocka_unit_test(behind_a_link_it_is_the_file_that_changes),
		cmocka_unit_test(what_is_no_file_is_written_to),
		cmocka_unit_test(a_folder_that_is_not_there_is_said),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
