/* SPDX-License-Identifier: BSD-3-Clause */
/* A cassette with layout=segments, from inside; included by lib/cassette_segments.c and lib/compact.c only.
 */
#pragma once

#include "lib/cassette_driver.h"
#include "lib/segment_days.h"

struct segments {
	struct cassette cassette;
	struct cassette *objects;
	struct days days;
	uint64_t last_ns; /* of the last name */
};

/* NULL when @cassette has another layout. */
struct segments *segments_of(struct cassette *cassette);
/* Recordings of one day as one segment. */
int segments_put_together(struct segments *segments, const struct cassette_item *const *items, size_t cnt,
			  struct err *err);
