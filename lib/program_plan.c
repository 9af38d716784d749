// SPDX-License-Identifier: BSD-3-Clause
/* From a function's description to its shape, its probe site and its plan; or why it is refused. */
#include <errno.h>

#include "lib/abi.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/plan.h"
#include "lib/planner.h"
#include "lib/program_impl.h"
#include "lib/util.h"

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

int program_build(const struct finder *f, struct err *err)
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
