// SPDX-License-Identifier: BSD-3-Clause
/* Random requests, signed by us and by AWS's own library: the same encoding, the same signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "lib/sigv4.h"
#include "lib/uri.h"
#include "lib/util.h"
#include "tests/support/command.h"

#define REQUESTS     2000
#define TEXT_MAX     48
#define QUERIES_MAX  5
#define HEADERS_MAX  5
#define LINE_MAX_LEN 16384
#define SEED	     20251125

static uint64_t random_state = SEED;

static unsigned below(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % n;
}

static void put_char(char *text, char c)
{
	size_t len = strlen(text);

	text[len] = c;
	text[len + 1] = '\0';
}

/* Any text that UTF-8 can say: often ASCII, often what encoders stumble over. */
static void random_text(char *out, size_t max, bool may_be_empty)
{
	static const char *const hard[] = {"/",
					   "//",
					   "..",
					   "%",
					   "%2F",
					   "+",
					   " ",
					   "~",
					   "=",
					   "&",
					   "?",
					   "#",
					   "*",
					   "'",
					   "\"",
					   "\xc3\xa9",
					   "\xe6\x97\xa5",
					   "\xf0\x9f\x8e\x9e",
					   "\x7f",
					   "\x01",
					   "\t"};
	size_t cnt = below(12) + !may_be_empty;

	*out = '\0';
	for (size_t i = 0; i < cnt && strlen(out) + 8 < max; i++) {
		if (below(2))
			strcat(out, hard[below(ARRAY_SIZE(hard))]);
		else
			put_char(out, "abcXYZ0189-_."[below(13)]);
	}
}

struct pair {
	char name[TEXT_MAX], value[TEXT_MAX];
	char *encoded; /* "name=value" */
};

static int by_encoded(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->encoded, ((const struct pair *)b)->encoded);
}

static char *encode_pair(const struct pair *pair)
{
	struct buf buf;

	buf_init(&buf, LINE_MAX_LEN);
	uri_encode(&buf, pair->name, false);
	buf_put(&buf, "=", 1);
	uri_encode(&buf, pair->value, false);
	buf_put_u8(&buf, 0);
	return (char *)buf.data;
}

/* No two parameters have one name: what a library makes of those is its own. */
static void random_query(struct buf *out, cJSON *json)
{
	struct pair pairs[QUERIES_MAX] = {};
	size_t cnt = below(QUERIES_MAX + 1);

	for (size_t i = 0; i < cnt; i++) {
		random_text(pairs[i].name, TEXT_MAX - 2, false);
		put_char(pairs[i].name, 'a' + i);
		random_text(pairs[i].value, TEXT_MAX, true);
		pairs[i].encoded = encode_pair(&pairs[i]);
		cJSON_AddStringToObject(json, pairs[i].name, pairs[i].value);
	}
	qsort(pairs, cnt, sizeof(*pairs), by_encoded);
	for (size_t i = 0; i < cnt; i++) {
		buf_printf(out, "%s%s", i ? "&" : "", pairs[i].encoded);
		free(pairs[i].encoded);
	}
	buf_put_u8(out, 0);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sigv4_header *)a)->name, ((const struct sigv4_header *)b)->name);
}

/* Names with a common prefix, values with spaces to fold. */
static size_t random_headers(struct sigv4_header *headers, char (*text)[TEXT_MAX], const char *hash,
			     const char *date, cJSON *json)
{
	static const char *const names[] = {"x-amz-meta-a", "x-amz-meta-a-b", "x-amz-meta", "content-type",
					    "x-amz-security-token"};
	static const char *const values[] = {"a", " a",	     "a  b",	"a b ", "\"a  b\"",
					     "",  "a=b&c=d", "aws:kms", "1, 2"};
	size_t cnt = 0;

	headers[cnt++] = (struct sigv4_header){"host", "bucket.example.com"};
	headers[cnt++] = (struct sigv4_header){"x-amz-content-sha256", hash};
	headers[cnt++] = (struct sigv4_header){"x-amz-date", date};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (below(2))
			continue;
		snprintf(text[i], TEXT_MAX, "%s", values[below(ARRAY_SIZE(values))]);
		headers[cnt++] = (struct sigv4_header){names[i], text[i]};
	}
	for (size_t i = 0; i < cnt; i++)
		cJSON_AddStringToObject(json, headers[i].name, headers[i].value);
	qsort(headers, cnt, sizeof(*headers), by_name);
	return cnt;
}

/* One request, to both: as a line for the other, and as the line that the other must answer. */
static void make(FILE *asked, FILE *wanted)
{
	static const char *const methods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};
	static const char *const regions[] = {"us-east-1", "eu-central-1", "cn-north-1"};
	auto_cjson cJSON *json = cJSON_CreateObject();
	struct sigv4_header headers[HEADERS_MAX + 3];
	char text[HEADERS_MAX][TEXT_MAX], key_text[TEXT_MAX], secret[TEXT_MAX], body[TEXT_MAX],
		hash[DIGEST_HEX_LEN + 1];
	struct sigv4_scope scope = {.access_key = "AKID", .region = regions[below(3)], .service = "s3"};
	auto_buf struct buf path = {}, query = {}, out = {};
	struct sigv4_request request = {
		.method = methods[below(5)], .headers = headers, .payload_sha256 = hash};
	struct sigv4_key key = {};
	autofree char *printed = NULL;
	char *at;

	buf_init(&path, LINE_MAX_LEN);
	buf_init(&query, LINE_MAX_LEN);
	buf_init(&out, LINE_MAX_LEN);
	random_text(key_text, TEXT_MAX, true);
	random_text(secret, TEXT_MAX, false);
	random_text(body, TEXT_MAX, true);
	digest_hex(body, strlen(body), hash);
	sigv4_date(below(2000000000), scope.date);
	buf_put(&path, "/", 1);
	uri_encode(&path, key_text, true);
	buf_put_u8(&path, 0);
	cJSON_AddStringToObject(json, "method", request.method);
	cJSON_AddStringToObject(json, "key", key_text);
	cJSON_AddStringToObject(json, "host", "bucket.example.com");
	cJSON_AddStringToObject(json, "access", scope.access_key);
	cJSON_AddStringToObject(json, "secret", secret);
	cJSON_AddStringToObject(json, "region", scope.region);
	cJSON_AddStringToObject(json, "service", scope.service);
	cJSON_AddStringToObject(json, "date", scope.date);
	random_query(&query, cJSON_AddObjectToObject(json, "query"));
	request.header_cnt =
		random_headers(headers, text, hash, scope.date, cJSON_AddObjectToObject(json, "headers"));
	request.path = (const char *)path.data;
	request.query = (const char *)query.data;
	sigv4_key_update(&key, secret, &scope);
	sigv4_sign(&out, &key, &scope, &request);
	buf_put_u8(&out, 0);
	printed = cJSON_PrintUnformatted(json);
	fprintf(asked, "%s\n", printed);
	at = strstr((char *)out.data, "SignedHeaders=") + strlen("SignedHeaders=");
	fprintf(wanted, "%s?%s %.*s %s\n", path.data, query.data, (int)strcspn(at, ","), at,
		strstr(at, "Signature=") + strlen("Signature="));
}

static void random_requests_get_the_signature_that_botocore_gives_them(void **state)
{
	const char *asked_path = command_text("%s/asked", command_folder());
	const char *wanted_path = command_text("%s/wanted", command_folder());
	FILE *asked = fopen(asked_path, "w"), *wanted = fopen(wanted_path, "w");
	autofree char *got = NULL, *want = NULL;
	struct command command;

	for (int i = 0; i < REQUESTS; i++)
		make(asked, wanted);
	fclose(asked);
	fclose(wanted);
	command_must(&command,
		     ARGV("sh", "-c", command_text("/usr/bin/python3 tests/support/sign.py <%s", asked_path)), 0, 60);
	got = command_file(command.out);
	want = command_file(wanted_path);
	for (char *a = got, *b = want; *b; a = strchr(a, '\n') + 1, b = strchr(b, '\n') + 1) {
		size_t len = strcspn(b, "\n");

		if (strcspn(a, "\n") != len || strncmp(a, b, len) != 0)
			fail_msg("botocore: %.*s\n    we: %.*s", (int)strcspn(a, "\n"), a, (int)len, b);
	}
	command_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_requests_get_the_signature_that_botocore_gives_them),
	};

	return cmocka_run_group_tests_name("sigv4 and botocore", tests, NULL, NULL);
}
