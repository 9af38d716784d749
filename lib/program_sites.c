// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where a function is probed: in its code, and where else a call of it arrives. And through which names the
 * program's files reach one of libc's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/libc_prototypes.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/util.h"

static int site_at(struct site *site, uint64_t *offset, const struct object *object, uint64_t addr,
		   uint64_t size, const struct program_func *func, struct err *err)
{
	int r = site_choose(site, object, addr, size, func->shape->is_variadic, err);

	if (!r)
		r = object_offset(object, site->addr, offset);
	if (r == -ERANGE)
		err_set(err, r, "'%s' lies at 0x%lx, which '%s' does not contain", func->config->name,
			(unsigned long)site->addr, object_path(object));
	return r;
}

int program_add_stub(const struct finder *f, struct program_func *func, size_t module, uint64_t addr,
		     uint64_t size, struct err *err)
{
	struct program_stub *stubs = reallocarray(func->stubs, func->stubs_cnt + 1, sizeof(*stubs)), *stub;
	int r;

	if (!stubs)
		return err_nomem(err);
	func->stubs = stubs;
	stub = &stubs[func->stubs_cnt];
	stub->module = module;
	r = site_at(&stub->site, &stub->offset, f->program->objects[module], addr, size, func, err);
	if (!r)
		func->stubs_cnt++;
	return r;
}

/* --- an IFUNC: what runs may be in the vDSO, so its probes are where the program's files call it --- */

#define STUBS_MAX  16 /* PLT entries of one name in one file */
#define STUB_BYTES 16

/* *@slots: through which it is reached, with or without a PLT entry before. */
static int add_stubs(const struct finder *f, struct program_func *func, size_t module, size_t *slots,
		     struct err *err)
{
	const struct object *object = f->program->objects[module];
	uint64_t addrs[STUBS_MAX];
	size_t cnt = object_import_stubs(object, func->symbol, addrs, STUBS_MAX);
	int r = 0;

	*slots += object_import_slots(object, func->symbol, NULL, 0);
	for (size_t i = 0; i < MIN(cnt, (size_t)STUBS_MAX) && !r; i++)
		r = program_add_stub(f, func, module, addrs[i], STUB_BYTES, err);
	return r;
}

static void judge_stubs(struct program_func *func, size_t slots)
{
	if (!slots && !func->config->is_served)
		snprintf(func->warning, sizeof(func->warning), "no file of the program calls it by its name");
	else if (slots > func->stubs_cnt && func->stubs_cnt)
		snprintf(func->warning, sizeof(func->warning),
			 "an IFUNC: calls through a pointer to it are not seen");
	if (!slots || func->stubs_cnt)
		return;
	err_set(&func->unprobed, -ENOTSUP,
		"which code runs for '%s' is chosen when the program starts (an IFUNC), and it is called "
		"without a PLT entry that could be probed",
		func->config->name);
	err_hint(&func->unprobed, "build without -fno-plt, or configure a function that calls it");
}

static int build_stubs(const struct finder *f, struct program_func *func, struct err *err)
{
	size_t slots = 0;

	for (size_t i = 0; i < f->program->files_cnt; i++) {
		int r = program_is_libc(f->program, i) ? 0 : add_stubs(f, func, i, &slots, err);

		if (r)
			return r;
	}
	judge_stubs(func, slots);
	if (func->stubs_cnt) {
		func->site = func->stubs[0].site;
		func->offset = func->stubs[0].offset;
	}
	return 0;
}

/* --- what _FORTIFY_SOURCE calls: __read_chk, which calls read from within libc --- */

static bool is_imported(const struct program *program, const char *name)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		if (!program_is_libc(program, i) && object_import_slots(program->objects[i], name, NULL, 0))
			return true;
	return false;
}

/* Somebody wants to tell the two apart. */
static bool is_configured(const struct finder *f, const char *symbol)
{
	for (size_t i = 0; i < f->config->funcs_cnt; i++)
		if (!strcmp(f->config->funcs[i].symbol, symbol))
			return true;
	return false;
}

static int build_checked(const struct finder *f, struct program_func *func, struct err *err)
{
	const char *name = func->libc ? func->libc->checked : NULL;
	const struct symbol *symbol;

	if (!name || is_configured(f, name) || !is_imported(f->program, name))
		return 0;
	symbol = object_find_func(f->program->objects[func->module], name, NULL, NULL);
	return symbol ? program_add_stub(f, func, func->module, symbol->addr, symbol->size, err) : 0;
}

int program_build_site(const struct finder *f, struct program_func *func, struct err *err)
{
	int r;

	if (func->config->mark)
		return program_build_mark(f, func, err);
	if (func->is_ifunc)
		return build_stubs(f, func, err);
	r = site_at(&func->site, &func->offset, f->program->objects[func->module], func->addr, func->size,
		    func, err);
	return r ? r : build_checked(f, func, err);
}

/* --- names --- */

static bool is_among(const char *name, const char *const *names, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void add_aliases(const struct object *object, uint64_t addr, const char **names, size_t *cnt)
{
	for (size_t i = 0; i < object_symbols_cnt(object); i++) {
		const struct symbol *symbol = object_symbol(object, i);

		if (symbol->addr != addr || !symbol->is_func || symbol->is_local ||
		    *cnt == PROGRAM_NAMES_MAX || is_among(symbol->name, names, *cnt))
			continue;
		names[(*cnt)++] = symbol->name;
	}
}

size_t program_import_names(const struct program *program, const struct program_func *func,
			    const char *names[PROGRAM_NAMES_MAX])
{
	const struct object *object = program->objects[func->module];
	const char *checked = func->libc ? func->libc->checked : NULL;
	size_t cnt = 0;

	names[cnt++] = func->symbol;
	add_aliases(object, func->addr, names, &cnt);
	for (size_t i = 0; i < program->funcs_cnt && checked; i++)
		if (!strcmp(program->funcs[i].symbol, checked))
			checked = NULL;
	if (checked && cnt < PROGRAM_NAMES_MAX)
		names[cnt++] = checked;
	return cnt;
}
