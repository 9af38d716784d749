/* SPDX-License-Identifier: BSD-3-Clause */
/* "sample" and "if": which calls of an operation are recorded. */
#pragma once

struct cJSON;
struct err;
struct json_reading;

/* Each a json_read_fn: @field is the struct config_func. */

int config_read_sample(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);
/* A predicate that is decided at entry. */
int config_read_only_if(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err);
