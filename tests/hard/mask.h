/* SPDX-License-Identifier: BSD-3-Clause */
/* What of a recording is the same in every run, and how it is compared with what was expected. */
#pragma once

struct cJSON;

/* From what `show --json` prints: without ids, times and hosts, without what says nothing ("errno": 0,
 * "left": "return", an alias that is the function's name, an empty "out"), addresses in words as 0x?, long
 * data as a checksum. A new object. */
struct cJSON *mask_recording(const struct cJSON *shown);
/* NULL: @got is what @want says, else where it is not, and what stands there; the caller's to free. In @want
 * a string that begins with '~' is a glob for the text of any value, and {"?": [A, B]} is one of those. */
char *mask_difference(const struct cJSON *want, const struct cJSON *got);
