// SPDX-License-Identifier: BSD-3-Clause
/* What a sanitizer of the build reports is the verdict; a build that it finds nothing in is compared as any
 * other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/integration/desk.h"

#define QUIET "-DLINES=0"
#define LOUD  "-DLINES=50000" /* of 46 bytes */

static const char source[] = "#include <stdlib.h>\n"
			     "#include <limits.h>\n"
			     "#include <stdio.h>\n"
			     "struct item { int price, cnt; };\n"
			     "__attribute__((noinline)) struct item *get(int n)\n"
			     "{\n"
			     "	struct item *item = calloc(n, sizeof(*item));\n"
			     "	item->price = INT_MAX - 3;\n"
			     "	item->cnt = 1;\n"
			     "	return item;\n"
			     "}\n"
			     "__attribute__((noinline)) int handle(int n)\n"
			     "{\n"
			     "	struct item *item = get(n);\n"
			     "	int sum = item->price; for (int i = 0; i < LINES; i++) fputs(LINE, stderr);\n"
			     "#ifdef OVERFLOW\n"
			     "	sum += n;\n"
			     "	sum -= n;\n"
			     "#endif\n"
			     "#ifdef UNSET\n"
			     "	int unset; if (*(volatile int *)&unset == n) sum++;\n"
			     "#endif\n"
			     "	free(item);\n"
			     "#ifdef FREED\n"
			     "	sum += item->cnt - item->cnt;\n"
			     "	*(volatile int *)&item->price = sum;\n"
			     "#endif\n"
			     "	return sum;\n"
			     "}\n"
			     "int main(void) { return handle(10) == INT_MAX - 3 ? 0 : 1; }\n";

static const char config[] = "{\"operations\": {\"handle\": {}}, \"inputs\": {\"get\": {}}}\n";

static void compile(const char *cc, const char *name, const char *flags, const char *defines,
		    const char *lines)
{
	struct command command;

	desk_start_program(&command, ARGV(cc, "-g", "-O0", flags, defines, lines,
					  "-DLINE=\"the program says more than anybody would read\\n\"", "-o",
					  name, "~/san.c"));
	assert_int_equal(command_wait(&command, 60), 0);
}

static void what_a_sanitizer_reports_is_the_verdict(void **state)
{
	static const struct {
		const char *cc, *flags, *defines, *words, *lines;
	} cases[] = {
		{"gcc", "-fsanitize=address", "-DFREED",
		 "failed|AddressSanitizer: heap-use-after-free |san.c:26"},
		{"clang", "-fsanitize=address", "-DFREED", "failed|AddressSanitizer: heap-use-after-free "},
		{"gcc", "-fsanitize=undefined", "-DOVERFLOW",
		 "failed|san.c:17:6: runtime error: signed integer overflow"},
		{"clang", "-fsanitize=undefined", "-DOVERFLOW",
		 "failed|san.c:17:6: runtime error: signed integer overflow"},
		{"gcc", "-fsanitize=undefined", "-DOVERFLOW",
		 "failed|san.c:17:6: runtime error: signed integer overflow", LOUD},
		{"gcc", "-fsanitize=address,undefined", "-DNONE", "equal"},
		{"clang", "-fsanitize=address,undefined", "-DNONE", "equal"},
		{"clang", "-fsanitize=thread", "-DNONE", "equal"},
		{"clang", "-fsanitize=memory", "-DNONE", "equal"},
		{"clang", "-fsanitize=memory", "-DUNSET",
		 "failed|MemorySanitizer: use-of-uninitialized-value "},
	};
	static char ids[2][256];

	desk_write_text("~/san.c", source);
	desk_write_text("~/san.json", config);
	compile("gcc", "~/san", "-O1", "-DNONE", QUIET);
	DESK_EXPECT(0, NULL, NULL, "record", "-c", "~/san.json", "--to", "file:~/san.tape", "--", "~/san");
	assert_int_equal(desk_ids("file:~/san.tape", ids, 2), 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *said = NULL, *words = strdup(cases[i].words);
		struct command command;

		compile(cases[i].cc, "~/san-now", cases[i].flags, cases[i].defines, cases[i].lines ?: QUIET);
		desk_run(&command,
			 ARGV("replay", "-c", "~/san.json", "--exe", "~/san-now", "file:~/san.tape", ids[0]));
		said = command_file(command.out);
		for (char *word = strtok(words, "|"); word; word = strtok(NULL, "|"))
			if (!strstr(said, word))
				fail_msg("%s %s: no '%s' in: %s", cases[i].cc, cases[i].flags, word, said);
	}
}

static void what_valgrind_reports_is_the_verdict(void **state)
{
	static char ids[2][256];

	assert_int_equal(desk_ids("file:~/san.tape", ids, 2), 1);
	for (int is_wrong = 0; is_wrong < 2; is_wrong++) {
		const char *want =
			is_wrong ? ": valgrind: Invalid write of size 4 at san.c:26 in handle" : ": equal";
		autofree char *said = NULL;
		struct command command;

		compile("gcc", "~/san-now", "-O0", is_wrong ? "-DFREED" : "-DNONE", QUIET);
		desk_run(&command, ARGV("replay", "--valgrind", "-c", "~/san.json", "--exe", "~/san-now",
					"file:~/san.tape", ids[0]));
		said = command_file(command.out);
		assert_int_equal(command.status, is_wrong);
		if (!strstr(said, want))
			fail_msg("no '%s' in: %s", want, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_sanitizer_reports_is_the_verdict),
		cmocka_unit_test(what_valgrind_reports_is_the_verdict),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
