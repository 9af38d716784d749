// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/spans.h"

#include "replay/target/maps.h"

#define APART	 (1ull << 30)
#define USER_END 0x800000000000ull

struct spans {
	struct patch_span *spans;
	unsigned cnt;
};

static void add(const struct maps_line *line, void *ctx)
{
	struct spans *to = ctx;
	struct patch_span *last = to->cnt ? &to->spans[to->cnt - 1] : 0;

	if (line->from >= USER_END)
		return;
	if (last && (line->from < last->to + APART || to->cnt == PATCH_SPANS_MAX))
		last->to = line->to;
	else
		to->spans[to->cnt++] = (struct patch_span){line->from, line->to};
}

unsigned spans_read(struct patch_span spans[PATCH_SPANS_MAX])
{
	struct spans to = {.spans = spans};

	maps_each(add, &to);
	return to.cnt;
}
