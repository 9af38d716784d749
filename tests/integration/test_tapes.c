// SPDX-License-Identifier: BSD-3-Clause
/* cp, rm, du and verify, on the golden orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/support/command.h"

#define ORDERS 24

static char tapedeck[512], copy[256];

static const char *said(struct command *command)
{
	static char *text[2];
	static unsigned at;

	free(text[at ^= 1]);
	text[at] = command_file(command->out);
	return text[at];
}

/* Run tapedeck with these words; its stdout. */
static const char *run(int status, const char *const words[])
{
	const char *argv[16] = {tapedeck};
	struct command command;
	size_t cnt = 0;

	while (words[cnt]) {
		argv[cnt + 1] = words[cnt];
		cnt++;
	}
	if (command_run(&command, argv, 60) != status) {
		autofree char *err = command_file(command.err);

		fail_msg("%s ended with %d: %s", words[0], command.status, err);
	}
	return said(&command);
}

static size_t lines(const char *text)
{
	size_t cnt = 0;

	for (; *text; text++)
		cnt += *text == '\n';
	return cnt;
}

static void make_copy(void)
{
	run(0, ARGV("cp", "file:tests/golden/orders/tape", copy));
}

static void a_copy_has_what_was_copied_and_verifies(void **state)
{
	autofree char *was = strdup(run(0, ARGV("ls", "file:tests/golden/orders/tape", "--incomplete")));

	assert_int_equal(lines(was), ORDERS);
	make_copy();
	assert_string_equal(run(0, ARGV("ls", copy, "--incomplete")), was);
	assert_non_null(strstr(run(0, ARGV("verify", copy)), " 0 not right"));
}

static void du_counts_by_category(void **state)
{
	char want[64];

	make_copy();
	snprintf(want, sizeof(want), "%d", ORDERS);
	assert_non_null(strstr(run(0, ARGV("du", copy)), want));
}

static void rm_takes_away_what_is_named_and_nothing_else(void **state)
{
	char id[128];

	make_copy();
	snprintf(id, sizeof(id), "%.*s", (int)strcspn(run(0, ARGV("ls", copy)), " "),
		 run(0, ARGV("ls", copy)));
	run(0, ARGV("rm", copy, id));
	assert_int_equal(lines(run(0, ARGV("ls", copy))), ORDERS - 1);
	assert_null(strstr(run(0, ARGV("ls", copy)), id));
}

static void verify_names_what_is_damaged(void **state)
{
	struct command damage;
	char script[512];

	make_copy();
	snprintf(
		script, sizeof(script),
		"f=$(find %s -path '*/full/*' -type f | head -1); printf xx | dd of=$f bs=1 seek=40 conv=notrunc",
		copy + strlen("file:"));
	assert_int_equal(command_run(&damage, ARGV("sh", "-c", script), 10), 0);
	assert_non_null(strstr(run(1, ARGV("verify", copy)), "checksum differs"));
}

static int setup(void **state)
{
	snprintf(tapedeck, sizeof(tapedeck), "%s/tapedeck", command_build());
	snprintf(copy, sizeof(copy), "file:%s/copy", command_folder());
	return 0;
}

static int forget_copy(void **state)
{
	struct command rm;

	command_run(&rm, ARGV("rm", "-rf", copy + strlen("file:")), 10);
	return 0;
}

static int cleanup(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_copy_has_what_was_copied_and_verifies, forget_copy),
		cmocka_unit_test_teardown(du_counts_by_category, forget_copy),
		cmocka_unit_test_teardown(rm_takes_away_what_is_named_and_nothing_else, forget_copy),
		cmocka_unit_test_teardown(verify_names_what_is_damaged, forget_copy),
	};

	return cmocka_run_group_tests(tests, setup, cleanup);
}
