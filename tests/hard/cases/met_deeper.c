// SPDX-License-Identifier: BSD-3-Clause
// An object is met at the depth limit first and nearer later: it is shown again, as far as the nearer pointer reaches,
// its calls are found by their keys, and at replay it is one object all the same.
#include <stddef.h>

#include "case.h"

struct node {
	int id;
	struct node *next;
};

FUNC int look(const struct node *far, const struct node *near)
{
	return far->id * 100 + near->next->next->id;
}

FUNC int handle(struct node *far, struct node *near)
{
	int sum = look(far, near);

	near->next->next->id = 9;
	sum += look(far, near);
	far->next->next->id = 7; /* *near */
	return sum * 10 + near->id;
}

int main(void)
{
	struct node five = {5, NULL}, four = {4, &five}, three = {3, &four}, two = {2, &three}, one = {1, &two};

	return handle(&one, &three) == (105 + 109) * 10 + 7 ? 0 : 1;
}
