/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must not be stored is taken out of a call's bytes, before anything else sees them. The shape says
 * where it is ("redact" of a rule, and all beneath it); what is left decodes as any value does.
 *
 * drop: zeros, and the value is unavailable: "redacted". mask: text becomes asterisks, numbers and bytes
 * zero. hmac: text becomes hexadecimal digits and bytes become bytes of HMAC-SHA256 (RFC 2104) of what was
 * there, as long as it was, so that equal values stay equal; a bool is masked. Pointers stay: what they lead
 * to does not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct call;
struct err;
struct shape;

#define REDACT_KEY_MAX 4096 /* bytes */

/* NULL or empty: there is none, and what asks for hmac is dropped. */
struct redact_key {
	const void *data;
	size_t len;
};

/* Whether any value of the function is redacted. */
bool redact_concerns(const struct shape *shape);
/* In place: the bytes are the recording's own. */
void redact_call(struct call *call, const struct shape *shape, const struct redact_key *key);
