/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AWS Signature Version 4: proof that a request comes from the holder of a secret.
 *
 * libcurl's own signer is wrong in a different way in each release that distributions carry; this one is held
 * to AWS's published vectors.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

struct buf;

#define SIGV4_DATE_LEN 16  /* "20130524T000000Z" */
#define SIGV4_NAME_MAX 128 /* of a region or service, bytes */

/* The key that a secret gives for a day, kept because most requests of a day need the same. */
struct sigv4_key {
	char day[9], region[SIGV4_NAME_MAX + 1], service[SIGV4_NAME_MAX + 1];
	uint8_t key[DIGEST_LEN];
};

struct sigv4_header {
	const char *name; /* lower case */
	const char *value;
};

struct sigv4_request {
	const char *method;
	const char *path;		    /* encoded */
	const char *query;		    /* encoded, sorted by name; "name=" where there is no value; "" */
	const struct sigv4_header *headers; /* sorted by name; what is sent and not here is not signed */
	size_t header_cnt;
	const char *payload_sha256; /* hex, or "UNSIGNED-PAYLOAD" */
};

struct sigv4_scope {
	const char *access_key, *region, *service;
	char date[SIGV4_DATE_LEN + 1];
};

void sigv4_date(int64_t unix_s, char date[SIGV4_DATE_LEN + 1]);
/* Make @key right for @secret and @scope, if it is not yet. To change the secret, zero @key. */
void sigv4_key_update(struct sigv4_key *key, const char *secret, const struct sigv4_scope *scope);
/* Append the value of the Authorization header. @out latches what goes wrong. */
void sigv4_sign(struct buf *out, const struct sigv4_key *key, const struct sigv4_scope *scope,
		const struct sigv4_request *request);
