// SPDX-License-Identifier: BSD-3-Clause
#include "lib/value.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/util.h"

/* --- paths --- */

static const struct value *root_at(const struct values *values, const char *root, enum value_when when)
{
	if (!strcmp(root, "return"))
		return when == VALUE_AT_RETURN ? values->result : NULL;
	for (size_t i = 0; i < values->params_cnt; i++) {
		if (!values->names[i] || strcmp(values->names[i], root))
			continue;
		if (when == VALUE_AT_RETURN && values->out[i])
			return values->out[i];
		return values->args[i];
	}
	return NULL;
}

/* Members of an anonymous union, which is shown as "union", are its struct's. */
static const struct value *member_of(const struct value *v, const char *name)
{
	if (!v || v->kind != VALUE_STRUCT)
		return NULL;
	for (size_t i = 0; i < v->child_cnt; i++)
		if (v->child[i]->kind == VALUE_STRUCT && v->child[i]->child_cnt && v->child[i]->name &&
		    !strncmp(v->child[i]->name, "union", 5) &&
		    !strcmp(v->child[i]->child[0]->name ?: "", name))
			return v->child[i]->child[0];
	for (size_t i = 0; i < v->child_cnt; i++)
		if (v->child[i]->name && !strcmp(v->child[i]->name, name))
			return v->child[i];
	return NULL;
}

/* In C p[0] and *p are the same, whether p is an array or points to one object. */
static const struct value *element_of(const struct value *v, int64_t index)
{
	const struct value *to = value_pointee(value_content(v));

	if (to && to->kind != VALUE_ARRAY)
		return index == 0 ? to : NULL;
	if (to)
		v = to;
	if (v->kind != VALUE_ARRAY || index < 0 || (uint64_t)index >= v->child_cnt)
		return NULL;
	return v->child[index];
}

static const struct value *step_from(const struct value *v, const struct path_step *step)
{
	switch (step->kind) {
	case STEP_FIELD:
		return member_of(v, step->name);
	case STEP_ARROW:
		return member_of(element_of(v, 0), step->name);
	case STEP_DEREF:
	case STEP_EACH:
		return element_of(v, 0);
	case STEP_INDEX:
		return element_of(v, step->index);
	}
	return NULL;
}

/* *@last: where the way ended, or NULL. */
static const struct value *walk(const struct values *values, const struct path *path, enum value_when when,
				const struct value **last)
{
	const struct value *v = root_at(values, path->root, when);

	*last = v;
	for (size_t i = 0; v && i < path->cnt; i++) {
		*last = v;
		v = step_from(v, &path->steps[i]);
	}
	return v;
}

const struct value *value_below(const struct value *from, const struct path *path)
{
	const struct value *v = member_of(value_pointee(from) ?: from, path->root);

	for (size_t i = 0; v && i < path->cnt; i++)
		v = step_from(v, &path->steps[i]);
	return v;
}

const struct value *values_at(const struct values *values, const struct path *path, enum value_when when)
{
	const struct value *last;

	return walk(values, path, when, &last);
}

/* --- expressions --- */

struct operand {
	bool is_text, is_cut;
	int64_t num;
	const char *text; /* not terminated */
	size_t len;
};

struct evaluation {
	const struct values *values;
	enum value_when when;
	unsigned depth;
	struct err *err;
};

static int eval(struct evaluation *e, const struct expr *expr, struct operand *out);

static int no_value(struct evaluation *e, const struct path *path, const char *why)
{
	autofree char *text = path_text(path);

	return err_set(e->err, -ENODATA, "'%s' %s", text ? text : path->root, why);
}

static bool is_unknown(const struct value *v)
{
	return v->kind == VALUE_UNAVAILABLE && !v->bits;
}

/* The value at @path, which must be there. */
static int value_at(struct evaluation *e, const struct path *path, const struct value **out)
{
	const struct value *last, *v = walk(e->values, path, e->when, &last);
	autofree char *text = NULL;

	if (v && !is_unknown(v)) {
		*out = v;
		return 0;
	}
	if (v)
		last = v;
	text = path_text(path);
	if (last && last->kind == VALUE_UNAVAILABLE)
		return err_set(e->err, -ENODATA, "'%s' is unavailable: %s", text ? text : path->root,
			       last->text);
	if (last && last->kind == VALUE_POINTER && !last->bits)
		return no_value(e, path, "lies behind a NULL pointer");
	return no_value(e, path, "is not in this call");
}

static bool fits_64(const struct value *v)
{
	return v->size != 16 || v->bits_high == (v->is_signed && (int64_t)v->bits < 0 ? UINT64_MAX : 0);
}

static int eval_value(struct evaluation *e, const struct path *path, const struct value *v,
		      struct operand *out)
{
	const struct value *to;

	/* A reference to a container is a pointer to it. */
	if (v->kind == VALUE_POINTER && v->child_cnt && value_content(v->child[0]) != v->child[0])
		v = v->child[0];
	v = value_content(v);
	to = value_pointee(v);
	if (to && to->kind == VALUE_TEXT)
		v = to;
	switch (v->kind) {
	case VALUE_TEXT:
		*out = (struct operand){.is_text = true,
					.is_cut = v->is_truncated,
					.text = (const char *)v->bytes,
					.len = v->len};
		return 0;
	case VALUE_INT:
		if (!fits_64(v))
			return no_value(e, path, "is larger than 64 bits");
		/* fall through */
	case VALUE_BOOL:
	case VALUE_ENUM:
	case VALUE_POINTER:
	case VALUE_REF:
	case VALUE_HANDLE:
	case VALUE_SYMBOL:
	case VALUE_UNAVAILABLE: /* a pointer: its address is known */
		*out = (struct operand){.num = (int64_t)v->bits};
		return 0;
	case VALUE_FLOAT:
		return no_value(e, path, "is a floating-point number; expressions are of integers");
	default:
		return no_value(e, path, "is no number");
	}
}

static int eval_path(struct evaluation *e, const struct expr *expr, struct operand *out)
{
	const struct path *path = &expr->path;
	const struct value *v;

	if (strcmp(path->root, "errno")) {
		int r = value_at(e, path, &v);

		return r ? r : eval_value(e, path, v, out);
	}
	if (!e->values->has_errno || e->when == VALUE_AT_ENTRY)
		return no_value(e, path, "was not read in this call");
	*out = (struct operand){.num = e->values->error_number};
	return 0;
}

static int eval_sizeof(struct evaluation *e, const struct expr *expr, struct operand *out)
{
	const struct value *v;
	int r = value_at(e, &expr->path, &v);

	if (r)
		return r;
	if (v->kind == VALUE_STRUCT || v->kind == VALUE_ARRAY || v->kind == VALUE_TEXT)
		return no_value(e, &expr->path, "has a size that only its type knows");
	*out = (struct operand){.num = v->kind == VALUE_BYTES ? (int64_t)v->len : v->size};
	return 0;
}

static int eval_entry(struct evaluation *e, const struct expr *expr, struct operand *out)
{
	struct evaluation entry = *e;

	entry.when = VALUE_AT_ENTRY;
	return eval(&entry, expr->a, out);
}

static int eval_number(struct evaluation *e, const struct expr *expr, int64_t *out)
{
	struct operand operand;
	int r = eval(e, expr, &operand);

	if (r)
		return r;
	/* A text stands for its address: not NULL. */
	*out = operand.is_text ? 1 : operand.num;
	return 0;
}

static int eval_unary(struct evaluation *e, const struct expr *expr, struct operand *out)
{
	int64_t v;
	int r = eval_number(e, expr->a, &v);

	if (r)
		return r;
	*out = (struct operand){.num = expr_apply(expr->kind, v, 0)};
	return 0;
}

/* What decides is not evaluated further, so an unavailable right side matters only where it would. */
static int eval_logic(struct evaluation *e, const struct expr *expr, struct operand *out)
{
	bool stops_at = expr->kind == EXPR_OR;
	int64_t v;
	int r = eval_number(e, expr->a, &v);

	if (!r && !!v != stops_at)
		r = eval_number(e, expr->b, &v);
	if (r)
		return r;
	*out = (struct operand){.num = !!v};
	return 0;
}

/* Beside a NULL or another address a text is an address: equal to nothing we know but not to 0. */
static int compare_text(struct evaluation *e, const struct operand *a, const struct operand *b, bool *equal)
{
	size_t len = MIN(a->len, b->len);

	if (a->is_text && b->is_text && (a->is_cut || b->is_cut) && (!len || !memcmp(a->text, b->text, len)))
		return err_set(e->err, -ENODATA, "a string that a limit cut cannot be compared to its end");
	if (a->is_text && b->is_text) {
		*equal = a->len == b->len && (!a->len || !memcmp(a->text, b->text, a->len));
		return 0;
	}
	if (a->num == 0 && b->num == 0) {
		*equal = false;
		return 0;
	}
	return err_set(e->err, -ENODATA, "a string can be compared with a string or 0 only");
}

static int eval_equal(struct evaluation *e, const struct expr *expr, struct operand *out)
{
	struct operand a, b;
	bool equal;
	int r = eval(e, expr->a, &a);

	if (!r)
		r = eval(e, expr->b, &b);
	if (r)
		return r;
	equal = a.num == b.num;
	if (a.is_text || b.is_text)
		r = compare_text(e, &a, &b, &equal);
	if (r)
		return r;
	*out = (struct operand){.num = equal == (expr->kind == EXPR_EQ)};
	return 0;
}

static int eval_binary(struct evaluation *e, const struct expr *expr, struct operand *out)
{
	int64_t a, b;
	int r = eval_number(e, expr->a, &a);

	if (!r)
		r = eval_number(e, expr->b, &b);
	if (r)
		return r;
	*out = (struct operand){.num = expr_apply(expr->kind, a, b)};
	return 0;
}

static int eval_constant(struct evaluation *e, const struct expr *expr, struct operand *out)
{
	*out = (struct operand){.is_text = expr->kind == EXPR_STR, .num = expr->num};
	if (out->is_text) {
		out->text = expr->str;
		out->len = strlen(expr->str);
	}
	return 0;
}

static int (*const evals[EXPR_KIND_CNT])(struct evaluation *e, const struct expr *expr,
					 struct operand *out) = {
	[EXPR_NUM] = eval_constant, [EXPR_STR] = eval_constant,	 [EXPR_PATH] = eval_path,
	[EXPR_ENTRY] = eval_entry,  [EXPR_SIZEOF] = eval_sizeof, [EXPR_NOT] = eval_unary,
	[EXPR_NEG] = eval_unary,    [EXPR_ADD] = eval_binary,	 [EXPR_SUB] = eval_binary,
	[EXPR_MUL] = eval_binary,   [EXPR_DIV] = eval_binary,	 [EXPR_MOD] = eval_binary,
	[EXPR_LT] = eval_binary,    [EXPR_LE] = eval_binary,	 [EXPR_GT] = eval_binary,
	[EXPR_GE] = eval_binary,    [EXPR_EQ] = eval_equal,	 [EXPR_NE] = eval_equal,
	[EXPR_AND] = eval_logic,    [EXPR_OR] = eval_logic,	 [EXPR_MIN] = eval_binary,
	[EXPR_MAX] = eval_binary,
};

static int eval(struct evaluation *e, const struct expr *expr, struct operand *out)
{
	int r;

	if (e->depth >= 2 * EXPR_DEPTH_MAX)
		return err_set(e->err, -ENODATA, "the expression is nested too deeply");
	e->depth++;
	r = evals[expr->kind](e, expr, out);
	e->depth--;
	return r;
}

int values_eval(const struct values *values, const struct expr *expr, enum value_when when, int64_t *out,
		struct err *err)
{
	struct evaluation e = {.values = values, .when = when, .err = err};

	return eval_number(&e, expr, out);
}
