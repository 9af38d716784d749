// SPDX-License-Identifier: BSD-3-Clause
#include "tests/integration/json_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/util.h"

#define WHY_MAX 512

struct checker {
	const cJSON *root;
	char why[WHY_MAX]; /* the last mismatch */
};

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static bool is_integer(const cJSON *json)
{
	return cJSON_IsNumber(json) && json->valuedouble == (double)(int64_t)json->valuedouble;
}

static bool is_of_type(const cJSON *json, const char *type)
{
	static const struct {
		const char *name;
		cJSON_bool (*is)(const cJSON *json);
	} types[] = {
		{"string", cJSON_IsString}, {"number", cJSON_IsNumber}, {"boolean", cJSON_IsBool},
		{"null", cJSON_IsNull},	    {"object", cJSON_IsObject}, {"array", cJSON_IsArray},
	};

	if (!strcmp(type, "integer"))
		return is_integer(json);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, type))
			return types[i].is(json);
	fail_msg("the schema has an unknown type '%s'", type);
	return false;
}

static bool mismatch(struct checker *c, const char *where, const char *what)
{
	snprintf(c->why, sizeof(c->why), "%.400s: %.100s", where, what);
	return false;
}

static bool check(struct checker *c, const cJSON *schema, const cJSON *json, const char *where);

static bool check_type(struct checker *c, const cJSON *type, const cJSON *json, const char *where)
{
	const cJSON *one;

	if (cJSON_IsString(type))
		return is_of_type(json, type->valuestring) || mismatch(c, where, type->valuestring);
	cJSON_ArrayForEach(one, type) if (is_of_type(json, one->valuestring)) return true;
	return mismatch(c, where, "none of its types");
}

static bool check_members(struct checker *c, const cJSON *schema, const cJSON *json, const char *where)
{
	const cJSON *properties = get(schema, "properties"), *others = get(schema, "additionalProperties"),
		    *item;
	char below[WHY_MAX];

	cJSON_ArrayForEach(item, get(schema, "required")) if (!get(json, item->valuestring)) return mismatch(
		c, where, item->valuestring);
	cJSON_ArrayForEach(item, json)
	{
		const cJSON *property = get(properties, item->string);

		snprintf(below, sizeof(below), "%.400s.%.64s", where, item->string);
		if (!property && cJSON_IsFalse(others))
			return mismatch(c, below, "not in the schema");
		if (!property)
			property = cJSON_IsObject(others) ? others : NULL;
		if (property && !check(c, property, item, below))
			return false;
	}
	return true;
}

static bool check_any(struct checker *c, const cJSON *schemas, const cJSON *json, const char *where)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, schemas) if (check(c, one, json, where)) return true;
	return false;
}

static const cJSON *resolve(const struct checker *c, const char *ref)
{
	static const char prefix[] = "#/$defs/";
	const cJSON *target;

	assert_memory_equal(ref, prefix, sizeof(prefix) - 1);
	target = get(get(c->root, "$defs"), ref + sizeof(prefix) - 1);
	assert_non_null(target);
	return target;
}

static bool check(struct checker *c, const cJSON *schema, const cJSON *json, const char *where)
{
	const cJSON *type = get(schema, "type"), *ref = get(schema, "$ref"), *constant = get(schema, "const");
	const cJSON *any = get(schema, "anyOf") ? get(schema, "anyOf") : get(schema, "oneOf"), *item;
	char below[WHY_MAX];
	int idx = 0;

	if (ref && !check(c, resolve(c, ref->valuestring), json, where))
		return false;
	if (type && !check_type(c, type, json, where))
		return false;
	if (constant && !cJSON_Compare(constant, json, true))
		return mismatch(c, where, constant->valuestring);
	if (any && !check_any(c, any, json, where))
		return false;
	if (cJSON_IsObject(json) && !check_members(c, schema, json, where))
		return false;
	if (!cJSON_IsArray(json) || !get(schema, "items"))
		return true;
	cJSON_ArrayForEach(item, json)
	{
		snprintf(below, sizeof(below), "%.400s[%d]", where, idx++);
		if (!check(c, get(schema, "items"), item, below))
			return false;
	}
	return true;
}

void json_check_line(const cJSON *schema, const cJSON *line)
{
	struct checker c = {.root = schema};
	char *text;

	if (check(&c, schema, line, ""))
		return;
	text = cJSON_PrintUnformatted(line);
	fail_msg("%s, in %s", c.why, text);
}
