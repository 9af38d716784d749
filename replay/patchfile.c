// SPDX-License-Identifier: BSD-3-Clause
#include "replay/patchfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/insn.h"
#include "lib/object.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/util.h"
#include "replay/coverage.h"
#include "replay/patchfile_impl.h"

#define SITES_BYTES_MAX (4096 * sizeof(struct patch_site))

bool patchfile_has_engine(const struct program *program)
{
	return object_find_symbol(program->objects[0], PATCH_LINKED_IN);
}

/* --- aliases: numbered in the order in which the configuration names them, fallbacks included --- */

struct alias_walk {
	const char *want;
	unsigned at;
};

static bool is_alias(struct alias_walk *walk, const char *alias)
{
	if (!strcmp(walk->want, alias))
		return true;
	walk->at++;
	return false;
}

unsigned patchfile_alias(const struct config *config, const char *alias)
{
	struct alias_walk walk = {.want = alias};

	for (size_t i = 0; i < config->funcs_cnt; i++) {
		const struct config_func *func = &config->funcs[i];

		if (is_alias(&walk, func->alias))
			return walk.at;
		for (size_t k = 0; k < func->fallbacks_cnt; k++)
			if (is_alias(&walk, func->fallbacks[k]))
				return walk.at;
	}
	return PATCH_NONE;
}

/* --- modules --- */

bool patchfile_is_system(const char *name)
{
	return !strncmp(name, "libc.so", 7) || !strncmp(name, "ld-linux", 8) || !strncmp(name, "ld.so", 5);
}

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void fill_module(struct patch_module *module, const struct program *program, size_t idx)
{
	const char *id = object_build_id(program->objects[idx]);
	const char *name = program->files[idx].name, *slash = strrchr(name, '/');

	if (idx)
		snprintf(module->name, sizeof(module->name), "%s", slash ? slash + 1 : name);
	for (size_t i = 0; id[2 * i] && i < sizeof(module->build_id); i++) {
		module->build_id[i] = hex_digit(id[2 * i]) << 4 | hex_digit(id[2 * i + 1]);
		module->build_id_len = i + 1;
	}
}

/* --- functions --- */

int patchfile_add_slots(struct patchfile_writer *writer, const char *name, size_t func, struct err *err)
{
	for (size_t i = 0; i < writer->program->files_cnt; i++) {
		uint64_t addrs[64];
		size_t cnt;

		if (patchfile_is_system(writer->program->files[i].name))
			continue;
		cnt = object_import_slots(writer->program->objects[i], name, addrs, ARRAY_SIZE(addrs));
		if (cnt > ARRAY_SIZE(addrs) || writer->slots_cnt + cnt > PATCHFILE_SLOTS_MAX)
			return err_set(err, -E2BIG, "'%s' is imported in more places than can be intercepted",
				       name);
		for (size_t k = 0; k < cnt; k++)
			writer->slots[writer->slots_cnt++] = (struct patch_slot){i, func, addrs[k]};
	}
	return 0;
}

static unsigned result_of_piece(const struct abi_piece *piece)
{
	switch (piece->place) {
	case ABI_SRET:
		return PATCH_RESULT_RAX;
	case ABI_GPR:
		return piece->number ? PATCH_RESULT_RDX : PATCH_RESULT_RAX;
	case ABI_XMM:
		return piece->number ? PATCH_RESULT_XMM1 : PATCH_RESULT_XMM0;
	case ABI_X87:
		return PATCH_RESULT_ST0 | (piece->number ? PATCH_RESULT_ST1 : 0);
	default:
		return 0;
	}
}

/* Behind its own name's, which hold the function that runs for real. */
static int add_other_slots(struct patchfile_writer *writer, const struct program_func *func, struct err *err)
{
	const char *names[PROGRAM_NAMES_MAX];
	size_t cnt = program_import_names(writer->program, func, names);
	int r = 0;

	for (size_t i = 1; r == 0 && i < cnt; i++)
		r = patchfile_add_slots(writer, names[i], writer->funcs_cnt, err);
	return r;
}

unsigned patchfile_results(const struct shape *shape)
{
	unsigned mask = 0;

	for (int i = 0; i < shape->result.loc.pieces_cnt; i++)
		mask |= result_of_piece(&shape->result.loc.piece[i]);
	return mask;
}

/* The configured number, as a value of the result's type. */
static void set_missing(struct patch_registers *out, const struct shape *shape, int64_t number)
{
	const struct abi_loc *loc = &shape->result.loc;
	bool is_float =
		shape->result.node != SHAPE_NONE && shape->nodes[shape->result.node].kind == SHAPE_FLOAT;
	const float narrow = number;
	const double wide = number;
	const long double widest = number;

	out->rax = number;
	if (is_float && loc->piece[0].place == ABI_X87)
		memcpy(out->st[0], &widest, sizeof(widest));
	else if (is_float && loc->size == sizeof(narrow))
		memcpy(&out->xmm[0], &narrow, sizeof(narrow));
	else if (is_float)
		memcpy(&out->xmm[0], &wide, sizeof(wide));
}

void patchfile_set_entry(struct patch_func *out, const struct prologue *prologue)
{
	out->how = PATCH_ENTRY;
	out->addr = prologue->addr;
	out->is_callable = prologue->is_callable;
	out->is_whole = prologue->is_whole;
	out->copy_len = prologue->copy_len;
	out->patched_len = prologue->patched_len;
	out->fixups_cnt = prologue->fixups_cnt;
	memcpy(out->copy, prologue->copy, sizeof(out->copy));
	for (size_t i = 0; i < prologue->fixups_cnt; i++)
		out->fixups[i] = (struct patch_fixup){.at = prologue->fixups[i].at,
						      .end = prologue->fixups[i].end,
						      .target = prologue->fixups[i].target};
}

/* A jump at the entry, or a breakpoint where there is no room for one. */
static int patch_code(struct patch_func *out, const struct object *object, uint64_t addr, uint64_t size,
		      struct err *err)
{
	struct prologue prologue;
	int r = prologue_move(&prologue, object, addr, size, err);
	bool is_short = r == -ENOSPC;

	if (is_short)
		r = prologue_trap(&prologue, object, addr, size, err);
	if (r)
		return r;
	patchfile_set_entry(out, &prologue);
	out->how = is_short ? PATCH_TRAP : PATCH_ENTRY;
	return 0;
}

const struct symbol *patchfile_interceptor(const struct patchfile_writer *writer, const char *name)
{
	const struct object *object = writer->program->objects[0];
	char mark[128];

	if (!object_interp(object))
		return object_find_func(object, name, NULL, NULL);
	snprintf(mark, sizeof(mark), "__interceptor_%s", name);
	return object_find_func(object, mark, NULL, NULL) ? object_find_func(object, name, NULL, NULL) : NULL;
}

int patchfile_set_import(struct patchfile_writer *writer, struct patch_func *out, const char *name,
			 struct err *err)
{
	const struct symbol *symbol = patchfile_interceptor(writer, name);

	if (symbol) {
		out->module = 0;
		return patch_code(out, writer->program->objects[0], symbol->addr, symbol->size, err);
	}
	out->how = PATCH_IMPORT;
	out->is_callable = 1;
	return patchfile_add_slots(writer, name, writer->funcs_cnt, err);
}

void patchfile_set_sites(struct patchfile_writer *writer, struct patch_func *out, enum plan_mark mark,
			 unsigned use)
{
	const struct program *program = writer->program;

	out->how = PATCH_SITES;
	out->is_callable = 1;
	if (mark == PLAN_MARK_ASK)
		out->role = PATCH_ASKS;
	for (size_t i = 0; i < program->marks_cnt; i++) {
		const struct mark_site *site = &program->marks[i].site;
		const struct patch_site entry = {program->marks[i].module, writer->funcs_cnt, site->addr};

		if (site->mark == mark && site->use & use && !site->is_stale)
			buf_put(&writer->sites, &entry, sizeof(entry));
	}
}

static int set_how(struct patchfile_writer *writer, struct patch_func *out, const struct program_func *func,
		   struct err *err)
{
	int r;

	if (func->config->mark) {
		patchfile_set_sites(writer, out, func->config->mark, MARK_REPLAY);
		return 0;
	}
	if (out->role == PATCH_CALLBACK) {
		out->how = PATCH_CALLED;
		out->addr = func->addr;
		return 0;
	}
	if (patchfile_is_system(writer->program->files[func->module].name)) {
		r = patchfile_set_import(writer, out, func->symbol, err);
		if (r == 0 && out->how == PATCH_IMPORT)
			r = add_other_slots(writer, func, err);
	} else {
		r = patch_code(out, writer->program->objects[func->module], func->addr, func->size, err);
	}
	if (r)
		return err_wrap(err, r, "cannot intercept '%s'", func->config->name);
	if (out->role == PATCH_OPERATION && !out->is_callable) {
		err_set(err, -ENOTSUP, "cannot replay '%s': its first instructions cannot be moved",
			func->config->name);
		err_hint(err,
			 "build it with -fpatchable-function-entry=5, or choose its caller as the operation");
		return -ENOTSUP;
	}
	return 0;
}

static const unsigned char roles[ROLE_CNT] = {
	[ROLE_OPERATION] = PATCH_OPERATION,
	[ROLE_INPUT] = PATCH_INPUT,
	[ROLE_OUTPUT] = PATCH_OUTPUT,
	[ROLE_CALLBACK] = PATCH_CALLBACK,
};
static const unsigned char missings[] = {[MISSING_FAIL] = PATCH_MISSING_FAIL,
					 [MISSING_RUN] = PATCH_MISSING_RUN,
					 [MISSING_RETURN] = PATCH_MISSING_RETURN};

static int add_func(struct patchfile_writer *writer, const struct program_func *func, struct err *err)
{
	const struct config_func *config = func->config;
	struct patch_func *out = &writer->funcs[writer->funcs_cnt];
	int r;

	snprintf(out->name, sizeof(out->name), "%s", config->name);
	out->module = func->module;
	out->role = roles[config->role] | (config->joins ? PATCH_JOINS : 0);
	out->missing = missings[config->missing];
	set_missing(&out->missing_return, func->shape, config->missing_return);
	out->alias = patchfile_alias(writer->config, config->alias);
	out->number = func - writer->program->funcs;
	out->results = patchfile_results(func->shape);
	if (config->fallbacks_cnt > ARRAY_SIZE(out->fallbacks))
		return err_usage(err, -E2BIG, "'%s' has more than %zu fallback_aliases", config->name,
				 ARRAY_SIZE(out->fallbacks));
	for (size_t i = 0; i < config->fallbacks_cnt; i++)
		out->fallbacks[out->fallbacks_cnt++] = patchfile_alias(writer->config, config->fallbacks[i]);
	r = set_how(writer, out, func, err);
	if (r == 0 && config->missing == MISSING_RUN && !out->is_callable)
		r = err_set(err, -ENOTSUP,
			    "'%s' cannot run for real (when_missing): its first instructions cannot be moved",
			    config->name);
	writer->funcs_cnt++;
	return r;
}

static int add_all(struct patchfile_writer *writer, const struct patchfile_opts *opts, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < writer->program->funcs_cnt; i++)
		r = add_func(writer, &writer->program->funcs[i], err);
	return r < 0 ? r : patchfile_add_besides(writer, opts->ready ? opts->ready : "auto", err);
}

/* --- the file --- */

static void put_gates(struct buf *out, struct patchfile_writer *writer)
{
	for (size_t i = 0; i < writer->funcs_cnt; i++) {
		const struct plan_gate *gate = writer->funcs[i].number == PATCH_NONE
						       ? NULL
						       : writer->program->funcs[writer->funcs[i].number].gate;

		if (!gate || !(gate->flags & (PLAN_GATE_CARRIES | PLAN_GATE_JOINS)))
			continue;
		writer->funcs[i].gate = out->len;
		buf_put(out, gate, offsetof(struct plan_gate, ops) + gate->cnt * sizeof(gate->ops[0]));
		buf_align(out, 8);
	}
}

/* Several ways into one function share its plan. */
static void put_plans(struct buf *out, struct patchfile_writer *writer)
{
	for (size_t i = 0; i < writer->program->funcs_cnt; i++) {
		const struct plan *plan = writer->program->funcs[i].plan;

		buf_align(out, 8);
		for (size_t k = 0; k < writer->funcs_cnt; k++)
			if (writer->funcs[k].number == i)
				writer->funcs[k].plan = out->len;
		buf_put(out, plan, offsetof(struct plan, ops) + plan->ops_cnt * sizeof(plan->ops[0]));
	}
	buf_align(out, 8);
}

/* In the executable, else in the first library that has it. */
static int set_init(struct patch_header *header, const struct program *program, const char *name,
		    struct err *err)
{
	for (size_t i = 0; i < program->files_cnt; i++) {
		const struct symbol *symbol =
			patchfile_is_system(program->files[i].name)
				? NULL
				: object_find_func(program->objects[i], name, NULL, NULL);

		if (!symbol)
			continue;
		header->has_init = 1;
		header->init_module = i;
		header->init = symbol->addr;
		return 0;
	}
	return err_usage(err, -ENOENT, "--init names '%s', which the program does not have", name);
}

static int write_all(struct buf *out, struct patchfile_writer *writer, const struct patchfile_opts *opts,
		     struct err *err)
{
	struct patch_header header = {
		.magic = PATCH_MAGIC, .version = PATCH_VERSION, .operation = opts->operation};
	int r;

	/* An allocator that is part of the executable is called without passing a slot. */
	header.sees_frees = !object_find_func(writer->program->objects[0], "free", NULL, NULL);
	if (opts->ready)
		header.ready_main = !strcmp(opts->ready, "main") ? 1 : !strcmp(opts->ready, "end") ? 2 : 0;
	header.end_will_do = !opts->ready && !opts->init;
	r = opts->init ? set_init(&header, writer->program, opts->init, err) : 0;
	if (r)
		return r;
	buf_grow(out, ALIGN_UP(sizeof(header), 8));
	header.modules = out->len;
	header.modules_cnt = writer->program->files_cnt;
	for (size_t i = 0; i < writer->program->files_cnt; i++) {
		struct patch_module module = {};

		fill_module(&module, writer->program, i);
		buf_put(out, &module, sizeof(module));
	}
	buf_align(out, 8);
	put_plans(out, writer);
	put_gates(out, writer);
	header.funcs = out->len;
	header.funcs_cnt = writer->funcs_cnt;
	buf_put(out, writer->funcs, writer->funcs_cnt * sizeof(writer->funcs[0]));
	header.slots = out->len;
	header.slots_cnt = writer->slots_cnt;
	buf_put(out, writer->slots, writer->slots_cnt * sizeof(writer->slots[0]));
	buf_align(out, 8);
	header.sites = out->len;
	header.sites_cnt = writer->sites.len / sizeof(struct patch_site);
	buf_put(out, writer->sites.data, writer->sites.len);
	if (opts->covers) {
		header.counters = out->len;
		r = coverage_write(out, writer->program, err);
		if (r < 0)
			return r;
		header.counters_cnt = (out->len - header.counters) / sizeof(struct patch_counters);
	}
	header.bytes = out->len;
	if (out->failed)
		return err_set(err, out->failed, "the patch file does not fit");
	memcpy(out->data, &header, sizeof(header));
	return 0;
}

int patchfile_write(struct buf *out, const struct config *config, const struct program *program,
		    const struct patchfile_opts *opts, struct err *err)
{
	autofree struct patchfile_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return err_nomem(err);
	if (program->files_cnt > PATCH_MODULES_MAX)
		return err_set(err, -E2BIG, "the program has more than %d modules", PATCH_MODULES_MAX);
	writer->config = config;
	writer->program = program;
	buf_init(&writer->sites, SITES_BYTES_MAX);
	r = opts->is_recording ? patchfile_add_ways(writer, err) : add_all(writer, opts, err);
	if (r == 0 && writer->sites.failed)
		r = err_set(err, -E2BIG, "the program has more marks than can be answered");
	if (r == 0)
		r = write_all(out, writer, opts, err);
	buf_release(&writer->sites);
	return r;
}
