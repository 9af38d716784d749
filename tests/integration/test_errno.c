// SPDX-License-Identifier: BSD-3-Clause
/* errno at each return, of programs linked dynamically and statically. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/lookup.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define OPERATIONS 800 /* in 8 threads */
#define TIMEOUT_S  120

enum { OP_ERRNO, IN_FAIL, IN_LIBC };

static const char *victim(const char *name)
{
	return command_text("%s/tests/integration/victims/%s", command_build(), name);
}

static const char *tapedeck(void)
{
	return command_text("%s/tapedeck", command_build());
}

static const char *config_file(void)
{
	static const char config[] = "{\"operations\": {\"op_errno\": {}}, \"inputs\": {\"in_fail\": {}, "
				     "\"in_libc\": {}}}";
	const char *path = command_text("%s/errno.json", command_folder());
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(config, out);
	fclose(out);
	return path;
}

/* The program checks that its own errno is unharmed. */
static const char *record(const char *name)
{
	const char *url = command_text("file:%s/%s", command_folder(), name);
	autofree char *said = NULL;
	struct command command;

	command_must(&command,
		     ARGV(tapedeck(), "record", "-c", config_file(), "--to", url, "--ring-size", "64M", "--",
			  victim(name), "100"),
		     0, TIMEOUT_S);
	said = command_file(command.err);
	assert_non_null(strstr(said, "the command ended with status 0"));
	return url;
}

static void assert_errno(const struct call *call, uint32_t func, int want)
{
	assert_int_equal(call->func, func);
	assert_true(call->has_errno);
	assert_int_equal(call->error_number, want);
}

struct reading {
	struct store *store;
	size_t cnt;
};

static int read_one(const struct found *found, void *ctx)
{
	struct reading *reading = ctx;
	auto_recording struct recording *recording = NULL;
	const struct schema *schema;
	struct err err = {};
	int number;

	if (store_get(reading->store, &found->key, &recording, &schema, &err))
		fail_msg("%s", err.msg);
	number = (int)recording->operation.args[0];
	assert_errno(&recording->operation, OP_ERRNO, number % 89);
	assert_int_equal(recording->calls_cnt, 2);
	assert_errno(&recording->calls[0], IN_FAIL, number % 97 + 1);
	assert_errno(&recording->calls[1], IN_LIBC, EBADF);
	reading->cnt++;
	return 0;
}

static void check_tape(const char *url)
{
	auto_cassette struct cassette *cassette = NULL;
	auto_store struct store *store = NULL;
	struct lookup lookup = {.with_incomplete = true};
	struct reading reading = {};
	struct err err = {};

	assert_int_equal(cassette_open(&cassette, url, false, &err), 0);
	assert_int_equal(store_new(&store, cassette, &err), 0);
	reading.store = store;
	assert_int_equal(lookup_each(cassette, &lookup, NULL, read_one, &reading, &err), 0);
	assert_int_equal(reading.cnt, OPERATIONS);
}

static void equalize(struct command *command, const char *build, const char *url, int status)
{
	command_must(command,
		     ARGV(tapedeck(), "equalize", "-c", config_file(), "--exe", victim(build), url, "--", "1",
			  "main"),
		     status, TIMEOUT_S);
}

static void errno_of_a_dynamic_program_is_right_and_served(void **state)
{
	const char *url = record("errnos");
	autofree char *said = NULL;
	struct command command;

	check_tape(url);
	equalize(&command, "errnos", url, 0);
	said = command_file(command.out);
	assert_non_null(strstr(said, "800 equal"));
}

static void errno_of_a_static_program_is_right_and_replays_in_a_dynamic_build(void **state)
{
	static const char *const names[] = {"errnos-static", "errnos-static-pie"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *url = record(names[i]);
		autofree char *said = NULL, *refused = NULL;
		struct command command;

		check_tape(url);
		equalize(&command, "errnos", url, 0);
		said = command_file(command.out);
		assert_non_null(strstr(said, "800 equal"));
		equalize(&command, names[i], url, 3);
		refused = command_file(command.err);
		assert_non_null(strstr(refused, "is statically linked: the replay engine cannot be loaded "
						"into it"));
	}
}

static int cleanup(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errno_of_a_dynamic_program_is_right_and_served),
		cmocka_unit_test(errno_of_a_static_program_is_right_and_replays_in_a_dynamic_build),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
