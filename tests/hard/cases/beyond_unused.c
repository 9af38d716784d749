// SPDX-License-Identifier: BSD-3-Clause
// A difference that does not hang on what was read beyond the recorded stays a difference.
// @replay: different 'return' differs; besides, get_items's result read at offset 8 in handle: record at
// least 2 struct item
#include <stdlib.h>
#include <sys/resource.h>

#include "case.h"

struct item {
	int price, cnt;
};

FUNC struct item *get_items(int n)
{
	return calloc(n, sizeof(struct item));
}

FUNC int handle(int n)
{
	struct item *items = get_items(n);
	int last = items[n - 1].price;
	struct rlimit limit;

	free(items);
	/* The sandbox has a limit. */
	getrlimit(RLIMIT_FSIZE, &limit);
	return 2 + (limit.rlim_cur == RLIM_INFINITY) + (last == -1);
}

int main(void)
{
	return handle(2) == 3 ? 0 : 1;
}
