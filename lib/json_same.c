// SPDX-License-Identifier: BSD-3-Clause
#include "lib/json.h"

#include <cjson/cJSON.h>
#include <string.h>

static bool members_are_same(const cJSON *a, const cJSON *b)
{
	const cJSON *one, *other;

	if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
		return false;
	cJSON_ArrayForEach(one, a)
	{
		other = cJSON_GetObjectItemCaseSensitive(b, one->string);
		if (!other || !json_is_same(one, other))
			return false;
	}
	return true;
}

static bool items_are_same(const cJSON *a, const cJSON *b)
{
	const cJSON *one = a->child, *other = b->child;

	for (; one && other; one = one->next, other = other->next)
		if (!json_is_same(one, other))
			return false;
	return !one && !other;
}

bool json_is_same(const cJSON *a, const cJSON *b)
{
	if ((a->type & 0xff) != (b->type & 0xff))
		return false;
	if (cJSON_IsNumber(a))
		return a->valuedouble == b->valuedouble;
	if (cJSON_IsString(a))
		return !strcmp(a->valuestring, b->valuestring);
	if (cJSON_IsObject(a))
		return members_are_same(a, b);
	return !cJSON_IsArray(a) || items_are_same(a, b);
}
