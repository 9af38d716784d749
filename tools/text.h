/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as people read them, from the JSON that --json prints. */
#pragma once

struct buf;
struct cJSON;

/* {id=1, items=[...]}, <handle 2>, <unavailable: ...>; one line. */
void text_value(struct buf *out, const struct cJSON *json);
/* name=value, name=value */
void text_members(struct buf *out, const struct cJSON *object);
