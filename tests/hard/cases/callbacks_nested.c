// SPDX-License-Identifier: BSD-3-Clause
// An input that a callback calls, and that calls back in its turn: its callbacks are not recorded, and that is said.
// @replay: different note: 'each_cell' was given a function ('visit', on_cell): it is not called again while 'each_cell' is served
#include "case.h"

static int cells;

FUNC int on_cell(int n)
{
	cells += n;
	return 0;
}

FUNC int each_cell(int n, int (*visit)(int))
{
	for (int i = 0; i < n; i++)
		visit(i);
	return n;
}

FUNC long on_row(int n)
{
	return each_cell(n, on_cell);
}

FUNC int each_row(int n, long (*visit)(int))
{
	int sum = 0;

	for (int i = 1; i <= n; i++)
		sum += visit(i);
	return sum;
}

FUNC int handle(int n)
{
	return each_row(n, on_row) * 100 + cells;
}

int main(void)
{
	return handle(3) == 600 + 0 + 1 + 3 ? 0 : 1;
}
