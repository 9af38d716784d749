// SPDX-License-Identifier: BSD-3-Clause
#include "lib/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define TIMEOUT_S 60

static const char source[] = "#include <tapedeck/mark.h>\n"
			     "int main(int argc, char **argv)\n"
			     "{\n"
			     "	char id[TAPEDECK_ID_BYTES];\n"
			     "	tapedeck_data(\"k\", &argc, sizeof(argc));\n"
			     "	tapedeck_play_data(\"k\", &argc, sizeof(argc));\n"
			     "	tapedeck_record_data(\"k\", &argc, sizeof(argc));\n"
			     "	tapedeck_output(\"k\", &argc, sizeof(argc));\n"
			     "	tapedeck_metadata(\"k\", argv[0]);\n"
			     "	tapedeck_keep();\n"
			     "	tapedeck_discard();\n"
			     "	return *tapedeck_recording_id(id) + tapedeck_mode();\n"
			     "}\n";

static const unsigned wanted[PLAN_MARK_CNT][4] = {
	/* How many sites are listened to: never, recording, replaying, both. */
	[PLAN_MARK_DATA] = {0, 1, 1, 1},     [PLAN_MARK_OUTPUT] = {0, 0, 0, 1},
	[PLAN_MARK_METADATA] = {0, 1, 0, 0}, [PLAN_MARK_DISCARD] = {0, 1, 0, 0},
	[PLAN_MARK_KEEP] = {0, 1, 0, 0},     [PLAN_MARK_ASK] = {0, 0, 0, 1},
};

static void shell(const char *line)
{
	struct command command;

	command_must(&command, ARGV("sh", "-c", line), 0, TIMEOUT_S);
}

/* Compiled by @cc with @flags, and then handed to @after, a shell line in which $F is the file. */
static const char *built(const char *cc, const char *flags, const char *after)
{
	const char *path = command_text("%s/program", command_folder());

	shell(command_text("%s %s -I%s/include -o %s %s/source.c && F=%s && %s", cc, flags, command_build(),
			   path, command_folder(), path, after));
	return path;
}

static size_t find(struct mark_site **sites, const char *path)
{
	auto_object struct object *object = NULL;
	struct err err = {};
	size_t cnt = 0;

	*sites = NULL;
	if (object_open(&object, path, &err) || marks_find(sites, &cnt, object, &err))
		fail_msg("%s", err.msg);
	return cnt;
}

static void assert_all(const char *path)
{
	autofree struct mark_site *sites = NULL;
	unsigned got[PLAN_MARK_CNT][4] = {};
	size_t cnt = find(&sites, path);

	for (size_t i = 0; i < cnt; i++) {
		assert_false(sites[i].is_stale);
		got[sites[i].mark][sites[i].use]++;
	}
	assert_memory_equal(got, wanted, sizeof(got));
}

static void every_mark_is_found_in_every_build(void **state)
{
	static const struct {
		const char *cc, *flags, *after;
	} builds[] = {
		{"gcc", "-O2", "true"},
		{"gcc", "-O0 -fno-pie -no-pie", "true"},
		{"gcc", "-O2 -static", "true"},
		{"gcc", "-O2 -flto", "true"},
		{"gcc", "-O2 -std=c89 -pedantic -Wall -Wextra -Werror", "strip $F"},
		{"clang", "-O2 -Wall -Wextra -Werror", "strip $F"},
		{"clang", "-O0", "objcopy --strip-all $F"},
		{"g++", "-O2 -x c++ -std=c++98 -Wall -Wextra -Werror", "true"},
		{"clang++", "-O0 -x c++ -Wall -Wextra -Werror", "true"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		print_message("  %s %s\n", builds[i].cc, builds[i].flags);
		assert_all(built(builds[i].cc, builds[i].flags, builds[i].after));
	}
}

static void a_file_without_notes_has_none(void **state)
{
	autofree struct mark_site *sites = NULL, *none = NULL;

	assert_int_equal(find(&sites, "/proc/self/exe"), 0);
	assert_null(sites);
	assert_int_equal(find(&none, built("gcc", "-O2", "objcopy --remove-section .note.stapsdt $F")), 0);
}

static void notes_of_others_and_what_is_cut_are_passed_over(void **state)
{
	static const char *const cuts[] = {
		"head -c 100", "head -c 3",	     "head -c 12",	     "head -c 61",
		"tail -c +9",  "tr stapsdt spatsdt", "tr tapedeck tapedesk", "tr '\\001-\\077' '\\377'"};

	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		autofree struct mark_site *sites = NULL;
		const char *after = command_text(
			"objcopy -O binary --only-section=.note.stapsdt --set-section-flags .note.stapsdt=alloc "
			"$F $F.note && %s < $F.note > $F.cut && objcopy --update-section .note.stapsdt=$F.cut $F",
			cuts[i]);

		assert_in_range(find(&sites, built("gcc", "-O2", after)), 0, 1);
	}
}

/* As a rewriter of code may do, that knows nothing of these notes. */
#define MOVED                                                                                                \
	"LC_ALL=C sed -i 's/\\x0f\\x1f\\x44\\x00\\x00\\x48\\x8d/\\x90\\x90\\x90\\x90\\x90\\x48\\x8d/' $F"

static void a_note_that_leads_elsewhere_is_stale(void **state)
{
	autofree struct mark_site *sites = NULL;
	const char *path = built(
		"gcc", "-O2",
		"LC_ALL=C sed -i 's/\\x0f\\x1f\\x44\\x00\\x00\\x48\\x8d/\\x90\\x90\\x90\\x90\\x90\\x48\\x8d/' $F");
	size_t cnt = find(&sites, path), stale = 0;

	for (size_t i = 0; i < cnt; i++)
		stale += sites[i].is_stale;
	assert_int_not_equal(stale, 0);
}

static struct program *opened(struct config *config, const char *path)
{
	struct program_file *files = NULL;
	struct program *program = NULL;
	struct err err = {};
	size_t cnt = 0;

	if (program_files(&files, &cnt, path, &err) || program_open(&program, config, files, cnt, &err) ||
	    program_recordable(program, &err))
		fail_msg("%s", err.msg);
	return program;
}

static size_t functions_of(const struct program *program)
{
	size_t cnt = 0;

	for (size_t i = 0; i < program->funcs_cnt; i++)
		cnt += program->funcs[i].config->mark != PLAN_MARK_NONE;
	return cnt;
}

/* As bisect has it: build after build. */
static void one_configuration_serves_programs_with_marks_and_without(void **state)
{
	static const char text[] = "{\"operations\": {\"main\": {}}}";
	auto_config struct config *config = NULL;
	auto_program struct program *with = NULL, *again = NULL, *without = NULL;
	const struct program_func *func;

	assert_int_equal(config_parse(&config, "t.json", text, strlen(text), NULL), 0);
	with = opened(config, built("gcc", "-g -O2", "cp $F $F.with"));
	assert_int_equal(functions_of(with), PLAN_MARK_CNT - 1);
	func = &with->funcs[1];
	assert_int_equal(func->config->mark, PLAN_MARK_DATA);
	assert_string_equal(func->config->name, "tapedeck:data");
	assert_string_equal(func->config->alias, "tapedeck.data");
	assert_int_equal(func->stubs_cnt, 2);
	again = opened(config, command_text("%s/program.with", command_folder()));
	assert_int_equal(functions_of(again), PLAN_MARK_CNT - 1);
	without = opened(config, built("gcc", "-g -O2", "objcopy --remove-section .note.stapsdt $F"));
	assert_int_equal(functions_of(without), PLAN_MARK_CNT - 1);
	assert_int_equal(without->funcs[1].stubs_cnt, 0);
	assert_string_equal(without->funcs[1].warning, "no file of the program has this mark");
	assert_ptr_equal(with->funcs[1].config, &config->funcs[1]);
}

static void what_was_moved_away_from_its_note_is_warned_of(void **state)
{
	static const char text[] = "{\"operations\": {\"main\": {}}}";
	auto_config struct config *config = NULL;
	auto_program struct program *program = NULL;
	size_t warned = 0;

	assert_int_equal(config_parse(&config, "t.json", text, strlen(text), NULL), 0);
	program = opened(config, built("gcc", "-g -O2", MOVED));
	for (size_t i = 0; i < program->funcs_cnt; i++)
		warned += strstr(program->funcs[i].warning, "not where their notes say") != NULL;
	assert_int_not_equal(warned, 0);
}

static void names_lead_both_ways(void **state)
{
	for (int i = PLAN_MARK_NONE + 1; i < PLAN_MARK_CNT; i++) {
		assert_int_equal(mark_named(mark_name(i)), i);
		assert_int_equal(mark_of_alias(command_text("tapedeck.%s", mark_name(i))), i);
	}
	assert_int_equal(mark_named("nothing"), PLAN_MARK_NONE);
	assert_int_equal(mark_of_alias("tapedeck"), PLAN_MARK_NONE);
	assert_int_equal(mark_of_alias("tapedecks.data"), PLAN_MARK_NONE);
	assert_int_equal(mark_of_alias("data"), PLAN_MARK_NONE);
}

static int setup(void **state)
{
	FILE *out = fopen(command_text("%s/source.c", command_folder()), "w");

	if (!out)
		return -1;
	fputs(source, out);
	return fclose(out);
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mark_is_found_in_every_build),
		cmocka_unit_test(a_file_without_notes_has_none),
		cmocka_unit_test(notes_of_others_and_what_is_cut_are_passed_over),
		cmocka_unit_test(a_note_that_leads_elsewhere_is_stale),
		cmocka_unit_test(one_configuration_serves_programs_with_marks_and_without),
		cmocka_unit_test(what_was_moved_away_from_its_note_is_warned_of),
		cmocka_unit_test(names_lead_both_ways),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
