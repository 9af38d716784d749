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

	source_rule(rule, i, func);
	if (bpf_map_update_elem(bpf_map__fd(attach->skel->maps.plans), &i, func->plan, 0))
		return err_set(err, -errno, "cannot hand down the plan of '%s': %s", func->config->name,
			       strerror(errno));
	return put_gate(attach, rule->gate, func->gate, err);
}

static int hand_down_startup(struct attach *attach, struct err *err)
{
	struct joint joint = {.op = STARTUP_OP, .state = (__u64)STARTUP_OP << JOINT_OWNER | 1};
	uint32_t row = STARTUP_ROW;

	attach->skel->bss->operations_cnt = STARTUP_OP;
	attach->skel->bss->control.is_starting = 1;
	if (bpf_map_update_elem(bpf_map__fd(attach->skel->maps.joints), &row, &joint, 0))
		return err_set(err, -errno, "cannot hand down the start-up's numbers: %s", strerror(errno));
	return 0;
}

uint64_t attach_startup_cut(const struct attach *attach)
{
	uint32_t calls = attach->skel->bss->startup_calls;

	return calls > STARTUP_CALLS_MAX ? calls - STARTUP_CALLS_MAX : 0;
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
	control->is_stopping = !attach->is_session && !opts->count_only;
	control->is_seeded = opts->is_seeded;
	control->seed = opts->seed;
	memcpy(control->name_key, opts->name_key, sizeof(control->name_key));
	control->errno_off = process->errno_off;
	memcpy(control->exclude[0], process->libc, sizeof(process->libc));
	memcpy(control->exclude[1], process->loader, sizeof(process->loader));
	r = attach_follow(attach, process->pid, err);
	for (uint32_t i = 0; r == 0 && i < program->funcs_cnt; i++)
		r = hand_down_func(attach, i, &program->funcs[i], err);
	return r == 0 && opts->is_starting ? hand_down_startup(attach, err) : r;
}

void attach_rate(struct attach *attach, size_t func, double rate)
{
	attach->skel->bss->rules[func].sample_threshold = source_threshold(rate);
}

int attach_sample(struct attach *attach, size_t func, const struct sampling *sampling,
		  const struct plan_gate *gate, struct err *err)
{
	struct func_rule *rule = &attach->skel->bss->rules[func];
	uint32_t row = source_next_gate(rule, func);
	int r = put_gate(attach, row, gate, err);

	if (r < 0)
		return r;
	source_resample(rule, sampling, row, gate ? gate->flags : 0);
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
		counts[i].hits += counts[i].taken + counts[i].sampled_out + counts[i].unwanted +
				  counts[i].too_deep + counts[i].no_state + counts[i].unjoined +
				  counts[i].elsewhere;
	}
	return 0;
}
