// SPDX-License-Identifier: BSD-3-Clause
/* Calls that one side alone made, the order of those that both made, and what went wrong first. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/marks.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/util.h"
#include "replay/judge_impl.h"

static int list_call(struct judge *j, char ***texts, size_t *cnt, const struct paired_call *call)
{
	char **grown = realloc(*texts, (*cnt + 1) * sizeof(*grown)), text[PAIRING_TEXT_MAX];

	if (!grown)
		return err_nomem(j->err);
	*texts = grown;
	pairing_text(call, text);
	grown[*cnt] = strdup(text);
	if (!grown[*cnt])
		return err_nomem(j->err);
	(*cnt)++;
	return 0;
}

/* An input whose calls may go unmatched may as well not be made; nor need data that the program only recorded
 * be played. What it put out by a mark is missing also when it has no such mark any more. */
static bool must_be_made(const struct judge *j, const struct paired_call *call)
{
	const struct config_func *config =
		call->func == PAIRING_NONE ? NULL : j->program->funcs[call->func].config;

	if (!config)
		return mark_of_alias(call->alias) == PLAN_MARK_OUTPUT;
	return call->role == ROLE_OUTPUT || (config->missing == MISSING_FAIL && !config->mark);
}

int judge_missing(struct judge *j)
{
	int r = 0;

	for (size_t i = 0; i < j->pairing.recorded_cnt && !r; i++) {
		const struct paired_call *call = &j->pairing.recorded[i];

		if (call->other == PAIRING_NONE && must_be_made(j, call))
			r = list_call(j, &j->out->missing, &j->out->missing_cnt, call);
	}
	return r;
}

/* A new output that has an answer for its callers is no difference. */
static bool is_extra(const struct judge *j, const struct paired_call *call)
{
	return call->other == PAIRING_NONE && call->role == ROLE_OUTPUT &&
	       (call->func == PAIRING_NONE || j->program->funcs[call->func].config->missing == MISSING_FAIL);
}

int judge_extra(struct judge *j)
{
	int r = 0;

	for (size_t i = 0; i < j->pairing.replayed_cnt && !r; i++) {
		const struct paired_call *call = &j->pairing.replayed[i];

		if (is_extra(j, call))
			r = list_call(j, &j->out->extra, &j->out->extra_cnt, call);
	}
	return r;
}

/* --- order --- */

/* The replayed outputs whose recorded ones form the longest rising sequence kept their order: marked in
 * @kept. @at is beside them, the recorded one of each. The usual patience: least[n] ends the least sequence
 * of n + 1. */
static int keep_rising(bool *kept, const size_t *at, size_t cnt, struct err *err)
{
	autofree size_t *least = calloc(cnt + 1, sizeof(*least)), *before = calloc(cnt + 1, sizeof(*before));
	size_t longest = 0;

	if (!least || !before)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++) {
		size_t from = 0, to = longest;

		while (from < to) {
			size_t middle = (from + to) / 2;

			if (at[least[middle]] < at[i])
				from = middle + 1;
			else
				to = middle;
		}
		before[i] = from ? least[from - 1] : PAIRING_NONE;
		least[from] = i;
		longest = MAX(longest, from + 1);
	}
	for (size_t i = longest ? least[longest - 1] : PAIRING_NONE; i != PAIRING_NONE; i = before[i])
		kept[i] = true;
	return 0;
}

/* Outputs of one thread alone: what several do at once has no order. */
static bool has_order(const struct judge *j)
{
	for (size_t i = 0; i < j->recorded->calls_cnt; i++)
		if (j->recorded->calls[i].thread != j->recorded->operation.thread)
			return false;
	return true;
}

int judge_reordered(struct judge *j)
{
	const struct pairing *p = &j->pairing;
	autofree size_t *made = calloc(p->replayed_cnt + 1, sizeof(*made)),
			*at = calloc(p->replayed_cnt + 1, sizeof(*at));
	autofree bool *kept = calloc(p->replayed_cnt + 1, sizeof(*kept));
	size_t cnt = 0;
	int r;

	if (!made || !at || !kept)
		return err_nomem(j->err);
	if (!has_order(j))
		return 0;
	for (size_t i = 0; i < p->replayed_cnt; i++) {
		if (p->replayed[i].role != ROLE_OUTPUT || p->replayed[i].other == PAIRING_NONE)
			continue;
		made[cnt] = i;
		at[cnt++] = p->replayed[i].other;
	}
	r = keep_rising(kept, at, cnt, j->err);
	for (size_t i = 0; i < cnt && !r; i++)
		if (!kept[i])
			r = list_call(j, &j->out->reordered, &j->out->reordered_cnt, &p->replayed[made[i]]);
	return r;
}

/* The recorded call that an extra one was made before: that of the next replayed one that has one. */
static size_t made_before(const struct pairing *p, size_t replayed)
{
	for (size_t i = replayed + 1; i < p->replayed_cnt; i++)
		if (p->replayed[i].other != PAIRING_NONE)
			return p->replayed[i].other;
	return p->recorded_cnt;
}

static size_t first_missing(const struct judge *j)
{
	for (size_t i = 0; i < j->pairing.recorded_cnt; i++)
		if (j->pairing.recorded[i].other == PAIRING_NONE && must_be_made(j, &j->pairing.recorded[i]))
			return i;
	return PAIRING_NONE;
}

static size_t first_extra(const struct judge *j)
{
	for (size_t i = 0; i < j->pairing.replayed_cnt; i++)
		if (is_extra(j, &j->pairing.replayed[i]))
			return made_before(&j->pairing, i);
	return PAIRING_NONE;
}

enum first judge_first(const struct judge *j)
{
	size_t missing = first_missing(j), extra = first_extra(j);

	if (extra != PAIRING_NONE && extra <= MIN(missing, j->differing))
		return FIRST_EXTRA;
	return missing != PAIRING_NONE && missing < j->differing ? FIRST_MISSING : FIRST_DIFFERENCE;
}
