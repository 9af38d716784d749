// SPDX-License-Identifier: BSD-3-Clause
// clang before 18 splits an __int128 for which one register is left, and aligns one on the stack otherwise.
// @builds: clang-*
// @refused: 'wide' takes the 128-bit integer 'v' where clang before version 18 differs from the ABI
#include "case.h"

FUNC long wide(int a, int b, int c, int d, int e, __int128 v, long after)
{
	return a + b + c + d + e + (long)(v >> 64) + after;
}

int main(void)
{
	return wide(1, 2, 3, 4, 5, (__int128)6 << 64, 7) == 28 ? 0 : 1;
}
