// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a process does before its first operation: recorded with it, and served before a replay is ready. A
 * build that cannot ask for real shows that nothing did.
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

#include "lib/util.h"
#include "tests/integration/desk.h"

#define STARTER	  "@/tests/integration/victims/starter"
#define ELSEWHERE "@/tests/integration/victims/starter-elsewhere"
#define WAIT_S	  60

static const char config[] =
	"{ \"operations\": { \"handle\": { \"args\": { \"answer\": { \"direction\": \"out\" } } } },"
	"  \"inputs\": { \"base_open\": {}, \"setting\": {}, \"base_get\": {} }%s }";
#define SERVE ", \"serve\": [\"time\", \"random\", \"pid\", \"host\"]"

static void write_config(const char *path, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text), config, more);
	desk_write_text(path, text);
}

static int setup(void **state)
{
	if (desk_setup(state))
		return -1;
	write_config("~/starter.json", SERVE);
	write_config("~/plain.json", "");
	write_config("~/environment.json", SERVE ", \"environment\": [\"STARTER_*\"]");
	setenv("TZ", "Europe/Vienna", 1);
	setenv("STARTER_NAME", "a name", 1);
	setenv("SECRET", "hush", 1);
	return 0;
}

static void record(const char *tape, const char *with, const char *n, const char *how)
{
	struct command command;

	desk_run(&command, ARGV("record", "-c", with, "--to", tape, "--", STARTER, n, "hello", how));
	desk_expect(&command, 0, NULL, NULL);
}

static cJSON *show(const char *tape, const char *id)
{
	struct command command;

	desk_run(&command, ARGV("show", tape, id, "--json"));
	desk_expect(&command, 0, NULL, NULL);
	return desk_last_line(&command);
}

/* The only start-up in @tape; its ID too. */
static cJSON *startup_of(const char *tape, char id[256])
{
	autofree char *text = NULL;
	struct command command;

	desk_run(&command, ARGV("ls", tape, "--category", "_startup", "--incomplete"));
	desk_expect(&command, 0, NULL, NULL);
	text = command_file(command.out);
	snprintf(id, 256, "%.*s", (int)strcspn(text, " "), text);
	assert_int_equal(strncmp(id, "_startup/", 9), 0);
	assert_null(strstr(text + 1, "_startup/"));
	return show(tape, id);
}

static const char *member(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(json, name));
}

static void calls_before_the_first_operation_are_a_recording_of_their_own(void **state)
{
	static const char *const called[] = {"base_open", "setting", "setting"};
	cJSON *startup, *metadata, *call, *one;
	char ids[8][256], id[256];
	size_t i = 0;

	record("file:~/own", "~/starter.json", "3", "");
	startup = startup_of("file:~/own", id);
	metadata = cJSON_GetObjectItem(startup, "metadata");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(startup, "complete")));
	cJSON_ArrayForEach(call, cJSON_GetObjectItem(startup, "calls"))
	{
		assert_true(i < ARRAY_SIZE(called));
		assert_string_equal(member(call, "function"), called[i++]);
		assert_string_equal(member(call, "kind"), "input");
	}
	assert_int_equal(i, ARRAY_SIZE(called));
	assert_string_equal(member(metadata, "from"), "exec");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(metadata, "argv")), 4);
	assert_non_null(member(metadata, "cwd"));
	assert_int_equal(desk_ids("file:~/own", ids, 8), 3);
	for (i = 0; i < 3; i++) {
		one = show("file:~/own", ids[i]);
		assert_string_equal(member(cJSON_GetObjectItem(one, "metadata"), "startup"), id);
		cJSON_Delete(one);
	}
	cJSON_Delete(startup);
}

static void of_the_environment_what_is_named_is_recorded_and_no_secret(void **state)
{
	static const struct {
		const char *config, *there, *absent;
	} cases[] = {{"~/starter.json", "TZ", "STARTER_NAME"}, {"~/environment.json", "STARTER_NAME", "TZ"}};
	char tape[32], id[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cJSON *startup, *environment;

		snprintf(tape, sizeof(tape), "file:~/environment%zu", i);
		record(tape, cases[i].config, "1", "");
		startup = startup_of(tape, id);
		environment = cJSON_GetObjectItem(cJSON_GetObjectItem(startup, "metadata"), "environment");
		assert_non_null(member(environment, cases[i].there));
		assert_null(member(environment, cases[i].absent));
		assert_null(member(environment, "SECRET"));
		cJSON_Delete(startup);
	}
}

static void a_replay_starts_as_the_recorded_process_did(void **state)
{
	record("file:~/as", "~/starter.json", "3", "");
	setenv("TZ", "Asia/Tokyo", 1);
	DESK_EXPECT(0, NULL, NULL, "equalize", "-c", "~/starter.json", "--exe", ELSEWHERE, "file:~/as");
	setenv("TZ", "Europe/Vienna", 1);
}

/* More of them than have a program at once. */
static void each_process_that_was_recorded_is_started_as_it_was(void **state)
{
	static const char *const zones[] = {"Asia/Tokyo",   "Europe/Rome", "UTC",
					    "America/Lima", "Asia/Aden",   "Europe/Oslo"};
	char ids[32][256];

	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
			setenv("TZ", zones[i], 1);
			record("file:~/each", "~/starter.json", "2", "");
		}
	setenv("TZ", "Europe/Vienna", 1);
	assert_int_equal(desk_ids("file:~/each", ids, 32), 4 * ARRAY_SIZE(zones));
	DESK_EXPECT(0, NULL, NULL, "equalize", "-c", "~/starter.json", "--exe", ELSEWHERE, "file:~/each");
}

static void arguments_behind_the_dashes_win(void **state)
{
	autofree char *text = NULL;
	struct command command;

	record("file:~/dashes", "~/starter.json", "1", "");
	desk_run(&command, ARGV("equalize", "-c", "~/starter.json", "--exe", ELSEWHERE, "file:~/dashes", "--",
				"1", "goodbye"));
	desk_expect(&command, 1, NULL, NULL);
	text = command_file(command.out);
	assert_non_null(strstr(text, "answer->text: recorded \"hello\", replayed \"goodbye\""));
}

static void threads_that_exist_at_ready_change_nothing(void **state)
{
	record("file:~/threads", "~/starter.json", "2", "threads");
	DESK_EXPECT(0, "each recording gets a process of its own", NULL, "equalize", "-c", "~/starter.json",
		    "--exe", ELSEWHERE, "file:~/threads");
}

static void of_an_attached_process_the_arguments_are_known_and_no_calls(void **state)
{
	struct command starter, record;
	cJSON *startup, *metadata;
	char id[256];

	desk_start_program(&starter, ARGV(STARTER, "2", "hello", "told"));
	assert_true(command_says(&starter, "begun", WAIT_S));
	desk_start(&record, ARGV("record", "-c", "~/starter.json", "--to", "file:~/attached", "-p",
				 command_text("%d", starter.pid)));
	assert_true(command_says(&record, "recording process", WAIT_S));
	command_signal(&starter, SIGUSR1);
	desk_expect(&record, 0, NULL, NULL);
	startup = startup_of("file:~/attached", id);
	metadata = cJSON_GetObjectItem(startup, "metadata");
	assert_string_equal(member(metadata, "from"), "attached");
	assert_string_equal(
		cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItem(metadata, "argv"), 2)), "hello");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(startup, "calls")), 0);
	cJSON_Delete(startup);
	DESK_EXPECT(0, NULL, NULL, "equalize", "-c", "~/starter.json", "--exe", STARTER, "file:~/attached");
	DESK_EXPECT(3, "was killed by Aborted before it was ready", NULL, "equalize", "-c", "~/starter.json",
		    "--exe", ELSEWHERE, "file:~/attached");
}

static void a_start_up_that_is_gone_is_said_and_runs_for_real(void **state)
{
	struct command command;
	char id[256];

	record("file:~/gone", "~/starter.json", "1", "");
	cJSON_Delete(startup_of("file:~/gone", id));
	desk_run(&command, ARGV("rm", "file:~/gone", id));
	desk_expect(&command, 0, NULL, NULL);
	DESK_EXPECT(0, "the recorded start-up is not used", NULL, "equalize", "-c", "~/starter.json", "--exe",
		    STARTER, "file:~/gone", "--", "1", "hello");
}

static void a_start_up_goes_along_when_recordings_are_copied(void **state)
{
	struct command command;
	char id[256];

	record("file:~/from", "~/starter.json", "2", "");
	desk_run(&command, ARGV("cp", "file:~/from", "file:~/to", "--limit", "1"));
	desk_expect(&command, 0, NULL, NULL);
	cJSON_Delete(startup_of("file:~/to", id));
	DESK_EXPECT(0, NULL, NULL, "equalize", "-c", "~/starter.json", "--exe", ELSEWHERE, "file:~/to");
}

static void what_is_more_than_fits_is_counted(void **state)
{
	char id[256];
	cJSON *startup, *why;

	record("file:~/many", "~/starter.json", "1", "many");
	startup = startup_of("file:~/many", id);
	why = cJSON_GetArrayItem(cJSON_GetObjectItem(startup, "incomplete"), 0);
	assert_string_equal(cJSON_GetStringValue(why), "50 calls behind the first 10000 are not there");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(startup, "calls")), 10000);
	cJSON_Delete(startup);
}

static void an_operation_inside_a_call_of_start_up_is_recorded(void **state)
{
	char ids[8][256], id[256];
	cJSON *startup;

	desk_write_text(
		"~/nested.json",
		"{ \"operations\": { \"handle\": { \"args\": { \"answer\": { \"direction\": \"out\" } } } },"
		"  \"inputs\": { \"serve_all\": {}, \"base_open\": {}, \"setting\": {}, \"base_get\": {} },"
		"  \"serve\": [\"time\", \"pid\", \"random\", \"host\"] }");
	record("file:~/nested", "~/nested.json", "3", "");
	assert_int_equal(desk_ids("file:~/nested", ids, 8), 3);
	startup = startup_of("file:~/nested", id);
	assert_string_equal(
		cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItem(startup, "incomplete"), 0)),
		"the return of call 4 could not be observed");
	cJSON_Delete(startup);
	DESK_EXPECT(0, NULL, NULL, "equalize", "-c", "~/nested.json", "--exe", ELSEWHERE, "file:~/nested");
}

static void an_init_function_takes_the_place_of_main(void **state)
{
	setenv("TZ", "", 1);
	record("file:~/init", "~/starter.json", "2", "");
	DESK_EXPECT(0, NULL, NULL, "equalize", "-c", "~/starter.json", "--exe", ELSEWHERE, "--init",
		    "prepare_alone", "file:~/init");
	DESK_EXPECT(2, "--init names 'prepare_along', which the program does not have", NULL, "equalize",
		    "-c", "~/starter.json", "--exe", ELSEWHERE, "--init", "prepare_along", "file:~/init");
	setenv("TZ", "Europe/Vienna", 1);
}

static void what_no_two_runs_get_alike_is_said_with_what_serves_it(void **state)
{
	autofree char *text = NULL;
	struct command command;
	char ids[2][256];

	record("file:~/plain", "~/plain.json", "1", "");
	assert_int_equal(desk_ids("file:~/plain", ids, 2), 1);
	desk_run(&command,
		 ARGV("replay", "-c", "~/plain.json", "--exe", ELSEWHERE, "--json", "file:~/plain", ids[0]));
	desk_expect(
		&command, 1,
		"note: called without a record, other in each run: time (1), getrandom (1), getpid (1), "
		"uname (1)\n    \"serve\": [\"time\", \"random\", \"pid\", \"host\"] in the configuration",
		NULL);
	text = command_file(command.out);
	assert_non_null(strstr(text, "{\"function\":\"getpid\",\"calls\":1,\"add\":\"\\\"serve\\\": "
				     "[\\\"pid\\\"]\"}"));
	assert_non_null(strstr(text, "{\"function\":\"getrandom\",\"calls\":1,"));
	assert_non_null(strstr(text, "{\"function\":\"uname\",\"calls\":1,"));
}

static void check_names_what_serve_comes_to_and_what_it_would_add(void **state)
{
	autofree char *served = NULL, *plain = NULL;
	struct command command;

	desk_run(&command, ARGV("check", "-c", "~/starter.json", STARTER));
	desk_expect(&command, 0, NULL, NULL);
	served = command_file(command.out);
	assert_non_null(strstr(served, "libc.so.6:time: input (serve time) in libc.so.6"));
	assert_non_null(strstr(served, "libc.so.6:uname: input (serve host) in libc.so.6"));
	assert_null(strstr(served, "gettimeofday"));
	desk_run(&command, ARGV("check", "-c", "~/plain.json", STARTER));
	desk_expect(&command, 0, NULL, NULL);
	plain = command_file(command.out);
	assert_non_null(strstr(plain, "time, getrandom, getpid, uname"));
	assert_non_null(
		strstr(plain, "\"serve\": [\"time\", \"random\", \"pid\", \"host\"] in the configuration"));
}

static void a_compiled_schema_serves_what_it_was_compiled_with(void **state)
{
	struct command command;
	char ids[2][256];

	desk_run(&command, ARGV("schema", "-c", "~/starter.json", STARTER, "-o", "~/starter.schema"));
	desk_expect(&command, 0, NULL, NULL);
	desk_run(&command, ARGV("record", "-c", "~/starter.json", "--schema", "~/starter.schema", "--to",
				"file:~/compiled", "--", STARTER, "1", "hello"));
	desk_expect(&command, 0, NULL, NULL);
	assert_int_equal(desk_ids("file:~/compiled", ids, 2), 1);
	DESK_EXPECT(0, NULL, NULL, "equalize", "-c", "~/starter.json", "--exe", ELSEWHERE, "file:~/compiled");
}

static void a_written_function_counts_instead_of_what_serve_stands_for(void **state)
{
	struct command command;
	autofree char *text = NULL;

	desk_write_text("~/own.json", "{ \"operations\": { \"handle\": {} }, \"serve\": [\"time\"],"
				      "  \"inputs\": { \"libc.so.6:time\": { \"alias\": \"now\" } } }");
	desk_run(&command, ARGV("check", "-c", "~/own.json", "--json", STARTER));
	desk_expect(&command, 0, NULL, NULL);
	text = command_file(command.out);
	assert_non_null(strstr(text, "\"alias\":\"now\""));
	assert_null(strstr(text, "\"serve\":"));
}

/* --- programs that the engine is linked into --- */

/* With an argument it does nothing, with two it fails. */
static const char linked[] =
	"#include <poll.h>\n#include <stdlib.h>\n#include <sys/socket.h>\n#include <unistd.h>\n"
	"int tax = 1, end = 40;\n"
	"__attribute__((noipa)) int rate(int n) { return n * 3 + WRONG; }\n"
	"__attribute__((noipa)) int price(int n) { return rate(n) + tax; }\n"
	"__attribute__((noipa)) int hear(void)\n"
	"{\n"
	"	char to[8];\n"
	"	struct pollfd fd = {end, POLLIN, 0};\n"
	"	struct iovec part = {to, 2};\n"
	"	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};\n"
	"	int ready = poll(&fd, 1, 0);\n"
	"	return ready * 100 + recvfrom(end, to, 3, 0, 0, 0) * 10 + recvmsg(end, &message, 0);\n"
	"}\n"
	"void prepare(void) { tax = 1; }\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	int pair[2];\n"
	"	if (argc == 3)\n"
	"		return 5;\n"
	"	prepare();\n"
	"	if (argc == 2)\n"
	"		exit(0);\n"
	"	if (!WRONG && (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || dup2(pair[0], end) != end ||\n"
	"		       send(pair[1], \"price\", 5, 0) != 5))\n"
	"		return 6;\n"
	"	return price(5) + hear() < 0;\n"
	"}\n";
static const char linked_config[] =
	"{\"operations\": {\"price\": {}, \"hear\": {}}, \"inputs\": {\"rate\": {}, \"libc.so.6:poll\": {}, "
	"\"libc.so.6:recvfrom\": {}, \"libc.so.6:recvmsg\": {}}}";
static const char *const linked_builds[] = {"~/linked", "~/linked-static"};

static void shell(const char *line)
{
	struct command command;

	desk_start_program(&command, ARGV("sh", "-c", line));
	assert_int_equal(command_wait(&command, WAIT_S), 0);
}

static void make_linked(void)
{
	desk_write_text("~/linked.c", linked);
	desk_write_text("~/linked.json", linked_config);
	shell("cd ~ && gcc -g -O1 -DWRONG=0 -o alone linked.c");
	for (size_t i = 0; i < ARRAY_SIZE(linked_builds); i++)
		shell(command_text("gcc -g -O1 -DWRONG=1 %s -o %s ~/linked.c $(PKG_CONFIG_PATH=@ pkg-config "
				   "--define-variable=libdir=@ --libs tapedeck-replay)",
				   i ? "-static" : "", linked_builds[i]));
	shell("rm -rf ~/linked.tape");
	DESK_EXPECT(0, NULL, NULL, "record", "-c", "~/linked.json", "--to", "file:~/linked.tape", "--",
		    "~/alone");
}

static void expect_linked_equal(const char *options)
{
	for (size_t i = 0; i < ARRAY_SIZE(linked_builds); i++) {
		autofree char *out = NULL;
		struct command command;

		desk_start_program(
			&command,
			ARGV("sh", "-c",
			     command_text(
				     "@/tapedeck equalize -c ~/linked.json --exe %s file:~/linked.tape %s",
				     linked_builds[i], options)));
		command_wait(&command, WAIT_S);
		out = command_file(command.out);
		if (command.status || !strstr(out, "2 replayed: 2 equal")) {
			autofree char *err = command_file(command.err);

			fail_msg("%s %s: %s%s", linked_builds[i], options, out, err);
		}
	}
}

static void inputs_that_wait_are_served_where_they_lie_in_the_program_too(void **state)
{
	make_linked();
	expect_linked_equal("");
	expect_linked_equal("--ready rate");
}

static void a_program_with_the_engine_in_it_is_ready_where_any_other_is(void **state)
{
	make_linked();
	expect_linked_equal("-- nothing");
	expect_linked_equal("--ready end -- nothing");
	expect_linked_equal("--init prepare -- to fail");
	expect_linked_equal("--ready main -- to fail");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_before_the_first_operation_are_a_recording_of_their_own),
		cmocka_unit_test(of_the_environment_what_is_named_is_recorded_and_no_secret),
		cmocka_unit_test(a_replay_starts_as_the_recorded_process_did),
		cmocka_unit_test(each_process_that_was_recorded_is_started_as_it_was),
		cmocka_unit_test(arguments_behind_the_dashes_win),
		cmocka_unit_test(threads_that_exist_at_ready_change_nothing),
		cmocka_unit_test(of_an_attached_process_the_arguments_are_known_and_no_calls),
		cmocka_unit_test(a_start_up_that_is_gone_is_said_and_runs_for_real),
		cmocka_unit_test(a_start_up_goes_along_when_recordings_are_copied),
		cmocka_unit_test(what_is_more_than_fits_is_counted),
		cmocka_unit_test(an_operation_inside_a_call_of_start_up_is_recorded),
		cmocka_unit_test(an_init_function_takes_the_place_of_main),
		cmocka_unit_test(what_no_two_runs_get_alike_is_said_with_what_serves_it),
		cmocka_unit_test(check_names_what_serve_comes_to_and_what_it_would_add),
		cmocka_unit_test(a_compiled_schema_serves_what_it_was_compiled_with),
		cmocka_unit_test(a_written_function_counts_instead_of_what_serve_stands_for),
		cmocka_unit_test(inputs_that_wait_are_served_where_they_lie_in_the_program_too),
		cmocka_unit_test(a_program_with_the_engine_in_it_is_ready_where_any_other_is),
	};

	return cmocka_run_group_tests(tests, setup, desk_teardown);
}
