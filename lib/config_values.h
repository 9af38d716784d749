/* SPDX-License-Identifier: BSD-3-Clause */
/* Small values of the configuration: expressions, paths, lists. */
#pragma once

#include <stddef.h>

#include "lib/json_keys.h"

struct cJSON;
struct err;
struct place;

#define CONFIG_LIST_MAX 1024 /* paths, names, aliases of one key */

/* Say that a failure is about @item, unless something inside it was named; returns @r. */
int config_at(struct json_reading *reading, const struct cJSON *item, int r);
/* *@out: zeroed room for the entries of @list, at most @max, of @size bytes each. */
int config_room(void *out, size_t size, const struct cJSON *list, size_t max, struct err *err);
/* As @read reads each; on failure those that were read are given too. @places: NULL when unwanted. */
int config_read_list(char ***out, struct place **places, size_t *cnt, const struct cJSON *item,
		     json_read_fn read, struct json_reading *reading, struct err *err);

/* Each a json_read_fn. */

/* A struct expr *. */
int config_read_expr(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);
/* A char *: a path in canonical form; of a key one that is known when the call is made. */
int config_read_path(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);
int config_read_key_path(void *field, const struct cJSON *item, struct json_reading *reading,
			 struct err *err);
