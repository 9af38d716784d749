// SPDX-License-Identifier: BSD-3-Clause
#include "lib/program_refuse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/cxx.h"
#include "lib/err.h"
#include "lib/libc_prototypes.h"
#include "lib/nearest.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/util.h"

const char *program_written(const struct config_func *func)
{
	return func->name + (func->module ? strlen(func->module) + 1 : 0);
}

/* gcc's copies with other parameters: "f.constprop.0"; and the part of one whose head may be inlined where it
 * is called: "f.part.0". */
static bool is_clone_of(const char *symbol, const char *name, bool with_parts)
{
	size_t len = strlen(name);

	if (strncmp(symbol, name, len) || symbol[len] != '.')
		return false;
	return strstr(symbol + len, ".constprop.") || strstr(symbol + len, ".isra.") ||
	       (with_parts && strstr(symbol + len, ".part."));
}

const char *program_clone(const struct object *object, const char *name, bool with_parts)
{
	for (size_t i = 0; i < object_symbols_cnt(object); i++) {
		const struct symbol *symbol = object_symbol(object, i);

		if (symbol->is_func && is_clone_of(symbol->name, name, with_parts))
			return symbol->name;
	}
	return NULL;
}

int refuse_changed(const char *name, const char *fault, struct err *err)
{
	err_set(err, -ENOTSUP, "'%s' no longer takes its parameters as written: %s", name, fault);
	err_hint(err, "mark it __attribute__((noipa)) for gcc, __attribute__((noinline, used)) for clang");
	return -ENOTSUP;
}

int refuse_clone(const char *name, const char *clone, struct err *err)
{
	char fault[160];

	snprintf(fault, sizeof(fault), "the compiler left only the copy '%.80s'", clone);
	return refuse_changed(name, fault, err);
}

int refuse_folded(const char *name, const char *other, struct err *err)
{
	err_set(err, -ENOTSUP, "'%s' and '%s' became one piece of code, so their calls cannot be told apart",
		name, other);
	err_hint(err,
		 "link with --icf=none, or build with -fno-ipa-icf, or configure a function that calls it");
	return -ENOTSUP;
}

int refuse_inlined(const char *name, const struct debug_func *debug, struct err *err)
{
	if (!debug->inlined) {
		err_set(err, -ENOTSUP, "there is no code of '%s': nothing calls it, so it was left out",
			name);
		err_hint(err, "mark it __attribute__((used)), or take it out of the configuration");
		return -ENOTSUP;
	}
	err_set(err, -ENOTSUP, "no out-of-line copy of '%s': inlined at %s", name, debug->inlined_at);
	err_hint(err, "mark it __attribute__((noinline)) or build with -fno-inline");
	return -ENOTSUP;
}

int refuse_ifunc(const char *name, const char *file, struct err *err)
{
	err_set(err, -ENOTSUP,
		"which code runs for '%s' of '%s' is chosen when the program starts (an IFUNC)", name, file);
	err_hint(err, "configure a function that calls it");
	return -ENOTSUP;
}

int refuse_undescribed(const struct finder *f, size_t module, const char *name, struct err *err)
{
	const struct debuginfo *info = f->program->infos[module];
	autofree char *readable = cxx_is_mangled(name) ? cxx_text(name) : NULL;
	const char *why = f->why[module].msg;

	name = readable ? readable : name;
	if (info && debuginfo_missing(info)) {
		err_set(err, -ENODATA,
			"no debug information describes '%s': '%s', where some of it is, was not found", name,
			debuginfo_missing(info));
		err_hint(
			err,
			"put the .dwo files where the build left them (a .dwp package is not read), or build "
			"without -gsplit-dwarf");
		return -ENODATA;
	}
	err_set(err, -ENODATA, "no debug information describes '%s'%s%s", name, why[0] ? ": " : "", why);
	if (program_is_libc(f->program, module))
		err_hint(err, "build the program with -g by gcc, or install the debug symbols of libc");
	else
		err_hint(err, "%s",
			 f->why[module].hint[0] ? f->why[module].hint : "build its source file with -g");
	return -ENODATA;
}

static void offer_symbols(const struct object *object, struct nearest *nearest)
{
	for (size_t i = 0; i < object_symbols_cnt(object); i++)
		if (object_symbol(object, i)->is_func)
			nearest_try(nearest, object_symbol(object, i)->name);
}

static bool is_in_libc(const struct program *program, const char *name, const char **file)
{
	for (size_t i = 0; i < program->files_cnt; i++) {
		if (!program_is_libc(program, i) || !object_find_func(program->objects[i], name, NULL, NULL))
			continue;
		*file = program->files[i].name;
		return true;
	}
	return false;
}

/* In a stripped file nobody knows which functions there are. */
static bool is_blind(struct finder *f, size_t module)
{
	return !program_debug(f, module) && object_is_stripped(f->program->objects[module]);
}

static int refuse_stripped(const struct finder *f, size_t module, const char *name, struct err *err)
{
	err_set(err, -ENODATA, "cannot find '%s': %s", name, f->why[module].msg);
	err_hint(err, "%s", f->why[module].hint);
	return -ENODATA;
}

int refuse_unknown_func(struct finder *f, const struct config_func *func, size_t module, struct err *err)
{
	size_t from = module == SIZE_MAX ? 0 : module;
	autofree char *readable = NULL;
	const char *libc = NULL;
	struct nearest nearest;

	nearest_init(&nearest, func->symbol);
	offer_symbols(f->program->objects[from], &nearest);
	if (program_debug(f, from))
		debuginfo_suggest(f->program->infos[from], &nearest);
	readable = program_suggest_cxx(f, func->symbol, from, &nearest);
	if (!func->module)
		is_in_libc(f->program, func->symbol, &libc);
	if (!libc && !nearest.best && is_blind(f, from))
		return refuse_stripped(f, from, func->symbol, err);
	err_usage(err, -ENOENT, "unknown function '%s' in '%s'", func->symbol,
		  func->module ? func->module : f->program->files[0].name);
	if (libc)
		err_hint(err, "write '%s:%s' for the one of libc", libc, func->symbol);
	else if (nearest.best)
		err_hint(err, "did you mean '%s%s%s'?", func->module ? func->module : "",
			 func->module ? ":" : "", nearest.best);
	else
		err_hint(err, "'nm -C %s' lists its functions", object_path(f->program->objects[from]));
	return config_error_at(f->config, func->place, -ENOENT, err);
}

int refuse_unknown_module(struct finder *f, const struct config_func *func, struct err *err)
{
	struct nearest nearest;

	nearest_init(&nearest, func->module);
	for (size_t i = 0; i < f->program->files_cnt; i++)
		nearest_try(&nearest, f->program->files[i].name);
	if (!nearest.best && is_blind(f, 0))
		return refuse_stripped(f, 0, func->name, err);
	err_usage(err, -ENOENT, "no library and no source file '%s' with a function '%s' in '%s'",
		  func->module, func->symbol, f->program->files[0].name);
	if (nearest.best)
		err_hint(err, "did you mean '%s'?", nearest.best);
	return config_error_at(f->config, func->place, -ENOENT, err);
}

/* With _FORTIFY_SOURCE a program calls __fgets_chk, whose parameters are others. */
static bool has_checked_twin(const struct finder *f, const char *name, char *twin, size_t len)
{
	const struct libc_function *libc = libc_function(name);

	if (libc && libc->checked)
		return false;
	snprintf(twin, len, "__%s_chk", name);
	for (size_t i = 0; i < f->config->funcs_cnt; i++)
		if (!strcmp(f->config->funcs[i].symbol, twin))
			return false;
	for (size_t i = 0; i < f->program->files_cnt; i++)
		if (!program_is_libc(f->program, i) &&
		    object_import_slots(f->program->objects[i], twin, NULL, 0))
			return true;
	return false;
}

static void add_warning(char *text, size_t len, const char *fmt, const char *what)
	__attribute__((format(printf, 3, 0)));

static void add_warning(char *text, size_t len, const char *fmt, const char *what)
{
	size_t at = strlen(text);

	if (at)
		at += snprintf(text + at, len - at, "; ");
	if (at < len)
		snprintf(text + at, len - at, fmt, what);
}

void program_warn(const struct finder *f, const struct config_func *func, const struct found *found,
		  char *text, size_t len)
{
	/* Where no head was inlined, the function alone jumps to its part. */
	const char *clone =
		program_clone(f->program->objects[found->module],
			      found->symbol ? found->symbol : func->symbol, found->debug.inlined > 0);
	char twin[128];

	text[0] = '\0';
	if (found->debug.inlined)
		add_warning(text, len, "also inlined at %s: those calls are not seen",
			    found->debug.inlined_at);
	if (clone)
		add_warning(text, len, "its copy '%s' takes some calls: those are not seen", clone);
	if (program_is_libc(f->program, found->module) &&
	    has_checked_twin(f, func->symbol, twin, sizeof(twin)))
		add_warning(text, len,
			    "some calls go to '%s', because of _FORTIFY_SOURCE: configure that as well",
			    twin);
}
