// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where a configured function is. The symbol table says where a name lies, the debug information what it is:
 * where both know the name, the symbol's address wins. What has no symbol may still be known by the debug
 * information: a static function of a stripped file, a C++ function by its plain name, one that was inlined
 * everywhere.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/program_refuse.h"
#include "lib/util.h"

/* What a look in one file gave. */
enum look { LOOK_NOTHING, LOOK_FOUND };

struct debuginfo *program_debug(struct finder *f, size_t module)
{
	if (!f->tried[module] && !f->program->infos[module]) {
		f->tried[module] = true;
		debuginfo_open(&f->program->infos[module], f->program->objects[module], &f->why[module]);
	}
	return f->program->infos[module];
}

int program_complete(struct finder *f, size_t module, struct err *err)
{
	struct object *object = f->program->objects[module];
	const struct debuginfo *info;
	autofree char *path = NULL;

	if (f->completed[module] || !object_is_stripped(object))
		return 0;
	f->completed[module] = true;
	info = program_debug(f, module);
	if (info && strcmp(debuginfo_path(info), object_path(object)))
		return object_complete(object, debuginfo_path(info), err);
	debuginfo_symbols_file(&path, object);
	return object_complete(object, path, err);
}

bool program_is_libc(const struct program *program, size_t module)
{
	static const char *const names[] = {"libc.so", "libc-", "libc.musl",  "ld-linux",
					    "ld-musl", "ld-2.", "linux-vdso", "[vdso]"};
	const char *name = program->files[module].name;

	for (size_t i = 0; module && i < ARRAY_SIZE(names); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

bool program_is_libc_linked_in(const struct program *program, const struct config_func *func)
{
	return func->module && (!strcmp(func->module, "libc") || !strncmp(func->module, "libc.so", 7)) &&
	       !object_interp(program->objects[0]) && !object_needed(program->objects[0], 0) &&
	       object_find_func(program->objects[0], "__libc_start_main", NULL, NULL);
}

static int usage(const struct finder *f, const struct config_func *func, int code, struct err *err)
{
	return config_error_at(f->config, func->place, code, err);
}

/* --- descriptions --- */

/* A library without debug information is described by whoever calls it. */
static int find_prototype(struct finder *f, size_t module, const char *name, struct found *out,
			  struct err *err)
{
	for (size_t i = 0; i < f->program->files_cnt; i++) {
		struct debuginfo *info = program_debug(f, i);
		struct debug_func debug;

		if (!info || debuginfo_find(info, name, NULL, &debug, NULL))
			continue;
		if (!debug.is_declaration && !debug.is_external)
			continue;
		out->info = info;
		out->debug = debug;
		out->debug.is_declaration = true;
		out->debug.inlined = 0;
		out->debug.abi_fault[0] = '\0';
		return 0;
	}
	return refuse_undescribed(f, module, name, err);
}

/* What debug information knows beside the declaration that describes a function: where it was inlined, what
 * became of its parameters. There need be none. */
static void describe_beside(struct finder *f, const struct config_func *func, const char *file,
			    struct found *out)
{
	struct debuginfo *info = out->libc ? NULL : program_debug(f, out->module);
	struct debug_func debug;

	if (info && !debuginfo_find(info, func->symbol, file, &debug, NULL) && debug.addr == out->addr)
		out->debug = debug;
}

/* The debug information of the symbol at out->addr, by its name, else by its address: one may be an alias. */
static int describe(struct finder *f, const struct config_func *func, const struct symbol *symbol,
		    const char *file, struct found *out, struct err *err)
{
	struct debuginfo *info = program_debug(f, out->module);
	int r;

	out->info = info;
	if (!info)
		return find_prototype(f, out->module, func->symbol, out, err);
	r = debuginfo_find(info, func->symbol, file, &out->debug, err);
	if (r == -ENOTUNIQ && symbol->is_local)
		return usage(f, func, r, err);
	if (r == -ENOMEM)
		return r;
	if (!r && !out->debug.is_declaration && out->debug.addr == out->addr)
		return 0;
	if (!debuginfo_find_at(info, out->addr, &out->debug, err))
		return 0;
	return find_prototype(f, out->module, func->symbol, out, err);
}

/* --- the search --- */

static int take_symbol(struct finder *f, const struct config_func *func, size_t module,
		       const struct symbol *symbol, const char *file, struct found *out, struct err *err)
{
	int r = 0;

	if (symbol->is_ifunc && !program_is_libc(f->program, module))
		return refuse_ifunc(symbol->name, f->program->files[module].name, err);
	*out = (struct found){.module = module,
			      .addr = symbol->addr,
			      .size = symbol->size,
			      .is_ifunc = symbol->is_ifunc,
			      .symbol = symbol->name};
	program_declaration(f->program, func, out);
	/* What lies at an IFUNC's symbol chooses the function, and is none itself. */
	if (out->declaration)
		describe_beside(f, func, file, out);
	else if (symbol->is_ifunc)
		r = find_prototype(f, module, func->symbol, out, err);
	else
		r = describe(f, func, symbol, file, out, err);
	if (r)
		return r;
	if (!out->size && out->debug.addr == out->addr)
		out->size = out->debug.size;
	return LOOK_FOUND;
}

static int ambiguous(const struct finder *f, const struct config_func *func, size_t module, size_t cnt,
		     struct err *err)
{
	err_usage(err, -ENOTUNIQ, "%zu functions of '%s' are named '%s'", cnt, f->program->files[module].name,
		  program_written(func));
	err_hint(err, "write FILE:%s with the source file of the one that is meant", program_written(func));
	return usage(f, func, -ENOTUNIQ, err);
}

static int look_in(struct finder *f, const struct config_func *func, size_t module, const char *file,
		   struct found *out, struct err *err);

/* By a name as C++ writes it. */
static int look_for_cxx(struct finder *f, const struct config_func *func, size_t module, const char *file,
			struct found *out, struct err *err)
{
	struct config_func mangled = *func;
	const char *found, *clone;
	autofree char *symbol = NULL;
	int r = program_find_cxx(&found, f, func, module, file, err);

	if (r)
		return r;
	clone = found ? NULL : program_cxx_clone(f, func, module);
	if (clone)
		return refuse_clone(program_written(func), clone, err);
	if (!found || !strcmp(found, func->symbol))
		return LOOK_NOTHING;
	/* The file's own may move when its symbols are completed. */
	mangled.symbol = symbol = strdup(found);
	return symbol ? look_in(f, &mangled, module, file, out, err) : err_nomem(err);
}

/* One name of the debug information stands for several functions, as overloads in C++: they may be told apart
 * as people write them. */
static int take_one_of(struct finder *f, const struct config_func *func, size_t module, const char *file,
		       int code, struct found *out, struct err *err)
{
	struct err why = {};
	int r = look_for_cxx(f, func, module, file, out, &why);

	if (r == LOOK_NOTHING)
		return usage(f, func, code, err);
	return r < 0 ? err_pass(err, r, &why) : r;
}

/* By the debug information alone. */
static int take_described(struct finder *f, const struct config_func *func, size_t module, const char *file,
			  struct found *out, struct err *err)
{
	struct debuginfo *info = program_debug(f, module);
	const struct symbol *symbol;
	struct debug_func debug;
	int r;

	if (!info)
		return LOOK_NOTHING;
	r = debuginfo_find(info, func->symbol, file, &debug, err);
	if (r == -ENOTUNIQ)
		return take_one_of(f, func, module, file, r, out, err);
	if (r || debug.is_declaration)
		return r == -ENOMEM ? r : LOOK_NOTHING;
	if (!debug.addr)
		return refuse_inlined(program_written(func), &debug, err);
	symbol = object_func_at(f->program->objects[module], debug.addr);
	if (symbol && symbol->addr != debug.addr)
		symbol = NULL;
	*out = (struct found){.module = module,
			      .addr = debug.addr,
			      .size = symbol && symbol->size ? symbol->size : debug.size,
			      .debug = debug,
			      .info = info,
			      .symbol = symbol ? symbol->name : NULL};
	program_declaration(f->program, func, out);
	return LOOK_FOUND;
}

/* In one file. @file: of this source file only. */
static int look_in(struct finder *f, const struct config_func *func, size_t module, const char *file,
		   struct found *out, struct err *err)
{
	const struct object *object = f->program->objects[module];
	const struct symbol *symbol;
	size_t cnt = 0;
	int r = program_is_libc(f->program, module) ? 0 : program_complete(f, module, err);

	if (r)
		return r;
	if (file && program_debug(f, module))
		return take_described(f, func, module, file, out, err);
	symbol = object_find_func(object, func->symbol, file, &cnt);
	/* Without debug information only a local symbol tells its file. */
	if (file && symbol && !symbol->file)
		symbol = NULL;
	if (symbol && cnt > 1)
		return ambiguous(f, func, module, cnt, err);
	if (symbol)
		return take_symbol(f, func, module, symbol, file, out, err);
	r = take_described(f, func, module, file, out, err);
	if (r || !program_clone(object, func->symbol, true) || program_debug(f, module))
		return r;
	return refuse_changed(program_written(func), "the compiler left only changed copies of it", err);
}

/* Libraries export what others call; their own static functions come last. */
static int look_in_libraries(struct finder *f, const struct config_func *func, struct found *out,
			     struct err *err)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 1; i < f->program->files_cnt; i++) {
			const struct symbol *symbol;

			if (program_is_libc(f->program, i))
				continue;
			symbol = object_find_func(f->program->objects[i], func->symbol, NULL, NULL);
			if (symbol && symbol->is_local == (pass == 1))
				return look_in(f, func, i, NULL, out, err);
		}
	}
	return LOOK_NOTHING;
}

void program_root(const struct program *program, char root[PROGRAM_ROOT_MAX])
{
	int pid, end = 0;

	root[0] = '\0';
	if (sscanf(program->files[0].path, "/proc/%d/%n", &pid, &end) == 1 && end)
		snprintf(root, PROGRAM_ROOT_MAX, "/proc/%d/root", pid);
}

bool program_is_file(const struct program *program, size_t module, const char *want)
{
	char root[PROGRAM_ROOT_MAX], path[PATH_MAX];
	struct stat wanted, st;

	if (program->files[module].stands_in && !strcmp(basename(want), program->files[module].name))
		return true;
	program_root(program, root);
	snprintf(path, sizeof(path), "%s%s", want[0] == '/' ? root : "", want);
	return !stat(path, &wanted) && !stat(program->files[module].path, &st) &&
	       wanted.st_ino == st.st_ino && wanted.st_dev == st.st_dev;
}

/* "libc.so.6", "libc.so" and "libc" are one library; a path is one as well. */
static bool is_module(const struct program *program, size_t module, const char *want)
{
	const struct program_file *file = &program->files[module];
	const char *slash = strrchr(file->path, '/');
	const char *names[] = {file->name, slash ? slash + 1 : file->path};
	size_t len = strlen(want);

	if (strchr(want, '/'))
		return program_is_file(program, module, want);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(names[i], want, len) && (!names[i][len] || !strncmp(names[i] + len, ".so", 3) ||
						      (names[i][len] == '.' && strstr(want, ".so"))))
			return true;
	return false;
}

static size_t find_module(const struct program *program, const char *want)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		if (is_module(program, i, want))
			return i;
	return SIZE_MAX;
}

/* What no file calls so is looked for as people write it, in the same order. */
static int look_for_cxx_in_all(struct finder *f, const struct config_func *func, const char *file,
			       struct found *out, struct err *err)
{
	for (size_t i = 0; i < f->program->files_cnt; i++) {
		int r = program_is_libc(f->program, i) ? LOOK_NOTHING
						       : look_for_cxx(f, func, i, file, out, err);

		if (r)
			return r;
	}
	return LOOK_NOTHING;
}

static int look_in_sources(struct finder *f, const struct config_func *func, struct found *out,
			   struct err *err)
{
	for (size_t i = 0; i < f->program->files_cnt; i++) {
		int r = program_is_libc(f->program, i) ? LOOK_NOTHING
						       : look_in(f, func, i, func->module, out, err);

		if (r)
			return r;
	}
	return LOOK_NOTHING;
}

static int look(struct finder *f, const struct config_func *func, struct found *out, struct err *err)
{
	size_t module = func->module ? find_module(f->program, func->module) : SIZE_MAX;
	int r;

	if (program_is_libc_linked_in(f->program, func))
		module = 0;
	if (module != SIZE_MAX) {
		r = look_in(f, func, module, NULL, out, err);
		if (!r)
			r = look_for_cxx(f, func, module, NULL, out, err);
		return r ? r : refuse_unknown_func(f, func, module, err);
	}
	if (func->module) {
		r = look_in_sources(f, func, out, err);
		if (!r)
			r = look_for_cxx_in_all(f, func, func->module, out, err);
		return r ? r : refuse_unknown_module(f, func, err);
	}
	r = look_in(f, func, 0, NULL, out, err);
	if (!r)
		r = look_in_libraries(f, func, out, err);
	if (!r)
		r = look_for_cxx_in_all(f, func, NULL, out, err);
	return r ? r : refuse_unknown_func(f, func, module, err);
}

/* The name of another function that the linker or compiler found to be the same code, or NULL. Another name
 * of the function itself is none. */
static const char *folded_with(const struct finder *f, const struct config_func *func,
			       const struct found *found)
{
	const char *name = found->symbol ? found->symbol : func->symbol;
	const struct object *object = f->program->objects[found->module];

	for (size_t i = 0; found->info && i < object_symbols_cnt(object); i++) {
		const struct symbol *symbol = object_symbol(object, i);
		struct debug_func own, other;

		if (symbol->addr != found->addr || !symbol->is_func || !strcmp(symbol->name, name))
			continue;
		if (debuginfo_find(found->info, symbol->name, NULL, &other, NULL) || other.is_declaration)
			continue;
		/* What is folded away may have no code in the debug information: its description tells. */
		if (debuginfo_find(found->info, name, NULL, &own, NULL) || own.is_declaration)
			own = found->debug;
		if (!debuginfo_is_same(found->info, &own, &other))
			return symbol->name;
	}
	return NULL;
}

int program_find(struct finder *f, const struct config_func *func, struct found *out, struct err *err)
{
	int r = look(f, func, out, err);
	const char *folded;

	if (r < 0)
		return r;
	/* What libc inlined into itself was never to be seen. */
	if (program_is_libc(f->program, out->module)) {
		out->debug.inlined = 0;
		out->debug.inlined_at[0] = '\0';
		program_name_params(&out->debug, func);
	}
	folded = program_is_libc(f->program, out->module) ? NULL : folded_with(f, func, out);
	if (folded)
		return refuse_folded(program_written(func), folded, err);
	return out->debug.abi_fault[0] ? refuse_changed(program_written(func), out->debug.abi_fault, err) : 0;
}
