// SPDX-License-Identifier: BSD-3-Clause
#include "loader/reload.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "loader/source.h"

#define TEXT_MAX 1024

struct reloading {
	struct config *config;
	const struct program *program;
	struct source *source;
	struct config *fresh;
	struct plan_gate **gates; /* by function */
	void (*say)(const char *text, void *ctx);
	void *ctx;
};

static void say(const struct reloading *r, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (r->say)
		r->say(text, r->ctx);
}

/* Everything that can fail, before anything changes. */
static int prepare(struct reloading *r, struct err *err)
{
	for (size_t i = 0; i < r->program->funcs_cnt; i++) {
		const struct program_func *func = &r->program->funcs[i];
		struct config_func *fresh = config_find(r->fresh, func->config);
		int code;

		if (!fresh || fresh->role != ROLE_OPERATION)
			continue;
		code = program_check_sampling(r->fresh, func, fresh, err);
		if (!code)
			code = program_gate(&r->gates[i], func, &fresh->sampling, err);
		if (code)
			return code;
	}
	return 0;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* What a running recording cannot take up. */
static void say_what_waits(const struct reloading *r)
{
	for (size_t i = 0; i < r->fresh->funcs_cnt; i++) {
		const struct config_func *fresh = &r->fresh->funcs[i], *func = config_find(r->config, fresh);

		if (!func)
			say(r, "'%s' is new: it is recorded when recording starts again", fresh->name);
		else if (!is_same(func->fixed, fresh->fixed))
			say(r, "'%s': what is captured of it cannot change while recording", fresh->name);
	}
	if (!is_same(r->config->types_fixed, r->fresh->types_fixed))
		say(r, "\"types\" cannot change while recording");
}

static void say_state(const struct reloading *r, const struct config_func *func, bool was_off, bool is_there)
{
	if (was_off == func->sampling.is_off)
		return;
	if (!is_there)
		say(r, "'%s' is no longer in the configuration: it is not recorded from here on", func->name);
	else
		say(r, "'%s' is %s from here on", func->name,
		    func->sampling.is_off ? "not recorded" : "recorded");
}

/* Functions that are called are not sampled: whether they are still there makes no difference now. */
static int apply(struct reloading *r, size_t i, struct err *err)
{
	struct config_func *func = config_find(r->config, r->program->funcs[i].config);
	struct config_func *fresh = config_find(r->fresh, func);
	bool was_off = func->sampling.is_off;

	if (func->mark)
		return 0;
	if (func->role != ROLE_OPERATION) {
		if (!fresh && !func->is_served && !func->is_found)
			say(r, "'%s' is captured until recording starts again", func->name);
		return 0;
	}
	if (fresh) {
		struct sampling sampling = func->sampling;

		func->sampling = fresh->sampling;
		fresh->sampling = sampling;
	} else {
		func->sampling.is_off = true;
	}
	say_state(r, func, was_off, fresh != NULL);
	return r->source->ops->sample(r->source, i, &func->sampling,
				      fresh ? r->gates[i] : r->program->funcs[i].gate, err);
}

static int run(struct reloading *r, struct err *err)
{
	int code = prepare(r, err);

	if (code)
		return code;
	say_what_waits(r);
	for (size_t i = 0; !code && i < r->program->funcs_cnt; i++)
		code = apply(r, i, err);
	if (!code)
		say(r, "'%s' was read again", r->config->path);
	return code;
}

int reload(struct config *config, const struct program *program, struct source *source,
	   void (*say_fn)(const char *text, void *ctx), void *ctx, struct err *err)
{
	struct reloading r = {
		.config = config, .program = program, .source = source, .say = say_fn, .ctx = ctx};
	int code = config_load(&r.fresh, config->path, err);

	if (code)
		return code;
	r.gates = calloc(program->funcs_cnt, sizeof(struct plan_gate *));
	code = r.gates ? run(&r, err) : err_nomem(err);
	for (size_t i = 0; r.gates && i < program->funcs_cnt; i++)
		free(r.gates[i]);
	free(r.gates);
	config_free(r.fresh);
	return code;
}
