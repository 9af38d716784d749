// SPDX-License-Identifier: BSD-3-Clause
/* What can only be told when the tree is whole: rules that found nothing, and lengths. */
#include "lib/shape_build.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"

int check_used(const struct build *b, struct err *err)
{
	for (size_t i = 0; i < b->func->rules_cnt; i++) {
		const struct rule *rule = &b->func->rules[i];
		uint16_t node;
		int r;

		if (b->used[i])
			continue;
		r = shape_resolve(b->shape, SHAPE_NONE, &b->paths[i], &node, err);
		if (!r) /* a direction below a pointer was used there */
			continue;
		err_wrap(err, r, "'%s'", rule->path);
		return rules_blame(b, rule, r);
	}
	return 0;
}

bool needs_return(const struct expr *expr)
{
	if (!expr || expr->kind == EXPR_ENTRY || expr->kind == EXPR_SIZEOF)
		return false;
	if (expr->kind == EXPR_PATH)
		return !strcmp(expr->path.root, "return") || !strcmp(expr->path.root, "errno");
	return needs_return(expr->a) || needs_return(expr->b);
}

/* --- lengths --- */

/* One length: whose, and where it is evaluated. */
struct length {
	const struct build *b;
	uint16_t node;
	bool at_entry, in_entry; /* needed at entry; inside entry() */
};

static bool is_around(const struct shape *shape, uint16_t outer, uint16_t node)
{
	for (; node != SHAPE_NONE; node = shape->nodes[node].parent)
		if (node == outer)
			return true;
	return false;
}

static bool is_number(const struct length *l, uint16_t node)
{
	const struct shape_node *n = &l->b->shape->nodes[node];

	switch (n->kind) {
	case SHAPE_INT:
	case SHAPE_BOOL:
	case SHAPE_ENUM:
		return n->size <= 8 && n->bit_offset + n->bit_size <= 64;
	case SHAPE_POINTER:
	case SHAPE_STRING:
	case SHAPE_HANDLE:
		return true; /* so that NULL can be told */
	default:
		return false;
	}
}

static int follow(const struct length *l, const struct path *path, uint16_t *end, struct err *err)
{
	const struct shape *shape = l->b->shape;
	uint16_t node;
	int r = shape_root(shape, shape->nodes[l->node].scope, path->root, &node, err);

	for (size_t i = 0; i < path->cnt && !r; i++) {
		r = shape_step(shape, node, &path->steps[i], &node, err);
		if (r || path->steps[i].kind != STEP_EACH)
			continue;
		if (l->in_entry)
			r = err_usage(err, -EINVAL, "entry() cannot name each element, '[]'");
		else if (!is_around(shape, node, l->node))
			r = err_usage(err, -EINVAL, "'[]' names an element that this is no part of");
	}
	if (!r)
		*end = node;
	return r;
}

static int check_path(const struct length *l, const struct path *path, struct err *err)
{
	bool is_late = !strcmp(path->root, "return") || !strcmp(path->root, "errno");
	bool is_errno = !strcmp(path->root, "errno") && !path->cnt;
	uint16_t end;
	int r;

	if (is_late && (l->at_entry || l->in_entry)) {
		err_usage(err, -EINVAL, "'%s' is not known at entry", path->root);
		if (!l->in_entry)
			err_hint(err, "add \"direction\": \"out\" if it is filled by the function");
		return -EINVAL;
	}
	if (is_errno && l->b->shape->nodes[l->node].scope == SHAPE_NONE)
		return 0;
	r = follow(l, path, &end, err);
	if (!r && !is_number(l, end))
		r = err_usage(err, -EINVAL, "'%s' does not end at an integer", path->root);
	return r;
}

static int check_expr(struct length l, const struct expr *expr, struct err *err)
{
	uint16_t end;
	int r;

	if (!expr)
		return 0;
	switch (expr->kind) {
	case EXPR_NUM:
		return 0;
	case EXPR_STR:
		return err_usage(err, -EINVAL, "a length cannot compare text");
	case EXPR_PATH:
		return check_path(&l, &expr->path, err);
	case EXPR_SIZEOF:
		return follow(&l, &expr->path, &end, err);
	case EXPR_ENTRY:
		if (l.b->shape->nodes[l.node].scope != SHAPE_NONE)
			return err_usage(err, -EINVAL, "a type's rule cannot use entry()");
		l.in_entry = true;
		break;
	default:
		break;
	}
	r = check_expr(l, expr->a, err);
	return r ? r : check_expr(l, expr->b, err);
}

/* A tag is read wherever its union is: at entry too, unless it only flows out. */
int check_path_of(const struct build *b, uint16_t node, const struct path *path, uint16_t *end,
		  struct err *err)
{
	struct length length = {.b = b, .node = node, .at_entry = !b->drafts[node].is_returned};
	int r = check_path(&length, path, err);

	return r ? r : follow(&length, path, end, err);
}

static const struct rule *rule_of(const struct build *b, const struct expr *length)
{
	for (size_t i = 0; i < b->func->rules_cnt; i++)
		if (b->func->rules[i].bytes == length || b->func->rules[i].count == length)
			return &b->func->rules[i];
	for (size_t i = 0; i < schema_type_rules_cnt(b->schema); i++) {
		const struct schema_type_rules *type = schema_type_rules(b->schema, i);

		for (size_t k = 0; k < type->rules_cnt; k++)
			if (type->rules[k].bytes == length || type->rules[k].count == length)
				return &type->rules[k];
	}
	return NULL;
}

int check_lengths(const struct build *b, struct err *err)
{
	for (uint16_t i = 0; i < b->shape->nodes_cnt; i++) {
		const struct shape_node *n = &b->shape->nodes[i];
		struct length length = {.b = b, .node = i, .at_entry = n->flows & FLOW_IN};
		const struct rule *rule;
		int r;

		if (!n->length)
			continue;
		r = check_expr(length, n->length, err);
		if (!r)
			continue;
		rule = rule_of(b, n->length);
		err_wrap(err, r, "length of '%s'", rule ? rule->path : "?");
		return rules_blame(b, rule, r);
	}
	return 0;
}
