// SPDX-License-Identifier: BSD-3-Clause
// What an input gave cannot be redacted: a replay serves it.
// @check: 'redact' on 'buf' of 'get': a replay serves it
// @refused: 'redact' on 'buf' of 'get': a replay serves it
#include <string.h>

#include "case.h"

FUNC int get(const char *key, char *buf, int size)
{
	return strlen(strncpy(buf, key, size));
}

FUNC int handle(int x)
{
	char buf[8];

	return get("abc", buf, sizeof(buf)) + x;
}

int main(void)
{
	return handle(1) == 4 ? 0 : 1;
}
