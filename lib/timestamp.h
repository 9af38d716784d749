/* SPDX-License-Identifier: BSD-3-Clause */
/* Points of time as text: RFC 3339 in UTC, "2026-11-25T10:00:00.123456789Z". Numbers are nanoseconds since
 * 1970. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIMESTAMP_LEN 30
#define TIMESTAMP_S   1000000000ll /* nanoseconds in a second */

void timestamp_text(int64_t ns, char text[TIMESTAMP_LEN + 1]);
/* "yyyymmdd" */
void timestamp_day(int64_t ns, char day[9]);
/* The whole of @text: a date, 'T', hours and minutes, then perhaps seconds and up to nine digits of them,
 * 'Z'. Years 1970 to 2261. */
bool timestamp_parse(const char *text, int64_t *ns);
/* "2026-11-25": where that day begins. */
bool timestamp_parse_day(const char *text, int64_t *ns);
