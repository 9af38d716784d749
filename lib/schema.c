// SPDX-License-Identifier: BSD-3-Clause
#include "lib/schema.h"

#include <bpf/btf.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/schema_check.h"
#include "lib/util.h"

#define TAG_FUNC  "tapedeck.func "
#define TAG_TYPE  "tapedeck.type "
#define TAG_WHOLE (-1) /* component of a tag on the type itself */
#define TYPES_MAX 4096 /* types with rules */

struct schema {
	struct btf *btf;
	struct schema_func *funcs;
	size_t funcs_cnt;
	struct schema_type_rules *types;
	size_t types_cnt;
	uint32_t checked_cnt; /* types that schema_check has passed */
};

static const char *const role_names[] = {
	[ROLE_OPERATION] = "operation",
	[ROLE_INPUT] = "input",
	[ROLE_OUTPUT] = "output",
	[ROLE_CALLBACK] = "callback",
};
_Static_assert(ARRAY_SIZE(role_names) == ROLE_CNT, "every role has a name");

const char *role_name(enum role role)
{
	return role < ROLE_CNT ? role_names[role] : "?";
}

static void rules_free(struct rule *rules, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		rule_release(&rules[i]);
	free(rules);
}

static void func_release(struct schema_func *func)
{
	free(func->name);
	free(func->alias);
	rules_free(func->rules, func->rules_cnt);
}

int schema_new(struct schema **out, struct err *err)
{
	auto_schema struct schema *schema = calloc(1, sizeof(*schema));

	if (!schema)
		return err_nomem(err);
	schema->btf = btf__new_empty();
	if (!schema->btf)
		return err_nomem(err);
	*out = TAKE_PTR(schema);
	return 0;
}

void schema_free(struct schema *schema)
{
	if (!schema)
		return;
	for (size_t i = 0; i < schema->funcs_cnt; i++)
		func_release(&schema->funcs[i]);
	for (size_t i = 0; i < schema->types_cnt; i++)
		rules_free(schema->types[i].rules, schema->types[i].rules_cnt);
	free(schema->funcs);
	free(schema->types);
	btf__free(schema->btf);
	free(schema);
}

void schema_freep(struct schema **schema)
{
	schema_free(*schema);
}

struct btf *schema_btf(const struct schema *schema)
{
	return schema->btf;
}

size_t schema_funcs_cnt(const struct schema *schema)
{
	return schema->funcs_cnt;
}

const struct schema_func *schema_func(const struct schema *schema, size_t idx)
{
	return idx < schema->funcs_cnt ? &schema->funcs[idx] : NULL;
}

size_t schema_type_rules_cnt(const struct schema *schema)
{
	return schema->types_cnt;
}

const struct schema_type_rules *schema_type_rules(const struct schema *schema, size_t idx)
{
	return idx < schema->types_cnt ? &schema->types[idx] : NULL;
}

/* --- writing --- */

static int copy_rules(struct rule **out, size_t *out_cnt, const struct rule *rules, size_t cnt,
		      struct err *err)
{
	struct rule *copy = calloc(cnt + 1, sizeof(*copy));

	if (!copy)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++) {
		if (!rule_copy(&copy[i], &rules[i]))
			continue;
		rules_free(copy, i);
		return err_nomem(err);
	}
	*out = copy;
	*out_cnt = cnt;
	return 0;
}

static int put_rules(struct cJSON *json, const struct rule *rules, size_t cnt, struct err *err)
{
	struct cJSON *array = cJSON_AddArrayToObject(json, "rules");

	for (size_t i = 0; i < cnt; i++) {
		autofree char *text = rule_text(&rules[i]);
		struct cJSON *raw = text ? cJSON_CreateRaw(text) : NULL;

		if (!raw || !cJSON_AddItemToArray(array, raw))
			return err_nomem(err);
	}
	return 0;
}

static int put_tag(struct schema *schema, const char *prefix, const struct cJSON *json, uint32_t id,
		   struct err *err)
{
	autofree char *text = cJSON_PrintUnformatted(json);
	autofree char *tag = NULL;
	int r;

	if (!text || asprintf(&tag, "%s%s", prefix, text) < 0) {
		tag = NULL;
		return err_nomem(err);
	}
	r = btf__add_decl_tag(schema->btf, tag, id, TAG_WHOLE);
	return r < 0 ? err_set(err, r, "cannot write the schema: %s", strerror(-r)) : 0;
}

/* What the tag of a function without a prototype stands on: `void name(void)`. */
static int put_placeholder(struct schema *schema, const char *name, struct err *err)
{
	int proto = btf__add_func_proto(schema->btf, 0);
	int id = proto < 0 ? proto : btf__add_func(schema->btf, name, BTF_FUNC_EXTERN, proto);

	return id < 0 ? err_set(err, id, "cannot write the schema: %s", strerror(-id)) : id;
}

/* "unpassed": [[parameter, eightbyte]...] */
static void put_unpassed(cJSON *json, const struct schema_func *func)
{
	cJSON *list = NULL;

	for (int i = 0; i < SCHEMA_UNPASSED; i++)
		for (int k = 0; k < 2; k++) {
			int pair[] = {i, k};

			if (!(func->unpassed[k] >> i & 1))
				continue;
			list = list ?: cJSON_AddArrayToObject(json, "unpassed");
			cJSON_AddItemToArray(list, cJSON_CreateIntArray(pair, 2));
		}
}

static int put_func(struct schema *schema, const struct schema_func *func, struct err *err)
{
	auto_cjson struct cJSON *json = cJSON_CreateObject();
	int id = func->id ? (int)func->id : put_placeholder(schema, func->name, err);
	int r;

	if (id < 0)
		return id;
	cJSON_AddNumberToObject(json, "index", schema->funcs_cnt);
	cJSON_AddStringToObject(json, "role", role_name(func->role));
	cJSON_AddStringToObject(json, "name", func->name);
	cJSON_AddStringToObject(json, "alias", func->alias);
	if (!func->id)
		cJSON_AddFalseToObject(json, "prototype");
	put_unpassed(json, func);
	r = put_rules(json, func->rules, func->rules_cnt, err);
	return r ? r : put_tag(schema, TAG_FUNC, json, id, err);
}

/* @func's contents go to the schema. */
static int append_func(struct schema *schema, struct schema_func *func, struct err *err)
{
	struct schema_func *funcs;

	funcs = reallocarray(schema->funcs, schema->funcs_cnt + 1, sizeof(*funcs));
	if (!funcs)
		return err_nomem(err);
	schema->funcs = funcs;
	funcs[schema->funcs_cnt++] = *func;
	*func = (struct schema_func){};
	return 0;
}

int schema_add_func(struct schema *schema, const struct schema_func *func, struct err *err)
{
	struct schema_func copy = {
		.role = func->role, .id = func->id, .unpassed = {func->unpassed[0], func->unpassed[1]}};
	int r;

	if (schema->funcs_cnt == SCHEMA_FUNCS_MAX)
		return err_set(err, -E2BIG, "more than %d functions are configured", SCHEMA_FUNCS_MAX);
	if (func->rules_cnt > SCHEMA_RULES_MAX)
		return err_set(err, -E2BIG, "'%s' has more than %d rules", func->name, SCHEMA_RULES_MAX);
	copy.name = strdup(func->name);
	copy.alias = strdup(func->alias);
	r = copy.name && copy.alias
		    ? copy_rules(&copy.rules, &copy.rules_cnt, func->rules, func->rules_cnt, err)
		    : err_nomem(err);
	if (!r)
		r = put_func(schema, func, err);
	if (!r)
		r = append_func(schema, &copy, err);
	func_release(&copy);
	return r;
}

/* @types' contents go to the schema. */
static int append_type(struct schema *schema, struct schema_type_rules *type, struct err *err)
{
	struct schema_type_rules *types;

	types = reallocarray(schema->types, schema->types_cnt + 1, sizeof(*types));
	if (!types)
		return err_nomem(err);
	schema->types = types;
	types[schema->types_cnt++] = *type;
	*type = (struct schema_type_rules){};
	return 0;
}

int schema_add_type_rules(struct schema *schema, const struct schema_type_rules *rules, struct err *err)
{
	auto_cjson struct cJSON *json = cJSON_CreateObject();
	struct schema_type_rules copy = {.id = rules->id};
	int r;

	if (schema->types_cnt == TYPES_MAX || rules->rules_cnt > SCHEMA_RULES_MAX)
		return err_set(err, -E2BIG, "more than %d types have rules, or one has more than %d",
			       TYPES_MAX, SCHEMA_RULES_MAX);
	r = copy_rules(&copy.rules, &copy.rules_cnt, rules->rules, rules->rules_cnt, err);
	if (!r)
		r = put_rules(json, rules->rules, rules->rules_cnt, err);
	if (!r)
		r = put_tag(schema, TAG_TYPE, json, rules->id, err);
	if (!r)
		r = append_type(schema, &copy, err);
	rules_free(copy.rules, copy.rules_cnt);
	return r;
}

int schema_bytes(struct schema *schema, const void **data, size_t *len, struct err *err)
{
	uint32_t size = 0;
	const void *raw = btf__raw_data(schema->btf, &size);
	int r;

	if (!raw)
		return err_nomem(err);
	/* What could not be read back must not be written. */
	if (schema->checked_cnt != btf__type_cnt(schema->btf)) {
		r = schema_check(raw, size, err);
		if (r)
			return r;
		schema->checked_cnt = btf__type_cnt(schema->btf);
	}
	*data = raw;
	*len = size;
	return 0;
}

int schema_id(struct schema *schema, char id[SCHEMA_ID_LEN + 1], struct err *err)
{
	const void *data;
	size_t len;
	int r = schema_bytes(schema, &data, &len, err);

	if (!r)
		digest_hex(data, len, id);
	return r;
}

/* --- reading --- */

static int bad_tag(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "damaged schema: a tag %s", what);
}

static int get_rules(struct rule **out, size_t *out_cnt, const struct cJSON *json, struct err *err)
{
	const struct cJSON *array = cJSON_GetObjectItemCaseSensitive(json, "rules"), *item;
	size_t max = cJSON_IsArray(array) ? (size_t)cJSON_GetArraySize(array) : SIZE_MAX, cnt = 0;
	struct rule *rules;

	if (max > SCHEMA_RULES_MAX)
		return bad_tag(err, "has no rules, or too many");
	rules = calloc(max + 1, sizeof(*rules));
	if (!rules)
		return err_nomem(err);
	cJSON_ArrayForEach(item, array)
	{
		autofree char *text = cJSON_PrintUnformatted(item);
		struct err cause = {};

		if (!text || rule_from_text(&rules[cnt], text, &cause)) {
			rules_free(rules, cnt);
			return err_set(err, -EBADMSG, "damaged schema: a rule cannot be read: %s", cause.msg);
		}
		cnt++;
	}
	*out = rules;
	*out_cnt = cnt;
	return 0;
}

static int get_role(enum role *out, const char *name)
{
	for (int i = 0; name && i < ROLE_CNT; i++) {
		if (strcmp(role_names[i], name))
			continue;
		*out = i;
		return 0;
	}
	return -EINVAL;
}

static const char *text_of(const struct cJSON *json, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static void get_unpassed(struct schema_func *func, const struct cJSON *list)
{
	const struct cJSON *pair;

	cJSON_ArrayForEach(pair, list)
	{
		double param = cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 0));
		double piece = cJSON_GetNumberValue(cJSON_GetArrayItem(pair, 1));

		if (param >= 0 && param < SCHEMA_UNPASSED && (piece == 0 || piece == 1))
			func->unpassed[(int)piece] |= 1ull << (int)param;
	}
}

static int get_func(struct schema *schema, const struct cJSON *json, uint32_t id, struct err *err)
{
	const struct cJSON *index = cJSON_GetObjectItemCaseSensitive(json, "index");
	struct schema_func func = {.id = id};
	int r;

	if (!btf_is_func(btf__type_by_id(schema->btf, id)))
		return bad_tag(err, "of a function is on something else");
	if (!cJSON_IsNumber(index) || index->valuedouble != schema->funcs_cnt ||
	    schema->funcs_cnt == SCHEMA_FUNCS_MAX)
		return bad_tag(err, "of a function is out of order");
	if (get_role(&func.role, text_of(json, "role")) || !text_of(json, "name") || !text_of(json, "alias"))
		return bad_tag(err, "of a function says no role, name or alias");
	if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(json, "prototype")))
		func.id = 0;
	get_unpassed(&func, cJSON_GetObjectItemCaseSensitive(json, "unpassed"));
	func.name = strdup(text_of(json, "name"));
	func.alias = strdup(text_of(json, "alias"));
	r = func.name && func.alias ? get_rules(&func.rules, &func.rules_cnt, json, err) : err_nomem(err);
	if (!r)
		r = append_func(schema, &func, err);
	func_release(&func);
	return r;
}

static int get_type(struct schema *schema, const struct cJSON *json, uint32_t id, struct err *err)
{
	const struct btf_type *t = btf__type_by_id(schema->btf, id);
	struct schema_type_rules type = {.id = id};
	int r;

	if (!btf_is_composite(t) && !btf_is_typedef(t))
		return bad_tag(err, "of a type is on something else");
	if (schema->types_cnt == TYPES_MAX)
		return bad_tag(err, "of a type is one too many");
	r = get_rules(&type.rules, &type.rules_cnt, json, err);
	if (!r)
		r = append_type(schema, &type, err);
	rules_free(type.rules, type.rules_cnt);
	return r;
}

static const struct {
	const char *prefix;
	int (*get)(struct schema *schema, const struct cJSON *json, uint32_t id, struct err *err);
} tags[] = {
	{TAG_FUNC, get_func},
	{TAG_TYPE, get_type},
};

static int get_tag(struct schema *schema, const struct btf_type *t, struct err *err)
{
	const char *text = btf__name_by_offset(schema->btf, t->name_off);

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		size_t len = strlen(tags[i].prefix);
		auto_cjson struct cJSON *json = NULL;

		if (strncmp(text, tags[i].prefix, len))
			continue;
		json = cJSON_ParseWithOpts(text + len, NULL, true);
		if (!cJSON_IsObject(json) || btf_decl_tag(t)->component_idx != TAG_WHOLE)
			return bad_tag(err, "is not JSON");
		return tags[i].get(schema, json, t->type, err);
	}
	return 0;
}

int schema_load(struct schema **out, const void *data, size_t len, struct err *err)
{
	auto_schema struct schema *schema = NULL;
	autofree void *copy = malloc(len + 1); /* malloc's alignment is what schema_check wants */
	int r;

	if (!copy)
		return err_nomem(err);
	memcpy(copy, data, len);
	r = schema_check(copy, len, err);
	if (r)
		return r;
	schema = calloc(1, sizeof(*schema));
	if (!schema)
		return err_nomem(err);
	schema->btf = btf__new(copy, len);
	if (!schema->btf)
		return err_set(err, -EBADMSG, "damaged schema: libbpf refuses it");
	for (uint32_t id = 1; id < btf__type_cnt(schema->btf); id++) {
		const struct btf_type *t = btf__type_by_id(schema->btf, id);

		r = btf_is_decl_tag(t) ? get_tag(schema, t, err) : 0;
		if (r)
			return r;
	}
	schema->checked_cnt = btf__type_cnt(schema->btf);
	*out = TAKE_PTR(schema);
	return 0;
}
