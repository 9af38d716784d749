// SPDX-License-Identifier: BSD-3-Clause
/*
 * From a configuration and files to plans: each function is found (program_find.c) and described
 * (program_describe.c); then, when the schema is whole, each gets its shape, its probe site and its plan
 * (program_plan.c). A function that fails on the way is refused and keeps its place, so that indexes agree
 * everywhere.
 */
#include "lib/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/compiled.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/schema.h"
#include "lib/util.h"

/* --- files --- */

static void drop_file(struct program *program, size_t idx)
{
	free(program->files[idx].path);
	free(program->files[idx].name);
	program->files_cnt--;
	memmove(&program->files[idx], &program->files[idx + 1],
		(program->files_cnt - idx) * sizeof(*program->files));
}

/* A live process may map as code what is no ELF file; a file at rest was named by someone. */
static int open_objects(struct program *program, struct err *err)
{
	for (size_t i = 0; i < program->files_cnt;) {
		const struct program_file *file = &program->files[i];
		int r = object_open(&program->objects[i], file->path, err);

		if (r && (!i || !file->base || r == -ENOMEM))
			return r;
		if (r)
			drop_file(program, i);
		else
			i++;
	}
	return 0;
}

static bool has_file(const struct program *program, const char *want)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		if (program_is_file(program, i, want))
			return true;
	return false;
}

/* Probes are on the file, so that one which is loaded later has them from its first instruction on. */
static int add_plugin(struct program *program, const char *want, struct err *err)
{
	struct program_file *files =
		reallocarray(program->files, program->files_cnt + 1, sizeof(*program->files));
	char root[PROGRAM_ROOT_MAX], *path = NULL;
	struct object *object = NULL;

	if (!files)
		return err_nomem(err);
	program->files = files;
	program_root(program, root);
	if (asprintf(&path, "%s%s", root, want) < 0)
		return err_nomem(err);
	/* What is no object is a source file, or is not there: the search for the function says so. */
	if (program->files_cnt == PROGRAM_MODULES_MAX || object_open(&object, path, NULL)) {
		free(path);
		return 0;
	}
	program->objects[program->files_cnt] = object;
	files[program->files_cnt] = (struct program_file){.path = path, .is_absent = true};
	files[program->files_cnt].name =
		strdup(object_soname(object) ? object_soname(object) : basename(want));
	return files[program->files_cnt++].name ? 0 : err_nomem(err);
}

/* Files that the configuration names by their absolute path, and that are not loaded. */
static int add_plugins(struct program *program, const struct config *config, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < config->funcs_cnt && !r; i++) {
		const char *module = config->funcs[i].module;

		if (module && module[0] == '/' && !has_file(program, module))
			r = add_plugin(program, module, err);
	}
	return r;
}

/* --- the whole --- */

/* What pointers point to is named by the symbols of whatever is described. */
static int complete_all(struct finder *f, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < f->program->files_cnt && !r; i++)
		if (f->program->infos[i])
			r = program_complete(f, i, err);
	return r;
}

static int fill(struct finder *f, struct err *err)
{
	const void *data;
	size_t len;
	int r = f->program->compiled ? program_place_compiled(f, err) : program_describe(f, err);

	if (!r)
		r = schema_bytes(f->program->schema, &data, &len, err);
	if (!r)
		r = program_build(f, err);
	if (!r)
		r = complete_all(f, err);
	if (!r)
		r = program_find_returns(f->program, err);
	return r ? r : program_find_spots(f->program, err);
}

static int add_funcs(struct program *program, const struct config *config, struct err *err)
{
	program->funcs = calloc(config->funcs_cnt + 1, sizeof(*program->funcs));
	if (!program->funcs)
		return err_nomem(err);
	program->funcs_cnt = config->funcs_cnt;
	for (size_t i = 0; i < config->funcs_cnt; i++)
		program->funcs[i].config = &config->funcs[i];
	return 0;
}

static int find_all(struct program *program, struct config *config, struct err *err)
{
	autofree bool *tried = calloc(program->files_cnt + 1, sizeof(*tried));
	autofree struct err *why = calloc(program->files_cnt + 1, sizeof(*why));
	autofree bool *completed = calloc(program->files_cnt + 1, sizeof(*completed));
	struct finder f = {program, config, tried, why, completed};
	int r;

	if (!tried || !why || !completed)
		return err_nomem(err);
	r = program_add_callbacks(&f, config, err);
	if (!r)
		r = add_funcs(program, config, err);
	return r ? r : fill(&f, err);
}

/* Takes over the files and the compiled schema, also on failure. */
static struct program *program_new(const struct config *config, struct program_file *files, size_t cnt,
				   struct compiled *compiled)
{
	struct program *program = calloc(1, sizeof(*program));

	if (!program) {
		program_files_free(files, cnt);
		compiled_free(compiled);
		return NULL;
	}
	program->files = files;
	program->files_cnt = cnt;
	program->compiled = compiled;
	/* Each function may bring a plug-in. */
	program->objects = calloc(cnt + config->funcs_cnt + 1, sizeof(*program->objects));
	program->infos = calloc(cnt + config->funcs_cnt + 1, sizeof(*program->infos));
	program->catches = calloc(cnt + config->funcs_cnt + 1, sizeof(*program->catches));
	if (!program->catches || !program->objects || !program->infos) {
		program_free(program);
		return NULL;
	}
	return program;
}

int program_open_compiled(struct program **out, struct config *config, struct program_file *files, size_t cnt,
			  struct compiled *compiled, struct err *err)
{
	auto_program struct program *program = program_new(config, files, cnt, compiled);
	int r = 0;

	if (!program)
		return err_nomem(err);
	if (compiled)
		program->schema = TAKE_PTR(compiled->schema);
	else
		r = schema_new(&program->schema, err);
	if (!r)
		r = open_objects(program, err);
	if (!r)
		r = add_plugins(program, config, err);
	if (!r)
		r = program_add_marks(program, config, err);
	if (!r)
		r = program_serve(program, config, err);
	if (!r)
		r = find_all(program, config, err);
	if (r)
		return r;
	*out = TAKE_PTR(program);
	return 0;
}

int program_open(struct program **out, struct config *config, struct program_file *files, size_t cnt,
		 struct err *err)
{
	return program_open_compiled(out, config, files, cnt, NULL, err);
}

static int refusal(const struct err *refused, struct err *err)
{
	if (!refused->msg[0])
		return 0;
	return err_pass(err, refused->is_usage ? -EINVAL : -ENOTSUP, refused);
}

int program_usable(const struct program *program, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < program->funcs_cnt && !r; i++)
		r = refusal(&program->funcs[i].refused, err);
	return r;
}

int program_recordable(const struct program *program, struct err *err)
{
	int r = program_usable(program, err);

	for (size_t i = 0; i < program->funcs_cnt && !r; i++)
		r = refusal(&program->funcs[i].unprobed, err);
	return r;
}

void program_free(struct program *program)
{
	if (!program)
		return;
	for (size_t i = 0; program->funcs && i < program->funcs_cnt; i++) {
		shape_free(program->funcs[i].shape);
		free(program->funcs[i].plan);
		free(program->funcs[i].symbol);
		free(program->funcs[i].stubs);
		free(program->funcs[i].rets);
		free(program->funcs[i].gate);
	}
	for (size_t i = 0; program->objects && i < program->files_cnt; i++)
		object_free(program->objects[i]);
	for (size_t i = 0; program->infos && i < program->files_cnt; i++)
		debuginfo_free(program->infos[i]);
	program_spots_free(program->spots);
	compiled_free(program->compiled);
	program_files_free(program->files, program->files_cnt);
	schema_free(program->schema);
	free(program->objects);
	free(program->infos);
	free(program->catches);
	free(program->marks);
	free(program->funcs);
	free(program);
}

void program_freep(struct program **program)
{
	program_free(*program);
}
