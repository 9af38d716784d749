/* SPDX-License-Identifier: BSD-3-Clause */
/* The advice of a verdict, written into the configuration file. */
#pragma once

#include <stddef.h>

struct cJSON;
struct err;

/* Lay @advice (JSON, as comparison.advice) over the file at @path: comments and layout stay, the file is
 * replaced as a whole or not at all, and not by a configuration that would be refused. Says on stderr what it
 * changed. */
int fix_config(const char *path, const char *advice, struct err *err);
/* What stands at @way (keys from the root) in the configuration file at @path, a copy; NULL: nothing. */
int fix_get(struct cJSON **out, const char *path, const char *const *way, size_t cnt, struct err *err);
/* Make it @value, itself JSON, in the place of a member @instead (NULL: none). As fix_config, but says
 * nothing. */
int fix_set(const char *path, const char *const *way, size_t cnt, const char *instead, const char *value,
	    struct err *err);
