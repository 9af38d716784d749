/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An alias may name instances: "db.{conn->name}.get" is one for each connection. What stands in braces is a
 * path of the arguments; of an input it is part of the key, so that each instance is answered by its own
 * calls.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct values;

#define ALIAS_PATHS_MAX 8
#define ALIAS_LEN_MAX	1024 /* of one that was filled in; longer ones are cut */

bool alias_has_instances(const char *alias);
/* The paths in its braces, canonical, the caller's to free one by one. -EINVAL, a usage error. */
int alias_paths(char *paths[ALIAS_PATHS_MAX], size_t *cnt, const char *alias, struct err *err);
/* With the values of one call at its entry: text as it is, numbers in decimal, what is not there as '?'. */
void alias_fill(char text[ALIAS_LEN_MAX], const char *alias, const struct values *values);
