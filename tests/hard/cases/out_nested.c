// SPDX-License-Identifier: BSD-3-Clause
// Several out-parameters, each with pointers of its own, old ones and new ones; one is a struct passed by
// value.
#include <stdlib.h>
#include <string.h>

#include "case.h"

struct leaf {
	int n;
	const char *name;
};
struct box {
	int id;
	struct leaf *leaf;
};
struct view {
	struct leaf *first, *second;
};

FUNC int fill(struct box *a, struct box *b, struct leaf **made, struct view view, int *count)
{
	a->id = 1;
	a->leaf->n = 11;
	b->id = 2;
	b->leaf = malloc(sizeof(*b->leaf));
	*b->leaf = (struct leaf){22, "new"};
	*made = malloc(sizeof(**made));
	**made = (struct leaf){33, "made"};
	view.first->n = 44;
	view.second->name = "second";
	*count = 5;
	return 0;
}

FUNC int handle(int x)
{
	struct leaf old = {x, "old"}, one = {1, "one"}, two = {2, "two"}, *made = NULL;
	struct box a = {0, &old}, b = {0, &two};
	int count = 0;

	fill(&a, &b, &made, (struct view){&one, &two}, &count);
	return a.id + a.leaf->n + b.id + b.leaf->n + strlen(b.leaf->name) + made->n + strlen(made->name) +
	       one.n + strlen(two.name) + count;
}

int main(void)
{
	return handle(3) == 1 + 11 + 2 + 22 + 3 + 33 + 4 + 44 + 6 + 5 ? 0 : 1;
}
