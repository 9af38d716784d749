// SPDX-License-Identifier: BSD-3-Clause
/* A C++ program whose exceptions pass through what is probed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/lookup.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define OPERATIONS 240 /* recorded; all of them throw */
#define TIMEOUT_S  120
#define SOURCE	   "tests/integration/victims/throws.cpp"

enum { OP_RUN, IN_GET, OUT_PUT };

static const char *const builds[][2] = {
	{"g++", "-O0"}, {"g++", "-O2"}, {"clang++", "-O0"}, {"clang++", "-O2"}};

static const char *config_file(void)
{
	static const char config[] =
		"{\"operations\": {\"op_run\": {\"if\": \"number < 240\"}}, \"inputs\": {\"in_get\": {}}, "
		"\"outputs\": {\"out_put\": {}}}";
	const char *path = command_text("%s/throws.json", command_folder());
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(config, out);
	fclose(out);
	return path;
}

static const char *compile(const char *const build[2])
{
	const char *path = command_text("%s/throws-%s%s", command_folder(), build[0], build[1]);
	struct command command;

	command_must(&command, ARGV(build[0], build[1], "-g", "-o", path, SOURCE, "-lpthread"), 0, TIMEOUT_S);
	return path;
}

/* Its own output is right, and nothing was lost. */
static const char *record(const char *program, const char *option)
{
	const char *url = command_text("file:%s%s", program, option);
	autofree char *said = NULL, *printed = NULL;
	struct command command;

	command_must(&command,
		     ARGV(command_text("%s/tapedeck", command_build()), "record", "-c", config_file(), "--to",
			  url, "--ring-size", "64M", option, "--", program, "8000"),
		     0, TIMEOUT_S);
	said = command_file(command.err);
	printed = command_file(command.out);
	assert_non_null(strstr(said, "the command ended with status 0"));
	assert_non_null(strstr(printed, "8000 done"));
	return url;
}

static void assert_call(const struct call *call, uint32_t func, int arg, enum left left, uint64_t rax)
{
	assert_int_equal(call->func, func);
	assert_int_equal((int)call->args[0], arg);
	assert_int_equal(call->left, left);
	if (left == LEFT_RETURN && func != OUT_PUT)
		assert_int_equal(call->rax, rax);
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
	const struct call *call;
	struct err err = {};
	bool is_thrown, is_left;
	int number;

	if (store_get(reading->store, &found->key, &recording, &schema, &err))
		fail_msg("%s", err.msg);
	call = recording->calls;
	number = (int)recording->operation.args[0];
	is_thrown = number % 3 == 0;
	is_left = number % 5 == 0;
	assert_true(recording->complete);
	assert_int_equal(recording->calls_cnt, 2 + is_thrown + !is_left);
	assert_call(call++, IN_GET, number, is_thrown ? LEFT_UNWOUND : LEFT_RETURN, number * 2);
	if (is_thrown)
		assert_call(call++, IN_GET, number + 1, LEFT_RETURN, number * 2 + 2);
	assert_call(call++, IN_GET, 3 * number + 1, LEFT_RETURN, 6 * number + 2);
	if (!is_left)
		assert_call(call++, OUT_PUT, number, LEFT_RETURN, 0);
	assert_int_equal(recording->operation.left, is_left ? LEFT_UNWOUND : LEFT_RETURN);
	if (!is_left)
		assert_int_equal(recording->operation.rax, (number + is_thrown) * 2 + 6 * number + 2);
	reading->cnt++;
	return 0;
}

static void check_tape(const char *url)
{
	auto_cassette struct cassette *cassette = NULL;
	auto_store struct store *store = NULL;
	struct reading reading = {};
	const struct lookup lookup = {.with_incomplete = true};
	struct err err = {};

	assert_int_equal(cassette_open(&cassette, url, false, &err), 0);
	assert_int_equal(store_new(&store, cassette, &err), 0);
	reading.store = store;
	if (lookup_each(cassette, &lookup, NULL, read_one, &reading, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(reading.cnt, OPERATIONS);
}

static void thousands_of_exceptions_pass_unharmed_and_each_is_recorded(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
		check_tape(record(compile(builds[i]), "--json"));
	check_tape(record(command_text("%s/throws-g++-O2", command_folder()), "--two-links"));
}

static void the_engine_inside_lets_them_pass_as_well(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
		check_tape(record(compile(builds[i]), "--engine=preload"));
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousands_of_exceptions_pass_unharmed_and_each_is_recorded),
		cmocka_unit_test(the_engine_inside_lets_them_pass_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
