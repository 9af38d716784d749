/* SPDX-License-Identifier: BSD-3-Clause */
/* A kind of report: what it writes at the beginning, for each comparison, and at the end. */
#pragma once

#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>

#include "replay/report.h"

struct report {
	const struct report_kind *kind;
	struct report_head head;
	char *path, *temporary;
	FILE *file; /* its errors are looked at when it is closed */
	size_t equal_cnt, rows_cnt;
};

struct report_kind {
	const char *name;
	void (*begin)(struct report *report);
	int (*add)(struct report *report, const struct comparison *comparison, struct err *err);
	void (*end)(struct report *report, const struct equalizer_totals *totals);
};

extern const struct report_kind report_html, report_junit, report_json;
/* One line; '<' is escaped where @in_html. */
int report_put_json(struct report *report, const struct cJSON *json, bool in_html, struct err *err);
