/* SPDX-License-Identifier: BSD-3-Clause */
/* The key of an input's call for people: lib/key.h has its bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cJSON;
struct handles;
struct program_func;
struct values;

/* {"name": value} of the paths of the function's key, or of the arguments that its default key is made of.
 * NULL: no memory. */
struct cJSON *call_key_json(const struct program_func *func, const struct values *values,
			    struct handles *handles);
/* Where two such keys differ first, as "req.lines[0].sku", into @path; false: nowhere. */
bool call_key_differs(char *path, size_t size, const struct cJSON *due, const struct cJSON *made);
