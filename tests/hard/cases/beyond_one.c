// SPDX-License-Identifier: BSD-3-Clause
// A pointer to many that was recorded as a pointer to one: what lies behind that one is not made up.
// @replay: equalizer_failure get_items's result read at offset
// say with
#include <stdlib.h>

#include "case.h"

struct item {
	int price, cnt;
};

FUNC struct item *get_items(int n)
{
	struct item *items = calloc(n, sizeof(*items));

	for (int i = 0; i < n; i++)
		items[i] = (struct item){10 * i + 1, 1};
	return items;
}

FUNC int handle(int n)
{
	struct item *items = get_items(n);
	int sum = 0;

	for (int i = 0; i < n; i++)
		sum += items[i].price * items[i].cnt;
	free(items);
	return sum;
}

int main(void)
{
	return handle(3) == 33 ? 0 : 1;
}
