/* SPDX-License-Identifier: BSD-3-Clause */
/* The words and signs of an expression's text; the grammar is in expr_parse.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct scan {
	const char *text, *pos;
	struct err *err;
};

/* "at column N: @what"; returns -EINVAL, as does scan_expected: "expected @what, found 'x'" at the position.
 */
int scan_fail(struct scan *s, const char *at, const char *what);
int scan_expected(struct scan *s, const char *what);

void scan_space(struct scan *s);
/* Pass over @token if it stands next. */
bool scan_take(struct scan *s, const char *token);

bool scan_begins_name(char c);
size_t scan_name_len(const char *pos);
/* Whether a path's root stands at @pos: a name, or "...". */
bool scan_begins_root(const char *pos);
/* The root or name at the position; the caller's to free. */
int scan_name(struct scan *s, char **out);
int scan_number(struct scan *s, int64_t *out);
/* The text between the quote at the position and its like, unescaped; it is never longer than what is
 * written. */
int scan_quoted(struct scan *s, char *text, size_t *len);
