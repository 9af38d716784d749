/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as people read them, from the JSON that --json prints. */
#pragma once

struct buf;
struct cJSON;

/* {id=1, items=[...]}, b"\x7fELF"... (4096 bytes), <handle 2>, <unavailable: ...>; one line. */
void text_value(struct buf *out, const struct cJSON *json);
/* "recorded X, replayed Y"; of long text and of bytes what lies around the first difference:
 * "from byte 812 on: recorded ...\"gent\"..., replayed ...\"lady\"...". NULL: not there. */
void text_sides(struct buf *out, const struct cJSON *recorded, const struct cJSON *replayed);
/* The same as text_value, a string without its quotes: what is no text in it stays escaped. */
void text_bare(struct buf *out, const struct cJSON *json);
/* name=value, name=value */
void text_members(struct buf *out, const struct cJSON *object);
