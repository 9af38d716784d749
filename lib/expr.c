// SPDX-License-Identifier: BSD-3-Clause
#include "lib/expr.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

void path_release(struct path *path)
{
	for (size_t i = 0; i < path->cnt; i++)
		free(path->steps[i].name);
	free(path->steps);
	free(path->root);
	*path = (struct path){};
}

void expr_free(struct expr *expr)
{
	if (!expr)
		return;
	expr_free(expr->a);
	expr_free(expr->b);
	path_release(&expr->path);
	free(expr->str);
	free(expr);
}

void expr_freep(struct expr **expr)
{
	expr_free(*expr);
}

/* @text with @step behind it, or before it. */
static char *step_text(const struct path_step *step, const char *text, bool is_starred)
{
	const char *open = is_starred ? "(" : "", *close = is_starred ? ")" : "";
	char *out = NULL;
	int len = -1;

	switch (step->kind) {
	case STEP_FIELD:
		len = asprintf(&out, "%s%s%s.%s", open, text, close, step->name);
		break;
	case STEP_ARROW:
		len = asprintf(&out, "%s%s%s->%s", open, text, close, step->name);
		break;
	case STEP_DEREF:
		len = asprintf(&out, "*%s", text);
		break;
	case STEP_INDEX:
		len = asprintf(&out, "%s%s%s[%lld]", open, text, close, (long long)step->index);
		break;
	case STEP_EACH:
		len = asprintf(&out, "%s%s%s[]", open, text, close);
		break;
	}
	return len < 0 ? NULL : out;
}

char *path_text(const struct path *path)
{
	autofree char *text = strdup(path->root);

	for (size_t i = 0; text && i < path->cnt; i++) {
		bool is_starred = i && path->steps[i - 1].kind == STEP_DEREF;
		char *longer = step_text(&path->steps[i], text, is_starred);

		free(text);
		text = longer;
	}
	return TAKE_PTR(text);
}

int64_t expr_apply(enum expr_kind kind, int64_t a, int64_t b)
{
	bool overflows = a == INT64_MIN && b == -1;

	switch (kind) {
	case EXPR_NOT:
		return !a;
	case EXPR_NEG:
		return (int64_t) - (uint64_t)a;
	case EXPR_ADD:
		return (int64_t)((uint64_t)a + (uint64_t)b);
	case EXPR_SUB:
		return (int64_t)((uint64_t)a - (uint64_t)b);
	case EXPR_MUL:
		return (int64_t)((uint64_t)a * (uint64_t)b);
	case EXPR_DIV:
		return overflows ? a : b ? a / b : 0;
	case EXPR_MOD:
		return overflows || !b ? 0 : a % b;
	case EXPR_LT:
		return a < b;
	case EXPR_LE:
		return a <= b;
	case EXPR_GT:
		return a > b;
	case EXPR_GE:
		return a >= b;
	case EXPR_EQ:
		return a == b;
	case EXPR_NE:
		return a != b;
	case EXPR_AND:
		return a && b;
	case EXPR_OR:
		return a || b;
	case EXPR_MIN:
		return MIN(a, b);
	case EXPR_MAX:
		return MAX(a, b);
	default:
		return 0;
	}
}
