// SPDX-License-Identifier: BSD-3-Clause
/*
 * How the return of each function is seen. A return probe puts an address of the kernel's in place of the
 * return address on the stack, so whatever walks the stack to unwind it (a C++ exception, a Rust panic) ends
 * the process. In a program that may unwind, returns are therefore seen at the function's own `ret`
 * instructions, unless nothing can unwind through it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program_impl.h"
#include "lib/util.h"

/* Libraries that throw, and functions that only what throws has. */
static const char *const throwing_libs[] = {"libstdc++.so.", "libc++.so.", "libc++abi.so.", "libgo.so."};
static const char *const throwing_funcs[] = {"__cxa_throw", "rust_eh_personality"};
static const char *const throwing_imports[] = {"__cxa_throw", "_Unwind_RaiseException"};
static const char go_func[] = "runtime.gopanic";
/* What a program calls that has more stacks than threads. */
static const char *const stack_funcs[] = {"sigaltstack", "makecontext", "make_fcontext"};
/* What a C++ handler calls first. */
#define CATCH_FUNC "__cxa_begin_catch"

/* Whether something shows that @object unwinds the stack. */
static bool is_unwinding(const struct object *object)
{
	const char *needed;

	for (size_t i = 0; (needed = object_needed(object, i)); i++)
		for (size_t k = 0; k < ARRAY_SIZE(throwing_libs); k++)
			if (!strncmp(needed, throwing_libs[k], strlen(throwing_libs[k])))
				return true;
	for (size_t i = 0; i < ARRAY_SIZE(throwing_funcs); i++)
		if (object_find_func(object, throwing_funcs[i], NULL, NULL))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(throwing_imports); i++)
		if (object_import_slots(object, throwing_imports[i], NULL, 0))
			return true;
	return false;
}

/* What brings the means to throw, but does not throw by itself: who needs it is what counts. The C runtime
 * unwinds too (pthread_exit), but by force: nothing is looked up on the way. */
static bool is_runtime(const struct object *object)
{
	static const char *const runtimes[] = {
		"libc.so.",	 "ld-linux",	"libgcc_s.so.", "libstdc++.so.", "libc++.so.",
		"libc++abi.so.", "libasan.so.", "libubsan.so.", "libtsan.so.",	 "liblsan.so.",
	};
	const char *soname = object_soname(object);

	for (size_t i = 0; soname && i < ARRAY_SIZE(runtimes); i++)
		if (!strncmp(soname, runtimes[i], strlen(runtimes[i])))
			return true;
	return false;
}

static bool has_import(const struct object *object, const char *name)
{
	return object_import_slots(object, name, NULL, 0);
}

static bool has(const struct object *object, const char *name)
{
	return has_import(object, name) || object_find_func(object, name, NULL, NULL);
}

/* Handlers, and none of the runtimes' routines that find them: so it has its own, which may have no name. The
 * C runtime's is linked into every static program, for pthread_cancel. */
static bool has_own_runtime(const struct object *object)
{
	return object_has_section(object, ".gcc_except_table") &&
	       !has_import(object, "__gxx_personality_v0") && !has(object, "__gcc_personality_v0");
}

bool program_may_unwind(const struct object *object)
{
	return !is_runtime(object) && (has_own_runtime(object) || is_unwinding(object));
}

struct unwinding {
	bool is_possible;
	const char *unseen; /* the file whose handlers cannot be seen at work; NULL: none */
};

static void look_for_unwinding(struct unwinding *out, struct program *program)
{
	for (size_t i = 0; i < program->files_cnt; i++) {
		const struct object *object = program->objects[i];
		const struct symbol *catch = object_find_func(object, CATCH_FUNC, NULL, NULL);
		bool is_own;

		if (catch && object_offset(object, catch->addr, &program->catches[i]))
			program->catches[i] = 0;
		if (is_runtime(object))
			continue;
		is_own = has_own_runtime(object);
		if (!is_own && !is_unwinding(object))
			continue;
		out->is_possible = true;
		is_own |= has_import(object, "_Unwind_RaiseException") ||
			  object_find_func(object, "rust_eh_personality", NULL, NULL);
		if (is_own && !program->catches[i])
			out->unseen = program->files[i].name;
	}
}

const char *program_moves_stacks(const struct program *program)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		if (program->objects[i] && object_find_func(program->objects[i], go_func, NULL, NULL))
			return program->files[i].name;
	return NULL;
}

/* Threads may be cancelled inside libc's functions, which unwinds them. */
static bool has_cancellation(const struct program *program)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		if (!program_is_libc(program, i) && has_import(program->objects[i], "pthread_cancel"))
			return true;
	return false;
}

/* Nothing that libc's table has calls back, nor does what "serve" stands for, which is C. One whose code is
 * chosen at start is no place to be cancelled. */
static bool is_nothrow(const struct program *program, const struct program_func *func)
{
	bool is_known = func->config->is_served || (func->libc && program_is_libc(program, func->module));

	return func->config->nothrow || (is_known && (func->is_ifunc || !has_cancellation(program)));
}

/* --- where its code lies --- */

struct parts {
	struct code_range range[INSN_PARTS_MAX + 1];
	size_t cnt;
};

/* The count goes one past the maximum, so that it can be told. */
static void add_part(struct parts *parts, uint64_t addr, uint64_t size)
{
	for (size_t i = 0; i < parts->cnt; i++)
		if (parts->range[i].addr == addr)
			return;
	if (parts->cnt <= INSN_PARTS_MAX)
		parts->range[parts->cnt++] = (struct code_range){addr, size};
}

/* gcc and clang move unlikely code to NAME.cold. */
static void add_cold(struct parts *parts, const struct object *object, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < object_symbols_cnt(object); i++) {
		const struct symbol *symbol = object_symbol(object, i);

		if (symbol->is_func && !strncmp(symbol->name, name, len) &&
		    !strncmp(symbol->name + len, ".cold", 5))
			add_part(parts, symbol->addr, symbol->size);
	}
}

/* Under each of its names. */
static void add_cold_parts(struct parts *parts, const struct object *object, uint64_t addr)
{
	for (size_t i = 0; i < object_symbols_cnt(object); i++)
		if (object_symbol(object, i)->addr == addr && object_symbol(object, i)->is_func)
			add_cold(parts, object, object_symbol(object, i)->name);
}

static int find_parts(struct parts *parts, const struct program *program, const struct program_func *func,
		      struct err *err)
{
	const struct object *object = program->objects[func->module];
	struct debuginfo *info = program->infos[func->module];
	struct code_range ranges[INSN_PARTS_MAX + 1];
	size_t cnt = 0;

	add_part(parts, func->addr, func->size);
	if (info && func->debug.addr == func->addr)
		cnt = debuginfo_parts(info, &func->debug, ranges, ARRAY_SIZE(ranges));
	for (size_t i = 0; i < MIN(cnt, ARRAY_SIZE(ranges)); i++)
		add_part(parts, ranges[i].addr, ranges[i].size);
	add_cold_parts(parts, object, func->addr);
	if (cnt || !object_is_stripped(object) || program_is_libc(program, func->module))
		return 0;
	err_set(err, -ENODATA, "neither symbols nor debug information tell where all of its code lies");
	err_hint(err, "say \"nothrow\": true when no exception can pass through it");
	return -ENODATA;
}

/* --- deciding --- */

static int to_offsets(const struct object *object, uint64_t *addrs, size_t cnt, struct err *err)
{
	for (size_t i = 0; i < cnt; i++)
		if (object_offset(object, addrs[i], &addrs[i]))
			return err_set(err, -ERANGE, "its code lies outside the file");
	return 0;
}

static int find_returns(struct program_func *func, const struct program *program, struct err *err)
{
	const struct object *object = program->objects[func->module];
	struct parts parts = {};
	int r;

	if (func->is_ifunc || func->stubs_cnt) {
		err_set(err, -ENOTSUP, "%s",
			func->is_ifunc ? "which code runs is chosen when the program starts"
				       : "calls arrive in what _FORTIFY_SOURCE puts in its place, too");
		err_hint(err, "configure a function that calls it");
		return -ENOTSUP;
	}
	r = find_parts(&parts, program, func, err);
	if (!r)
		r = insn_returns(&func->rets, &func->rets_cnt, object, parts.range, parts.cnt, err);
	return r ? r : to_offsets(object, func->rets, func->rets_cnt, err);
}

static int refuse_unseen(const char *file, struct err *err)
{
	err_set(err, -ENOTSUP, "where '%s' catches exceptions or panics cannot be seen", file);
	err_hint(err, "keep its symbols, or say \"nothrow\": true when none can pass through it");
	return -ENOTSUP;
}

/* @unseen: the file whose handlers cannot be seen, or NULL; @what: the program does, in words. */
static int see_at_rets(struct program_func *func, const struct program *program, const char *unseen,
		       const char *what, const char *hint, struct err *err)
{
	struct err why = {};
	int r;

	func->is_at_rets = true;
	r = unseen ? refuse_unseen(unseen, &why) : find_returns(func, program, &why);
	if (!r || r == -ENOMEM)
		return r ? err_nomem(err) : 0;
	err_set(&func->unprobed, r,
		"the program %s, so that the return of '%s' must be seen at its 'ret' instructions: %s", what,
		func->config->name, why.msg);
	err_hint(&func->unprobed, "%s", hint ? hint : why.hint);
	return 0;
}

int program_find_returns(struct program *program, struct err *err)
{
	struct unwinding unwinding = {};
	int r = 0;

	look_for_unwinding(&unwinding, program);
	for (size_t i = 0; i < program->funcs_cnt && !unwinding.is_possible; i++)
		program->hooks_returns |= !is_nothrow(program, &program->funcs[i]);
	for (size_t i = 0; i < program->funcs_cnt && unwinding.is_possible && !r; i++) {
		struct program_func *func = &program->funcs[i];

		if (!func->refused.msg[0] && !func->unprobed.msg[0] && !is_nothrow(program, func))
			r = see_at_rets(func, program, unwinding.unseen, "may throw", NULL, err);
	}
	return r;
}

/* The function by which a file of the program, libc aside, gets itself another stack; NULL: none. */
static const char *changes_stacks(const struct program *program)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		for (size_t k = 0; k < ARRAY_SIZE(stack_funcs); k++)
			if (program->objects[i] && !program_is_libc(program, i) &&
			    has(program->objects[i], stack_funcs[k]))
				return stack_funcs[k];
	return NULL;
}

int program_spare_stacks(struct program *program, struct err *err)
{
	const char *name = changes_stacks(program);
	char what[96];
	int r = 0;

	snprintf(what, sizeof(what), "may leave a stack for another ('%s')", name ? name : "");
	for (size_t i = 0; i < program->funcs_cnt && name && !r; i++) {
		struct program_func *func = &program->funcs[i];

		if (!func->refused.msg[0] && !func->unprobed.msg[0] && !func->is_at_rets)
			r = see_at_rets(func, program, NULL, what, "record it on Linux 6.13 or newer", err);
	}
	return r;
}
