/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a recording is like: which calls were made, in which order and thread, how each ended, and which ways
 * values may have sent the code: NULL or not, empty or not, how many in powers of two, which enumerator,
 * which live member, negative, zero or positive. Recordings that are alike most likely ran the same code.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct recording;
struct schema;
struct store;

/* 0 is no signature. -ENOMEM, or what is wrong with the recording. */
int signature_of(uint64_t *out, const struct recording *recording, const struct schema *schema,
		 struct store *store, struct err *err);

/* Signatures that were seen. */
struct signatures {
	uint64_t *slots; /* open addressing; 0: empty */
	size_t cap, cnt;
};
/* 1: it is new; 0: it was there; -ENOMEM. */
int signatures_add(struct signatures *seen, uint64_t signature);
void signatures_release(struct signatures *seen);
