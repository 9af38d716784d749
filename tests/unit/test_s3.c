// SPDX-License-Identifier: BSD-3-Clause
/* What the S3 client makes of answers that a real server does not give on demand. */
#include "lib/s3.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"
#include "tests/support/fake_http.h"

#define ID "x-amz-request-id: 1\r\n"

/* The clock that the client signs with; its own second's from libc. */
static time_t clock_skew_s;

time_t time(time_t *out)
{
	struct timespec ts;
	time_t now;

	clock_gettime(CLOCK_REALTIME, &ts);
	now = ts.tv_sec + clock_skew_s;
	if (out)
		*out = now;
	return now;
}

/* Answers in order; the last one for ever. */
struct script {
	const char *const *answers;
	char first[16384], last[16384]; /* heads of requests */
};

static const char *play(const struct fake_request *request, unsigned serial, void *ctx)
{
	struct script *script = ctx;
	unsigned cnt = 0;

	strcpy(serial ? script->last : script->first, request->head);
	while (script->answers[cnt + 1])
		cnt++;
	return script->answers[MIN(serial, cnt)];
}

static const char *const refusing[] = {"", NULL};

static struct s3 *client(int port, const char *params)
{
	struct err err = {};
	struct s3_url url;
	struct s3 *s3;
	char text[256];

	setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	snprintf(text, sizeof(text), "//bucket/p?endpoint=http://127.0.0.1:%d&region=eu-1%s", port, params);
	if (s3_url_parse(&url, text, &err) || s3_open(&s3, &url, &err))
		fail_msg("%s", err.msg);
	return s3;
}

/* One GET of "key" against @script; returns how many requests that took. */
static unsigned get(struct script *script, const char *params, struct s3_call *call, struct err *err)
{
	struct fake_http *fake;
	auto_s3 struct s3 *s3 = NULL;
	int port;

	fake = fake_http_start(&port, play, script);
	s3 = client(port, params);
	*call = (struct s3_call){.method = "GET", .key = "key"};
	s3_calls(s3, call, 1, err);
	return fake_http_stop(fake);
}

#define OK	  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: \"e\"\r\n\r\nfine"
#define ANSWER(s) "HTTP/1.1 " s "\r\nContent-Length: 0\r\n" ID "\r\n"
#define SAYS(s, code, len)                                                                                   \
	"HTTP/1.1 " s "\r\nContent-Type: application/xml\r\nContent-Length: " len "\r\n" ID                  \
	"\r\n<Error><Code>" code "</Code><Message></Message></Error>"

static void what_passes_is_tried_again(void **state)
{
	static const struct {
		const char *name, *answers[4];
		unsigned requests;
	} cases[] = {
		{"500", {ANSWER("500 Internal Server Error"), OK}, 2},
		{"SlowDown",
		 {SAYS("503 Slow Down", "SlowDown", "54"), SAYS("503 Slow Down", "SlowDown", "54"), OK},
		 3},
		{"429", {ANSWER("429 Too Many Requests"), OK}, 2},
		{"closed", {NULL, OK}, 2},
		{"cut short",
		 {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhal", OK},
		 2},
		{"RequestTimeout", {SAYS("400 Bad Request", "RequestTimeout", "60"), OK}, 2},
		{"bad digest", {SAYS("400 Bad Request", "BadDigest", "55"), OK}, 2},
		{"conflict", {SAYS("409 Conflict", "OperationAborted", "62"), OK}, 2},
		{"retry-after", {"HTTP/1.1 503 x\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", OK}, 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* A NULL of the table closes the connection; the list itself ends behind OK. */
		const char *answers[5];
		struct script script = {.answers = answers};
		struct s3_call call;
		struct err err = {};
		unsigned cnt = 0;

		for (size_t j = 0; j < 4 && cnt < cases[i].requests; j++)
			answers[cnt++] = cases[i].answers[j] ? cases[i].answers[j] : "";
		answers[cnt] = NULL;
		if (get(&script, "", &call, &err) != cases[i].requests || call.result)
			fail_msg("%s: %d %s", cases[i].name, call.result, err.msg);
		assert_int_equal(call.answer.len, 4);
		assert_string_equal(call.answer.data, "fine");
		assert_string_equal(call.etag, "\"e\"");
		free(call.answer.data);
	}
}

static void what_does_not_pass_is_not_and_says_why(void **state)
{
	static const struct {
		const char *answer;
		int result;
		unsigned requests;
		const char *words;
	} cases[] = {
		{SAYS("404 Not Found", "NoSuchKey", "55"), -ENOENT, 1, ""},
		{ANSWER("404 Not Found"), -ENOENT, 1, ""},
		{SAYS("404 Not Found", "NoSuchBucket", "58"), -ENXIO, 1,
		 "there is no such bucket (404 NoSuchBucket)"},
		{SAYS("403 Forbidden", "SignatureDoesNotMatch", "67"), -EACCES, 1, "the secret key is wrong"},
		{SAYS("403 Forbidden", "InvalidAccessKeyId", "64"), -EACCES, 1,
		 "the access key is not known there"},
		{ANSWER("403 Forbidden"), -EACCES, 1, "access is denied (403 AccessDenied)"},
		{SAYS("403 Forbidden", "QuotaExceeded", "59"), -EDQUOT, 1, "the quota is used up"},
		{ANSWER("412 Precondition Failed"), -EEXIST, 1, "it is there already"},
		{ANSWER("416 Range"), -ERANGE, 1, "there are no such bytes"},
		{SAYS("400 Bad Request", "InvalidStorageClass", "65"), -EINVAL, 1,
		 "it has no such storage class"},
		{ANSWER("418 Teapot"), -EIO, 1, "answered 418 to GET"},
		{"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
		 -EPROTO, 1, "is no S3 server: it answered 404 with what is not XML"},
		{ANSWER("500 Internal Server Error"), -EIO, 3, "it failed inside (500 InternalError)"},
		{SAYS("503 Slow Down", "SlowDown", "54"), -EBUSY, 3, "it is throttling (503 SlowDown)"},
		{"SSH-2.0-OpenSSH_9.2\r\n", -EPROTO, 1, "it does not answer as HTTP servers do"},
		{ANSWER("409 Conflict"), -EIO, 1, "answered 409 to GET"},
		{SAYS("409 Conflict", "OperationAborted", "62"), -EBUSY, 3, "another writer is at it"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhal", -ECONNRESET, 3,
		 "cut"},
		{"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 12\r\n\r\n<Error><Code",
		 -EACCES, 1, "access is denied"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const answers[] = {cases[i].answer, NULL};
		struct script script = {.answers = answers};
		struct s3_call call;
		struct err err = {};
		unsigned requests = get(&script, "&tries=3", &call, &err);

		if (call.result != cases[i].result || requests != cases[i].requests ||
		    !strstr(err.msg, cases[i].words))
			fail_msg("%s: %d after %u: %s", cases[i].answer, call.result, requests, err.msg);
		assert_null(call.answer.data);
	}
}

static void a_store_that_does_not_answer_fails_many_as_soon_as_one(void **state)
{
	struct script script = {.answers = refusing};
	struct fake_http *fake;
	struct s3_call calls[500];
	auto_s3 struct s3 *s3 = NULL;
	struct err err = {};
	int port;

	fake = fake_http_start(&port, play, &script);
	s3 = client(port, "&tries=2");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = (struct s3_call){.method = "GET", .key = "key"};
	assert_int_equal(s3_calls(s3, calls, ARRAY_SIZE(calls), &err), -ECONNRESET);
	assert_non_null(strstr(err.msg, "it closed the connection without an answer"));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		assert_int_equal(calls[i].result, -ECONNRESET);
	assert_true(fake_http_stop(fake) < 40);
}

static void a_wrong_clock_is_corrected_by_the_stores(void **state)
{
	static const char *answers[3] = {NULL, OK};
	struct script script = {.answers = answers};
	struct s3_call call;
	char skewed[512], date[64], hour[16];
	struct err err = {};
	struct tm tm;
	time_t there;

	clock_skew_s = -7200;
	there = time(NULL) + 7200;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&there, &tm));
	strftime(hour, sizeof(hour), "%Y%m%dT%H", &tm);
	snprintf(skewed, sizeof(skewed),
		 "HTTP/1.1 403 Forbidden\r\nDate: %s\r\nContent-Length: 48\r\n" ID
		 "\r\n<Error><Code>RequestTimeTooSkewed</Code></Error>",
		 date);
	answers[0] = skewed;
	assert_int_equal(get(&script, "", &call, &err), 2);
	clock_skew_s = 0;
	assert_int_equal(call.result, 0);
	free(call.answer.data);
	assert_null(strstr(script.first, hour));
	assert_non_null(strstr(script.last, hour));
}

static void a_clock_that_no_correction_helps_is_said_to_be_wrong(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 403 Forbidden\r\nDate: Fri, 24 May 2013 00:00:00 GMT\r\nContent-Length: 48\r\n" ID
		"\r\n<Error><Code>RequestTimeTooSkewed</Code></Error>",
		NULL};
	struct script script = {.answers = answers};
	struct s3_call call;
	struct err err = {};

	assert_int_equal(get(&script, "", &call, &err), 2);
	assert_int_equal(call.result, -EACCES);
	assert_non_null(strstr(err.msg, "this machine's clock is wrong"));
	assert_non_null(strstr(err.hint, "it and the store's differ by -"));
}

static void a_wrong_region_is_corrected_when_the_store_tells(void **state)
{
	static const char *const cases[] = {
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 83\r\n" ID
		"\r\n<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>\r\n",
		"HTTP/1.1 301 Moved\r\nx-amz-bucket-region: us-west-2\r\nContent-Length: 0\r\n" ID "\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const answers[] = {cases[i], OK, NULL};
		struct script script = {.answers = answers};
		struct s3_call call;
		struct err err = {};

		if (get(&script, "", &call, &err) != 2 || call.result)
			fail_msg("%s: %s", cases[i], err.msg);
		free(call.answer.data);
		assert_non_null(strstr(script.first, "/eu-1/s3/aws4_request"));
		assert_non_null(strstr(script.last, "/us-west-2/s3/aws4_request"));
	}
}

static void a_wrong_region_that_the_store_keeps_to_itself_is_said(void **state)
{
	static const char *const answers[] = {SAYS("400 Bad Request", "AuthorizationHeaderMalformed", "74"),
					      NULL};
	struct script script = {.answers = answers};
	struct s3_call call;
	struct err err = {};

	assert_int_equal(get(&script, "", &call, &err), 1);
	assert_int_equal(call.result, -EINVAL);
	assert_non_null(strstr(err.msg, "the region is wrong"));
	assert_string_equal(err.hint, "name the bucket's region with region= in the URL");
}

static void without_keys_nothing_is_sent(void **state)
{
	struct script script = {.answers = refusing};
	struct fake_http *fake;
	auto_s3 struct s3 *s3 = NULL;
	struct s3_call call = {.method = "GET", .key = "key"};
	struct err err = {};
	int port;

	fake = fake_http_start(&port, play, &script);
	s3 = client(port, "");
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
	setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	assert_int_equal(s3_calls(s3, &call, 1, &err), -ENOKEY);
	assert_non_null(strstr(err.msg, "no credentials for S3"));
	assert_int_equal(fake_http_stop(fake), 0);
}

static void everything_that_is_sent_is_signed(void **state)
{
	static const char *const answers[] = {OK, NULL};
	struct script script = {.answers = answers};
	struct fake_http *fake;
	auto_s3 struct s3 *s3 = NULL;
	struct s3_call call = {
		.method = "PUT",
		.key = "a b/\xc3\xa9?#%/../x+y",
		.query = "x-id=PutObject",
		.headers = {{"x-amz-tagging", "a=b"}, {"content-type", "text/plain"}},
		.body = "abc",
		.len = 3,
	};
	int port;

	setenv("AWS_SESSION_TOKEN", "the-token", 1);
	fake = fake_http_start(&port, play, &script);
	s3 = client(port, "");
	assert_int_equal(s3_calls(s3, &call, 1, NULL), 0);
	unsetenv("AWS_SESSION_TOKEN");
	free(call.answer.data);
	fake_http_stop(fake);
	assert_non_null(strstr(script.first,
			       "PUT /bucket/a%20b/%C3%A9%3F%23%25/../x%2By?x-id=PutObject HTTP/1.1\r\n"));
	assert_non_null(strstr(script.first,
			       "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;"
			       "x-amz-security-token;x-amz-tagging,"));
	assert_non_null(strstr(script.first,
			       "x-amz-content-sha256: "
			       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	assert_null(strstr(script.first, "Expect"));
	assert_null(strstr(script.first, "Transfer-Encoding"));
}

/* --- listing --- */

static int append(const char *key, void *ctx)
{
	strcat(ctx, key);
	strcat(ctx, ";");
	return 0;
}

static int list(const char *const *answers, struct script *script, char got[256], struct err *err)
{
	struct fake_http *fake;
	auto_s3 struct s3 *s3 = NULL;
	int port, r;

	*script = (struct script){.answers = answers};
	fake = fake_http_start(&port, play, script);
	s3 = client(port, "&tries=1");
	*got = '\0';
	r = s3_list(s3, "p/", '/', append, got, err);
	fake_http_stop(fake);
	return r;
}

static void a_listing_goes_on_by_its_token(void **state)
{
	char first[512], second[512], got[256];
	const char *const answers[] = {first, second, NULL};
	struct script script;

	strcpy(first,
	       fake_answer(
		       "200 OK", "",
		       "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a+b/=&amp;"
		       "</NextContinuationToken><Contents><Key>p/%01b</Key></Contents></ListBucketResult>"));
	strcpy(second,
	       fake_answer("200 OK", "",
			   "<ListBucketResult><IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>p/a+b/"
			   "</Prefix></CommonPrefixes></ListBucketResult>"));
	assert_int_equal(list(answers, &script, got, NULL), 0);
	assert_string_equal(got, "p/\x01"
				 "b;p/a b/;");
	assert_non_null(
		strstr(script.first, "GET /bucket?delimiter=%2F&encoding-type=url&list-type=2&prefix=p%2F "));
	assert_non_null(strstr(script.last,
			       "GET /bucket?continuation-token=a%2Bb%2F%3D%26&delimiter=%2F&encoding-"
			       "type=url&list-type=2&prefix=p%2F "));
}

static void a_garbled_listing_is_refused(void **state)
{
	static const struct {
		const char *body, *words;
	} cases[] = {
		{"", "no element found"},
		{"<ListBucketResult><Contents><Key>p/x", "no element found"},
		{"<Other/>", "it is no listing"},
		{"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
		 "it says that it is cut, but not how to go on"},
		{"<ListBucketResult><Contents><Key>%zz</Key></Contents></ListBucketResult>", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char answer[512], got[256];
		const char *const answers[] = {answer, NULL};
		struct script script;
		struct err err = {};

		strcpy(answer, fake_answer("200 OK", "Content-Type: application/xml\r\n", cases[i].body));
		assert_int_equal(list(answers, &script, got, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, "cannot understand the listing of bucket 'bucket'"));
		assert_non_null(strstr(err.msg, cases[i].words));
		assert_string_equal(got, "");
	}
}

/* --- removing --- */

static void what_a_batch_did_not_remove_is_named(void **state)
{
	static const char *const keys[] = {"a", "<b>&", "c"};
	char answer[512];
	const char *const answers[] = {answer, NULL};
	struct script script = {.answers = answers};
	struct fake_http *fake;
	auto_s3 struct s3 *s3 = NULL;
	struct err err = {};
	int results[3], port;

	strcpy(answer,
	       fake_answer("200 OK", "",
			   "<DeleteResult><Error><Key>&lt;b&gt;&amp;</Key><Code>AccessDenied</Code></Error>"
			   "<Error><Key>c</Key><Code>NoSuchKey</Code></Error></DeleteResult>"));
	fake = fake_http_start(&port, play, &script);
	s3 = client(port, "");
	assert_int_equal(s3_delete(s3, keys, results, 3, &err), -EACCES);
	fake_http_stop(fake);
	assert_int_equal(results[0], 0);
	assert_int_equal(results[1], -EACCES);
	assert_int_equal(results[2], 0);
	assert_non_null(strstr(err.msg, "did not remove '<b>&': access is denied"));
	assert_non_null(strstr(script.first, "POST /bucket?delete= "));
	assert_non_null(strcasestr(script.first, "content-md5: "));
}

static void an_error_in_an_answer_of_200_is_one(void **state)
{
	static const char *const keys[] = {"a"};
	char answer[512];
	const char *const answers[] = {answer, NULL};
	struct script script = {.answers = answers};
	struct fake_http *fake;
	auto_s3 struct s3 *s3 = NULL;
	struct err err = {};
	int result, port;

	strcpy(answer, fake_answer("200 OK", "", "<Error><Code>InternalError</Code></Error>"));
	fake = fake_http_start(&port, play, &script);
	s3 = client(port, "&tries=2");
	assert_int_equal(s3_delete(s3, keys, &result, 1, &err), -EIO);
	assert_int_equal(result, -EIO);
	assert_int_equal(fake_http_stop(fake), 2);
}

/* --- the URL --- */

static void a_url_says_everything(void **state)
{
	struct s3_url url;

	assert_int_equal(
		s3_url_parse(&url,
			     "//my.bucket//a%20b/c/?region=eu-1&endpoint=https://h:1&profile=p&style=path&"
			     "ca=/ca.pem&storage-class=STANDARD_IA&sse=aws:kms&kms-key=k&tags=a%3Db&"
			     "connections=100&tries=9&timeout=2.5s",
			     NULL),
		0);
	assert_string_equal(url.bucket, "my.bucket");
	assert_string_equal(url.prefix, "a b/c");
	assert_string_equal(url.region, "eu-1");
	assert_string_equal(url.endpoint, "https://h:1");
	assert_string_equal(url.profile, "p");
	assert_int_equal(url.style, S3_STYLE_PATH);
	assert_string_equal(url.ca, "/ca.pem");
	assert_string_equal(url.storage_class, "STANDARD_IA");
	assert_string_equal(url.sse, "aws:kms");
	assert_string_equal(url.kms_key, "k");
	assert_string_equal(url.tags, "a=b");
	assert_int_equal(url.connections, 100);
	assert_int_equal(url.tries, 9);
	assert_int_equal(url.timeout_ms, 2500);
}

static void a_url_that_is_none_is_refused_with_a_hint(void **state)
{
	static const struct {
		const char *rest, *msg, *hint;
	} cases[] = {
		{"bucket", "cassette 's3:bucket' names no bucket", "write s3://BUCKET/PREFIX?region=..."},
		{"///x", "'' cannot be a bucket", NULL},
		{"//a b/x", "'a b' cannot be a bucket", NULL},
		{"//bucket?regoin=x", "s3 takes no parameter 'regoin'", "did you mean 'region='?"},
		{"//bucket?secret-key=x", "a cassette's name is no place for secrets: 'secret-key'",
		 "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws with profile="},
		{"//bucket?style=fancy", "'style=fancy' cannot be", "write style=path or style=virtual"},
		{"//bucket?connections=0", "'connections=0' cannot be", "write a number up to 256"},
		{"//bucket?timeout=x", "'timeout=x' cannot be", "write a number of seconds up to 600"},
		{"//bucket?region=%zz", "'region=%zz': a '%' stands before two hex digits", ""},
		{"//bucket/%00", "'%00' cannot be a prefix", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct s3_url url;
		struct err err = {};

		assert_int_equal(s3_url_parse(&url, cases[i].rest, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		if (cases[i].hint)
			assert_string_equal(err.hint, cases[i].hint);
		assert_true(err.is_usage);
	}
}

static void an_endpoint_that_is_none_is_refused(void **state)
{
	static const char *const cases[] = {"h:80",	 "ftp://h",    "http://",
					    "http:///x", "http://u@h", "https://h?x"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct s3_url url = {.bucket = "bucket"};
		struct err err = {};
		struct s3 *s3;

		strcpy(url.endpoint, cases[i]);
		assert_int_equal(s3_open(&s3, &url, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "cannot be an endpoint"));
		assert_true(err.is_usage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passes_is_tried_again),
		cmocka_unit_test(what_does_not_pass_is_not_and_says_why),
		cmocka_unit_test(a_store_that_does_not_answer_fails_many_as_soon_as_one),
		cmocka_unit_test(a_wrong_clock_is_corrected_by_the_stores),
		cmocka_unit_test(a_clock_that_no_correction_helps_is_said_to_be_wrong),
		cmocka_unit_test(a_wrong_region_is_corrected_when_the_store_tells),
		cmocka_unit_test(a_wrong_region_that_the_store_keeps_to_itself_is_said),
		cmocka_unit_test(without_keys_nothing_is_sent),
		cmocka_unit_test(everything_that_is_sent_is_signed),
		cmocka_unit_test(a_listing_goes_on_by_its_token),
		cmocka_unit_test(a_garbled_listing_is_refused),
		cmocka_unit_test(what_a_batch_did_not_remove_is_named),
		cmocka_unit_test(an_error_in_an_answer_of_200_is_one),
		cmocka_unit_test(a_url_says_everything),
		cmocka_unit_test(a_url_that_is_none_is_refused_with_a_hint),
		cmocka_unit_test(an_endpoint_that_is_none_is_refused),
	};

	return cmocka_run_group_tests_name("s3", tests, NULL, NULL);
}
