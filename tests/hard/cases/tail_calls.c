// SPDX-License-Identifier: BSD-3-Clause
// Functions that end by jumping to another at -O2: each has its own return, and the value is all's.
#include "case.h"

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

/* Ends in another input, which is its own affair. */
FUNC long in_first(long key)
{
	USE(key);
	return in_get(key + 1);
}

FUNC void out_put(long value)
{
	USE(value);
}

FUNC long op_ends_in_input(long number)
{
	long value = in_get(number);

	return in_first(value);
}

FUNC void op_ends_in_output(long number)
{
	out_put(in_get(number));
}

/* An operation that ends in another is left when that is. */
FUNC long op_ends_in_operation(long number)
{
	return op_ends_in_input(in_get(number));
}

int main(void)
{
	for (int i = 0; i < 3; i++) {
		if (op_ends_in_input(i) != i * 100 + 10 || op_ends_in_operation(i) != i * 1000 + 10)
			return 1;
		op_ends_in_output(i);
	}
	return 0;
}
