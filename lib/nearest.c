// SPDX-License-Identifier: BSD-3-Clause
#include "lib/nearest.h"

#include <string.h>

#include "lib/util.h"

/* Longer names are not compared: nobody retypes a mangled name of that length by hand. */
#define NAME_LEN_MAX 128

/* A third of the name may be wrong; of the shortest names one letter. */
static size_t limit(size_t len)
{
	return (len + 2) / 3;
}

void nearest_init(struct nearest *n, const char *want)
{
	*n = (struct nearest){.want = want, .distance = limit(strlen(want)) + 1};
}

/* Insertions, deletions, replacements and swaps of neighbours, each at the price of one. */
static size_t edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][NAME_LEN_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN(best, above[j] + 1);
			best = MIN(best, row[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, before[j - 2] + 1);
			row[j] = best;
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[b_len];
}

void nearest_try(struct nearest *n, const char *name)
{
	size_t want_len = strlen(n->want), len = strlen(name);
	size_t apart = want_len > len ? want_len - len : len - want_len;
	size_t distance;

	if (want_len > NAME_LEN_MAX || len > NAME_LEN_MAX || apart >= n->distance)
		return;
	distance = edits(n->want, want_len, name, len);
	if (distance >= n->distance || distance >= MAX(want_len, len))
		return;
	n->best = name;
	n->distance = distance;
}
