// SPDX-License-Identifier: BSD-3-Clause
#include "lib/digest.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define ID_BYTES 16

static void hex_put(char *hex, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 0xf];
	}
	*hex = '\0';
}

/* No function below can report a failure: libcrypto without SHA-256 or without random bytes is a
 * broken installation, and a guessed digest or id would be a wrong value. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

void digest_hex(const void *data, size_t len, char hex[DIGEST_HEX_LEN + 1])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned int md_len = 0;

	must(EVP_Digest(data, len, md, &md_len, EVP_sha256(), NULL) == 1);
	assert(md_len * 2 == DIGEST_HEX_LEN);
	hex_put(hex, md, md_len);
}

void digest_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_LEN])
{
	unsigned int out_len = 0;

	must(HMAC(EVP_sha256(), key, key_len, data, len, out, &out_len) != NULL);
	assert(out_len == DIGEST_LEN);
}

void digest_hmac_hex(const void *key, size_t key_len, const void *data, size_t len,
		     char hex[DIGEST_HEX_LEN + 1])
{
	uint8_t mac[DIGEST_LEN];

	digest_hmac(key, key_len, data, len, mac);
	hex_put(hex, mac, sizeof(mac));
}

void digest_md5_base64(const void *data, size_t len, char text[DIGEST_MD5_B64_LEN + 1])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned int md_len = 0;

	must(EVP_Digest(data, len, md, &md_len, EVP_md5(), NULL) == 1);
	must(EVP_EncodeBlock((uint8_t *)text, md, md_len) == DIGEST_MD5_B64_LEN);
}

void digest_md5_hex(const void *data, size_t len, char text[DIGEST_MD5_HEX_LEN + 1])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned int md_len = 0;

	must(EVP_Digest(data, len, md, &md_len, EVP_md5(), NULL) == 1);
	assert(md_len * 2 == DIGEST_MD5_HEX_LEN);
	hex_put(text, md, md_len);
}

uint64_t random_bits(void)
{
	uint64_t bits;

	must(RAND_bytes((uint8_t *)&bits, sizeof(bits)) == 1);
	return bits;
}

void random_id(char id[33])
{
	uint8_t bytes[ID_BYTES];

	must(RAND_bytes(bytes, sizeof(bytes)) == 1);
	hex_put(id, bytes, sizeof(bytes));
}
