// SPDX-License-Identifier: BSD-3-Clause
#include "lib/json_keys.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/nearest.h"

static const char *kind_of(const struct cJSON *item)
{
	switch (item->type & 0xff) {
	case cJSON_False:
		return "false";
	case cJSON_True:
		return "true";
	case cJSON_NULL:
		return "null";
	case cJSON_Number:
		return isfinite(item->valuedouble) ? "a number" : "a number too large";
	case cJSON_String:
		return *item->valuestring ? "a string" : "an empty string";
	case cJSON_Array:
		return "an array";
	case cJSON_Object:
		return "an object";
	default:
		return "something else";
	}
}

int json_expected(const struct cJSON *item, const char *what, struct err *err)
{
	return err_usage(err, -EINVAL, "expected %s, found %s", what, kind_of(item));
}

static const struct json_key *find(const struct json_key *keys, size_t cnt, const char *name)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static int unknown(const struct json_key *keys, size_t cnt, const char *name, struct err *err)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (size_t i = 0; i < cnt; i++)
		if (keys[i].read)
			nearest_try(&nearest, keys[i].name);
	err_usage(err, -ENOENT, "unknown key '%s'", name);
	if (nearest.best)
		err_hint(err, "did you mean '%s'?", nearest.best);
	return -ENOENT;
}

static int read_key(void *out, const struct cJSON *item, const struct json_key *keys, size_t cnt,
		    struct json_reading *reading, struct err *err)
{
	const struct json_key *key = find(keys, cnt, item->string);

	if (!key)
		return unknown(keys, cnt, item->string, err);
	if (!key->read)
		return err_usage(err, -ENOTSUP, "'%s' is not supported by this version", item->string);
	return key->read((char *)out + key->offset, item, reading, err);
}

int json_read_keys(void *out, const struct cJSON *item, const struct json_key *keys, size_t cnt,
		   struct json_reading *reading, struct err *err)
{
	const struct cJSON *child;

	if (!cJSON_IsObject(item))
		return json_expected(item, "an object", err);
	cJSON_ArrayForEach(child, item)
	{
		int r;

		reading->at = NULL;
		r = read_key(out, child, keys, cnt, reading, err);
		if (r && !reading->at)
			reading->at = child;
		if (r)
			return r;
	}
	return 0;
}

int json_read_string(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	char *text;

	if (!cJSON_IsString(item) || !*item->valuestring)
		return json_expected(item, "a string", err);
	text = strdup(item->valuestring);
	if (!text)
		return err_nomem(err);
	*(char **)field = text;
	return 0;
}

int json_read_true(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsTrue(item))
		return json_expected(item, "true, or the key left out", err);
	*(bool *)field = true;
	return 0;
}

int json_read_number(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
		return json_expected(item, "a number", err);
	*(double *)field = item->valuedouble;
	return 0;
}

int json_read_integer(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!json_integer(field, item))
		return 0;
	if (!cJSON_IsNumber(item))
		return json_expected(item, "an integer", err);
	if (item->valuedouble != trunc(item->valuedouble))
		return err_usage(err, -EINVAL, "expected an integer, found a fraction");
	return err_usage(err, -EINVAL, "an integer beyond 2^53 is written as a string");
}
