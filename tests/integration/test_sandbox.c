// SPDX-License-Identifier: BSD-3-Clause
/* What a replayed operation may try, and what becomes of it: a verdict that says which function did what. And
 * how people look into it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/integration/desk.h"

#define LOOT "/usr/tapedeck-loot"

static const char config[] = "{ \"operations\": { \"act\": { \"metadata\": { \"deed\": \"deed\" } } } }";

static int inet_listener, unix_listener;
static char port[16], socket_path[100], treasure[100];

/* '#': the port; '@': the socket; '$': a file that is there. */
static const struct trial {
	const char *deed, *where, *verdict, *reason, *also;
} trials[] = {
	{"crash", "-", "failed", "SIGSEGV at address 0x8 in 'crash"},
	{"nothing", "-", "equal", ""},
	{"spin", "-", "failed", "the operation did not end within the time limit of 500 ms and was in 'spin"},
	{"sleep", "-", "failed", "did not end within the time limit of 500 ms", "called from 'sleeping"},
	{"exit", "-", "failed", "the program called exit(7) in 'leave"},
	{"abort", "-", "failed", "SIGABRT in", "called from 'give_up"},
	{"fork", "-", "failed", "the operation started more than 64 processes", "called from 'multiply"},
	{"grab", "-", "failed", "SIGSEGV at address 0x0 in 'grab",
	 "bytes of memory at once, which it asked for"},
	{"grab politely", "-", "different", "'return' differs",
	 "bytes of memory at once, which it asked for"},
	{"grow", "-", "failed", "SIGSEGV at address 0x0 in 'grow", "most of the sandbox's 8 GiB of memory"},
	{"connect", "#", "failed",
	 "socket() would have left the sandbox and was blocked called from 'call_home"},
	{"connect late", "#", "failed",
	 "connect() would have left the sandbox and was blocked called from "
	 "'call_home_late"},
	{"connect unix", "@", "failed", "socket() would have left", "called from 'call_neighbour"},
	{"write", LOOT, "failed",
	 "openat() of '" LOOT "' would have left the sandbox and was blocked called from "
	 "'scribble"},
	{"unlink", "$", "failed", "unlink() of '", "called from 'erase"},
	{"flip", "-"}, /* one or the other */
	{"nothing more", "-", "equal", ""},
};

static const char *where_of(const struct trial *trial)
{
	return *trial->where == '#'   ? port
	       : *trial->where == '@' ? socket_path
	       : *trial->where == '$' ? treasure
				      : trial->where;
}

static void listen_at_home(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(in);

	inet_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(inet_listener, (void *)&in, sizeof(in)), 0);
	assert_int_equal(listen(inet_listener, 5), 0);
	assert_int_equal(getsockname(inet_listener, (void *)&in, &len), 0);
	snprintf(port, sizeof(port), "%d", ntohs(in.sin_port));
	snprintf(socket_path, sizeof(socket_path), "%s", desk_path("~/home"));
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", socket_path);
	unix_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(unix_listener, (void *)&un, sizeof(un)), 0);
	assert_int_equal(listen(unix_listener, 5), 0);
}

static int setup(void **state)
{
	const char *args[6 + 2 * ARRAY_SIZE(trials) + 8] = {
		desk_path("@/tapedeck"),
		"record",
		"-c",
		desk_path("~/outlaw.json"),
		"--to",
		desk_path("file:~/deeds"),
		"--",
		desk_path("@/tests/integration/victims/outlaw-lawful")};
	struct command command;
	size_t cnt = 8;

	listen_at_home();
	snprintf(treasure, sizeof(treasure), "/usr/tapedeck-treasure");
	desk_write(treasure, "gold", 4);
	desk_write_text("~/outlaw.json", config);
	for (size_t i = 0; i < ARRAY_SIZE(trials); i++) {
		args[cnt++] = trials[i].deed;
		args[cnt++] = where_of(&trials[i]);
	}
	command_must(&command, args, 0, 30);
	return 0;
}

static int teardown(void **state)
{
	close(inet_listener);
	close(unix_listener);
	unlink(treasure);
	unlink(LOOT);
	command_cleanup();
	return 0;
}

static const char *str(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name)) ?: "(none)";
}

/* The deed that is in a recording's metadata. */
static const struct trial *trial_of(const char *id)
{
	char path[PATH_MAX];
	autofree char *text = NULL;
	auto_cjson cJSON *json = NULL;

	snprintf(path, sizeof(path), "%s/%s", desk_path("~/deeds/tape_recorder_recordings/metadata"), id);
	text = command_file(path);
	json = cJSON_Parse(text);
	for (size_t i = 0; i < ARRAY_SIZE(trials); i++)
		if (!strcmp(trials[i].deed, str(cJSON_GetObjectItemCaseSensitive(json, "user"), "deed")))
			return &trials[i];
	fail_msg("no deed is of recording %s", id);
	return NULL;
}

static void check(const cJSON *line)
{
	const struct trial *trial = trial_of(str(line, "id"));
	const char *reason = str(line, "reason");

	if (!trial->verdict)
		return;
	if (strcmp(str(line, "verdict"), trial->verdict) || !strstr(reason, trial->reason) ||
	    (trial->also && !strstr(reason, trial->also)))
		print_error("%s: %s: %s\n", trial->deed, str(line, "verdict"), reason);
	assert_string_equal(str(line, "verdict"), trial->verdict);
	assert_non_null(strstr(reason, trial->reason));
	if (trial->also)
		assert_non_null(strstr(reason, trial->also));
}

static void whatever_it_does_is_a_verdict_with_its_place(void **state)
{
	struct command command;
	autofree char *text = NULL;
	char *save, *line;
	size_t cnt = 0;

	desk_run(&command,
		 ARGV("equalize", "-c", "~/outlaw.json", "--exe", "@/tests/integration/victims/outlaw",
		      "--timeout", "500ms", "--jobs", "1", "--json", "file:~/deeds", "--", "-", "-"));
	desk_expect(&command, 1, NULL, NULL);
	text = command_file(command.out);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		auto_cjson cJSON *json = cJSON_Parse(line);

		if (strcmp(str(json, "type"), "comparison"))
			continue;
		check(json);
		cnt++;
	}
	assert_int_equal(cnt, ARRAY_SIZE(trials));
}

static void nothing_escaped(void **state)
{
	struct stat st;

	assert_int_equal(accept(inet_listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(accept(unix_listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(stat(LOOT, &st), -1);
	assert_int_equal(stat(treasure, &st), 0);
	assert_int_equal(st.st_size, 4);
}

/* --- people at a desk --- */

/* The id of the recording of @deed. */
static const char *id_of(const char *deed)
{
	struct command command;
	autofree char *text = NULL;

	desk_run(&command, ARGV("ls", "file:~/deeds", "--where", command_text("deed=%s", deed)));
	text = command_file(command.out);
	return command_text("%.*s", (int)strcspn(text, " \n"), text);
}

static const char *outlaw(void)
{
	return desk_path("@/tests/integration/victims/outlaw");
}

static void repeating_finds_what_is_flaky(void **state)
{
	struct command command;

	desk_run(&command, ARGV("replay", "-c", "~/outlaw.json", "--exe", outlaw(), "file:~/deeds",
				id_of("flip"), "--repeat", "40", "--", "-", "-"));
	desk_expect(&command, 1, NULL, NULL);
	assert_true(command_says(&command, "40 replayed: ", 1));
	assert_true(
		command_says(&command, "flaky: the same recording and the same build came out in 2 ways", 1));
	desk_run(&command, ARGV("replay", "-c", "~/outlaw.json", "--exe", outlaw(), "file:~/deeds",
				id_of("nothing"), "--repeat", "8", "--", "-", "-"));
	desk_expect(&command, 0, NULL, NULL);
	assert_true(command_says(&command, "8 replayed: 8 equal", 1));
	assert_false(command_says(&command, "flaky", 1));
}

static void a_kept_folder_is_there_and_named(void **state)
{
	static const char note[] = "note: the program's folder is kept: ";
	struct command command;
	autofree char *said = NULL;
	char *at;

	desk_run(&command, ARGV("replay", "-c", "~/outlaw.json", "--exe", outlaw(), "file:~/deeds",
				id_of("nothing"), "--keep", "--", "-", "-"));
	desk_expect(&command, 0, note, NULL);
	said = command_file(command.err);
	at = strstr(said, note) + strlen(note);
	at[strcspn(at, "\n")] = '\0';
	assert_int_equal(access(command_text("%s/stderr", at), R_OK), 0);
	command_must(&command, ARGV("rm", "-r", at), 0, 5);
}

static void gdb_stops_in_the_operation_with_the_recording_loaded(void **state)
{
	static const char *const words[] = {
		"act (deed=0x",
		"\"crash\"",
		"Program received signal SIGSEGV",
		"in crash (",
		"failed (recorded in ",
		": SIGSEGV at address 0x8 in 'crash",
	};
	struct command command;
	const char *line = command_text("printf 'bt\\ncontinue\\nbt\\ncontinue\\nquit\\n' | "
					"%s replay --gdb -c %s --exe %s %s %s -- - -",
					desk_path("@/tapedeck"), desk_path("~/outlaw.json"), outlaw(),
					desk_path("file:~/deeds"), id_of("crash"));

	command_run(&command, ARGV("sh", "-c", line), 60);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!command_says(&command, words[i], 1)) {
			autofree char *out = command_file(command.out);

			fail_msg("'%s' is not in: %s", words[i], out);
		}
	assert_int_equal(command.status, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_it_does_is_a_verdict_with_its_place),
		cmocka_unit_test(nothing_escaped),
		cmocka_unit_test(repeating_finds_what_is_flaky),
		cmocka_unit_test(a_kept_folder_is_there_and_named),
		cmocka_unit_test(gdb_stops_in_the_operation_with_the_recording_loaded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
