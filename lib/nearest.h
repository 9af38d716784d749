/* SPDX-License-Identifier: BSD-3-Clause */
/* "did you mean": the nearest of a list of names by edit distance. */
#pragma once

#include <stddef.h>

struct nearest {
	const char *want;
	const char *best; /* borrowed from the last nearest_try that won; NULL when nothing is near */
	size_t distance;
};

void nearest_init(struct nearest *n, const char *want);
/* Offer a name; it wins when it is nearer than what was offered, and near enough to be meant. */
void nearest_try(struct nearest *n, const char *name);
