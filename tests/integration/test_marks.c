// SPDX-License-Identifier: BSD-3-Clause
/* Marks: what a program says of its own recording, recorded, replayed, and with nobody there to hear it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define TIMEOUT_S 60
#define SOURCE	  "tests/integration/victims/marks.c"
#define IDS_MAX	  16
#define ID_LEN	  32

#define PLAIN	  "{\"operations\": {\"handle\": {}}}"
#define UNWANTED  "{\"operations\": {\"handle\": {\"sample\": {\"keep_if\": \"n == 0\"}}}}"
#define UNSAMPLED "{\"operations\": {\"handle\": {\"sample\": {\"rate\": 0}}}}"
#define NAMED	  "{\"operations\": {\"handle\": {\"metadata\": {\"state\": \"n\"}}}}"
#define LATE	  "{\"operations\": {\"handle\": {\"sample\": {\"rate\": 0, \"at_end\": true}}}}"
#define POOLED                                                                                               \
	"{\"operations\": {\"handle\": {\"sample\": {\"keep_if\": \"n < 6\"}}}, "                            \
	"\"outputs\": {\"submit\": {\"carrier\": \"job\"}}, \"inputs\": {\"step\": {\"joins\": {\"by\": \"job\"}}}}"

static char names[IDS_MAX][ID_LEN + 1]; /* of the recordings, as ls lists them */

static const char *program(const char *name, const char *flag)
{
	const char *path = command_text("%s/%s", command_folder(), name);
	struct command command;

	command_must(&command,
		     ARGV("gcc", "-O2", "-g", flag, "-I", command_text("%s/include", command_build()), "-o",
			  path, SOURCE, "-lpthread"),
		     0, TIMEOUT_S);
	return path;
}

static const char *config(const char *text)
{
	const char *path = command_text("%s/marks.json", command_folder());
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	return path;
}

static const char *tapedeck(void)
{
	return command_text("%s/tapedeck", command_build());
}

static const char *fresh_url(void)
{
	static int cnt;

	return command_text("file:%s/tape%d", command_folder(), cnt++);
}

/* The summary, the caller's; *@printed is what the program printed. */
static cJSON *record(const char *url, const char *text, const char *option, const char *cnt, char **printed)
{
	struct command command;
	char *out, *summary;
	cJSON *json;

	command_must(&command,
		     ARGV(tapedeck(), "record", "-c", config(text), "--to", url, "--json", option, "--",
			  command_text("%s/marks", command_folder()), cnt),
		     0, TIMEOUT_S);
	out = command_file(command.out);
	summary = strstr(out, "{\"type\":\"summary\"");
	assert_non_null(summary);
	json = cJSON_Parse(summary);
	*summary = '\0';
	*printed = out;
	assert_non_null(json);
	return json;
}

static double number(const cJSON *json, const char *name)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItem(json, name));
}

/* How many ls lists, with their names. */
static size_t list(const char *url, const char *where)
{
	struct command command;
	autofree char *text = NULL;
	size_t cnt = 0;
	char *save;

	command_must(&command, ARGV(tapedeck(), "ls", url, "--incomplete", where ? "--where" : NULL, where),
		     0, TIMEOUT_S);
	text = command_file(command.out);
	for (char *line = strtok_r(text, "\n", &save); line && cnt < IDS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *name = strrchr(strtok(line, " "), '/') + 1;

		snprintf(names[cnt++], sizeof(names[0]), "%s", name);
	}
	return cnt;
}

static bool is_listed(const char *name, size_t len, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (len == ID_LEN && !strncmp(names[i], name, len))
			return true;
	return false;
}

static cJSON *replay(const char *url, const char *name, const char *exe, int status)
{
	struct command command;
	autofree char *text = NULL;
	cJSON *json;

	command_must(&command,
		     ARGV(tapedeck(), "replay", "-c", config(PLAIN), "--exe", exe, "--json", url, name),
		     status, TIMEOUT_S);
	text = command_file(command.out);
	json = cJSON_Parse(text);
	assert_non_null(json);
	return json;
}

static const char *word(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(json, name)) ?: "";
}

/* --- nobody listens --- */

static void without_tapedeck_a_program_with_marks_runs_as_if_they_were_not_there(void **state)
{
	struct command command;
	autofree char *printed = NULL;

	command_must(&command, ARGV(command_text("%s/marks", command_folder()), "7"), 0, TIMEOUT_S);
	printed = command_file(command.out);
	assert_string_equal(printed, "0 \n1 \n2 \n3 \n4 \n5 \n6 \ndone\n");
}

static void a_recorder_that_cannot_answer_names_nothing_and_records_all_else(void **state)
{
	const char *url = fresh_url();
	autofree char *printed = NULL;
	auto_cjson cJSON *summary = record(url, PLAIN, "--two-links", "3", &printed);

	assert_string_equal(printed, "0 \n1 \n2 \ndone\n");
	assert_int_equal(list(url, "customer=even"), 2);
}

/* --- recording --- */

static void the_name_that_the_program_prints_is_the_recordings(void **state)
{
	const char *url = fresh_url();
	autofree char *printed = NULL;
	auto_cjson cJSON *summary = record(url, PLAIN, "--json", "5", &printed);
	size_t cnt = list(url, NULL), lines = 0;
	char *save;

	assert_int_equal(cnt, 4);
	for (char *line = strtok_r(printed, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *name = strchr(line, ' ');

		if (!name)
			break;
		/* The fourth was discarded. */
		if (lines++ == 3)
			assert_string_equal(name, " ");
		else
			assert_true(is_listed(name + 1, strlen(name + 1), cnt));
	}
	assert_int_equal(lines, 5);
}

static void what_the_program_discards_is_not_stored_and_is_counted(void **state)
{
	const char *url = fresh_url();
	autofree char *printed = NULL;
	auto_cjson cJSON *summary = record(url, PLAIN, "--json", "5", &printed);

	assert_int_equal(number(summary, "discarded"), 1);
	assert_int_equal(number(summary, "stored"), 4);
	assert_int_equal(number(summary, "lost_events") + number(summary, "unaccounted_events"), 0);
	assert_int_equal(list(url, "number=3"), 0);
}

static void a_recording_is_kept_past_keep_if_and_not_past_the_rate(void **state)
{
	const char *kept = fresh_url(), *sampled = fresh_url();
	autofree char *printed = NULL, *printed_too = NULL;
	auto_cjson cJSON *summary = record(kept, UNWANTED, "--json", "5", &printed);
	auto_cjson cJSON *rare = record(sampled, UNSAMPLED, "--json", "5", &printed_too);

	assert_int_equal(list(kept, "number=0,4"), 2);
	assert_int_equal(number(summary, "stored"), 2);
	assert_int_equal(number(rare, "stored"), 0);
	assert_string_equal(printed_too, "0 \n1 \n2 \n3 \n4 \ndone\n");
}

static void a_rate_that_decides_at_the_end_keeps_what_the_program_keeps(void **state)
{
	const char *url = fresh_url();
	autofree char *printed = NULL;
	auto_cjson cJSON *summary = record(url, LATE, "--json", "5", &printed);

	assert_int_equal(list(url, NULL), 1);
	assert_int_equal(list(url, "number=4"), 1);
	assert_int_equal(number(summary, "kept_out"), 3);
}

static void metadata_is_searched_the_last_counts_and_the_configured_goes_before(void **state)
{
	const char *url = fresh_url();
	autofree char *printed = NULL;
	auto_cjson cJSON *summary = record(url, NAMED, "--json", "3", &printed);

	assert_int_equal(list(url, "customer=odd"), 1);
	assert_int_equal(list(url, "customer=even"), 2);
	assert_int_equal(list(url, "customer=nobody"), 0);
	assert_int_equal(list(url, "state=said*"), 0);
	assert_int_equal(list(url, "state=1"), 1);
}

static void a_worker_thread_speaks_for_the_operation_that_it_works_for(void **state)
{
	const char *url = fresh_url();
	autofree char *printed = NULL;
	auto_cjson cJSON *summary = record(url, POOLED, "--json", "9", &printed);

	/* 6 is discarded, 7 kept, 8 neither; and 3 and 4 in their own thread. */
	assert_int_equal(number(summary, "discarded"), 2);
	assert_int_equal(list(url, "number=5,7"), 2);
	assert_int_equal(list(url, "number=6,8"), 0);
	assert_int_equal(list(url, NULL), 6);
}

static void a_compiled_schema_knows_the_marks(void **state)
{
	const char *url = fresh_url();
	const char *schema = command_text("%s/marks.schema", command_folder());
	struct command command;
	autofree char *printed = NULL;

	command_must(&command,
		     ARGV(tapedeck(), "schema", "-c", config(PLAIN),
			  command_text("%s/marks", command_folder()), "-o", schema),
		     0, TIMEOUT_S);
	cJSON_Delete(record(url, PLAIN, command_text("--schema=%s", schema), "5", &printed));
	assert_int_equal(list(url, "customer=odd"), 1);
}

/* --- replay --- */

static const char *one_recording(const char *url)
{
	autofree char *printed = NULL;
	auto_cjson cJSON *summary = record(url, PLAIN, "--json", "2", &printed);

	assert_int_equal(list(url, "number=1"), 1);
	return names[0];
}

static void data_is_played_back(void **state)
{
	const char *url = fresh_url(), *name = one_recording(url);
	auto_cjson cJSON *json = replay(url, name, command_text("%s/marks", command_folder()), 0);

	assert_string_equal(word(json, "verdict"), "equal");
}

static void data_under_another_key_or_of_another_length_was_not_recorded(void **state)
{
	const char *url = fresh_url(), *name = one_recording(url);
	const char *const flags[] = {"-DKEY=\"luck\"", "-DLEN=2*sizeof(long)"};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		auto_cjson cJSON *json = replay(url, name, program("other", flags[i]), 1);

		assert_string_equal(word(json, "verdict"), "different");
		assert_non_null(
			strstr(word(json, "reason"), "calls[tapedeck.data#1]: no recorded call has its key"));
	}
}

static void an_output_that_changed_is_a_difference_in_its_data(void **state)
{
	const char *url = fresh_url(), *name = one_recording(url);
	auto_cjson cJSON *json = replay(url, name, program("other", "-DSUM(n)=(n)*4L"), 1);
	autofree char *text = json_print(cJSON_GetObjectItem(json, "differences"));

	assert_string_equal(word(json, "verdict"), "different");
	assert_non_null(strstr(text, "calls[tapedeck.output#1].data"));
}

static void a_build_without_marks_misses_what_it_put_out(void **state)
{
	const char *url = fresh_url(), *name = one_recording(url);
	auto_cjson cJSON *json = replay(url, name, program("other", "-DSILENT"), 1);
	autofree char *text = json_print(json);

	assert_string_equal(word(json, "verdict"), "different");
	assert_non_null(strstr(text, "tapedeck.output#1"));
}

static void what_answers_a_mark_cannot_be_written_as_c(void **state)
{
	const char *url = fresh_url(), *name = one_recording(url);
	struct command command;
	autofree char *said = NULL;

	command_must(&command, ARGV(tapedeck(), "export", "--c-test", url, name), 3, TIMEOUT_S);
	said = command_file(command.err);
	assert_non_null(strstr(said, "cannot export 'tapedeck:data' as C: it is a mark of the program's"));
}

static int setup(void **state)
{
	program("marks", "-O2");
	return 0;
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_tapedeck_a_program_with_marks_runs_as_if_they_were_not_there),
		cmocka_unit_test(a_recorder_that_cannot_answer_names_nothing_and_records_all_else),
		cmocka_unit_test(the_name_that_the_program_prints_is_the_recordings),
		cmocka_unit_test(what_the_program_discards_is_not_stored_and_is_counted),
		cmocka_unit_test(a_recording_is_kept_past_keep_if_and_not_past_the_rate),
		cmocka_unit_test(a_rate_that_decides_at_the_end_keeps_what_the_program_keeps),
		cmocka_unit_test(metadata_is_searched_the_last_counts_and_the_configured_goes_before),
		cmocka_unit_test(a_worker_thread_speaks_for_the_operation_that_it_works_for),
		cmocka_unit_test(a_compiled_schema_knows_the_marks),
		cmocka_unit_test(data_is_played_back),
		cmocka_unit_test(data_under_another_key_or_of_another_length_was_not_recorded),
		cmocka_unit_test(an_output_that_changed_is_a_difference_in_its_data),
		cmocka_unit_test(a_build_without_marks_misses_what_it_put_out),
		cmocka_unit_test(what_answers_a_mark_cannot_be_written_as_c),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
