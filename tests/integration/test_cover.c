// SPDX-License-Identifier: BSD-3-Clause
/* Which of the golden orders are enough to reach what all reach, in builds that count it in each way. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define TAPE	  "file:tests/golden/orders/tape"
#define TOTAL	  24
#define KEPT_MAX  8
#define TIMEOUT_S 120

static struct command last;

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

static void expect_error(const char *words)
{
	autofree char *said = command_file(last.err);

	if (!strstr(said, words))
		fail_msg("'%s' is not in: %s", words, said);
}

static const char *build(const char *compiler, const char *how)
{
	static const char *const names[] = {"ordersd", "orders", "store", "notify", "journal"};
	const char *exe = command_text("%s/ordersd", command_folder());
	char here[PATH_MAX], sources[8192] = "";

	assert_non_null(getcwd(here, sizeof(here)));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		snprintf(sources + strlen(sources), sizeof(sources) - strlen(sources),
			 " %s/examples/orders/%s.c", here, names[i]);
	command_must(&last,
		     ARGV("sh", "-c",
			  command_text("cd %s && %s %s -std=gnu11 -O1 -g -o %s %s -lsqlite3 -lpthread",
				       command_folder(), compiler, how, exe, sources)),
		     0, TIMEOUT_S);
	return exe;
}

struct found {
	char id[KEPT_MAX][128];
	int kept, reached, of, recordings, unknown;
};

/* `equalize --cover` of all, or of @ids. */
static struct found cover(const char *exe, char ids[][128], int cnt)
{
	const char *args[16 + KEPT_MAX] = {command_text("%s/tapedeck", command_build()),
					   "equalize",
					   "-c",
					   "examples/orders/orders.json",
					   "--exe",
					   exe,
					   TAPE};
	struct found found = {};
	int sum = 0;

	for (int i = 0; i < cnt; i++)
		args[7 + i] = ids[i];
	args[7 + cnt] = "--cover";
	args[8 + cnt] = "--json";
	command_must(&last, args, 0, TIMEOUT_S);
	autofree char *said = command_file(last.out);
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n")) {
		auto_cjson cJSON *json = cJSON_Parse(line);
		const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(json, "type"));

		assert_non_null(type);
		found.reached = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "reached"));
		found.of = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "of"));
		if (!strcmp(type, "chosen")) {
			sum += cJSON_GetNumberValue(cJSON_GetObjectItem(json, "adds"));
			assert_int_equal(sum, found.reached);
			assert_true(found.kept < KEPT_MAX);
			snprintf(found.id[found.kept++], sizeof(found.id[0]), "%s",
				 cJSON_GetStringValue(cJSON_GetObjectItem(json, "id")));
			continue;
		}
		assert_string_equal(type, "covered");
		assert_int_equal(found.kept, cJSON_GetNumberValue(cJSON_GetObjectItem(json, "kept")));
		found.recordings = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "recordings"));
		found.unknown = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "unknown"));
	}
	return found;
}

/* Those that are named reach what all reach; without the last of them it is less. */
static void check(const char *exe)
{
	struct found all = cover(exe, NULL, 0), chosen, fewer;

	assert_int_equal(all.recordings, TOTAL);
	assert_int_equal(all.unknown, 0);
	assert_in_range(all.kept, 2, KEPT_MAX);
	assert_in_range(all.reached, 10, all.of - 1);
	chosen = cover(exe, all.id, all.kept);
	assert_int_equal(chosen.reached, all.reached);
	assert_int_equal(chosen.kept, all.kept);
	fewer = cover(exe, all.id, all.kept - 1);
	assert_true(fewer.reached < all.reached);
}

static void a_few_recordings_reach_what_all_reach(void **state)
{
	check(build("gcc", "--coverage"));
	check(build("clang", "--coverage"));
	check(build("clang", "-fprofile-instr-generate -fcoverage-mapping"));
}

static void no_file_is_written_beside_the_build(void **state)
{
	const char *exe = build("gcc", "--coverage");

	cover(exe, NULL, 0);
	command_must(&last,
		     ARGV("sh", "-c",
			  command_text("! find %s . -name '*.gcda' -o -name '*.profraw' | grep .",
				       command_folder())),
		     0, TIMEOUT_S);
}

static void a_build_that_does_not_count_is_refused_with_how_to_build_it(void **state)
{
	command_must(&last,
		     ARGV(command_text("%s/tapedeck", command_build()), "equalize", "-c",
			  "examples/orders/orders.json", "--exe",
			  command_text("%s/examples/orders/ordersd", command_build()), TAPE, "--cover"),
		     3, TIMEOUT_S);
	expect_error("does not count what is reached of its code");
	expect_error("build it with --coverage");
}

static void what_judges_does_not_go_with_what_chooses(void **state)
{
	command_must(&last,
		     ARGV(command_text("%s/tapedeck", command_build()), "equalize", "-c",
			  "examples/orders/orders.json", TAPE, "--cover", "--learn-noise"),
		     2, TIMEOUT_S);
	expect_error("--cover chooses recordings and judges none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_few_recordings_reach_what_all_reach, teardown),
		cmocka_unit_test_teardown(no_file_is_written_beside_the_build, teardown),
		cmocka_unit_test_teardown(a_build_that_does_not_count_is_refused_with_how_to_build_it,
					  teardown),
		cmocka_unit_test_teardown(what_judges_does_not_go_with_what_chooses, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
