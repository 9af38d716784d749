// SPDX-License-Identifier: BSD-3-Clause
/*
 * The reading itself is in tables of keys (json_keys.h). Here: the file, the top of the document, what holds
 * between functions, and the form of every message: "FILE:LINE:COLUMN: " with the way to the item.
 */
#include "lib/config.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/config_func.h"
#include "lib/err.h"
#include "lib/json_keys.h"
#include "lib/nearest.h"
#include "lib/serve.h"
#include "lib/util.h"

#define WHERE_LEN_MAX	256
#define TYPES_MAX	1024
#define ENVIRONMENT_MAX 256
#define READ_AT_ONCE	65536
#define SHARE_MAX	10000 /* percent of a core: more than there are */

/* Roles and types are kept aside until all of them are there: the order in the file is free. */
struct draft {
	struct config config;
	const struct cJSON *roles[ROLE_CNT], *types;
};

static void release(struct config *config)
{
	for (size_t i = 0; i < config->funcs_cnt; i++)
		config_func_release(&config->funcs[i]);
	for (size_t i = 0; i < config->types_cnt; i++) {
		struct type_rules *type = &config->types[i];

		for (size_t j = 0; j < type->cnt; j++)
			rule_release(&type->rules[j]);
		free(type->rules);
		free(type->type);
	}
	free(config->funcs);
	free(config->types);
	free(config->types_fixed);
	for (size_t i = 0; i < config->environment_cnt; i++)
		free(config->environment[i]);
	free(config->environment);
	free(config->path);
	free(config->service);
	free(config->binary);
	free(config->cassette);
	free(config->redact_key_file);
	if (config->redact_key)
		explicit_bzero(config->redact_key, config->redact_key_len);
	free(config->redact_key);
}

struct config_func *config_find(const struct config *config, const struct config_func *func)
{
	for (size_t i = 0; i < config->funcs_cnt; i++)
		if (config->funcs[i].role == func->role && !strcmp(config->funcs[i].name, func->name))
			return &config->funcs[i];
	return NULL;
}

int config_take(struct config *config, struct config_func *func, struct err *err)
{
	if (config->funcs_cnt == SCHEMA_FUNCS_MAX)
		return err_set(err, -E2BIG,
			       "%d functions are configured: there is no room for the program's marks",
			       SCHEMA_FUNCS_MAX);
	config->funcs[config->funcs_cnt++] = *func;
	*func = (struct config_func){.role = func->role};
	return 0;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	release(config);
	free(config);
}

void config_freep(struct config **config)
{
	config_free(*config);
}

/* --- messages --- */

static int error_at(const char *name, struct place place, int code, struct err *err)
{
	if (place.line)
		err_wrap(err, code, "%s:%d:%d", name, place.line, place.column);
	else
		err_wrap(err, code, "%s", name);
	if (err)
		err->is_usage = 1;
	return code;
}

int config_error_at(const struct config *config, struct place place, int code, struct err *err)
{
	return error_at(config->path, place, code, err);
}

/* "unknown key 'ailas'" gets " in inputs.db_get" behind it. */
static void add_parent(const char *where, const char *key, struct err *err)
{
	size_t len = strlen(where), key_len = strlen(key), used = strlen(err->msg);

	if (len <= key_len + 1 || strcmp(where + len - key_len, key))
		return;
	snprintf(err->msg + used, sizeof(err->msg) - used, " in %.*s", (int)(len - key_len - 1), where);
}

/* Complete @err, which is about reading->at, with the place and the way to it. */
static int locate(const char *name, const struct json_reading *reading, int code, struct err *err)
{
	const struct cJSON *item = reading->at ? reading->at : json_root(reading->doc);
	char where[WHERE_LEN_MAX];

	if (code == -ENOMEM)
		return code;
	if (!err)
		return -EINVAL;
	json_where(reading->doc, item, where, sizeof(where));
	if ((code == -ENOENT || code == -ENOTSUP) && item->string)
		add_parent(where, item->string, err);
	else if (*where)
		err_wrap(err, code, "%s", where);
	return error_at(name, json_place(reading->doc, item), -EINVAL, err);
}

/* --- the top of the document --- */

static int keep_item(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsObject(item))
		return json_expected(item, "an object", err);
	*(const struct cJSON **)field = item;
	return 0;
}

int config_share(double *out, const char *text, struct err *err)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || strcmp(end, "%"))
		return err_usage(err, -EINVAL, "'%s' is no share: expected a number and '%%'", text);
	if (!(percent > 0 && percent <= SHARE_MAX))
		return err_usage(err, -EINVAL, "%g%% is not above 0%% and at most %d%%", percent, SHARE_MAX);
	*out = percent / 100;
	return 0;
}

static int read_redact_key(void *field, const struct cJSON *item, struct json_reading *reading,
			   struct err *err)
{
	static const struct json_key keys[] = {
		{"key_file", json_read_string, offsetof(struct config, redact_key_file)}};

	return json_read_keys(field, item, keys, ARRAY_SIZE(keys), reading, err);
}

static int read_budget(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	if (!cJSON_IsString(item))
		return json_expected(item, "a share in quotes, as \"2%\"", err);
	return config_share(field, item->valuestring, err);
}

/* What is recorded of the environment where nothing is said: it decides how text and times are shown, and
 * holds no secrets. */
static const char *const environment_default[] = {"TZ", "LANG", "LANGUAGE", "LC_*"};

static int add_variable(struct config *config, const char *name, struct err *err)
{
	config->environment[config->environment_cnt] = strdup(name);
	return config->environment[config->environment_cnt++] ? 0 : err_nomem(err);
}

static int read_environment(void *field, const struct cJSON *item, struct json_reading *reading,
			    struct err *err)
{
	struct config *config = field;
	const struct cJSON *child;
	int r = 0;

	if (!cJSON_IsArray(item))
		return json_expected(item, "an array of names, as [\"TZ\", \"ORDERS_*\"]", err);
	if (cJSON_GetArraySize(item) > ENVIRONMENT_MAX)
		return err_usage(err, -E2BIG, "more than %d names", ENVIRONMENT_MAX);
	config->environment = calloc(cJSON_GetArraySize(item) + 1, sizeof(*config->environment));
	if (!config->environment)
		return err_nomem(err);
	cJSON_ArrayForEach(child, item)
	{
		reading->at = child;
		r = cJSON_IsString(child) ? add_variable(config, child->valuestring, err)
					  : json_expected(child, "a string", err);
		if (r)
			return r;
	}
	reading->at = NULL;
	return 0;
}

static int default_environment(struct config *config, struct err *err)
{
	int r = 0;

	if (config->environment)
		return 0;
	config->environment = calloc(ARRAY_SIZE(environment_default), sizeof(*config->environment));
	if (!config->environment)
		return err_nomem(err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(environment_default); i++)
		r = add_variable(config, environment_default[i], err);
	return r;
}

static int serve_group(unsigned *mask, const char *name, struct err *err)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (enum serve_group group = 0; group < SERVE_GROUP_CNT; group++) {
		if (!strcmp(name, serve_group_name(group))) {
			*mask |= 1u << group;
			return 0;
		}
		nearest_try(&nearest, serve_group_name(group));
	}
	err_usage(err, -EINVAL, "nothing is called '%s': expected time, random, pid, uuid or host", name);
	if (nearest.best)
		err_hint(err, "did you mean '%s'?", nearest.best);
	return -EINVAL;
}

static int read_serve(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct config *config = field;
	const struct cJSON *child;

	if (!cJSON_IsArray(item))
		return json_expected(item, "an array, as [\"time\", \"random\"]", err);
	config->serve_place = json_place(reading->doc, item);
	cJSON_ArrayForEach(child, item)
	{
		int r = cJSON_IsString(child) ? serve_group(&config->serve, child->valuestring, err)
					      : json_expected(child, "a string", err);

		if (r) {
			reading->at = child;
			return r;
		}
	}
	return 0;
}

static const struct json_key top_keys[] = {
	{"service", json_read_string, offsetof(struct draft, config.service)},
	{"binary", json_read_string, offsetof(struct draft, config.binary)},
	{"cassette", json_read_string, offsetof(struct draft, config.cassette)},
	{"budget", read_budget, offsetof(struct draft, config.budget)},
	{"operations", keep_item, offsetof(struct draft, roles[ROLE_OPERATION])},
	{"inputs", keep_item, offsetof(struct draft, roles[ROLE_INPUT])},
	{"outputs", keep_item, offsetof(struct draft, roles[ROLE_OUTPUT])},
	{"callbacks", keep_item, offsetof(struct draft, roles[ROLE_CALLBACK])},
	{"types", keep_item, offsetof(struct draft, types)},
	{"joins"},
	{"redact", read_redact_key, offsetof(struct draft, config)},
	{"environment", read_environment, offsetof(struct draft, config)},
	{"serve", read_serve, offsetof(struct draft, config)},
};

static int read_types(struct config *config, const struct cJSON *item, struct json_reading *reading,
		      struct err *err)
{
	size_t cnt = cJSON_GetArraySize(item);
	const struct cJSON *child;

	reading->at = item;
	if (cnt > TYPES_MAX)
		return err_usage(err, -EINVAL, "%zu types, at most %d are allowed", cnt, TYPES_MAX);
	config->types = calloc(cnt + 1, sizeof(*config->types));
	config->types_fixed = cJSON_PrintUnformatted(item);
	if (!config->types || !config->types_fixed)
		return err_nomem(err);
	cJSON_ArrayForEach(child, item)
	{
		struct type_rules *type = &config->types[config->types_cnt++];
		int r;

		type->place = json_place(reading->doc, child);
		type->type = strdup(child->string);
		if (!type->type)
			return err_nomem(err);
		reading->at = NULL;
		r = config_read_rules(&type->rules, NULL, &type->cnt, child, reading, err);
		if (r && !reading->at)
			reading->at = child;
		if (r)
			return r;
	}
	return 0;
}

/* --- what holds between functions --- */

/* A name stands once; so does the alias of a call, by which a replay finds it. */
static int check_unique(const struct config *config, const struct config_func *func, struct err *err)
{
	for (const struct config_func *other = config->funcs; other < func; other++) {
		if (!strcmp(other->name, func->name))
			return err_usage(err, -EINVAL, "'%s' stands in %s already, on line %d", func->name,
					 config_role_key(other->role), other->place.line);
		if (other->role == ROLE_OPERATION || func->role == ROLE_OPERATION)
			continue;
		if (!strcmp(other->alias, func->alias))
			return err_usage(err, -EINVAL, "the alias '%s' is that of '%s' already, on line %d",
					 func->alias, other->name, other->place.line);
	}
	return 0;
}

/* What joins must find what carries. */
static int check_joins(const struct config *config, struct json_reading *reading, struct err *err)
{
	const struct config_func *joining = NULL;

	for (size_t i = 0; i < config->funcs_cnt; i++) {
		if (config->funcs[i].carrier)
			return 0;
		if (config->funcs[i].joins)
			joining = &config->funcs[i];
	}
	if (!joining)
		return 0;
	err_usage(err, -EINVAL, "'%s' joins an operation by '%s', but no operation carries it", joining->name,
		  joining->joins);
	err_hint(err, "give the operation, or the call that hands work on, a \"carrier\"");
	return -EINVAL;
}

static int read_role(struct config *config, enum role role, const struct cJSON *item,
		     struct json_reading *reading, struct err *err)
{
	const struct cJSON *child;

	cJSON_ArrayForEach(child, item)
	{
		struct config_func *func = &config->funcs[config->funcs_cnt];
		int r;

		reading->at = NULL;
		config->funcs_cnt++;
		r = config_read_func(func, role, child, reading, err);
		if (!r)
			r = check_unique(config, func, err);
		if (r && !reading->at)
			reading->at = child;
		if (r)
			return r;
	}
	return 0;
}

static int read_funcs(struct draft *draft, struct json_reading *reading, struct err *err)
{
	size_t cnt = 0;

	for (int role = 0; role < ROLE_CNT; role++)
		cnt += cJSON_GetArraySize(draft->roles[role]);
	reading->at = draft->roles[ROLE_OPERATION];
	if (!cJSON_GetArraySize(draft->roles[ROLE_OPERATION])) {
		err_usage(err, -EINVAL, "no operation: nothing would be recorded");
		err_hint(err, "name the function that serves one request under \"operations\"");
		return -EINVAL;
	}
	if (cnt > SCHEMA_FUNCS_MAX)
		return err_usage(err, -EINVAL, "%zu functions, at most %d are allowed", cnt,
				 SCHEMA_FUNCS_MAX);
	draft->config.funcs = calloc(cnt + PLAN_MARK_CNT + SERVE_FUNCTIONS_MAX + CONFIG_CALLBACKS_MAX,
				     sizeof(*draft->config.funcs));
	if (!draft->config.funcs)
		return err_nomem(err);
	for (int role = 0; role < ROLE_CNT; role++) {
		int r = read_role(&draft->config, role, draft->roles[role], reading, err);

		if (r)
			return r;
	}
	reading->at = NULL;
	return check_joins(&draft->config, reading, err);
}

/* --- the file --- */

static int read_document(struct draft *draft, const char *name, struct json_reading *reading, struct err *err)
{
	int r;

	draft->config.path = strdup(name);
	if (!draft->config.path)
		return err_nomem(err);
	r = json_read_keys(draft, json_root(reading->doc), top_keys, ARRAY_SIZE(top_keys), reading, err);
	if (!r)
		r = read_funcs(draft, reading, err);
	if (!r && draft->types)
		r = read_types(&draft->config, draft->types, reading, err);
	return r ? r : default_environment(&draft->config, err);
}

int config_parse(struct config **out, const char *name, const char *text, size_t len, struct err *err)
{
	auto_json struct json_doc *doc = NULL;
	struct json_reading reading = {};
	struct draft draft = {};
	struct config *config;
	int r;

	r = json_parse(&doc, name, text, len, err);
	if (r)
		return r;
	reading.doc = doc;
	config = malloc(sizeof(*config));
	r = config ? read_document(&draft, name, &reading, err) : err_nomem(err);
	if (r) {
		release(&draft.config);
		free(config);
		return locate(name, &reading, r, err);
	}
	*config = draft.config;
	*out = config;
	return 0;
}

int config_read(struct buf *out, const char *path, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char bytes[READ_AT_ONCE];
	ssize_t len;

	if (fd < 0)
		return err_usage(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	do {
		len = read(fd, bytes, sizeof(bytes));
		if (len > 0)
			buf_put(out, bytes, len);
	} while (len > 0 && !out->failed);
	if (len < 0)
		return err_usage(err, -errno, "cannot read '%s': %s", path, strerror(errno));
	if (out->failed == -EFBIG)
		return err_usage(err, -EFBIG, "'%s' is longer than %d MiB", path, JSON_TEXT_MAX >> 20);
	return out->failed ? err_nomem(err) : 0;
}

int config_load(struct config **out, const char *path, struct err *err)
{
	auto_buf struct buf text;
	int r;

	buf_init(&text, JSON_TEXT_MAX);
	r = config_read(&text, path, err);
	if (r)
		return r;
	return config_parse(out, path, text.data ? (const char *)text.data : "", text.len, err);
}
