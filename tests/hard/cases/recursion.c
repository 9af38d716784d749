// SPDX-License-Identifier: BSD-3-Clause
// Recursion far deeper than the 64 returns that a kernel hooks in a thread: of inputs and of operations,
// whose inner calls are plain code. What is called at its bottom is recorded.
#include "case.h"

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

FUNC long in_deep(long depth)
{
	long below = depth ? in_deep(depth - 1) : 7;

	USE(below);
	return below + 1;
}

FUNC long op_deep(long depth)
{
	long below = depth ? op_deep(depth - 1) : in_get(3) + in_deep(100);

	USE(below);
	return below + 1;
}

int main(void)
{
	return op_deep(200) != 201 + 30 + 108 || op_deep(0) != 1 + 30 + 108;
}
