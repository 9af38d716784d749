// SPDX-License-Identifier: BSD-3-Clause
/* The golden orders as tests in C: built with the example's own objects, by two compilers, with every warning
 * an error. */
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
#define ONE	  "214b14c69d95afea4834105a1d1616a3" /* that the regressed build turns out otherwise */
#define TIMEOUT_S 120

/* $1: a folder, $2: a compiler, $3: a flag of the example. Its objects, with what is static in them shown. */
static const char build_objects[] =
	"set -e\n"
	"for f in ordersd orders store notify journal; do\n"
	"  $2 -std=gnu11 -O0 -g $3 -c examples/orders/$f.c -o $1/$f.o\n"
	"done\n"
	"objcopy --redefine-sym main=program_main $1/ordersd.o\n"
	"objcopy --globalize-symbol=rate_lookup --globalize-symbol=bonus_points $1/orders.o\n";

/* $1: a folder, $2: a compiler. As the test's first lines say. */
static const char build_test[] =
	"$2 -Wall -Wextra -Werror -g $1/test.c $1/*.o $(grep -o -- '-Wl,--wrap=[a-z_]*' $1/test.c) -lcmocka -lsqlite3 "
	"-lpthread -o $1/test\n";

static struct command last;

static void export(const char *id)
{
	command_must(&last,
		     ARGV(command_text("%s/tapedeck", command_build()), "export", "--c-test", TAPE, id, "-o",
			  command_text("%s/test.c", command_folder())),
		     0, TIMEOUT_S);
}

static void shell(const char *script, const char *compiler, const char *flag)
{
	command_must(&last, ARGV("sh", "-c", script, "sh", command_folder(), compiler, flag), 0, TIMEOUT_S);
}

static int run_it(void)
{
	return command_run(&last, ARGV(command_text("%s/test", command_folder())), TIMEOUT_S);
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

static void the_test_passes_with_the_recorded_code_and_fails_with_the_regressed(void **state)
{
	static const char *const compilers[] = {"gcc", "clang"};
	autofree char *said = NULL;

	export(ONE);
	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		shell(build_objects, compilers[i], "-DPLAIN");
		shell(build_test, compilers[i], "");
		assert_int_equal(run_it(), 0);
		shell(build_objects, compilers[i], "-DREGRESSED");
		shell(build_test, compilers[i], "");
		assert_int_equal(run_it(), 1);
	}
	said = command_file(last.err);
	assert_non_null(strstr(said, "0x28d20 != 0x28d21")); /* cents: 167200, and 167201 as recorded */
}

static void every_golden_order_is_a_test_that_passes(void **state)
{
	autofree char *listed = NULL;
	int cnt = 0;

	shell(build_objects, "gcc", "-DPLAIN");
	command_must(&last, ARGV(command_text("%s/tapedeck", command_build()), "ls", TAPE), 0, TIMEOUT_S);
	listed = command_file(last.out);
	for (char *line = strtok(listed, "\n"); line; line = strtok(NULL, "\n"), cnt++) {
		export(command_text("%.*s", (int)strcspn(line, " \t"), line));
		shell(build_test, "gcc", "");
		assert_int_equal(run_it(), 0);
	}
	assert_int_equal(cnt, 24);
}

static const char logging[] =
	"#include <stdarg.h>\n#include <stdio.h>\n"
	"__attribute__((noinline)) int tell(int level, const char *fmt, ...) { va_list ap; va_start(ap, fmt);\n"
	"  int n = vprintf(fmt, ap); va_end(ap); return n + level; }\n"
	"__attribute__((noinline)) int handle(int n) { char raw[3] = {'a', 'b', 'c'}; int sum = tell(1, \"none\\n\");\n"
	"  return sum + tell(2, \"%s %d %hhd %.3f %.*s %ld %p %llu %c %Lg\\n\", \"text\", n + WRONG, n, n / 8.0, 3, raw, -5L,\n"
	"    (void *)0, 1ull << 40, 'x', 1.5L); }\n"
	"int main(void) { return handle(300) < 0; }\n";

/* $1: a folder, $2: tapedeck */
static const char export_logging[] =
	"set -e\n"
	"cd $1\n"
	"echo '{\"operations\": {\"handle\": {}}, \"outputs\": {\"tell\": {\"args\": {\"fmt\": {\"format\": true}}}}}' > tell.json\n"
	"gcc -g -DWRONG=0 tell.c -o tell\n"
	"$2 record -c tell.json --to file:tell.tape -- ./tell\n"
	"$2 export --c-test -o tell_test.c file:tell.tape $($2 ls file:tell.tape | cut -d' ' -f1)\n"
	"for wrong in 0 1; do\n"
	"  gcc -g -DWRONG=$wrong -Dmain=program_main -c tell.c -o tell.o\n"
	"  gcc -Wall -Wextra -Werror -g tell_test.c tell.o -Wl,--wrap=tell -Wl,--wrap=free -lcmocka -o tell_test_$wrong\n"
	"done\n"
	"./tell_test_0\n"
	"! ./tell_test_1\n";

static void what_a_format_tells_of_is_checked_by_type(void **state)
{
	FILE *file = fopen(command_text("%s/tell.c", command_folder()), "we");

	assert_non_null(file);
	assert_true(fputs(logging, file) > 0 && !fclose(file));
	shell(export_logging, command_text("%s/tapedeck", command_build()), "");
}

static void a_trace_has_a_slice_for_the_operation_and_each_call(void **state)
{
	autofree char *text = NULL;
	auto_cjson cJSON *trace = NULL;
	const cJSON *event, *events;
	int slices = 0;

	command_must(&last,
		     ARGV(command_text("%s/tapedeck", command_build()), "export", "--trace", TAPE, ONE), 0,
		     TIMEOUT_S);
	text = command_file(last.out);
	trace = cJSON_Parse(text);
	events = cJSON_GetObjectItem(trace, "traceEvents");
	cJSON_ArrayForEach(event, events)
	{
		if (strcmp(cJSON_GetObjectItem(event, "ph")->valuestring, "X"))
			continue;
		if (!slices++)
			assert_string_equal(cJSON_GetObjectItem(event, "name")->valuestring, "handle_order");
		assert_true(cJSON_GetObjectItem(event, "dur")->valuedouble > 0);
		assert_non_null(cJSON_GetObjectItem(cJSON_GetObjectItem(event, "args"), "args"));
	}
	assert_int_equal(slices, 9);
}

static void what_cannot_be_exported_is_said(void **state)
{
	static const struct {
		const char *args[4], *said;
		int status;
	} cases[] = {
		{{TAPE, ONE}, "'export' needs one of --c-test, --trace and --json", 2},
		{{"--json", "--trace", TAPE, ONE}, "'export' needs one of --c-test, --trace and --json", 2},
		{{"--json", TAPE, "00000000000000000000000000000000"},
		 "no recording '00000000000000000000000000000000'",
		 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *argv[8] = {command_text("%s/tapedeck", command_build()), "export"};
		autofree char *said = NULL;

		for (size_t k = 0; k < ARRAY_SIZE(cases[i].args); k++)
			argv[2 + k] = cases[i].args[k];
		command_must(&last, argv, cases[i].status, TIMEOUT_S);
		said = command_file(last.err);
		if (!strstr(said, cases[i].said))
			fail_msg("%s", said);
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_test_passes_with_the_recorded_code_and_fails_with_the_regressed),
		TEST(every_golden_order_is_a_test_that_passes),
		TEST(what_a_format_tells_of_is_checked_by_type),
		TEST(a_trace_has_a_slice_for_the_operation_and_each_call),
		TEST(what_cannot_be_exported_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
