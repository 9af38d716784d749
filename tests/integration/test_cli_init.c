// SPDX-License-Identifier: BSD-3-Clause
/* A starter configuration guesses what names tell, and passes the checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"
#include "tests/integration/desk.h"

/* What `init ARGS...` prints, also as ~/NAME; the caller's. */
static char *init(const char *name, const char *const args[])
{
	struct command command;
	char *text;

	desk_run(&command, args);
	desk_expect(&command, 0, NULL, NULL);
	text = command_file(command.out);
	desk_write_text(name, text);
	DESK_EXPECT(0, NULL, NULL, "check", "-c", name);
	return text;
}

static void has_all(const char *text, const char *const *lines)
{
	for (; *lines; lines++)
		if (!strstr(text, *lines))
			fail_msg("'%s' is not in:\n%s", *lines, text);
}

static void what_it_prints_records_and_replays(void **state)
{
	static const char *const lines[] = {
		"\"service\": \"desk\"",
		"// int answer_question(const struct question *question, struct answer *answer)\n"
		"    \"answer_question\": {\n",
		"\"answer\": { \"direction\": \"out\" }\n",
		"\"buf\": { \"direction\": \"out\", \"bytes\": \"min(return, len)\" }  // or len alone",
		"\"seal\": { \"bytes\": \"len\" }\n",
		NULL,
	};
	autofree char *text = init("~/init.json", ARGV("init", "~/desk", "--operation", "answer_question",
						       "--input", "look_up", "--output", "send_answer"));

	has_all(text, lines);
	DESK_EXPECT(0, NULL, NULL, "record", "-c", "~/init.json", "--to", "file:~/inited", "--", "~/desk",
		    "answer", "7");
	DESK_EXPECT(0, NULL, NULL, "equalize", "-c", "~/init.json", "--exe", "~/desk", "file:~/inited");
	DESK_EXPECT(1, NULL, NULL, "equalize", "-c", "~/init.json", "--exe", "~/desk-changed",
		    "file:~/inited");
}

static void the_service_of_the_demo_needs_no_more_than_init_tells(void **state)
{
	static const char *const lines[] = {
		"\"reply\": { \"direction\": \"out\" }\n",
		"\"libc.so.6:clock_gettime\": {\n      \"args\": {\n        \"tp\": { \"direction\": \"out\" }\n",
		"\"struct request\": {\n      \"items\": { \"count\": \"nitems\" }\n    }",
		"\"struct price_list\": {\n      \"prices\": { \"count\": \"count\" }\n    }",
		NULL,
	};
	autofree char *text =
		init("~/orders.json",
		     ARGV("init", "@/examples/orders/ordersd", "--operation", "handle_order", "--input",
			  "libc.so.6:clock_gettime", "--input", "db_get_customer", "--input", "db_prices",
			  "--input", "rate_lookup", "--output", "db_store_order", "--output", "notify"));

	has_all(text, lines);
}

static void declarations_of_many_kinds_pass_the_checks(void **state)
{
	static const char *const lines[] = {
		"\"data\": { \"bytes\": \"data_len\" },\n",
		"\"out\": { \"direction\": \"out\", \"bytes\": \"out_size\" }  // or min(return, out_size)",
		"\"dst\": { \"direction\": \"out\", \"bytes\": \"n\" }\n",
		"\"buf\": { \"direction\": \"out\", \"bytes\": \"*len\" }\n",
		"\"text\": { \"direction\": \"out\" },\n        // \"*text\": { \"string\": true }  when it is text\n",
		"\"argv\": { \"terminator\": 0 }\n",
		"\"values\": { \"count\": \"nvalues\" },\n        \"items\": { \"count\": \"items_count\" }\n",
		"// \"ctx\": { \"type\": \"struct WHAT\" }  what it points to",
		"\"print\": {\n      \"args\": {\n        \"format\": { \"format\": true }\n",
		"\"by_value\": {},\n",
		"// \"name\": { \"bytes\": \"len\" }  when it is no text\n",
		"\"result\": { \"direction\": \"out\" },\n",
		"// \"arg1\": { \"string\": true }  when it is text",
		"\"nothing\": {},\n",
		"\"buf\": { \"direction\": \"in\", \"bytes\": \"n\" }\n",
		"\"items\": { \"count\": \"nitems\" },\n      \"blob\": { \"bytes\": \"blob_len\" }\n",
		"\"struct chain\": {\n      \"argv\": { \"count\": \"argc\" }\n",
		"\"text\": { \"direction\": \"out\", \"string\": true }  // or \"bytes\": \"size\", when it is no text\n",
		"// \"names\": { \"direction\": \"in\" }  when it is read, and so compared\n",
		"\"struct tail\": {\n      \"items\": { \"count\": \"count\" }\n",
		NULL,
	};
	struct command gcc;
	autofree char *text = NULL, *reg = NULL;

	desk_start_program(&gcc, ARGV("gcc", "-std=gnu2x", "-O2", "-g", "-w", "-o", "~/odd",
				      "tests/integration/victims/odd.c"));
	assert_int_equal(command_wait(&gcc, 30), 0);
	text = init("~/odd.json",
		    ARGV("init", "~/odd", "--operation=encode", "--operation=fill", "--operation=told",
			 "--input=get", "--input=make", "--input=run", "--input=sum", "--input=each",
			 "--input=print", "--input=by_value", "--input=flag", "--output=rate",
			 "--output=lookup", "--output=unnamed", "--output=nothing", "--output=reads",
			 "--output=matrix", "--output=chained"));
	has_all(text, lines);
	assert_null(strstr(text, "\"reg\": { \"direction\""));
	assert_null(strstr(text, "nlinks"));
}

static void what_cannot_be_started_with_says_why(void **state)
{
	DESK_EXPECT(2, "'init' needs --operation FUNCTION", "name the function whose calls", "init",
		    "~/desk");
	DESK_EXPECT(2, "'init' needs BINARY", NULL, "init", "--operation", "answer_question");
	DESK_EXPECT(2, "tapedeck: unknown function 'answer_qestion' in 'desk'",
		    "did you mean 'answer_question'?", "init", "~/desk", "--operation", "answer_qestion");
	DESK_EXPECT(3, "no out-of-line copy of 'words_of'", "noinline", "init", "~/desk", "--operation",
		    "words_of");
	DESK_EXPECT(3, "no debug information for '~/stripped'", "build it with -g", "init", "~/stripped",
		    "--operation", "answer_question");
	DESK_EXPECT(3, "cannot open '~/none'", NULL, "init", "~/none", "--operation", "x");
	DESK_EXPECT(2, "", NULL, "init", "~/desk", "--operation", "look_up", "--input", "look_up");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_prints_records_and_replays),
		cmocka_unit_test(the_service_of_the_demo_needs_no_more_than_init_tells),
		cmocka_unit_test(declarations_of_many_kinds_pass_the_checks),
		cmocka_unit_test(what_cannot_be_started_with_says_why),
	};

	return cmocka_run_group_tests(tests, desk_setup, desk_teardown);
}
