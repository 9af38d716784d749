// SPDX-License-Identifier: BSD-3-Clause
#include "lib/clock.h"

#include <time.h>

#define NS_PER_S  1000000000ll
#define NS_PER_MS 1000000

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

uint64_t clock_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_ms(void)
{
	return clock_ns() / NS_PER_MS;
}

int64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}
