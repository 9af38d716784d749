// SPDX-License-Identifier: BSD-3-Clause
// Buffers of 1 MiB, in and out, and a long array: several events each.
#include <stdlib.h>

#include "case.h"

#define MIB (1 << 20)

FUNC int load(unsigned char *buf, int len, int salt)
{
	for (int i = 0; i < len; i++)
		buf[i] = i / 4096 + salt;
	return len;
}

FUNC unsigned store(const unsigned char *buf, unsigned len, const int *numbers, int cnt)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < len; i++)
		sum = sum * 31 + buf[i];
	for (int i = 0; i < cnt; i++)
		sum += numbers[i];
	return sum;
}

FUNC unsigned handle(const unsigned char *text, int len)
{
	unsigned char *buf = malloc(MIB);
	int *numbers = calloc(30000, sizeof(*numbers));
	int n = load(buf, MIB, text[len - 1]);
	unsigned sum;

	for (int i = 0; i < 30000; i++)
		numbers[i] = i / 1000;
	sum = store(buf, n, numbers, 30000);
	free(numbers);
	free(buf);
	return sum;
}

int main(void)
{
	unsigned char *text = calloc(1, MIB + 100);
	unsigned a, b;

	for (int i = 0; i < MIB + 100; i++)
		text[i] = i >> 15;
	a = handle(text, MIB - 1);
	b = handle(text, MIB);
	return a == b ? 0 : 1;
}
