// SPDX-License-Identifier: BSD-3-Clause
/*
 * An input or output that is served writes what the real one changed, and leaves alone what the program has
 * made of an object since: a mistake there is not painted over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/integration/desk.h"

static const char source[] =
	"#include <stdlib.h>\n"
	"#include <string.h>\n"
	"struct part { int weight, seen; };\n"
	"struct order { int qty, price, total, state; char note[8]; struct part *part; };\n"
	"struct info { int size, error, left; };\n"
	"__attribute__((noipa)) int stamp(struct order *o)\n"
	"{\n"
	"	o->state++;\n"
	"	o->part->seen++;\n"
	"	return o->qty;\n"
	"}\n"
	/* Sets all of it; before it there was anything. */
	"__attribute__((noipa)) int look(struct info *info)\n"
	"{\n"
	"	*info = (struct info){7, 0, 0};\n"
	"	return 0;\n"
	"}\n"
	"__attribute__((noipa)) int store(struct order *o) { return o->total > 0; }\n"
	"__attribute__((noipa)) void spoil(void)\n"
	"{\n"
	"	volatile char room[512];\n"
	"	memset((char *)room, GARBAGE, sizeof(room));\n"
	"}\n"
	"__attribute__((noipa)) int handle(struct order *o)\n"
	"{\n"
	"	struct info info;\n"
	"	spoil();\n"
	"	o->total = o->qty * o->price + WRONG;\n"
	"	o->part->weight += 1 + WRONG_PART;\n"
	"	stamp(o);\n"
	"	o->state += 10;\n"
	"	look(&info);\n"
	"	store(o);\n"
	"	return info.size + info.error + info.left;\n"
	"}\n"
	"int main(void)\n"
	"{\n"
	"	struct part part = {3, 0};\n"
	"	struct order order = {2, 5, 0, 1, \"note\", &part};\n"
	"	return handle(&order) == 7 && order.state == 12 ? 0 : 1;\n"
	"}\n";

static const char config[] =
	"{\"operations\": {\"handle\": {}}, \"inputs\": {\"stamp\": {\"key\": []}, \"look\": {\"key\": []}},\n"
	" \"outputs\": {\"store\": {}}}\n";

#define RIGHT "-DWRONG=0", "-DWRONG_PART=0"

static void compile(const char *name, const char *const defines[])
{
	const char *argv[DESK_ARGS_MAX] = {"gcc", "-O1", "-g", "-o", name, "~/kept.c"};
	struct command cc;
	size_t cnt = 6;

	for (; *defines; defines++)
		argv[cnt++] = *defines;
	desk_start_program(&cc, argv);
	assert_int_equal(command_wait(&cc, 60), 0);
}

static void what_the_build_made_of_an_object_is_compared(void **state)
{
	static const struct {
		const char *what, *defines[4];
		int status;
		const char *reason;
	} builds[] = {
		{"the same", {RIGHT, "-DGARBAGE=0"}, 0, "equal"},
		{"other garbage on the stack", {RIGHT, "-DGARBAGE=0x55"}, 0, "equal"},
		{"a wrong total", {"-DWRONG=1", "-DWRONG_PART=0", "-DGARBAGE=0"}, 1, "'o->total' differs"},
		{"behind a pointer",
		 {"-DWRONG=0", "-DWRONG_PART=1", "-DGARBAGE=0"},
		 1,
		 "'o->part->weight' differs"},
	};
	static char ids[2][256];

	desk_write_text("~/kept.c", source);
	desk_write_text("~/kept.json", config);
	compile("~/kept", builds[0].defines);
	DESK_EXPECT(0, NULL, NULL, "record", "-c", "~/kept.json", "--to", "file:~/kept.tape", "--", "~/kept");
	assert_int_equal(desk_ids("file:~/kept.tape", ids, 2), 1);
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		autofree char *said = NULL;
		struct command command;

		compile("~/kept-now", builds[i].defines);
		desk_run(&command, ARGV("replay", "-c", "~/kept.json", "--exe", "~/kept-now",
					"file:~/kept.tape", ids[0]));
		said = command_file(command.out);
		if (command.status != builds[i].status || !strstr(said, builds[i].reason))
			fail_msg("%s: %s", builds[i].what, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_build_made_of_an_object_is_compared),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
