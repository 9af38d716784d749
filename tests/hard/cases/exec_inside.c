// SPDX-License-Identifier: BSD-3-Clause
// An operation in which the process becomes another program has ended with it.
// @says: processes run another program by now: recording of them ended
// @replay: equal|failed the program ended without a word (exit status 0)
// @inside: less
#include <stddef.h>
#include <unistd.h>

#include "case.h"

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

FUNC long op_becomes(long number)
{
	USE(in_get(number));
	execl("/bin/true", "true", NULL);
	return -1;
}

FUNC long op_stays(long number)
{
	return in_get(number);
}

/* Behind it: the last function has no padding, and no room for a jump. */
FUNC long other(long x)
{
	USE(x);
	return x - 1;
}

int main(void)
{
	return other(1) || op_stays(1) != 10 || op_becomes(2);
}
