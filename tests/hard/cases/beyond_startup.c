// SPDX-License-Identifier: BSD-3-Clause
// The same of an object that a call of the start-up gave, which is there before the recording is played; read by the
// first instructions of the operation.
// @replay: equalizer_failure op's 'd->tab' read at offset 12 in op: record at least 4 int: say with
#include <stdlib.h>

#include "case.h"

struct db {
	int *tab;
	int cnt;
};

FUNC struct db *db_open(void)
{
	struct db *d = calloc(1, sizeof(*d));

	d->tab = malloc(5 * sizeof(*d->tab));
	for (int i = 0; i < 5; i++)
		d->tab[i] = i * i;
	return d;
}

FUNC int op(struct db *d)
{
	return d->tab[3];
}

int main(void)
{
	return op(db_open()) == 9 ? 0 : 1;
}
