// SPDX-License-Identifier: BSD-3-Clause
#include "lib/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/util.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define HEADERS_MAX 8

struct vector {
	const char *name, *method, *path, *query, *payload;
	struct sigv4_header headers[HEADERS_MAX];
	const char *signature;
};

static void assert_signed(const struct vector *vector, const struct sigv4_scope *scope, const char *secret)
{
	struct sigv4_key key = {};
	struct sigv4_request request = {
		.method = vector->method,
		.path = vector->path,
		.query = vector->query,
		.headers = vector->headers,
		.payload_sha256 = vector->payload ? vector->payload : EMPTY,
	};
	auto_buf struct buf got;
	char tail[128];

	while (request.header_cnt < HEADERS_MAX && vector->headers[request.header_cnt].name)
		request.header_cnt++;
	buf_init(&got, 4096);
	sigv4_key_update(&key, secret, scope);
	sigv4_sign(&got, &key, scope, &request);
	assert_int_equal(got.failed, 0);
	snprintf(tail, sizeof(tail), ", Signature=%s", vector->signature);
	if (!strstr((char *)got.data, tail))
		fail_msg("%s: %s", vector->name, got.data);
}

/* "Examples: Signature Calculations" of the Amazon S3 API reference. */
static void the_examples_of_the_s3_reference_are_met(void **state)
{
	static const struct vector vectors[] = {
		{"GET object",
		 "GET",
		 "/test.txt",
		 "",
		 NULL,
		 {{"host", "examplebucket.s3.amazonaws.com"},
		  {"range", "bytes=0-9"},
		  {"x-amz-content-sha256", EMPTY},
		  {"x-amz-date", "20130524T000000Z"}},
		 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"PUT object",
		 "PUT",
		 "/test%24file.text",
		 "",
		 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
		 {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
		  {"host", "examplebucket.s3.amazonaws.com"},
		  {"x-amz-content-sha256",
		   "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
		  {"x-amz-date", "20130524T000000Z"},
		  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
		 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
		{"GET bucket lifecycle",
		 "GET",
		 "/",
		 "lifecycle=",
		 NULL,
		 {{"host", "examplebucket.s3.amazonaws.com"},
		  {"x-amz-content-sha256", EMPTY},
		  {"x-amz-date", "20130524T000000Z"}},
		 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"GET bucket, list objects",
		 "GET",
		 "/",
		 "max-keys=2&prefix=J",
		 NULL,
		 {{"host", "examplebucket.s3.amazonaws.com"},
		  {"x-amz-content-sha256", EMPTY},
		  {"x-amz-date", "20130524T000000Z"}},
		 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	};
	static const struct sigv4_scope scope = {
		.access_key = "AKIAIOSFODNN7EXAMPLE",
		.region = "us-east-1",
		.service = "s3",
		.date = "20130524T000000Z",
	};

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		assert_signed(&vectors[i], &scope, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
}

#define SUITE_HOST                                                                                           \
	{                                                                                                    \
		"host", "example.amazonaws.com"                                                              \
	}
#define SUITE_DATE                                                                                           \
	{                                                                                                    \
		"x-amz-date", "20150830T123600Z"                                                             \
	}

/* From the Signature Version 4 test suite that AWS publishes; the names are those of its folders. */
static void the_test_suite_of_aws_is_met(void **state)
{
	static const struct vector vectors[] = {
		{"get-vanilla",
		 "GET",
		 "/",
		 "",
		 NULL,
		 {SUITE_HOST, SUITE_DATE},
		 "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-vanilla-query-order-key-case",
		 "GET",
		 "/",
		 "Param1=value1&Param2=value2",
		 NULL,
		 {SUITE_HOST, SUITE_DATE},
		 "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-utf8",
		 "GET",
		 "/%E1%88%B4",
		 "",
		 NULL,
		 {SUITE_HOST, SUITE_DATE},
		 "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
		{"get-unreserved",
		 "GET",
		 "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
		 "",
		 NULL,
		 {SUITE_HOST, SUITE_DATE},
		 "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{"get-header-value-trim",
		 "GET",
		 "/",
		 "",
		 NULL,
		 {SUITE_HOST, {"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}, SUITE_DATE},
		 "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
		{"post-vanilla",
		 "POST",
		 "/",
		 "",
		 NULL,
		 {SUITE_HOST, SUITE_DATE},
		 "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-x-www-form-urlencoded",
		 "POST",
		 "/",
		 "",
		 "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
		 {{"content-type", "application/x-www-form-urlencoded"}, SUITE_HOST, SUITE_DATE},
		 "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	};
	static const struct sigv4_scope scope = {
		.access_key = "AKIDEXAMPLE",
		.region = "us-east-1",
		.service = "service",
		.date = "20150830T123600Z",
	};

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		assert_signed(&vectors[i], &scope, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
}

/* The worked example of the Signature Version 4 documentation. */
static void the_worked_example_is_met_to_the_letter(void **state)
{
	static const struct sigv4_scope scope = {
		.access_key = "AKIDEXAMPLE",
		.region = "us-east-1",
		.service = "iam",
		.date = "20150830T123600Z",
	};
	static const struct sigv4_header headers[] = {
		{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
		{"host", "iam.amazonaws.com"},
		SUITE_DATE,
	};
	const struct sigv4_request request = {
		.method = "GET",
		.path = "/",
		.query = "Action=ListUsers&Version=2010-05-08",
		.headers = headers,
		.header_cnt = ARRAY_SIZE(headers),
		.payload_sha256 = EMPTY,
	};
	struct sigv4_key key = {};
	auto_buf struct buf got;

	buf_init(&got, 4096);
	sigv4_key_update(&key, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &scope);
	sigv4_sign(&got, &key, &scope, &request);
	assert_string_equal((char *)got.data,
			    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
			    "SignedHeaders=content-type;host;x-amz-date, "
			    "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

static void a_kept_key_is_made_anew_for_another_day_region_or_service(void **state)
{
	const struct sigv4_scope scopes[] = {
		{"K", "us-east-1", "s3", "20150830T123600Z"},
		{"K", "us-east-1", "s3", "20150831T000000Z"},
		{"K", "us-east-2", "s3", "20150831T000000Z"},
		{"K", "us-east-2", "sts", "20150831T000000Z"},
	};
	struct sigv4_key kept = {};

	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
		struct sigv4_key fresh = {}, before = kept;

		sigv4_key_update(&kept, "secret", &scopes[i]);
		sigv4_key_update(&fresh, "secret", &scopes[i]);
		assert_memory_equal(kept.key, fresh.key, sizeof(kept.key));
		assert_memory_not_equal(kept.key, before.key, sizeof(kept.key));
	}
}

static void dates_are_in_basic_iso_8601_and_utc(void **state)
{
	char date[SIGV4_DATE_LEN + 1];

	sigv4_date(1369353600, date);
	assert_string_equal(date, "20130524T000000Z");
	sigv4_date(1440938160, date);
	assert_string_equal(date, "20150830T123600Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_s3_reference_are_met),
		cmocka_unit_test(the_test_suite_of_aws_is_met),
		cmocka_unit_test(the_worked_example_is_met_to_the_letter),
		cmocka_unit_test(a_kept_key_is_made_anew_for_another_day_region_or_service),
		cmocka_unit_test(dates_are_in_basic_iso_8601_and_utc),
	};

	return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
