// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/carrier.h"

#include <string.h>

#include "lib/event.h"
#include "replay/target/capture.h"
#include "replay/target/engine.h"
#include "replay/target/guard.h"

static ENGINE_WRITTEN uint64_t carried[CARRIED_MAX];
static ENGINE_WRITTEN unsigned carried_cnt;
static ENGINE_WRITTEN int is_any; /* something is carried that is not known */

/* 0: nothing, or it could not be read. */
static uint64_t value_of(const struct func *func, const uint64_t *args, uint64_t rsp)
{
	struct capture capture = {.read = guard_read};

	memcpy(capture.v, args, 6 * sizeof(args[0]));
	capture.v[PLAN_V_RSP] = rsp;
	capture.v[PLAN_V_WANTED] = 1;
	capture_gate(&capture, func->gate);
	return capture.v[PLAN_V_CARRIER];
}

void carrier_add(const struct func *func, const uint64_t *args, uint64_t rsp)
{
	uint64_t value;

	if (!func->gate || !(func->gate->flags & PLAN_GATE_CARRIES))
		return;
	value = value_of(func, args, rsp);
	if (value && carried_cnt < CARRIED_MAX)
		carried[carried_cnt++] = value;
	else
		is_any = 1;
}

int carrier_is_joined(const struct func *func, const uint64_t *args, uint64_t rsp)
{
	uint64_t value;

	if (!func->gate || !(func->gate->flags & PLAN_GATE_JOINS))
		return 0;
	if (is_any)
		return 1;
	value = value_of(func, args, rsp);
	for (unsigned i = 0; i < carried_cnt; i++)
		if (carried[i] == value)
			return 1;
	return 0;
}
