/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of both sides and when they were made, in the order of the recording. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/schema.h" /* enum role */

struct err;
struct pairing;
struct recording;

#define TIMELINE_MAX  500 /* calls; the rest is left out */
#define TIMELINE_NONE UINT64_MAX

/* When a call was made, from the operation's entry, and how long it took; TIMELINE_NONE: it was not made. ns
 */
struct timeline_span {
	uint64_t from_ns, took_ns;
};

struct timeline_call {
	char *text; /* "calls[alias#n]" */
	enum role role;
	struct timeline_span recorded, replayed;
};

struct timeline {
	struct timeline_call *row;
	size_t cnt;
};

int timeline_make(struct timeline *out, const struct pairing *pairing, const struct recording *recorded,
		  const struct recording *replayed, struct err *err);
void timeline_release(struct timeline *timeline);
