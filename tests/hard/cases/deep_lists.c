// SPDX-License-Identifier: BSD-3-Clause
// Lists, trees and graphs of any depth: longer than 16, a ring in both directions, and one that depth cuts.
#include <stdio.h>
#include <stdlib.h>

#include "case.h"

#define LIST 40
#define TREE 60

struct item {
	int id;
	struct item *next;
};

struct tree {
	int key;
	struct tree *left, *right;
};

struct ring {
	const char *name;
	struct ring *next, *prev;
	struct ring *friend;
};

static struct item items[LIST];
static struct tree trees[TREE];

FUNC long sum_list(const struct item *list)
{
	long sum = 0;

	for (; list; list = list->next)
		sum += list->id;
	return sum;
}

FUNC long sum_tree(const struct tree *tree)
{
	return tree ? tree->key + sum_tree(tree->left) + sum_tree(tree->right) : 0;
}

FUNC int turn(struct ring *ring, const struct item *cut)
{
	int cnt = 0;
	struct ring *at = ring;

	do {
		cnt += at->name[0] + at->friend->name[0];
		at = at->next;
	} while (at != ring && at->next->prev == at);
	return cnt + cut->next->id;
}

FUNC long handle(struct item *list, struct tree *tree, struct ring *ring)
{
	long sum = sum_list(list) + sum_tree(tree) + turn(ring, list);

	/* What the recording does not have, a replay would miss here. */
	for (struct item *at = list; at; at = at->next)
		sum += at->id;
	return sum + tree->left->left->left->left->right->key;
}

static struct tree *plant(int from, int to)
{
	int mid = (from + to) / 2;

	if (from >= to)
		return NULL;
	trees[mid] = (struct tree){mid, plant(from, mid), plant(mid + 1, to)};
	return &trees[mid];
}

int main(void)
{
	struct ring a = {"ab"}, b = {"bc"}, c = {"cd"};
	long got;

	for (int i = 0; i < LIST; i++)
		items[i] = (struct item){i, i + 1 < LIST ? &items[i + 1] : NULL};
	a.next = b.prev = &b, a.next = &b, b.next = &c, c.next = &a;
	a.prev = &c, b.prev = &a, c.prev = &b;
	a.friend = &c, b.friend = &b, c.friend = &a;
	got = handle(items, plant(0, TREE), &a);
	return got == 2 * (LIST * (LIST - 1) / 2) + TREE * (TREE - 1) / 2 + 2 * ('a' + 'b' + 'c') + 1 + 2 ? 0
													  : 1;
}
