/* SPDX-License-Identifier: BSD-3-Clause */
/* What a replay called that no two runs get the same from, and that nothing had recorded. */
#pragma once

#include <stddef.h>

struct comparison;
struct err;
struct notes;
struct outcome_header;
struct patch_header;
struct serve_function;

/* Put it into @comparison, and say once of each function what would serve it. */
int unrecorded_collect(struct comparison *comparison, const struct patch_header *patch,
		       const struct outcome_header *outcome, struct notes *notes, struct err *err);
/* What to write into the configuration: "\"serve\": [\"time\"]". */
#define UNRECORDED_ADVICE_MAX 64
void unrecorded_advice(char out[UNRECORDED_ADVICE_MAX], const struct serve_function *function);
