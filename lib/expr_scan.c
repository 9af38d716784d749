// SPDX-License-Identifier: BSD-3-Clause
#include "lib/expr_scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"

/* Of what stands there instead, so much is shown. */
#define FOUND_LEN_MAX 32

int scan_fail(struct scan *s, const char *at, const char *what)
{
	return err_usage(s->err, -EINVAL, "at column %zu: %s", (size_t)(at - s->text) + 1, what);
}

void scan_space(struct scan *s)
{
	s->pos += strspn(s->pos, " \t\r\n");
}

/* Letters of any alphabet: a byte past ASCII is part of a name. */
static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

bool scan_begins_name(char c)
{
	return is_name_byte(c) && !isdigit((unsigned char)c);
}

size_t scan_name_len(const char *pos)
{
	size_t len = 0;

	while (is_name_byte(pos[len]))
		len++;
	return len;
}

int scan_expected(struct scan *s, const char *what)
{
	size_t column;
	int len;

	scan_space(s);
	column = s->pos - s->text + 1;
	if (!*s->pos)
		return err_usage(s->err, -EINVAL, "at column %zu: expected %s, found the end", column, what);
	len = MIN(MAX(scan_name_len(s->pos), 1), FOUND_LEN_MAX);
	return err_usage(s->err, -EINVAL, "at column %zu: expected %s, found '%.*s'", column, what, len,
			 s->pos);
}

bool scan_take(struct scan *s, const char *token)
{
	scan_space(s);
	if (strncmp(s->pos, token, strlen(token)))
		return false;
	s->pos += strlen(token);
	return true;
}

/* What a path may begin with besides a name: the variable arguments. */
static const char ellipsis[] = "...";

bool scan_begins_root(const char *pos)
{
	return scan_begins_name(*pos) || !strncmp(pos, ellipsis, strlen(ellipsis));
}

/* "file(NAME)" is a name, too. 0: it does not stand there. */
static size_t file_len(const char *pos)
{
	const char *end = strncmp(pos, "file(", 5) ? NULL : pos + 5 + scan_name_len(pos + 5);

	return end && end > pos + 5 && *end == ')' ? (size_t)(end + 1 - pos) : 0;
}

int scan_name(struct scan *s, char **out)
{
	size_t len = file_len(s->pos);
	char *name;

	if (!len)
		len = scan_begins_name(*s->pos) ? scan_name_len(s->pos) : strlen(ellipsis);
	name = strndup(s->pos, len);
	if (!name)
		return err_nomem(s->err);
	s->pos += len;
	*out = name;
	return 0;
}

static bool suffix_is_known(const char *suffix, size_t len)
{
	static const char *const known[] = {"", "u", "l", "ul", "lu", "ll", "ull", "llu"};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i]) == len && !strncasecmp(known[i], suffix, len))
			return true;
	return false;
}

int scan_number(struct scan *s, int64_t *out)
{
	const char *at = s->pos;
	unsigned long long num;
	char *end;

	errno = 0;
	num = strtoull(at, &end, 0);
	if (errno || num > INT64_MAX)
		return scan_fail(s, at, "the number does not fit 64 bits with a sign");
	if (!suffix_is_known(end, scan_name_len(end)) || end[scan_name_len(end)] == '.')
		return scan_fail(s, at, "expected an integer");
	s->pos = end + scan_name_len(end);
	*out = num;
	return 0;
}

/* One character of a quoted text, escaped or not, or -1. */
static int take_char(struct scan *s)
{
	static const char letters[] = "abfnrtv\\'\"?", meant[] = "\a\b\f\n\r\t\v\\'\"?";
	const char *letter;
	char digits[4] = "";
	char *end;
	long c;

	if (*s->pos != '\\')
		return (unsigned char)*s->pos++;
	s->pos++;
	letter = *s->pos ? strchr(letters, *s->pos) : NULL;
	if (letter) {
		s->pos++;
		return meant[letter - letters];
	}
	if (*s->pos == 'x') {
		s->pos++;
		if (!isxdigit((unsigned char)*s->pos))
			return -1;
		memcpy(digits, s->pos, isxdigit((unsigned char)s->pos[1]) ? 2 : 1);
		c = strtol(digits, &end, 16);
	} else {
		memcpy(digits, s->pos, MIN(strspn(s->pos, "01234567"), sizeof(digits) - 1));
		c = strtol(digits, &end, 8);
	}
	if (end == digits || c > 0xff)
		return -1;
	s->pos += end - digits;
	return c;
}

int scan_quoted(struct scan *s, char *text, size_t *len)
{
	const char *at = s->pos;
	char quote = *s->pos++;
	size_t cnt = 0;

	while (*s->pos && *s->pos != quote) {
		const char *escape = s->pos;
		int c = take_char(s);

		if (c < 0)
			return scan_fail(s, escape, "unknown escape");
		text[cnt++] = c;
	}
	if (!*s->pos)
		return scan_fail(s, at, "the quote is not closed");
	s->pos++;
	text[cnt] = '\0';
	*len = cnt;
	return 0;
}
