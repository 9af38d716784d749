// SPDX-License-Identifier: BSD-3-Clause
// One function with two names: calls by either are calls of what is configured.
#include <stdlib.h>

__attribute__((noinline)) int rate_of(int day)
{
	__asm__ volatile("");
	return day * 7;
}

extern __typeof(rate_of) price_of __attribute__((alias("rate_of")));
extern __typeof(rate_of) weak_of __attribute__((weak, alias("rate_of")));

__attribute__((noinline)) int handle(int day)
{
	return rate_of(day) + price_of(day + 1) + weak_of(day + 2);
}

int main(void)
{
	return handle(1) == 42 ? 0 : 1;
}
