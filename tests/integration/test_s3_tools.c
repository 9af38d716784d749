// SPDX-License-Identifier: BSD-3-Clause
/* The tools on S3, and strangers on what they wrote there: the golden orders, on Ceph's gateway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/util.h"
#include "tests/support/command.h"
#include "tests/support/s3_server.h"

#define GOLDEN "tests/golden/orders/tape"
#define ORDERS 24
#define ROOT   "tape_recorder_recordings/eu/"

static struct s3_server server;
static char url[320], endpoint[64];

static const char *path(const char *name)
{
	return command_text("%s/%s", name[0] == '@' ? command_build() : command_folder(),
			    name + (name[0] == '@'));
}

/* Run tapedeck with these words; its stdout, the caller's. */
static char *run(int status, const char *const words[])
{
	const char *argv[16] = {path("@/tapedeck")};
	struct command command;

	for (size_t i = 0; words[i]; i++)
		argv[i + 1] = words[i];
	command_must(&command, argv, status, 120);
	return command_file(command.out);
}

static void run_quiet(int status, const char *const words[])
{
	free(run(status, words));
}

/* A stranger's words, of which the shell knows $url's bucket. */
static char *shell(const char *words)
{
	struct command command;

	command_must(
		&command,
		ARGV("sh", "-c",
		     command_text("aws() { command aws --endpoint-url %s \"$@\"; }; %s", endpoint, words)),
		0, 120);
	return command_file(command.out);
}

static size_t lines(const char *text)
{
	size_t cnt = 0;

	for (; *text; text++)
		cnt += *text == '\n';
	return cnt;
}

/* The golden orders in a bucket of their own. */
static void fill(const char *bucket)
{
	s3_server_make_bucket(&server, bucket);
	s3_server_url(&server, url, "http", command_text("%s/eu", bucket), "");
	run_quiet(0, ARGV("cp", "file:" GOLDEN, url));
}

static void what_goes_to_s3_and_back_is_the_same_bytes(void **state)
{
	autofree char *was = run(0, ARGV("ls", "file:" GOLDEN, "--incomplete", "--json")), *is = NULL;
	const char *back = path("back");

	fill("the-cp");
	is = run(0, ARGV("ls", url, "--incomplete", "--json"));
	assert_string_equal(was, is);
	run_quiet(0, ARGV("cp", url, command_text("file:%s", back)));
	free(shell(command_text("diff -r " GOLDEN " %s", back)));
}

/* Objects to segments on S3, tidied up there, and back to objects. */
static void segments_on_s3_hold_the_same_and_give_it_back(void **state)
{
	autofree char *was = run(0, ARGV("ls", "file:" GOLDEN, "--incomplete", "--json")), *is = NULL,
		      *differs = NULL;
	const char *back = path("segments-back"), *segments;

	fill("segments");
	segments = command_text("%s&layout=segments", url);
	run_quiet(0,
		  ARGV("cp", "file:" GOLDEN, command_text("file:%s?layout=segments", path("file-segments"))));
	run_quiet(0, ARGV("cp", command_text("file:%s?layout=segments", path("file-segments")), segments));
	run_quiet(0, ARGV("compact", segments));
	free(shell("test $(aws s3 ls --recursive s3://segments/" ROOT "segments/ | wc -l) = "
		   "$(aws s3 ls --recursive s3://segments/" ROOT
		   "segments/ | cut -d/ -f 4 | sort -u | wc -l) &&"
		   "test -z \"$(aws s3 ls --recursive s3://segments/" ROOT "full/)\""));
	is = run(0, ARGV("ls", segments, "--incomplete", "--json"));
	assert_string_equal(was, is);
	run_quiet(0, ARGV("verify", segments));
	run_quiet(0, ARGV("cp", segments, command_text("file:%s", back)));
	free(shell(command_text("diff -r " GOLDEN " %s", back)));
	/* Strangers find and fetch one by the index alone. */
	differs = shell(
		"d=$(mktemp -d); aws s3 cp --quiet --recursive s3://segments/" ROOT "index/ $d;"
		"zcat $d/dt=*/*.jsonl.gz | head -1 | python3 -c 'import json, sys; l = json.load(sys.stdin);"
		"print(l[\"segment\"], \"bytes=%d-%d\" % (l[\"offset\"], l[\"offset\"] + l[\"length\"] - 1), l[\"id\"])'"
		"| { read s r i; aws s3api get-object --bucket segments --key $s --range $r $d/one >/dev/null;"
		"cmp $d/one " GOLDEN "/tape_recorder_recordings/full/$i; rm -r $d; }");
	assert_string_equal(differs, "");
}

static void du_on_s3_counts_what_it_counts_of_files(void **state)
{
	autofree char *was = run(0, ARGV("du", "file:" GOLDEN, "--json")), *is = NULL;

	fill("the-du");
	is = run(0, ARGV("du", url, "--json"));
	assert_string_equal(was, is);
}

static void rm_on_s3_takes_what_the_filter_says_and_nothing_else(void **state)
{
	autofree char *left = NULL, *said = NULL, *gone = NULL;

	fill("the-rm");
	gone = run(0, ARGV("ls", url, "--where", "order<=10"));
	assert_int_equal(lines(gone), 10);
	said = run(0, ARGV("rm", url, "--where", "order<=10"));
	assert_string_equal(said, "10 recordings removed\n");
	left = run(0, ARGV("ls", url, "--incomplete"));
	assert_int_equal(lines(left), ORDERS - 10);
	run_quiet(0, ARGV("rm", url, "--all"));
	free(said);
	said = shell("aws s3 ls --recursive s3://the-rm/ | grep -v ' schema/' || true");
	assert_string_equal(said, "");
}

static void verify_on_s3_names_what_is_damaged_foreign_or_half(void **state)
{
	autofree char *said = NULL;

	fill("verify");
	run_quiet(0, ARGV("verify", url));
	/* A key of nobody's is passed over; a document that was edited, a body cut short and one that is gone
	 * are not. */
	free(shell("set -e; cd $(mktemp -d); echo x >x; aws s3 cp x s3://verify/" ROOT "metadata/readme.txt;"
		   "keys=$(aws s3 ls --recursive s3://verify/" ROOT
		   "full/HandleOrder/ | awk '{ print $4 }' | head -3);"
		   "set -- $keys;"
		   "aws s3 cp s3://verify/$1 body; head -c 100 body >cut; aws s3 cp cut s3://verify/$1;"
		   "aws s3 rm s3://verify/$2;"
		   "echo '{\"complete\": tru' >doc;"
		   "aws s3 cp doc s3://verify/$(echo $3 | sed s,/full/,/metadata/,)"));
	said = run(1, ARGV("verify", url));
	assert_non_null(strstr(said, "torn"));
	assert_non_null(strstr(said, "its recording is missing"));
	assert_non_null(strstr(said, "its metadata is no JSON object"));
	assert_null(strstr(said, "readme"));
}

/* By FORMAT.md alone: the first entry of the table of sections, at 48, is the metadata, packed by zlib: the
 * same bytes as beside it in the cassette. */
static void strangers_read_the_parts_that_the_format_says_they_can(void **state)
{
	autofree char *listed = NULL, *inside = NULL, *types = NULL;
	const char *copy = path("strange");

	fill("strange");
	listed = shell("aws s3 ls --recursive s3://strange/" ROOT "metadata/HandleOrder/");
	assert_int_equal(lines(listed), ORDERS);
	free(shell(command_text("aws s3 cp --quiet --recursive s3://strange/ %s", copy)));
	free(shell(command_text("cp $(find %s/" ROOT "full/HandleOrder -type f | sort | head -1) %s.full && "
				"cp $(find %s/" ROOT
				"metadata/HandleOrder -type f | sort | head -1) %s.metadata",
				copy, copy, copy, copy)));
	inside = shell(command_text(
		"u64() { od -An -tu8 -j$1 -N8 %s.full | tr -d ' '; };"
		"dd if=%s.full bs=1 skip=$(u64 56) count=$(u64 64) status=none | python3 -c 'import sys, zlib;"
		"sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read()))' | cmp - %s.metadata",
		copy, copy, copy));
	assert_string_equal(inside, "");
	types = shell(command_text(
		"$(command -v bpftool || echo /usr/sbin/bpftool) btf dump file %s/schema/* format c", copy));
	assert_non_null(strstr(types, "struct request {"));
}

static void bad_input_gets_a_clear_line_and_its_status(void **state)
{
	static const struct {
		const char *words[3], *where, *params, *access, *secret;
		int status;
		const char *message, *hint;
	} cases[] = {
		{{"ls"}, "the-bad/eu", "", NULL, "wrong", 3, "denied", "check the keys"},
		{{"ls"}, "the-bad/eu", "", "NOBODY", NULL, 3, "denied", "check the keys"},
		{{"du"},
		 "the-other/eu",
		 "",
		 NULL,
		 NULL,
		 3,
		 "there is no such bucket",
		 "check the bucket's name"},
		{{"verify"},
		 "the-bad/eu",
		 "&endpoint=http://127.0.0.1:1&tries=1",
		 NULL,
		 NULL,
		 3,
		 "cannot connect",
		 "check the endpoint"},
		{{"ls"},
		 "the-bad/eu",
		 "&endpoint=http://no.invalid&tries=1",
		 NULL,
		 NULL,
		 3,
		 "no such host",
		 "check the endpoint's name"},
		{{"ls"},
		 "the-bad/eu",
		 "&ca=/etc/passwd",
		 NULL,
		 NULL,
		 3,
		 "trusted certificates cannot be used",
		 "it must hold PEM certificates"},
		{{"ls"},
		 "the-bad/eu",
		 "&regoin=eu",
		 NULL,
		 NULL,
		 2,
		 "s3 takes no parameter 'regoin'",
		 "did you mean 'region='?"},
		{{"ls"}, "the-bad/eu", "&secret-key=x", NULL, NULL, 2, "no place for secrets", "profile="},
		{{"ls"},
		 "the-bad/eu",
		 "&layout=files",
		 NULL,
		 NULL,
		 2,
		 "'layout=files' cannot be",
		 "write layout=objects or layout=segments"},
		{{"ls"}, "A_/eu", "", NULL, NULL, 2, "cannot be a bucket", "3 to 63 letters"},
		{{"ls"}, "the-bad/../eu", "", NULL, NULL, 2, "'../eu' cannot be a prefix", ""},
		{{"show", "c/20251125/../../etc/passwd"},
		 "the-bad/eu",
		 "",
		 NULL,
		 NULL,
		 2,
		 "is not the id of a recording",
		 "an id is <category>"},
		{{"rm", "../20251125/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
		 "the-bad/eu",
		 "",
		 NULL,
		 NULL,
		 2,
		 "is not the id of a recording",
		 "an id is <category>"},
		{{"show", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
		 "the-bad/eu",
		 "",
		 NULL,
		 NULL,
		 3,
		 "no recording 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
		 "lists what is there"},
	};

	fill("the-bad");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *said = NULL;
		struct command command;
		char bad[400];

		s3_server_url(&server, bad, strstr(cases[i].params, "ca=") ? "https" : "http", cases[i].where,
			      cases[i].params);
		setenv("AWS_ACCESS_KEY_ID", cases[i].access ? cases[i].access : S3_SERVER_ACCESS, 1);
		setenv("AWS_SECRET_ACCESS_KEY", cases[i].secret ? cases[i].secret : S3_SERVER_SECRET, 1);
		command_run(&command, ARGV(path("@/tapedeck"), cases[i].words[0], bad, cases[i].words[1]),
			    60);
		s3_server_environment();
		said = command_file(command.err);
		if (command.status != cases[i].status || !strstr(said, cases[i].message) ||
		    !strstr(said, cases[i].hint) || strstr(said, S3_SERVER_SECRET))
			fail_msg("%s %s: %d %s", cases[i].words[0], bad, command.status, said);
	}
	/* Nothing was changed by all of that. */
	run_quiet(0, ARGV("verify", url));
}

static void a_document_edited_by_hand_is_said_and_the_others_are_listed(void **state)
{
	autofree char *listed = NULL, *said = NULL;
	struct command command;

	fill("edited");
	free(shell("k=$(aws s3 ls --recursive s3://edited/" ROOT
		   "metadata/HandleOrder/ | awk '{ print $4; exit }');"
		   "echo '{ \"complete\": true, }' | aws s3 cp --quiet - s3://edited/$k"));
	command_must(&command, ARGV(path("@/tapedeck"), "ls", url), 0, 60);
	listed = command_file(command.out);
	said = command_file(command.err);
	assert_int_equal(lines(listed), ORDERS - 1);
	assert_non_null(strstr(said, "1 "));
	assert_non_null(strstr(said, "metadata"));
}

static void a_second_equalize_behind_a_cache_reads_no_body_from_s3(void **state)
{
	const char *cached;

	fill("cached");
	cached = command_text("cached:%s+%s", path("cache"), url);
	run_quiet(0, ARGV("equalize", "-c", "examples/orders/orders.json", "--exe",
			  path("@/examples/orders/ordersd-static"), cached));
	free(shell("aws s3 rm --quiet --recursive s3://cached/" ROOT "full/"));
	run_quiet(0, ARGV("equalize", "-c", "examples/orders/orders.json", "--exe",
			  path("@/examples/orders/ordersd-static"), cached));
}

static int setup(void **state)
{
	s3_server_environment();
	s3_server_start(&server, "");
	snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", server.port);
	return 0;
}

static int teardown(void **state)
{
	s3_server_stop(&server);
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_to_s3_and_back_is_the_same_bytes),
		cmocka_unit_test(segments_on_s3_hold_the_same_and_give_it_back),
		cmocka_unit_test(du_on_s3_counts_what_it_counts_of_files),
		cmocka_unit_test(rm_on_s3_takes_what_the_filter_says_and_nothing_else),
		cmocka_unit_test(verify_on_s3_names_what_is_damaged_foreign_or_half),
		cmocka_unit_test(strangers_read_the_parts_that_the_format_says_they_can),
		cmocka_unit_test(bad_input_gets_a_clear_line_and_its_status),
		cmocka_unit_test(a_document_edited_by_hand_is_said_and_the_others_are_listed),
		cmocka_unit_test(a_second_equalize_behind_a_cache_reads_no_body_from_s3),
	};

	return cmocka_run_group_tests_name("tools on S3", tests, setup, teardown);
}
