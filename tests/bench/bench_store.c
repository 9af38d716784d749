// SPDX-License-Identifier: BSD-3-Clause
/*
 * What storing costs: objects of one size on one S3 server, by us and by other clients, in turn; and what
 * segments gain. A bucket that everybody may write to spares curl the signing that we and rclone do.
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

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/util.h"
#include "tests/bench/ratio.h"
#include "tests/support/cassette_suite.h"
#include "tests/support/command.h"
#include "tests/support/s3_server.h"

#define RECORDINGS 1000 /* of a round: two objects each */
#define OBJECTS	   (2 * RECORDINGS)
#define SEGMENTED  20000
#define TOGETHER   256
#define BODY	   4096
#define SMALL	   80 /* a metadata document */
#define ROUNDS	   5
#define LEAST_RATE 0.9 /* of the fastest other client */
#define GAIN	   20.0
#define TIMEOUT_S  120

static struct s3_server server;
static char bytes[BODY + SEGMENTED];
static int serial; /* no object is written twice */

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

/* us a recording. */
static double ours(const char *params, int cnt)
{
	struct cassette_item items[TOGETHER];
	char metadata[TOGETHER][SMALL + 1], url[320];
	auto_cassette struct cassette *cassette = NULL;
	struct err err = {};
	double begun;

	s3_server_url(&server, url, "http", "bench/ours", params);
	if (cassette_open(&cassette, url, true, &err))
		fail_msg("%s", err.msg);
	begun = now_ns();
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
	return (now_ns() - begun) / 1e3 / cnt;
}

/* us an object; $d is the folder with the same objects as files, $e the endpoint, $n a name of its own. */
static double theirs(const char *script)
{
	struct command command;
	double begun = now_ns();

	command_must(&command,
		     ARGV("sh", "-ec",
			  command_text("d=%s/files e=http://127.0.0.1:%d n=%d; %s", command_folder(),
				       server.port, serial++, script)),
		     0, TIMEOUT_S);
	return (now_ns() - begun) / 1e3 / OBJECTS;
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
		double recording = ours("", RECORDINGS);

		ratio_add(&rows[0], recording / 2, theirs(with_curl));
		ratio_add(&rows[1], recording / 2, theirs(with_rclone));
		ratio_add(&rows[2], recording, ours("&layout=segments", SEGMENTED));
	}
	ratio_print_head("storing in S3, us");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		is_fine &= ratio_print(&rows[i]);
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
	};

	return cmocka_run_group_tests_name("storing", tests, setup, teardown);
}
