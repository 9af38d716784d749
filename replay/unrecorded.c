// SPDX-License-Identifier: BSD-3-Clause
#include "replay/unrecorded.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/serve.h"
#include "replay/notes.h"
#include "replay/target/patch.h"
#include "replay/verdict.h"

void unrecorded_advice(char out[UNRECORDED_ADVICE_MAX], const struct serve_function *function)
{
	snprintf(out, UNRECORDED_ADVICE_MAX, "\"serve\": [\"%s\"]", serve_group_name(function->group));
}

static void note(struct notes *notes, const struct serve_function *function)
{
	char advice[UNRECORDED_ADVICE_MAX];

	unrecorded_advice(advice, function);
	notes_add(notes,
		  "'%s' was called without a record, and gives another result in each run: %s in the "
		  "configuration records and serves it",
		  function->name, advice);
}

int unrecorded_collect(struct comparison *comparison, const struct patch_header *patch,
		       const struct outcome_header *outcome, struct notes *notes, struct err *err)
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
		note(notes, function);
	}
	return 0;
}
