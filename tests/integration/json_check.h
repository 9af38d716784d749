/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether JSON is as a JSON Schema says: the keywords that `--json-schema` uses, and no others. */
#pragma once

struct cJSON;

/* Fails the test, with the way to what is wrong. */
void json_check_line(const struct cJSON *schema, const struct cJSON *line);
