// SPDX-License-Identifier: BSD-3-Clause
#include "replay/pairing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/util.h"
#include "replay/outcome.h"

/* The program's function for a recorded alias, or PAIRING_NONE. */
static size_t func_of(const struct program *program, const char *alias)
{
	for (size_t i = 0; i < program->funcs_cnt; i++)
		if (!strcmp(program->funcs[i].config->alias, alias))
			return i;
	for (size_t i = 0; i < program->funcs_cnt; i++)
		for (size_t k = 0; k < program->funcs[i].config->fallbacks_cnt; k++)
			if (!strcmp(program->funcs[i].config->fallbacks[k], alias))
				return i;
	return PAIRING_NONE;
}

void pairing_text(const struct paired_call *call, char text[PAIRING_TEXT_MAX])
{
	snprintf(text, PAIRING_TEXT_MAX, "calls[%.*s#%u]", PAIRING_TEXT_MAX - 24, call->alias, call->ordinal);
}

void pairing_release(struct pairing *pairing)
{
	free(pairing->recorded);
	free(pairing->replayed);
	*pairing = (struct pairing){};
}

static void set_func(struct paired_call *call, const struct program *program, size_t func)
{
	*call = (struct paired_call){.func = func, .other = PAIRING_NONE};
	if (func == PAIRING_NONE)
		return;
	call->role = program->funcs[func].config->role;
	call->alias = program->funcs[func].config->alias;
}

static int fill_recorded(struct pairing *p, const struct recording *recorded, const struct schema *schema,
			 const struct program *program, struct err *err)
{
	size_t funcs_cnt = schema_funcs_cnt(schema);
	/* By function of the schema: the program's, and how many calls so far. */
	autofree size_t *func = calloc(funcs_cnt + 1, sizeof(*func));
	/* By function of the program, then by those of the schema that the program lacks. */
	autofree unsigned *cnt = calloc(program->funcs_cnt + funcs_cnt + 1, sizeof(*cnt));

	if (!func || !cnt)
		return err_nomem(err);
	for (size_t i = 0; i < funcs_cnt; i++)
		func[i] = func_of(program, schema_func(schema, i)->alias);
	for (size_t i = 0; i < recorded->calls_cnt; i++) {
		uint32_t own = recorded->calls[i].func;
		struct paired_call *call = &p->recorded[i];

		set_func(call, program, func[own]);
		if (call->func == PAIRING_NONE) {
			call->role = schema_func(schema, own)->role;
			call->alias = schema_func(schema, own)->alias;
		}
		call->ordinal = ++cnt[call->func == PAIRING_NONE ? program->funcs_cnt + own : call->func];
	}
	return 0;
}

static int fill_replayed(struct pairing *p, const struct recording *replayed, const struct program *program,
			 struct err *err)
{
	autofree unsigned *cnt = calloc(program->funcs_cnt + 1, sizeof(*cnt));

	if (!cnt)
		return err_nomem(err);
	for (size_t i = 0; i < replayed->calls_cnt; i++) {
		uint32_t func = replayed->calls[i].func;

		if (func >= program->funcs_cnt || !program->funcs[func].shape)
			return err_set(err, -EBADMSG,
				       "what the replayed program left behind makes no sense: no function %u",
				       func);
		set_func(&p->replayed[i], program, func);
		p->replayed[i].ordinal = ++cnt[func];
	}
	return 0;
}

static void pair(struct pairing *p, size_t recorded, size_t replayed)
{
	p->recorded[recorded].other = replayed;
	p->replayed[replayed].other = recorded;
}

/* Inputs are opposite to what answered them, callbacks to what they repeat. */
static void pair_served(struct pairing *p, const struct outcome_call *served)
{
	for (size_t i = 0; i < p->replayed_cnt; i++) {
		uint32_t at = served[i].served;

		if (p->replayed[i].role != ROLE_OUTPUT && at < p->recorded_cnt &&
		    p->recorded[at].other == PAIRING_NONE)
			pair(p, at, i);
	}
}

/* Outputs by ordinal: the k-th to the k-th. */
static int pair_outputs(struct pairing *p, size_t funcs_cnt, struct err *err)
{
	/* By function: where to look on for its next replayed call. */
	autofree size_t *next = calloc(funcs_cnt + 1, sizeof(*next));

	if (!next)
		return err_nomem(err);
	for (size_t i = 0; i < p->recorded_cnt; i++) {
		struct paired_call *call = &p->recorded[i];
		size_t *at = call->func == PAIRING_NONE ? NULL : &next[call->func];

		if (!at || call->role != ROLE_OUTPUT)
			continue;
		while (*at < p->replayed_cnt && p->replayed[*at].func != call->func)
			(*at)++;
		if (*at < p->replayed_cnt)
			pair(p, i, (*at)++);
	}
	return 0;
}

int pairing_make(struct pairing *out, const struct recording *recorded, const struct schema *schema,
		 const struct recording *replayed, const struct outcome_call *served,
		 const struct program *program, struct err *err)
{
	struct pairing p = {.recorded_cnt = recorded->calls_cnt, .replayed_cnt = replayed->calls_cnt};
	int r = 0;

	p.recorded = calloc(p.recorded_cnt + 1, sizeof(*p.recorded));
	p.replayed = calloc(p.replayed_cnt + 1, sizeof(*p.replayed));
	if (!p.recorded || !p.replayed)
		r = err_nomem(err);
	if (!r)
		r = fill_recorded(&p, recorded, schema, program, err);
	if (!r)
		r = fill_replayed(&p, replayed, program, err);
	if (!r) {
		pair_served(&p, served);
		r = pair_outputs(&p, program->funcs_cnt, err);
	}
	if (r) {
		pairing_release(&p);
		return r;
	}
	*out = p;
	return 0;
}
