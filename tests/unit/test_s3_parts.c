// SPDX-License-Identifier: BSD-3-Clause
/* What is asked of a store for an object in parts, and what else goes with objects: answers that no server
 * gives on demand. */
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
#include "lib/err.h"
#include "lib/s3.h"
#include "lib/util.h"
#include "tests/support/cassette_suite.h"
#include "tests/support/fake_http.h"

#define NONE "<ListMultipartUploadsResult></ListMultipartUploadsResult>"
#define ONE                                                                                                  \
	"<ListMultipartUploadsResult><Upload><Key>other</Key><UploadId>u0</UploadId></Upload>"               \
	"<Upload><Key>a%2Bb</Key><UploadId>u/1</UploadId></Upload></ListMultipartUploadsResult>"
#define BEGUN  "<InitiateMultipartUploadResult><UploadId>u/2</UploadId></InitiateMultipartUploadResult>"
#define ENDED  "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"
#define FAILED "<Error><Code>InternalError</Code></Error>"
/* "abc" has the MD5 900150983cd24fb0d6963f7d28e17f72. */
#define PART(md5)                                                                                            \
	"<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>&quot;" md5                                  \
	"&quot;</ETag></Part></ListPartsResult>"
#define RIGHT PART("900150983cd24fb0d6963f7d28e17f72")
#define WRONG PART("00000000000000000000000000000000")

struct step {
	const char *status, *headers, *body;
};

struct script {
	const struct step *steps;
	char asked[4096]; /* "METHOD path?query;" each */
};

static const char *play(const struct fake_request *request, unsigned serial, void *ctx)
{
	struct script *script = ctx;
	const struct step *step = &script->steps[serial];

	strncat(script->asked, request->head, strcspn(request->head, "\r") - strlen(" HTTP/1.1"));
	strcat(script->asked, ";");
	return step->status ? fake_answer(step->status, step->headers, step->body)
			    : fake_answer("400 Bad Request", "", "the script is over");
}

#define LIST	 "GET /bucket?encoding-type=url&prefix=a%2Bb&uploads=;"
#define BEGIN	 "POST /bucket/a%2Bb?uploads=;"
#define PUT(id)	 "PUT /bucket/a%2Bb?partNumber=1&uploadId=u%2F" id ";"
#define END(id)	 "POST /bucket/a%2Bb?uploadId=u%2F" id ";"
#define GONE(id) "DELETE /bucket/a%2Bb?uploadId=u%2F" id ";"
#define LOOK	 "GET /bucket/a%2Bb?uploadId=u%2F1;"
#define TAG	 "ETag: \"e\"\r\n"

static void the_store_is_asked_for_what_is_missing(void **state)
{
	static const struct {
		const char *name;
		struct step steps[8];
		const char *asked, *words;
		int result;
	} cases[] = {
		{"new",
		 {{"200 OK", "", NONE}, {"200 OK", "", BEGUN}, {"200 OK", TAG, ""}, {"200 OK", "", ENDED}},
		 LIST BEGIN PUT("2") END("2"),
		 "",
		 0},
		{"may not be listed",
		 {{"403 Forbidden", "", ""},
		  {"200 OK", "", BEGUN},
		  {"200 OK", TAG, ""},
		  {"200 OK", "", ENDED}},
		 LIST BEGIN PUT("2") END("2"),
		 "",
		 0},
		{"gone on with, its part is there",
		 {{"200 OK", "", ONE}, {"200 OK", "", RIGHT}, {"200 OK", "", ENDED}},
		 LIST LOOK END("1"),
		 "",
		 0},
		{"gone on with, its part is another",
		 {{"200 OK", "", ONE}, {"200 OK", "", WRONG}, {"200 OK", TAG, ""}, {"200 OK", "", ENDED}},
		 LIST LOOK PUT("1") END("1"),
		 "",
		 0},
		{"gone meanwhile",
		 {{"200 OK", "", ONE},
		  {"404 Not Found", "", ""},
		  {"200 OK", "", BEGUN},
		  {"200 OK", TAG, ""},
		  {"200 OK", "", ENDED}},
		 LIST LOOK BEGIN PUT("2") END("2"),
		 "",
		 0},
		{"a part is refused: nothing is left",
		 {{"200 OK", "", NONE},
		  {"200 OK", "", BEGUN},
		  {"403 Forbidden", "", ""},
		  {"204 No Content", "", ""}},
		 LIST BEGIN PUT("2") GONE("2"),
		 "access is denied",
		 -EACCES},
		{"the store is away: the part stays for the next attempt",
		 {{"200 OK", "", NONE}, {"200 OK", "", BEGUN}, {"503 Slow Down", "", ""}},
		 LIST BEGIN PUT("2"),
		 "not available",
		 -EBUSY},
		{"an end that fails behind 200",
		 {{"200 OK", "", NONE},
		  {"200 OK", "", BEGUN},
		  {"200 OK", TAG, ""},
		  {"200 OK", "", FAILED},
		  {"204 No Content", "", ""}},
		 LIST BEGIN PUT("2") END("2") GONE("2"),
		 "failed inside",
		 -EIO},
		{"an end whose answer was lost",
		 {{"200 OK", "", NONE},
		  {"200 OK", "", BEGUN},
		  {"200 OK", TAG, ""},
		  {"404 Not Found", "Content-Type: application/xml\r\n",
		   "<Error><Code>NoSuchUpload</Code></Error>"},
		  {"200 OK", "ETag: \"0123-1\"\r\n", ""}},
		 LIST BEGIN PUT("2") END("2") "HEAD /bucket/a%2Bb;",
		 "",
		 0},
		{"a beginning that names no upload",
		 {{"200 OK", "", NONE}, {"200 OK", "", "<InitiateMultipartUploadResult/>"}},
		 LIST BEGIN,
		 "names no upload",
		 -EBADMSG},
		{"a listing that is no XML",
		 {{"200 OK", "", "<Lis"}, {"200 OK", "", BEGUN}, {"200 OK", TAG, ""}, {"200 OK", "", ENDED}},
		 LIST BEGIN PUT("2") END("2"),
		 "",
		 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct script script = {.steps = cases[i].steps};
		const struct s3_call put = {.method = "PUT", .key = "a+b", .body = "abc", .len = 3};
		struct fake_http *fake;
		struct s3_url url;
		struct err err = {};
		char text[128];
		struct s3 *s3;
		int port, r;

		fake = fake_http_start(&port, play, &script);
		snprintf(text, sizeof(text), "//bucket/p?endpoint=http://127.0.0.1:%d&tries=1", port);
		assert_int_equal(s3_url_parse(&url, text, &err), 0);
		assert_int_equal(s3_open(&s3, &url, &err), 0);
		r = s3_put_parts(s3, &put, &err);
		s3_close(s3);
		fake_http_stop(fake);
		if (r != cases[i].result || strcmp(script.asked, cases[i].asked) != 0 ||
		    !strstr(err.msg, cases[i].words))
			fail_msg("%s: %d %s: %s", cases[i].name, r, err.msg, script.asked);
	}
}

/* --- what else goes with an object --- */

struct heads {
	char head[8][sizeof(((struct fake_request *)0)->head)];
};

static const char *keep_head(const struct fake_request *request, unsigned serial, void *ctx)
{
	struct heads *heads = ctx;

	if (strncmp(request->head, "PUT ", 4) == 0)
		snprintf(heads->head[serial % 8], sizeof(heads->head[0]), "%s", request->head);
	return fake_answer("200 OK", "", "");
}

static void assert_sent(const char *head, const char *line, const char *name)
{
	const char *is_signed = strstr(head, "SignedHeaders=");

	assert_non_null(is_signed);
	if (!strcasestr(head, line) || !strstr(is_signed, name))
		fail_msg("'%s' is not sent and signed: %s", line, head);
}

static void class_encryption_and_tags_of_the_url_go_with_each_object(void **state)
{
	static const struct {
		const char *params, *line, *name;
	} cases[] = {
		{"&storage-class=GLACIER_IR", "x-amz-storage-class: GLACIER_IR\r\n", ";x-amz-storage-class"},
		{"&sse=AES256", "x-amz-server-side-encryption: AES256\r\n", ";x-amz-server-side-encryption"},
		{"&sse=aws:kms&kms-key=arn%3Aaws%3Akms%3Aeu-1%3A1%3Akey/k",
		 "x-amz-server-side-encryption-aws-kms-key-id: arn:aws:kms:eu-1:1:key/k\r\n",
		 ";x-amz-server-side-encryption;x-amz-server-side-encryption-aws-kms-key-id"},
		{"&tags=team%3Dshop%26kind%3Dtape", "x-amz-tagging: team=shop&kind=tape\r\n",
		 ";x-amz-tagging"},
		{"&infrequent-access=1", "x-amz-storage-class: STANDARD_IA\r\n", ";x-amz-storage-class"},
	};
	static char body[2048];
	struct recording_key key = suite_key("c", "20251125", A);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cassette *cassette;
		static struct heads heads;
		struct fake_http *fake;
		struct err err = {};
		char url[256];
		int port;

		fake = fake_http_start(&port, keep_head, &heads);
		snprintf(url, sizeof(url), "s3://bucket/p?endpoint=http://127.0.0.1:%d&region=eu-1%s", port,
			 cases[i].params);
		if (cassette_open(&cassette, url, true, &err) ||
		    cassette_put(cassette, &key, body, sizeof(body), "{}", &err))
			fail_msg("%s: %s", cases[i].params, err.msg);
		cassette_close(cassette);
		fake_http_stop(fake);
		assert_sent(heads.head[0], cases[i].line, cases[i].name);
		if (strstr(cases[i].params, "infrequent"))
			assert_null(strcasestr(heads.head[1], "x-amz-storage-class"));
		else
			assert_sent(heads.head[1], cases[i].line, cases[i].name);
	}
}

static int setup(void **state)
{
	setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_store_is_asked_for_what_is_missing),
		cmocka_unit_test(class_encryption_and_tags_of_the_url_go_with_each_object),
	};

	return cmocka_run_group_tests_name("s3 parts", tests, setup, NULL);
}
