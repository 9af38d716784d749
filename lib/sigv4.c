// SPDX-License-Identifier: BSD-3-Clause
#include "lib/sigv4.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/buf.h"

#define ALGORITHM     "AWS4-HMAC-SHA256"
#define CANONICAL_MAX (64 * 1024) /* bytes; servers refuse longer headers long before */
#define SECRET_MAX    1024

void sigv4_date(int64_t unix_s, char date[SIGV4_DATE_LEN + 1])
{
	time_t t = unix_s;
	struct tm tm;

	strftime(date, SIGV4_DATE_LEN + 1, "%Y%m%dT%H%M%SZ", gmtime_r(&t, &tm));
}

static void hmac_text(const uint8_t key[DIGEST_LEN], const char *text, uint8_t out[DIGEST_LEN])
{
	uint8_t mac[DIGEST_LEN];

	digest_hmac(key, DIGEST_LEN, text, strlen(text), mac);
	memcpy(out, mac, sizeof(mac));
}

void sigv4_key_update(struct sigv4_key *key, const char *secret, const struct sigv4_scope *scope)
{
	char seed[SECRET_MAX + 8];

	if (memcmp(key->day, scope->date, 8) == 0 && strcmp(key->region, scope->region) == 0 &&
	    strcmp(key->service, scope->service) == 0)
		return;
	memcpy(key->day, scope->date, 8);
	key->day[8] = '\0';
	snprintf(key->region, sizeof(key->region), "%s", scope->region);
	snprintf(key->service, sizeof(key->service), "%s", scope->service);
	snprintf(seed, sizeof(seed), "AWS4%s", secret);
	digest_hmac(seed, strlen(seed), key->day, 8, key->key);
	explicit_bzero(seed, sizeof(seed));
	hmac_text(key->key, key->region, key->key);
	hmac_text(key->key, key->service, key->key);
	hmac_text(key->key, "aws4_request", key->key);
}

/* Without space at its ends, and one where there are more. */
static void put_value(struct buf *out, const char *value)
{
	while (*value == ' ')
		value++;
	for (; *value; value++)
		if (*value != ' ' || (value[1] && value[1] != ' '))
			buf_put(out, value, 1);
}

static void put_signed_names(struct buf *out, const struct sigv4_request *request)
{
	for (size_t i = 0; i < request->header_cnt; i++)
		buf_printf(out, "%s%s", i ? ";" : "", request->headers[i].name);
}

static void put_canonical(struct buf *out, const struct sigv4_request *request)
{
	buf_printf(out, "%s\n%s\n%s\n", request->method, request->path, request->query);
	for (size_t i = 0; i < request->header_cnt; i++) {
		buf_printf(out, "%s:", request->headers[i].name);
		put_value(out, request->headers[i].value);
		buf_put(out, "\n", 1);
	}
	buf_put(out, "\n", 1);
	put_signed_names(out, request);
	buf_printf(out, "\n%s", request->payload_sha256);
}

void sigv4_sign(struct buf *out, const struct sigv4_key *key, const struct sigv4_scope *scope,
		const struct sigv4_request *request)
{
	char hash[DIGEST_HEX_LEN + 1], signature[DIGEST_HEX_LEN + 1];
	auto_buf struct buf canonical, to_sign;

	buf_init(&canonical, CANONICAL_MAX);
	buf_init(&to_sign, CANONICAL_MAX);
	put_canonical(&canonical, request);
	digest_hex(canonical.data, canonical.len, hash);
	buf_printf(&to_sign, ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n%s", scope->date, key->day, key->region,
		   key->service, hash);
	digest_hmac_hex(key->key, sizeof(key->key), to_sign.data, to_sign.len, signature);
	buf_printf(out, ALGORITHM " Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=", scope->access_key,
		   key->day, key->region, key->service);
	put_signed_names(out, request);
	buf_printf(out, ", Signature=%s", signature);
	if (canonical.failed || to_sign.failed)
		out->failed = canonical.failed ? canonical.failed : to_sign.failed;
}
