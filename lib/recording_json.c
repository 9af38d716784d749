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

/* How one recording is said. */
struct teller {
	recording_func_fn find;
	void *ctx;
	struct handles *handles;
	struct err *err;
};

static int call_json(cJSON **out, const struct call *call, const struct teller *teller)
{
	char alias[ALIAS_LEN_MAX];
	auto_cjson cJSON *json = cJSON_CreateObject();
	auto_pool struct pool *pool = pool_new();
	struct recording_func func;
	struct values values = {};
	int r;

	r = teller->find(&func, call->func, teller->ctx, teller->err);
	if (r < 0)
		return r;
	if (!json || !pool || values_decode(&values, func.shape, call, pool) < 0)
		return err_nomem(teller->err);
	cJSON_AddStringToObject(json, "kind", role_name(func.role));
	cJSON_AddStringToObject(json, "function", func.name);
	alias_fill(alias, func.alias, &values);
	cJSON_AddStringToObject(json, "alias", alias);
	cJSON_AddNumberToObject(json, "seq", call->seq);
	cJSON_AddNumberToObject(json, "thread", call->thread);
	cJSON_AddNumberToObject(json, "entered_ns", call->entered_ns);
	if (call->left == LEFT_RETURN)
		cJSON_AddNumberToObject(json, "left_ns", call->left_ns);
	add_values(json, "args", values.args, &values, teller->handles);
	add_values(json, "out", values.out, &values, teller->handles);
	if (values.result)
		cJSON_AddItemToObject(json, "return", value_json(values.result, teller->handles));
	if (values.has_errno)
		cJSON_AddNumberToObject(json, "errno", values.error_number);
	cJSON_AddStringToObject(json, "left", left_name(call->left));
	*out = TAKE_PTR(json);
	return 0;
}

int recording_call_json(cJSON **out, const struct call *call, recording_func_fn find, void *ctx,
			struct err *err)
{
	struct handles *handles = handles_new();
	const struct teller teller = {find, ctx, handles, err};
	int r = handles ? call_json(out, call, &teller) : err_nomem(err);

	handles_free(handles);
	return r;
}

static int add_calls(cJSON *json, const struct recording *recording, const struct teller *teller)
{
	cJSON *calls, *one;
	int r;

	r = call_json(&one, &recording->operation, teller);
	if (r < 0)
		return r;
	cJSON_AddItemToObject(json, "operation", one);
	calls = cJSON_AddArrayToObject(json, "calls");
	for (size_t i = 0; i < recording->calls_cnt; i++) {
		r = call_json(&one, &recording->calls[i], teller);
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

int recording_json_by(cJSON **out, const struct recording_key *key, const struct recording *recording,
		      recording_func_fn find, void *ctx, struct err *err)
{
	auto_cjson cJSON *json = cJSON_CreateObject();
	struct handles *handles = handles_new();
	const struct teller teller = {find, ctx, handles, err};
	char id[CATEGORY_MAX + 48];
	int r;

	if (!json || !handles) {
		handles_free(handles);
		return err_nomem(err);
	}
	recording_key_text(key, id);
	cJSON_AddStringToObject(json, "id", id);
	cJSON_AddStringToObject(json, "category", key->category);
	if (recording->metadata)
		cJSON_AddItemToObject(json, "metadata", cJSON_Duplicate(recording->metadata, 1));
	add_incomplete(json, recording);
	r = add_calls(json, recording, &teller);
	handles_free(handles);
	if (r < 0)
		return r;
	*out = TAKE_PTR(json);
	return 0;
}

struct stored {
	const struct schema *schema;
	struct store *store;
};

static int find_stored(struct recording_func *out, uint32_t number, void *ctx, struct err *err)
{
	const struct stored *stored = ctx;
	const struct schema_func *func = schema_func(stored->schema, number);

	out->role = func->role;
	out->name = func->name;
	out->alias = func->alias;
	return store_shape(stored->store, stored->schema, number, &out->shape, err);
}

int recording_json(cJSON **out, const struct recording_key *key, const struct recording *recording,
		   const struct schema *schema, struct store *store, struct err *err)
{
	struct stored stored = {schema, store};

	return recording_json_by(out, key, recording, find_stored, &stored, err);
}
