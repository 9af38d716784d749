// SPDX-License-Identifier: BSD-3-Clause
/* The paths of a function's configuration that are no rules: a mistake in one shows before anything runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/key.h"
#include "lib/program_impl.h"
#include "lib/util.h"

static int check_path(const struct shape *shape, const struct path *path, struct err *err)
{
	uint16_t node;

	if (!strcmp(path->root, "errno") && !path->cnt)
		return 0;
	return shape_resolve(shape, SHAPE_NONE, path, &node, err);
}

static int check_text(const struct shape *shape, const char *text, struct err *err)
{
	auto_path struct path path = {};
	int r = path_parse(&path, text, err);

	return r ? r : check_path(shape, &path, err);
}

/* expr_parse bounds the depth. */
static int check_expr(const struct shape *shape, const struct expr *expr, struct err *err)
{
	int r = 0;

	if (!expr)
		return 0;
	if (expr->kind == EXPR_PATH || expr->kind == EXPR_SIZEOF)
		r = check_path(shape, &expr->path, err);
	if (!r)
		r = check_expr(shape, expr->a, err);
	return r ? r : check_expr(shape, expr->b, err);
}

static int wrap(const struct finder *f, struct place place, const char *key, int r, struct err *err)
{
	if (r == -ENOMEM)
		return r;
	err_wrap(err, r, "'%s'", key);
	return config_error_at(f->config, place, r, err);
}

static int check_list(const struct finder *f, const struct shape *shape, const char *key, char *const *paths,
		      const struct place *places, size_t cnt, struct err *err)
{
	for (size_t i = 0; i < cnt; i++) {
		int r = strcmp(paths[i], KEY_DEFAULT_PATH) ? check_text(shape, paths[i], err) : 0;

		if (r)
			return wrap(f, places[i], key, r, err);
	}
	return 0;
}

/* A key is a path within the element that the rule is about. */
static int check_element(const struct shape *shape, const struct compare_rule *rule, struct err *err)
{
	autofree char *text = NULL;

	if (asprintf(&text, "%s%s%s", rule->path, *rule->key == '*' ? "" : ".", rule->key) < 0) {
		text = NULL;
		return err_nomem(err);
	}
	return check_text(shape, text, err);
}

static int check_metadata(const struct finder *f, const struct config_func *func, const struct shape *shape,
			  struct err *err)
{
	for (size_t i = 0; i < func->metadata_cnt; i++) {
		int r = check_text(shape, func->metadata[i].path, err);

		if (r)
			return wrap(f, func->metadata[i].place, func->metadata[i].name, r, err);
	}
	return 0;
}

static int check_compare(const struct finder *f, const struct config_func *func, const struct shape *shape,
			 struct err *err)
{
	for (size_t i = 0; i < func->compare.cnt; i++) {
		const struct compare_rule *rule = &func->compare.row[i];
		int r = rule->path ? check_text(shape, rule->path, err) : 0;

		if (!r && rule->key)
			r = check_element(shape, rule, err);
		if (r)
			return wrap(f, rule->place, config_compare_key(rule->kind), r, err);
	}
	return 0;
}

static int check_exprs(const struct finder *f, const struct config_func *func, const struct shape *shape,
		       struct err *err)
{
	const struct {
		const char *key;
		const struct expr *expr;
		struct place place;
	} exprs[] = {{"error_if", func->error_if, func->error_if_place},
		     {"if", func->sampling.only_if, func->only_if_place},
		     {"keep_if", func->sampling.keep_if, func->keep_if_place}};

	for (size_t i = 0; i < ARRAY_SIZE(exprs); i++) {
		int r = check_expr(shape, exprs[i].expr, err);

		if (r)
			return wrap(f, exprs[i].place, exprs[i].key, r, err);
	}
	return 0;
}

static int check_names(const struct finder *f, const struct config_func *func, const struct shape *shape,
		       struct err *err)
{
	const struct {
		const char *key, *path;
	} paths[] = {{"by", func->sampling.by}, {"carrier", func->carrier}, {"joins", func->joins}};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		int r = paths[i].path ? check_text(shape, paths[i].path, err) : 0;

		if (r)
			return wrap(f, func->place, paths[i].key, r, err);
	}
	return 0;
}

int program_check_sampling(const struct config *config, const struct program_func *func,
			   const struct config_func *fresh, struct err *err)
{
	const struct finder f = {.config = config};
	int r = check_names(&f, fresh, func->shape, err);

	return r ? r : check_exprs(&f, fresh, func->shape, err);
}

int program_check_paths(const struct finder *f, const struct config_func *func, const struct shape *shape,
			struct err *err)
{
	int r = check_metadata(f, func, shape, err);

	if (!r)
		r = check_list(f, shape, "key", func->key, func->key_places, func->key_cnt, err);
	if (!r)
		r = check_compare(f, func, shape, err);
	if (!r)
		r = check_names(f, func, shape, err);
	return r ? r : check_exprs(f, func, shape, err);
}
