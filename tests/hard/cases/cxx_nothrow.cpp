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

int main()
{
	return handle(3) == 7 ? 0 : 1;
}
