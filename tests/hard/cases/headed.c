// SPDX-License-Identifier: BSD-3-Clause
// An allocator that keeps a header before what it gives, as sqlite's does: what was served is freed, or grows, from
// there, where neither the recording nor malloc has anything.
#include <stdlib.h>
#include <string.h>

#define KEEP __attribute__((noinline))

static void *give(size_t len)
{
	size_t *block = malloc(sizeof(*block) + len);

	*block = len;
	return block + 1;
}

static void *grow(void *given, size_t len)
{
	size_t *block = realloc((size_t *)given - 1, sizeof(*block) + len);

	*block = len;
	return block + 1;
}

KEEP char *message(int code)
{
	char *out = give(40);

	strcpy(out, code > 1 ? "there is no such table" : "syntax error");
	return out;
}

KEEP int *numbers(int n)
{
	int *out = give(4 * sizeof(*out));

	for (int i = 0; i < 4; i++)
		out[i] = n + i;
	return out;
}

KEEP int handle(int code)
{
	char *text = message(code);
	int *all = numbers(code), sum = strlen(text);

	free((size_t *)text - 1);
	all = grow(all, 4000 * sizeof(*all));
	for (int i = 4; i < 4000; i++)
		all[i] = i;
	for (int i = 0; i < 4000; i++)
		sum += all[i];
	free((size_t *)all - 1);
	return sum;
}

int main(void)
{
	return handle(1) == 7998016 && handle(2) == 7998030 ? 0 : 1;
}
