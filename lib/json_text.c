// SPDX-License-Identifier: BSD-3-Clause
#include "lib/json_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"

#define FOUND_LEN_MAX  24 /* of what stands there instead, so much is shown */
#define NUMBER_LEN_MAX 60 /* cJSON reads no more than 63 characters */

struct walk {
	const char *name, *text, *pos, *end;
	const char *line_at; /* where line `line` begins */
	const char *seen;    /* up to where lines were counted */
	int line, depth;
	struct place *places;
	size_t cnt, cap;
	struct err *err;
};

/* Places are asked for in the order of the text, nearly: lines are counted on from the last one. */
static struct place place_of(struct walk *w, const char *at)
{
	const char *newline;

	if (at < w->seen) {
		w->line_at = w->seen = w->text;
		w->line = 1;
	}
	while ((newline = memchr(w->seen, '\n', at - w->seen))) {
		w->line_at = w->seen = newline + 1;
		w->line++;
	}
	w->seen = at;
	return (struct place){w->line, at - w->line_at + 1};
}

static int fail(struct walk *w, const char *at, const char *what)
{
	struct place place = place_of(w, at);

	return err_usage(w->err, -EINVAL, "%s:%d:%d: %s", w->name, place.line, place.column, what);
}

static size_t word_len(const struct walk *w)
{
	size_t len = 0;

	while (w->pos + len < w->end && (isalnum((unsigned char)w->pos[len]) || w->pos[len] == '_'))
		len++;
	return len;
}

static int expected(struct walk *w, const char *what)
{
	struct place place = place_of(w, w->pos);
	int len = MIN(MAX(word_len(w), 1), FOUND_LEN_MAX);

	if (w->pos == w->end)
		return err_usage(w->err, -EINVAL, "%s:%d:%d: expected %s, found the end", w->name, place.line,
				 place.column, what);
	if (!isprint((unsigned char)*w->pos))
		return err_usage(w->err, -EINVAL, "%s:%d:%d: expected %s, found byte 0x%02x", w->name,
				 place.line, place.column, what, (unsigned char)*w->pos);
	return err_usage(w->err, -EINVAL, "%s:%d:%d: expected %s, found '%.*s'", w->name, place.line,
			 place.column, what, len, w->pos);
}

static void skip_space(struct walk *w)
{
	while (w->pos < w->end && strchr(" \t\r\n", *w->pos) && *w->pos)
		w->pos++;
}

static bool take(struct walk *w, char c)
{
	skip_space(w);
	if (w->pos == w->end || *w->pos != c)
		return false;
	w->pos++;
	return true;
}

static int note(struct walk *w, const char *at)
{
	if (w->cnt == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 64;
		struct place *places = realloc(w->places, cap * sizeof(*places));

		if (!places)
			return err_nomem(w->err);
		w->places = places;
		w->cap = cap;
	}
	w->places[w->cnt++] = place_of(w, at);
	return 0;
}

/* --- comments --- */

/* The end of the string that begins at @at: behind its quote, or where the line ends. */
static char *string_end(char *at, char *end)
{
	for (at++; at < end && *at != '"' && *at != '\n'; at++)
		if (*at == '\\' && at + 1 < end && at[1] != '\n')
			at++;
	return at < end ? at + 1 : end;
}

static void blank(char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != '\n')
			*from = ' ';
}

/* Put spaces over the comments, so that nothing moves. */
static int blank_comments(struct walk *w, char *text, char *end)
{
	char *at = text;

	while (at < end) {
		char *from = at, *to;

		if (*at == '"') {
			at = string_end(at, end);
			continue;
		}
		if (*at != '/' || at + 1 == end || (at[1] != '/' && at[1] != '*')) {
			at++;
			continue;
		}
		if (at[1] == '/') {
			to = memchr(at, '\n', end - at);
			at = to ? to : end;
		} else {
			to = memmem(at + 2, end - at - 2, "*/", 2);
			if (!to)
				return fail(w, from, "the comment is not closed");
			at = to + 2;
		}
		blank(from, at);
	}
	return 0;
}

/* --- the walk --- */

static int value(struct walk *w, const char *key);

/* The length of the character at @at as UTF-8, or 0: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
static size_t utf8_len(const char *at, const char *end)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	unsigned char first = *at;

	for (size_t len = 1; len <= ARRAY_SIZE(forms); len++) {
		uint32_t c = first & (unsigned char)~forms[len - 1].mask;

		if ((first & forms[len - 1].mask) != forms[len - 1].lead)
			continue;
		if ((size_t)(end - at) < len)
			return 0;
		for (size_t i = 1; i < len; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (at[i] & 0x3f);
		}
		return c < forms[len - 1].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : len;
	}
	return 0;
}

/* Four hex digits behind "\u" at @at, or -1. */
static int unit_at(const struct walk *w, const char *at)
{
	char digits[5] = "";

	if (w->end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)at[2 + i]))
			return -1;
		digits[i] = at[2 + i];
	}
	return strtol(digits, NULL, 16);
}

static int escape(struct walk *w)
{
	const char *at = w->pos;
	int unit, second;

	if (w->end - at >= 2 && at[1] && strchr("\"\\/bfnrt", at[1])) {
		w->pos += 2;
		return 0;
	}
	unit = unit_at(w, at);
	if (unit < 0)
		return fail(w, at, "unknown escape in a string");
	if (!unit)
		return fail(w, at, "a string cannot hold a NUL");
	w->pos += 6;
	if (unit < 0xd800 || unit > 0xdfff)
		return 0;
	second = unit_at(w, w->pos);
	if (unit > 0xdbff || second < 0xdc00 || second > 0xdfff)
		return fail(w, at, "half a surrogate pair in a string");
	w->pos += 6;
	return 0;
}

static int string(struct walk *w)
{
	const char *at = w->pos++;

	while (w->pos < w->end && *w->pos != '"') {
		size_t len;
		int r;

		if (*w->pos == '\n')
			break;
		if (*w->pos == '\\') {
			r = escape(w);
			if (r)
				return r;
			continue;
		}
		if ((unsigned char)*w->pos < ' ')
			return fail(w, w->pos, "a control character in a string is written as an escape");
		len = utf8_len(w->pos, w->end);
		if (!len)
			return fail(w, w->pos, "the string is not UTF-8");
		w->pos += len;
	}
	if (w->pos == w->end || *w->pos != '"')
		return fail(w, at, "the string is not closed");
	w->pos++;
	return 0;
}

static size_t digits(struct walk *w)
{
	const char *at = w->pos;

	while (w->pos < w->end && isdigit((unsigned char)*w->pos))
		w->pos++;
	return w->pos - at;
}

static bool number_is_well_formed(struct walk *w)
{
	size_t whole;

	if (*w->pos == '-')
		w->pos++;
	whole = digits(w);
	if (!whole || (whole > 1 && *(w->pos - whole) == '0'))
		return false;
	if (w->pos < w->end && *w->pos == '.') {
		w->pos++;
		if (!digits(w))
			return false;
	}
	if (w->pos < w->end && (*w->pos == 'e' || *w->pos == 'E')) {
		w->pos++;
		if (w->pos < w->end && (*w->pos == '+' || *w->pos == '-'))
			w->pos++;
		if (!digits(w))
			return false;
	}
	return !word_len(w);
}

static int number(struct walk *w)
{
	const char *at = w->pos;

	if (!number_is_well_formed(w))
		return fail(w, at, "malformed number");
	if (w->pos - at > NUMBER_LEN_MAX)
		return fail(w, at, "the number has too many digits");
	return 0;
}

static int literal(struct walk *w)
{
	static const char *const words[] = {"true", "false", "null"};
	size_t len = word_len(w);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i]) != len || strncmp(words[i], w->pos, len))
			continue;
		w->pos += len;
		return 0;
	}
	return expected(w, "a value");
}

static int stray_comma(struct walk *w, const char *what)
{
	int r = expected(w, what);

	err_hint(w->err, "remove the comma before it");
	return r;
}

static int array(struct walk *w)
{
	w->pos++;
	if (take(w, ']'))
		return 0;
	for (;;) {
		int r = value(w, NULL);

		if (r)
			return r;
		if (take(w, ']'))
			return 0;
		if (!take(w, ','))
			return expected(w, "',' or ']'");
		skip_space(w);
		if (w->pos < w->end && *w->pos == ']')
			return stray_comma(w, "a value");
	}
}

static int object(struct walk *w)
{
	w->pos++;
	if (take(w, '}'))
		return 0;
	for (;;) {
		const char *key;
		int r;

		skip_space(w);
		key = w->pos;
		if (key < w->end && *key == '}')
			return stray_comma(w, "a key");
		if (key == w->end || *key != '"')
			return expected(w, "a key in double quotes");
		r = string(w);
		if (r)
			return r;
		if (!take(w, ':'))
			return expected(w, "':'");
		r = value(w, key);
		if (r)
			return r;
		if (take(w, '}'))
			return 0;
		if (!take(w, ','))
			return expected(w, "',' or '}'");
	}
}

/* @key: where the item's key stands, or NULL. */
static int value(struct walk *w, const char *key)
{
	int r;

	skip_space(w);
	r = note(w, key ? key : w->pos);
	if (r)
		return r;
	if (w->depth == JSON_DEPTH_MAX)
		return fail(w, w->pos, "nested too deeply");
	w->depth++;
	if (w->pos == w->end)
		r = expected(w, "a value");
	else if (*w->pos == '{')
		r = object(w);
	else if (*w->pos == '[')
		r = array(w);
	else if (*w->pos == '"')
		r = string(w);
	else if (*w->pos == '-' || isdigit((unsigned char)*w->pos))
		r = number(w);
	else
		r = literal(w);
	w->depth--;
	return r;
}

static int check_text(struct walk *w, char *text, char *end)
{
	static const char mark[] = "\xef\xbb\xbf"; /* some editors put it first */
	int r;

	if (end - text >= 3 && !memcmp(text, mark, 3))
		blank(text, text + 3);
	r = blank_comments(w, text, end);
	if (!r)
		r = value(w, NULL);
	if (r)
		return r;
	skip_space(w);
	return w->pos == w->end ? 0 : expected(w, "the end");
}

int json_check(struct place **places, size_t *cnt, const char *name, char *text, size_t len, struct err *err)
{
	struct walk w = {.name = name,
			 .text = text,
			 .pos = text,
			 .end = text + len,
			 .line_at = text,
			 .seen = text,
			 .line = 1,
			 .err = err};
	int r = check_text(&w, text, text + len);

	if (r) {
		free(w.places);
		return r;
	}
	*places = w.places;
	*cnt = w.cnt;
	return 0;
}
