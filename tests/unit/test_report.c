// SPDX-License-Identifier: BSD-3-Clause
#include "replay/report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"
#include "replay/equalizer.h"
#include "tests/support/command.h"

static const struct report_head head = {.build = "build/<b>", .cassette = "file:tape"};
static struct comparison comparison;
static char path[256];

static int setup(void **state)
{
	comparison = (struct comparison){.key = {.category = "Orders & more", .day = "20261125"},
					 .verdict = VERDICT_DIFFERENT,
					 .recorded_ns = 2000,
					 .replayed_ns = 1500000};
	strcpy(comparison.key.id, "0123456789abcdef0123456789abcdef");
	strcpy(comparison.reason, "'a' & \"b\" differ");
	return 0;
}

static int teardown(void **state)
{
	comparison_release(&comparison);
	command_cleanup();
	return 0;
}

static void differs(const char *place, const char *recorded, const char *replayed)
{
	assert_int_equal(differences_add(&comparison.differences, place, cJSON_CreateString(recorded),
					 cJSON_CreateString(replayed), NULL),
			 0);
}

static char *written(const char *kind, int cnt)
{
	struct equalizer_totals totals = {.total = cnt};
	char spec[300];
	struct report *report;

	totals.by_verdict[comparison.verdict] = cnt;
	snprintf(path, sizeof(path), "%s/report", command_folder());
	snprintf(spec, sizeof(spec), "%s:%s", kind, path);
	assert_int_equal(report_open(&report, spec, &head, NULL), 0);
	for (int i = 0; i < cnt; i++)
		assert_int_equal(report_add(report, &comparison, NULL), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(report_close(report, &totals, NULL), 0);
	return command_file(path);
}

static void junit_has_a_case_for_each_recording_and_the_counts_in_its_head(void **state)
{
	autofree char *text = NULL;

	differs("reply->name", "<a>\x01", "b");
	text = written("junit", 2);
	assert_non_null(
		strstr(text, "<testsuite name=\"tapedeck\" tests=\"2\" failures=\"2\" errors=\"0\">"));
	assert_non_null(strstr(
		text,
		"<testcase classname=\"Orders &amp; more\" name=\"Orders &amp; more/20261125/0123456789abcdef0123456789abcdef\" "
		"time=\"0.001500\">\n<failure type=\"different\" message=\"'a' &amp; &quot;b&quot; differ\">"
		"reply-&gt;name: recorded &quot;&lt;a&gt;\\u0001&quot;, replayed &quot;b&quot;\n</failure>\n</testcase>\n"));
}

static void junit_tells_what_could_not_be_compared_as_an_error(void **state)
{
	autofree char *text = NULL;

	comparison.verdict = VERDICT_EQUALIZER_FAILURE;
	text = written("junit", 1);
	assert_non_null(strstr(text, "failures=\"0\" errors=\"1\""));
	assert_non_null(strstr(text, "<error type=\"equalizer_failure\""));
}

static void no_value_can_end_the_data_of_a_page(void **state)
{
	autofree char *text = NULL;

	differs("a", "</script><script>alert(1)</script>", "b");
	text = written("html", 1);
	assert_null(strstr(text, "<script>alert"));
	assert_non_null(strstr(text, "\\u003c/script>\\u003cscript>alert(1)"));
	assert_non_null(strstr(text, "\"build\":\"build/\\u003cb>\""));
	assert_null(strstr(text, "@DATA@"));
	assert_null(strstr(text, "http"));
}

static void a_page_cuts_long_values_and_counts_further_differences(void **state)
{
	autofree char *text = NULL, *big = calloc(1, 10001);
	char place[32];

	memset(big, 'x', 10000);
	for (int i = 0; i < REPORT_DIFFS_MAX + 3; i++) {
		snprintf(place, sizeof(place), "a[%d]", i);
		differs(place, big, "b");
	}
	text = written("html", 1);
	assert_non_null(strstr(text, "\"more\":3"));
	assert_true(strlen(text) < 100000 + REPORT_DIFFS_MAX * (REPORT_VALUE_MAX + 100));
	assert_non_null(strstr(text, "\"causes\":[\"a[] differs\"]"));
}

static void json_is_what_json_prints(void **state)
{
	autofree char *text = written("json", 1);

	assert_int_equal(strncmp(text, "{\"type\":\"comparison\",\"id\":\"Orders & more/20261125/", 45), 0);
	assert_non_null(strstr(text, "\n{\"type\":\"summary\",\"total\":1,"));
}

static void a_report_that_is_given_up_leaves_nothing(void **state)
{
	struct command ls;
	struct report *report;
	char spec[300];

	snprintf(spec, sizeof(spec), "html:%s/report", command_folder());
	assert_int_equal(report_open(&report, spec, &head, NULL), 0);
	report_abandon(report);
	command_must(&ls, ARGV("ls", "-A", command_folder()), 0, 5);
	autofree char *left = command_file(ls.out);
	assert_null(strstr(left, "report"));
}

static void what_is_no_report_is_said(void **state)
{
	static const struct {
		const char *spec, *message, *hint;
		int code;
	} cases[] = {
		{"pdf:x", "'pdf:x' is no report", "write html:FILE, junit:FILE or json:FILE", -EINVAL},
		{"html", "'html' is no report", "write html:FILE, junit:FILE or json:FILE", -EINVAL},
		{"html:", "'html:' is no report", "write html:FILE, junit:FILE or json:FILE", -EINVAL},
		{"html:/nowhere/r.html", "cannot write '/nowhere/r.html': No such file or directory", "",
		 -ENOENT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct report *report = NULL;
		struct err err = {};

		assert_int_equal(report_open(&report, cases[i].spec, &head, &err), cases[i].code);
		assert_string_equal(err.msg, cases[i].message);
		assert_string_equal(err.hint, cases[i].hint);
		assert_null(report);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(junit_has_a_case_for_each_recording_and_the_counts_in_its_head),
		TEST(junit_tells_what_could_not_be_compared_as_an_error),
		TEST(no_value_can_end_the_data_of_a_page),
		TEST(a_page_cuts_long_values_and_counts_further_differences),
		TEST(json_is_what_json_prints),
		TEST(a_report_that_is_given_up_leaves_nothing),
		TEST(what_is_no_report_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
