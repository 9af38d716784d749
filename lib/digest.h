/* SPDX-License-Identifier: BSD-3-Clause */
/* Digests and random ids, by OpenSSL's libcrypto. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DIGEST_LEN	   32
#define DIGEST_HEX_LEN	   64
#define DIGEST_MD5_B64_LEN 24
#define DIGEST_MD5_HEX_LEN 32

/* SHA-256. */
void digest_hex(const void *data, size_t len, char hex[DIGEST_HEX_LEN + 1]);
void digest_hmac(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[DIGEST_LEN]);
void digest_hmac_hex(const void *key, size_t key_len, const void *data, size_t len,
		     char hex[DIGEST_HEX_LEN + 1]);
/* MD5 in base64, as the Content-MD5 header has it. */
void digest_md5_base64(const void *data, size_t len, char text[DIGEST_MD5_B64_LEN + 1]);
/* MD5 in hex, as S3's ETag has it. */
void digest_md5_hex(const void *data, size_t len, char text[DIGEST_MD5_HEX_LEN + 1]);
/* 64 random bits. */
uint64_t random_bits(void);
/* 128 random bits: 32 lower-case hex digits. */
void random_id(char id[33]);
