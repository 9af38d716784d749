/* SPDX-License-Identifier: BSD-3-Clause */
/* Tidying a cassette up: days that are too old, objects that become segments, small segments that become
 * large ones, schemas that nothing needs. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct cassette;
struct err;

#define COMPACT_SEGMENT_BYTES (64ull * 1024 * 1024)

struct compact_opts {
	char keep_since[9];	/* the first day whose recordings stay, in UTC; "": all stay */
	uint64_t segment_bytes; /* 0: COMPACT_SEGMENT_BYTES */
	bool schemas;	/* take away those that no recording names: nothing may be recorded meanwhile */
	int64_t now_ns; /* since 1970 */
	const volatile sig_atomic_t *stop; /* NULL: never */
};

struct compact_counts {
	uint64_t expired;      /* recordings of days before */
	uint64_t moved;	       /* recordings that were objects */
	uint64_t merged, made; /* segments that were small, and what they became */
	uint64_t orphans;      /* segments that a writer left without index when it died, a day ago or more */
	uint64_t schemas;
};

/*
 * A cassette without layout=segments has its old days and schemas taken away, no more. What is cut short is
 * right all the same: recordings are put before they are removed elsewhere, and are then there twice, of
 * which lookups see one. One at a time.
 */
int compact(struct cassette *cassette, const struct compact_opts *opts, struct compact_counts *counts,
	    struct err *err);
