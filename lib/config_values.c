// SPDX-License-Identifier: BSD-3-Clause
#include "lib/config_values.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/util.h"

int config_at(struct json_reading *reading, const struct cJSON *item, int r)
{
	if (r && !reading->at)
		reading->at = item;
	return r;
}

int config_room(void *out, size_t size, const struct cJSON *list, size_t max, struct err *err)
{
	size_t cnt = cJSON_GetArraySize(list);
	void *rows;

	if (cnt > max)
		return err_usage(err, -EINVAL, "%zu entries, at most %zu are allowed", cnt, max);
	rows = calloc(cnt + 1, size);
	if (!rows)
		return err_nomem(err);
	*(void **)out = rows;
	return 0;
}

int config_read_expr(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsString(item))
		return json_expected(item, "an expression in quotes", err);
	return expr_parse(field, item->valuestring, err);
}

/* @text in canonical form. */
static int read_path_text(char **out, struct path *path, const char *text, struct err *err)
{
	char *canonical;
	int r = path_parse(path, text, err);

	if (r)
		return r;
	canonical = path_text(path);
	if (!canonical)
		return err_nomem(err);
	*out = canonical;
	return 0;
}

int config_read_path(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	auto_path struct path path = {};

	if (!cJSON_IsString(item))
		return json_expected(item, "a path in quotes", err);
	return read_path_text(field, &path, item->valuestring, err);
}

int config_read_key_path(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	auto_path struct path path = {};
	autofree char *text = NULL;
	int r;

	if (!cJSON_IsString(item))
		return json_expected(item, "a path in quotes", err);
	r = read_path_text(&text, &path, item->valuestring, err);
	if (r)
		return r;
	if (!strcmp(path.root, "return") || !strcmp(path.root, "errno"))
		return err_usage(err, -EINVAL, "'%s' is not known when the call is made", path.root);
	*(char **)field = TAKE_PTR(text);
	return 0;
}

int config_read_list(char ***out, struct place **places, size_t *cnt, const struct cJSON *item,
		     json_read_fn read, struct json_reading *reading, struct err *err)
{
	const struct cJSON *child;
	int r;

	if (!cJSON_IsArray(item))
		return json_expected(item, "an array", err);
	r = config_room(out, sizeof(**out), item, CONFIG_LIST_MAX, err);
	if (!r && places)
		r = config_room(places, sizeof(**places), item, CONFIG_LIST_MAX, err);
	if (r)
		return r;
	cJSON_ArrayForEach(child, item)
	{
		if (places)
			(*places)[*cnt] = json_place(reading->doc, child);
		r = config_at(reading, child, read(&(*out)[*cnt], child, reading, err));
		if (r)
			return r;
		++*cnt;
	}
	return 0;
}
