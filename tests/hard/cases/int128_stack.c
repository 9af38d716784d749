// SPDX-License-Identifier: BSD-3-Clause
// 128-bit integers that find no two registers are on the stack, aligned to 16. Older clang does otherwise and
// is refused.
// @builds: gcc-*
#include "case.h"

typedef __int128 i128;

FUNC long get(int a, i128 b, int c, i128 d, int e, i128 on_stack, char f, i128 also)
{
	USE(f);
	return a + (long)b + c + (long)(d >> 64) + e + (long)(on_stack >> 100) + (long)(also - on_stack);
}

FUNC long handle(int n)
{
	i128 big = (i128)n << 100;

	return get(1, -2, 3, (i128)4 << 64, 5, big, 'f', big + 6);
}

int main(void)
{
	return handle(7) == 1 - 2 + 3 + 4 + 5 + 7 + 6 ? 0 : 1;
}
