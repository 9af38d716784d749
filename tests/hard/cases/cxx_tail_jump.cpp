// SPDX-License-Identifier: BSD-3-Clause
// A function that ends by a jump returns elsewhere: with exceptions about, that is refused.
// @builds: *-O2-*
// @refused: the program may throw, so that the return of '_Z6handlei' must be seen at its 'ret' instructions: it may leave by the jump at 0x
// @refused: build it with -fno-optimize-sibling-calls, or say "nothrow": true
// @inside: records
#include <stdexcept>

#include "case.h"

FUNC int check(int x)
{
	if (x < 0)
		throw std::out_of_range("negative");
	return x + 1;
}

FUNC int handle(int x)
{
	return check(x * 2);
}

/* Behind it: the last function has no padding, and no room for a jump. */
FUNC int other(int x)
{
	return x - 1;
}

int main()
{
	return handle(3) == 7 && other(1) == 0 ? 0 : 1;
}
