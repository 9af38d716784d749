// SPDX-License-Identifier: BSD-3-Clause
#include "lib/cassette_driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_FIRST 64

int names_add(struct names *names, const char *name, size_t len)
{
	if (names->cnt == NAMES_MAX)
		return -EFBIG;
	if (names->cnt == names->cap) {
		size_t cap = names->cap ? 2 * names->cap : NAMES_FIRST;
		char **new = realloc(names->name, cap * sizeof(*new));

		if (!new)
			return -ENOMEM;
		names->name = new;
		names->cap = cap;
	}
	names->name[names->cnt] = strndup(name, len);
	if (!names->name[names->cnt])
		return -ENOMEM;
	names->cnt++;
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int names_each(struct names *names, int (*fn)(const char *name, void *ctx), void *ctx)
{
	int r = 0;

	if (names->cnt)
		qsort(names->name, names->cnt, sizeof(*names->name), by_bytes);
	for (size_t i = 0; !r && i < names->cnt; i++)
		if (!i || strcmp(names->name[i], names->name[i - 1]) != 0)
			r = fn(names->name[i], ctx);
	return r;
}

void names_release(struct names *names)
{
	for (size_t i = 0; i < names->cnt; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct names){};
}
