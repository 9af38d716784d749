/* SPDX-License-Identifier: BSD-3-Clause */
/* "compare": what a comparison overlooks, and how much of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/json.h" /* struct place */

struct cJSON;
struct err;
struct json_reading;

enum compare_kind {
	COMPARE_IGNORE,	   /* what stands at the path, and all below it */
	COMPARE_TOLERANCE, /* numbers that are near enough */
	COMPARE_UNORDERED, /* elements, in any order */
	COMPARE_KEYED,	   /* elements that are found by a value of theirs */
	COMPARE_MATCH,	   /* text that only has to look right */
	COMPARE_KIND_CNT,
};

struct compare_rule {
	enum compare_kind kind;
	char *path;    /* canonical, of UNORDERED and KEYED with its last []; IGNORE by pattern: NULL */
	char *pattern; /* MATCH, IGNORE by pattern: a POSIX extended regular expression */
	char *key;     /* KEYED: a path within the element, "sku" or "item->sku" */
	double absolute, relative; /* TOLERANCE: near enough is what is within any of these; */
	double ulp;		   /* a relative one is a share of the recorded number; */
	struct place place;	   /* ulp: steps between neighbouring numbers of the value's own type */
};

struct compare_rules {
	struct compare_rule *row;
	size_t cnt;
};

#define COMPARE_RULES_MAX 1024 /* of a function */

/* The name of the key that holds the rules of @kind. */
const char *config_compare_key(enum compare_kind kind);
/* A json_read_fn: @field is a struct compare_rules. */
int config_read_compare(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);
void compare_rules_release(struct compare_rules *rules);
