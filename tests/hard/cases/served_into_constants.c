// SPDX-License-Identifier: BSD-3-Clause
// What an input returns lies in the constants that it was given: it cannot be written there, and is there.
#include <string.h>

#include "case.h"

struct row {
	const char *name;
	int v;
};

static const struct row table[] = {{"a", 1}, {"b", 2}};

FUNC const char *setting(const char *key, const char *otherwise)
{
	return key[0] == 'x' ? "set" : otherwise;
}

FUNC const struct row *find(const struct row *rows, int n, int v)
{
	for (int i = 0; i < n; i++)
		if (rows[i].v == v)
			return rows + i;
	return 0;
}

FUNC int handle(int v)
{
	const struct row *row = find(table, 2, v);
	const char *text = setting(v ? "xkey" : "key", "default");

	return strlen(text) + (row ? row->name[0] + (row == &table[v - 1]) : -1);
}

int main(void)
{
	return handle(0) == 6 && handle(1) == 3 + 'a' + 1 && handle(2) == 3 + 'b' + 1 && handle(3) == 2 ? 0
													: 1;
}
