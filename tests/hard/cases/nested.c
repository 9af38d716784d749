// SPDX-License-Identifier: BSD-3-Clause
// An operation inside another is plain code: what it calls belongs to the outer one. By itself it is one.
#include "case.h"

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

FUNC void out_put(long value)
{
	USE(value);
}

FUNC long op_inner(long number)
{
	long value = in_get(number);

	out_put(value);
	return value + 1;
}

/* An input inside an input is the outer one's affair. */
FUNC long in_outer(long key)
{
	return in_get(key) + 5;
}

FUNC long op_outer(long number)
{
	long sum = op_inner(number) + in_get(number + 1) + in_outer(number);

	out_put(sum);
	return sum;
}

int main(void)
{
	return op_outer(1) != 11 + 20 + 15 || op_inner(4) != 41 || op_outer(2) != 21 + 30 + 25;
}
