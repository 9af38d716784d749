// SPDX-License-Identifier: BSD-3-Clause
#include "lib/config_func.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alias.h"
#include "lib/cassette.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json_keys.h"
#include "lib/key.h"
#include "lib/nearest.h"
#include "lib/util.h"

#define SIZE_RATE_BYTES_MAX (1ull << 30)
#define RATE_PER_SECOND_MAX 1e9

static const char *const role_keys[ROLE_CNT] = {
	[ROLE_OPERATION] = "operations",
	[ROLE_INPUT] = "inputs",
	[ROLE_OUTPUT] = "outputs",
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

/* --- small values --- */

/* Say that a failure is about @item, unless something inside it was named. */
static int at(struct json_reading *reading, const struct cJSON *item, int r)
{
	if (r && !reading->at)
		reading->at = item;
	return r;
}

static int room(void *out, size_t size, const struct cJSON *list, size_t max, struct err *err)
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

static int read_expr(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsString(item))
		return json_expected(item, "an expression in quotes", err);
	return expr_parse(field, item->valuestring, err);
}

static int read_error_if(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;

	func->error_if_place = json_place(reading->doc, item);
	return read_expr(&func->error_if, item, reading, err);
}

static int read_keep_if(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;

	func->keep_if_place = json_place(reading->doc, item);
	return read_expr(&func->sampling.keep_if, item, reading, err);
}

/* The name in @expr that is not known at entry, or NULL. */
static const char *late_name(const struct expr *expr)
{
	const char *name = NULL;

	if (!expr)
		return NULL;
	if (expr->kind == EXPR_PATH &&
	    (!strcmp(expr->path.root, "return") || !strcmp(expr->path.root, "errno")))
		return expr->path.root;
	name = late_name(expr->a);
	return name ? name : late_name(expr->b);
}

/* A predicate that is decided at entry. */
static int read_only_if(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;
	const char *late;
	int r;

	if (func->sampling.only_if)
		return err_usage(err, -EINVAL, "it stands here and in \"sample\"");
	func->only_if_place = json_place(reading->doc, item);
	r = read_expr(&func->sampling.only_if, item, reading, err);
	late = r ? NULL : late_name(func->sampling.only_if);
	if (!late)
		return r;
	err_usage(err, -EINVAL, "'%s' is not known when the call is made", late);
	err_hint(err, "\"keep_if\" decides when the call has ended");
	return -EINVAL;
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

static int read_path(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	auto_path struct path path = {};

	if (!cJSON_IsString(item))
		return json_expected(item, "a path in quotes", err);
	return read_path_text(field, &path, item->valuestring, err);
}

static int read_key_path(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
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

/* In a list of them: the default key, too. */
static int read_key_part(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsString(item) || strcmp(item->valuestring, KEY_DEFAULT_PATH) != 0)
		return read_key_path(field, item, reading, err);
	*(char **)field = strdup(KEY_DEFAULT_PATH);
	return *(char **)field ? 0 : err_nomem(err);
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

/* @places: NULL when unwanted. */
static int read_list(char ***out, struct place **places, size_t *cnt, const struct cJSON *item,
		     json_read_fn read, struct json_reading *reading, struct err *err)
{
	const struct cJSON *child;
	int r;

	if (!cJSON_IsArray(item))
		return json_expected(item, "an array", err);
	r = room(out, sizeof(**out), item, CONFIG_LIST_MAX, err);
	if (!r && places)
		r = room(places, sizeof(**places), item, CONFIG_LIST_MAX, err);
	if (r)
		return r;
	cJSON_ArrayForEach(child, item)
	{
		if (places)
			(*places)[*cnt] = json_place(reading->doc, child);
		r = at(reading, child, read(&(*out)[*cnt], child, reading, err));
		if (r)
			return r;
		++*cnt;
	}
	return 0;
}

/* --- the keys of a function --- */

int config_read_rules(struct rule **rules, struct place **places, size_t *cnt, const struct cJSON *item,
		      struct json_reading *reading, struct err *err)
{
	const struct cJSON *child;
	int r;

	if (!cJSON_IsObject(item))
		return json_expected(item, "an object", err);
	r = room(rules, sizeof(**rules), item, CONFIG_RULES_MAX, err);
	if (!r && places)
		r = room(places, sizeof(**places), item, CONFIG_RULES_MAX, err);
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
			return at(reading, child, r);
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
	r = room(&func->metadata, sizeof(*func->metadata), item, CONFIG_LIST_MAX, err);
	if (r)
		return r;
	cJSON_ArrayForEach(child, item)
	{
		struct named_path *named = &func->metadata[func->metadata_cnt++];

		named->place = json_place(reading->doc, child);
		named->name = strdup(child->string);
		r = named->name ? read_path(&named->path, child, reading, err) : err_nomem(err);
		if (r)
			return at(reading, child, r);
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

static int read_rate(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	double rate = 0;
	int r = json_read_number(&rate, item, reading, err);

	if (r)
		return r;
	if (!(rate >= 0 && rate <= 1))
		return err_usage(err, -EINVAL, "%g is not between 0 and 1", rate);
	*(double *)field = rate;
	return 0;
}

static int read_max_per_second(void *field, const struct cJSON *item, struct json_reading *reading,
			       struct err *err)
{
	double max = 0;
	int r = json_read_number(&max, item, reading, err);

	if (r)
		return r;
	if (!(max > 0 && max <= RATE_PER_SECOND_MAX))
		return err_usage(err, -EINVAL, "%g is not above 0 and at most %g", max, RATE_PER_SECOND_MAX);
	*(double *)field = max;
	return 0;
}

static int read_at_end(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsBool(item))
		return json_expected(item, "true or false", err);
	*(bool *)field = cJSON_IsTrue(item);
	return 0;
}

/* "64K" */
static int parse_size(uint64_t *out, const char *text, struct err *err)
{
	static const char units[] = "KMG";
	char *end;
	uint64_t bytes = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;

	if (unit)
		bytes <<= MIN(10 * (unit - units + 1), 30);
	end += unit ? 1 : 0;
	if (*text < '0' || *text > '9' || *end || !bytes || bytes > SIZE_RATE_BYTES_MAX) {
		err_usage(err, -EINVAL, "'%s' is no size", text);
		err_hint(err, "write bytes, or as in \"64K\", \"1M\", up to 1G");
		return -EINVAL;
	}
	*out = bytes;
	return 0;
}

static int read_sizes(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct sampling *sampling = &((struct config_func *)field)->sampling;
	const cJSON *child;

	if (!cJSON_IsObject(item))
		return json_expected(item, "an object, as {\"64K\": 0.5, \"1M\": 0}", err);
	cJSON_ArrayForEach(child, item)
	{
		struct size_rate *rate = &sampling->sizes[sampling->sizes_cnt];
		int r;

		if (sampling->sizes_cnt == SIZE_RATES_MAX)
			return err_usage(err, -EINVAL, "more than %d sizes", SIZE_RATES_MAX);
		r = parse_size(&rate->bytes, child->string, err);
		if (!r)
			r = read_rate(&rate->rate, child, reading, err);
		if (r)
			return at(reading, child, r);
		sampling->sizes_cnt++;
	}
	return 0;
}

static int read_sample(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	static const struct json_key keys[] = {
		{"rate", read_rate, offsetof(struct config_func, sampling.rate)},
		{"at_end", read_at_end, offsetof(struct config_func, sampling.is_at_end)},
		{"by", read_key_path, offsetof(struct config_func, sampling.by)},
		{"max_per_second", read_max_per_second,
		 offsetof(struct config_func, sampling.max_per_second)},
		{"if", read_only_if},
		{"keep_if", read_keep_if},
		{"sizes", read_sizes},
	};

	const struct config_func *func = field;
	int r = json_read_keys(field, item, keys, ARRAY_SIZE(keys), reading, err);

	if (r || !func->sampling.is_at_end || !func->sampling.by)
		return r;
	reading->at = cJSON_GetObjectItemCaseSensitive(item, "at_end");
	return err_usage(
		err, -EINVAL,
		"what \"by\" names is known when the call is made: the rate cannot decide at its end");
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
	static const struct json_key keys[] = {{"by", read_key_path, offsetof(struct config_func, joins)}};
	struct config_func *func = field;
	int r = json_read_keys(func, item, keys, ARRAY_SIZE(keys), reading, err);

	if (!r && !func->joins)
		return err_usage(err, -EINVAL, "expected {\"by\": PATH}");
	return r;
}

static int read_key(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config_func *func = field;

	return read_list(&func->key, &func->key_places, &func->key_cnt, item, read_key_part, reading, err);
}

static int read_fallbacks(void *field, const struct cJSON *item, struct json_reading *reading,
			  struct err *err)
{
	struct config_func *func = field;

	return read_list(&func->fallbacks, NULL, &func->fallbacks_cnt, item, read_alias, reading, err);
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

enum { OPERATIONS = 1 << ROLE_OPERATION, INPUTS = 1 << ROLE_INPUT, OUTPUTS = 1 << ROLE_OUTPUT };

static const struct row {
	unsigned roles;
	struct json_key key;
} rows[] = {
	{OPERATIONS | INPUTS | OUTPUTS, {"alias", read_alias, offsetof(struct config_func, alias)}},
	{OPERATIONS | INPUTS | OUTPUTS, {"args", read_args}},
	{OPERATIONS, {"category", read_category, offsetof(struct config_func, category)}},
	{OPERATIONS, {"metadata", read_metadata}},
	{OPERATIONS, {"sample", read_sample}},
	{OPERATIONS, {"if", read_only_if}},
	{OPERATIONS, {"enabled", read_enabled}},
	{OPERATIONS | INPUTS | OUTPUTS, {"carrier", read_key_path, offsetof(struct config_func, carrier)}},
	{INPUTS | OUTPUTS, {"joins", read_joins}},
	{OPERATIONS, {"error_if", read_error_if}},
	{OPERATIONS | OUTPUTS, {"compare", config_read_compare, offsetof(struct config_func, compare)}},
	{OPERATIONS, {"plugin", config_read_plugin, offsetof(struct config_func, plugin)}},
	{INPUTS, {"key", read_key}},
	{INPUTS | OUTPUTS, {"when_missing", read_when_missing}},
	{INPUTS, {"fallback_aliases", read_fallbacks}},
	{OPERATIONS | INPUTS | OUTPUTS, {"prototype", read_prototype}},
	{OPERATIONS | INPUTS | OUTPUTS, {"nothrow", read_nothrow, offsetof(struct config_func, nothrow)}},
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
	return at(reading, item, r);
}
