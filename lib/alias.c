// SPDX-License-Identifier: BSD-3-Clause
#include "lib/alias.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/util.h"
#include "lib/value.h"

#define PATH_MAX_LEN 256

bool alias_has_instances(const char *alias)
{
	return strpbrk(alias, "{}");
}

/* The next path of @at, which stands in braces; where the text goes on behind it. NULL: there is none. */
static const char *next(char path[PATH_MAX_LEN], const char *at)
{
	const char *open = strchr(at, '{'), *close = open ? strchr(open, '}') : NULL;

	if (!close || close - open > PATH_MAX_LEN)
		return NULL;
	snprintf(path, PATH_MAX_LEN, "%.*s", (int)(close - open - 1), open + 1);
	return close + 1;
}

static int check_braces(const char *alias, struct err *err)
{
	bool is_open = false;

	for (const char *at = alias; (at = strpbrk(at, "{}")); at++) {
		if ((*at == '{') == is_open)
			return err_usage(err, -EINVAL, "'%c' without its '%c' in the alias '%s'", *at,
					 *at == '{' ? '}' : '{', alias);
		is_open = *at == '{';
	}
	return is_open ? err_usage(err, -EINVAL, "'{' without its '}' in the alias '%s'", alias) : 0;
}

static int add(char *paths[ALIAS_PATHS_MAX], size_t *cnt, const char *text, struct err *err)
{
	auto_path struct path path = {};
	int r = path_parse(&path, text, err);

	if (r < 0)
		return err_wrap(err, r, "in the alias");
	if (!strcmp(path.root, "return") || !strcmp(path.root, "errno"))
		return err_usage(err, -EINVAL, "'%s' is not known when the call is made", path.root);
	if (*cnt == ALIAS_PATHS_MAX)
		return err_usage(err, -EINVAL, "more than %d paths in one alias", ALIAS_PATHS_MAX);
	paths[*cnt] = path_text(&path);
	return paths[*cnt] ? ++*cnt, 0 : err_nomem(err);
}

int alias_paths(char *paths[ALIAS_PATHS_MAX], size_t *cnt, const char *alias, struct err *err)
{
	char path[PATH_MAX_LEN];
	int r = check_braces(alias, err);

	*cnt = 0;
	for (const char *at = alias; r == 0 && (at = next(path, at));)
		r = add(paths, cnt, path, err);
	while (r < 0 && *cnt)
		free(paths[--*cnt]);
	return r;
}

/* --- filling in --- */

static void put(char text[ALIAS_LEN_MAX], size_t *len, const char *from, size_t cnt)
{
	size_t take = MIN(cnt, ALIAS_LEN_MAX - 1 - *len);

	memcpy(text + *len, from, take);
	*len += take;
	text[*len] = '\0';
}

static void put_value(char text[ALIAS_LEN_MAX], size_t *len, const struct values *values,
		      const char *path_text)
{
	auto_path struct path path = {};
	const struct value *v =
		path_parse(&path, path_text, NULL) ? NULL : values_at(values, &path, VALUE_AT_ENTRY);
	const struct value *to = v ? value_pointee(v) : NULL;
	auto_cjson cJSON *json = NULL;
	autofree char *printed = NULL;

	if (to && to->kind == VALUE_TEXT)
		v = to;
	if (v && v->kind == VALUE_TEXT)
		return put(text, len, (const char *)v->bytes, v->len);
	if (v && v->kind == VALUE_ENUM && v->text)
		return put(text, len, v->text, strlen(v->text));
	if (v && (v->kind == VALUE_INT || v->kind == VALUE_BOOL || v->kind == VALUE_ENUM))
		json = json_new_integer(v->bits);
	if (cJSON_IsString(json))
		return put(text, len, json->valuestring, strlen(json->valuestring));
	printed = json ? json_print(json) : NULL;
	put(text, len, printed ?: "?", printed ? strlen(printed) : 1);
}

void alias_fill(char text[ALIAS_LEN_MAX], const char *alias, const struct values *values)
{
	char path[PATH_MAX_LEN];
	const char *at = alias, *behind;
	size_t len = 0;

	text[0] = '\0';
	for (; (behind = next(path, at)); at = behind) {
		put(text, &len, at, strcspn(at, "{"));
		put_value(text, &len, values, path);
	}
	put(text, &len, at, strlen(at));
}
