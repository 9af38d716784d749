/* SPDX-License-Identifier: BSD-3-Clause */
/* What many comparisons came to: by category, and by cause. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "replay/verdict.h"

struct cJSON;
struct err;

#define TALLY_CATEGORIES_MAX 4096
#define TALLY_CAUSES_MAX     4096 /* the comparisons of further ones are in the categories all the same */
#define TALLY_CAUSES_SHOWN   20
#define TALLY_ALSO_MAX	     3 /* further places that are named */

struct tally {
	struct tally_category {
		char name[CATEGORY_MAX + 1];
		size_t by_verdict[VERDICT_CNT];
		size_t accepted; /* of those that are not equal */
	} * categories;
	struct tally_cause {
		char *text; /* what differs first */
		size_t cnt; /* recordings */
		char *also[TALLY_ALSO_MAX +
			   1]; /* what else differs in some of them; the last stands for the rest */
		struct recording_key first;
	} * causes;
	size_t categories_cnt, causes_cnt;
};

int tally_add(struct tally *tally, const struct comparison *comparison, bool is_accepted, struct err *err);
/* Causes, the commonest first. */
void tally_print_causes(struct tally *tally);
void tally_print_categories(const struct tally *tally);
/* {"type": "category", ...}; NULL: no memory. */
struct cJSON *tally_category_json(const struct tally_category *category);
void tally_release(struct tally *tally);
