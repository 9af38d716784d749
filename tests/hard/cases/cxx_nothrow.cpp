// SPDX-License-Identifier: BSD-3-Clause
// A function that ends by a jump, of which the configuration says that nothing passes through it.
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
