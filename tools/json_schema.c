// SPDX-License-Identifier: BSD-3-Clause
#include "tools/json_schema.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"

#define DIALECT	  "https://json-schema.org/draft/2020-12/schema"
#define VALUE_REF "#/$defs/value"

static const struct {
	const char *type;
	bool has_fields, is_open, is_list;
} kinds[] = {
	[FIELD_STRING] = {"string"},
	[FIELD_INTEGER] = {"integer"},
	[FIELD_NUMBER] = {"number"},
	[FIELD_BOOL] = {"boolean"},
	[FIELD_VALUE] = {NULL},
	[FIELD_VALUES] = {"object"},
	[FIELD_OBJECT] = {"object", .has_fields = true},
	[FIELD_DOCUMENT] = {"object", .has_fields = true, .is_open = true},
	[FIELD_LIST] = {"array", .has_fields = true, .is_list = true},
	[FIELD_STRINGS] = {"array", .is_list = true},
};
static_assert(ARRAY_SIZE(kinds) == FIELD_KIND_CNT, "every kind has a type");

/* A value is what a C type becomes; these are what is no plain number, text, list or struct. */
static const struct {
	const char *first, *first_type, *second;
} marks[] = {
	{"handle", "integer", NULL},	 {"symbol", "string", NULL},	{"ref", "string", NULL},
	{"unavailable", "string", NULL}, {"bytes", "string", "length"}, {"truncated", NULL, "length"},
};

static cJSON *typed(const char *type)
{
	cJSON *json = cJSON_CreateObject();

	if (type)
		cJSON_AddStringToObject(json, "type", type);
	else
		cJSON_AddStringToObject(json, "$ref", VALUE_REF);
	return json;
}

static void add_mark(cJSON *any, const char *first, const char *first_type, const char *second)
{
	cJSON *one = typed("object"), *properties = cJSON_AddObjectToObject(one, "properties");
	cJSON *required = cJSON_AddArrayToObject(one, "required"), *length;

	cJSON_AddItemToObject(properties, first, typed(first_type));
	cJSON_AddItemToArray(required, cJSON_CreateString(first));
	if (second) {
		length = cJSON_AddArrayToObject(cJSON_AddObjectToObject(properties, second), "type");
		cJSON_AddItemToArray(length, cJSON_CreateString("integer"));
		cJSON_AddItemToArray(length, cJSON_CreateString("null"));
		cJSON_AddItemToArray(required, cJSON_CreateString(second));
	}
	cJSON_AddFalseToObject(one, "additionalProperties");
	cJSON_AddItemToArray(any, one);
}

static cJSON *value_definition(void)
{
	static const char *const scalars[] = {"number", "string", "boolean", "null"};
	cJSON *value = cJSON_CreateObject(), *any, *types, *one;

	cJSON_AddStringToObject(
		value, "description",
		"a value of the recorded program: numbers (beyond 2^53 as decimal strings), text, "
		"a struct's members by name, an array's elements, what a pointer leads to");
	any = cJSON_AddArrayToObject(value, "anyOf");
	one = cJSON_CreateObject();
	types = cJSON_AddArrayToObject(one, "type");
	for (size_t i = 0; i < ARRAY_SIZE(scalars); i++)
		cJSON_AddItemToArray(types, cJSON_CreateString(scalars[i]));
	cJSON_AddItemToArray(any, one);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		add_mark(any, marks[i].first, marks[i].first_type, marks[i].second);
	one = typed("array");
	cJSON_AddItemToObject(one, "items", typed(NULL));
	cJSON_AddItemToArray(any, one);
	one = typed("object");
	cJSON_AddItemToObject(one, "additionalProperties", typed(NULL));
	cJSON_AddItemToArray(any, one);
	return value;
}

static void add_fields(cJSON *to, const struct json_field *fields, const char *type, bool is_open);

static cJSON *field_schema(const struct json_field *field)
{
	cJSON *json = cJSON_CreateObject(), *items = json, *types;
	const char *type = kinds[field->kind].type;

	if (!type)
		cJSON_AddStringToObject(json, "$ref", VALUE_REF);
	else if (!field->is_nullable)
		cJSON_AddStringToObject(json, "type", type);
	if (type && field->is_nullable) {
		types = cJSON_AddArrayToObject(json, "type");
		cJSON_AddItemToArray(types, cJSON_CreateString(type));
		cJSON_AddItemToArray(types, cJSON_CreateString("null"));
	}
	cJSON_AddStringToObject(json, "description", field->about);
	if (kinds[field->kind].is_list) {
		items = typed(kinds[field->kind].has_fields ? "object" : "string");
		cJSON_AddItemToObject(json, "items", items);
	}
	if (kinds[field->kind].has_fields)
		add_fields(items, field->fields, NULL, kinds[field->kind].is_open);
	if (field->kind == FIELD_VALUES)
		cJSON_AddItemToObject(json, "additionalProperties", typed(NULL));
	return json;
}

static void add_fields(cJSON *to, const struct json_field *fields, const char *type, bool is_open)
{
	cJSON *properties = cJSON_AddObjectToObject(to, "properties");
	cJSON *required = cJSON_CreateArray();

	if (type) {
		cJSON_AddStringToObject(cJSON_AddObjectToObject(properties, "type"), "const", type);
		cJSON_AddItemToArray(required, cJSON_CreateString("type"));
	}
	for (const struct json_field *field = fields; field->name; field++) {
		cJSON_AddItemToObject(properties, field->name, field_schema(field));
		if (!field->is_optional)
			cJSON_AddItemToArray(required, cJSON_CreateString(field->name));
	}
	cJSON_AddItemToObject(to, "required", required);
	cJSON_AddBoolToObject(to, "additionalProperties", is_open);
}

static bool has_values(const struct json_field *fields)
{
	for (; fields->name; fields++)
		if (fields->kind == FIELD_VALUE || fields->kind == FIELD_VALUES ||
		    (fields->fields && has_values(fields->fields)))
			return true;
	return false;
}

int json_schema_print(const char *command, const struct json_line *lines, struct err *err)
{
	auto_cjson cJSON *schema = cJSON_CreateObject();
	autofree char *text = NULL;
	bool needs_value = false;
	char title[64];
	cJSON *any;

	snprintf(title, sizeof(title), "a line of 'tapedeck %s --json'", command);
	cJSON_AddStringToObject(schema, "$schema", DIALECT);
	cJSON_AddStringToObject(schema, "title", title);
	any = cJSON_AddArrayToObject(schema, "oneOf");
	for (; lines->fields; lines++) {
		cJSON *line = typed("object");

		add_fields(line, lines->fields, lines->type, false);
		cJSON_AddItemToArray(any, line);
		needs_value |= has_values(lines->fields);
	}
	if (needs_value)
		cJSON_AddItemToObject(cJSON_AddObjectToObject(schema, "$defs"), "value", value_definition());
	text = cJSON_Print(schema);
	if (!text)
		return err_nomem(err);
	puts(text);
	return 0;
}
