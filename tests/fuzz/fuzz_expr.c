// SPDX-License-Identifier: BSD-3-Clause
/*
 * Any text is an expression whose tree is no higher than promised, or -EINVAL and words. Any text is a path
 * whose canonical text means itself, or -EINVAL and words.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int height(const struct expr *expr)
{
	int a, b;

	if (!expr)
		return 0;
	a = height(expr->a);
	b = height(expr->b);
	return 1 + MAX(a, b);
}

static void check_tree(const struct expr *expr, bool may_be_string)
{
	bool compares = expr->kind == EXPR_EQ || expr->kind == EXPR_NE;

	assert(expr->kind < EXPR_KIND_CNT);
	assert(may_be_string || expr->kind != EXPR_STR);
	assert((expr->kind == EXPR_STR) == !!expr->str);
	assert((expr->kind == EXPR_PATH || expr->kind == EXPR_SIZEOF) == !!expr->path.root);
	assert(!!expr->b == (expr->kind >= EXPR_ADD));
	assert(!!expr->a == (expr->kind >= EXPR_ADD || expr->kind == EXPR_ENTRY || expr->kind == EXPR_NOT ||
			     expr->kind == EXPR_NEG));
	assert(expr->path.cnt <= PATH_STEPS_MAX);
	if (expr->a)
		check_tree(expr->a, compares);
	if (expr->b)
		check_tree(expr->b, compares);
}

static void check_expr(const char *text)
{
	struct expr *const untouched = (void *)1;
	struct expr *expr = untouched;
	struct err err = {};
	int r = expr_parse(&expr, text, &err);

	if (r) {
		assert(r == -EINVAL && expr == untouched && err.is_usage);
		assert(!strncmp(err.msg, "at column ", 10));
		return;
	}
	assert(height(expr) <= EXPR_DEPTH_MAX);
	check_tree(expr, false);
	expr_free(expr);
}

static void check_path(const char *text)
{
	auto_path struct path path = {};
	auto_path struct path again = {};
	autofree char *once = NULL, *twice = NULL;
	struct err err = {};
	int r = path_parse(&path, text, &err);

	if (r) {
		assert(r == -EINVAL && !path.root && err.is_usage);
		assert(!strncmp(err.msg, "at column ", 10));
		return;
	}
	once = path_text(&path);
	/* Parentheses may make the canonical text longer than what is taken. */
	if (strlen(once) > EXPR_TEXT_MAX)
		return;
	r = path_parse(&again, once, NULL);
	assert(!r && again.cnt == path.cnt);
	twice = path_text(&again);
	assert(!strcmp(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	autofree char *text = strndup((const char *)data, len);

	check_expr(text);
	check_path(text);
	return 0;
}
