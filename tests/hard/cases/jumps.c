// SPDX-License-Identifier: BSD-3-Clause
// longjmp out of an input, out of an input of an input, out of an operation, and out of both at once. What
// comes after is right.
// @replay: equal|equalizer_failure 'in_get' cannot be served: when it was recorded it did not return
// (unwound)
#include <setjmp.h>
#include <stddef.h>

#include "case.h"

static jmp_buf inside, outside;

FUNC long in_get(long key)
{
	if (key == 13)
		longjmp(inside, 1);
	if (key == 14)
		longjmp(outside, 1);
	return key * 10;
}

FUNC long op_inputs(long number)
{
	volatile long sum = in_get(1);

	if (!setjmp(inside))
		sum += in_get(13);
	else
		sum += in_get(2);
	return sum + in_get(number);
}

FUNC long op_out(long number)
{
	long sum = in_get(number);

	if (number > 5)
		longjmp(outside, 2);
	return sum + in_get(14);
}

int main(void)
{
	volatile int wrong = 0;

	for (volatile long i = 4; i < 8; i++) {
		int way = setjmp(outside);

		if (!way)
			op_out(i);
		wrong += way != (i > 5 ? 2 : 1);
		wrong += op_inputs(i) != 30 + 10 * i;
	}
	return wrong;
}
