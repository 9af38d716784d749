/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recorded addresses that nothing was captured behind. At replay they are the same numbers, so what a program
 * makes of a handle (a hash, an order, a tag in its low bits) is what it was. Where the replayed program has
 * memory of its own, or soon may have, such a number would lead to a stranger's bytes: there it is moved to
 * where nothing can lie. Distances between moved addresses stay, as long as they are below a zone's half.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "replay/target/patch.h"

#define DISPLACED_ZONE	    (64ull << 30)
#define DISPLACED_ZONES_MAX 128
#define DISPLACED_MARGIN    (1ull << 30) /* that memory of the program may grow by during an operation */

#define DISPLACED_LAYOUT 3

struct displaced {
	struct patch_span spans[PATCH_SPANS_MAX + DISPLACED_LAYOUT]; /* what the program has */
	size_t spans_cnt;
	uint64_t home; /* of the first zone; 0: none could be found */
	uint64_t centres[DISPLACED_ZONES_MAX];
	size_t zones_cnt;
};

void displaced_init(struct displaced *displaced, const struct patch_span *spans, size_t cnt);
/* For what is served before the program can say what memory it has: where the kernel puts all without
 * randomization. */
void displaced_init_early(struct displaced *displaced);
/* What @early moved is where it was moved to. Right behind displaced_init. */
void displaced_inherit(struct displaced *displaced, const struct displaced *early);
/* Where recorded @addr is at replay; 0: it would have to move, and there is no room. */
uint64_t displaced_to(struct displaced *displaced, uint64_t addr);
/* The recorded address whose place at replay is @addr, or is near it: @addr itself when it was not moved. */
uint64_t displaced_from(const struct displaced *displaced, uint64_t addr);
