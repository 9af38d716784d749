// SPDX-License-Identifier: BSD-3-Clause
// An input that calls back into the program what is not configured: served, it does not, and that is said.
// @replay: different note: 'each' was given a function ('visit', add): it is not called again while 'each' is served, unless it is one of the "callbacks"
#include "case.h"

static int sum;

FUNC int add(int n)
{
	sum += n;
	return n;
}

FUNC int each(int n, int (*visit)(int))
{
	for (int i = 0; i < n; i++)
		visit(i);
	return n;
}

FUNC int handle(int n)
{
	int visited = each(n, add);

	return visited * 100 + sum;
}

int main(void)
{
	return handle(4) == 406 ? 0 : 1;
}
