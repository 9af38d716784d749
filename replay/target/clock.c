// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/clock.h"

#include <cpuid.h>
#include <time.h>

#include "replay/target/engine.h"
#include "replay/target/syscalls.h"

#define LEAF_POWER    0x80000007u /* AMD APM 3, E.4.6; Intel SDM 2A, CPUID */
#define INVARIANT_TSC (1u << 8)	  /* of edx */
#define SHIFT	      32

struct look {
	uint64_t ns, ticks;
};

static ENGINE_WRITTEN struct look first, last;
static ENGINE_WRITTEN uint64_t rate; /* ns a tick, shifted; 0: the kernel is asked */

uint64_t clock_exact_ns(void)
{
	struct timespec now = {};

	SYSCALL(SYS_clock_gettime, CLOCK_MONOTONIC, &now, 0, 0);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int is_steady(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(LEAF_POWER, &a, &b, &c, &d) && d & INVARIANT_TSC;
}

void clock_look(void)
{
	uint64_t ns, ticks;

	last = (struct look){clock_exact_ns(), __builtin_ia32_rdtsc()};
	if (!first.ns && is_steady())
		first = last;
	ns = last.ns - first.ns;
	ticks = last.ticks - first.ticks;
	for (; ns >> SHIFT; ns >>= 1)
		ticks >>= 1;
	rate = first.ns && ticks ? (ns << SHIFT) / ticks : 0;
}

uint64_t clock_now_ns(void)
{
	uint64_t ticks;

	if (!rate)
		return clock_exact_ns();
	ticks = __builtin_ia32_rdtsc();
	/* Another processor's counter may be a little behind. */
	if (ticks < last.ticks)
		return last.ns;
	return last.ns + (uint64_t)(((unsigned __int128)(ticks - last.ticks) * rate) >> SHIFT);
}
