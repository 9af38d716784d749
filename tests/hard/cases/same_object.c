// SPDX-License-Identifier: BSD-3-Clause
// Calls that give the same pointer again: a lookup, a buffer that each call fills anew, and memory that was
// freed between two calls, so that another object lies where the first one lay.
#include <stdlib.h>
#include <string.h>

struct account {
	int id, cents;
};

static struct account accounts[2] = {{11, 500}, {22, 900}};
static char line[16];
static volatile int lookups; /* or a compiler would call once for two */

__attribute__((noinline)) struct account *find(int id)
{
	lookups++;
	for (int i = 0; i < 2; i++)
		if (accounts[i].id == id)
			return &accounts[i];
	return NULL;
}

__attribute__((noinline)) char *read_line(int n)
{
	char *volatile out = line; /* or a caller would know it, and not look at what is returned */

	return strcpy(out, n ? "one;two" : "1;2;3;4");
}

__attribute__((noinline)) int *make(int n)
{
	int *out = malloc(sizeof(*out));

	*out = n;
	return out;
}

__attribute__((noinline)) int handle(int from, int to)
{
	struct account *a = find(from), *b = find(to), *again = find(from);
	int *first, *second, sum, words = 0;

	if (a == b)
		return -1;
	a->cents -= 100;
	b->cents += 100;
	again->cents -= 1;
	for (char *word = strtok(read_line(0), ";"); word; word = strtok(NULL, ";"))
		words++;
	for (char *word = strtok(read_line(1), ";"); word; word = strtok(NULL, ";"))
		words++;
	first = make(3);
	free(first);
	first = make(4);
	second = make(5);
	*first += 10;
	sum = *first + *second;
	free(first);
	free(second);
	return (a == again) * 1000 + a->cents + words * 10000 + sum * 1000000;
}

int main(void)
{
	return handle(11, 22) == 19061399 && handle(22, 22) == -1 ? 0 : 1;
}
