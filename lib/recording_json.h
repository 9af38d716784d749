/* SPDX-License-Identifier: BSD-3-Clause */
/* A recording as the JSON object that `show --json` prints; docs/FORMAT.md has the table of values. */
#pragma once

struct cJSON;
struct err;
struct recording;
struct recording_key;
struct schema;
struct store;

/* *@out is the caller's. */
int recording_json(struct cJSON **out, const struct recording_key *key, const struct recording *recording,
		   const struct schema *schema, struct store *store, struct err *err);
