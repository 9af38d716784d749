// SPDX-License-Identifier: BSD-3-Clause
/*
 * What storing costs: objects of one size on one S3 server, by us and by other clients, in turn; and what
 * segments gain. A bucket that everybody may write to spares curl the signing that we and rclone do.
 *
 * What it costs of our processor, with a server that takes everything: against libcurl alone, which sends
 * bodies of the same sizes, unsigned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/lookup.h"
#include "lib/s3.h"
#include "lib/util.h"
#include "tests/bench/ratio.h"
#include "tests/support/cassette_suite.h"
#include "tests/support/command.h"
#include "tests/support/fake_http.h"
#include "tests/support/s3_server.h"

#define RECORDINGS   1000 /* of a round: two objects each */
#define OBJECTS	     (2 * RECORDINGS)
#define SEGMENTED    20000
#define ASKED_FROM   (SEGMENTED - 200) /* of these in each round */
#define TAKEN	     5000	       /* recordings of a round that the processor's time is measured of */
#define TOGETHER     256
#define BODY	     4096
#define SMALL	     80 /* a metadata document */
#define ROUNDS	     5
#define LEAST_RATE   0.9 /* of the fastest other client */
#define GAIN	     20.0
#define OBJECT_LIMIT 2.0 /* of what libcurl takes */
#define OBJECT_US    40	 /* of our processor: the aim; a slow machine misses it */
#define TIMEOUT_S    120

static struct s3_server server;
static char bytes[BODY + SEGMENTED];
static int serial; /* no object is written twice */

static double now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static struct cassette *open_cassette(const char *url)
{
	struct cassette *cassette;
	struct err err = {};

	if (cassette_open(&cassette, url, true, &err))
		fail_msg("%s", err.msg);
	return cassette;
}

/* us a recording, by @clock. */
static double ours(const char *url, int cnt, clockid_t clock)
{
	struct cassette_item items[TOGETHER];
	char metadata[TOGETHER][SMALL + 1];
	auto_cassette struct cassette *cassette = open_cassette(url);
	struct err err = {};
	double begun = now_ns(clock);

	for (int first = 0; first < cnt; first += TOGETHER) {
		int together = MIN(cnt - first, TOGETHER);

		for (int i = 0; i < together; i++) {
			char id[33];

			snprintf(id, sizeof(id), "%032x", serial++);
			snprintf(
				metadata[i], sizeof(metadata[i]),
				"{\"complete\":true,\"recorded_at\":\"2025-11-25T10:00:00Z\",\"user\":{\"n\":%d}}",
				first + i);
			items[i] = (struct cassette_item){.key = suite_key("c", "20251125", id),
							  .full = {bytes + first + i, BODY},
							  .metadata = {metadata[i], strlen(metadata[i])}};
		}
		if (cassette_put_many(cassette, items, together, &err))
			fail_msg("%s", err.msg);
	}
	return (now_ns(clock) - begun) / 1e3 / cnt;
}

static double ours_on_server(const char *where, const char *params, int cnt)
{
	char url[320];

	s3_server_url(&server, url, "http", where, params);
	return ours(url, cnt, CLOCK_MONOTONIC);
}

/* us an object; $d is the folder with the same objects as files, $e the endpoint, $n a name of its own. */
static double theirs(const char *script)
{
	struct command command;
	double begun = now_ns(CLOCK_MONOTONIC);

	command_must(&command,
		     ARGV("sh", "-ec",
			  command_text("d=%s/files e=http://127.0.0.1:%d n=%d; %s", command_folder(),
				       server.port, serial++, script)),
		     0, TIMEOUT_S);
	return (now_ns(CLOCK_MONOTONIC) - begun) / 1e3 / OBJECTS;
}

static const char with_curl[] =
	"cd $d; curl -sSf -Z --parallel-max 64 -H Expect: -T \"{$(echo * | tr ' ' ,)}\" $e/bench/$n/";
static const char with_rclone[] =
	"rclone copy --config /dev/null --transfers 64 --checkers 64 --no-traverse --no-check-dest "
	"--s3-no-check-bucket --s3-no-head --s3-disable-checksum $d "
	"\":s3,provider=Ceph,access_key_id=" S3_SERVER_ACCESS ",secret_access_key=" S3_SERVER_SECRET
	",endpoint='$e',region=us-east-1:bench/$n\"";

static void make_files(void)
{
	struct command command;

	command_must(&command,
		     ARGV("sh", "-ec",
			  command_text("mkdir %s/files; cd %s/files; for i in $(seq %d); do head -c %d "
				       "/dev/urandom > f$i; head -c %d /dev/urandom > m$i; done",
				       command_folder(), command_folder(), RECORDINGS, BODY, SMALL)),
		     0, TIMEOUT_S);
}

static void open_to_all(void)
{
	struct command command;

	s3_server_make_bucket(&server, "bench");
	command_must(&command,
		     ARGV("aws", "--endpoint-url", command_text("http://127.0.0.1:%d", server.port), "s3api",
			  "put-bucket-acl", "--bucket", "bench", "--acl", "public-read-write"),
		     0, TIMEOUT_S);
}

static int count_found(const struct found *found, void *ctx)
{
	++*(int *)ctx;
	return 0;
}

/* Of all that the rounds have put there. */
static void filter_segments(void)
{
	const char *where = command_text("n>=%d", ASKED_FROM);
	const struct lookup lookup = {
		.category = "c", .where = {where}, .where_cnt = 1, .since = "2025-11-25"};
	auto_cassette struct cassette *cassette = NULL;
	struct err err = {};
	char url[320];
	double begun;
	int cnt = 0;

	s3_server_url(&server, url, "http", "bench/segments", "&layout=segments");
	cassette = open_cassette(url);
	begun = now_ns(CLOCK_MONOTONIC);
	if (lookup_each(cassette, &lookup, NULL, count_found, &cnt, &err))
		fail_msg("%s", err.msg);
	printf("%d of %d recordings in segments found in %.2f s\n", cnt, ROUNDS * SEGMENTED,
	       (now_ns(CLOCK_MONOTONIC) - begun) / 1e9);
	assert_int_equal(cnt, ROUNDS * (SEGMENTED - ASKED_FROM));
}

static void objects_are_stored_about_as_fast_as_by_the_fastest_client(void **state)
{
	struct ratio rows[] = {
		{.what = "an object of ours, against curl -Z", .limit = 1 / LEAST_RATE},
		{.what = "against rclone", .limit = 1 / LEAST_RATE},
		{.what = "a recording as objects, against segments", .limit = GAIN, .is_least = true},
	};
	bool is_fine = true;

	make_files();
	open_to_all();
	for (int i = 0; i < ROUNDS; i++) {
		double recording = ours_on_server("bench/ours", "", RECORDINGS);

		ratio_add(&rows[0], recording / 2, theirs(with_curl));
		ratio_add(&rows[1], recording / 2, theirs(with_rclone));
		ratio_add(&rows[2], recording,
			  ours_on_server("bench/segments", "&layout=segments", SEGMENTED));
	}
	ratio_print_head("storing in S3, us");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		is_fine &= ratio_print(&rows[i]);
	filter_segments();
	assert_true(is_fine);
}

/* --- our processor --- */

static const char *take_it(const struct fake_request *request, unsigned number, void *ctx)
{
	return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
}

static void put_next(CURLM *multi, CURL *easy, int port)
{
	char url[128];
	int number = serial++;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/bucket/curl/%032x", port, number);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)(number % 2 ? BODY : SMALL));
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bytes + number % SEGMENTED);
	assert_int_equal(curl_multi_add_handle(multi, easy), CURLM_OK);
}

static void begin_all(CURLM *multi, CURL *easy[S3_CONNECTIONS], struct curl_slist *headers, int port)
{
	for (int i = 0; i < S3_CONNECTIONS; i++) {
		easy[i] = curl_easy_init();
		curl_easy_setopt(easy[i], CURLOPT_CUSTOMREQUEST, "PUT");
		curl_easy_setopt(easy[i], CURLOPT_HTTPHEADER, headers);
		put_next(multi, easy[i], port);
	}
}

/* us of the processor an object. */
static double libcurls(int port, int cnt)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	CURL *easy[S3_CONNECTIONS];
	CURLM *multi = curl_multi_init();
	int begun = S3_CONNECTIONS, done = 0, number;
	double us = now_ns(CLOCK_THREAD_CPUTIME_ID);
	CURLMsg *msg;

	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)S3_CONNECTIONS);
	begin_all(multi, easy, headers, port);
	while (done < cnt) {
		assert_int_equal(curl_multi_perform(multi, &number), CURLM_OK);
		for (msg = curl_multi_info_read(multi, &number); msg;
		     msg = curl_multi_info_read(multi, &number)) {
			CURL *ended = msg->easy_handle;

			assert_int_equal(msg->data.result, CURLE_OK);
			curl_multi_remove_handle(multi, ended);
			done++;
			if (begun++ < cnt)
				put_next(multi, ended, port);
		}
		if (done < cnt)
			curl_multi_poll(multi, NULL, 0, TIMEOUT_S * 1000, NULL);
	}
	us = (now_ns(CLOCK_THREAD_CPUTIME_ID) - us) / 1e3 / cnt;
	for (int i = 0; i < S3_CONNECTIONS; i++)
		curl_easy_cleanup(easy[i]);
	curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
	return us;
}

static void an_object_takes_less_than_twice_of_our_processor_what_libcurl_takes(void **state)
{
	struct ratio row = {.what = "an object of ours, against libcurl", .limit = OBJECT_LIMIT};
	struct fake_http *fake;
	char url[128];
	bool is_fine;
	int port;

	fake = fake_http_start(&port, take_it, NULL);
	snprintf(url, sizeof(url), "s3://bucket/p?endpoint=http://127.0.0.1:%d", port);
	for (int i = 0; i < ROUNDS; i++) {
		double recording = ours(url, TAKEN, CLOCK_THREAD_CPUTIME_ID);

		ratio_add(&row, recording / 2, libcurls(port, 2 * TAKEN));
	}
	assert_int_equal(fake_http_stop(fake), ROUNDS * 2 * 2 * TAKEN);
	ratio_print_head("storing in S3, us of our processor");
	is_fine = ratio_print(&row);
	printf("(the aim, which a slow machine misses: %d us)\n", OBJECT_US);
	assert_true(is_fine);
}

static int setup(void **state)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = rand();
	s3_server_environment();
	s3_server_start(&server, "");
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
		cmocka_unit_test(objects_are_stored_about_as_fast_as_by_the_fastest_client),
		cmocka_unit_test(an_object_takes_less_than_twice_of_our_processor_what_libcurl_takes),
	};

	return cmocka_run_group_tests_name("storing", tests, setup, teardown);
}
