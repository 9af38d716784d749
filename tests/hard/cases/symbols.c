// SPDX-License-Identifier: BSD-3-Clause
// Pointers into images have names: functions, static ones too, tables and places in them, what a library has.
// At replay they lead to what has that name in the build.
// @library: symbols_lib.inc
#include <stdlib.h>

#include "case.h"

typedef int (*visit_fn)(int n, void *ctx);
int scaled(int n, void *ctx); /* of the library */

struct ops {
	visit_fn first, second;
	void *table, *owner;
};

static const int weights[4] = {1, 10, 100, 1000};
static int state = 5;

static int doubled(int n, void *ctx)
{
	return 2 * n + (ctx == &state);
}

int plain(int n, void *ctx)
{
	USE(ctx);
	return n;
}

FUNC visit_fn choose(int which, struct ops *ops)
{
	ops->first = doubled;
	ops->second = which ? scaled : NULL;
	ops->table = (void *)&weights[2];
	return which > 1 ? plain : doubled;
}

FUNC int apply(visit_fn fn, void *ctx, void *owner)
{
	USE(owner);
	return fn(1, ctx);
}

FUNC int handle(visit_fn fn, int which)
{
	struct ops ops = {plain, plain, NULL, &state};
	visit_fn chosen = choose(which, &ops);
	int n = fn(3, ops.owner) + chosen(4, &n) + ops.first(5, NULL) + *(int *)ops.table;
	char *heap = malloc(1);

	n += apply(ops.second ? ops.second : plain, ops.table, heap) + apply(chosen, ops.owner, heap);
	free(heap);
	return n;
}

int main(void)
{
	return handle(doubled, 1) == 7 + 8 + 10 + 100 + 3 + 3 && handle(plain, 2) == 3 + 4 + 10 + 100 + 3 + 1
		       ? 0
		       : 1;
}
