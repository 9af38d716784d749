// SPDX-License-Identifier: BSD-3-Clause
// Inputs that call back into the program: what they called is called again, with rows and the program's own context,
// and what that calls in its turn is answered. One callback leaves its input by longjmp.
#include <setjmp.h>
#include <string.h>

#include "case.h"

struct row {
	int id;
	const char *name;
	double price;
};

struct totals {
	int rows;
	double sum;
	long letters;
	jmp_buf enough;
};

typedef int (*on_row_t)(void *ctx, const struct row *row, int last);

FUNC int in_weight(int id)
{
	return id * 10;
}

FUNC void out_seen(const char *name, double price)
{
	USE(name);
	USE(&price);
}

FUNC int on_row(void *ctx, const struct row *row, int last)
{
	struct totals *totals = ctx;

	totals->rows++;
	totals->sum += row->price * in_weight(row->id);
	totals->letters += strlen(row->name);
	out_seen(row->name, totals->sum);
	return last ? 1 : 0;
}

FUNC int until_pear(void *ctx, const struct row *row, int last)
{
	struct totals *totals = ctx;

	USE(last);
	if (!strcmp(row->name, "pear"))
		longjmp(totals->enough, row->id);
	totals->rows += 100;
	return 0;
}

/* Its own calls of inputs are inside it. */
FUNC int db_each(const char *table, on_row_t on_row, void *ctx)
{
	static const struct row rows[] = {{1, "apple", 1.5}, {2, "pear", 2.25}, {3, "fig", 4}};
	int stopped = 0;

	for (int i = 0; i < 3 && !stopped; i++) {
		struct row row = rows[i];

		if (*table == 'f')
			USE(in_weight(i));
		stopped = on_row(ctx, &row, i == 2);
	}
	return stopped;
}

FUNC long handle(const char *table)
{
	struct totals totals = {};
	int stopped = db_each(table, on_row, &totals), at;

	at = setjmp(totals.enough);
	if (!at)
		db_each("pears", until_pear, &totals);
	return totals.rows * 10000 + totals.sum + totals.letters * 1000000 + stopped * 1000 + at;
}

int main(void)
{
	return handle("fruit") == 12000000 + 103 * 10000 + 15 + 45 + 120 + 1000 + 2 ? 0 : 1;
}
