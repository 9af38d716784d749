// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/ratio.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void ratio_add(struct ratio *ratio, double ours, double reference)
{
	assert(ratio->rounds < RATIO_ROUNDS_MAX && reference > 0);
	ratio->ours[ratio->rounds] = ours;
	ratio->reference[ratio->rounds++] = reference;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double least(const double *values, int cnt)
{
	double best = values[0];

	for (int i = 1; i < cnt; i++)
		if (values[i] < best)
			best = values[i];
	return best;
}

void ratio_print_head(const char *title)
{
	printf("\n%-44s %10s %10s %8s %8s %8s\n", title, "ours", "reference", "by best", "median", "limit");
}

static bool is_beyond(const struct ratio *ratio, double value)
{
	return ratio->is_least ? value < ratio->limit : value > ratio->limit;
}

bool ratio_print(const struct ratio *ratio)
{
	double ours = least(ratio->ours, ratio->rounds), reference = least(ratio->reference, ratio->rounds);
	double ratios[RATIO_ROUNDS_MAX], median;
	bool is_over;

	for (int i = 0; i < ratio->rounds; i++)
		ratios[i] = ratio->ours[i] / ratio->reference[i];
	qsort(ratios, ratio->rounds, sizeof(*ratios), by_size);
	median = ratios[ratio->rounds / 2];
	is_over = ratio->limit && is_beyond(ratio, ours / reference) && is_beyond(ratio, median);
	printf("%-44s %10.1f %10.1f %8.2f %8.2f ", ratio->what, ours, reference, ours / reference, median);
	if (ratio->limit)
		printf("%8.2f %s\n", ratio->limit, !is_over ? "ok" : ratio->is_least ? "UNDER" : "OVER");
	else
		printf("%8s\n", "-");
	return !is_over;
}
