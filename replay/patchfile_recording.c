// SPDX-License-Identifier: BSD-3-Clause
/*
 * What is patched to record a program from inside. libc's functions are patched at their entry, too, so that
 * every call passes there, whoever makes it and however it found the function; those whose code is chosen
 * when the program starts (IFUNCs) are reached through the slots of who imports them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/marks.h"
#include "lib/object.h"
#include "lib/plan.h"
#include "lib/util.h"
#include "replay/patchfile_impl.h"

/* Functions of libc that return twice, or look at who called them: a call that is made by somebody else in
 * their caller's place is another one. */
static const char *const unlike_others[] = {
	"setjmp", "_setjmp", "sigsetjmp", "__sigsetjmp", "vfork",  "__vfork", "getcontext",
	"clone",  "dlopen",  "dlmopen",	  "dlsym",	 "dlvsym", "_dl_sym", "swapcontext",
};

static int refuse(const struct program_func *func, int code, struct err *err)
{
	err_wrap(err, code, "cannot record '%s' from inside", func->config->name);
	err_hint(err, "record it with --engine bpf, or build it with -fpatchable-function-entry=5");
	return code;
}

static int check_kind(const struct program_func *func, bool is_system, struct err *err)
{
	const struct plan_gate *gate = func->gate;

	for (size_t i = 0; is_system && i < ARRAY_SIZE(unlike_others); i++) {
		if (strcmp(func->symbol, unlike_others[i]))
			continue;
		err_set(err, -ENOTSUP, "cannot record '%s' from inside: it depends on who calls it",
			func->config->name);
		err_hint(err, "record it with --engine bpf, or leave it out of the configuration");
		return -ENOTSUP;
	}
	if (gate && gate->flags & (PLAN_GATE_CARRIES | PLAN_GATE_JOINS)) {
		err_set(err, -ENOTSUP,
			"'%s': calls in other threads join an operation (\"carrier\", \"joins\") with "
			"--engine bpf alone",
			func->config->name);
		err_hint(err, "record with --engine bpf, or without \"carrier\" and \"joins\"");
		return -ENOTSUP;
	}
	return 0;
}

/* The thunk copies what lies on the stack, as far as it knows that it may. */
static int check_stack(const struct program_func *func, struct err *err)
{
	const struct shape *shape = func->shape;

	for (size_t i = 0; i < shape->params_cnt; i++) {
		const struct abi_loc *loc = &shape->params[i].loc;

		if (loc->pieces_cnt && loc->piece[0].place == ABI_STACK &&
		    loc->piece[0].number + loc->size > PATCH_STACK_WORDS * sizeof(uint64_t)) {
			err_set(err, -ENOTSUP, "its arguments take more than %zu bytes of stack",
				PATCH_STACK_WORDS * sizeof(uint64_t));
			return refuse(func, -ENOTSUP, err);
		}
	}
	return 0;
}

static int begin(struct patch_func **out, struct patchfile_writer *writer, const struct program_func *func,
		 const char *name, size_t module, struct err *err)
{
	struct patch_func *way = &writer->funcs[writer->funcs_cnt];

	if (writer->funcs_cnt == PATCH_FUNCS_MAX)
		return err_set(err, -E2BIG, "more than %d functions to patch", PATCH_FUNCS_MAX);
	*way = (struct patch_func){.module = module,
				   .role = PATCH_INPUT,
				   .alias = PATCH_NONE,
				   .number = func - writer->program->funcs,
				   .results = patchfile_results(func->shape)};
	snprintf(way->name, sizeof(way->name), "%s", name);
	*out = way;
	return 0;
}

static int check_new(const struct patchfile_writer *writer, const struct patch_func *way, struct err *err)
{
	for (size_t i = 0; i < writer->funcs_cnt; i++) {
		const struct patch_func *other = &writer->funcs[i];

		if (other->how != PATCH_ENTRY || other->module != way->module || other->addr != way->addr)
			continue;
		err_set(err, -EEXIST, "'%s' and '%s' are the same code in '%s'", other->name, way->name,
			writer->program->files[way->module].name);
		err_hint(err, "remove one of them from the configuration");
		return -EEXIST;
	}
	return 0;
}

static int add_entry(struct patchfile_writer *writer, const struct program_func *func, size_t module,
		     uint64_t addr, uint64_t size, struct err *err)
{
	struct prologue prologue;
	struct patch_func *way;
	int r = begin(&way, writer, func, func->config->name, module, err);

	if (r < 0)
		return r;
	r = prologue_move(&prologue, writer->program->objects[module], addr, size, err);
	if (r < 0)
		return refuse(func, r, err);
	if (!prologue.is_callable) {
		err_set(err, -ENOTSUP, "its first instructions cannot be moved");
		return refuse(func, -ENOTSUP, err);
	}
	patchfile_set_entry(way, &prologue);
	r = check_new(writer, way, err);
	if (r == 0)
		writer->funcs_cnt++;
	return r;
}

/* What _FORTIFY_SOURCE calls in its place. */
static int add_stub(struct patchfile_writer *writer, const struct program_func *func,
		    const struct program_stub *stub, struct err *err)
{
	uint64_t addr = stub->site.addr - stub->site.skipped;
	const struct symbol *symbol = object_func_at(writer->program->objects[stub->module], addr);

	return add_entry(writer, func, stub->module, addr, symbol ? symbol->size : 0, err);
}

static int add_imports(struct patchfile_writer *writer, const struct program_func *func, struct err *err)
{
	size_t before = writer->slots_cnt;
	struct patch_func *way;
	int r = begin(&way, writer, func, func->symbol, func->module, err);

	if (r < 0)
		return r;
	way->how = PATCH_IMPORT;
	way->is_callable = 1;
	r = patchfile_add_slots(writer, func->symbol, writer->funcs_cnt, err);
	/* One that nobody imports is never called. */
	if (r == 0 && writer->slots_cnt > before)
		writer->funcs_cnt++;
	return r;
}

static int add_mark(struct patchfile_writer *writer, const struct program_func *func, struct err *err)
{
	struct patch_func *way;
	int r = begin(&way, writer, func, func->config->name, func->module, err);

	if (r < 0)
		return r;
	patchfile_set_sites(writer, way, func->config->mark, MARK_RECORD);
	writer->funcs_cnt++;
	return 0;
}

static int add_func(struct patchfile_writer *writer, const struct program_func *func, struct err *err)
{
	const struct program_file *file = &writer->program->files[func->module];
	bool is_system = patchfile_is_system(file->name);
	int r = func->config->mark ? add_mark(writer, func, err) : check_kind(func, is_system, err);

	if (r < 0 || func->config->mark)
		return r;
	r = check_stack(func, err);
	if (r < 0)
		return r;
	if (file->is_absent) {
		err_set(err, -ENOTSUP, "'%s' is not loaded when the program starts", file->name);
		return refuse(func, -ENOTSUP, err);
	}
	if (func->is_ifunc)
		return add_imports(writer, func, err);
	r = add_entry(writer, func, func->module, func->addr, func->size, err);
	for (size_t i = 0; r == 0 && i < func->stubs_cnt; i++)
		r = add_stub(writer, func, &func->stubs[i], err);
	return r;
}

/* What the engine must hear of besides, where libc's code can be patched. */
static const struct {
	const char *name;
	unsigned char role;
} watched[] = {{"_exit", PATCH_ENDS}, {"prctl", PATCH_CONFINES}, {"syscall", PATCH_CONFINES}};

static void add_watched(struct patchfile_writer *writer, size_t module, const char *name, unsigned char role)
{
	const struct object *object = writer->program->objects[module];
	const struct symbol *symbol = object_find_func(object, name, NULL, NULL);
	struct patch_func *way = &writer->funcs[writer->funcs_cnt];
	struct prologue prologue;

	if (!symbol || writer->funcs_cnt == PATCH_FUNCS_MAX ||
	    prologue_move(&prologue, object, symbol->addr, symbol->size, NULL) || !prologue.is_callable)
		return;
	*way = (struct patch_func){.module = module, .role = role, .alias = PATCH_NONE, .number = PATCH_NONE};
	snprintf(way->name, sizeof(way->name), "%s", name);
	patchfile_set_entry(way, &prologue);
	/* One that is configured is recorded. */
	if (check_new(writer, way, NULL) == 0)
		writer->funcs_cnt++;
}

/* Of libc, or of a static program, which is one file. */
static void add_all_watched(struct patchfile_writer *writer)
{
	const struct program *program = writer->program;

	for (size_t i = 0; i < program->files_cnt; i++) {
		if (program->objects[i] && (!strncmp(program->files[i].name, "libc.so", 7) ||
					    (i == 0 && !object_interp(program->objects[0]))))
			for (size_t k = 0; k < ARRAY_SIZE(watched); k++)
				add_watched(writer, i, watched[k].name, watched[k].role);
	}
}

int patchfile_add_ways(struct patchfile_writer *writer, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < writer->program->funcs_cnt; i++)
		r = add_func(writer, &writer->program->funcs[i], err);
	if (r == 0)
		add_all_watched(writer);
	return r;
}
