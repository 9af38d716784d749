// SPDX-License-Identifier: BSD-3-Clause
// A call of the start-up calls back into the program: served, it does so before the program is ready.
#include <string.h>

#include "case.h"

struct settings {
	int lines, price;
};

static struct settings settings;

FUNC int in_file(int line)
{
	return line * 100;
}

FUNC int set(void *ctx, const char *name, int value)
{
	struct settings *to = ctx;

	to->lines++;
	if (!strcmp(name, "price"))
		to->price = value + in_file(to->lines);
	return 0;
}

FUNC int read_settings(int (*visit)(void *ctx, const char *name, int value), void *ctx)
{
	return visit(ctx, "size", 3) + visit(ctx, "price", 7);
}

FUNC int handle(int n)
{
	return settings.lines * 1000 + settings.price * n;
}

int main(void)
{
	read_settings(set, &settings);
	return handle(2) == 2000 + 207 * 2 ? 0 : 1;
}
