/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One condition on a metadata document: "customer=acme*", "total>=100", "status=4*,5*".
 *
 * The name is looked for under "user", then at the top. Both sides of < <= > >= that are numbers compare as
 * numbers, else as text by bytes. `=` takes a list of globs separated by commas (a backslash takes a letter
 * literally), and compares a JSON number with a number by value; `!=` is its opposite. A name that the
 * document does not have, or has as null, matches `!=` alone. A list matches `=` when one of its elements
 * does. What is no text or number (an object, a value that was unavailable) matches nothing.
 */
#pragma once

#include <stdbool.h>

struct cJSON;
struct err;

#define WHERE_TEXT_MAX 1024 /* bytes of a condition */

enum where_op { WHERE_EQ, WHERE_NE, WHERE_LT, WHERE_LE, WHERE_GT, WHERE_GE };

struct where {
	char name[WHERE_TEXT_MAX];
	enum where_op op;
	const char *value; /* borrowed from the text */
};

/* -EINVAL, a usage error. */
int where_parse(struct where *out, const char *text, struct err *err);
bool where_matches(const struct where *where, const struct cJSON *metadata);
