// SPDX-License-Identifier: BSD-3-Clause
// What %n stores is not captured: the call is recorded and says so, and is not served.
// @replay: equalizer_failure what '%n' stored was not captured
#include <stdarg.h>
#include <stdio.h>

#include "case.h"

FUNC int print_to(char *to, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsprintf(to, fmt, ap);
	va_end(ap);
	return n;
}

FUNC int handle(int id)
{
	char text[64];
	int at = 0;

	return print_to(text, "id %d%n.", id, &at) * 10 + at;
}

int main(void)
{
	return handle(42) == 65 ? 0 : 1;
}
