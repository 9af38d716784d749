// SPDX-License-Identifier: BSD-3-Clause
#include "replay/sanitizer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SUMMARY	  "SUMMARY: "
#define SANITIZER "Sanitizer: "
#define RUNTIME	  ": runtime error: "

/* "FILE:LINE:COLUMN: runtime error: ..." */
static bool is_runtime_error(const char *line, size_t len)
{
	const char *mark = memmem(line, len, RUNTIME, strlen(RUNTIME));

	return mark && mark > line && isdigit((unsigned char)mark[-1]) && memchr(line, ':', mark - line);
}

/* "SUMMARY: AddressSanitizer: ..." */
static bool is_summary(const char *line, size_t len)
{
	return len > strlen(SUMMARY) && !strncmp(line, SUMMARY, strlen(SUMMARY)) &&
	       memmem(line, len, SANITIZER, strlen(SANITIZER));
}

static void put(char *out, size_t size, const char *from, size_t len)
{
	size_t at = 0;

	for (; at < len && at + 1 < size; at++)
		out[at] = isprint((unsigned char)from[at]) ? from[at] : '?';
	out[at] = '\0';
}

bool sanitizer_report(char *out, size_t size, const char *text)
{
	out[0] = '\0';
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (is_runtime_error(text, len)) {
			put(out, size, text, len);
			return true;
		}
		if (is_summary(text, len)) {
			put(out, size, text + strlen(SUMMARY), len - strlen(SUMMARY));
			return true;
		}
		text += len + (text[len] == '\n');
	}
	return false;
}
