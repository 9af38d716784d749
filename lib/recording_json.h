/* SPDX-License-Identifier: BSD-3-Clause */
/* A recording as the JSON object that `show --json` prints; docs/FORMAT.md has the table of values. */
#pragma once

#include <stdint.h>

#include "lib/schema.h" /* enum role */

struct cJSON;
struct call;
struct err;
struct recording;
struct recording_key;
struct schema;
struct shape;
struct store;

/* *@out is the caller's. */
int recording_json(struct cJSON **out, const struct recording_key *key, const struct recording *recording,
		   const struct schema *schema, struct store *store, struct err *err);

/* What a function number of a recording stands for. */
struct recording_func {
	enum role role;
	const char *name, *alias;
	const struct shape *shape;
};
typedef int (*recording_func_fn)(struct recording_func *out, uint32_t func, void *ctx, struct err *err);

/* One call, its handles numbered from 1. */
int recording_call_json(struct cJSON **out, const struct call *call, recording_func_fn find, void *ctx,
			struct err *err);
/* A recording that has no schema in a store. */
int recording_json_by(struct cJSON **out, const struct recording_key *key, const struct recording *recording,
		      recording_func_fn find, void *ctx, struct err *err);
