// SPDX-License-Identifier: BSD-3-Clause
/* Large objects, storage classes, encryption and tags on Ceph's gateway, looked at with awscli. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/lookup.h"
#include "lib/s3.h"
#include "lib/util.h"
#include "tests/support/cassette_suite.h"
#include "tests/support/command.h"
#include "tests/support/s3_server.h"

#define LARGE (S3_SINGLE_MAX + S3_PART_BYTES / 2) /* bytes: five parts */
#define KEY   "tape_recorder_recordings/eu/full/c/20251125/" A

static struct s3_server server;
static char *large; /* bytes that differ everywhere */

static const char *url_of(const char *bucket, const char *params)
{
	static char url[320];

	s3_server_url(&server, url, "http", command_text("%s/eu", bucket), params);
	return url;
}

static struct cassette *open_in(const char *bucket, const char *params, const volatile sig_atomic_t *stop)
{
	const struct cassette_opts opts = {.create = true, .stop = stop};
	struct cassette *cassette;
	struct err err = {};

	if (cassette_open_with(&cassette, url_of(bucket, params), &opts, &err))
		fail_msg("%s", err.msg);
	return cassette;
}

/* What awscli says; $k is the key. */
static char *shell(const char *words)
{
	struct command command;

	command_must(
		&command,
		ARGV("sh", "-c",
		     command_text("k=" KEY
				  "; aws() { command aws --endpoint-url http://127.0.0.1:%d \"$@\"; }; %s",
				  server.port, words)),
		0, 120);
	return command_file(command.out);
}

static void assert_large_is_there(struct cassette *cassette, const char *bucket)
{
	struct recording_key key = suite_key("c", "20251125", A);
	autofree char *head = NULL, *uploads = NULL;
	struct blob blob;

	assert_int_equal(cassette_get(cassette, &key, &blob, NULL), 0);
	suite_assert_blob(&blob, large, LARGE);
	head = shell(command_text("aws s3api head-object --bucket %s --key $k", bucket));
	assert_non_null(strstr(head, "-5\\\"\""));
	uploads = shell(command_text("aws s3api list-multipart-uploads --bucket %s", bucket));
	assert_null(strstr(uploads, "UploadId"));
}

static void a_large_recording_goes_in_parts_and_comes_back(void **state)
{
	struct recording_key key = suite_key("c", "20251125", A);
	struct cassette_item items[2] = {
		{.key = key, .full = {large, LARGE}, .metadata = {"{}", 2}},
		{.key = suite_key("c", "20251125", B), .full = {"full", 4}, .metadata = {"{}", 2}},
	};
	auto_cassette struct cassette *cassette = NULL;
	struct err err = {};
	struct blob blob;

	s3_server_make_bucket(&server, "large");
	cassette = open_in("large", "", NULL);
	if (cassette_put_many(cassette, items, 2, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(items[0].result | items[1].result, 0);
	assert_large_is_there(cassette, "large");
	assert_int_equal(cassette_get(cassette, &items[1].key, &blob, NULL), 0);
	suite_assert_blob(&blob, "full", 4);
}

static void parts_that_are_there_are_not_sent_again_and_wrong_ones_are(void **state)
{
	struct s3_call put = {.method = "PUT", .key = KEY, .body = large, .len = LARGE};
	auto_cassette struct cassette *cassette = NULL;
	const char *file = command_text("%s/large", command_folder());
	struct s3_counts counts;
	struct err err = {};
	struct s3_url parsed;
	FILE *out = fopen(file, "w");
	struct s3 *s3;

	assert_int_equal(fwrite(large, 1, LARGE, out), LARGE);
	fclose(out);
	s3_server_make_bucket(&server, "resumed");
	free(shell(command_text(
		"set -e; i=$(aws s3api create-multipart-upload --bucket resumed --key $k --query UploadId --output text);"
		"part() { aws s3api upload-part --bucket resumed --key $k --upload-id $i --part-number $1 --body $2; };"
		"head -c %d %s >%s.1; part 1 %s.1; part 2 %s.1",
		S3_PART_BYTES, file, file, file, file)));
	assert_int_equal(s3_url_parse(&parsed, url_of("resumed", "") + strlen("s3:"), NULL), 0);
	assert_int_equal(s3_open(&s3, &parsed, NULL), 0);
	if (s3_put_parts(s3, &put, &err))
		fail_msg("%s", err.msg);
	s3_counts(s3, &counts);
	assert_in_range(counts.sent_bytes, LARGE - S3_PART_BYTES, LARGE - S3_PART_BYTES + 4096);
	s3_close(s3);
	cassette = open_in("resumed", "", NULL);
	assert_large_is_there(cassette, "resumed");
}

static volatile sig_atomic_t stop;

static void *stop_soon(void *arg)
{
	usleep(100000);
	stop = 1;
	return NULL;
}

static void one_that_was_cut_short_is_gone_on_with(void **state)
{
	struct recording_key key = suite_key("c", "20251125", A);
	struct cassette *cassette;
	autofree char *uploads = NULL;
	struct err err = {};
	pthread_t thread;

	s3_server_make_bucket(&server, "cut");
	cassette = open_in("cut", "&connections=1", &stop);
	pthread_create(&thread, NULL, stop_soon, NULL);
	assert_int_equal(cassette_put(cassette, &key, large, LARGE, "{}", &err), -ECANCELED);
	pthread_join(thread, NULL);
	cassette_close(cassette);
	uploads = shell("aws s3api list-multipart-uploads --bucket cut");
	assert_non_null(strstr(uploads, "UploadId"));
	cassette = open_in("cut", "", NULL);
	if (cassette_put(cassette, &key, large, LARGE, "{}", &err))
		fail_msg("%s", err.msg);
	assert_large_is_there(cassette, "cut");
	cassette_close(cassette);
}

static void classes_and_tags_are_what_the_url_says(void **state)
{
	struct recording_key key = suite_key("c", "20251125", A);
	auto_cassette struct cassette *cassette = NULL;
	autofree char *head = NULL, *tags = NULL;

	s3_server_make_bucket(&server, "classes");
	cassette = open_in("classes", "&storage-class=STANDARD_IA&tags=team%3Dshop", NULL);
	suite_put(cassette, key.category, key.day, key.id);
	head = shell("aws s3api head-object --bucket classes --key $k");
	assert_non_null(strstr(head, "\"StorageClass\": \"STANDARD_IA\""));
	tags = shell("aws s3api get-object-tagging --bucket classes --key $k");
	assert_non_null(strstr(tags, "\"shop\""));
}

/* This gateway has no keys to encrypt with, and no such class. */
static void what_the_store_cannot_do_is_refused_and_said(void **state)
{
	static const struct {
		const char *params, *words;
	} cases[] = {
		{"&storage-class=NO_SUCH", "it takes a part of the request for invalid"},
		{"&sse=AES256", "400"},
		{"&sse=aws:kms&kms-key=none", "400"},
	};
	struct recording_key key = suite_key("c", "20251125", A);

	s3_server_make_bucket(&server, "refused");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cassette *cassette = open_in("refused", cases[i].params, NULL);
		struct err err = {};
		int r = cassette_put(cassette, &key, "full", 4, "{}", &err);

		if (r >= 0 || !strstr(err.msg, cases[i].words))
			fail_msg("%s: %d %s", cases[i].params, r, err.msg);
		assert_int_equal(cassette_find(cassette, A, &key, NULL), -ENOENT);
		cassette_close(cassette);
	}
}

/* --- many --- */

#define LISTED	   100000
#define ASKED_FROM 99000
#define TOGETHER   256
#define BODY	   64

static void put_recordings(struct cassette *cassette)
{
	struct cassette_item items[TOGETHER];
	char metadata[TOGETHER][96];
	struct err err = {};

	for (int first = 0; first < LISTED; first += TOGETHER) {
		int together = MIN(LISTED - first, TOGETHER);

		for (int i = 0; i < together; i++) {
			char id[33];

			snprintf(id, sizeof(id), "%032x", first + i);
			snprintf(
				metadata[i], sizeof(metadata[i]),
				"{\"complete\":true,\"recorded_at\":\"2025-11-25T10:00:00Z\",\"user\":{\"n\":%d}}",
				first + i);
			items[i] = (struct cassette_item){.key = suite_key("c", "20251125", id),
							  .full = {large + (first + i) * 8, BODY},
							  .metadata = {metadata[i], strlen(metadata[i])}};
		}
		if (cassette_put_many(cassette, items, together, &err))
			fail_msg("%s", err.msg);
	}
}

/* @ctx: how often each was found, by its number. */
static int count_found(const struct found *found, void *ctx)
{
	unsigned long number = strtoul(found->key.id, NULL, 16);

	assert_in_range(number, 0, LISTED - 1);
	((unsigned char *)ctx)[number]++;
	return 0;
}

static void of_a_hundred_thousand_recordings_those_asked_for_are_found(void **state)
{
	const char *where = command_text("n>=%d", ASKED_FROM);
	const struct lookup lookup = {
		.category = "c", .where = {where}, .where_cnt = 1, .since = "2025-11-25"};
	static unsigned char times[LISTED];
	auto_cassette struct cassette *cassette = NULL;
	struct err err = {};

	s3_server_make_bucket(&server, "hundred-thousand");
	cassette = open_in("hundred-thousand", "&layout=segments", NULL);
	put_recordings(cassette);
	cassette_close(cassette);
	cassette = open_in("hundred-thousand", "&layout=segments", NULL);
	if (lookup_each(cassette, &lookup, NULL, count_found, times, &err))
		fail_msg("%s", err.msg);
	for (int i = 0; i < LISTED; i++)
		if (times[i] != (i >= ASKED_FROM))
			fail_msg("%d is found %d times", i, times[i]);
}

static int setup(void **state)
{
	large = malloc(LARGE);
	for (size_t i = 0; i + sizeof(i) <= LARGE; i += sizeof(i))
		memcpy(large + i, &i, sizeof(i));
	s3_server_environment();
	s3_server_start(&server, "");
	return 0;
}

static int teardown(void **state)
{
	s3_server_stop(&server);
	command_cleanup();
	free(large);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_recording_goes_in_parts_and_comes_back),
		cmocka_unit_test(parts_that_are_there_are_not_sent_again_and_wrong_ones_are),
		cmocka_unit_test(one_that_was_cut_short_is_gone_on_with),
		cmocka_unit_test(classes_and_tags_are_what_the_url_says),
		cmocka_unit_test(what_the_store_cannot_do_is_refused_and_said),
		cmocka_unit_test(of_a_hundred_thousand_recordings_those_asked_for_are_found),
	};

	return cmocka_run_group_tests_name("objects on S3", tests, setup, teardown);
}
