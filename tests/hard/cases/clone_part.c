// SPDX-License-Identifier: BSD-3-Clause
// gcc inlines the quick way out of a function and calls the rest of it: no call is one of the function.
// @builds: gcc-O2-*
// @refused: 'look_up' no longer takes its parameters as written: the compiler left only the copy 'look_up.part.0'
#include <stdlib.h>

static int hits[16];

static int look_up(int key)
{
	if (key < 0)
		return -1;
	for (int i = 0; i < 16; i++) {
		hits[i] += rand() * key;
		if (hits[i] % 7 == key)
			abort();
		hits[(i + key) % 16] ^= hits[i] + rand();
		hits[(i + 2 * key) % 16] ^= hits[i] - rand();
	}
	return hits[key % 16];
}

__attribute__((noinline)) int handle(int a, int b)
{
	int sum = look_up(a);

	if (a > 100)
		sum += look_up(b);
	return sum + look_up(a + b) + look_up(b - 7);
}

int main(int argc, char **argv)
{
	handle(-1, -2);
	return 0;
}
