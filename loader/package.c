// SPDX-License-Identifier: BSD-3-Clause
#include "loader/package.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/pool.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/timestamp.h"
#include "lib/value.h"

static int add_incomplete(cJSON *doc, const struct recording *recording)
{
	cJSON *reasons;

	if (recording->complete)
		return 0;
	reasons = cJSON_AddArrayToObject(doc, "incomplete");
	for (size_t i = 0; reasons && i < recording->incomplete_cnt; i++)
		cJSON_AddItemToArray(reasons, cJSON_CreateString(recording->incomplete[i]));
	return reasons ? 0 : -ENOMEM;
}

/* The configured, searchable values; a path that leads nowhere in this call (a NULL on the way) is left out.
 */
static int add_user(cJSON *doc, const struct config_func *func, const struct values *values)
{
	cJSON *user = cJSON_AddObjectToObject(doc, "user");
	struct handles *handles = handles_new();
	int r = user && handles ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < func->metadata_cnt; i++) {
		auto_path struct path path = {};
		const struct value *value;

		r = path_parse(&path, func->metadata[i].path, NULL);
		if (r < 0)
			break;
		if (!strcmp(path.root, "errno") && values->has_errno) {
			cJSON_AddNumberToObject(user, func->metadata[i].name, values->error_number);
			continue;
		}
		value = values_at(values, &path, VALUE_AT_RETURN);
		if (value && !cJSON_AddItemToObject(user, func->metadata[i].name, value_json(value, handles)))
			r = -ENOMEM;
	}
	handles_free(handles);
	return r;
}

static cJSON *document(const struct recording *recording, const struct package_context *context,
		       const struct config_func *func, uint32_t pid, uint64_t started_ns)
{
	cJSON *doc = cJSON_CreateObject();
	char at[TIMESTAMP_LEN + 1];

	timestamp_text(started_ns + context->realtime_offset_ns, at);
	if (context->config->service)
		cJSON_AddStringToObject(doc, "service", context->config->service);
	cJSON_AddStringToObject(doc, "category", func->category);
	cJSON_AddStringToObject(doc, "function", func->name);
	cJSON_AddStringToObject(doc, "recorded_at", at);
	cJSON_AddNumberToObject(doc, "duration_ns", recording->operation.left_ns);
	cJSON_AddStringToObject(doc, "build_id", context->build_id);
	cJSON_AddStringToObject(doc, "host", context->host);
	cJSON_AddNumberToObject(doc, "pid", pid);
	cJSON_AddBoolToObject(doc, "complete", recording->complete);
	if (!cJSON_AddStringToObject(doc, "schema", context->schema_id) ||
	    add_incomplete(doc, recording) < 0) {
		cJSON_Delete(doc);
		return NULL;
	}
	return doc;
}

/* What an error is has no default guess: only a call that did not return is one until error_if says more. */
static void add_error(cJSON *doc, const struct recording *recording, const struct config_func *func,
		      const struct values *values)
{
	int64_t is_error = recording->operation.left != LEFT_RETURN;

	if (!is_error &&
	    (!func->error_if || values_eval(values, func->error_if, VALUE_AT_RETURN, &is_error, NULL) < 0))
		return;
	cJSON_AddBoolToObject(doc, "error", is_error != 0);
}

static bool is_wanted(cJSON *doc, const struct config_func *func, const struct values *values)
{
	int64_t keep = 1;

	if (func->sampling.keep_if &&
	    values_eval(values, func->sampling.keep_if, VALUE_AT_RETURN, &keep, NULL) < 0) {
		cJSON_AddStringToObject(doc, "keep_if", "unavailable");
		return true;
	}
	return keep != 0;
}

static int symbolize(struct recording *recording, const struct program *program, struct err *err)
{
	uint64_t bases[PROGRAM_MODULES_MAX];

	for (size_t i = 0; i < program->files_cnt && i < PROGRAM_MODULES_MAX; i++)
		bases[i] = program->files[i].is_absent ? PROGRAM_NOT_LOADED : program->files[i].base;
	return program_symbolize(program, recording, bases, err);
}

int package_recording(struct recording *recording, const struct package_context *context, uint32_t pid,
		      uint64_t started_ns, bool *keep, struct err *err)
{
	const struct program_func *func = &context->program->funcs[recording->operation.func];
	auto_pool struct pool *pool = pool_new();
	struct values values = {};
	cJSON *doc;
	int r;

	if (!pool)
		return err_nomem(err);
	r = symbolize(recording, context->program, err);
	if (r < 0)
		return r;
	r = values_decode(&values, func->shape, &recording->operation, pool);
	if (r < 0)
		return err_nomem(err);
	doc = document(recording, context, func->config, pid, started_ns);
	if (!doc)
		return err_nomem(err);
	cJSON_Delete(recording->metadata);
	recording->metadata = doc;
	add_error(doc, recording, func->config, &values);
	if (add_user(doc, func->config, &values) < 0)
		return err_nomem(err);
	*keep = is_wanted(doc, func->config, &values);
	random_id(recording->id);
	snprintf(recording->schema, sizeof(recording->schema), "%s", context->schema_id);
	return 0;
}
