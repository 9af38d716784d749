// SPDX-License-Identifier: BSD-3-Clause
// Signal handlers that run in the middle of an operation, on the same stack: what they call belongs to it.
// One that comes inside an input is the input's affair.
#include <signal.h>
#include <stddef.h>

#include "case.h"

static volatile long heard;

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

FUNC long in_raise(int sig)
{
	raise(sig);
	return sig + 1;
}

static void on_signal(int sig)
{
	heard = in_get(sig);
}

FUNC long op_interrupted(int sig)
{
	long sum = in_get(1);

	raise(sig);
	sum += heard;
	return sum + in_raise(sig) + in_get(3);
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 2; i++)
		if (op_interrupted(SIGUSR1) != 10 + 100 + 11 + 30)
			return 1;
	return 0;
}
