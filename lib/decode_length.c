// SPDX-License-Identifier: BSD-3-Clause
/* Lengths that no fragment tells, because what they measure lies in registers. As put_expr of the planner. */
#include "lib/decode.h"
#include "lib/expr.h"

static bool eval_entry(struct decoder *d, uint16_t scope, const struct expr *expr, int64_t *out)
{
	struct decoder entry = *d;
	bool is_known;

	entry.memory = d->entry;
	is_known = decode_eval(&entry, scope, expr, out);
	d->failed |= entry.failed;
	return is_known;
}

static bool eval_sizeof(struct decoder *d, uint16_t scope, const struct path *path, int64_t *out)
{
	uint16_t node;

	if (shape_resolve(d->shape, scope, path, &node, NULL))
		return false;
	*out = d->shape->nodes[node].size;
	return true;
}

static bool eval_operation(struct decoder *d, uint16_t scope, const struct expr *expr, int64_t *out)
{
	int64_t a, b = 0;

	if (!decode_eval(d, scope, expr->a, &a))
		return false;
	/* What decides is not evaluated further. */
	if ((expr->kind == EXPR_AND && !a) || (expr->kind == EXPR_OR && a))
		b = a;
	else if (expr->b && !decode_eval(d, scope, expr->b, &b))
		return false;
	*out = expr_apply(expr->kind, a, b);
	return true;
}

bool decode_eval(struct decoder *d, uint16_t scope, const struct expr *expr, int64_t *out)
{
	switch (expr->kind) {
	case EXPR_NUM:
		*out = expr->num;
		return true;
	case EXPR_STR:
		return false;
	case EXPR_PATH:
		return decode_number_at(d, scope, &expr->path, out);
	case EXPR_SIZEOF:
		return eval_sizeof(d, scope, &expr->path, out);
	case EXPR_ENTRY:
		return eval_entry(d, scope, expr->a, out);
	default:
		return eval_operation(d, scope, expr, out);
	}
}
