// SPDX-License-Identifier: BSD-3-Clause
// No debug information at all: declarations in the configuration say what the functions take.
// @flags: -g0 -rdynamic
#include <stdlib.h>

struct rates {
	int of[2];
};

__attribute__((noinline)) long rate_of(struct rates *rates, const char *currency, short digits)
{
	__asm__ volatile("");
	return rates->of[currency[0] == 'U'] * 10 + digits;
}

static struct rates rates = {{69, 70}};

__attribute__((noinline)) int convert(const int *amounts, unsigned long len, unsigned char *text)
{
	text[0] = 'A' + amounts[len - 1] % 10;
	text[1] = 'B';
	return amounts[0] * (int)rate_of(&rates, "EUR", -3);
}

int main(void)
{
	int amounts[3] = {14, 2, 3};
	unsigned char text[2] = "";

	return convert(amounts, 3, text) == 14 * 687 ? 0 : 1;
}
