// SPDX-License-Identifier: BSD-3-Clause
/* What a replay intercepts beside what is configured: where the program is ready, what frees memory or starts
 * threads, and what no two runs get the same from. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/insn.h"
#include "lib/object.h"
#include "lib/serve.h"
#include "lib/util.h"
#include "replay/patchfile_impl.h"

/* Where a server waits for work: reaching one of them means that start-up is over. */
static const char *const ready_functions[] = {
	"accept",     "accept4", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll",
	"ppoll",      "select",	 "pselect",    "sigwait",     "sigwaitinfo",  "sigtimedwait",
	"sigsuspend", "pause",	 "recvfrom",   "recvmsg",     "__poll_chk",   "pthread_join",
};

static const char *const freeing_functions[] = {"free", "realloc", "reallocarray", "cfree"};

static bool is_imported_as(const struct program *program, const struct program_func *func, const char *name)
{
	const char *names[PROGRAM_NAMES_MAX];
	size_t cnt = program_import_names(program, func, names);

	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* Whether the executable's function at @addr is configured, and intercepted there: it keeps its role, and is
 * ready as well. Two ways into one place would each lead into the other. */
static bool is_ready_too(struct patchfile_writer *writer, uint64_t addr)
{
	for (size_t i = 0; i < writer->program->funcs_cnt; i++) {
		struct patch_func *func = &writer->funcs[i];

		if (func->module == 0 && func->addr == addr &&
		    (func->how == PATCH_ENTRY || func->how == PATCH_TRAP)) {
			func->role |= PATCH_READY;
			return true;
		}
	}
	return false;
}

static struct patch_func *next_func(struct patchfile_writer *writer, struct err *err)
{
	if (writer->funcs_cnt < PATCH_FUNCS_MAX)
		return &writer->funcs[writer->funcs_cnt];
	err_set(err, -E2BIG, "more than %d functions to intercept", PATCH_FUNCS_MAX);
	return NULL;
}

static void put(struct patchfile_writer *writer, const char *name, unsigned char role)
{
	struct patch_func *out = &writer->funcs[writer->funcs_cnt++];

	out->role = role;
	out->alias = out->number = PATCH_NONE;
	snprintf(out->name, sizeof(out->name), "%s", name);
}

/* One of libc's, wherever the program has it; none that nobody calls. */
static int add_import(struct patchfile_writer *writer, const char *name, unsigned char role, struct err *err)
{
	size_t before = writer->slots_cnt;
	struct patch_func *out = next_func(writer, err);
	int r = out ? patchfile_set_import(writer, out, name, err) : -E2BIG;

	if (r < 0)
		return r;
	/* Who starts a thread must be able to. */
	if ((out->how == PATCH_IMPORT && writer->slots_cnt == before) ||
	    (role == PATCH_STARTS && !out->is_callable))
		*out = (struct patch_func){};
	else
		put(writer, name, role);
	return 0;
}

/* A function that is configured and waits too keeps its role, and is ready as well. */
static int add_ready(struct patchfile_writer *writer, const char *name, struct err *err)
{
	const struct symbol *symbol = patchfile_interceptor(writer, name);

	if (symbol && is_ready_too(writer, symbol->addr))
		return 0;
	for (size_t i = 0; i < writer->program->funcs_cnt; i++) {
		if (patchfile_is_system(writer->program->files[writer->program->funcs[i].module].name) &&
		    is_imported_as(writer->program, &writer->program->funcs[i], name)) {
			writer->funcs[i].role |= PATCH_READY;
			return 0;
		}
	}
	return add_import(writer, name, PATCH_READY, err);
}

/* Whose a thread is hangs on who starts it. */
static int add_starts(struct patchfile_writer *writer, const char *name, struct err *err)
{
	for (size_t i = 0; i < writer->program->funcs_cnt; i++)
		if (!strcmp(writer->program->funcs[i].symbol, name))
			return 0;
	return add_import(writer, name, PATCH_STARTS, err);
}

/* One that is imported, and runs for real. */
static int add_passing(struct patchfile_writer *writer, const char *name, unsigned char role, struct err *err)
{
	size_t before = writer->slots_cnt;
	struct patch_func *out = next_func(writer, err);
	int r = out ? patchfile_add_slots(writer, name, writer->funcs_cnt, err) : -E2BIG;

	if (r < 0 || writer->slots_cnt == before)
		return r;
	out->how = PATCH_IMPORT;
	out->is_callable = 1;
	put(writer, name, role);
	return 0;
}

/* Freed memory is no object any more, and what lies there next is another one. */
static int add_frees(struct patchfile_writer *writer, const char *name, struct err *err)
{
	for (size_t i = 0; i < writer->program->funcs_cnt; i++)
		if (writer->funcs[i].how == PATCH_IMPORT && !strcmp(writer->program->funcs[i].symbol, name))
			return 0;
	return add_passing(writer, name, PATCH_FREES, err);
}

/* What makes replays differ from recordings, and from each other. */
static int add_watched(struct patchfile_writer *writer, struct err *err)
{
	const struct serve_function *unserved[SERVE_FUNCTIONS_MAX];
	size_t cnt = program_unserved(writer->program, unserved, ARRAY_SIZE(unserved));
	int r = 0;

	for (size_t i = 0; r == 0 && i < cnt; i++)
		r = add_passing(writer, unserved[i]->name, PATCH_WATCHED, err);
	return r;
}

static bool has_ready(const struct patchfile_writer *writer)
{
	for (size_t i = 0; i < writer->funcs_cnt; i++)
		if (writer->funcs[i].role & PATCH_READY)
			return true;
	return false;
}

/* --ready FUNCTION: one that the executable defines, or imports. */
static int add_ready_function(struct patchfile_writer *writer, const char *name, struct err *err)
{
	const struct symbol *symbol = object_find_func(writer->program->objects[0], name, NULL, NULL);
	struct patch_func *out;
	struct prologue prologue;
	int r;

	if (symbol && is_ready_too(writer, symbol->addr))
		return 0;
	if (!symbol) {
		r = add_ready(writer, name, err);
		if (r == 0 && !has_ready(writer))
			r = err_usage(err, -ENOENT,
				      "--ready names '%s', which the program neither has nor imports", name);
		return r;
	}
	out = next_func(writer, err);
	if (!out)
		return -E2BIG;
	r = prologue_move(&prologue, writer->program->objects[0], symbol->addr, symbol->size, err);
	if (r < 0)
		return err_wrap(err, r, "cannot stop at '%s'", name);
	patchfile_set_entry(out, &prologue);
	put(writer, name, PATCH_READY);
	return 0;
}

int patchfile_add_besides(struct patchfile_writer *writer, const char *ready, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(freeing_functions); i++)
		r = add_frees(writer, freeing_functions[i], err);
	if (r == 0)
		r = add_watched(writer, err);
	if (r == 0)
		r = add_starts(writer, "pthread_create", err);
	if (r < 0 || !strcmp(ready, "main") || !strcmp(ready, "end"))
		return r;
	if (strcmp(ready, "auto"))
		return add_ready_function(writer, ready, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ready_functions); i++)
		r = add_ready(writer, ready_functions[i], err);
	return r;
}
