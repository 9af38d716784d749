// SPDX-License-Identifier: BSD-3-Clause
#include "loader/attach_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "lib/config.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/process.h"

#define NS_PER_S 1000000000.0

/* Bits of the threshold below which so large a share of 32-bit numbers lies. */
static uint32_t threshold_of(double rate)
{
	return rate >= 1 ? UINT32_MAX : rate * UINT32_MAX;
}

static void set_sampling(struct func_rule *rule, const struct sampling *sampling)
{
	double max = sampling->max_per_second;

	rule->is_off = sampling->is_off;
	rule->sample_threshold = threshold_of(sampling->rate);
	rule->window_max = 0;
	rule->window_ns = 0;
	if (max > 0) {
		rule->window_max = max < 1 ? 1 : max < UINT32_MAX ? max : UINT32_MAX;
		rule->window_ns = rule->window_max / max * NS_PER_S;
	}
}

static int put_gate(struct attach *attach, uint32_t row, const struct plan_gate *gate, struct err *err)
{
	if (!gate || !bpf_map_update_elem(bpf_map__fd(attach->skel->maps.gates), &row, gate, 0))
		return 0;
	return err_set(err, -errno, "cannot hand down what decides at a function's entry: %s",
		       strerror(errno));
}

static int hand_down_func(struct attach *attach, uint32_t i, const struct program_func *func, struct err *err)
{
	struct func_rule *rule = &attach->skel->bss->rules[i];

	*rule = (struct func_rule){
		.is_operation = func->config->role == ROLE_OPERATION,
		.plan_flags = func->plan->flags,
		.fp_in = func->plan->fp_in,
		.fp_out = func->plan->fp_out,
		.gate_flags = func->gate ? func->gate->flags : 0,
		.gate = i * GATE_ROWS,
		.is_at_rets = func->is_at_rets,
	};
	set_sampling(rule, &func->config->sampling);
	if (bpf_map_update_elem(bpf_map__fd(attach->skel->maps.plans), &i, func->plan, 0))
		return err_set(err, -errno, "cannot hand down the plan of '%s': %s", func->config->name,
			       strerror(errno));
	return put_gate(attach, rule->gate, func->gate, err);
}

int attach_hand_down(struct attach *attach, const struct process *process, const struct attach_opts *opts,
		     struct err *err)
{
	struct control *control = &attach->skel->bss->control;
	const struct program *program = attach->program;
	int r;

	control->count_only = opts->count_only;
	control->is_following = opts->is_following;
	control->is_timed = opts->is_timed;
	control->is_seeded = opts->is_seeded;
	control->seed = opts->seed;
	control->errno_off = process->errno_off;
	memcpy(control->exclude[0], process->libc, sizeof(process->libc));
	memcpy(control->exclude[1], process->loader, sizeof(process->loader));
	r = attach_follow(attach, process->pid, err);
	for (uint32_t i = 0; r == 0 && i < program->funcs_cnt; i++)
		r = hand_down_func(attach, i, &program->funcs[i], err);
	return r;
}

void attach_rate(struct attach *attach, size_t func, double rate)
{
	attach->skel->bss->rules[func].sample_threshold = threshold_of(rate);
}

/* Probes may be running the gate that is in use: the new one goes into the other row. Flags that only one of
 * them has are never in force with the other. */
int attach_sample(struct attach *attach, size_t func, const struct sampling *sampling,
		  const struct plan_gate *gate, struct err *err)
{
	struct func_rule *rule = &attach->skel->bss->rules[func];
	uint32_t first = func * GATE_ROWS, row = rule->gate == first ? first + 1 : first;
	uint32_t flags = gate ? gate->flags : 0;
	int r = put_gate(attach, row, gate, err);

	if (r < 0)
		return r;
	__atomic_store_n(&rule->gate_flags, rule->gate_flags & flags, __ATOMIC_SEQ_CST);
	__atomic_store_n(&rule->gate, row, __ATOMIC_SEQ_CST);
	__atomic_store_n(&rule->gate_flags, flags, __ATOMIC_SEQ_CST);
	set_sampling(rule, sampling);
	return 0;
}

int attach_counts(const struct attach *attach, struct func_count *counts, struct err *err)
{
	size_t cpus = attach->rings_cnt, fields = sizeof(*counts) / sizeof(uint64_t);
	autofree struct func_count *row = calloc(cpus, sizeof(*row));

	_Static_assert(sizeof(struct func_count) % sizeof(uint64_t) == 0, "summed as 64-bit numbers");
	if (!row)
		return err_nomem(err);
	memset(counts, 0, attach->funcs_cnt * sizeof(*counts));
	for (uint32_t i = 0; i < attach->funcs_cnt; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(attach->skel->maps.counts), &i, row))
			return err_set(err, -errno, "cannot read the counters: %s", strerror(errno));
		for (size_t k = 0; k < cpus * fields; k++)
			((uint64_t *)&counts[i])[k % fields] += ((uint64_t *)row)[k];
	}
	return 0;
}
