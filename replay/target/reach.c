// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/reach.h"

#include <stdint.h>
#include <string.h>

#include "replay/target/engine.h"
#include "replay/target/module.h"

static const struct patch_counters *ranges(void)
{
	return (const void *)((const char *)engine.patch + engine.patch->counters);
}

static uint64_t *live(const struct patch_counters *range)
{
	return module_is_loaded(range->module) ? (void *)(module_base(range->module) + range->addr) : NULL;
}

void reach_forget(void)
{
	for (unsigned i = 0; i < engine.patch->counters_cnt; i++) {
		uint64_t *counters = live(&ranges()[i]);

		if (counters)
			memset(counters, 0, ranges()[i].cnt * sizeof(*counters));
	}
}

void reach_report(void)
{
	struct outcome_header *outcome = engine.outcome;
	uint64_t cnt = 0, at = 0, len;
	uint8_t *bits;

	for (unsigned i = 0; i < engine.patch->counters_cnt; i++)
		cnt += ranges()[i].cnt;
	len = (cnt + 7) / 8;
	/* At the far end: another thread may be in the middle of an event. */
	if (!cnt || cnt > PATCH_COUNTERS_MAX || outcome->made.bytes > PATCH_OUTCOME_BYTES / 2)
		return;
	bits = (uint8_t *)outcome + PATCH_OUTCOME_BYTES - len;
	memset(bits, 0, len);
	for (unsigned i = 0; i < engine.patch->counters_cnt; i++) {
		const uint64_t *counters = live(&ranges()[i]);

		for (unsigned k = 0; k < ranges()[i].cnt; k++, at++)
			if (counters && counters[k])
				bits[at / 8] |= 1 << at % 8;
	}
	outcome->reached = PATCH_OUTCOME_BYTES - len;
	outcome->reached_cnt = cnt;
}
