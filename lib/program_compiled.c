// SPDX-License-Identifier: BSD-3-Clause
/* A program described by a schema that was compiled from its debug information elsewhere, and the other way
 * round. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/compiled.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/libc_prototypes.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/schema.h"
#include "lib/util.h"

#define TEXT_MAX (16 * 1024 * 1024)

/* --- what the configuration says, in one number --- */

static void put_rules(struct buf *text, const struct rule *rules, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		autofree char *rule = rule_text(&rules[i]);

		buf_printf(text, "%s\n", rule ? rule : "");
		if (!rule && !text->failed)
			text->failed = -ENOMEM;
	}
}

static int digest_of(const struct buf *text, char hex[DIGEST_HEX_LEN + 1], struct err *err)
{
	if (text->failed)
		return err_nomem(err);
	digest_hex(text->data ? text->data : (const uint8_t *)"", text->len, hex);
	return 0;
}

static int digest_func(const struct config_func *func, char hex[DIGEST_HEX_LEN + 1], struct err *err)
{
	auto_buf struct buf text;

	buf_init(&text, TEXT_MAX);
	buf_printf(&text, "%s\n%s\n%s\n%s\n", role_name(func->role), func->name, func->alias,
		   func->prototype ? func->prototype : "");
	put_rules(&text, func->rules, func->rules_cnt);
	return digest_of(&text, hex, err);
}

static int digest_types(const struct config *config, char hex[DIGEST_HEX_LEN + 1], struct err *err)
{
	auto_buf struct buf text;

	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < config->types_cnt; i++) {
		buf_printf(&text, "%s\n", config->types[i].type);
		put_rules(&text, config->types[i].rules, config->types[i].cnt);
	}
	return digest_of(&text, hex, err);
}

/* --- compiling --- */

/* What calls it describes it, so that it may be any build's. */
static bool is_by_name(const struct program_func *func)
{
	return func->module && (func->libc || func->config->prototype || func->debug.is_declaration);
}

static int copy_text(char **out, const char *text)
{
	*out = strdup(text ? text : "");
	return *out ? 0 : -ENOMEM;
}

static int no_build_id(const struct program *program, size_t module, struct err *err)
{
	err_set(err, -ENOTSUP, "'%s' has no build id: nothing would tell its builds apart",
		program->files[module].name);
	err_hint(err, "link it with -Wl,--build-id");
	return -ENOTSUP;
}

static int compile_func(struct compiled_func *out, const struct program *program,
			const struct program_func *func, struct err *err)
{
	const char *id = object_build_id(program->objects[func->module]);

	if (copy_text(&out->name, func->config->name) ||
	    copy_text(&out->module, func->module ? program->files[func->module].name : "") ||
	    copy_text(&out->source, func->debug.file) ||
	    copy_text(&out->inlined_at, func->debug.inlined_at) || copy_text(&out->warning, func->warning))
		return err_nomem(err);
	out->addr = func->addr;
	out->size = func->size;
	out->line = func->debug.line;
	out->inlined = func->debug.inlined;
	if (!is_by_name(func) && !id[0])
		return no_build_id(program, func->module, err);
	snprintf(out->build_id, sizeof(out->build_id), "%s", is_by_name(func) ? "" : id);
	return digest_func(func->config, out->configured, err);
}

/* The program keeps its own. */
static int copy_schema(struct schema **out, struct schema *schema, struct err *err)
{
	const void *data;
	size_t len;
	int r = schema_bytes(schema, &data, &len, err);

	return r ? r : schema_load(out, data, len, err);
}

int program_compile(struct compiled **out, const struct program *program, const struct config *config,
		    struct err *err)
{
	auto_compiled struct compiled *compiled = calloc(1, sizeof(*compiled));
	int r = program_usable(program, err);

	if (r)
		return r;
	if (!compiled)
		return err_nomem(err);
	compiled->funcs = calloc(program->funcs_cnt + 1, sizeof(*compiled->funcs));
	if (!compiled->funcs || copy_text(&compiled->program, program->files[0].name))
		return err_nomem(err);
	if (!object_build_id(program->objects[0])[0])
		return no_build_id(program, 0, err);
	snprintf(compiled->build_id, sizeof(compiled->build_id), "%s", object_build_id(program->objects[0]));
	r = digest_types(config, compiled->configured, err);
	while (!r && compiled->funcs_cnt < program->funcs_cnt) {
		const struct program_func *func = &program->funcs[compiled->funcs_cnt];

		r = compile_func(&compiled->funcs[compiled->funcs_cnt++], program, func, err);
	}
	if (!r)
		r = copy_schema(&compiled->schema, program->schema, err);
	if (r)
		return r;
	*out = TAKE_PTR(compiled);
	return 0;
}

/* --- using --- */

static int compile_again(const struct compiled *compiled, struct err *err)
{
	err_hint(err, "compile it again: tapedeck schema -c FILE %s -o SCHEMA", compiled->program);
	return -EINVAL;
}

static int other_build(const struct compiled *compiled, const char *name, const char *here, const char *there,
		       struct err *err)
{
	err_set(err, -EINVAL, "the schema was compiled for another build of '%s': %.12s, and here is %.12s",
		name, there, here[0] ? here : "one without a build id");
	return compile_again(compiled, err);
}

static int check_func(const struct compiled *compiled, const struct compiled_func *func,
		      const struct config_func *config, struct err *err)
{
	char digest[DIGEST_HEX_LEN + 1];
	int r;

	if (strcmp(func->name, config->name)) {
		err_usage(err, -EINVAL,
			  "the schema was compiled for other functions: it has '%s' in the place of '%s'",
			  func->name, config->name);
		return compile_again(compiled, err);
	}
	r = digest_func(config, digest, err);
	if (r || !strcmp(digest, func->configured))
		return r;
	err_usage(err, -EINVAL, "'%s' is configured otherwise than when the schema was compiled",
		  config->name);
	return compile_again(compiled, err);
}

static int check_config(const struct compiled *compiled, const struct config *config, struct err *err)
{
	char digest[DIGEST_HEX_LEN + 1];
	int r = 0;

	for (size_t i = 0; i < config->funcs_cnt && i < compiled->funcs_cnt && !r; i++)
		r = check_func(compiled, &compiled->funcs[i], &config->funcs[i], err);
	if (r)
		return r == -ENOMEM ? r : config_error_at(config, (struct place){}, r, err);
	if (config->funcs_cnt != compiled->funcs_cnt) {
		err_usage(err, -EINVAL, "%zu functions are configured, the schema was compiled for %zu",
			  config->funcs_cnt, compiled->funcs_cnt);
		compile_again(compiled, err);
		return config_error_at(config, (struct place){}, -EINVAL, err);
	}
	r = digest_types(config, digest, err);
	if (r || !strcmp(digest, compiled->configured))
		return r;
	err_usage(err, -EINVAL, "'types' is configured otherwise than when the schema was compiled");
	compile_again(compiled, err);
	return config_error_at(config, (struct place){}, -EINVAL, err);
}

static int find_module(const struct program *program, const char *name, size_t *module)
{
	*module = 0;
	if (!name[0])
		return 0;
	for (size_t i = 1; i < program->files_cnt; i++) {
		if (strcmp(program->files[i].name, name))
			continue;
		*module = i;
		return 0;
	}
	return -ENOENT;
}

static int name_func(struct program_func *func, const char *name, struct err *err)
{
	free(func->symbol);
	func->symbol = strdup(name);
	return func->symbol ? 0 : err_nomem(err);
}

static int place_by_name(struct program_func *func, struct finder *f, struct err *err)
{
	const struct program *program = f->program;
	const struct object *object = program->objects[func->module];
	const struct symbol *symbol = object_find_func(object, func->config->symbol, NULL, NULL);
	const char *mangled = NULL;
	int r = symbol ? 0 : program_find_cxx(&mangled, f, func->config, func->module, NULL, err);

	if (!r && mangled) {
		r = name_func(func, mangled, err);
		symbol = r ? NULL : object_find_func(object, func->symbol, NULL, NULL);
	}
	if (r)
		return r;
	if (!symbol)
		return err_set(err, -ENOENT, "'%s' has no function '%s'", program->files[func->module].name,
			       func->config->symbol);
	func->addr = symbol->addr;
	func->size = symbol->size;
	func->is_ifunc = symbol->is_ifunc;
	return 0;
}

static int place(struct program_func *func, struct finder *f, const struct compiled_func *said,
		 struct err *err)
{
	const struct program *program = f->program;
	const struct symbol *symbol;
	const char *id;

	if (name_func(func, func->config->symbol, err))
		return -ENOMEM;
	if (func->config->mark) {
		program_place_mark(program, func);
		return 0;
	}
	if (find_module(program, said->module, &func->module))
		return err_set(err, -ENOENT, "'%s', which has '%s', is not loaded", said->module, said->name);
	id = object_build_id(program->objects[func->module]);
	if (program_is_libc(program, func->module) && !func->config->prototype)
		func->libc = libc_function(func->config->symbol);
	func->debug = (struct debug_func){
		.inlined = said->inlined, .file = said->source[0] ? said->source : NULL, .line = said->line};
	snprintf(func->debug.inlined_at, sizeof(func->debug.inlined_at), "%s", said->inlined_at);
	snprintf(func->warning, sizeof(func->warning), "%s", said->warning);
	if (!said->build_id[0])
		return place_by_name(func, f, err);
	if (strcmp(said->build_id, id))
		return other_build(program->compiled, program->files[func->module].name, id, said->build_id,
				   err);
	func->addr = said->addr;
	func->size = said->size;
	symbol = object_func_at(program->objects[func->module], func->addr);
	return symbol && symbol->addr == func->addr ? name_func(func, symbol->name, err) : 0;
}

int program_place_compiled(struct finder *f, struct err *err)
{
	struct program *program = f->program;
	const struct compiled *compiled = program->compiled;
	const char *id = object_build_id(program->objects[0]);
	int r = check_config(compiled, f->config, err);

	if (r)
		return r;
	if (strcmp(id, compiled->build_id))
		return other_build(compiled, program->files[0].name, id, compiled->build_id, err);
	for (size_t i = 0; i < program->funcs_cnt; i++) {
		struct err why = {};

		if (place(&program->funcs[i], f, &compiled->funcs[i], &why))
			program->funcs[i].refused = why;
	}
	return 0;
}
