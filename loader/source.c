// SPDX-License-Identifier: BSD-3-Clause
#include "loader/source.h"

#include <errno.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/plan.h"
#include "lib/program.h"

#define NS_PER_S 1000000000.0

int source_ring_bytes(uint32_t *out, uint32_t bytes, int cnt, struct err *err)
{
	uint32_t size = bytes ? bytes : RING_BYTES_DEFAULT;

	if (size > RING_BYTES_MAX || (size & (size - 1)) || size < (uint32_t)getpagesize())
		return err_set(err, -EINVAL, "a ring of %u bytes: not a power of two from %d to %d", size,
			       getpagesize(), RING_BYTES_MAX);
	while (!bytes && (uint64_t)size * cnt > RINGS_BYTES_MAX && size > RING_BYTES_DEFAULT / 16)
		size /= 2;
	*out = size;
	return 0;
}

uint32_t source_threshold(double rate)
{
	return rate >= 1 ? UINT32_MAX : rate * UINT32_MAX;
}

double source_entry_rate(const struct sampling *sampling)
{
	return sampling->is_at_end ? 1 : sampling->rate;
}

static void set_sampling(struct func_rule *rule, const struct sampling *sampling)
{
	double max = sampling->max_per_second;

	rule->is_off = sampling->is_off;
	rule->sample_threshold = source_threshold(source_entry_rate(sampling));
	rule->window_max = 0;
	rule->window_ns = 0;
	if (max > 0) {
		rule->window_max = max < 1 ? 1 : max < UINT32_MAX ? max : UINT32_MAX;
		rule->window_ns = rule->window_max / max * NS_PER_S;
	}
}

void source_rule(struct func_rule *out, size_t idx, const struct program_func *func)
{
	*out = (struct func_rule){
		.is_operation = func->config->role == ROLE_OPERATION,
		.is_input = func->config->role == ROLE_INPUT && !func->config->mark,
		.is_callback = func->config->role == ROLE_CALLBACK,
		.plan_flags = func->plan->flags,
		.fp_in = func->plan->fp_in,
		.fp_out = func->plan->fp_out,
		.gate_flags = func->gate ? func->gate->flags : 0,
		.gate = idx * GATE_ROWS,
		.is_at_rets = func->is_at_rets,
		.mark = func->config->mark,
	};
	set_sampling(out, &func->config->sampling);
}

uint32_t source_next_gate(const struct func_rule *rule, size_t idx)
{
	uint32_t first = idx * GATE_ROWS;

	return rule->gate == first ? first + 1 : first;
}

/* Flags that only one of the gates has are never in force with the other. */
void source_resample(struct func_rule *rule, const struct sampling *sampling, uint32_t row, uint32_t flags)
{
	__atomic_store_n(&rule->gate_flags, rule->gate_flags & flags, __ATOMIC_SEQ_CST);
	__atomic_store_n(&rule->gate, row, __ATOMIC_SEQ_CST);
	__atomic_store_n(&rule->gate_flags, flags, __ATOMIC_SEQ_CST);
	set_sampling(rule, sampling);
}
