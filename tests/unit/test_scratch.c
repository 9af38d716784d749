// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/util.h"
#include "replay/scratch.h"
#include "tests/support/command.h"

static const char *path(const char *name)
{
	static char text[4][256];
	static unsigned at;
	char *out = text[at++ % ARRAY_SIZE(text)];

	snprintf(out, sizeof(text[0]), "%s/%s", command_folder(), name);
	return out;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path(name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static bool is_chosen(char **dirs, const char *dir)
{
	for (size_t i = 0; dirs[i]; i++)
		if (!strcmp(dirs[i], dir))
			return true;
	return false;
}

static void folders_are_those_of_the_arguments_the_outer_ones_first(void **state)
{
	autofree char *here = realpath(command_folder(), NULL), *there = NULL, *old = getcwd(NULL, 0);
	char *args[] = {"-v", NULL, NULL, "/proc/self/maps", "/nonexistent/log", NULL};
	char log[300], **dirs;

	assert_int_equal(mkdir(path("here"), 0700), 0);
	assert_int_equal(mkdir(path("there"), 0700), 0);
	there = realpath(path("there"), NULL);
	snprintf(log, sizeof(log), "--log=%s/new/log", there);
	args[1] = log;
	args[2] = there;
	/* Without /tmp above them. */
	assert_int_equal(chdir("/usr"), 0);
	assert_int_equal(scratch_choose(&dirs, args, NULL), 0);
	assert_true(is_chosen(dirs, "/usr"));
	assert_false(is_chosen(dirs, "/"));
	assert_false(is_chosen(dirs, "/proc/self"));
	for (size_t i = 1; dirs[i]; i++)
		assert_true(strlen(dirs[i]) >= strlen(dirs[i - 1]));
	assert_true(is_chosen(dirs, there));
	scratch_free(dirs);
	assert_int_equal(chdir(old), 0);
	assert_non_null(here);
}

/* In the child: 0 when all is as it should be. */
static int write_in_private(char *dir)
{
	char *dirs[] = {dir, NULL};
	char text[16] = "";
	int fd;

	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
	    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL))
		return 1;
	if (chdir(dir) || scratch_mount(dirs, "/dev/shm/.scratch") != 1)
		return 2;
	fd = open(path("private/old"), O_RDWR);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) != 3 || strcmp(text, "old"))
		return 3;
	if (pwrite(fd, "NEW", 3, 0) != 3 || close(fd) || unlink(path("private/gone")))
		return 4;
	fd = open(path("private/new"), O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return 5;
	fd = open("here", O_WRONLY | O_CREAT | O_EXCL, 0600);
	return fd < 0 || access(path("private/here"), F_OK) ? 6 : 0;
}

static void what_is_written_there_nobody_else_sees(void **state)
{
	autofree char *old = NULL, *dir = NULL;
	int status;
	pid_t pid;

	assert_int_equal(mkdir(path("private"), 0755), 0);
	put("private/old", "old");
	put("private/gone", "");
	dir = realpath(path("private"), NULL);
	pid = fork();
	if (pid == 0)
		_exit(write_in_private(dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	old = command_file(path("private/old"));
	assert_string_equal(old, "old");
	assert_int_equal(access(path("private/gone"), F_OK), 0);
	assert_int_equal(access(path("private/new"), F_OK), -1);
	assert_int_equal(access(path("private/here"), F_OK), -1);
}

static void a_folder_in_which_something_is_mounted_is_left_alone(void **state)
{
	char *args[] = {"/dev/shm/x", "/sys/kernel", NULL}, **dirs;

	assert_int_equal(scratch_choose(&dirs, args, NULL), 0);
	assert_false(is_chosen(dirs, "/dev"));
	assert_false(is_chosen(dirs, "/dev/shm"));
	assert_false(is_chosen(dirs, "/sys"));
	assert_false(is_chosen(dirs, "/sys/kernel"));
	scratch_free(dirs);
}

static int clean(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_are_those_of_the_arguments_the_outer_ones_first),
		cmocka_unit_test(what_is_written_there_nobody_else_sees),
		cmocka_unit_test(a_folder_in_which_something_is_mounted_is_left_alone),
	};

	return cmocka_run_group_tests_name("scratch", tests, NULL, clean);
}
