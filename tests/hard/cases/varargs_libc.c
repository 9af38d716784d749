// SPDX-License-Identifier: BSD-3-Clause
// libc's printf family says by itself what it prints: without a rule.
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "case.h"

FUNC int put_line(char *to, size_t len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to, len, fmt, ap);
	va_end(ap);
	return n;
}

FUNC int handle(int id, const char *name)
{
	char text[16] = "", cut[4] = "";
	int n = snprintf(text, sizeof(text), "%s-%03d", name, id);

	n += put_line(cut, sizeof(cut), "%d of %g", id, 0.5);
	fprintf(stderr, "%s %s %d\n", text, cut, n);
	syslog(LOG_DEBUG, "%s: %ld", name, (long)id << 33);
	return n * 100 + text[4] + cut[0];
}

int main(void)
{
	return handle(42, "bob") == 1600 + '0' + '4' ? 0 : 1;
}
