// SPDX-License-Identifier: BSD-3-Clause
/* Cassettes that someone else has been at: refused with the reason, one by one, and never a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/integration/desk.h"

#define C    "-c", "~/desk.json"
#define ROOT "tape_recorder_recordings"

static char ids[DESK_RECORDINGS][256];
static char file[512]; /* of the first recording */
static uint8_t *whole;
static size_t whole_len;

static void shell(const char *command)
{
	struct command sh;

	desk_start_program(&sh, ARGV("sh", "-c", command));
	assert_int_equal(command_wait(&sh, 20), 0);
}

static int a_copy(void **state)
{
	FILE *in;
	struct stat st;

	shell("rm -rf ~/copy && cp -r ~/tape ~/copy");
	assert_int_equal(desk_ids("file:~/copy", ids, DESK_RECORDINGS), DESK_RECORDINGS);
	snprintf(file, sizeof(file), "%s/" ROOT "/full/%s", desk_path("~/copy"), ids[0]);
	assert_int_equal(stat(file, &st), 0);
	whole_len = st.st_size;
	whole = realloc(whole, whole_len);
	in = fopen(file, "r");
	assert_non_null(in);
	assert_int_equal(fread(whole, 1, whole_len, in), whole_len);
	fclose(in);
	return 0;
}

static void is_refused(const char *message)
{
	struct command show;
	autofree char *out = NULL;

	desk_run(&show, ARGV("show", "file:~/copy", ids[0]));
	desk_expect(&show, 3, message, NULL);
	out = command_file(show.out);
	assert_string_equal(out, "");
	desk_run(&show, ARGV("show", "file:~/copy", ids[0], "--json"));
	desk_expect(&show, 3, message, NULL);
}

static unsigned total_of(const struct command *command, const char *name)
{
	auto_cjson cJSON *summary = desk_last_line(command);

	return cJSON_GetNumberValue(cJSON_GetObjectItem(summary, name));
}

/* The damaged one is counted, the others are replayed, and ls lists them all. */
static void the_others_go_on(unsigned failures)
{
	struct command equalize;
	char listed[DESK_RECORDINGS][256];

	assert_int_equal(desk_ids("file:~/copy", listed, DESK_RECORDINGS), DESK_RECORDINGS);
	desk_run(&equalize, ARGV("equalize", C, "--exe", "~/desk", "file:~/copy", "--json"));
	desk_expect(&equalize, 1, NULL, NULL);
	assert_int_equal(total_of(&equalize, "total"), DESK_RECORDINGS);
	assert_int_equal(total_of(&equalize, "equalizer_failure"), failures);
	assert_int_equal(total_of(&equalize, "equal"), DESK_RECORDINGS - failures);
}

static void a_torn_recording_is_refused_and_the_others_go_on(void **state)
{
	const size_t lengths[] = {0, 1, 7, 63, 64, 65, whole_len / 2, whole_len - 1};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		desk_write(file, whole, lengths[i]);
		is_refused("torn: ");
	}
	the_others_go_on(1);
}

static void a_foreign_recording_is_refused_and_the_others_go_on(void **state)
{
	static const char *const foreign[] = {"hello\n", "{\"json\": true}",
					      "\x7f"
					      "ELF\2\1\1"};

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		desk_write(file, foreign[i], strlen(foreign[i]));
		is_refused("not a recording");
	}
	the_others_go_on(1);
}

#define FLIPS 40

static void a_flipped_bit_anywhere_is_refused(void **state)
{
	for (size_t i = 0; i < FLIPS; i++) {
		size_t at = i < 16 ? i : i * whole_len / FLIPS;

		whole[at] ^= 1 << i % 8;
		desk_write(file, whole, whole_len);
		whole[at] ^= 1 << i % 8;
		is_refused(ids[0]);
	}
	the_others_go_on(1);
}

static void what_is_no_file_is_refused(void **state)
{
	char command[1200];

	snprintf(command, sizeof(command), "rm %s && mkdir %s", file, file);
	shell(command);
	is_refused("not a regular file");
	snprintf(command, sizeof(command), "rmdir %s && mkfifo %s", file, file);
	shell(command);
	is_refused("not a regular file");
	snprintf(command, sizeof(command), "rm %s && ln -s /dev/zero %s", file, file);
	shell(command);
	is_refused("symbolic links");
	snprintf(command, sizeof(command), "rm %s", file);
	shell(command);
	is_refused("no recording");
	the_others_go_on(1);
}

static void a_damaged_schema_is_refused_for_all_that_need_it(void **state)
{
	struct command equalize;

	shell("for f in ~/copy/schema/*; do printf x | dd of=$f bs=1 seek=30 conv=notrunc 2>/dev/null; done");
	is_refused("is damaged");
	the_others_go_on(DESK_RECORDINGS);
	shell("rm ~/copy/schema/*");
	is_refused("no schema");
	desk_run(&equalize, ARGV("equalize", C, "--exe", "~/desk", "file:~/copy"));
	desk_expect(&equalize, 1, NULL, NULL);
}

static void metadata_that_cannot_be_read_is_counted(void **state)
{
	static const char *const foreign[] = {"", "{", "[]", "\xff\xfe"};
	struct command command;
	char path[600];

	snprintf(path, sizeof(path), "%s/" ROOT "/metadata/%s", desk_path("~/copy"), ids[0]);
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		desk_write(path, foreign[i], strlen(foreign[i]));
		DESK_EXPECT(0, "1 recording has metadata that cannot be read", NULL, "ls", "file:~/copy");
		desk_run(&command, ARGV("equalize", C, "--exe", "~/desk", "file:~/copy", "--json"));
		desk_expect(&command, 1, NULL, NULL);
		assert_int_equal(total_of(&command, "equal"), DESK_RECORDINGS - 1);
		assert_int_equal(total_of(&command, "equalizer_failure"), 1);
	}
}

static void what_a_cassette_says_cannot_steer_the_terminal(void **state)
{
	struct command ls;
	autofree char *out = NULL;
	char path[600];

	snprintf(path, sizeof(path), "%s/" ROOT "/metadata/%s", desk_path("~/copy"), ids[0]);
	desk_write_text(path, "{\"complete\": true, \"recorded_at\": \"\\u001b[2J\","
			      " \"user\": {\"a\\u001b[2J\": \"\\u001b[2J\"}}");
	desk_run(&ls, ARGV("ls", "file:~/copy"));
	desk_expect(&ls, 0, NULL, NULL);
	out = command_file(ls.out);
	assert_non_null(strstr(out, "\\x1b[2J=\"\\u001b[2J\""));
	assert_null(strchr(out, '\x1b'));
}

#define TEST(name) cmocka_unit_test_setup(name, a_copy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_torn_recording_is_refused_and_the_others_go_on),
		TEST(a_foreign_recording_is_refused_and_the_others_go_on),
		TEST(a_flipped_bit_anywhere_is_refused),
		TEST(what_is_no_file_is_refused),
		TEST(a_damaged_schema_is_refused_for_all_that_need_it),
		TEST(metadata_that_cannot_be_read_is_counted),
		TEST(what_a_cassette_says_cannot_steer_the_terminal),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
