// SPDX-License-Identifier: BSD-3-Clause
// time() and gettimeofday() run in the vDSO, where no probe can be: they are probed where they are called.
#include <sys/time.h>
#include <time.h>

__attribute__((noinline)) long handle(long early)
{
	struct timeval now;
	time_t stored = 0, at = time(&stored);

	if (gettimeofday(&now, NULL) || stored != at || now.tv_sec < at)
		return -1;
	return at > early;
}

int main(void)
{
	return handle(1700000000) == 1 ? 0 : 1;
}
