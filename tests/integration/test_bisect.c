// SPDX-License-Identifier: BSD-3-Clause
/* A repository of 30 commits, one of which rounds another way. */
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
#include "tests/support/command.h"

#define TIMEOUT_S 120

/* $1: a folder, $2: the commit that rounds another way, $3: one that does not build, or 0, $4: one without
 * the folder, or 0. */
static const char make_repository[] =
	"set -e\n"
	"mkdir -p $1/repo/src; cd $1/repo\n"
	"git init -q -b main .; git config user.name t; git config user.email t@example.org\n"
	"for i in $(seq 30); do\n"
	"  half=500; [ $i -lt $2 ] || half=499\n"
	"  rm -rf elsewhere; mkdir -p src\n"
	"  cat > src/shop.c <<EOF\n"
	"/* revision $i */\n"
	"__attribute__((noinline)) int rate(int customer) { __asm__ volatile(\"\"); return 1900 + customer; }\n"
	"__attribute__((noinline)) int price(int customer, int cents)\n"
	"{ int r = (cents * rate(customer) + $half) / 1000; __asm__ volatile(\"\" : \"+r\"(r)); return r; }\n"
	"int main(void) { return price(0, 15) == 29 || price(0, 15) == 28 ? 0 : 1; }\n"
	"EOF\n"
	"  [ $i != $3 ] || echo 'broken' >> src/shop.c\n"
	"  [ $i != $4 ] || mv src elsewhere\n"
	"  git add -A; git commit -q -m \"revision $i\"; git tag r$i\n"
	"done\n"
	"git checkout -q r1; cc -O1 -g -o ../shop src/shop.c; git checkout -q main\n";

static const char config[] = "{\"operations\": {\"price\": {}}, \"inputs\": {\"rate\": {}}}";

static struct command last;

static const char *in_folder(const char *name)
{
	return command_text("%s/%s", command_folder(), name);
}

static const char *tapedeck(void)
{
	return command_text("%s/tapedeck", command_build());
}

static char *said(bool is_talk)
{
	return command_file(is_talk ? last.err : last.out);
}

/* The id of the first recording of r1's build. */
static const char *record(void)
{
	autofree char *listed = NULL;
	FILE *file = fopen(in_folder("shop.json"), "w");

	fputs(config, file);
	fclose(file);
	command_must(&last,
		     ARGV(tapedeck(), "record", "-c", in_folder("shop.json"), "--to",
			  command_text("file:%s", in_folder("tape")), "--", in_folder("shop")),
		     0, TIMEOUT_S);
	command_must(&last, ARGV(tapedeck(), "ls", command_text("file:%s", in_folder("tape"))), 0, TIMEOUT_S);
	listed = said(false);
	return command_text("%.*s", (int)strcspn(listed, " \t"), listed);
}

static void prepare(const char *planted, const char *broken, const char *moved)
{
	command_must(&last, ARGV("sh", "-c", make_repository, "sh", command_folder(), planted, broken, moved),
		     0, TIMEOUT_S);
}

/* In the repository's subfolder. */
static int bisect(const char *good, const char *bad, const char *id, const char *more)
{
	command_run(&last,
		    ARGV("sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", in_folder("repo/src"),
			 tapedeck(), "bisect", "-c", in_folder("shop.json"), "--build",
			 "cc -O1 -g -o shop shop.c || { yes | head -c 3000000; echo the very end; exit 1; }",
			 "--exe", "shop", good, bad, command_text("file:%s", in_folder("tape")), id, more),
		    TIMEOUT_S);
	return last.status;
}

static void the_planted_commit_is_found_in_six_builds_and_the_work_tree_is_left_alone(void **state)
{
	autofree char *found = NULL, *changed = NULL;

	prepare("17", "0", "0");
	assert_int_equal(bisect("r1", "r30", record(), NULL), 0);
	found = said(false);
	assert_non_null(strstr(found, "the first that differs is "));
	assert_non_null(strstr(found, " revision 17\n6 builds\n"));
	command_must(&last, ARGV("git", "-C", in_folder("repo"), "status", "--porcelain"), 0, TIMEOUT_S);
	changed = said(false);
	assert_string_equal(changed, "");
}

static void commits_that_cannot_be_built_are_passed_over_and_named(void **state)
{
	autofree char *found = NULL, *talk = NULL;

	prepare("17", "16", "0");
	assert_int_equal(bisect("r1", "r30", record(), NULL), 0);
	found = said(false);
	talk = said(true);
	assert_non_null(strstr(found, "it is one of those before "));
	assert_non_null(strstr(found, " revision 16: cannot be tested: it does not build\n"));
	assert_non_null(strstr(found, ", which cannot be tested\n"));
	assert_non_null(strstr(talk, "the build ended with status 1: ..."));
	assert_non_null(strstr(talk, "the very end\n"));
}

static void a_commit_without_the_folder_cannot_be_tested(void **state)
{
	autofree char *tried = NULL, *talk = NULL;

	prepare("17", "0", "5");
	assert_int_equal(bisect("r1", "r5", record(), NULL), 3);
	tried = said(false);
	talk = said(true);
	assert_non_null(strstr(tried, " revision 5: cannot be tested: this folder is not in it\n"));
	assert_non_null(strstr(talk, "'r5' cannot be tested"));
}

static void what_is_found_is_told_as_json_too(void **state)
{
	autofree char *found = NULL;
	cJSON *json;

	prepare("2", "0", "0");
	assert_int_equal(bisect("r1", "r30", record(), "--json"), 0);
	found = said(false);
	json = cJSON_Parse(strstr(found, "{\"type\":\"found\""));
	assert_string_equal(cJSON_GetObjectItem(json, "title")->valuestring + 8, "revision 2");
	assert_int_equal(cJSON_GetObjectItem(json, "untestable")->valueint, 0);
	cJSON_Delete(json);
}

static void what_cannot_be_bisected_is_said(void **state)
{
	static const struct {
		const char *good, *bad, *words;
		int status;
	} cases[] = {
		{"r1", "nowhere", "'nowhere' is no commit of this repository", 2},
		{"r5", "r1", "'r5' is no ancestor of 'r1'", 2},
		{"r3", "r3", "there is no commit between 'r3' and 'r3'", 2},
		{"r1", "r5", "the recording is equal in 'r5': there is nothing to find", 3},
	};
	const char *id;

	prepare("17", "0", "0");
	id = record();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *talk = NULL;

		assert_int_equal(bisect(cases[i].good, cases[i].bad, id, NULL), cases[i].status);
		talk = said(true);
		assert_non_null(strstr(talk, cases[i].words));
	}
}

static int teardown(void **state)
{
	command_cleanup();
	return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_planted_commit_is_found_in_six_builds_and_the_work_tree_is_left_alone),
		TEST(commits_that_cannot_be_built_are_passed_over_and_named),
		TEST(a_commit_without_the_folder_cannot_be_tested),
		TEST(what_is_found_is_told_as_json_too),
		TEST(what_cannot_be_bisected_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
