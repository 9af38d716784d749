/* SPDX-License-Identifier: BSD-3-Clause */
/* A replay that crashed where it reached for memory that the recording does not have: the build is not to
 * blame.
 */
#pragma once

#include <stdint.h>

struct comparison;
struct config_func;
struct displaced;
struct err;
struct outcome_header;
struct pairing;
struct pool;
struct program;
struct recording;
struct schema;
struct store;

struct blame {
	const struct recording *recorded;
	const struct schema *schema; /* of the recording */
	struct store *store;
	const struct program *program;
	const struct config_func *operation;
	const struct pairing *pairing;
	const struct displaced *displaced;
	const struct outcome_header *outcome;
	struct pool *pool;
};

/* The same of a pointer that was handed to the call @to, where nothing can be read at @addr. */
int blame_pointer(struct comparison *out, const struct blame *blame, uint64_t addr, const char *to,
		  struct err *err);
/* 1 with the verdict, its reason and its advice when a recorded pointer is to blame, 0 when none is. */
int blame_recording(struct comparison *out, const struct blame *blame, struct err *err);
