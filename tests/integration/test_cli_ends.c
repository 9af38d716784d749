// SPDX-License-Identifier: BSD-3-Clause
/* Deaths and interruptions: what was complete is kept, what was not is marked or absent, the target lives on.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/integration/desk.h"

#define C	"-c", "~/desk.json"
#define IDS_MAX 4096
#define WAIT_US 20000
#define TRIES	500

static char ids[IDS_MAX][256];

static double num(const cJSON *json, const char *name)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItem(json, name));
}

static unsigned lines_of(const char *text, const char *with)
{
	unsigned cnt = 0;

	for (const char *at = strstr(text, with); at; at = strstr(at + 1, with))
		cnt++;
	return cnt;
}

static cJSON *show(const char *url, const char *id)
{
	struct command command;

	desk_run(&command, ARGV("show", url, id, "--json"));
	desk_expect(&command, 0, NULL, NULL);
	return desk_last_line(&command);
}

/* What the desk does with a question is known: is that what was recorded? */
static void check_whole(const cJSON *recording)
{
	const cJSON *operation = cJSON_GetObjectItem(recording, "operation");
	const cJSON *question = cJSON_GetObjectItem(cJSON_GetObjectItem(operation, "args"), "question");
	const cJSON *answer = cJSON_GetObjectItem(cJSON_GetObjectItem(operation, "out"), "answer");
	int id = num(question, "id");

	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(recording, "complete")));
	assert_int_equal(num(answer, "id"), id);
	assert_int_equal(num(answer, "words"), id % 3 + 1);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(answer, "text")),
			    id % 5 ? "gladly" : "who?");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(recording, "calls")), 2);
}

static pid_t target_of(const struct command *record)
{
	autofree char *said = command_file(record->err);

	return atoi(strstr(said, "recording process ") + strlen("recording process "));
}

static void the_target_dies_in_the_middle_of_an_operation(void **state)
{
	struct command record;
	size_t cnt, whole = 0;
	pid_t target;

	desk_start(&record, ARGV("record", C, "--to", "file:~/died", "--json", "--", "~/desk", "stick", "3"));
	assert_true(command_says(&record, "3 gladly", 20));
	target = target_of(&record);
	usleep(5 * WAIT_US); /* the fourth has begun by then */
	assert_int_equal(kill(target, SIGKILL), 0);
	desk_expect(&record, 0, "the command ended with status 137", NULL);
	cnt = desk_ids("file:~/died", ids, IDS_MAX);
	assert_int_equal(cnt, 4);
	for (size_t i = 0; i < cnt; i++) {
		auto_cjson cJSON *recording = show("file:~/died", ids[i]);

		if (cJSON_IsTrue(cJSON_GetObjectItem(recording, "complete"))) {
			check_whole(recording);
			whole++;
			continue;
		}
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(recording, "incomplete")), 1);
		assert_string_not_equal(cJSON_GetStringValue(cJSON_GetObjectItem(
						cJSON_GetObjectItem(recording, "operation"), "left")),
					"return");
	}
	assert_int_equal(whole, 3);
	DESK_EXPECT(0, NULL, NULL, "equalize", C, "--exe", "~/desk", "file:~/died");
}

static void start_serving(struct command *desk, const char *program, char pid[16])
{
	desk_start_program(desk, ARGV(program, "serve"));
	assert_true(command_says(desk, "1 gladly", 10));
	snprintf(pid, 16, "%d", desk->pid);
}

static void the_recorder_is_killed_and_the_target_lives_on(void **state)
{
	struct command desk, record;
	char pid[16], next[32];
	autofree char *said = NULL;
	unsigned tries = 0;
	size_t cnt = 0;

	start_serving(&desk, "~/desk", pid);
	desk_start(&record, ARGV("record", C, "-p", pid, "--to", "file:~/killed"));
	assert_true(command_says(&record, "recording process", 20));
	while (cnt < 20 && tries++ < TRIES) {
		usleep(WAIT_US);
		cnt = access(desk_path("~/killed/tape_recorder_recordings/metadata"), F_OK)
			      ? 0
			      : desk_ids("file:~/killed", ids, IDS_MAX);
	}
	assert_true(cnt >= 20);
	command_signal(&record, SIGKILL);
	assert_int_equal(command_wait(&record, 5), 128 + SIGKILL);

	said = command_file(desk.out);
	snprintf(next, sizeof(next), "\n%u gladly", (lines_of(said, "\n") / 5 + 40) * 5 + 1);
	assert_true(command_says(&desk, next, 30));
	assert_true(command_runs(&desk));

	cnt = desk_ids("file:~/killed", ids, IDS_MAX);
	for (size_t i = 0; i < cnt; i += cnt / 20) {
		auto_cjson cJSON *recording = show("file:~/killed", ids[i]);

		check_whole(recording);
	}
	DESK_EXPECT(0, NULL, NULL, "equalize", C, "--exe", "~/desk", "file:~/killed", "--limit", "50");
	DESK_EXPECT(0, NULL, NULL, "record", C, "-p", pid, "--to", "file:~/killed", "--count", "5");
	assert_int_equal(desk_ids("file:~/killed", ids, IDS_MAX), cnt + 5);
	assert_true(command_runs(&desk));
}

static unsigned answers_in(const struct command *command)
{
	autofree char *out = command_file(command->out);

	return lines_of(out, "\n");
}

static void a_command_outlives_its_recorder(void **state)
{
	struct command record;
	unsigned answers;
	pid_t target;

	desk_start(&record, ARGV("record", C, "--to", "file:~/left", "--", "~/desk", "serve"));
	assert_true(command_says(&record, "11 gladly", 20));
	target = target_of(&record);
	command_signal(&record, SIGKILL);
	assert_int_equal(command_wait(&record, 5), 128 + SIGKILL);
	answers = answers_in(&record);
	usleep(10 * WAIT_US);
	assert_true(answers_in(&record) > answers);
	assert_int_equal(kill(target, SIGKILL), 0);
}

static void an_interrupted_record_tells_the_truth(void **state)
{
	auto_cjson cJSON *summary = NULL;
	struct command desk, record;
	char pid[16];

	start_serving(&desk, "~/desk", pid);
	desk_start(&record, ARGV("record", C, "-p", pid, "--to", "file:~/stopped", "--json"));
	assert_true(command_says(&record, "recording process", 20));
	usleep(10 * WAIT_US);
	command_signal(&record, SIGINT);
	desk_expect(&record, 0, NULL, NULL);
	summary = desk_last_line(&record);
	assert_true(num(summary, "taken") > 0);
	assert_int_equal(num(summary, "stored"), num(summary, "taken"));
	assert_int_equal(num(summary, "lost_events") + num(summary, "unaccounted_events"), 0);
	assert_int_equal(desk_ids("file:~/stopped", ids, IDS_MAX), num(summary, "stored"));
	assert_true(command_runs(&desk));
}

static void an_interrupted_equalize_tells_the_truth(void **state)
{
	auto_cjson cJSON *summary = NULL;
	struct command equalize;
	autofree char *out = NULL;

	DESK_EXPECT(0, NULL, NULL, "record", C, "--to", "file:~/many", "--", "~/desk", "answer", "60");
	desk_start(&equalize, ARGV("equalize", C, "--exe", "~/desk", "file:~/many", "--json", "--", "answer",
				   "1", "200"));
	assert_true(command_says(&equalize, "comparison", 20));
	command_signal(&equalize, SIGINT);
	desk_expect(&equalize, 3, "tapedeck: stopped after ", NULL);
	summary = desk_last_line(&equalize);
	out = command_file(equalize.out);
	assert_in_range(num(summary, "total"), 1, 40);
	assert_int_equal(num(summary, "total"), lines_of(out, "\"comparison\""));
	assert_int_equal(num(summary, "equal"), num(summary, "total"));
}

static void an_interrupted_replay_leaves_no_folder(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM};
	struct command replay, shell;

	DESK_EXPECT(0, NULL, NULL, "record", C, "--to", "file:~/long", "--", "~/desk", "answer", "1");
	assert_int_equal(desk_ids("file:~/long", ids, IDS_MAX), 1);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		desk_start_program(&replay,
				   ARGV("sh", "-c",
					command_text("mkdir -p ~/folders && TMPDIR=$(echo ~/folders) exec "
						     "@/tapedeck replay -c ~/desk.json --exe ~/desk "
						     "file:~/long %s -- answer 1 5000",
						     ids[0])));
		usleep(100 * WAIT_US);
		assert_true(command_runs(&replay));
		command_signal(&replay, signals[i]);
		desk_expect(&replay, 3, "tapedeck: stopped after 0 of 1 replays", NULL);
		desk_start_program(&shell, ARGV("rmdir", "~/folders"));
		assert_int_equal(command_wait(&shell, 10), 0);
	}
}

static void a_process_whose_file_was_replaced_is_recorded_as_what_it_is(void **state)
{
	struct command desk, shell;
	char pid[16];
	size_t cnt;

	desk_start_program(&shell, ARGV("cp", "~/desk", "~/moved"));
	assert_int_equal(command_wait(&shell, 5), 0);
	start_serving(&desk, "~/moved", pid);
	desk_start_program(&shell, ARGV("sh", "-c", "cp ~/desk-changed ~/new && mv ~/new ~/moved"));
	assert_int_equal(command_wait(&shell, 5), 0);
	DESK_EXPECT(0, NULL, NULL, "record", C, "-p", pid, "--to", "file:~/replaced", "--count", "10");
	cnt = desk_ids("file:~/replaced", ids, IDS_MAX);
	assert_int_equal(cnt, 10);
	for (size_t i = 0; i < cnt; i++) {
		auto_cjson cJSON *recording = show("file:~/replaced", ids[i]);

		check_whole(recording);
	}
	DESK_EXPECT(1, NULL, NULL, "equalize", C, "--exe", "~/moved", "file:~/replaced");
	assert_true(command_runs(&desk));
}

static void debug_information_of_another_build_is_refused(void **state)
{
	struct command desk, shell;
	char pid[16];

	desk_start_program(&shell, ARGV("sh", "-c",
					"cd ~ && objcopy --only-keep-debug desk-changed linked.debug && "
					"objcopy --strip-all --add-gnu-debuglink=linked.debug desk linked"));
	assert_int_equal(command_wait(&shell, 5), 0);
	DESK_EXPECT(3, "is of another build", "install the debug information of exactly this build", "check",
		    C, "~/linked");
	start_serving(&desk, "~/linked", pid);
	DESK_EXPECT(3, "is of another build", "install the debug information", "record", C, "-p", pid, "--to",
		    "file:~/never");
	assert_true(command_runs(&desk));
}

static void a_command_ends_as_it_would_have_and_nothing_taken_is_said(void **state)
{
	struct command record;

	desk_run(&record, ARGV("record", C, "--to", "file:~/nothing", "--", "~/desk", "answer", "0"));
	desk_expect(&record, 0, "no operation was taken", NULL);
	assert_true(
		command_says(&record, "none was called in this process; --follow looks at its children", 1));
	assert_true(command_says(&record, "SIGPIPE default", 1));
	assert_true(command_says(&record, "the command ended with status 7", 1));
}

static void recordings_above_a_size_are_left_out_and_counted(void **state)
{
	struct command record;
	auto_cjson cJSON *summary = NULL;

	desk_write_text("~/sized.json", "{ \"operations\": { \"answer_question\": { \"sample\": { \"sizes\": "
					"{ \"1\": 0 } } } } }");
	desk_run(&record, ARGV("record", "-c", "~/sized.json", "--to", "file:~/sized", "--json", "--",
			       "~/desk", "answer", "6"));
	desk_expect(&record, 0, NULL, NULL);
	summary = desk_last_line(&record);
	assert_int_equal(num(summary, "taken"), 6);
	assert_int_equal(num(summary, "stored"), 0);
	assert_int_equal(num(summary, "kept_out"), 6);
	assert_int_equal(num(summary, "failed") + num(summary, "dropped"), 0);
	assert_int_equal(desk_ids("file:~/sized", ids, IDS_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_target_dies_in_the_middle_of_an_operation),
		cmocka_unit_test(the_recorder_is_killed_and_the_target_lives_on),
		cmocka_unit_test(a_command_outlives_its_recorder),
		cmocka_unit_test(an_interrupted_record_tells_the_truth),
		cmocka_unit_test(an_interrupted_equalize_tells_the_truth),
		cmocka_unit_test(an_interrupted_replay_leaves_no_folder),
		cmocka_unit_test(a_process_whose_file_was_replaced_is_recorded_as_what_it_is),
		cmocka_unit_test(debug_information_of_another_build_is_refused),
		cmocka_unit_test(a_command_ends_as_it_would_have_and_nothing_taken_is_said),
		cmocka_unit_test(recordings_above_a_size_are_left_out_and_counted),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
