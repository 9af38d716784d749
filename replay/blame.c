// SPDX-License-Identifier: BSD-3-Clause
#include "replay/blame.h"

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/value.h"
#include "replay/displaced.h"
#include "replay/failure.h"
#include "replay/pairing.h"
#include "replay/target/patch.h"
#include "replay/uncaptured.h"
#include "replay/verdict.h"

#define IN_OPERATION UINT_MAX
#define FUNCTION_MAX 160

/* A call's values, looked through for what led to the fault. */
struct search {
	struct uncaptured *found;
	const struct shape *shape;
	unsigned place;
	uint64_t addr; /* as recorded */
	const struct outcome_header *outcome;
};

static void look_in(const struct search *s, const struct value *root)
{
	if (s->outcome->object)
		uncaptured_look_around(s->found, root, s->shape, s->place, s->outcome->object,
				       s->outcome->distance);
	else
		uncaptured_look(s->found, root, s->shape, s->place, s->addr);
}

static int look_at(struct search *s, const struct blame *b, const struct call *call, struct err *err)
{
	struct values values = {};
	int r = store_shape(b->store, b->schema, call->func, &s->shape, err);

	if (!r && values_decode(&values, s->shape, call, b->pool))
		r = err_nomem(err);
	for (size_t i = 0; !r && i < values.params_cnt; i++) {
		look_in(s, values.args[i]);
		look_in(s, values.out[i]);
	}
	if (!r)
		look_in(s, values.result);
	return r;
}

/* Of the operation, and of the calls that were served. */
static int look_everywhere(struct search *s, const struct blame *b, struct err *err)
{
	int r;

	s->place = IN_OPERATION;
	r = look_at(s, b, &b->recorded->operation, err);
	for (s->place = 0; !r && s->place < b->pairing->recorded_cnt; s->place++)
		if (b->pairing->recorded[s->place].other != PAIRING_NONE)
			r = look_at(s, b, &b->recorded->calls[s->place], err);
	return r;
}

static int find(struct uncaptured *found, const struct blame *b, struct err *err)
{
	struct search s = {.found = found,
			   .place = b->outcome->object_call,
			   .addr = displaced_from(b->displaced, b->outcome->addr),
			   .outcome = b->outcome};

	if (b->outcome->end != OUTCOME_SIGNAL ||
	    (b->outcome->number != SIGSEGV && b->outcome->number != SIGBUS))
		return 0;
	if (b->outcome->object && s.place < b->pairing->recorded_cnt)
		return look_at(&s, b, &b->recorded->calls[s.place], err);
	return look_everywhere(&s, b, err);
}

static const struct config_func *func_of(const struct blame *b, size_t func)
{
	return func < b->program->funcs_cnt ? b->program->funcs[func].config : NULL;
}

/* @where: " in db_ping" */
static int tell(struct comparison *out, const struct blame *b, const struct uncaptured *found,
		const char *where, bool is_write, struct err *err)
{
	char place[PAIRING_TEXT_MAX + 1] = "";
	struct uncaptured_access access = {.func = b->operation,
					   .alias = b->operation->alias,
					   .place = place,
					   .where = where,
					   .is_write = is_write};
	int r;

	if (found->place != IN_OPERATION) {
		const struct paired_call *call = &b->pairing->recorded[found->place];

		pairing_text(call, place);
		strcat(place, ".");
		access.func = func_of(b, call->func);
		access.alias = call->alias;
	}
	r = uncaptured_text(out->reason, sizeof(out->reason), &out->advice, found, &access, err);
	if (r)
		return r;
	out->verdict = VERDICT_EQUALIZER_FAILURE;
	return 1;
}

int blame_recording(struct comparison *out, const struct blame *b, struct err *err)
{
	char where[FUNCTION_MAX + sizeof(" in ")] = " in ";
	struct uncaptured found = {};
	int r = find(&found, b, err);

	if (r || !found.value)
		return r;
	failure_function(where + strlen(where), FUNCTION_MAX, b->outcome, b->program);
	return tell(out, b, &found, where, b->outcome->is_write, err);
}

int blame_pointer(struct comparison *out, const struct blame *b, uint64_t addr, const char *to,
		  struct err *err)
{
	const struct outcome_header none = {};
	char where[FUNCTION_MAX + sizeof(" in ")];
	struct uncaptured found = {};
	struct search s = {.found = &found, .addr = displaced_from(b->displaced, addr), .outcome = &none};
	int r = look_everywhere(&s, b, err);

	if (r || !found.value || found.distance < 0)
		return r;
	snprintf(where, sizeof(where), " in %.*s", FUNCTION_MAX - 1, to);
	return tell(out, b, &found, where, false, err);
}
