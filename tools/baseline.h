/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accepted differences: a file that people review and keep beside the code,
 * {"accepted": [{"category": "HandleOrder", "cause": "reply->total differs"}]}.
 */
#pragma once

#include <stdbool.h>

struct baseline;
struct comparison;
struct err;

#define BASELINE_DEFAULT "tapedeck.baseline.json"

/* @path NULL: the default one, which need not be there. Empty where the file is not there and @may_create. */
int baseline_open(struct baseline **out, const char *path, bool may_create, struct err *err);
void baseline_free(struct baseline *baseline);
/* Whether all that is wrong with it is accepted. An equal one has nothing to accept: false. */
bool baseline_accepts(const struct baseline *baseline, const struct comparison *comparison);
/* What is wrong with @comparison is accepted from now on, once the baseline is saved. */
int baseline_add(struct baseline *baseline, const struct comparison *comparison, struct err *err);
/* Where something was added. The file appears whole. */
int baseline_save(struct baseline *baseline, struct err *err);
