// SPDX-License-Identifier: BSD-3-Clause
/* From a function that is found to its description in the schema: its types, its rules, what is not passed.
 */
#include <errno.h>
#include <string.h>

#include "lib/abi.h"
#include "lib/config.h"
#include "lib/cxx.h"
#include "lib/err.h"
#include "lib/insn.h"
#include "lib/program_impl.h"
#include "lib/schema.h"
#include "lib/util.h"

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
	program_rules_free(described.rules, described.rules_cnt);
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

int program_describe(struct finder *f, struct err *err)
{
	int r = describe_all(f, err);

	if (r)
		return r;
	refuse_twins(f);
	r = program_add_types(f, err);
	return r ? r : program_add_libc_types(f, err);
}
