// SPDX-License-Identifier: BSD-3-Clause
#include "tools/sites.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/object.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/schema.h"
#include "lib/serve.h"
#include "lib/util.h"
#include "loader/fpregs.h"
#include "tools/common.h"
#include "tools/serve.h"

#define PROTOTYPE_MAX 1024

static bool has_return(const struct program_func *func)
{
	return func->plan && func->plan->flags & PLAN_F_RETURN;
}

static uint32_t cost_ns(const struct program_func *func)
{
	if (func->is_at_rets)
		return site_cost_ns(func->site.kind, false) + INSN_RETURN_COST_NS;
	return site_cost_ns(func->site.kind, has_return(func));
}

/* What a recorded call costs on top, for its floating-point registers. Few formats have any. */
static uint32_t fp_cost_ns(const struct program_func *func)
{
	if (func->plan && func->plan->flags & PLAN_F_FP_BY_AL)
		return !!func->plan->fp_out * FPREGS_COST_NS;
	return func->plan ? (!!func->plan->fp_in + !!func->plan->fp_out) * FPREGS_COST_NS : 0;
}

/* What of this function's data is not captured, and why. */
static void each_cut(const struct shape *shape, void (*fn)(const char *path, const char *reason, void *ctx),
		     void *ctx)
{
	char path[SHAPE_PATH_MAX];

	for (uint16_t i = 0; shape && i < shape->nodes_cnt; i++) {
		if (shape->nodes[i].kind != SHAPE_CUT)
			continue;
		shape_path(shape, i, path, sizeof(path));
		fn(path, shape->nodes[i].reason, ctx);
	}
	for (size_t i = 0; shape && i < shape->params_cnt; i++)
		if (shape_is_unpassed(&shape->params[i]))
			fn(shape->nodes[shape->params[i].node].name, shape_unpassed, ctx);
}

/* The types of real programs reach far: a line a reason, the first paths by name. */
#define REASONS_MAX 32
#define CUT_SHOWN   6
struct cuts {
	struct cut {
		const char *reason;
		size_t cnt, shown;
		char paths[CUT_SHOWN][SHAPE_PATH_MAX];
	} by_reason[REASONS_MAX];
	size_t cnt, others;
};

static void count_cut(const char *path, const char *reason, void *ctx)
{
	struct cuts *cuts = ctx;
	size_t i = 0;

	while (i < cuts->cnt && strcmp(cuts->by_reason[i].reason, reason))
		i++;
	if (i == REASONS_MAX) {
		cuts->others++;
		return;
	}
	if (i == cuts->cnt)
		cuts->by_reason[cuts->cnt++].reason = reason;
	if (cuts->by_reason[i].cnt++ < CUT_SHOWN)
		snprintf(cuts->by_reason[i].paths[cuts->by_reason[i].shown++], SHAPE_PATH_MAX, "%s", path);
}

static void print_cuts(const struct shape *shape)
{
	autofree struct cuts *cuts = calloc(1, sizeof(*cuts));

	if (!cuts)
		return;
	each_cut(shape, count_cut, cuts);
	for (size_t i = 0; i < cuts->cnt; i++) {
		const struct cut *cut = &cuts->by_reason[i];

		printf("    not captured: ");
		for (size_t k = 0; k < cut->shown; k++)
			printf("%s%s", k ? ", " : "", cut->paths[k]);
		if (cut->cnt > cut->shown)
			printf(" and %zu more", cut->cnt - cut->shown);
		printf(" (%s)\n", cut->reason);
	}
	if (cuts->others)
		printf("    not captured: %zu more, for other reasons\n", cuts->others);
}

static void add_cut(const char *path, const char *reason, void *ctx)
{
	cJSON *one = cJSON_CreateObject();

	cJSON_AddStringToObject(one, "path", path);
	cJSON_AddStringToObject(one, "reason", reason);
	cJSON_AddItemToArray(ctx, one);
}

static const struct err *refusal(const struct program_func *func)
{
	return func->refused.msg[0] ? &func->refused : func->unprobed.msg[0] ? &func->unprobed : NULL;
}

static void print_refused(const struct program_func *func)
{
	printf("%s: refused: %s\n", func->config->name, refusal(func)->msg);
	if (refusal(func)->hint[0])
		printf("    hint: %s\n", refusal(func)->hint);
}

static void print_site(const struct program_func *func, double rate)
{
	char cost[32];

	if (func->is_ifunc && !func->stubs_cnt) {
		printf("    no probe\n");
		return;
	}
	common_duration(cost_ns(func), cost);
	if (func->config->mark)
		printf("    probe at %zu place%s", func->stubs_cnt, func->stubs_cnt == 1 ? "" : "s");
	else if (func->is_ifunc)
		printf("    probe at %zu PLT entr%s that lead%s to it", func->stubs_cnt,
		       func->stubs_cnt == 1 ? "y" : "ies", func->stubs_cnt == 1 ? "s" : "");
	else
		printf("    probe at %s+%u%s", func->config->symbol, func->site.skipped,
		       func->stubs_cnt ? ", and in what _FORTIFY_SOURCE calls" : "");
	printf(": '%s', %s, about %s a hit", func->site.text, site_kind_name(func->site.kind), cost);
	if (rate >= 0)
		printf("; %.0f hits a second, %.2f %% of a core", rate, rate * cost_ns(func) / 1e7);
	printf("\n");
	if (func->is_at_rets)
		printf("    returns seen at its %zu 'ret' instruction%s, single-stepped: exceptions may pass "
		       "through it\n",
		       func->rets_cnt, func->rets_cnt == 1 ? "" : "s");
	if (!fp_cost_ns(func))
		return;
	common_duration(fp_cost_ns(func), cost);
	printf("    floating-point registers: about %s more a call that is recorded\n", cost);
}

/* The name of the group of "serve" that stands for it; NULL: it is written. */
static const char *served_by(const struct program_func *func)
{
	const struct serve_function *function =
		func->config->is_served ? serve_function(func->config->symbol) : NULL;

	return function ? serve_group_name(function->group) : NULL;
}

static const char *served_text(const struct program_func *func)
{
	static const char *const texts[SERVE_GROUP_CNT] = {" (serve time)", " (serve random)", " (serve pid)",
							   " (serve uuid)", " (serve host)"};

	return served_by(func) ? texts[serve_function(func->config->symbol)->group] : "";
}

static void print_text(const struct program *program, const struct program_func *func, double rate)
{
	const struct shape *shape = func->shape;
	char prototype[PROTOTYPE_MAX];

	if (refusal(func))
		return print_refused(func);
	schema_type_text(program->schema, shape->func, prototype, sizeof(prototype));
	printf("%s: %s%s in %s", func->config->name,
	       func->config->mark ? "a mark of the program's" : role_name(func->config->role),
	       served_text(func), program->files[func->module].name);
	if (func->debug.file)
		printf(", %s:%d", func->debug.file, func->debug.line);
	printf("\n    %s\n", prototype);
	print_site(func, rate);
	if (func->warning[0])
		printf("    warning: %s\n", func->warning);
	print_cuts(shape);
}

static cJSON *site_json(const struct program_func *func)
{
	cJSON *site = cJSON_CreateObject();
	char addr[32];

	snprintf(addr, sizeof(addr), "0x%llx", (unsigned long long)func->site.addr);
	cJSON_AddStringToObject(site, "address", addr);
	cJSON_AddStringToObject(site, "instruction", func->site.text);
	cJSON_AddStringToObject(site, "kind", site_kind_name(func->site.kind));
	cJSON_AddNumberToObject(site, "skipped", func->site.skipped);
	cJSON_AddNumberToObject(site, "cost_ns", cost_ns(func));
	cJSON_AddStringToObject(site, "returns", func->is_at_rets ? "ret" : "probe");
	cJSON_AddNumberToObject(site, "floating_point_ns", fp_cost_ns(func));
	return site;
}

static int print_json(const struct program *program, const struct program_func *func, double rate,
		      struct err *err)
{
	cJSON *line = cJSON_CreateObject();
	char prototype[PROTOTYPE_MAX];

	cJSON_AddStringToObject(line, "type", "function");
	cJSON_AddStringToObject(line, "function", func->config->name);
	cJSON_AddStringToObject(line, "role", role_name(func->config->role));
	cJSON_AddStringToObject(line, "alias", func->config->alias);
	if (served_by(func))
		cJSON_AddStringToObject(line, "serve", served_by(func));
	if (refusal(func)) {
		cJSON_AddStringToObject(line, "refused", refusal(func)->msg);
		if (refusal(func)->hint[0])
			cJSON_AddStringToObject(line, "hint", refusal(func)->hint);
		return common_print_json(line, err);
	}
	cJSON_AddStringToObject(line, "module", program->files[func->module].name);
	cJSON_AddStringToObject(line, "path", program->files[func->module].path);
	cJSON_AddStringToObject(line, "build_id", object_build_id(program->objects[func->module]));
	if (func->debug.file) {
		cJSON_AddStringToObject(line, "source", func->debug.file);
		cJSON_AddNumberToObject(line, "line", func->debug.line);
	}
	schema_type_text(program->schema, func->shape->func, prototype, sizeof(prototype));
	cJSON_AddStringToObject(line, "prototype", prototype);
	cJSON_AddItemToObject(line, "site", site_json(func));
	cJSON_AddNumberToObject(line, "inlined", func->debug.inlined);
	if (func->warning[0])
		cJSON_AddStringToObject(line, "warning", func->warning);
	each_cut(func->shape, add_cut, cJSON_AddArrayToObject(line, "not_captured"));
	if (rate >= 0)
		cJSON_AddNumberToObject(line, "rate", rate);
	return common_print_json(line, err);
}

/* What the program calls whose results differ from run to run, and nothing records. */
static void print_unserved(const struct program *program, FILE *to)
{
	const struct serve_function *unserved[SERVE_FUNCTIONS_MAX];
	size_t cnt = program_unserved(program, unserved, ARRAY_SIZE(unserved));
	unsigned groups = 0;

	if (!cnt)
		return;
	fprintf(to, "not configured, though no two runs get the same from them:");
	for (size_t i = 0; i < cnt; i++) {
		fprintf(to, "%s %s", i ? "," : "", unserved[i]->name);
		groups |= 1u << unserved[i]->group;
	}
	serve_print_advice(to, groups);
}

int sites_print(const struct program *program, const double *rates, bool json, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < program->funcs_cnt; i++) {
		const struct program_func *func = &program->funcs[i];

		if (json)
			r = print_json(program, func, rates ? rates[i] : -1, err);
		else
			print_text(program, func, rates ? rates[i] : -1);
	}
	print_unserved(program, json ? stderr : stdout);
	return r < 0 ? r : program_recordable(program, err);
}
