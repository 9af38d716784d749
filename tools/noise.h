/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What differs between a recording and the same build: no fault of the build's, and so a value that a
 * comparison should overlook. Learned by replaying, proposed as "ignore" rules, and written when the user
 * says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct comparison;
struct config;
struct err;

#define NOISE_RULES_MAX 1024

struct noise {
	struct noise_rule {
		const char *section, *function; /* borrowed from the configuration: "outputs", "notify" */
		char *path;
		size_t cnt;	 /* comparisons that differ there */
		size_t last;	 /* which of all was the last of them */
		char first[192]; /* the ID of the first */
	} * rules;
	size_t rules_cnt;
	size_t seen;	/* comparisons */
	size_t unruled; /* that differ by more than values: missing and extra calls, failures */
};

int noise_add(struct noise *noise, const struct config *config, const struct comparison *comparison,
	      struct err *err);
/* The proposal: a table on stdout, or lines of JSON. */
int noise_print(const struct noise *noise, bool as_json, struct err *err);
/* Add the rules to the file of @config. */
int noise_write(const struct noise *noise, const struct config *config, struct err *err);
void noise_release(struct noise *noise);
