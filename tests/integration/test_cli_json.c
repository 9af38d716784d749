// SPDX-License-Identifier: BSD-3-Clause
/* What --json prints is what --json-schema says, and what --help says is what the manual says. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/integration/desk.h"
#include "tests/integration/json_check.h"

#define C      "-c", "~/desk.json"
#define MANUAL "docs/MANUAL.md"

static const char *const commands[] = {"doctor", "init",     "check",  "record", "ls",	  "show",
				       "replay", "equalize", "cp",     "rm",	 "du",	  "verify",
				       "flush",	 "compact",  "studio", "bisect", "export"};

/* --- json --- */

static cJSON *schema_of(const char *command)
{
	struct command run;
	autofree char *text = NULL;
	cJSON *schema;

	desk_run(&run, ARGV(command, "--json-schema"));
	desk_expect(&run, 0, NULL, NULL);
	text = command_file(run.out);
	schema = cJSON_Parse(text);
	assert_non_null(schema);
	return schema;
}

/* Every line that @args prints; how many of them have each of @types (NULL-terminated). */
static void check_lines(const char *const args[], int status, const char *const types[], unsigned cnt[])
{
	auto_cjson cJSON *schema = schema_of(args[0]);
	autofree char *text = NULL;
	struct command command;
	char *save, *line;

	desk_run(&command, args);
	desk_expect(&command, status, NULL, NULL);
	text = command_file(command.out);
	assert_true(!*text || text[strlen(text) - 1] == '\n');
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		auto_cjson cJSON *json = cJSON_Parse(line);
		const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(json, "type"));

		if (!json)
			fail_msg("not JSON: %s", line);
		json_check_line(schema, json);
		for (size_t i = 0; types[i]; i++)
			cnt[i] += !strcmp(type ? type : "", types[i]);
	}
}

static void every_line_is_as_its_schema_says(void **state)
{
	static const struct {
		const char *args[12];
		int status;
		const char *types[3];
		unsigned cnt[2];
	} cases[] = {
		{{"ls", "file:~/tape", "--json"}, 0, {""}, {DESK_RECORDINGS}},
		{{"ls", "file:~/tape", "--json", "--where", "id=99"}, 0, {""}, {0}},
		{{"check", C, "~/desk", "--json"}, 0, {"function"}, {3}},
		{{"check", "-c", "~/refused.json", "~/desk", "--json"}, 3, {"function"}, {3}},
		{{"check", "-c", "~/refused.json", "~/stripped", "--json"}, 3, {"function"}, {3}},
		{{"record", C, "--json", "--to", "file:~/json", "--", "~/desk", "answer", "0"},
		 0,
		 {"summary"},
		 {1}},
		{{"record", C, "--json", "--dry-run", "--", "~/desk"}, 0, {"function"}, {3}},
		{{"equalize", C, "--exe", "~/desk", "file:~/tape", "--json"},
		 0,
		 {"comparison", "summary"},
		 {DESK_RECORDINGS, 1}},
		{{"equalize", C, "--exe", "~/desk-changed", "file:~/tape", "--json"},
		 1,
		 {"comparison", "summary"},
		 {DESK_RECORDINGS, 1}},
		{{"compact", "file:~/tape", "--json"}, 0, {"summary"}, {1}},
		{{"doctor", "--json"}, 0, {NULL}, {0}},
	};

	desk_write_text("~/refused.json", "{ \"operations\": { \"answer_question\": {} },\n"
					  "  \"inputs\": { \"words_of\": {}, \"look_up\": {} } }");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned cnt[2] = {};

		check_lines(cases[i].args, cases[i].status, cases[i].types, cnt);
		assert_memory_equal(cnt, cases[i].cnt, sizeof(cnt));
	}
}

static void each_recording_shows_and_replays_as_the_schema_says(void **state)
{
	static const char *const one[] = {"", NULL}, *const two[] = {"comparison", "summary", NULL};
	char ids[DESK_RECORDINGS][256];

	assert_int_equal(desk_ids("file:~/tape", ids, DESK_RECORDINGS), DESK_RECORDINGS);
	for (size_t i = 0; i < DESK_RECORDINGS; i++) {
		unsigned cnt[2] = {};

		check_lines(ARGV("show", "file:~/tape", ids[i], "--json"), 0, one, cnt);
		assert_int_equal(cnt[0], 1);
		cnt[0] = 0;
		check_lines(ARGV("replay", C, "--exe", "~/desk", "file:~/tape", ids[i], "--json"), 0, two,
			    cnt);
		assert_int_equal(cnt[0] + cnt[1], 2);
	}
}

/* A schema that lets everything through would hold nothing. */
static void a_schema_names_what_it_does_not_know(void **state)
{
	static const char *const one[] = {"", NULL};
	auto_cjson cJSON *schema = schema_of("ls");
	const cJSON *line = cJSON_GetArrayItem(cJSON_GetObjectItem(schema, "oneOf"), 0);
	unsigned cnt = 0;

	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(schema, "oneOf")), 1);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(line, "properties")), 6);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(line, "required")), 6);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(line, "additionalProperties")));
	check_lines(ARGV("ls", "file:~/tape", "--json", "--limit", "2"), 0, one, &cnt);
	assert_int_equal(cnt, 2);
}

/* --- text --- */

static void show_is_readable(void **state)
{
	struct command command;
	autofree char *ok = NULL, *failed = NULL, *id = NULL;
	char *space;

	desk_run(&command, ARGV("ls", "file:~/tape", "--where", "id=5"));
	id = command_file(command.out);
	space = strchr(id, ' ');
	assert_non_null(space);
	*space = '\0';
	desk_run(&command, ARGV("show", "file:~/tape", id));
	desk_expect(&command, 0, NULL, NULL);
	failed = command_file(command.out);
	assert_non_null(
		strstr(failed, "look_up(who=\"nobody\", len=64) = -1, errno 2 (No such file or directory)"));
	assert_non_null(strstr(failed, "seal=b\"\\x00\\x01\\x02\\\"\\n\\x00"));
	assert_non_null(strstr(failed, "\"... (100 bytes)"));
	assert_non_null(strstr(failed, "-> answer = {id=5, words=3, text=\"who?\"}"));
	assert_null(strstr(strstr(failed, "send_answer("), "errno"));
	assert_non_null(strstr(failed, "  user         {id=5, who=\"nobody\"}\n"));

	free(id);
	desk_run(&command, ARGV("ls", "file:~/tape", "--where", "id=1"));
	id = command_file(command.out);
	*strchr(id, ' ') = '\0';
	desk_run(&command, ARGV("show", "file:~/tape", id));
	ok = command_file(command.out);
	assert_non_null(strstr(ok, "-> buf = b\"\\x01ann;3\"\n"));
	assert_null(strstr(ok, "errno"));
}

static void check_shows_declarations_with_names(void **state)
{
	struct command command;
	autofree char *out = NULL;

	desk_run(&command, ARGV("check", C, "~/desk"));
	desk_expect(&command, 0, NULL, NULL);
	out = command_file(command.out);
	assert_non_null(
		strstr(out, "int answer_question(const struct question *question, struct answer *answer)\n"));
}

/* --- help and manual --- */

static bool is_anothers(const char *text, const char *at)
{
	static const char other[] = "pkg-config ";
	const size_t len = sizeof(other) - 1;

	return (size_t)(at - text) >= len && !strncmp(at - len, other, len);
}

/* Calls @fn for each `--option` in @text that is ours. */
static void each_option(const char *text, void (*fn)(const char *option, const char *ctx), const char *ctx)
{
	for (const char *at = strstr(text, "--"); at; at = strstr(at + 2, "--")) {
		size_t len = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
		char option[64];

		if ((at > text && (isalnum((unsigned char)at[-1]) || at[-1] == '-')) ||
		    !islower((unsigned char)at[2]) || is_anothers(text, at))
			continue;
		snprintf(option, sizeof(option), "--%.*s", (int)len, at + 2);
		fn(option, ctx);
	}
}

static bool has_option(const char *text, const char *option)
{
	size_t len = strlen(option);

	for (const char *at = strstr(text, option); at; at = strstr(at + 1, option))
		if (!islower((unsigned char)at[len]) && at[len] != '-')
			return true;
	return false;
}

static void is_in(const char *option, const char *text)
{
	if (!has_option(text, option))
		fail_msg("'%s' stands in the help or the manual only", option);
}

static char *help_of(const char *command)
{
	struct command run;

	desk_run(&run, ARGV(command, "--help"));
	desk_expect(&run, 0, NULL, NULL);
	return command_file(run.out);
}

static void the_manual_has_every_option_and_no_others(void **state)
{
	autofree char *manual = command_file(MANUAL), *all = calloc(1, 65536);

	assert_true(strlen(manual) > 1000);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		autofree char *help = help_of(commands[i]);

		each_option(help, is_in, manual);
		assert_true(strlen(all) + strlen(help) < 65000);
		strcat(all, help);
	}
	strcat(all, " --help --version");
	each_option(manual, is_in, all);
}

static void every_way_to_ask_says_the_version(void **state)
{
	static const char *const words[] = {"--version", "-V", "version"};
	struct command run;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		autofree char *said = NULL;

		desk_run(&run, ARGV(words[i]));
		desk_expect(&run, 0, NULL, NULL);
		said = command_file(run.out);
		assert_string_equal(said, "tapedeck 1\n");
	}
}

static void the_help_has_every_command(void **state)
{
	autofree char *help = NULL, *manual = command_file(MANUAL);
	struct command run;

	desk_run(&run, ARGV("help"));
	desk_expect(&run, 0, NULL, NULL);
	help = command_file(run.out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char line[64];

		snprintf(line, sizeof(line), "\n  %-10s ", commands[i]);
		assert_non_null(strstr(help, line));
		snprintf(line, sizeof(line), "\ntapedeck %s", commands[i]);
		assert_non_null(strstr(manual, line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_as_its_schema_says),
		cmocka_unit_test(each_recording_shows_and_replays_as_the_schema_says),
		cmocka_unit_test(a_schema_names_what_it_does_not_know),
		cmocka_unit_test(show_is_readable),
		cmocka_unit_test(check_shows_declarations_with_names),
		cmocka_unit_test(the_manual_has_every_option_and_no_others),
		cmocka_unit_test(every_way_to_ask_says_the_version),
		cmocka_unit_test(the_help_has_every_command),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
