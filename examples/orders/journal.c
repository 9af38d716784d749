// SPDX-License-Identifier: BSD-3-Clause
#include "orders.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static FILE *file;
static _Thread_local uint32_t current;

int journal_open(const char *path)
{
	file = fopen(path, "w");
	return file ? 0 : -1;
}

void journal_order(uint32_t id)
{
	current = id;
}

uint32_t journal_current(void)
{
	return current;
}

/* errno is the caller's result; writing must not touch it. */
void journal(const char *function, const char *fmt, ...)
{
	int error_number = errno;
	char line[1024];
	va_list args;
	int len;

	if (!file)
		return;
	len = snprintf(line, sizeof(line), "{\"id\":%u,\"call\":\"%s\",", current, function);
	va_start(args, fmt);
	len += vsnprintf(line + len, sizeof(line) - len, fmt, args);
	va_end(args);
	if (len < (int)sizeof(line) - 1)
		fprintf(file, "%s}\n", line);
	errno = error_number;
}

void journal_close(void)
{
	if (file)
		fclose(file);
}
