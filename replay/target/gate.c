// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/gate.h"

#include <string.h>

#include "lib/tape.h"
#include "replay/target/capture.h"
#include "replay/target/clock.h"
#include "replay/target/emit.h"
#include "replay/target/engine.h"
#include "replay/target/guard.h"
#include "replay/target/thunk.h"

/* What a gate said. */
struct verdict {
	uint64_t by;
	int is_wanted;
};

static void run(struct verdict *out, const struct func_rule *rule, const struct frame *frame)
{
	const struct plan_gate *gates = (void *)((char *)engine.tape + engine.tape->gates);
	struct capture capture = {.read = guard_peek};

	memcpy(capture.v, frame->gpr, sizeof(frame->gpr));
	capture.v[PLAN_V_RSP] = (uint64_t)&frame->ret;
	capture.v[PLAN_V_WANTED] = 1;
	if (rule->gate < engine.tape->gates_cnt)
		capture_gate(&capture, &gates[rule->gate]);
	out->by = capture.v[PLAN_V_BY];
	out->is_wanted = capture.v[PLAN_V_WANTED] != 0;
}

/* Count one more in the window that now lies in; 0: it is full. */
static int is_within_rate(const struct func_rule *rule, unsigned number)
{
	__u64 *window = &engine.tape->windows[number], at, seen, next;

	if (!rule->window_max || !rule->window_ns)
		return 1;
	at = clock_exact_ns() / rule->window_ns;
	seen = __atomic_load_n(window, __ATOMIC_RELAXED);
	do {
		next = seen >> 32 == (uint32_t)at ? seen + 1 : at << 32 | 1;
		if ((uint32_t)next > rule->window_max)
			return 0;
	} while (!__atomic_compare_exchange_n(window, &seen, next, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return 1;
}

static uint32_t by_chance(void)
{
	static __thread uint64_t state;

	if (!state)
		state = clock_exact_ns() ^ (uint64_t)&state;
	state += 0x9e3779b97f4a7c15ull;
	return plan_mix(state) >> 32;
}

/* 32 bits, by chance, or by the seed and how many were drawn before. */
static uint32_t draw(unsigned number)
{
	const struct control *control = &engine.tape->control;

	if (!control->is_seeded)
		return by_chance();
	return plan_mix(control->seed +
			__atomic_fetch_add(&engine.tape->draws[number], 1, __ATOMIC_RELAXED)) >>
	       32;
}

static int is_always(const struct func_rule *rule)
{
	return rule->sample_threshold == UINT32_MAX;
}

static int is_drawn(const struct func_rule *rule, unsigned number)
{
	return is_always(rule) || rule->gate_flags & PLAN_GATE_BY || draw(number) < rule->sample_threshold;
}

static int is_drawn_by(const struct func_rule *rule, uint64_t by)
{
	return is_always(rule) || !(rule->gate_flags & PLAN_GATE_BY) ||
	       plan_mix(engine.tape->control.seed ^ by) >> 32 < rule->sample_threshold;
}

int gate_takes(const struct func *func, const struct frame *frame)
{
	unsigned number = func->patch->number;
	const struct func_rule *rule = &engine.tape->rules[number];
	struct verdict verdict = {.is_wanted = 1};

	if (rule->is_off)
		return 0;
	if (!is_drawn(rule, number)) {
		COUNT(number, sampled_out, 1);
		return 0;
	}
	if (rule->gate_flags)
		run(&verdict, rule, frame);
	if (!verdict.is_wanted) {
		COUNT(number, unwanted, 1);
		return 0;
	}
	if (!is_drawn_by(rule, verdict.by) || !is_within_rate(rule, number)) {
		COUNT(number, sampled_out, 1);
		return 0;
	}
	return 1;
}
