// SPDX-License-Identifier: BSD-3-Clause
#include "lib/uri.h"

#include <errno.h>
#include <string.h>

#include "lib/buf.h"

static bool is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

void uri_encode(struct buf *out, const char *text, bool is_path)
{
	static const char digits[] = "0123456789ABCDEF";

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		char code[3] = {'%', digits[*c >> 4], digits[*c & 0xf]};

		if (is_unreserved(*c) || (is_path && *c == '/'))
			buf_put(out, c, 1);
		else
			buf_put(out, code, sizeof(code));
	}
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uri_decode(char *text, bool plus_is_space)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = plus_is_space && *from == '+' ? ' ' : *from;
			continue;
		}
		high = digit_of(from[1]);
		low = high < 0 ? -1 : digit_of(from[2]);
		if (low < 0 || !(high | low))
			return -EINVAL;
		*to++ = high << 4 | low;
		from += 2;
	}
	*to = '\0';
	return to - text;
}

bool uri_param(char **query, char **name, char **value, bool *bad)
{
	char *text = strsep(query, "&");

	while (text && !*text)
		text = strsep(query, "&");
	if (!text)
		return false;
	*name = strsep(&text, "=");
	*value = text ? text : *name + strlen(*name);
	*bad = uri_decode(*name, false) < 0 || uri_decode(*value, false) < 0;
	return !*bad;
}
