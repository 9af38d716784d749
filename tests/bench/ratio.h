/* SPDX-License-Identifier: BSD-3-Clause */
/* Ratios of things measured in turn, in one run, so that what disturbs one disturbs the other. */
#pragma once

#include <stdbool.h>

#define RATIO_ROUNDS_MAX 64

struct ratio {
	const char *what;
	double limit;						    /* 0: none */
	bool is_least;						    /* the limit is what it must reach */
	double ours[RATIO_ROUNDS_MAX], reference[RATIO_ROUNDS_MAX]; /* ns a call, or any other unit */
	int rounds;
};

void ratio_add(struct ratio *ratio, double ours, double reference);
/* A line of the table. Beyond the limit is what is so both by the best rounds and by the median of the
 * rounds' ratios. */
bool ratio_print(const struct ratio *ratio);
void ratio_print_head(const char *title);
