/* SPDX-License-Identifier: BSD-3-Clause */
/* Which recordings: the filters of ls and equalize, over metadata documents. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cassette.h"

struct cJSON;

#define LOOKUP_WHERE_MAX 32

struct lookup {
	const char *category;	   /* NULL: all but those that begin with '_' */
	const char *since, *until; /* "7d", "12h", "30m", "2026-11-25", "2026-11-25T10:00:00Z"; until is
				      exclusive for times, inclusive for days */
	const char *where[LOOKUP_WHERE_MAX]; /* "customer=acme*", "total>=100", "a=x,y" any of; != < <= > >= ;
						globs; and */
	size_t where_cnt;
	size_t limit; /* 0: none */
	bool random, with_incomplete;
	bool with_unreadable; /* what has metadata that cannot be read matches, whatever the filters say */
	bool distinct;	      /* of recordings that are alike (signature.h) the first; all are read whole */
	size_t *alike;	      /* with distinct: counts those that were passed over; NULL */
	bool spread;	      /* a recording of each day in turn, from the first to the last, and again */
	bool with_internal;   /* categories that begin with '_', too */
	uint64_t seed;	      /* of random; 0: from the clock */
	int64_t now_s;	      /* seconds since 1970, for since and until */
};

struct found {
	struct recording_key key;
	struct cJSON *metadata; /* with_unreadable: NULL where it cannot be read */
};

/* Check the words of @lookup before anything is read. -EINVAL, a usage error. */
int lookup_check(const struct lookup *lookup, struct err *err);
/* Call @fn for each match, in the cassette's order (random: shuffled; spread: of each day in turn, so that a
 * limit takes as many of each day as far as they match). @found is borrowed. Recordings whose metadata cannot
 * be read are counted in *@unreadable (NULL allowed) and passed over, unless @lookup says otherwise. */
int lookup_each(struct cassette *cassette, const struct lookup *lookup, size_t *unreadable,
		int (*fn)(const struct found *found, void *ctx), void *ctx, struct err *err);
