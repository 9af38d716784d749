/* SPDX-License-Identifier: BSD-3-Clause */
/* One function of the configuration: config.c's other half. */
#pragma once

#include <stddef.h>

#include "lib/schema.h" /* enum role */

struct cJSON;
struct config_func;
struct err;
struct json_reading;
struct place;
struct rule;

#define CONFIG_RULES_MAX 256 /* of a function or type */

/* The name of the object that holds the functions of @role. */
const char *config_role_key(enum role role);
/* @item's key is the function's name. On failure @out may be filled in part: release it in any case. */
int config_read_func(struct config_func *out, enum role role, const struct cJSON *item,
		     struct json_reading *reading, struct err *err);
void config_func_release(struct config_func *func);

/* The rules of the object @item; on failure those that were read are given too. @places: NULL when unwanted.
 */
int config_read_rules(struct rule **rules, struct place **places, size_t *cnt, const struct cJSON *item,
		      struct json_reading *reading, struct err *err);
