// SPDX-License-Identifier: BSD-3-Clause
// The same where the kernel hooks whatever has a return probe, as before 6.13: the returns of what is called
// below the 64th are not seen, and said to be missing.
// @record: --two-links
// @replay: equal|equalizer_failure
// @inside: --two-links needs --engine bpf
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
