/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Comparisons as a file, written while they are made; it stands under its name when it is whole. Memory does
 * not grow with how many there are.
 */
#pragma once

#include <stddef.h>

struct comparison;
struct equalizer_totals;
struct err;
struct report;

#define REPORT_EQUAL_MAX 20000 /* equal ones that an HTML page lists; the rest is in its totals */
#define REPORT_ROWS_MAX	 50000 /* of any verdict */
#define REPORT_VALUE_MAX 2000  /* bytes of a value's text; longer ones are cut */
#define REPORT_DIFFS_MAX 100   /* of one comparison; the rest is counted */

struct report_head {
	const char *build, *cassette; /* borrowed: what was replayed with what */
};

/* @spec: "html:FILE" (one page that needs nothing else), "junit:FILE" (XML for continuous integration) or
 * "json:FILE" (as
 * --json prints). -EINVAL, a usage error; -errno when the file cannot be made. */
int report_open(struct report **out, const char *spec, const struct report_head *head, struct err *err);
int report_add(struct report *report, const struct comparison *comparison, struct err *err);
/* The file appears, or nothing does. Frees @report in any case. */
int report_close(struct report *report, const struct equalizer_totals *totals, struct err *err);
/* Without a file. */
void report_abandon(struct report *report);
