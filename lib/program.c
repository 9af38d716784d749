// SPDX-License-Identifier: BSD-3-Clause
/*
 * From a configuration and files to plans: each function is found and described; then, when the schema is
 * whole, each gets its shape, its probe site and its plan. A function that fails on the way is refused and
 * keeps its place, so that indexes agree everywhere.
 */
#include "lib/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/compiled.h"
#include "lib/config.h"
#include "lib/cxx.h"
#include "lib/object.h"
#include "lib/plan.h"
#include "lib/planner.h"
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

/* --- describing --- */

/* Types that only a rule names. */
static int add_rule_types(struct finder *f, const struct config_func *func, struct debuginfo *info,
			  struct err *err)
{
	for (size_t i = 0; i < func->rules_cnt; i++) {
		const char *type = func->rules[i].type;
		uint32_t id;
		int r = type ? -ENOENT : 0;

		if (type && info)
			r = debuginfo_add_type(info, f->program->schema, type, &id, err);
		/* It may be a type of the program that is handed through a library. */
		if (r == -ENOENT && program_debug(f, 0) && f->program->infos[0] != info)
			r = debuginfo_add_type(f->program->infos[0], f->program->schema, type, &id, err);
		if (r == -ENOENT && !info && !f->program->infos[0])
			err_set(err, r, "no type '%s': %s", type, f->why[0].msg);
		if (r)
			return program_is_fatal(r) ? r
						   : config_error_at(f->config, func->rule_places[i], r, err);
	}
	return 0;
}

/* The schema calls a C++ function as people read it. */
static int add_described(struct finder *f, const struct program_func *func, struct found *found, uint32_t *id,
			 struct err *err)
{
	autofree char *readable = cxx_is_mangled(func->symbol) ? cxx_text_short(func->symbol) : NULL;

	return debuginfo_add_func(found->info, f->program->schema, &found->debug,
				  readable ? readable : func->config->symbol, id, err);
}

static int find(struct finder *f, struct program_func *func, struct found *found, struct err *err)
{
	int r;

	if (func->config->mark) {
		program_place_mark(f->program, func);
		*found = (struct found){.module = func->module,
					.addr = func->addr,
					.size = func->size,
					.declaration = func->config->prototype,
					.is_ifunc = true};
		func->symbol = strdup(func->config->symbol);
		return func->symbol ? 0 : err_nomem(err);
	}
	r = program_find(f, func->config, found, err);
	func->module = found->module;
	func->addr = found->addr;
	func->size = found->size;
	func->debug = found->debug;
	func->is_ifunc = found->is_ifunc;
	func->libc = found->libc;
	func->symbol = strdup(found->symbol ? found->symbol : func->config->symbol);
	if (!func->symbol)
		return err_nomem(err);
	if (!r)
		program_warn(f, func->config, found, func->warning, sizeof(func->warning));
	return r;
}

static int describe(struct finder *f, struct program_func *func, struct found *found, uint32_t *id,
		    struct err *err)
{
	uint32_t func_id = 0;
	int r = find(f, func, found, err);

	if (r)
		return r;
	if (found->declaration)
		r = program_declare(f, func->config, found, &func_id, err);
	else
		r = add_described(f, func, found, &func_id, err);
	if (!r)
		r = add_rule_types(f, func->config, found->info, err);
	if (!r)
		*id = func_id;
	return r;
}

static bool is_read(const struct insn_reads *reads, const struct abi_loc *loc, unsigned piece)
{
	const struct abi_piece *at = &loc->piece[loc->piece[0].place == ABI_STACK ? 0 : piece];

	switch (at->place) {
	case ABI_GPR:
		return reads->registers >> at->number & 1;
	case ABI_XMM:
		return reads->registers & INSN_READS_XMM0 << at->number;
	case ABI_STACK:
		return at->number / 8 < 64 && reads->stack >> at->number / 8 & 3;
	default:
		return false;
	}
}

/* Debug information may have lost sight of what the code does use. */
static void settle_unpassed(const struct finder *f, const struct program_func *func, struct schema_func *out)
{
	struct insn_reads reads;
	struct abi_proto abi;

	if (!out->id || !(out->unpassed[0] | out->unpassed[1]))
		return;
	if (insn_reads(&reads, f->program->objects[func->module], func->addr, func->size, NULL) ||
	    abi_classify(&abi, f->program->schema, out->id, NULL))
		return;
	for (size_t i = 0; i < abi.params_cnt && i < SCHEMA_UNPASSED; i++)
		for (unsigned k = 0; k < ARRAY_SIZE(out->unpassed); k++)
			if (is_read(&reads, &abi.param[i], k))
				out->unpassed[k] &= ~(1ull << i);
}

static int describe_func(struct finder *f, struct program_func *func, struct err *err)
{
	struct schema_func described = {
		.role = func->config->role,
		.name = func->config->name,
		.alias = func->config->alias,
	};
	struct err why = {}; /* also holds what a search that went on in vain said */
	struct found found = {};
	int r = describe(f, func, &found, &described.id, &why);

	if (program_is_fatal(r))
		return err_pass(err, r, &why);
	if (r)
		func->refused = why;
	memcpy(described.unpassed, func->debug.unpassed, sizeof(described.unpassed));
	settle_unpassed(f, func, &described);
	r = program_rules(&described.rules, &described.rules_cnt, func->config, &found, err);
	if (!r)
		r = schema_add_func(f->program->schema, &described, err);
	program_rules_free(described.rules, described.rules_cnt, func->config);
	return r;
}

static int describe_all(struct finder *f, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < f->program->funcs_cnt && !r; i++)
		r = describe_func(f, &f->program->funcs[i], err);
	return r;
}

/* One function by two names would be two probes on one address, and two calls for each call. */
static void refuse_twins(struct finder *f)
{
	for (size_t i = 0; i < f->program->funcs_cnt; i++) {
		struct program_func *func = &f->program->funcs[i];

		for (size_t k = 0; k < i && !func->refused.msg[0]; k++) {
			const struct program_func *other = &f->program->funcs[k];

			if (func->config->mark || other->refused.msg[0] || other->module != func->module ||
			    other->addr != func->addr)
				continue;
			err_usage(&func->refused, -EEXIST, "'%s' is the same function as '%s'",
				  func->config->name, other->config->name);
			err_hint(&func->refused, "configure it once: calls by either name are taken");
			config_error_at(f->config, func->config->place, -EEXIST, &func->refused);
		}
	}
}

/* --- shapes and plans --- */

/* The register of @loc as debug_func counts them. */
static int register_of(const struct abi_loc *loc)
{
	switch (loc->pieces_cnt ? loc->piece[0].place : ABI_NONE) {
	case ABI_GPR:
		return loc->piece[0].number;
	case ABI_XMM:
		return DEBUG_REG_XMM + loc->piece[0].number;
	default:
		return DEBUG_REG_NONE;
	}
}

static int check_wide(const struct program_func *func, const struct shape_param *param, struct err *err)
{
	const struct shape_node *n = &func->shape->nodes[param->node];

	if (n->kind != SHAPE_INT || n->size != 16 || param->loc.piece[0].place != ABI_STACK)
		return 0;
	err_set(err, -ENOTSUP,
		"'%s' takes the 128-bit integer '%s' where clang before version 18 differs from the ABI",
		func->config->name, n->name);
	err_hint(err, "build it with gcc, or a later clang");
	return -ENOTSUP;
}

/* Of a function that is called from its own file only, compilers move and drop parameters as they like. */
static int check_entry(const struct program_func *func, struct err *err)
{
	const struct shape *shape = func->shape;

	for (size_t i = 0; i < shape->params_cnt && i < DEBUG_PARAMS_MAX; i++) {
		const struct abi_loc *loc = &shape->params[i].loc;
		int reg = func->debug.entry_reg[i];
		const char *name = shape->nodes[shape->params[i].node].name;
		int r = func->debug.is_old_clang ? check_wide(func, &shape->params[i], err) : 0;

		if (r)
			return r;
		if (reg == DEBUG_REG_NONE || loc->pieces_cnt != 1 || loc->piece[0].place == ABI_UNPASSED ||
		    reg == register_of(loc))
			continue;
		err_set(err, -ENOTSUP,
			"'%s' no longer takes its parameters as written: '%s' is in another register",
			func->config->name, name);
		err_hint(err,
			 "mark it __attribute__((noipa)) for gcc, __attribute__((noinline, used)) for clang");
		return -ENOTSUP;
	}
	return 0;
}

static int build_shape(const struct finder *f, struct program_func *func, size_t idx, struct err *err)
{
	struct shape_fault fault = {-1, -1};
	int r = shape_build(&func->shape, f->program->schema, idx, &fault, err);
	const struct type_rules *type;

	if (!r || program_is_fatal(r))
		return r;
	if (fault.rule >= 0 && (size_t)fault.rule < func->config->rules_cnt)
		return config_error_at(f->config, func->config->rule_places[fault.rule], r, err);
	type = fault.type_rule >= 0 ? program_type_of(f, fault.type_rule) : NULL;
	if (type)
		return config_error_at(f->config, type->place, r, err);
	return err->is_usage ? config_error_at(f->config, func->config->place, r, err) : r;
}

int program_gate(struct plan_gate **out, const struct program_func *func, const struct sampling *sampling,
		 struct err *err)
{
	const struct gate_source source = {
		.only_if = sampling->only_if,
		.by = sampling->by,
		.carrier = func->config->carrier,
		.joins = func->config->joins,
	};
	autofree struct plan_gate *gate = NULL;
	int r;

	if (!source.only_if && !source.by && !source.carrier && !source.joins) {
		*out = NULL;
		return 0;
	}
	gate = calloc(1, sizeof(*gate));
	if (!gate)
		return err_nomem(err);
	r = planner_gate(gate, func->shape, &source, err);
	if (!r)
		*out = TAKE_PTR(gate);
	return r;
}

static int build_plan(const struct finder *f, struct program_func *func, struct err *err)
{
	const struct config_func *config = func->config;
	int r;

	func->plan = calloc(1, sizeof(*func->plan));
	if (!func->plan)
		return err_nomem(err);
	r = planner_compile(func->plan, func->shape, (const char *const *)config->key, config->key_cnt, err);
	if (!r)
		r = program_gate(&func->gate, func, &config->sampling, err);
	if (r)
		return err->is_usage ? config_error_at(f->config, config->place, r, err) : r;
	if (program_is_libc(f->program, func->module))
		func->plan->flags |= PLAN_F_OUTSIDE_LIBC;
	return 0;
}

static int build(const struct finder *f, struct program_func *func, size_t idx, struct err *err)
{
	int r = build_shape(f, func, idx, err);

	if (!r && !func->config->mark && func->debug.addr == func->addr)
		r = check_entry(func, err);
	if (!r)
		r = program_check_paths(f, func->config, func->shape, err);
	if (r == 0)
		r = program_check_redaction(f, func->config, func->shape, err);
	if (!r)
		r = program_build_site(f, func, err);
	return r ? r : build_plan(f, func, err);
}

static int build_all(const struct finder *f, struct err *err)
{
	for (size_t i = 0; i < f->program->funcs_cnt; i++) {
		struct program_func *func = &f->program->funcs[i];
		struct err why = {};
		int r = func->refused.msg[0] ? 0 : build(f, func, i, &why);

		if (r == -ENOMEM)
			return err_pass(err, r, &why);
		if (r)
			func->refused = why;
	}
	return 0;
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

/* From debug information, and from declarations where there is none. */
static int describe_program(struct finder *f, struct err *err)
{
	int r = describe_all(f, err);

	if (r)
		return r;
	refuse_twins(f);
	r = program_add_types(f, err);
	return r ? r : program_add_libc_types(f, err);
}

static int fill(struct finder *f, struct err *err)
{
	const void *data;
	size_t len;
	int r = f->program->compiled ? program_place_compiled(f, err) : describe_program(f, err);

	if (!r)
		r = schema_bytes(f->program->schema, &data, &len, err);
	if (!r)
		r = build_all(f, err);
	if (!r)
		r = complete_all(f, err);
	if (!r)
		r = program_find_returns(f->program, err);
	return r ? r : program_find_spots(f->program, err);
}

static int find_all(struct program *program, const struct config *config, struct err *err)
{
	autofree bool *tried = calloc(program->files_cnt + 1, sizeof(*tried));
	autofree struct err *why = calloc(program->files_cnt + 1, sizeof(*why));
	autofree bool *completed = calloc(program->files_cnt + 1, sizeof(*completed));
	struct finder f = {program, config, tried, why, completed};

	return tried && why && completed ? fill(&f, err) : err_nomem(err);
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
		r = add_funcs(program, config, err);
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
