// SPDX-License-Identifier: BSD-3-Clause
// Pointers into the middle of an object that another pointer, or the object itself, leads to.
#include <string.h>

struct item {
	int n;
	char name[12];
};
struct bag {
	struct item own[3];
	struct item *best;
	struct item *more;
	int more_cnt;
	struct item *last;
};

__attribute__((noinline)) struct item *choose(struct bag *bag, int n)
{
	bag->best = n ? &bag->more[1] : &bag->own[1];
	return &bag->own[2];
}

__attribute__((noinline)) int handle(struct bag *bag, struct item *first)
{
	int before = bag->best == &bag->own[2] && bag->last == bag->more + bag->more_cnt - 1 && first == bag->own;
	struct item *chosen = choose(bag, 1);
	int after = bag->best == &bag->more[1] && chosen == &bag->own[2];

	chosen = choose(bag, 0);
	return before + 2 * after + 4 * (bag->best == &bag->own[1]) + 8 * !strcmp(chosen->name, "third");
}

int main(void)
{
	struct item more[2] = {{10, "ten"}, {11, "eleven"}};
	struct bag bag = {{{1, "first"}, {2, "second"}, {3, "third"}}, &bag.own[2], more, 2, &more[1]};

	return handle(&bag, bag.own) == 15 ? 0 : 1;
}
