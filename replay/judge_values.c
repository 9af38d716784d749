// SPDX-License-Identifier: BSD-3-Clause
/* Both sides' values, and what differs in them. */
#include <stdbool.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/judge_impl.h"

/* --- values of both sides --- */

static int decode(struct judge *j, struct values *out, const struct shape *shape, const struct call *call)
{
	return values_decode(out, shape, call, j->pool) ? err_nomem(j->err) : 0;
}

int judge_decode_recorded(struct judge *j, struct values *out, const struct call *call)
{
	const struct shape *shape;
	int r = store_shape(j->store, j->schema, call->func, &shape, j->err);

	return r ? r : decode(j, out, shape, call);
}

int judge_decode_replayed(struct judge *j, struct values *out, const struct call *call)
{
	return decode(j, out, j->program->funcs[call->func].shape, call);
}

static bool has_param(const struct values *values, const char *name)
{
	for (size_t i = 0; name && i < values->params_cnt; i++)
		if (values->names[i] && !strcmp(values->names[i], name))
			return true;
	return false;
}

/* The parameter of @b that stands opposite @a's @idx-th: by name, else in the same place when both were
 * renamed there. */
static size_t counterpart(const struct values *a, size_t idx, const struct values *b)
{
	for (size_t i = 0; a->names[idx] && i < b->params_cnt; i++)
		if (b->names[i] && !strcmp(a->names[idx], b->names[i]))
			return i;
	if (idx < b->params_cnt && !has_param(a, b->names[idx]))
		return idx;
	return PAIRING_NONE;
}

/* --- the operation --- */

/* What flowed out of the program's own function, and what it returned. */
static int compare_left(struct judge *j, const char *prefix, const struct compare_rules *rules,
			const struct values *a, const struct values *b)
{
	int r = 0;

	for (size_t i = 0; i < a->params_cnt && !r; i++) {
		size_t at = counterpart(a, i, b);

		if (at != PAIRING_NONE && a->out[i] && b->out[at])
			r = compare_value(&j->out->differences, prefix, a->out[i], b->out[at], rules,
					  j->handles, j->err);
	}
	if (!r && a->result && b->result)
		r = compare_value(&j->out->differences, prefix, a->result, b->result, rules, j->handles,
				  j->err);
	return r;
}

int judge_operation(struct judge *j, const struct values *a, const struct values *b)
{
	return compare_left(j, "", &j->operation->config->compare, a, b);
}

/* --- outputs and callbacks --- */

/* What a pointer to non-const reaches at entry may be anything, unless its direction is written. */
static bool is_compared(const struct shape *shape, const struct value *a, const struct value *b)
{
	enum shape_kind kind = shape->nodes[b->node].kind;

	if (kind != SHAPE_POINTER && kind != SHAPE_BYTES)
		return true;
	return a->is_const || b->is_const || a->is_explicit || b->is_explicit;
}

static int compare_output(struct judge *j, size_t idx)
{
	const struct paired_call *call = &j->pairing.recorded[idx];
	const struct program_func *func = &j->program->funcs[call->func];
	const struct compare_rules *rules = &func->config->compare;
	char prefix[PAIRING_TEXT_MAX + 1];
	struct values a, b;
	int r = judge_decode_recorded(j, &a, &j->recorded->calls[idx]);

	if (!r)
		r = judge_decode_replayed(j, &b, &j->replayed->calls[call->other]);
	if (r)
		return r;
	pairing_text(call, prefix);
	strcat(prefix, ".");
	if (call->role == ROLE_CALLBACK)
		return compare_left(j, prefix, rules, &a, &b);
	for (size_t i = 0; i < a.params_cnt && !r; i++) {
		size_t at = counterpart(&a, i, &b);
		const struct value *x = a.args[i], *y = at == PAIRING_NONE ? NULL : b.args[at];

		r = x && y && x->kind != VALUE_UNAVAILABLE ? judge_blames(j, call, y) : 0;
		if (r) {
			r = MIN(r, 0);
			continue;
		}
		if (!x || !y || (!is_compared(func->shape, x, y) && value_is_null(x) == value_is_null(y)))
			continue;
		r = compare_value(&j->out->differences, prefix, x, y, rules, j->handles, j->err);
	}
	return r;
}

int judge_outputs(struct judge *j)
{
	int r = 0;

	for (size_t i = 0; i < j->pairing.recorded_cnt && !r; i++) {
		size_t before = j->out->differences.cnt;

		if (j->pairing.recorded[i].role == ROLE_INPUT || j->pairing.recorded[i].other == PAIRING_NONE)
			continue;
		r = compare_output(j, i);
		if (j->differing == PAIRING_NONE && j->out->differences.cnt != before)
			j->differing = i;
	}
	return r;
}
