// SPDX-License-Identifier: BSD-3-Clause
#include "tests/integration/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "lib/util.h"

#define PATHS_KEPT 64
#define PATH_LEN   512
#define WAIT_S	   60

static const char config[] =
	"{\n"
	"  \"service\": \"desk\",\n"
	"  \"operations\": {\n"
	"    \"answer_question\": {\n"
	"      \"args\": { \"answer\": { \"direction\": \"out\" } },\n"
	"      \"metadata\": { \"id\": \"question->id\", \"who\": \"question->who\" }\n"
	"    }\n"
	"  },\n"
	"  \"inputs\": { \"look_up\": { \"args\": { \"buf\": { \"direction\": \"out\", \"bytes\": \"return\" } } } },\n"
	"  \"outputs\": { \"send_answer\": { \"args\": { \"seal\": { \"bytes\": \"len\" } } } }\n"
	"}\n";

const char *desk_path(const char *text)
{
	static char kept[PATHS_KEPT][PATH_LEN];
	static unsigned at;
	char *out = kept[at++ % PATHS_KEPT];
	size_t len = 0;

	for (; *text && len < PATH_LEN - 1; text++) {
		const char *part = *text == '~' ? command_folder() : *text == '@' ? command_build() : NULL;

		if (part)
			len += snprintf(out + len, PATH_LEN - len, "%s", part);
		else
			out[len++] = *text;
	}
	assert_true(len < PATH_LEN);
	out[len] = '\0';
	return out;
}

static void expand(const char *out[DESK_ARGS_MAX + 1], const char *const args[], size_t cnt)
{
	for (; *args; args++) {
		assert_true(cnt < DESK_ARGS_MAX);
		out[cnt++] = desk_path(*args);
	}
	out[cnt] = NULL;
}

void desk_start(struct command *command, const char *const args[])
{
	const char *argv[DESK_ARGS_MAX + 1] = {desk_path("@/tapedeck")};

	expand(argv, args, 1);
	command_start(command, argv);
}

void desk_start_program(struct command *command, const char *const args[])
{
	const char *argv[DESK_ARGS_MAX + 1];

	expand(argv, args, 0);
	command_start(command, argv);
}

void desk_run(struct command *command, const char *const args[])
{
	desk_start(command, args);
	command_wait(command, WAIT_S);
}

void desk_expect(struct command *command, int status, const char *message, const char *hint)
{
	autofree char *said = NULL;

	command_wait(command, WAIT_S);
	said = command_file(command->err);
	if (command->status != status)
		fail_msg("status %d, not %d: %s", command->status, status, said);
	if (message && !strstr(said, desk_path(message)))
		fail_msg("'%s' is not in: %s", desk_path(message), said);
	if (hint && !strstr(said, desk_path(hint)))
		fail_msg("hint '%s' is not in: %s", desk_path(hint), said);
	/* One line that says what, and one at most that says what to do. */
	if (status >= 2 && strncmp(said, "tapedeck: ", 10) && !strstr(said, "\ntapedeck: "))
		fail_msg("no message: %s", said);
}

void desk_write(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

void desk_write_text(const char *path, const char *text)
{
	desk_write(desk_path(path), text, strlen(text));
}

size_t desk_ids(const char *url, char ids[][256], size_t max)
{
	autofree char *text = NULL;
	char *save, *line;
	struct command ls;
	size_t cnt = 0;

	desk_run(&ls, ARGV("ls", "--incomplete", url));
	desk_expect(&ls, 0, NULL, NULL);
	text = command_file(ls.out);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		assert_true(cnt < max);
		snprintf(ids[cnt++], 256, "%.*s", (int)strcspn(line, " "), line);
	}
	return cnt;
}

struct cJSON *desk_last_line(const struct command *command)
{
	autofree char *text = command_file(command->out);
	size_t len = strlen(text);
	cJSON *json;

	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	json = cJSON_Parse(strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text);
	if (!json)
		fail_msg("not JSON: %s", text);
	return json;
}

static void must(const char *const args[])
{
	struct command command;
	autofree char *said = NULL;

	desk_start_program(&command, args);
	if (!command_wait(&command, WAIT_S))
		return;
	said = command_file(command.err);
	fail_msg("%s ended with %d: %s", args[0], command.status, said);
}

#define SOURCE "tests/integration/victims/desk.c"

int desk_setup(void **state)
{
	struct command record;

	assert_int_equal(chmod(command_folder(), 0755), 0);
	must(ARGV("gcc", "-O2", "-g", "-o", "~/desk", SOURCE));
	must(ARGV("gcc", "-O2", "-g", "-DCHANGED", "-o", "~/desk-changed", SOURCE));
	must(ARGV("strip", "-o", "~/stripped", "~/desk"));
	must(ARGV("cp", "@/tapedeck", "~/tapedeck"));
	desk_write_text("~/desk.json", config);
	desk_run(&record,
		 ARGV("record", "-c", "~/desk.json", "--to", "file:~/tape", "--", "~/desk", "answer", "6"));
	desk_expect(&record, 0, NULL, NULL);
	return 0;
}

int desk_teardown(void **state)
{
	command_cleanup();
	return 0;
}
