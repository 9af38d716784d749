// SPDX-License-Identifier: BSD-3-Clause
#include "loader/process_find.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "tests/support/command.h"

#define TIMEOUT_S 20

static struct command first, second;

/* A program of our own: a shell under another name, which starts what it is told. */
static const char *program(void)
{
	return command_text("%s/sleeper", command_folder());
}

static int setup(void **state)
{
	struct command cp;

	command_must(&cp, ARGV("cp", "/bin/dash", program()), 0, TIMEOUT_S);
	setenv("FIFO", command_text("%s/fifo", command_folder()), 1);
	assert_int_equal(mkfifo(getenv("FIFO"), 0600), 0);
	return 0;
}

/* What waits goes on, and ends; children of what was started, too. */
static int teardown(void **state)
{
	int fd = open(getenv("FIFO"), O_RDWR | O_NONBLOCK | O_CLOEXEC);

	for (int i = 0; i < 4; i++)
		assert_int_equal(write(fd, "go\n", 3), 3);
	if (first.pid && !first.is_over)
		command_wait(&first, TIMEOUT_S);
	if (second.pid && !second.is_over)
		command_wait(&second, TIMEOUT_S);
	first = second = (struct command){};
	close(fd);
	command_cleanup();
	return 0;
}

static void start(struct command *command, const char *script)
{
	command_start(command, ARGV(program(), "-c", script));
	assert_true(command_says(command, "here", TIMEOUT_S));
}

static void the_only_process_that_runs_it_is_found(void **state)
{
	pid_t pid = 0;

	start(&first, "echo here; read -r x < $FIFO; :");
	assert_int_equal(process_find(&pid, program(), false, NULL), 0);
	assert_int_equal(pid, first.pid);
}

static void nobody_running_it_is_said(void **state)
{
	struct err err = {};
	pid_t pid = 77;

	assert_int_equal(process_find(&pid, program(), false, &err), -ESRCH);
	assert_string_equal(err.msg, command_text("no process runs '%s'", program()));
	assert_string_equal(err.hint, "start it, or give -p PID or -- COMMAND ARGS...");
	assert_int_equal(process_find(&pid, "/nowhere", false, &err), -ENOENT);
	assert_string_equal(err.msg, "cannot find '/nowhere': No such file or directory");
	assert_int_equal(pid, 77);
}

static void several_are_named_and_the_first_of_a_family_is_found_where_children_are_followed(void **state)
{
	struct err err = {};
	pid_t pid = 0;

	/* The subshell is a child that runs the same. */
	start(&first, "( echo here; read -r x < $FIFO; : ) & wait");
	assert_int_equal(process_find(&pid, program(), false, &err), -EEXIST);
	assert_non_null(strstr(err.msg, command_text("2 processes run '%s': ", program())));
	assert_string_equal(
		err.hint, "choose one with -p PID; --follow records the first of a family with its children");
	assert_int_equal(process_find(&pid, program(), true, &err), 0);
	assert_int_equal(pid, first.pid);
	start(&second, "echo here; read -r x < $FIFO; :");
	assert_int_equal(process_find(&pid, program(), true, &err), -EEXIST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_only_process_that_runs_it_is_found),
		TEST(nobody_running_it_is_said),
		TEST(several_are_named_and_the_first_of_a_family_is_found_where_children_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
