// SPDX-License-Identifier: BSD-3-Clause
/* The process of a plug-in, and what it makes of a comparison: shells stand for plug-ins. */
#include "replay/plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/config_plugin.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"
#include "replay/verdict.h"

static struct comparison comparison;

/* A plug-in that provides @what, and answers by the cases of @answers. */
static struct plugin *started(const char *what, const char *answers, int timeout_ms, unsigned recycle)
{
	static struct config_plugin config;
	static char script[4096], *command[] = {"sh", "-c", script, NULL};
	const struct plugin_opts opts = {
		.config = &config, .folder = "/", .engine = "", .category = "c", .recycle = recycle};
	struct plugin *plugin;

	config = (struct config_plugin){.command = command, .timeout_ms = timeout_ms};
	snprintf(script, sizeof(script),
		 "while read -r line; do case \"$line\" in\n"
		 "*'\"ask\":\"hello\"'*) echo '{\"version\": 1, \"provides\": [%s]}';;\n%s\nesac; done",
		 what, answers);
	assert_int_equal(plugin_new(&plugin, &opts, NULL), 0);
	return plugin;
}

static int setup(void **state)
{
	comparison = (struct comparison){.key = {.category = "c", .day = "20261125"}};
	strcpy(comparison.key.id, "0123456789abcdef0123456789abcdef");
	return 0;
}

static int teardown(void **state)
{
	comparison_release(&comparison);
	return 0;
}

/* Judge by a plug-in of its own, with a recording and a replay that say nothing. */
static void judge_by(const char *what, const char *answers)
{
	struct plugin *plugin = started(what, answers, 5000, 0);
	auto_cjson cJSON *side = cJSON_CreateObject();

	assert_int_equal(plugin_judge(plugin, &comparison, side, side, false, NULL), 0);
	plugin_free(plugin);
}

static void differs(const char *path)
{
	assert_int_equal(differences_add(&comparison.differences, path, cJSON_CreateNumber(1),
					 cJSON_CreateNumber(2), NULL),
			 0);
	comparison.verdict = VERDICT_DIFFERENT;
	strcpy(comparison.reason, "ours");
}

static void expect(enum verdict verdict, const char *reason, const char *differences)
{
	auto_cjson cJSON *json = comparison_json(&comparison);
	autofree char *text = json_print(cJSON_GetObjectItem(json, "differences"));

	assert_string_equal(comparison.reason, reason);
	assert_int_equal(comparison.verdict, verdict);
	assert_string_equal(text, differences);
}

static void results_are_compared_path_by_path(void **state)
{
	judge_by("\"result\"",
		 "*'\"side\":\"recorded\"'*) echo '{\"result\": {\"a\": [1, {\"b\": 2}], \"c\": 0}}';;\n"
		 "*) echo '{\"result\": {\"d\": 0, \"a\": [1, {\"b\": 3}, 4]}}';;");
	expect(VERDICT_DIFFERENT, "'a[1].b' and 3 more differ",
	       "[{\"path\":\"a[1].b\",\"recorded\":2,\"replayed\":3},"
	       "{\"path\":\"a[2]\",\"recorded\":{\"unavailable\":\"not there\"},\"replayed\":4},"
	       "{\"path\":\"c\",\"recorded\":0,\"replayed\":{\"unavailable\":\"not there\"}},"
	       "{\"path\":\"d\",\"recorded\":{\"unavailable\":\"not there\"},\"replayed\":0}]");
}

static void numbers_that_are_nearly_the_same_differ(void **state)
{
	judge_by("\"result\"", "*'\"side\":\"recorded\"'*) echo '{\"result\": 0.1}';;\n"
			       "*) echo '{\"result\": 0.10000000000000002}';;");
	assert_int_equal(comparison.verdict, VERDICT_DIFFERENT);
	assert_string_equal(comparison.reason, "'result' differs");
}

static void what_is_not_extracted_does_not_differ(void **state)
{
	differs("return");
	judge_by("\"result\"", "*) echo '{\"result\": null}';;");
	expect(VERDICT_EQUAL, "", "[]");
}

static void an_error_stays_one_whatever_is_extracted(void **state)
{
	comparison.verdict = VERDICT_FAILED;
	strcpy(comparison.reason, "ours");
	judge_by("\"result\"", "*) echo '{\"result\": null}';;");
	expect(VERDICT_FAILED, "ours", "[]");
}

static void a_comparator_says_what_differs_and_why(void **state)
{
	differs("return");
	judge_by("\"compare\"", "*) echo '{\"verdict\": \"failed\", \"message\": \"no\", \"differences\": "
				"[{\"path\": \"x\", \"recorded\": 5}]}';;");
	expect(VERDICT_FAILED, "no",
	       "[{\"path\":\"x\",\"recorded\":5,\"replayed\":{\"unavailable\":\"not there\"}}]");
}

static void a_comparator_that_says_no_more_than_the_verdict_leaves_the_rest(void **state)
{
	differs("return");
	judge_by("\"compare\"", "*) echo '{\"verdict\": \"different\"}';;");
	expect(VERDICT_DIFFERENT, "ours", "[{\"path\":\"return\",\"recorded\":1,\"replayed\":2}]");
}

static void a_comparator_sees_what_we_make_of_it(void **state)
{
	differs("return");
	judge_by("\"compare\"", "*'\"verdict\":\"different\"'*'\"differences\":[{\"path\":\"return\"'*) "
				"echo '{\"verdict\": \"equal\"}';;");
	expect(VERDICT_EQUAL, "", "[]");
}

static void without_an_end_there_is_no_comparison_but_data(void **state)
{
	struct plugin *plugin = started("\"compare\", \"data\", \"metadata\"",
					"*'\"ask\":\"data\"'*) echo '{\"data\": [1]}';;\n"
					"*'\"ask\":\"metadata\"'*) echo '{\"metadata\": {\"a\": \"b\"}}';;\n"
					"*) echo '{\"verdict\": \"equal\"}';;",
					5000, 0);
	auto_cjson cJSON *side = cJSON_CreateObject(), *json = NULL;
	autofree char *text = NULL;

	comparison.verdict = VERDICT_FAILED;
	strcpy(comparison.reason, "SIGSEGV");
	assert_int_equal(plugin_judge(plugin, &comparison, side, NULL, true, NULL), 0);
	plugin_free(plugin);
	json = comparison_json(&comparison);
	text = json_print(json);
	assert_non_null(strstr(text, "\"verdict\":\"failed\",\"reason\":\"SIGSEGV\""));
	assert_non_null(strstr(text, "\"metadata\":{\"a\":\"b\"},\"data\":[1],"
				     "\"results\":{\"recorded\":{},\"replayed\":null}"));
}

static void nonsense_is_an_equalizer_failure_that_says_what(void **state)
{
	static const struct {
		const char *what, *answer, *reason;
	} cases[] = {
		{"\"result\"", "{}", "the plug-in's answer has no \"result\""},
		{"\"metadata\"", "{\"metadata\": 1}", "the plug-in's metadata is no object"},
		{"\"metadata\"", "{\"metadata\": {\"a\": []}}",
		 "the plug-in's metadata 'a' is neither text nor a number"},
		{"\"compare\"", "{\"verdict\": \"different\", \"differences\": [1]}",
		 "a difference that the plug-in tells has no \"path\""},
		{"\"compare\"", "{\"error\": \"I cannot\"}", "plug-in 'sh -c"},
		{"\"guess\"", "", "plug-in 'sh -c"},
		{"", "", "plug-in 'sh -c"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char answers[256];

		setup(NULL);
		differs("return");
		snprintf(answers, sizeof(answers), "*) echo '%s';;", cases[i].answer);
		judge_by(cases[i].what, answers);
		assert_int_equal(comparison.verdict, VERDICT_EQUALIZER_FAILURE);
		assert_memory_equal(comparison.reason, cases[i].reason, strlen(cases[i].reason));
		assert_int_equal(comparison.differences.cnt, 0);
		comparison_release(&comparison);
	}
}

/* --- the process --- */

/* Ask for a result, and return it as text or what went wrong. */
static const char *ask(struct plugin *plugin, const char *with)
{
	static char said[ERR_MSG_MAX];
	auto_cjson cJSON *question = cJSON_CreateObject(), *answer = NULL;
	struct err err = {};

	cJSON_AddStringToObject(question, "with", with);
	if (plugin_ask(plugin, PLUGIN_RESULT, question, &answer, &err) < 0) {
		const char *end = strstr(err.msg, "done'");

		snprintf(said, sizeof(said), "%s", end ? end + strlen("done'") : err.msg);
		return said;
	}
	snprintf(said, sizeof(said), "%s",
		 cJSON_GetStringValue(cJSON_GetObjectItem(answer, "result")) ?: "not text");
	return said;
}

static void what_has_gone_is_started_anew_by_the_next_question(void **state)
{
	struct plugin *plugin = started("\"result\"",
					"*segv*) kill -SEGV $$;;\n*exit*) exit 4;;\n*hang*) sleep 60;;\n"
					"*twice*) echo '{}'; echo '{}';;\n*) echo '{\"result\": \"here\"}';;",
					300, 0);

	assert_string_equal(ask(plugin, ""), "here");
	assert_string_equal(ask(plugin, "segv"), ": SIGSEGV");
	assert_string_equal(ask(plugin, ""), "here");
	assert_string_equal(ask(plugin, "exit"), " ended with status 4 in place of an answer");
	assert_string_equal(ask(plugin, ""), "here");
	assert_string_equal(ask(plugin, "hang"), " took longer than 0.3 s");
	assert_string_equal(ask(plugin, ""), "here");
	plugin_free(plugin);
}

static void a_question_may_be_longer_than_a_pipe(void **state)
{
	struct plugin *plugin = started("\"result\"", "*) echo '{\"result\": \"'${#line}'\"}';;", 20000, 0);
	enum { LEN = 200000 };
	autofree char *with = malloc(LEN + 1);

	memset(with, 'x', LEN);
	with[LEN] = '\0';
	assert_int_equal(atoi(ask(plugin, with)), LEN + strlen("{\"with\":\"\",\"ask\":\"result\"}"));
	plugin_free(plugin);
}

static void a_process_is_for_so_many_comparisons(void **state)
{
	struct plugin *plugin = started("\"result\"", "*) echo '{\"result\": \"'$$'\"}';;", 5000, 2);
	char pids[4][32];

	for (int i = 0; i < 4; i++) {
		assert_int_equal(plugin_start(plugin, NULL), 0);
		snprintf(pids[i], sizeof(pids[i]), "%s", ask(plugin, ""));
	}
	assert_string_equal(pids[0], pids[1]);
	assert_string_equal(pids[2], pids[3]);
	assert_string_not_equal(pids[1], pids[2]);
	plugin_free(plugin);
}

static void what_never_starts_is_not_tried_for_ever(void **state)
{
	struct config_plugin config = {.command = (char *[]){"/nowhere/x", NULL}};
	const struct plugin_opts opts = {.config = &config, .folder = "/", .engine = "", .category = "c"};
	struct err err = {}, first = {};
	struct plugin *plugin;

	assert_int_equal(plugin_new(&plugin, &opts, NULL), 0);
	assert_true(plugin_start(plugin, &first) < 0);
	assert_string_equal(first.msg,
			    "plug-in '/nowhere/x': cannot start '/nowhere/x': No such file or directory");
	for (int i = 0; i < 5; i++)
		assert_true(plugin_start(plugin, &err) < 0);
	assert_string_equal(err.msg, first.msg);
	plugin_free(plugin);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(results_are_compared_path_by_path),
		TEST(numbers_that_are_nearly_the_same_differ),
		TEST(what_is_not_extracted_does_not_differ),
		TEST(an_error_stays_one_whatever_is_extracted),
		TEST(a_comparator_says_what_differs_and_why),
		TEST(a_comparator_that_says_no_more_than_the_verdict_leaves_the_rest),
		TEST(a_comparator_sees_what_we_make_of_it),
		TEST(without_an_end_there_is_no_comparison_but_data),
		TEST(nonsense_is_an_equalizer_failure_that_says_what),
		TEST(what_has_gone_is_started_anew_by_the_next_question),
		TEST(a_question_may_be_longer_than_a_pipe),
		TEST(a_process_is_for_so_many_comparisons),
		TEST(what_never_starts_is_not_tried_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
