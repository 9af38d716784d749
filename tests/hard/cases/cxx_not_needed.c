// SPDX-License-Identifier: BSD-3-Clause
// A program in C that C++'s library is merely mapped into: recorded all the same.
// @flags: -Wl,--no-as-needed -lstdc++
#include "case.h"

FUNC int twice(int x)
{
	return 2 * x;
}

FUNC int handle(int x)
{
	return twice(x) + twice(x + 1);
}

int main(void)
{
	return handle(3) == 14 ? 0 : 1;
}
