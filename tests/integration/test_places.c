// SPDX-License-Identifier: BSD-3-Clause
/* Programs whose files are not where, or what, they were: plug-ins, replaced executables, containers, hosts
 * without debug information. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "tests/support/command.h"

#define TIMEOUT_S 60

static const char service[] =
	"#include <stdio.h>\n#include <unistd.h>\n"
	"__attribute__((noipa)) int rate(int n) { return n * 3; }\n"
	"__attribute__((noipa)) int handle(int n) { return rate(n) + 1; }\n"
	"int main(void) { puts(\"up\"); fflush(stdout);\n"
	"  for (int i = 0; i < 2000; i++) { if (handle(i) != i * 3 + 1) return 1; usleep(10000); } return 0; }\n";

static const char host[] =
	"#include <dlfcn.h>\n"
	"static int (*rate)(const char *, int);\n"
	"__attribute__((noinline)) int handle(int n) { return rate(\"EUR\", n) + 1; }\n"
	"int main(int argc, char **argv) {\n"
	"  for (int i = 0; i < 3; i++) { void *plugin = dlopen(argv[1], RTLD_NOW); if (!plugin) return 2;\n"
	"    rate = (int (*)(const char *, int))dlsym(plugin, \"rate\"); if (handle(2) != 139) return 1; dlclose(plugin); }\n"
	"  return 0; }\n";

static const char *in_folder(const char *name)
{
	return command_text("%s/%s", command_folder(), name);
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(in_folder(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static void shell(const char *text)
{
	struct command command;

	command_must(&command, ARGV("sh", "-c", command_text("cd %s && %s", command_folder(), text)), 0,
		     TIMEOUT_S);
}

static const char *tapedeck(void)
{
	return command_text("%s/tapedeck", command_build());
}

/* How many recordings and calls of @function were taken, by record's summary. */
static int hits_of(struct command *command, const char *function)
{
	autofree char *out = command_file(command->out);
	cJSON *json = cJSON_Parse(out);
	const cJSON *row, *functions = cJSON_GetObjectItemCaseSensitive(json, "functions");
	int hits = -1;

	cJSON_ArrayForEach(row, functions)
	{
		const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "function"));

		if (name && !strcmp(name, function))
			hits = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(row, "taken"));
	}
	cJSON_Delete(json);
	return hits;
}

static void record_with_plugin(const char *build)
{
	const char *plugin = in_folder("plugin.so"), *function = command_text("%s:rate", plugin);
	const char *tape = command_text("file:%s/plugin-%s", command_folder(), build);
	struct command run;

	shell(command_text("%s -g -o host host.c && %s -g -shared -fPIC -o plugin.so plugin.c", build,
			   build));
	write_file(
		"plugin.json",
		command_text("{ \"operations\": { \"handle\": {} }, \"inputs\": { \"%s\": {} } }", function));
	command_must(&run,
		     ARGV(tapedeck(), "record", "--json", "-c", in_folder("plugin.json"), "--to", tape, "--",
			  in_folder("host"), plugin),
		     0, TIMEOUT_S);
	assert_int_equal(hits_of(&run, "handle"), 3);
	assert_int_equal(hits_of(&run, function), 3);
	command_must(&run,
		     ARGV(tapedeck(), "equalize", "-c", in_folder("plugin.json"), "--exe", in_folder("host"),
			  tape, "--", plugin),
		     0, TIMEOUT_S);
	/* Of another build of it, which lies elsewhere. */
	shell(command_text("mkdir -p new && %s -g -O1 -shared -fPIC -o new/plugin.so plugin.c", build));
	command_must(&run,
		     ARGV(tapedeck(), "equalize", "-c", in_folder("plugin.json"), "--exe", in_folder("host"),
			  "--lib", command_text("plugin.so=%s", in_folder("new/plugin.so")), tape, "--",
			  in_folder("new/plugin.so")),
		     0, TIMEOUT_S);
}

static void a_plugin_has_its_probes_whenever_it_is_loaded(void **state)
{
	static const char *const builds[] = {"gcc -O0 -fPIE -pie", "gcc -O2 -fno-pie -no-pie",
					     "clang -O2 -fPIE -pie", "clang -O0 -fno-pie -no-pie"};

	write_file("host.c", host);
	write_file("plugin.c", "int rate(const char *currency, int n) { return currency[0] * n; }\n");
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++)
		record_with_plugin(builds[i]);
}

/* Record the running @service until five operations were taken. */
static void record_running(struct command *service_run, const char *config, const char *schema,
			   const char *operation)
{
	struct command run;
	const char *pid = command_text("%d", (int)service_run->pid);
	const char *to = command_text("file:%s/tape-%s", command_folder(), pid);

	command_must(&run,
		     schema ? ARGV(tapedeck(), "record", "--json", "-c", in_folder(config), "-p", pid, "--to",
				   to, "--count", "5", "--schema", schema)
			    : ARGV(tapedeck(), "record", "--json", "-c", in_folder(config), "-p", pid, "--to",
				   to, "--count", "5"),
		     0, TIMEOUT_S);
	assert_in_range(hits_of(&run, operation), 5, 2000);
	assert_in_range(hits_of(&run, "rate"), 5, 2000);
	command_signal(service_run, SIGTERM);
	command_wait(service_run, TIMEOUT_S);
}

static void build_service(void)
{
	write_file("service.c", service);
	write_file("service.json", "{ \"operations\": { \"handle\": {} }, \"inputs\": { \"rate\": {} } }");
	shell("gcc -g -O1 -Wl,--build-id -o service service.c");
}

static void an_executable_that_was_replaced_is_recorded_as_it_runs(void **state)
{
	struct command running;

	build_service();
	command_start(&running, ARGV(in_folder("service")));
	assert_true(command_says(&running, "up", TIMEOUT_S));
	shell("rm service && cp /bin/true service");
	record_running(&running, "service.json", NULL, "handle");
}

static void a_container_has_files_of_its_own(void **state)
{
	struct command running;

	build_service();
	shell("mkdir -p root/app && cp service root/app/ && for f in $(ldd service | grep -o '/[^ ]*'); do "
	      "mkdir -p root$(dirname $f) && cp $f root$f; done");
	write_file("container.json",
		   "{ \"operations\": { \"/app/service:handle\": {} }, \"inputs\": { \"rate\": {} } }");
	command_start(&running, ARGV("unshare", "-m", "chroot", in_folder("root"), "/app/service"));
	assert_true(command_says(&running, "up", TIMEOUT_S));
	record_running(&running, "container.json", NULL, "/app/service:handle");
}

static void a_host_without_debug_information_needs_a_compiled_schema(void **state)
{
	struct command running, run;

	build_service();
	command_must(&run,
		     ARGV(tapedeck(), "schema", "-c", in_folder("service.json"), in_folder("service"), "-o",
			  in_folder("service.schema")),
		     0, TIMEOUT_S);
	shell("strip -s service");
	command_start(&running, ARGV(in_folder("service")));
	assert_true(command_says(&running, "up", TIMEOUT_S));
	command_must(&run,
		     ARGV(tapedeck(), "check", "-c", in_folder("service.json"), "-p",
			  command_text("%d", (int)running.pid)),
		     3, TIMEOUT_S);
	record_running(&running, "service.json", in_folder("service.schema"), "handle");
}

static int cleanup(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plugin_has_its_probes_whenever_it_is_loaded),
		cmocka_unit_test(an_executable_that_was_replaced_is_recorded_as_it_runs),
		cmocka_unit_test(a_container_has_files_of_its_own),
		cmocka_unit_test(a_host_without_debug_information_needs_a_compiled_schema),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
