// SPDX-License-Identifier: BSD-3-Clause
#include "lib/digest.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/evp.h>
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

/* Neither function below can report a failure: libcrypto without SHA-256 or without random bytes is a
 * broken installation, and a guessed digest or id would be a wrong value. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

void digest_hex(const void *data, size_t len, char hex[DIGEST_HEX_LEN + 1])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned int md_len = 0;

	must(EVP_Digest(data, len, md, &md_len, EVP_sha256(), NULL));
	assert(md_len * 2 == DIGEST_HEX_LEN);
	hex_put(hex, md, md_len);
}

void random_id(char id[33])
{
	uint8_t bytes[ID_BYTES];

	must(RAND_bytes(bytes, sizeof(bytes)));
	hex_put(id, bytes, sizeof(bytes));
}
