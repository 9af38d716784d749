// SPDX-License-Identifier: BSD-3-Clause
#include "replay/unrecorded.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "replay/target/patch.h"
#include "replay/verdict.h"

void unrecorded_advice(char out[UNRECORDED_ADVICE_MAX], const struct serve_function *function)
{
	snprintf(out, UNRECORDED_ADVICE_MAX, "\"serve\": [\"%s\"]", serve_group_name(function->group));
}

int unrecorded_collect(struct comparison *comparison, const struct patch_header *patch,
		       const struct outcome_header *outcome, struct err *err)
{
	const struct patch_func *funcs = (const void *)((const char *)patch + patch->funcs);

	free(comparison->unrecorded);
	comparison->unrecorded_cnt = 0;
	comparison->unrecorded = calloc(SERVE_FUNCTIONS_MAX, sizeof(*comparison->unrecorded));
	if (!comparison->unrecorded)
		return err_nomem(err);
	for (unsigned i = 0; i < patch->funcs_cnt && comparison->unrecorded_cnt < SERVE_FUNCTIONS_MAX; i++) {
		const struct serve_function *function =
			funcs[i].role == PATCH_WATCHED ? serve_function(funcs[i].name) : NULL;

		if (!function || !outcome->watched[i])
			continue;
		comparison->unrecorded[comparison->unrecorded_cnt++] =
			(struct unrecorded){function, outcome->watched[i]};
	}
	return 0;
}

void unrecorded_sum(unsigned long long totals[SERVE_FUNCTIONS_MAX], const struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->unrecorded_cnt; i++)
		totals[comparison->unrecorded[i].function - serve_function_at(0)] +=
			comparison->unrecorded[i].calls;
}

static bool add_row(cJSON *list, const struct serve_function *function, unsigned long long calls)
{
	char advice[UNRECORDED_ADVICE_MAX];
	cJSON *row = cJSON_CreateObject();

	unrecorded_advice(advice, function);
	if (!row || !cJSON_AddItemToArray(list, row)) {
		cJSON_Delete(row);
		return false;
	}
	return cJSON_AddStringToObject(row, "function", function->name) &&
	       cJSON_AddNumberToObject(row, "calls", calls) && cJSON_AddStringToObject(row, "add", advice);
}

bool unrecorded_add_totals(cJSON *json, const unsigned long long totals[SERVE_FUNCTIONS_MAX])
{
	const struct serve_function *function;
	cJSON *list = NULL;

	for (size_t i = 0; (function = serve_function_at(i)); i++) {
		if (!totals[i])
			continue;
		if (!list)
			list = cJSON_AddArrayToObject(json, "unrecorded");
		if (!list || !add_row(list, function, totals[i]))
			return false;
	}
	return true;
}

bool unrecorded_add(cJSON *json, const struct comparison *comparison)
{
	unsigned long long totals[SERVE_FUNCTIONS_MAX] = {};

	unrecorded_sum(totals, comparison);
	return unrecorded_add_totals(json, totals);
}
