// SPDX-License-Identifier: BSD-3-Clause
// One object by two ways, a cycle, a pointer into the middle of another object, and NULL.
#include "case.h"

struct node {
	int value;
	struct node *next, *other;
};

FUNC int walk(struct node *head, struct node *tail, const int *inside)
{
	return head->value + head->next->value + tail->value + *inside + (head->other ? 1 : 0);
}

FUNC int handle(struct node *ring, int *inside)
{
	return walk(ring, ring->next->next, &ring->next->value) + *inside;
}

int main(void)
{
	struct node a = {1}, b = {2}, c = {3};

	a.next = &b;
	b.next = &c;
	c.next = &a;
	c.other = &b;
	return handle(&a, &b.value) == 1 + 2 + 3 + 2 + 0 + 2 ? 0 : 1;
}
