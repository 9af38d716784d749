// SPDX-License-Identifier: BSD-3-Clause
/* A library as the build: it is played with no program of its own at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/support/command.h"

#define TIMEOUT_S 60

static const char library[] =
	"#include <string.h>\n"
	"__attribute__((noinline)) int rate(const char *c) { __asm__ volatile(\"\"); return strlen(c) * 100; }\n"
	"__attribute__((noinline)) int price(const char *c, int cents)\n"
	"{ int r = cents * rate(c) / PART; __asm__ volatile(\"\" : \"+r\"(r)); return r; }\n";
static const char user[] =
	"int price(const char *c, int cents);\n"
	"int main(void) { return price(\"acme\", 700) != 2800 || price(\"bob\", 100) != 300; }\n";
static const char config[] =
	"{\"operations\": {\"libshop.so.1:price\": {}}, \"inputs\": {\"libshop.so.1:rate\": {}}}";

static struct command last;

static const char *in_folder(const char *name)
{
	return command_text("%s/%s", command_folder(), name);
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(in_folder(name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void compile(const char *part, const char *name)
{
	command_must(&last,
		     ARGV("cc", "-g", "-O1", "-fPIC", "-shared", "-Wl,-soname,libshop.so.1", part, "-o",
			  in_folder(name), in_folder("shop.c")),
		     0, TIMEOUT_S);
}

static int setup(void **state)
{
	write_text("shop.c", library);
	write_text("user.c", user);
	write_text("shop.json", config);
	compile("-DPART=100", "libshop.so.1");
	compile("-DPART=99", "new.so");
	command_must(&last,
		     ARGV("cc", "-g", command_text("-Wl,-rpath,%s", command_folder()), "-o",
			  in_folder("user"), in_folder("user.c"), in_folder("libshop.so.1")),
		     0, TIMEOUT_S);
	command_must(&last,
		     ARGV(command_text("%s/tapedeck", command_build()), "record", "-c",
			  in_folder("shop.json"), "--to", command_text("file:%s", in_folder("tape")), "--",
			  in_folder("user")),
		     0, TIMEOUT_S);
	return 0;
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

static char *equalize(const char *build, int status, const char *dashes, const char *more)
{
	command_must(&last,
		     ARGV(command_text("%s/tapedeck", command_build()), "equalize", "-c",
			  in_folder("shop.json"), "--exe", in_folder(build),
			  command_text("file:%s", in_folder("tape")), dashes, more),
		     status, TIMEOUT_S);
	return command_file(last.out);
}

static void a_library_is_replayed_alone(void **state)
{
	autofree char *said = equalize("libshop.so.1", 0, NULL, NULL);

	assert_non_null(strstr(said, "2 replayed: 2 equal"));
}

static void a_new_build_of_it_is_found_different_whatever_its_file_is_called(void **state)
{
	autofree char *said = equalize("new.so", 1, NULL, NULL);

	assert_non_null(strstr(said, "return: recorded 2800, replayed 2828"));
}

static void it_has_no_main_for_arguments(void **state)
{
	autofree char *said = NULL;

	free(equalize("libshop.so.1", 2, "--", "hello"));
	said = command_file(last.err);
	assert_non_null(strstr(said, "is a library: there is no main for arguments behind '--'"));
}

/* Opens the library that it is given. */
static const char opener[] = "#include <dlfcn.h>\n"
			     "static void *lib;\n"
			     "__attribute__((noipa)) int offer(int n)\n"
			     "{ int (*rate)(int) = dlsym(lib, \"rate\"); return rate(n) + 1; }\n"
			     "int main(int argc, char **argv)\n"
			     "{ lib = dlopen(argv[1], RTLD_NOW); return !lib || offer(4) < 0; }\n";
static const char opener_config[] = "{\"operations\": {\"offer\": {}}, "
				    "\"inputs\": {\"%s:rate\": {\"alias\": \"rate\"}}}";

/* With --lib the one in whose place the build's plug-in stands. */
static void expect_rate_served(const char *lib, const char *opened)
{
	const char *const tapedeck = command_text("%s/tapedeck", command_build());
	const char *const tape = command_text("file:%s", in_folder("opened"));
	autofree char *said = NULL;

	command_must(&last,
		     lib ? ARGV(tapedeck, "equalize", "-c", in_folder("opener.json"), "--exe",
				in_folder("opener"), "--lib", lib, tape, "--", opened)
			 : ARGV(tapedeck, "equalize", "-c", in_folder("opener.json"), "--exe",
				in_folder("opener"), tape, "--", opened),
		     0, TIMEOUT_S);
	said = command_file(last.out);
	assert_non_null(strstr(said, "1 replayed: 1 equal"));
}

static void make_plugin(const char *name, const char *wrong)
{
	command_must(&last,
		     ARGV("cc", "-g", "-O1", "-fPIC", "-shared", "-Wl,--build-id", wrong, "-o",
			  in_folder(name), in_folder("plug.c")),
		     0, TIMEOUT_S);
}

static void open_by_other_names(void)
{
	make_plugin("plug.so", "-DWRONG=0");
	write_text("opener.json", command_text(opener_config, in_folder("plug.so")));
	command_must(&last, ARGV("rm", "-rf", in_folder("opened")), 0, TIMEOUT_S);
	command_must(&last,
		     ARGV(command_text("%s/tapedeck", command_build()), "record", "-c",
			  in_folder("opener.json"), "--to", command_text("file:%s", in_folder("opened")),
			  "--", in_folder("opener"), in_folder("plug.so")),
		     0, TIMEOUT_S);
	make_plugin("plug-1.1.so", "-DWRONG=1");
	expect_rate_served(command_text("plug.so=%s", in_folder("plug-1.1.so")), in_folder("plug-1.1.so"));
	make_plugin("plug.so", "-DWRONG=1");
	command_must(&last, ARGV("ln", "-sf", in_folder("plug.so"), in_folder("current.so")), 0, TIMEOUT_S);
	expect_rate_served(NULL, in_folder("current.so"));
}

static void a_plug_in_is_intercepted_by_its_build_id_whatever_name_it_is_opened_by(void **state)
{
	write_text("plug.c", "int rate(int n) { __asm__ volatile(\"nop; nop; nop\"); return n + WRONG; }\n");
	write_text("opener.c", opener);
	command_must(&last, ARGV("cc", "-g", "-O1", "-o", in_folder("opener"), in_folder("opener.c"), "-ldl"),
		     0, TIMEOUT_S);
	open_by_other_names();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_library_is_replayed_alone),
		TEST(a_new_build_of_it_is_found_different_whatever_its_file_is_called),
		TEST(it_has_no_main_for_arguments),
		TEST(a_plug_in_is_intercepted_by_its_build_id_whatever_name_it_is_opened_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
