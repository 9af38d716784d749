// SPDX-License-Identifier: BSD-3-Clause
#include "lib/where.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"

/* Longest first: "<=" is not "<" before a value that begins with "=". */
static const struct {
	const char *text;
	enum where_op op;
} ops[] = {
	{"!=", WHERE_NE}, {"<=", WHERE_LE}, {">=", WHERE_GE}, {"==", WHERE_EQ},
	{"=", WHERE_EQ},  {"<", WHERE_LT},  {">", WHERE_GT},
};

static int mistake(const char *text, const char *why, struct err *err)
{
	err_usage(err, -EINVAL, "condition '%s': %s", text, why);
	err_hint(err, "write NAME=VALUE, with one of = != < <= > >=; = takes globs and a,b for either");
	return -EINVAL;
}

int where_parse(struct where *out, const char *text, struct err *err)
{
	if (strlen(text) >= WHERE_TEXT_MAX)
		return err_usage(err, -EINVAL, "a condition of more than %d bytes", WHERE_TEXT_MAX - 1);
	for (const char *at = text; *at; at++) {
		for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
			if (strncmp(at, ops[i].text, strlen(ops[i].text)) != 0)
				continue;
			if (at == text)
				return mistake(text, "no name", err);
			snprintf(out->name, sizeof(out->name), "%.*s", (int)(at - text), text);
			out->op = ops[i].op;
			out->value = at + strlen(ops[i].text);
			return 0;
		}
	}
	return mistake(text, "no comparison", err);
}

/* The whole of @text as a decimal number; integers of 64 bits are exact. */
static bool number_of(const char *text, long double *out)
{
	const char *first = text + (*text == '-' || *text == '+');
	char *end;

	if ((*first < '0' || *first > '9') && *first != '.')
		return false;
	*out = strtold(text, &end);
	return end != text && !*end;
}

/* The text of a scalar, the caller's to free; else NULL. */
static char *text_of(const cJSON *item)
{
	if (cJSON_IsString(item))
		return strdup(item->valuestring);
	return cJSON_IsNumber(item) || cJSON_IsBool(item) ? json_print(item) : NULL;
}

static bool equals_one(const cJSON *item, const char *text, const char *glob)
{
	long double number;

	if (cJSON_IsNumber(item) && number_of(glob, &number))
		return item->valuedouble == number;
	return fnmatch(glob, text, 0) == 0;
}

/* The length of the first of the list @globs: up to a comma that has no backslash before it. */
static size_t glob_len(const char *globs)
{
	size_t len = 0;

	while (globs[len] && globs[len] != ',')
		len += globs[len] == '\\' && globs[len + 1] ? 2 : 1;
	return len;
}

static bool equals_any(const cJSON *item, const char *globs)
{
	autofree char *text = text_of(item);
	char glob[WHERE_TEXT_MAX];
	size_t len;

	if (!text)
		return false;
	for (;; globs += len + 1) {
		len = glob_len(globs);
		snprintf(glob, sizeof(glob), "%.*s", (int)len, globs);
		if (equals_one(item, text, glob))
			return true;
		if (!globs[len])
			return false;
	}
}

static bool equals(const cJSON *item, const char *globs)
{
	if (!cJSON_IsArray(item))
		return equals_any(item, globs);
	for (const cJSON *element = item->child; element; element = element->next)
		if (equals_any(element, globs))
			return true;
	return false;
}

/* Less than, equal to or greater than 0; false when the two have no order. */
static bool order(const cJSON *item, const char *value, int *out)
{
	long double a, b;

	if (!cJSON_IsNumber(item) && !cJSON_IsString(item))
		return false;
	if (cJSON_IsNumber(item))
		a = item->valuedouble;
	else if (!number_of(item->valuestring, &a)) {
		*out = strcmp(item->valuestring, value);
		return true;
	}
	if (number_of(value, &b)) {
		*out = (a > b) - (a < b);
		return true;
	}
	if (cJSON_IsNumber(item))
		return false;
	*out = strcmp(item->valuestring, value);
	return true;
}

static bool in_order(const struct where *where, const cJSON *item)
{
	int cmp;

	if (!order(item, where->value, &cmp))
		return false;
	switch (where->op) {
	case WHERE_LT:
		return cmp < 0;
	case WHERE_LE:
		return cmp <= 0;
	case WHERE_GT:
		return cmp > 0;
	default:
		return cmp >= 0;
	}
}

static const cJSON *look_up(const cJSON *metadata, const char *name)
{
	const cJSON *user = cJSON_GetObjectItemCaseSensitive(metadata, "user");
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(user, name);

	return item ? item : cJSON_GetObjectItemCaseSensitive(metadata, name);
}

bool where_matches(const struct where *where, const cJSON *metadata)
{
	const cJSON *item = look_up(metadata, where->name);

	if (!item || cJSON_IsNull(item))
		return where->op == WHERE_NE;
	if (cJSON_IsObject(item))
		return false;
	if (where->op == WHERE_EQ)
		return equals(item, where->value);
	if (where->op == WHERE_NE)
		return !equals(item, where->value);
	return in_order(where, item);
}
