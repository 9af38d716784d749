// SPDX-License-Identifier: BSD-3-Clause
/* "callback": the functions of the program that an input may call back are configured without being written.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/util.h"

static bool is_configured(const struct config *config, const char *name, const char *symbol)
{
	for (size_t i = 0; i < config->funcs_cnt; i++)
		if (!strcmp(config->funcs[i].name, name) || !strcmp(config->funcs[i].symbol, symbol))
			return true;
	return false;
}

static int add(struct config *config, const char *name, struct place place, struct err *err)
{
	struct config_func *func = &config->funcs[config->funcs_cnt];
	const char *colon = strrchr(name, ':');
	const char *symbol = colon ? colon + 1 : name;

	if (is_configured(config, name, symbol))
		return 0;
	if (config->funcs_cnt == SCHEMA_FUNCS_MAX || config->callbacks_cnt == CONFIG_CALLBACKS_MAX) {
		err_usage(err, -E2BIG, "more than %d functions have the type of what is called back",
			  CONFIG_CALLBACKS_MAX);
		err_hint(err, "name those that are under \"callbacks\", in place of \"callback\": true");
		return config_error_at(config, place, -E2BIG, err);
	}
	config->funcs_cnt++;
	config->callbacks_cnt++;
	*func = (struct config_func){
		.role = ROLE_CALLBACK, .is_found = true, .sampling.rate = 1, .place = place};
	func->name = strdup(name);
	func->symbol = strdup(symbol);
	func->module = colon ? strndup(name, colon - name) : NULL;
	func->alias = strdup(name);
	return func->name && func->symbol && func->alias && (func->module || !colon) ? 0 : err_nomem(err);
}

/* One whose name means another function, or none, is left out. */
static bool is_found_by_name(struct finder *f, const char *name, size_t module, uint64_t addr)
{
	char text[sizeof(((struct debug_callback *)0)->name) + NAME_MAX];
	const char *colon;
	struct config_func func = {.role = ROLE_CALLBACK, .name = text};
	autofree char *owner = NULL;
	struct found found = {};
	struct err why = {};

	snprintf(text, sizeof(text), "%s", name);
	colon = strrchr(text, ':');
	owner = colon ? strndup(text, colon - text) : NULL;
	func.module = owner;
	func.symbol = colon ? text + (colon + 1 - text) : text;
	return !program_find(f, &func, &found, &why) && found.module == module && found.addr == addr &&
	       !found.debug.abi_fault[0];
}

static int add_from(struct finder *f, struct config *config, size_t module, const struct found *input,
		    const char *param, struct place place, struct err *err)
{
	autofree struct debug_callback *found = calloc(CONFIG_CALLBACKS_MAX + 1, sizeof(*found));
	struct debuginfo *info = program_debug(f, module);
	ssize_t cnt;
	int r = 0;

	if (!found)
		return err_nomem(err);
	if (!info)
		return 0;
	cnt = debuginfo_callbacks(info, input->info, &input->debug, param, found, CONFIG_CALLBACKS_MAX + 1);
	if (cnt < 0) {
		r = err_usage(err, -EINVAL,
			      "'callback' on '%s', which is no parameter that points to a function", param);
		return config_error_at(config, place, r, err);
	}
	for (ssize_t i = 0; r == 0 && i < MIN(cnt, CONFIG_CALLBACKS_MAX + 1); i++) {
		char name[sizeof(found->name) + NAME_MAX];

		if (module && !strchr(found[i].name, ':'))
			snprintf(name, sizeof(name), "%s:%s", f->program->files[module].name, found[i].name);
		else
			snprintf(name, sizeof(name), "%s", found[i].name);
		if (name[0] && is_found_by_name(f, name, module, found[i].addr))
			r = add(config, name, place, err);
	}
	return r;
}

static int add_of_rule(struct finder *f, struct config *config, const struct config_func *func, size_t rule,
		       struct err *err)
{
	const char *param = func->rules[rule].path;
	struct place place = func->rule_places[rule];
	struct found input = {};
	struct err why = {};
	int r = 0;

	if (func->role != ROLE_INPUT) {
		r = err_usage(err, -EINVAL, "'callback' has a meaning for what is given to an input");
		return config_error_at(config, place, r, err);
	}
	/* What stands against the input itself is said where it is described. */
	if (program_find(f, func, &input, &why))
		return 0;
	if (!input.info) {
		err_usage(err, -ENOTSUP, "no debug information says what may be called back as '%s' of '%s'",
			  param, func->name);
		err_hint(err, "name the functions under \"callbacks\"");
		return config_error_at(config, place, -ENOTSUP, err);
	}
	for (size_t i = 0; r == 0 && i < f->program->files_cnt; i++)
		if (!program_is_libc(f->program, i))
			r = add_from(f, config, i, &input, param, place, err);
	return r;
}

/* A compiled schema has what there was when it was compiled. */
static int add_compiled(const struct program *program, struct config *config, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < schema_funcs_cnt(program->schema); i++) {
		const struct schema_func *func = schema_func(program->schema, i);

		if (func->role == ROLE_CALLBACK)
			r = add(config, func->name, (struct place){}, err);
	}
	return r;
}

int program_add_callbacks(struct finder *f, struct config *config, struct err *err)
{
	size_t cnt = config->funcs_cnt;
	int r = 0;

	for (size_t i = 0; r == 0 && i < cnt; i++)
		for (size_t k = 0; r == 0 && k < config->funcs[i].rules_cnt; k++) {
			if (!config->funcs[i].rules[k].is_callback)
				continue;
			r = f->program->compiled ? add_compiled(f->program, config, err)
						 : add_of_rule(f, config, &config->funcs[i], k, err);
		}
	return r;
}
