// SPDX-License-Identifier: BSD-3-Clause
// An operation that is only called inside another one has no recordings, and it is said why.
// @says: op_inner: all its calls were made inside another operation, and belong to that
#include "case.h"

FUNC long op_inner(long number)
{
	USE(number);
	return number + 1;
}

FUNC long op_outer(long number)
{
	return op_inner(number) * 2;
}

int main(void)
{
	return op_outer(1) != 4;
}
