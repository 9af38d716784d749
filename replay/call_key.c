// SPDX-License-Identifier: BSD-3-Clause
#include "replay/call_key.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/key.h"
#include "lib/program.h"
#include "lib/util.h"
#include "lib/value.h"

static bool put(cJSON *object, const char *name, cJSON *item)
{
	bool ok = item && cJSON_AddItemToObject(object, name, item);

	if (!ok)
		cJSON_Delete(item);
	return ok;
}

static cJSON *path_json(const struct values *values, const char *text, struct handles *handles)
{
	auto_path struct path path = {};
	const struct value *value;
	cJSON *absent;

	value = path_parse(&path, text, NULL) ? NULL : values_at(values, &path, VALUE_AT_ENTRY);
	if (value)
		return value_json(value, handles);
	absent = cJSON_CreateObject();
	if (absent)
		cJSON_AddStringToObject(absent, "unavailable", "not in this call");
	return absent;
}

static bool put_default(cJSON *json, const struct values *values, struct handles *handles)
{
	bool ok = true;

	for (size_t i = 0; ok && i < values->params_cnt; i++) {
		const struct value *arg = values->args[i];
		bool is_pointer = arg && (arg->kind == VALUE_POINTER || arg->kind == VALUE_REF) &&
				  !(arg->child_cnt && arg->child[0]->kind == VALUE_TEXT);

		if (arg && values->names[i] && (!is_pointer || arg->is_const || arg->is_explicit))
			ok = put(json, values->names[i], value_json(arg, handles));
	}
	return ok;
}

/* Where the two differ first, behind what @path holds; false: nowhere. */
static bool find_differing(char *path, size_t size, const cJSON *a, const cJSON *b)
{
	size_t len = strlen(path);
	const cJSON *one, *other;
	int i = 0;

	if (json_is_same(a, b))
		return false;
	cJSON_ArrayForEach(one, a)
	{
		other = one->string ? cJSON_GetObjectItemCaseSensitive(b, one->string)
				    : cJSON_GetArrayItem(b, i);
		if (one->string)
			snprintf(path + len, size - len, "%s%s", len ? "." : "", one->string);
		else
			snprintf(path + len, size - len, "[%d]", i);
		if (!other || find_differing(path, size, one, other))
			return true;
		i++;
	}
	path[len] = '\0';
	return true;
}

bool call_key_differs(char *path, size_t size, const cJSON *due, const cJSON *made)
{
	path[0] = '\0';
	return find_differing(path, size, due, made) && path[0];
}

struct cJSON *call_key_json(const struct program_func *func, const struct values *values,
			    struct handles *handles)
{
	auto_cjson cJSON *json = cJSON_CreateObject();
	char *const *key = func->config->key;
	bool ok = json;

	if (ok && !key)
		ok = put_default(json, values, handles);
	for (size_t i = 0; ok && key && i < func->config->key_cnt; i++)
		ok = !strcmp(key[i], KEY_DEFAULT_PATH)
			     ? put_default(json, values, handles)
			     : put(json, key[i], path_json(values, key[i], handles));
	return ok ? TAKE_PTR(json) : NULL;
}
