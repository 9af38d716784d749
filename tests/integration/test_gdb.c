// SPDX-License-Identifier: BSD-3-Clause
/* --gdb, --repeat and --keep on a plug-in that the program loads, and on a static program with the engine in
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/integration/desk.h"

#define WAIT_S 60

/* get is too short for a jump: it is intercepted by a breakpoint, which must not be gdb's. */
static const char shop[] = "#include <stddef.h>\n"
			   "__attribute__((noipa)) int get(int n) { return n * 3; }\n"
			   "__attribute__((noipa)) int handle(int n)\n"
			   "{\n"
			   "	int got = get(n);\n"
			   "	return got == WRONG ? *(volatile int *)NULL : got + 1;\n"
			   "}\n";
static const char host[] = "#include <dlfcn.h>\n"
			   "int main(void)\n"
			   "{\n"
			   "	void *lib = dlopen(\"libshop.so\", RTLD_NOW | RTLD_LOCAL);\n"
			   "	int (*handle)(int) = dlsym(lib, \"handle\");\n"
			   "	return handle(5) == 16 ? 0 : 1;\n"
			   "}\n";
static const char plain[] = "int handle(int n);\nint main(void) { return handle(5) == 16 ? 0 : 1; }\n";
static const char config[] = "{\"operations\": {\"handle\": {}}, \"inputs\": {\"get\": {}}}\n";
static char ids[2][256];

static void must(const char *line)
{
	struct command command;

	command_run(&command, ARGV("sh", "-c", line), WAIT_S);
	if (command.status) {
		autofree char *said = command_file(command.err);

		fail_msg("%s: %s", line, said);
	}
}

static int setup(void **state)
{
	static const char *const lines[] = {
		"cd ~ && gcc -g -O1 -DWRONG=-1 -o plain plain.c shop.c",
		"cd ~ && gcc -g -O1 -DWRONG=15 -shared -fPIC -Wl,-soname,libshop.so -o libshop.so shop.c",
		"cd ~ && gcc -g -O1 -o host host.c -Wl,-rpath,'$ORIGIN'",
		"cd ~ && gcc -g -O1 -DWRONG=15 -static -o static plain.c shop.c "
		"$(PKG_CONFIG_PATH=@ pkg-config --define-variable=libdir=@ --libs tapedeck-replay)",
	};

	desk_setup(state);
	desk_write_text("~/shop.c", shop);
	desk_write_text("~/host.c", host);
	desk_write_text("~/plain.c", plain);
	desk_write_text("~/shop.json", config);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		must(desk_path(lines[i]));
	DESK_EXPECT(0, NULL, NULL, "record", "-c", "~/shop.json", "--to", "file:~/shop.tape", "--",
		    "~/plain");
	assert_int_equal(desk_ids("file:~/shop.tape", ids, 2), 1);
	return 0;
}

static const char *const builds[] = {"~/host --lib libshop.so=~/libshop.so", "~/static"};

static void replay(struct command *command, const char *input, const char *options, const char *build)
{
	const char *line = command_text("%s %s replay %s -c %s --exe %s %s %s", input,
					desk_path("@/tapedeck"), options, desk_path("~/shop.json"),
					desk_path(build), desk_path("file:~/shop.tape"), ids[0]);

	command_run(command, ARGV("sh", "-c", line), WAIT_S);
}

static void expect(struct command *command, const char *const words[])
{
	for (; *words; words++)
		if (!command_says(command, *words, 1)) {
			autofree char *out = command_file(command->out);

			fail_msg("'%s' is not in: %s", *words, out);
		}
}

static void gdb_stops_in_the_operation_and_at_the_crash_and_short_functions_are_served(void **state)
{
	static const char *const words[] = {
		"handle (n=5)",
		"Program received signal SIGSEGV",
		"failed (recorded in ",
		": SIGSEGV at address 0x0 in 'handle+0x",
		"the last call served was 'calls[get#1]'",
		NULL,
	};

	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		struct command command;

		replay(&command, "printf 'bt\\ncontinue\\nbt\\ncontinue\\nquit\\n' |", "--gdb", builds[i]);
		expect(&command, words);
		assert_int_equal(command.status, 1);
	}
}

static void repeating_and_keeping_work_there_too(void **state)
{
	static const char *const words[] = {"failed (recorded in ", "3 replayed: 0 equal, 3 failed", NULL};

	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		struct command command;
		autofree char *said = NULL;
		char *at;

		replay(&command, "", "--repeat 3 --keep", builds[i]);
		expect(&command, words);
		said = command_file(command.err);
		at = strstr(said, "is kept: ");
		assert_non_null(at);
		at += strlen("is kept: ");
		at[strcspn(at, "\n")] = '\0';
		assert_int_equal(access(at, R_OK), 0);
		must(command_text("rm -r '%s'", at));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gdb_stops_in_the_operation_and_at_the_crash_and_short_functions_are_served),
		cmocka_unit_test(repeating_and_keeping_work_there_too),
	};

	return cmocka_run_group_tests(tests, setup, desk_teardown);
}
