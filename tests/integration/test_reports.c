// SPDX-License-Identifier: BSD-3-Clause
/* What people and pipelines read, of the golden orders in the regressed build: 5 of 24 differ, for one
 * reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/util.h"
#include "tests/integration/browser.h"
#include "tests/support/command.h"

#define TAPE	  "file:tests/golden/orders/tape"
#define TOTAL	  "24"
#define DIFFERENT "5"
#define CAUSE	  "calls[orders.store].total_cents differs"
#define ONE	  "HandleOrder/20261125/214b14c69d95afea4834105a1d1616a3" /* that differs */
#define TIMEOUT_S 120

static struct command last;

/* Run `tapedeck NAME` with the build @suffix of the example, and fail unless it ends with @status. */
static const char *run(const char *name, const char *suffix, int status, const char *const more[])
{
	const char *args[32] = {command_text("%s/tapedeck", command_build()),
				name,
				"-c",
				"examples/orders/orders.json",
				"--exe",
				command_text("%s/examples/orders/ordersd%s", command_build(), suffix),
				TAPE};
	static char text[1 << 20];
	autofree char *out = NULL;
	size_t cnt = 7;

	while (*more)
		args[cnt++] = *more++;
	command_must(&last, args, status, TIMEOUT_S);
	out = command_file(last.out);
	snprintf(text, sizeof(text), "%s", out);
	return text;
}

static const char *in_folder(const char *name)
{
	return command_text("%s/%s", command_folder(), name);
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

static void one_regression_is_one_row(void **state)
{
	const char *said = run("equalize", "-regressed", 1, ARGV(NULL));

	assert_non_null(strstr(said, TOTAL " replayed: 19 equal, " DIFFERENT
					   " different\n\nrecordings  what differs first (for "
					   "example)\n         " DIFFERENT "  " CAUSE " (" ONE
					   ")\n            then calls["));
	assert_null(strstr(strstr(said, CAUSE) + 1, "\n         " DIFFERENT "  "));
}

static void junit_follows_its_schema(void **state)
{
	const char *path = in_folder("junit.xml");
	struct command lint;

	run("equalize", "-regressed", 1, ARGV("--report", command_text("junit:%s", path)));
	command_must(&lint, ARGV("xmllint", "--noout", "--schema", "tests/support/junit.xsd", path), 0, 30);
	command_must(&lint,
		     ARGV("xmllint", "--xpath",
			  "concat(//testsuite/@tests,' ',//testsuite/@failures,' ',count(//failure))", path),
		     0, 30);
	autofree char *counts = command_file(lint.out);
	assert_int_equal(strncmp(counts, TOTAL " " DIFFERENT " " DIFFERENT, 6), 0);
}

/* --- the page --- */

#define ROWS   "return document.querySelectorAll('#list tbody tr.open').length"
#define DETAIL "return (document.getElementById('detail') || {}).textContent || ''"
#define SELECTED                                                                                             \
	"return (document.querySelector('#list tr[aria-selected=true]') || {dataset: {}}).dataset.id || ''"

static struct browser *open_page(void)
{
	const char *path = in_folder("report.html");
	struct browser *browser;

	run("equalize", "-regressed", 1, ARGV("--report", command_text("html:%s", path)));
	browser = browser_start();
	browser_open(browser, command_text("file://%s", path));
	return browser;
}

static void the_page_tells_one_regression_in_one_row_and_shows_both_sides(void **state)
{
	struct browser *browser = open_page();

	browser_expect(browser, "return document.title.replace(/^.*: /, '')",
		       DIFFERENT " of " TOTAL " not equal");
	browser_expect(
		browser,
		"return [...document.querySelectorAll('#groups tbody tr')].map(r => r.dataset.cause + ' ' + "
		"r.cells[1].textContent).join()",
		CAUSE " " DIFFERENT);
	browser_expect(browser, ROWS, TOTAL);
	/* What differs stands first. */
	browser_click(browser, "#list tbody tr.open");
	browser_expect(browser, SELECTED, ONE);
	browser_expect(browser,
		       "return [...document.querySelectorAll('.sides tbody tr')].slice(0, 1).map(r => "
		       "[...r.cells].map(c => c.textContent).join(' ')).join()",
		       "calls[orders.store#1].total_cents 167201 167200");
	browser_expect(browser, "return document.querySelectorAll('.track i.recorded').length", "8");
	browser_expect(browser, "return document.querySelectorAll('.track i.replayed').length", "8");
	browser_stop(browser);
}

static void the_page_is_filtered_by_text_verdict_and_cause(void **state)
{
	struct browser *browser = open_page();

	browser_click(browser, "#verdicts button[data-verdict=different]");
	browser_expect(browser, ROWS, DIFFERENT);
	browser_click(browser, "#verdicts button[data-verdict=different]");
	browser_expect(browser, ROWS, TOTAL);
	browser_click(browser, "#groups tbody tr");
	browser_expect(browser, ROWS, DIFFERENT);
	browser_press(browser, BROWSER_ESCAPE);
	browser_expect(browser, ROWS, TOTAL);
	browser_click(browser, "#filter");
	browser_type(browser, "214B14C6");
	browser_expect(browser, ROWS, "1");
	browser_stop(browser);
}

static void the_page_goes_by_keyboard(void **state)
{
	struct browser *browser = open_page();
	autofree char *first = NULL, *theme = NULL;

	browser_type(browser, "jj");
	first = browser_ask(browser, SELECTED);
	browser_type(browser, "k");
	browser_expect(browser, SELECTED, ONE);
	browser_press(browser, BROWSER_ENTER);
	browser_expect(browser, "return document.getElementById('detail').getAttribute('aria-label')", ONE);
	browser_type(browser, "j");
	browser_expect(browser, "return document.getElementById('detail').getAttribute('aria-label')", first);
	browser_press(browser, BROWSER_ESCAPE);
	browser_expect(browser, DETAIL, "");
	browser_type(browser, "1");
	browser_expect(browser, ROWS, "19");
	browser_press(browser, BROWSER_ESCAPE);
	browser_type(browser, "/");
	browser_expect(browser, "return document.activeElement.id", "filter");
	browser_type(browser, "total_cents");
	browser_expect(browser, ROWS, DIFFERENT);
	browser_press(browser, BROWSER_ESCAPE);
	theme = browser_ask(browser, "return getComputedStyle(document.body).backgroundColor");
	browser_type(browser, "t");
	{
		autofree char *other =
			browser_ask(browser, "return getComputedStyle(document.body).backgroundColor");

		assert_string_not_equal(other, theme);
	}
	browser_stop(browser);
}

/* --- which recordings --- */

static void of_recordings_that_are_alike_one_is_enough(void **state)
{
	const char *small = command_text("file:%s", in_folder("small")),
		   *tapedeck = command_text("%s/tapedeck", command_build());
	autofree char *copied = NULL, *talk = NULL;

	command_must(&last, ARGV(tapedeck, "cp", "--distinct", TAPE, small), 0, TIMEOUT_S);
	copied = command_file(last.out);
	talk = command_file(last.err);
	assert_int_equal(strncmp(copied, "21 recordings copied", 20), 0);
	assert_non_null(strstr(talk, "3 recordings were left out, which are like others"));
	command_must(&last,
		     ARGV(tapedeck, "cp", "--distinct", small, command_text("file:%s", in_folder("again"))),
		     0, TIMEOUT_S);
	assert_non_null(strstr(run("equalize", "", 0, ARGV("--distinct")), "21 replayed: 21 equal"));
}

/* --- studio --- */

/* --- noise: the regressed build stands for one that is never the same --- */

static void what_differs_in_every_replay_is_proposed_with_its_count(void **state)
{
	const char *said = run("equalize", "-regressed", 1, ARGV("--learn-noise"));

	assert_non_null(strstr(said,
			       "\n        10  \"operations\": {\"handle_order\": {\"compare\": {\"ignore\": "
			       "[\"reply->total_cents\"]}}} (" ONE ")\n"));
	assert_non_null(strstr(
		said, "\n         4  \"outputs\": {\"audit\": {\"compare\": {\"ignore\": [\"digest\"]}}} ("));
	assert_non_null(strstr(run("equalize", "", 0, ARGV("--learn-noise")),
			       "no value differs: there is nothing to ignore"));
}

static void noise_that_is_written_differs_no_more_and_the_rest_of_the_file_stays(void **state)
{
	const char *copy = in_folder("orders.json"),
		   *exe = command_text("%s/examples/orders/ordersd-regressed", command_build());
	const char *tapedeck = command_text("%s/tapedeck", command_build());
	autofree char *before = command_file("examples/orders/orders.json"), *after = NULL;
	struct command cp;

	command_must(&cp, ARGV("cp", "examples/orders/orders.json", copy), 0, TIMEOUT_S);
	command_must(&last,
		     ARGV(tapedeck, "equalize", "-c", copy, "--exe", exe, TAPE, "--learn-noise", "--write"),
		     0, TIMEOUT_S);
	command_must(&last, ARGV(tapedeck, "equalize", "-c", copy, "--exe", exe, TAPE), 0, TIMEOUT_S);
	after = command_file(copy);
	assert_int_equal(strncmp(before, after, strcspn(before, "\n")), 0);
	for (const char *comment = before; (comment = strstr(comment, "// ")); comment++)
		assert_non_null(strstr(after, command_text("%.*s", (int)strcspn(comment, "\n"), comment)));
	command_must(&last, ARGV(tapedeck, "equalize", "-c", copy, "--exe", exe, TAPE, "--write"), 2,
		     TIMEOUT_S);
}

static void studio_tells_the_categories_and_ends_as_equalize_does(void **state)
{
	const char *said = run("studio", "-regressed", 1, ARGV(NULL));

	assert_non_null(strstr(said, "category"));
	assert_non_null(
		strstr(run("studio", "", 0, ARGV(NULL)), "HandleOrder                             24"));
}

static void what_is_accepted_differs_no_more(void **state)
{
	const char *baseline = in_folder("baseline.json");
	autofree char *text = NULL;

	run("studio", "-regressed", 1,
	    ARGV("--baseline", baseline, "--accept", "23e1ce6c0000000000000000000000aa"));
	assert_int_not_equal(access(baseline, F_OK), 0);
	/* It stands for all that differ so; one further place differs in two of them. */
	run("studio", "-regressed", 0, ARGV("--baseline", baseline, "--accept", ONE));
	text = command_file(baseline);
	assert_non_null(strstr(text, "\"cause\":\t\"" CAUSE "\""));
	run("studio", "-regressed", 0, ARGV("--baseline", baseline));
	run("studio", "-regressed", 1,
	    ARGV("--baseline", command_text("%s", in_folder("other.json")), "--accept", "x"));
}

static void so_many_may_differ(void **state)
{
	run("studio", "-regressed", 1, ARGV("--allow", "4"));
	run("studio", "-regressed", 0, ARGV("--allow", "5"));
	run("studio", "-regressed", 1, ARGV("--allow", "20%"));
	run("studio", "-regressed", 0, ARGV("--allow", "21%"));
}

static void a_mistake_in_what_is_allowed_is_said_before_anything_runs(void **state)
{
	static const struct {
		const char *option, *value, *said;
	} cases[] = {
		{"--allow", "many", "--allow: 'many' is neither a number nor a share as 0.5%"},
		{"--allow", "101%", "--allow: '101%' is neither a number nor a share as 0.5%"},
		{"--baseline", "/nowhere/b.json", "cannot read '/nowhere/b.json': No such file or directory"},
		{"--baseline", "README.md", "'README.md' is no list of accepted differences"},
		{"--report", "pdf:x", "'pdf:x' is no report"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *said = NULL;

		run("studio", "", 2, ARGV(cases[i].option, cases[i].value));
		said = command_file(last.err);
		assert_non_null(strstr(said, cases[i].said));
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_regression_is_one_row),
		TEST(junit_follows_its_schema),
		TEST(the_page_tells_one_regression_in_one_row_and_shows_both_sides),
		TEST(the_page_is_filtered_by_text_verdict_and_cause),
		TEST(the_page_goes_by_keyboard),
		TEST(of_recordings_that_are_alike_one_is_enough),
		TEST(what_differs_in_every_replay_is_proposed_with_its_count),
		TEST(noise_that_is_written_differs_no_more_and_the_rest_of_the_file_stays),
		TEST(studio_tells_the_categories_and_ends_as_equalize_does),
		TEST(what_is_accepted_differs_no_more),
		TEST(so_many_may_differ),
		TEST(a_mistake_in_what_is_allowed_is_said_before_anything_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
