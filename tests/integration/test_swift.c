// SPDX-License-Identifier: BSD-3-Clause
/* The S3 cassette against OpenStack Swift: another reading of the same protocol, that is stricter about what
 * is signed; what it lacks is asserted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/s3.h"
#include "lib/util.h"
#include "tests/support/cassette_suite.h"
#include "tests/support/swift_server.h"

static struct swift_server server;

static void fresh(char url[SUITE_URL_MAX], const char *params)
{
	char id[33];

	random_id(id);
	s3_server_url(&server.at, url, "http", command_text("suite/%s", id), params);
}

static void make(char url[SUITE_URL_MAX])
{
	fresh(url, "");
}

static int put_with(const char *params, struct err *err)
{
	struct recording_key key = suite_key("c", "20251125", A);
	auto_cassette struct cassette *cassette = NULL;
	char url[SUITE_URL_MAX];
	int r;

	fresh(url, params);
	r = cassette_open(&cassette, url, true, err);
	return r ? r : cassette_put(cassette, &key, "full", 4, "{}", err);
}

/* Ceph takes any region; here the scope of the signature must name the server's. */
static void a_wrong_region_is_learned_from_the_server(void **state)
{
	struct err err = {};

	if (put_with("&region=eu-north-9", &err))
		fail_msg("%s", err.msg);
}

static void a_wrong_secret_or_bucket_is_said(void **state)
{
	struct err err = {};

	setenv("AWS_SECRET_ACCESS_KEY", "wrong", 1);
	assert_int_equal(put_with("", &err), -EACCES);
	assert_non_null(strstr(err.hint, "check the"));
	assert_null(strstr(err.msg, SWIFT_SECRET));
	swift_server_environment();
}

static void what_it_has_not_is_refused_and_said(void **state)
{
	static const struct {
		const char *params;
		int result;
		const char *words;
	} cases[] = {
		{"&storage-class=STANDARD_IA", -EINVAL, "it has no such storage class"},
		{"&sse=AES256", -ENOTSUP, "it cannot do this"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {};
		int r = put_with(cases[i].params, &err);

		if (r != cases[i].result || !strstr(err.msg, cases[i].words))
			fail_msg("%s: %d %s", cases[i].params, r, err.msg);
	}
}

static void a_part_of_a_segment_is_a_recording(void **state)
{
	struct recording_key key = suite_key("c", "20251125", A);
	auto_cassette struct cassette *cassette = NULL;
	char url[SUITE_URL_MAX];
	struct blob blob;

	fresh(url, "&layout=segments");
	assert_int_equal(cassette_open(&cassette, url, true, NULL), 0);
	suite_put(cassette, "c", "20251125", A);
	assert_int_equal(cassette_get(cassette, &key, &blob, NULL), 0);
	suite_assert_blob(&blob, "full", 4);
}

static void a_large_recording_goes_in_parts(void **state)
{
	struct recording_key key = suite_key("c", "20251125", A);
	auto_cassette struct cassette *cassette = NULL;
	size_t len = S3_SINGLE_MAX + 1;
	autofree char *large = malloc(len);
	char url[SUITE_URL_MAX];
	struct err err = {};
	struct blob blob;

	for (size_t i = 0; i < len; i++)
		large[i] = i * 2654435761u >> 24;
	fresh(url, "");
	assert_int_equal(cassette_open(&cassette, url, true, NULL), 0);
	if (cassette_put(cassette, &key, large, len, "{}", &err) || cassette_get(cassette, &key, &blob, &err))
		fail_msg("%s", err.msg);
	suite_assert_blob(&blob, large, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_region_is_learned_from_the_server),
		cmocka_unit_test(a_wrong_secret_or_bucket_is_said),
		cmocka_unit_test(what_it_has_not_is_refused_and_said),
		cmocka_unit_test(a_part_of_a_segment_is_a_recording),
		cmocka_unit_test(a_large_recording_goes_in_parts),
	};
	static const struct cassette_suite suite = {"cassette s3: on Swift", make};
	int failed;

	swift_server_environment();
	swift_server_start(&server);
	s3_server_make_bucket(&server.at, "suite");
	failed = cassette_suite_run(&suite);
	failed += cmocka_run_group_tests_name("s3 on Swift", tests, NULL, NULL);
	swift_server_stop(&server);
	command_cleanup();
	return failed;
}
