// SPDX-License-Identifier: BSD-3-Clause
/* A C++ program whose exceptions pass through what is probed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/lookup.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define OPERATIONS 240 /* recorded; all of them throw */
#define TIMEOUT_S  120
#define SOURCE	   "tests/integration/victims/throws.cpp"

enum { OP_RUN, IN_GET, OUT_PUT };

static const char *const builds[][2] = {
	{"g++", "-O0"}, {"g++", "-O2"}, {"clang++", "-O0"}, {"clang++", "-O2"}};

static const char *config_file(void)
{
	static const char config[] =
		"{\"operations\": {\"op_run\": {\"if\": \"number < 240\"}}, \"inputs\": {\"in_get\": {}}, "
		"\"outputs\": {\"out_put\": {}}}";
	const char *path = command_text("%s/throws.json", command_folder());
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(config, out);
	fclose(out);
	return path;
}

static const char *compile(const char *const build[2])
{
	const char *path = command_text("%s/throws-%s%s", command_folder(), build[0], build[1]);
	struct command command;

	command_must(&command, ARGV(build[0], build[1], "-g", "-o", path, SOURCE, "-lpthread"), 0, TIMEOUT_S);
	return path;
}

/* Its own output is right, and nothing was lost. */
static const char *record(const char *program, const char *option)
{
	const char *url = command_text("file:%s%s", program, option);
	autofree char *said = NULL, *printed = NULL;
	struct command command;

	command_must(&command,
		     ARGV(command_text("%s/tapedeck", command_build()), "record", "-c", config_file(), "--to",
			  url, "--ring-size", "64M", option, "--", program, "8000"),
		     0, TIMEOUT_S);
	said = command_file(command.err);
	printed = command_file(command.out);
	assert_non_null(strstr(said, "the command ended with status 0"));
	if (!strstr(printed, "8000 done") ||
	    !(strstr(printed, "240 recordings taken") || strstr(printed, "\"taken\":240,\"stored\":240,")))
		fail_msg("%s: %s", option, printed);
	return url;
}

static void assert_call(const struct call *call, uint32_t func, int arg, enum left left, uint64_t rax)
{
	assert_int_equal(call->func, func);
	assert_int_equal((int)call->args[0], arg);
	assert_int_equal(call->left, left);
	if (left == LEFT_RETURN && func != OUT_PUT)
		assert_int_equal(call->rax, rax);
}

struct reading {
	struct store *store;
	size_t cnt;
};

static int read_one(const struct found *found, void *ctx)
{
	struct reading *reading = ctx;
	auto_recording struct recording *recording = NULL;
	const struct schema *schema;
	const struct call *call;
	struct err err = {};
	bool is_thrown, is_left;
	int number;

	if (store_get(reading->store, &found->key, &recording, &schema, &err))
		fail_msg("%s", err.msg);
	call = recording->calls;
	number = (int)recording->operation.args[0];
	is_thrown = number % 3 == 0;
	is_left = number % 5 == 0;
	assert_true(recording->complete);
	assert_int_equal(recording->calls_cnt, 2 + is_thrown + !is_left);
	assert_call(call++, IN_GET, number, is_thrown ? LEFT_UNWOUND : LEFT_RETURN, number * 2);
	if (is_thrown)
		assert_call(call++, IN_GET, number + 1, LEFT_RETURN, number * 2 + 2);
	assert_call(call++, IN_GET, 3 * number + 1, LEFT_RETURN, 6 * number + 2);
	if (!is_left)
		assert_call(call++, OUT_PUT, number, LEFT_RETURN, 0);
	assert_int_equal(recording->operation.left, is_left ? LEFT_UNWOUND : LEFT_RETURN);
	if (!is_left)
		assert_int_equal(recording->operation.rax, (number + is_thrown) * 2 + 6 * number + 2);
	reading->cnt++;
	return 0;
}

static void check_tape(const char *url)
{
	auto_cassette struct cassette *cassette = NULL;
	auto_store struct store *store = NULL;
	struct reading reading = {};
	const struct lookup lookup = {.with_incomplete = true};
	struct err err = {};

	assert_int_equal(cassette_open(&cassette, url, false, &err), 0);
	assert_int_equal(store_new(&store, cassette, &err), 0);
	reading.store = store;
	if (lookup_each(cassette, &lookup, NULL, read_one, &reading, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(reading.cnt, OPERATIONS);
}

static void thousands_of_exceptions_pass_unharmed_and_each_is_recorded(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
		check_tape(record(compile(builds[i]), "--json"));
	check_tape(record(command_text("%s/throws-g++-O2", command_folder()), "--two-links"));
}

static void the_engine_inside_lets_them_pass_as_well(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
		check_tape(record(compile(builds[i]), "--engine=preload"));
}

/* A C program whose plug-in, in C++, throws through its functions. */
static const char host_c[] =
	"#include <dlfcn.h>\n#include <stdio.h>\n#include <unistd.h>\n"
	"static void (*fail)(void);\n"
	"__attribute__((noipa)) int step(int i) { if (i > 2 && fail) fail(); return i + 1; }\n"
	"__attribute__((noipa)) int handle(int i, int (*run)(int (*)(int), int)) { return run ? run(step, i) : step(i); }\n"
	"int main(int argc, char **argv) {\n"
	"  int sum = 0;\n"
	"  for (int i = 0; i < 3; i++) sum += handle(i, 0);\n"
	"  void *lib = dlopen(argv[1], RTLD_NOW);\n"
	"  if (!lib) return 2;\n"
	"  int (*run)(int (*)(int), int) = (int (*)(int (*)(int), int))dlsym(lib, \"plug_run\");\n"
	"  fail = (void (*)(void))dlsym(lib, \"plug_fail\");\n"
	"  for (int i = 0; i < 300; i++) { sum += handle(i, run); usleep(1000); }\n"
	"  puts(sum == 6 + 6 - 297 ? \"unharmed\" : \"wrong\");\n"
	"  return 0; }\n";
static const char plug_cpp[] =
	"extern \"C\" void plug_fail() { throw 7; }\n"
	"extern \"C\" int plug_run(int (*f)(int), int i) { try { return f(i); } catch (int) { return -1; } }\n";

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(command_text("%s/%s", command_folder(), name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

/* It may run on when recording has ended. */
static void assert_unharmed(struct command *command)
{
	autofree char *printed = NULL;

	for (int tries = 0; tries < 100; tries++) {
		free(printed);
		printed = command_file(command->out);
		if (strstr(printed, "unharmed"))
			return;
		usleep(100000);
	}
	fail_msg("the program was harmed: %s", printed);
}

static void a_plugin_that_throws_ends_recording_before_it_does(void **state)
{
	static const char *const options[] = {"--no-spool", "--two-links"};
	const char *folder = command_folder();
	struct command command;

	write_file("host.c", host_c);
	write_file("plug.cpp", plug_cpp);
	write_file("host.json", "{\"operations\": {\"handle\": {}}, \"inputs\": {\"step\": {}}}");
	command_must(&command,
		     ARGV("sh", "-c",
			  command_text("cd %s && gcc -g -O1 -o host host.c -ldl && "
				       "g++ -g -O1 -shared -fPIC -o libplug.so plug.cpp",
				       folder)),
		     0, TIMEOUT_S);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		autofree char *said = NULL;

		command_must(&command,
			     ARGV(command_text("%s/tapedeck", command_build()), "record", "-c",
				  command_text("%s/host.json", folder), "--to",
				  command_text("file:%s/host.tape", folder), options[i], "--",
				  command_text("%s/host", folder), command_text("%s/libplug.so", folder)),
			     0, TIMEOUT_S);
		said = command_file(command.err);
		assert_non_null(strstr(said, "'libplug.so' was loaded, which may throw"));
		assert_unharmed(&command);
	}
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousands_of_exceptions_pass_unharmed_and_each_is_recorded),
		cmocka_unit_test(the_engine_inside_lets_them_pass_as_well),
		cmocka_unit_test(a_plugin_that_throws_ends_recording_before_it_does),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
