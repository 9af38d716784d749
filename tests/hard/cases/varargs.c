// SPDX-License-Identifier: BSD-3-Clause
// @replay: if-whole
// What a printf format says its variable arguments are: in registers, on the stack, in a va_list; a key of them.
#include <stdarg.h>
#include <stdio.h>
#include <wchar.h>

#include "case.h"

static char line[512];

FUNC void vlog_line(int level, const char *fmt, va_list ap)
{
	USE(level);
	vsnprintf(line, sizeof(line), fmt, ap);
}

FUNC void log_line(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	USE(level);
}

FUNC void log_list(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog_line(level, fmt, ap);
	va_end(ap);
}

/* The format is on the stack, a double before it in a register. */
FUNC void log_far(int a, int b, int c, int d, int e, int f, double ratio, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	USE(a + b + c + d + e + f + (int)ratio);
}

FUNC int query(const char *fmt, ...)
{
	char text[128];
	va_list ap;
	int sum = 0;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (const char *at = text; *at; at++)
		sum += *at;
	return sum;
}

FUNC int handle(int id, const char *name)
{
	char raw[4] = {'a', 'b', 'c', 'd'};
	int sum = 0;

	log_line(1, "plain, 100%%");
	log_line(2, "%d %u %5ld %-8zu|%#x %hhd %hd %c", -id, 7u, 1L << 40, (size_t)9, 255, 300, 70000, 'x');
	log_line(3, "%s=%.3s;%.*s;%s", name, name, 4, raw, (char *)NULL);
	log_line(4, "%.2f of %d, %Lg and %g %g %g %g %g %g %g %g", 0.5, id, 2.25L, 1.0, 2.0, 3.0, 4.0, 5.0,
		 6.0, 7.0, 8.0);
	log_line(5, "%*d %p %ls %lc", 6, id, (void *)&handle, L"wide", (wint_t)L'w');
	log_line(6, "%1$d", id);
	log_line(7, "%lld%lld%lld%lld%lld%lld", 1LL, -2LL, 3LL, -4LL, 5LL, -6LL);
	log_list(8, "%s: %d, %.1f, %Lf, %d %d %d %d", name, id, 1.5, 3.5L, 1, 2, 3, 4);
	log_far(1, 2, 3, 4, 5, 6, 9.5, "%d %f %s", id, 4.5, name);
	sum += query("SELECT %s WHERE id = %d AND x > %g", name, id, 0.25);
	sum += query("SELECT %s WHERE id = %d AND x > %g", name, id + 1, 0.25);
	sum += query("SELECT %s WHERE id = %d AND x > %g", name, id + 1, 0.75);
	return sum;
}

int main(void)
{
	return handle(42, "bob") == 7147 ? 0 : 1;
}
