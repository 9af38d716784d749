// SPDX-License-Identifier: BSD-3-Clause
#include "loader/budget.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/cost.h"
#include "loader/source.h"

#define AIM	   0.9 /* of the budget: what a rate is chosen for */
#define FIXED_MAX  0.8 /* of the budget: what probes alone may take before one is taken off */
#define STEP_MIN   0.1 /* a rate is not lowered further in one step */
#define RATE_MIN   1e-4
#define RAISE_AT   0.5	/* of the budget: below it a lowered rate rises again, */
#define RAISE_STEP 1.25 /* so much at once */
#define NS_PER_S   1e9

struct row {
	double factor; /* of the operation's configured rate */
	bool is_off;
	struct func_count last;
};

struct budget {
	const struct program *program;
	double allowed, total_ns;
	uint32_t site_ns[SITE_CNT];
	uint64_t begun_ns, last_ns; /* 0: not yet */
	struct row row[FUNC_MAX];
};

/* Costs in the time since the last weighing, ns. */
struct bill {
	double fixed[FUNC_MAX];		       /* being hit */
	double variable[FUNC_MAX];	       /* being recorded */
	double fixed_sum, variable_sum, calls; /* calls: the variable part of inputs and outputs */
	double taken;			       /* operations */
};

int budget_new(struct budget **out, const struct program *program, double share,
	       const uint32_t site_ns[SITE_CNT], struct err *err)
{
	struct budget *budget = calloc(1, sizeof(*budget));

	if (!budget)
		return err_nomem(err);
	budget->program = program;
	budget->allowed = share;
	memcpy(budget->site_ns, site_ns, sizeof(budget->site_ns));
	budget_forget(budget);
	*out = budget;
	return 0;
}

void budget_free(struct budget *budget)
{
	free(budget);
}

void budget_forget(struct budget *budget)
{
	for (size_t i = 0; i < FUNC_MAX; i++)
		budget->row[i].factor = 1;
}

static bool is_operation(const struct budget *budget, size_t i)
{
	return budget->program->funcs[i].config->role == ROLE_OPERATION;
}

static double rate_of(const struct budget *budget, size_t i)
{
	return source_entry_rate(&budget->program->funcs[i].config->sampling) * budget->row[i].factor;
}

static void bill(struct budget *budget, const struct func_count *counts, struct bill *out)
{
	*out = (struct bill){};
	for (size_t i = 0; i < budget->program->funcs_cnt; i++) {
		enum site_kind kind = budget->program->funcs[i].site.kind;
		const struct func_count *last = &budget->row[i].last;
		double hits = counts[i].hits - last->hits, taken = counts[i].taken - last->taken;
		uint32_t entry = budget->site_ns[kind];

		out->fixed[i] = hits * entry;
		/* Every return hits a probe, whether or not the call is recorded. */
		if (budget->program->funcs[i].is_at_rets)
			out->fixed[i] += hits * budget->site_ns[SITE_STEPPED];
		out->variable[i] = taken * cost_of_return(kind, entry) + (counts[i].busy_ns - last->busy_ns);
		out->fixed_sum += out->fixed[i];
		out->variable_sum += out->variable[i];
		if (is_operation(budget, i))
			out->taken += taken;
		else
			out->calls += out->variable[i];
		budget->row[i].last = counts[i];
	}
}

/* Its own recording, and its part of the calls': they are divided by how many operations there were. */
static double price_of(const struct budget *budget, const struct func_count *before, const struct bill *bill,
		       size_t i)
{
	double taken = budget->row[i].last.taken - before[i].taken;

	return bill->variable[i] + (bill->taken ? bill->calls * taken / bill->taken : 0);
}

/* The operation that costs most and can still be sampled more rarely; its price, or 0. */
static double dearest_operation(const struct budget *budget, const struct func_count *before,
				const struct bill *bill, size_t *out)
{
	double most = 0;

	for (size_t i = 0; i < budget->program->funcs_cnt; i++) {
		double price;

		if (!is_operation(budget, i) || budget->row[i].is_off || rate_of(budget, i) <= RATE_MIN)
			continue;
		price = price_of(budget, before, bill, i);
		if (price <= most)
			continue;
		most = price;
		*out = i;
	}
	return most;
}

static void advise_unprobe(struct budget *budget, const struct func_count *before, const struct bill *bill,
			   double window, struct budget_advice *out)
{
	double most = 0;

	for (size_t i = 0; i < budget->program->funcs_cnt; i++) {
		/* What the program wants forgotten is forgotten at any price. */
		if (budget->row[i].is_off || bill->fixed[i] <= most ||
		    budget->program->funcs[i].config->mark == PLAN_MARK_DISCARD)
			continue;
		most = bill->fixed[i];
		out->kind = BUDGET_UNPROBE;
		out->func = i;
		out->cost = most / window;
		out->hits = (budget->row[i].last.hits - before[i].hits) * NS_PER_S / window;
	}
	if (out->kind == BUDGET_UNPROBE)
		budget->row[out->func].is_off = true;
}

static void advise_less(struct budget *budget, const struct func_count *before, const struct bill *bill,
			double window, struct budget_advice *out)
{
	double allowed = budget->allowed * window, price;
	double excess = bill->fixed_sum + bill->variable_sum - AIM * allowed;
	size_t i = 0;

	price = bill->fixed_sum > FIXED_MAX * allowed ? 0 : dearest_operation(budget, before, bill, &i);
	if (price <= 0)
		return advise_unprobe(budget, before, bill, window, out);
	budget->row[i].factor *= MAX(STEP_MIN, 1 - excess / price);
	out->kind = BUDGET_RATE;
	out->func = i;
	out->rate = rate_of(budget, i);
}

static void advise_more(struct budget *budget, struct budget_advice *out)
{
	for (size_t i = 0; i < budget->program->funcs_cnt; i++) {
		struct row *row = &budget->row[i];

		if (row->factor >= 1 || row->is_off)
			continue;
		row->factor = MIN(1, row->factor * RAISE_STEP);
		out->kind = BUDGET_RATE;
		out->func = i;
		out->rate = rate_of(budget, i);
		return;
	}
}

void budget_weigh(struct budget *budget, const struct func_count *counts, uint64_t now_ns,
		  struct budget_advice *out)
{
	struct func_count before[FUNC_MAX];
	double window = now_ns - budget->last_ns;
	bool is_first = !budget->last_ns;
	struct bill costs;

	*out = (struct budget_advice){};
	for (size_t i = 0; i < budget->program->funcs_cnt; i++)
		before[i] = budget->row[i].last;
	bill(budget, counts, &costs);
	budget->last_ns = now_ns;
	if (is_first || window <= 0) {
		budget->begun_ns = now_ns;
		return;
	}
	budget->total_ns += costs.fixed_sum + costs.variable_sum;
	out->share = (costs.fixed_sum + costs.variable_sum) / window;
	if (out->share > budget->allowed)
		advise_less(budget, before, &costs, window, out);
	else if (out->share < RAISE_AT * budget->allowed)
		advise_more(budget, out);
}

double budget_share(const struct budget *budget)
{
	double time = budget->last_ns - budget->begun_ns;

	return time > 0 ? budget->total_ns / time : 0;
}

double budget_allowed(const struct budget *budget)
{
	return budget->allowed;
}
