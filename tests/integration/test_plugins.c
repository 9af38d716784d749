// SPDX-License-Identifier: BSD-3-Clause
/* Plug-ins, in C and as programs: what they have a say in, and what happens when they fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/integration/browser.h"
#include "tests/integration/json_check.h"
#include "tests/support/command.h"

#define TAPE	  "file:tests/golden/orders/tape"
#define ONE	  "214b14c69d95afea4834105a1d1616a3" /* a cent less in the regressed build */
#define TIMEOUT_S 120

static struct command last;

/* Run equalize with the build @suffix; its stdout until the next call. */
static const char *equalize(const char *suffix, int status, const char *const more[])
{
	const char *args[32] = {command_text("%s/tapedeck", command_build()), "equalize", "--exe",
				command_text("%s/examples/orders/ordersd%s", command_build(), suffix), TAPE};
	static char text[1 << 20];
	autofree char *out = NULL;
	size_t cnt = 5;

	while (*more)
		args[cnt++] = *more++;
	command_must(&last, args, status, TIMEOUT_S);
	out = command_file(last.out);
	snprintf(text, sizeof(text), "%s", out);
	return text;
}

#define CONFIG "-c", "examples/orders/orders.json"

static const char *plugin(const char *name)
{
	return command_text("HandleOrder=%s/%s", command_build(), name);
}

static const char *whims(void)
{
	return plugin("tests/integration/victims/whims.so");
}

static void says(const char *text, const char *wanted)
{
	if (!strstr(text, wanted))
		fail_msg("'%s' is not in: %s", wanted, text);
}

static int setup(void **state)
{
	unsetenv("WHIM");
	unsetenv("WHIM_ID");
	return 0;
}

static int teardown(void **state)
{
	setup(state);
	command_cleanup();
	return 0;
}

/* A configuration as the example's, which has @plugin before @where. */
static const char *config_before(const char *where, const char *plugin)
{
	autofree char *text = command_file("examples/orders/orders.json");
	const char *path = command_text("%s/orders.json", command_folder());
	char *at = strstr(text, where);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "%.*s\"plugin\": %s, %s", (int)(at - text), text, plugin, at);
	assert_int_equal(fclose(file), 0);
	return path;
}

static const char *config_with(const char *plugin)
{
	return config_before("\"category\": \"HandleOrder\"", plugin);
}

#define KINDS 2 /* of example: in C, and a program; both do the same */

static const char *example(int kind)
{
	return kind ? "HandleOrder=examples/plugins/compare.py" : plugin("examples/plugins/price_check.so");
}

static void a_comparator_has_the_last_word(void **state)
{
	for (int i = 0; i < KINDS; i++) {
		says(equalize("-regressed", 1, ARGV(CONFIG)), "19 equal, 5 different");
		says(equalize("-regressed", 0, ARGV(CONFIG, "--plugin", example(i))),
		     "24 replayed: 24 equal");
	}
}

static void what_a_plugin_says_stands_in_lines_that_follow_the_schema(void **state)
{
	auto_cjson cJSON *schema = NULL;
	autofree char *text = NULL;

	command_must(&last, ARGV(command_text("%s/tapedeck", command_build()), "equalize", "--json-schema"),
		     0, 30);
	text = command_file(last.out);
	schema = cJSON_Parse(text);
	for (int i = 0; i < KINDS; i++) {
		const char *said =
			equalize("-regressed", 0,
				 ARGV(CONFIG, "--plugin", example(i), "--json", "--keep-results", ONE));
		auto_cjson cJSON *line = cJSON_Parse(said);

		json_check_line(schema, line);
		says(said,
		     "\"metadata\":{\"currency\":\"GBP\"},\"data\":{\"recorded_lines\":5,\"replayed_lines\":5},"
		     "\"results\":{\"recorded\":{\"status\":0,\"total_cents\":167201},"
		     "\"replayed\":{\"status\":0,\"total_cents\":167200}}");
	}
}

/* Each exchange with the example, of which a program in between keeps a copy. */
static void questions_and_answers_follow_their_schema(void **state)
{
	const char *log = command_text("%s/log", command_folder()),
		   *tee = command_text("%s/tee.py", command_folder());
	autofree char *text = command_file("docs/plugin.schema.json"), *lines = NULL;
	auto_cjson cJSON *schema = cJSON_Parse(text);
	FILE *file = fopen(tee, "w");
	char *save, *line;
	int cnt = 0;

	assert_non_null(schema);
	assert_non_null(file);
	fprintf(file,
		"import json, subprocess, sys\n"
		"child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
		"for line in sys.stdin:\n"
		"    child.stdin.write(line); child.stdin.flush()\n"
		"    answer = child.stdout.readline()\n"
		"    print(json.dumps({'question': json.loads(line), 'answer': json.loads(answer)}),\n"
		"          file=open(sys.argv[1], 'a'))\n"
		"    print(answer, end='', flush=True)\n");
	fclose(file);
	for (int i = 0; i < KINDS; i++) {
		const char *path = strchr(example(i), '=') + 1;
		autofree char *there = realpath(path, NULL);

		equalize("-regressed", 0,
			 ARGV("-c",
			      config_with(
				      i ? command_text("{\"command\": [\"python3\", \"%s\", \"%s\", \"%s\"]}",
						       tee, log, there)
					: command_text("{\"command\": [\"python3\", \"%s\", \"%s\", "
						       "\"%s/tapedeck-plugin\", \"%s\"]}",
						       tee, log, command_build(), there)),
			      "--jobs", "1", ONE));
	}
	lines = command_file(log);
	for (line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save), cnt++) {
		auto_cjson cJSON *exchange = cJSON_Parse(line);

		json_check_line(schema, exchange);
	}
	/* Of both: once to try it, then hello, metadata, data, two results, compare. */
	assert_int_equal(cnt, 14);
}

static void reports_show_what_a_plugin_said(void **state)
{
	static const struct {
		const char *kind, *wanted;
	} cases[] = {
		{"html", "\"data\":\"{\\\"recorded_lines\\\":"},
		{"json", "\"data\":{\"recorded_lines\":"},
		{"junit", "data: {&quot;recorded_lines&quot;:"},
	};
	const char *path = command_text("%s/report", command_folder());

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *text = NULL;

		setenv("CENTS_ALIKE", "0", 1);
		equalize("-regressed", 1,
			 ARGV(CONFIG, "--plugin", example(1), "--report",
			      command_text("%s:%s", cases[i].kind, path)));
		text = command_file(path);
		says(text, cases[i].wanted);
		says(text, "the total is 1 cents less");
	}
	unsetenv("CENTS_ALIKE");
}

static void the_page_shows_what_a_plugin_said_beside_the_difference(void **state)
{
	const char *path = command_text("%s/report.html", command_folder());
	struct browser *browser;

	setenv("CENTS_ALIKE", "0", 1);
	equalize("-regressed", 1,
		 ARGV(CONFIG, "--plugin", example(1), "--keep-results", "--report",
		      command_text("html:%s", path), ONE));
	unsetenv("CENTS_ALIKE");
	browser = browser_start();
	browser_open(browser, command_text("file://%s", path));
	browser_click(browser, "#list tbody tr.open");
	browser_expect(
		browser,
		"return [...document.querySelectorAll('#detail p.said')].map(p => p.textContent).join('; ')",
		"metadata: {\"currency\":\"GBP\"}; data: {\"recorded_lines\":5,\"replayed_lines\":5}; "
		"results: {\"recorded\":{\"status\":0,\"total_cents\":167201},"
		"\"replayed\":{\"status\":0,\"total_cents\":167200}}");
	browser_stop(browser);
}

static void results_are_kept_when_they_are_wanted_alone(void **state)
{
	const char *said = equalize("", 0, ARGV(CONFIG, "--json", ONE));

	assert_null(strstr(said, "\"results\""));
	/* Without a plug-in: all of both sides. */
	said = equalize("", 0, ARGV(CONFIG, "--json", "--keep-results", ONE));
	says(said, "\"results\":{\"recorded\":{\"id\":\"HandleOrder/20261125/" ONE "\"");
	says(said, "\"replayed\":{\"id\":\"HandleOrder/20261125/" ONE "\"");
}

static void what_a_plugin_extracts_is_what_is_compared(void **state)
{
	const char *said;

	/* Both sides 1. */
	says(equalize("-regressed", 0, ARGV(CONFIG, "--plugin", whims())), "24 replayed: 24 equal");
	setenv("WHIM", "differ", 1);
	setenv("WHIM_ID", ONE, 1);
	said = equalize("", 1, ARGV(CONFIG, "--plugin", whims()));
	says(said, "23 equal, 1 different");
	says(said, "different (recorded in 210 us");
	says(said, "'a[1]' and 3 more differ\n");
	says(said, "    a[2]: ");
}

static void a_plugin_that_fails_fails_one_recording_and_no_other(void **state)
{
	static const struct {
		const char *whim, *reason;
	} cases[] = {
		{"crash", "plug-in 'whims.so': SIGSEGV"},
		{"hang", "plug-in 'whims.so' took longer than 0.5 s"},
		{"exit", "plug-in 'whims.so' ended with status 7 in place of an answer"},
		{"nonsense", "plug-in 'whims.so': what it returned is no JSON"},
		{"fail", "plug-in 'whims.so': no such price"},
	};
	const char *config = config_with(
		command_text("{\"path\": \"%s/tests/integration/victims/whims.so\", \"timeout_ms\": 500}",
			     command_build()));

	setenv("WHIM_ID", ONE, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *said;

		setenv("WHIM", cases[i].whim, 1);
		said = equalize("", 1, ARGV("-c", config));
		says(said, "24 replayed: 23 equal, 1 equalizer_failure");
		says(said, command_text("HandleOrder/20261125/" ONE ": equalizer_failure"));
		says(said, cases[i].reason);
	}
}

static void an_input_is_served_with_what_its_plugin_restores(void **state)
{
	const char *config =
		config_before("\"args\": { \"tp\"",
			      command_text("\"%s/tests/integration/victims/whims.so\"", command_build()));
	const char *said;

	setenv("WHIM_ID", ONE, 1);
	said = equalize("", 1, ARGV("-c", config));
	says(said, "23 equal, 1 different");
	says(said, "calls[orders.store#1].created_ms: recorded 1795646419603, replayed 518400005\n");
	setenv("WHIM", "nonsense", 1);
	says(equalize("", 1, ARGV("-c", config)),
	     "cannot restore 'libc.so.6:clock_gettime': 'tp' cannot become \"noon\"");
	setenv("WHIM", "crash", 1);
	said = equalize("", 1, ARGV("-c", config));
	says(said, "23 equal, 1 equalizer_failure");
	says(said, "cannot restore 'libc.so.6:clock_gettime': plug-in 'whims.so': SIGSEGV");
}

/* Both examples: a week later, to the second. */
static void a_clock_is_restored_as_another(void **state)
{
	for (int i = 0; i < KINDS; i++) {
		autofree char *script = realpath("examples/plugins/later.py", NULL);
		const char *own = i ? command_text("{\"command\": [\"python3\", \"%s\"]}", script)
				    : command_text("\"%s/examples/plugins/later.so\"", command_build());

		says(equalize("", 1, ARGV("-c", config_before("\"args\": { \"tp\"", own), ONE)),
		     "created_ms: recorded 1795646419603, replayed 1796251219603\n");
	}
}

static void a_program_that_fails_fails_one_recording_and_no_other(void **state)
{
	static const struct {
		const char *does, *reason;
	} cases[] = {
		{"os.kill(os.getpid(), 11)", "SIGSEGV"},
		{"time.sleep(60)", "took longer than 3 s"},
		{"sys.exit(3)", "ended with status 3 in place of an answer"},
		{"print('hello', flush=True)", "its answer is no JSON object: hello"},
		{"print('{}', flush=True)", "'nothing' that the plug-in answers is no verdict"},
		{"print('{\"verdict\": \"fine\"}', flush=True)",
		 "'fine' that the plug-in answers is no verdict"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *script = command_text("%s/x.py", command_folder()), *said;
		FILE *file = fopen(script, "w");

		assert_non_null(file);
		fprintf(file,
			"import json, os, sys, time\n"
			"for line in sys.stdin:\n"
			"    ask = json.loads(line)\n"
			"    if ask['ask'] == 'hello': print('{\"version\": 1, \"provides\": [\"compare\"]}', flush=True)\n"
			"    elif '" ONE "' in ask['id']: %s\n"
			"    else: print('{\"verdict\": \"equal\"}', flush=True)\n",
			cases[i].does);
		fclose(file);
		/* It runs in the folder of its configuration. */
		said = equalize(
			"", 1,
			ARGV("-c",
			     config_with("{\"command\": [\"python3\", \"x.py\"], \"timeout_ms\": 3000}")));
		says(said, "24 replayed: 23 equal, 1 equalizer_failure");
		says(said, cases[i].reason);
	}
}

static void a_plugin_that_cannot_be_used_is_told_before_anything_is_replayed(void **state)
{
	static const struct {
		const char *plugin, *whim, *reason;
		int status;
	} cases[] = {
		{"\"nowhere.so\"", "", "plug-in 'nowhere.so': nowhere.so: cannot open shared object file", 3},
		{"{\"command\": [\"/nowhere/x\"]}", "",
		 "plug-in '/nowhere/x': cannot start '/nowhere/x': No such file", 3},
		{"{\"command\": [\"cat\"]}", "", "plug-in 'cat' provides nothing", 3},
		{"{\"command\": [\"true\"]}", "", "plug-in 'true' ended with status 0 in place of an answer",
		 3},
		{"{}", "", "expected either \"path\" or \"command\"", 2},
		{"{\"command\": []}", "", "expected an array of words", 2},
		{"{\"path\": \"x.so\", \"timeout_ms\": 0}", "", "expected 1 to 3600000", 2},
		{NULL, "refuse", "plug-in 'whims.so': not today", 3},
		{NULL, "crash at start", "plug-in 'whims.so': SIGBUS", 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *own = command_text("\"%s/tests/integration/victims/whims.so\"", command_build());
		autofree char *said = NULL;

		setenv("WHIM", cases[i].whim, 1);
		assert_string_equal(
			equalize("", cases[i].status, ARGV("-c", config_with(cases[i].plugin ?: own))), "");
		said = command_file(last.err);
		says(said, cases[i].reason);
	}
}

static void an_option_names_a_category_and_a_file(void **state)
{
	static const struct {
		const char *option, *reason;
	} cases[] = {
		{"HandleOrder", "--plugin takes CATEGORY=PATH, not 'HandleOrder'"},
		{"Other=x.so", "--plugin: the configuration has no category 'Other'"},
		{"HandleOrder=/nowhere.so", "cannot open plug-in '/nowhere.so': No such file"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *said = NULL;

		equalize("", 2, ARGV(CONFIG, "--plugin", cases[i].option));
		said = command_file(last.err);
		says(said, cases[i].reason);
	}
}

static void studio_goes_on_without_a_plugin_that_cannot_be_used(void **state)
{
	const char *config = config_with("\"nowhere.so\"");
	autofree char *said = NULL;

	command_must(&last,
		     ARGV(command_text("%s/tapedeck", command_build()), "studio", "-c", config, "--exe",
			  command_text("%s/examples/orders/ordersd", command_build()), TAPE),
		     1, TIMEOUT_S);
	said = command_file(last.out);
	says(said, "24 replayed: 0 equal, 24 equalizer_failure");
	says(said, "plug-in 'nowhere.so': nowhere.so: cannot open shared object file");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_comparator_has_the_last_word),
		TEST(what_a_plugin_says_stands_in_lines_that_follow_the_schema),
		TEST(questions_and_answers_follow_their_schema),
		TEST(reports_show_what_a_plugin_said),
		TEST(the_page_shows_what_a_plugin_said_beside_the_difference),
		TEST(results_are_kept_when_they_are_wanted_alone),
		TEST(what_a_plugin_extracts_is_what_is_compared),
		TEST(a_plugin_that_fails_fails_one_recording_and_no_other),
		TEST(an_input_is_served_with_what_its_plugin_restores),
		TEST(a_clock_is_restored_as_another),
		TEST(a_program_that_fails_fails_one_recording_and_no_other),
		TEST(a_plugin_that_cannot_be_used_is_told_before_anything_is_replayed),
		TEST(an_option_names_a_category_and_a_file),
		TEST(studio_goes_on_without_a_plugin_that_cannot_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
