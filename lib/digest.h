/* SPDX-License-Identifier: BSD-3-Clause */
/* SHA-256 in hex and random ids, by OpenSSL's libcrypto. */
#pragma once

#include <stddef.h>

#define DIGEST_HEX_LEN 64

void digest_hex(const void *data, size_t len, char hex[DIGEST_HEX_LEN + 1]);
/* 128 random bits: 32 lower-case hex digits. */
void random_id(char id[33]);
