// SPDX-License-Identifier: BSD-3-Clause
#include "lib/recording_json.h"

#include <cjson/cJSON.h>
#include <errno.h>

#include "lib/alias.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "lib/value.h"

static void add_values(cJSON *to, const char *name, struct value *const *values, const struct values *all,
		       struct handles *handles)
{
	cJSON *object = cJSON_AddObjectToObject(to, name);

	for (size_t i = 0; i < all->params_cnt; i++)
		if (values[i])
			cJSON_AddItemToObject(object, all->names[i], value_json(values[i], handles));
}

static int call_json(cJSON **out, const struct call *call, const struct schema *schema, struct store *store,
		     struct handles *handles, struct err *err)
{
	char alias[ALIAS_LEN_MAX];
	const struct schema_func *func = schema_func(schema, call->func);
	auto_cjson cJSON *json = cJSON_CreateObject();
	auto_pool struct pool *pool = pool_new();
	const struct shape *shape;
	struct values values = {};
	int r;

	r = store_shape(store, schema, call->func, &shape, err);
	if (r < 0)
		return r;
	if (!json || !pool || values_decode(&values, shape, call, pool) < 0)
		return err_nomem(err);
	cJSON_AddStringToObject(json, "kind", role_name(func->role));
	cJSON_AddStringToObject(json, "function", func->name);
	alias_fill(alias, func->alias, &values);
	cJSON_AddStringToObject(json, "alias", alias);
	cJSON_AddNumberToObject(json, "seq", call->seq);
	cJSON_AddNumberToObject(json, "thread", call->thread);
	cJSON_AddNumberToObject(json, "entered_ns", call->entered_ns);
	if (call->left == LEFT_RETURN)
		cJSON_AddNumberToObject(json, "left_ns", call->left_ns);
	add_values(json, "args", values.args, &values, handles);
	add_values(json, "out", values.out, &values, handles);
	if (values.result)
		cJSON_AddItemToObject(json, "return", value_json(values.result, handles));
	if (values.has_errno)
		cJSON_AddNumberToObject(json, "errno", values.error_number);
	cJSON_AddStringToObject(json, "left", left_name(call->left));
	*out = TAKE_PTR(json);
	return 0;
}

static int add_calls(cJSON *json, const struct recording *recording, const struct schema *schema,
		     struct store *store, struct handles *handles, struct err *err)
{
	cJSON *calls, *one;
	int r;

	r = call_json(&one, &recording->operation, schema, store, handles, err);
	if (r < 0)
		return r;
	cJSON_AddItemToObject(json, "operation", one);
	calls = cJSON_AddArrayToObject(json, "calls");
	for (size_t i = 0; i < recording->calls_cnt; i++) {
		r = call_json(&one, &recording->calls[i], schema, store, handles, err);
		if (r < 0)
			return r;
		cJSON_AddItemToArray(calls, one);
	}
	return 0;
}

static void add_incomplete(cJSON *json, const struct recording *recording)
{
	cJSON *reasons;

	cJSON_AddBoolToObject(json, "complete", recording->complete);
	if (recording->complete)
		return;
	reasons = cJSON_AddArrayToObject(json, "incomplete");
	for (size_t i = 0; i < recording->incomplete_cnt; i++)
		cJSON_AddItemToArray(reasons, cJSON_CreateString(recording->incomplete[i]));
}

int recording_json(cJSON **out, const struct recording_key *key, const struct recording *recording,
		   const struct schema *schema, struct store *store, struct err *err)
{
	auto_cjson cJSON *json = cJSON_CreateObject();
	struct handles *handles = handles_new();
	char id[CATEGORY_MAX + 48];
	int r;

	if (!json || !handles) {
		handles_free(handles);
		return err_nomem(err);
	}
	recording_key_text(key, id);
	cJSON_AddStringToObject(json, "id", id);
	cJSON_AddStringToObject(json, "category", key->category);
	cJSON_AddItemToObject(json, "metadata", cJSON_Duplicate(recording->metadata, 1));
	add_incomplete(json, recording);
	r = add_calls(json, recording, schema, store, handles, err);
	handles_free(handles);
	if (r < 0)
		return r;
	*out = TAKE_PTR(json);
	return 0;
}
