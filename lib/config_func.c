// SPDX-License-Identifier: BSD-3-Clause
#include "lib/config_func.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alias.h"
#include "lib/cassette.h"
#include "lib/config.h"
#include "lib/config_sample.h"
#include "lib/config_values.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json_keys.h"
#include "lib/key.h"
#include "lib/util.h"

static const char *const role_keys[ROLE_CNT] = {
	[ROLE_OPERATION] = "operations",
	[ROLE_INPUT] = "inputs",
	[ROLE_OUTPUT] = "outputs",
	[ROLE_CALLBACK] = "callbacks",
};

const char *config_role_key(enum role role)
{
	return role_keys[role];
}

static void free_texts(char **texts, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		free(texts[i]);
	free(texts);
}

static void free_measures(struct config_func *func)
{
	for (size_t i = 0; i < func->metadata_cnt; i++) {
		free(func->metadata[i].name);
		free(func->metadata[i].path);
	}
	free(func->metadata);
}

void config_func_release(struct config_func *func)
{
	free(func->name);
	free(func->module);
	free(func->symbol);
	free(func->alias);
	free(func->category);
	free(func->prototype);
	for (size_t i = 0; i < func->rules_cnt; i++)
		rule_release(&func->rules[i]);
	free(func->rules);
	free(func->rule_places);
	free_texts(func->key, func->key_cnt);
	free(func->key_places);
	free_texts(func->fallbacks, func->fallbacks_cnt);
	compare_rules_release(&func->compare);
	config_plugin_release(&func->plugin);
	free_measures(func);
	expr_free(func->error_if);
	expr_free(func->sampling.only_if);
	expr_free(func->sampling.keep_if);
	free(func->sampling.by);
	free(func->carrier);
	free(func->fixed);
	free(func->joins);
	*func = (struct config_func){};
}

static int read_error_if(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;

	func->error_if_place = json_place(reading->doc, item);
	return config_read_expr(&func->error_if, item, reading, err);
}

static int read_alias(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	char *paths[ALIAS_PATHS_MAX];
	size_t cnt = 0;
	int r = cJSON_IsString(item) ? alias_paths(paths, &cnt, item->valuestring, err) : 0;

	while (cnt)
		free(paths[--cnt]);
	return r < 0 ? r : json_read_string(field, item, reading, err);
}

/* --- the keys of a function --- */

int config_read_rules(struct rule **rules, struct place **places, size_t *cnt, const struct cJSON *item,
		      struct json_reading *reading, struct err *err)
{
	const struct cJSON *child;
	int r;

	if (!cJSON_IsObject(item))
		return json_expected(item, "an object", err);
	r = config_room(rules, sizeof(**rules), item, CONFIG_RULES_MAX, err);
	if (!r && places)
		r = config_room(places, sizeof(**places), item, CONFIG_RULES_MAX, err);
	if (r)
		return r;
	cJSON_ArrayForEach(child, item)
	{
		struct rule *rule = &(*rules)[*cnt];

		r = rule_parse(rule, child->string, child, &reading->at, err);
		if (r)
			return r;
		if (places)
			(*places)[*cnt] = json_place(reading->doc, child);
		for (size_t i = 0; i < *cnt && !r; i++)
			if (!strcmp((*rules)[i].path, rule->path))
				r = err_usage(err, -EINVAL, "'%s' has a rule already", rule->path);
		++*cnt;
		if (r)
			return config_at(reading, child, r);
	}
	return 0;
}

static int read_args(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;

	return config_read_rules(&func->rules, &func->rule_places, &func->rules_cnt, item, reading, err);
}

static int read_category(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	autofree char *category = NULL;
	int r = json_read_string(&category, item, reading, err);

	if (r)
		return r;
	if (*category == '_')
		return err_usage(err, -EINVAL, "categories that begin with '_' are reserved");
	if (!category_is_valid(category))
		return err_usage(err, -EINVAL, "'%s' cannot be a category, because it is no file name",
				 category);
	*(char **)field = TAKE_PTR(category);
	return 0;
}

static int read_metadata(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;
	const struct cJSON *child;
	int r;

	if (!cJSON_IsObject(item))
		return json_expected(item, "an object of names and paths", err);
	r = config_room(&func->metadata, sizeof(*func->metadata), item, CONFIG_LIST_MAX, err);
	if (r)
		return r;
	cJSON_ArrayForEach(child, item)
	{
		struct named_path *named = &func->metadata[func->metadata_cnt++];

		named->place = json_place(reading->doc, child);
		named->name = strdup(child->string);
		r = named->name ? config_read_path(&named->path, child, reading, err) : err_nomem(err);
		if (r)
			return config_at(reading, child, r);
	}
	return 0;
}

static int read_prototype(void *field, const struct cJSON *item, struct json_reading *reading,
			  struct err *err)
{
	struct config_func *func = field;

	func->prototype_place = json_place(reading->doc, item);
	return json_read_string(&func->prototype, item, reading, err);
}

static int read_enabled(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;

	if (!cJSON_IsBool(item))
		return json_expected(item, "true or false", err);
	func->sampling.is_off = cJSON_IsFalse(item);
	return 0;
}

static int read_nothrow(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsBool(item))
		return json_expected(item, "true or false", err);
	*(bool *)field = cJSON_IsTrue(item);
	return 0;
}

static int read_joins(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	static const struct json_key keys[] = {
		{"by", config_read_key_path, offsetof(struct config_func, joins)}};
	struct config_func *func = field;
	int r = json_read_keys(func, item, keys, ARRAY_SIZE(keys), reading, err);

	if (!r && !func->joins)
		return err_usage(err, -EINVAL, "expected {\"by\": PATH}");
	return r;
}

/* In a list of them: the default key, too. */
static int read_key_part(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsString(item) || strcmp(item->valuestring, KEY_DEFAULT_PATH) != 0)
		return config_read_key_path(field, item, reading, err);
	*(char **)field = strdup(KEY_DEFAULT_PATH);
	return *(char **)field ? 0 : err_nomem(err);
}

static int read_key(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;

	return config_read_list(&func->key, &func->key_places, &func->key_cnt, item, read_key_part, reading,
				err);
}

static int read_fallbacks(void *field, const struct cJSON *item, struct json_reading *reading,
			  struct err *err)
{
	struct config_func *func = field;

	return config_read_list(&func->fallbacks, NULL, &func->fallbacks_cnt, item, read_alias, reading, err);
}

static int read_missing_return(void *field, const struct cJSON *item, struct json_reading *reading,
			       struct err *err)
{
	struct config_func *func = field;

	func->missing = MISSING_RETURN;
	return json_read_integer(&func->missing_return, item, reading, err);
}

static int read_when_missing(void *field, const struct cJSON *item, struct json_reading *reading,
			     struct err *err)
{
	static const struct json_key keys[] = {{"return", read_missing_return}};
	static const char expected[] = "'fail', 'run' or {\"return\": NUMBER}";
	struct config_func *func = field;

	if (cJSON_IsObject(item) && item->child)
		return json_read_keys(func, item, keys, ARRAY_SIZE(keys), reading, err);
	if (!cJSON_IsString(item))
		return json_expected(item, expected, err);
	if (!strcmp(item->valuestring, "fail"))
		func->missing = MISSING_FAIL;
	else if (!strcmp(item->valuestring, "run") && func->role == ROLE_INPUT)
		func->missing = MISSING_RUN;
	else if (!strcmp(item->valuestring, "run"))
		return err_usage(err, -EINVAL,
				 "an output never runs at replay: expected 'fail' or {\"return\": NUMBER}");
	else
		return err_usage(err, -EINVAL, "expected %s, found '%s'", expected, item->valuestring);
	return 0;
}

enum {
	OPERATIONS = 1 << ROLE_OPERATION,
	INPUTS = 1 << ROLE_INPUT,
	OUTPUTS = 1 << ROLE_OUTPUT,
	CALLBACKS = 1 << ROLE_CALLBACK,
	ALL = OPERATIONS | INPUTS | OUTPUTS | CALLBACKS,
};

static const struct row {
	unsigned roles;
	struct json_key key;
} rows[] = {
	{ALL, {"alias", read_alias, offsetof(struct config_func, alias)}},
	{ALL, {"args", read_args}},
	{OPERATIONS, {"category", read_category, offsetof(struct config_func, category)}},
	{OPERATIONS, {"metadata", read_metadata}},
	{OPERATIONS, {"sample", config_read_sample}},
	{OPERATIONS, {"if", config_read_only_if}},
	{OPERATIONS, {"enabled", read_enabled}},
	{OPERATIONS | INPUTS | OUTPUTS,
	 {"carrier", config_read_key_path, offsetof(struct config_func, carrier)}},
	{INPUTS | OUTPUTS, {"joins", read_joins}},
	{OPERATIONS, {"error_if", read_error_if}},
	{OPERATIONS | OUTPUTS | CALLBACKS,
	 {"compare", config_read_compare, offsetof(struct config_func, compare)}},
	{OPERATIONS | INPUTS, {"plugin", config_read_plugin, offsetof(struct config_func, plugin)}},
	{INPUTS, {"key", read_key}},
	{INPUTS | OUTPUTS, {"when_missing", read_when_missing}},
	{INPUTS, {"fallback_aliases", read_fallbacks}},
	{ALL, {"prototype", read_prototype}},
	{ALL, {"nothrow", read_nothrow, offsetof(struct config_func, nothrow)}},
	{OPERATIONS | INPUTS | OUTPUTS, {"serve"}},
};

static int read_keys(struct config_func *func, const struct cJSON *item, struct json_reading *reading,
		     struct err *err)
{
	struct json_key keys[ARRAY_SIZE(rows)];
	size_t cnt = 0;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].roles & 1 << func->role)
			keys[cnt++] = rows[i].key;
	r = json_read_keys(func, item, keys, cnt, reading, err);
	if (r != -ENOENT)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].key.name, reading->at->string))
			return err_usage(err, r, "'%s' has no meaning", rows[i].key.name);
	return r;
}

/* Split at the first colon that stands alone: C++ names hold pairs of them. */
static int split_name(struct config_func *func, const char *name, struct err *err)
{
	const char *colon = strchr(name, ':');

	while (colon && colon[1] == ':')
		colon = strchr(colon + 2, ':');
	if (!*name || colon == name || (colon && !colon[1]))
		return err_usage(err, -EINVAL, "'%s' is no function: expected 'NAME' or 'FILE:NAME'", name);
	func->name = strdup(name);
	func->module = colon ? strndup(name, colon - name) : NULL;
	func->symbol = strdup(colon ? colon + 1 : name);
	if (!func->name || !func->symbol || (colon && !func->module))
		return err_nomem(err);
	return 0;
}

static int default_category(struct config_func *func, struct err *err)
{
	if (*func->symbol == '_' || !category_is_valid(func->symbol)) {
		err_usage(err, -EINVAL, "the function's name cannot be its category");
		err_hint(err, "give it a \"category\" in the configuration");
		return -EINVAL;
	}
	func->category = strdup(func->symbol);
	return func->category ? 0 : err_nomem(err);
}

/* What was written, but for what may change while recording. */
static int read_fixed(struct config_func *func, const struct cJSON *item, struct err *err)
{
	static const char *const changing[] = {"sample", "if", "enabled"};
	cJSON *copy = cJSON_Duplicate(item, true);

	for (size_t i = 0; copy && i < ARRAY_SIZE(changing); i++)
		cJSON_DeleteItemFromObjectCaseSensitive(copy, changing[i]);
	func->fixed = copy ? cJSON_PrintUnformatted(copy) : NULL;
	cJSON_Delete(copy);
	return func->fixed ? 0 : err_nomem(err);
}

/* What tells the instances of an alias apart belongs to the key: behind the default one where none is
 * written. */
static int add_instances(struct config_func *func, struct err *err)
{
	char *paths[ALIAS_PATHS_MAX];
	size_t cnt, first = func->key ? func->key_cnt : 1;
	bool had = func->key;
	struct place *places;
	char **key;
	int r = alias_paths(paths, &cnt, func->alias, err);

	if (r < 0 || !cnt)
		return r;
	key = realloc(func->key, (first + cnt + 1) * sizeof(*key));
	if (key)
		func->key = key;
	places = realloc(func->key_places, (first + cnt + 1) * sizeof(*places));
	if (places)
		func->key_places = places;
	if (!key || !places) {
		while (cnt)
			free(paths[--cnt]);
		return err_nomem(err);
	}
	if (!had) {
		key[0] = strdup(KEY_DEFAULT_PATH);
		places[0] = func->place;
		func->key_cnt = 1;
	}
	for (size_t i = 0; i < cnt; i++) {
		places[func->key_cnt] = func->place;
		key[func->key_cnt++] = paths[i];
	}
	return key[0] ? 0 : err_nomem(err);
}

int config_read_func(struct config_func *out, enum role role, const struct cJSON *item,
		     struct json_reading *reading, struct err *err)
{
	int r;

	*out = (struct config_func){
		.role = role, .sampling.rate = 1, .place = json_place(reading->doc, item)};
	r = split_name(out, item->string, err);
	if (!r)
		r = read_keys(out, item, reading, err);
	if (!r)
		r = read_fixed(out, item, err);
	if (!r && role == ROLE_OPERATION && !out->category)
		r = default_category(out, err);
	if (!r && !out->alias) {
		out->alias = strdup(out->name);
		r = out->alias ? 0 : err_nomem(err);
	}
	if (!r && role == ROLE_INPUT && alias_has_instances(out->alias))
		r = add_instances(out, err);
	if (!r && out->carrier && out->joins)
		r = err_usage(err, -EINVAL, "\"carrier\" and \"joins\" exclude each other");
	return config_at(reading, item, r);
}
