// SPDX-License-Identifier: BSD-3-Clause
// Functions that return what they were given, filled with text or as it was: that is served, not a copy of
// it.
#include <stdio.h>
#include <string.h>

#include "case.h"

FUNC char *format(char *buf, int n)
{
	snprintf(buf, n, "text%d", n);
	return buf;
}

FUNC char *tail(char *buf, int n)
{
	snprintf(buf, n, "name.end");
	return strchr(buf, '.');
}

FUNC const char *setting(const char *name, const char *otherwise)
{
	return name[0] == 'x' ? "set" : otherwise;
}

FUNC int handle(int k)
{
	static const char otherwise[] = "default";
	char buf[33], name[16];
	char *r = format(buf, 32), *end = tail(name, sizeof(name));

	r[0] = 'T';
	end[0] = ',';
	return k + (r == buf) + 2 * (end == name + 4) + 4 * (buf[0] == 'T') + 8 * (name[4] == ',') +
	       16 * (setting("name", otherwise) == otherwise);
}

int main(void)
{
	return handle(100) == 131 ? 0 : 1;
}
