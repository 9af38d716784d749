/* SPDX-License-Identifier: BSD-3-Clause */
/* From a recording and the outcome of its replay to a verdict. Pure. */
#pragma once

struct cJSON;
struct comparison;
struct config;
struct displaced;
struct err;
struct program;
struct recording;
struct schema;
struct server_result;
struct store;

/* @operation: index of the program's functions. @displaced: where addresses were that nothing was captured
 * behind. Fills all of @out but its key. *@replayed becomes the replay, as recording_json says a recording,
 * where it came to its end; @replayed NULL: it is not wanted. */
int judge(struct comparison *out, const struct recording *recording, const struct schema *schema,
	  struct store *store, const struct config *config, const struct program *program, unsigned operation,
	  const struct server_result *result, const struct displaced *displaced, struct cJSON **replayed,
	  struct err *err);
