// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the configuration's "serve" comes to in one program: of each group those functions that its files
 * call. Further builds may call others: theirs are added behind, as what is there is pointed to.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiled.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/libc_prototypes.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/serve.h"

#define LIBC "libc.so.6"

/* The file that has @function, or NULL. */
static const char *library_of(const struct program *program, const struct serve_function *function)
{
	if (!function->library)
		return LIBC;
	for (size_t i = 1; i < program->files_cnt; i++) {
		const char *slash = strrchr(program->files[i].name, '/');
		const char *name = slash ? slash + 1 : program->files[i].name;

		if (!strncmp(name, function->library, strlen(function->library)))
			return name;
	}
	return NULL;
}

static bool imports(const struct program *program, const char *name, const char *library)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		if (!program_is_libc(program, i) && strcmp(program->files[i].name, library) &&
		    object_import_slots(program->objects[i], name, NULL, 0))
			return true;
	return false;
}

/* A static program has libc's functions in itself, whoever calls them there. */
static bool is_called(const struct program *program, const struct serve_function *function,
		      const char *library)
{
	const struct config_func func = {.module = LIBC};
	const struct libc_function *libc = function->library ? NULL : libc_function(function->name);

	if (imports(program, function->name, library) ||
	    (libc && libc->checked && imports(program, libc->checked, library)))
		return true;
	return libc && program_is_libc_linked_in(program, &func) &&
	       object_find_func(program->objects[0], function->name, NULL, NULL);
}

/* A sanitizer that is linked in takes the calls of what it watches over, whether there are any or not. */
static bool is_intercepted(const struct program *program, const struct serve_function *function)
{
	char mark[128];

	snprintf(mark, sizeof(mark), "__interceptor_%s", function->name);
	return !function->library && object_find_func(program->objects[0], mark, NULL, NULL);
}

static bool is_configured(const struct config *config, const char *symbol)
{
	for (size_t i = 0; i < config->funcs_cnt; i++)
		if (!strcmp(config->funcs[i].symbol, symbol))
			return true;
	return false;
}

static int add_rule(struct config_func *func, const struct libc_rule *rule, struct place place)
{
	if (!rule->path)
		return 0;
	func->rules = calloc(1, sizeof(*func->rules));
	func->rule_places = calloc(1, sizeof(*func->rule_places));
	if (!func->rules || !func->rule_places || libc_rule(&func->rules[0], rule))
		return -ENOMEM;
	func->rule_places[0] = place;
	func->rules_cnt = 1;
	return 0;
}

static int fill(struct config_func *func, const struct serve_function *function, const char *library,
		struct place place)
{
	*func = (struct config_func){.role = ROLE_INPUT,
				     .is_served = true,
				     .sampling.rate = 1,
				     .place = place,
				     .prototype_place = place};
	func->module = strdup(library);
	func->symbol = strdup(function->name);
	if (asprintf(&func->name, "%s:%s", library, function->name) < 0)
		func->name = NULL;
	/* Libraries other than libc change their names with their versions. */
	if (asprintf(&func->alias, "%s:%s", function->library ? function->library : library, function->name) <
	    0)
		func->alias = NULL;
	func->prototype = function->prototype ? strdup(function->prototype) : NULL;
	if (!func->module || !func->symbol || !func->name || !func->alias ||
	    (function->prototype && !func->prototype))
		return -ENOMEM;
	return add_rule(func, &function->rule, place);
}

static int add(struct config *config, const struct serve_function *function, const char *library,
	       struct err *err)
{
	struct config_func *func = &config->funcs[config->funcs_cnt];
	int r;

	if (config->funcs_cnt == SCHEMA_FUNCS_MAX) {
		r = err_usage(err, -E2BIG, "\"serve\" comes to more than %d functions", SCHEMA_FUNCS_MAX);
		return config_error_at(config, config->serve_place, r, err);
	}
	config->funcs_cnt++;
	r = fill(func, function, library, config->serve_place);
	return r ? err_nomem(err) : 0;
}

/* A compiled schema has what there was when it was compiled. */
static bool is_compiled(const struct compiled *compiled, const struct serve_function *function,
			const char *library)
{
	char name[256];

	snprintf(name, sizeof(name), "%s:%s", library, function->name);
	for (size_t i = 0; i < compiled->funcs_cnt; i++)
		if (!strcmp(compiled->funcs[i].name, name))
			return true;
	return false;
}

int program_serve(const struct program *program, struct config *config, struct err *err)
{
	const struct serve_function *function;
	int r = 0;

	for (size_t i = 0; config->serve && r == 0 && (function = serve_function_at(i)); i++) {
		const char *library = library_of(program, function);

		if (!library || !(config->serve & 1u << function->group) ||
		    is_configured(config, function->name))
			continue;
		if (program->compiled
			    ? is_compiled(program->compiled, function, library)
			    : is_called(program, function, library) || is_intercepted(program, function))
			r = add(config, function, library, err);
	}
	return r;
}

size_t program_unserved(const struct program *program, const struct serve_function **out, size_t max)
{
	const struct serve_function *function;
	size_t cnt = 0;

	for (size_t i = 0; cnt < max && (function = serve_function_at(i)); i++) {
		const char *library = library_of(program, function);
		bool is_there = false;

		for (size_t k = 0; k < program->funcs_cnt; k++)
			is_there |= !strcmp(program->funcs[k].symbol, function->name);
		if (library && !is_there && is_called(program, function, library))
			out[cnt++] = function;
	}
	return cnt;
}
