/* SPDX-License-Identifier: BSD-3-Clause */
/* What check and record --dry-run show of each function. */
#pragma once

#include <stdbool.h>

struct err;
struct program;

/* All functions, then 0 or the first refusal. @rates: hits a second by function, or NULL. */
int sites_print(const struct program *program, const double *rates, bool json, struct err *err);
