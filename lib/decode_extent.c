// SPDX-License-Identifier: BSD-3-Clause
#include "lib/decode.h"

#include <inttypes.h>

#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/recording.h"

#define EIGHTBYTE 8

const char *decode_say(struct decoder *d, const char *fmt, uint64_t number)
{
	const char *text = pool_printf(d->pool, fmt, number);

	d->failed |= !text;
	return text;
}

static const char budget[] = "the limit of a call's bytes was reached";
static const char steps[] = "the step limit of a call was reached";

bool extent_is_limit(const char *reason)
{
	return reason == budget || reason == steps;
}

const char *extent_why_absent(struct decoder *d, uint64_t addr)
{
	if (d->side->budget_cut)
		return budget;
	if (d->side->steps_cut)
		return steps;
	return decode_say(d, "memory at 0x%" PRIx64 " could not be read", addr);
}

struct extent extent_of(uint64_t addr, const struct found *found)
{
	return (struct extent){.bytes = found->bytes,
			       .captured = found->captured,
			       .has_addr = true,
			       .addr = addr,
			       .status = found->status};
}

bool extent_is_limited(const struct extent *extent)
{
	return !extent->reason && extent->status != PLAN_FRAGMENT_FAULT;
}

const char *extent_why(struct decoder *d, const struct extent *extent)
{
	if (extent->reason)
		return extent->reason;
	if (extent->status == PLAN_FRAGMENT_BUDGET)
		return budget;
	if (extent->status == PLAN_FRAGMENT_FAULT)
		return decode_say(d, "memory at 0x%" PRIx64 " could not be read",
				  extent->addr + extent->captured);
	return decode_say(d, "only the first %" PRIu64 " bytes were captured", extent->captured);
}

bool extent_has(const struct extent *extent, uint64_t off, uint64_t len)
{
	if (off > extent->captured || len > extent->captured - off)
		return false;
	if (!extent->missing || !len)
		return true;
	for (uint64_t i = off / EIGHTBYTE; i <= (off + len - 1) / EIGHTBYTE && i < 8; i++)
		if (extent->missing & (1 << i))
			return false;
	return true;
}

bool extent_locate(struct decoder *d, struct extent *out, uint64_t addr, uint16_t node, size_t size)
{
	struct found found = {.captured = size, .wanted = size};

	if (!memory_find(d->memory, addr, node, &found))
		found.bytes = memory_read(d->memory, addr, size);
	*out = extent_of(addr, &found);
	return found.bytes || !found.captured;
}
