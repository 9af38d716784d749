// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/huge.h"

#include "replay/target/maps.h"
#include "replay/target/syscalls.h"

#define COLLAPSE 25 /* MADV_COLLAPSE of asm-generic/mman-common.h */
#define PAGE	 (2ull << 20)
/* Of one call: each has the kernel wait for all processors, and some failures end it. */
#define STEP	 (32 * PAGE)
#define MAPS_MAX 64

struct large {
	unsigned long long from[MAPS_MAX], to[MAPS_MAX];
	unsigned cnt;
};

static void add(const struct maps_line *line, void *ctx)
{
	struct large *large = ctx;

	if (line->inode || line->permissions[1] != 'w' || line->permissions[3] != 'p' ||
	    line->to - line->from < HUGE_MIN || large->cnt == MAPS_MAX)
		return;
	large->from[large->cnt] = (line->from + PAGE - 1) & ~(PAGE - 1);
	large->to[large->cnt++] = line->to & ~(PAGE - 1);
}

/* What cannot be collapsed (never touched, shared, no memory left) stays as it is. */
void huge_collapse(void)
{
	struct large large = {};

	maps_each(add, &large);
	for (unsigned i = 0; i < large.cnt; i++)
		for (unsigned long long at = large.from[i]; at < large.to[i]; at += STEP) {
			unsigned long long left = large.to[i] - at;

			SYSCALL(SYS_madvise, at, left < STEP ? left : STEP, COLLAPSE, 0);
		}
}
