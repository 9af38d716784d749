/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The few recordings that reach all of a build's code that many reach, greedily: the one that reaches most
 * first, then each time the one that adds most. Of a long run those alone are held that reached something new
 * when they came.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/cassette.h"

struct comparison;
struct err;

#define COVER_BYTES_MAX (256u << 20) /* of what is held */

struct cover {
	struct cover_one {
		struct recording_key key;
		unsigned char *reached; /* a bit a counter */
	} * ones;
	size_t ones_cnt;
	unsigned char *all; /* what any reached; NULL: none was seen */
	size_t counters_cnt;
	size_t seen, unknown; /* replays; those that did not come to tell */
};

int cover_add(struct cover *cover, const struct comparison *comparison, struct err *err);
/* The chosen, and how much they add: a table on stdout, or lines of JSON. Once: they are put in order. */
int cover_print(struct cover *cover, bool as_json, struct err *err);
void cover_release(struct cover *cover);
