/* SPDX-License-Identifier: BSD-3-Clause */
/* What a replay called that no two runs get the same from, and that nothing had recorded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/serve.h"

struct cJSON;
struct comparison;
struct err;
struct outcome_header;
struct patch_header;

/* Put it into @comparison. */
int unrecorded_collect(struct comparison *comparison, const struct patch_header *patch,
		       const struct outcome_header *outcome, struct err *err);
/* Add @comparison's calls to @totals, which are by the functions of lib/serve.h. */
void unrecorded_sum(unsigned long long totals[SERVE_FUNCTIONS_MAX], const struct comparison *comparison);
/* Add to @json a list "unrecorded" of them; nothing when there are none. False: no memory. */
bool unrecorded_add_totals(struct cJSON *json, const unsigned long long totals[SERVE_FUNCTIONS_MAX]);
bool unrecorded_add(struct cJSON *json, const struct comparison *comparison);
/* What to write into the configuration: "\"serve\": [\"time\"]". */
#define UNRECORDED_ADVICE_MAX 64
void unrecorded_advice(char out[UNRECORDED_ADVICE_MAX], const struct serve_function *function);
