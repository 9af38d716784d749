// SPDX-License-Identifier: BSD-3-Clause
// The unlikely part of a function lies elsewhere, under the name FUNCTION.cold: calls are those of the function.
#include <stdio.h>
#include <stdlib.h>

__attribute__((cold, noinline)) static void complain(int amount)
{
	fprintf(stderr, "an amount of %d\n", amount);
}

__attribute__((noinline)) int rate_of(int amount)
{
	if (__builtin_expect(amount < 0, 0)) {
		complain(amount);
		complain(-amount);
		return -1;
	}
	return amount * 3;
}

__attribute__((noinline)) int handle(int amount)
{
	return rate_of(amount) + rate_of(-amount);
}

int main(void)
{
	return handle(5) == 14 ? 0 : 1;
}
