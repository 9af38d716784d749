/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the comparison share. */
#pragma once

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/config_compare.h"
#include "lib/expr.h"
#include "replay/compare.h"

#define PAIRS_MAX	      1024 /* REFs followed in one comparison */
#define ARRAY_DIFFERENCES_MAX 20   /* elements of one array that are reported; the rest is counted */
#define REORDERED_MAX	      4096 /* elements; longer arrays are compared in their order */

/* A rule, parsed: where it holds, and what it says. */
struct pattern {
	const struct compare_rule *rule;
	struct path path; /* of UNORDERED and KEYED without the last [] */
	struct path key;  /* KEYED */
	regex_t regex;	  /* where the rule has a pattern */
};

struct patterns {
	struct pattern *row;
	size_t cnt;
};

struct pair {
	const struct value *recorded, *replayed;
};

struct comparer {
	struct differences *out;
	const char *prefix;
	struct patterns patterns;
	struct handle_map *handles;
	bool is_dry;	  /* only count: are these two equal? */
	size_t dry_found; /* differences */
	unsigned depth;
	struct pair pairs[PAIRS_MAX]; /* compared through a REF */
	size_t pairs_cnt, pairs_from; /* those of this dry run start here */
	struct err *err;
};

/* --- compare_rules.c --- */

int patterns_parse(struct patterns *out, const struct compare_rules *rules, struct err *err);
void patterns_release(struct patterns *patterns);
/* The rule of @kind that is about @v, or NULL. */
const struct pattern *patterns_find(const struct patterns *patterns, enum compare_kind kind,
				    const struct value *v);
bool pattern_is_like(const struct pattern *pattern, const char *text, size_t len);

/* --- compare.c --- */

int comparer_compare(struct comparer *c, const struct value *a, const struct value *b);
int comparer_report(struct comparer *c, const struct value *a, const struct value *b);
/* Neither side can say. */
int comparer_pass_over(struct comparer *c);
/* Whether they are equal; reports nothing. */
int comparer_is_equal(struct comparer *c, const struct value *a, const struct value *b, bool *equal);
/* Whether the lengths can be told apart: one is known, and the other is another or already longer. */
bool comparer_lengths_differ(const struct value *a, const struct value *b);
/* Where one side shows more than the other, its rest is compared with nothing. */
int comparer_rest_of(struct comparer *c, const struct value *a, const struct value *b);

/* --- compare_array.c --- */

int comparer_array(struct comparer *c, const struct value *a, const struct value *b);
