// SPDX-License-Identifier: BSD-3-Clause
#include "loader/package.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/redact.h"
#include "lib/timestamp.h"
#include "lib/util.h"
#include "lib/value.h"

#define MARKED_BYTES_MAX (128 * 1024) /* of metadata marks, in one recording */

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

/* In place of what has that name. Takes @value over. */
static int put_user(cJSON *user, const char *name, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(user, name);
	if (value && cJSON_AddItemToObject(user, name, value))
		return 0;
	cJSON_Delete(value);
	return -ENOMEM;
}

/* A metadata mark: its two texts. */
static int add_marked(cJSON *user, const struct shape *shape, const struct call *call, struct pool *pool,
		      struct handles *handles)
{
	struct values values = {};
	const struct value *key;
	auto_cjson cJSON *name = NULL, *value = NULL;

	if (values_decode(&values, shape, call, pool) < 0)
		return -ENOMEM;
	key = values.args[0];
	name = key ? value_json(key, handles) : NULL;
	value = values.args[1] ? value_json(values.args[1], handles) : NULL;
	if (!name || !value)
		return -ENOMEM;
	if (!cJSON_IsString(name))
		return 0;
	return put_user(user, name->valuestring, TAKE_PTR(value));
}

static size_t captured_bytes(const struct side *side)
{
	size_t bytes = 0;

	for (size_t i = 0; i < side->cnt; i++)
		bytes += side->fragments[i].captured;
	return bytes;
}

/* What the program itself says of the recording belongs to its metadata, and is no call any more. */
static int take_marks(cJSON *user, struct recording *recording, const struct program *program,
		      struct pool *pool, struct handles *handles)
{
	size_t left = 0, bytes = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < recording->calls_cnt; i++) {
		const struct program_func *func = &program->funcs[recording->calls[i].func];

		if (func->config->mark == PLAN_MARK_METADATA) {
			bytes += captured_bytes(&recording->calls[i].in);
			if (bytes > MARKED_BYTES_MAX)
				r = recording_add_incomplete(
					recording, NULL,
					"the program gave more than %d KiB of metadata: not all of it is here",
					MARKED_BYTES_MAX >> 10);
			else
				r = add_marked(user, func->shape, &recording->calls[i], pool, handles);
			continue;
		}
		recording->calls[left] = recording->calls[i];
		recording->calls[left].seq -= i - left;
		left++;
	}
	if (r == 0)
		recording->calls_cnt = left;
	return r;
}

/* The configured, searchable values; a path that leads nowhere in this call (a NULL on the way) is left out.
 */
static int add_configured(cJSON *user, const struct config_func *func, const struct values *values,
			  struct handles *handles)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < func->metadata_cnt; i++) {
		auto_path struct path path = {};
		const struct value *value;

		r = path_parse(&path, func->metadata[i].path, NULL);
		if (r < 0)
			break;
		if (!strcmp(path.root, "errno") && values->has_errno) {
			r = put_user(user, func->metadata[i].name, cJSON_CreateNumber(values->error_number));
			continue;
		}
		value = values_at(values, &path, VALUE_AT_RETURN);
		if (value)
			r = put_user(user, func->metadata[i].name, value_json(value, handles));
	}
	return r;
}

/* The configured values go before. */
static int add_user(cJSON *doc, struct recording *recording, const struct program *program,
		    const struct config_func *func, const struct values *values, struct pool *pool)
{
	cJSON *user = cJSON_AddObjectToObject(doc, "user");
	struct handles *handles = handles_new();
	int r = user && handles ? 0 : -ENOMEM;

	if (r == 0)
		r = take_marks(user, recording, program, pool, handles);
	if (r == 0)
		r = add_configured(user, func, values, handles);
	handles_free(handles);
	return r;
}

static cJSON *document(const struct recording *recording, const struct package_context *context,
		       const struct config_func *func, const struct package_source *source)
{
	cJSON *doc = cJSON_CreateObject();
	char at[TIMESTAMP_LEN + 1];

	timestamp_text(source->started_ns + context->realtime_offset_ns, at);
	if (context->config->service)
		cJSON_AddStringToObject(doc, "service", context->config->service);
	cJSON_AddStringToObject(doc, "category", func->category);
	cJSON_AddStringToObject(doc, "function", func->name);
	cJSON_AddStringToObject(doc, "recorded_at", at);
	cJSON_AddNumberToObject(doc, "duration_ns", recording->operation.left_ns);
	cJSON_AddStringToObject(doc, "build_id", context->build_id);
	cJSON_AddStringToObject(doc, "host", context->host);
	cJSON_AddNumberToObject(doc, "pid", source->pid);
	if (context->startup)
		cJSON_AddStringToObject(doc, "startup", context->startup);
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

/* By the rate, where that decides now. */
static bool is_drawn(const struct sampling *sampling, uint32_t draw)
{
	return !sampling->is_at_end || sampling->rate >= 1 || draw < sampling->rate * UINT32_MAX;
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

int package_symbolize(struct recording *recording, const struct program *program, struct err *err)
{
	uint64_t bases[PROGRAM_MODULES_MAX];

	for (size_t i = 0; i < program->files_cnt && i < PROGRAM_MODULES_MAX; i++)
		bases[i] = program->files[i].is_absent ? PROGRAM_NOT_LOADED : program->files[i].base;
	return program_symbolize(program, recording, bases, err);
}

void package_redact(struct recording *recording, const struct package_context *context)
{
	const struct redact_key key = {context->config->redact_key, context->config->redact_key_len};

	for (size_t i = 0; i < recording->calls_cnt; i++) {
		const struct shape *shape = context->program->funcs[recording->calls[i].func].shape;

		if (redact_concerns(shape))
			redact_call(&recording->calls[i], shape, &key);
	}
}

/* Not before what decides about the recording was decided: that needs what was really there. */
static int redact(struct values *values, struct recording *recording, const struct package_context *context,
		  struct pool *pool)
{
	const struct redact_key key = {context->config->redact_key, context->config->redact_key_len};
	const struct shape *shape = context->program->funcs[recording->operation.func].shape;

	package_redact(recording, context);
	if (!redact_concerns(shape))
		return 0;
	redact_call(&recording->operation, shape, &key);
	return values_decode(values, shape, &recording->operation, pool);
}

int package_recording(struct recording *recording, const struct package_context *context,
		      const struct package_source *source, bool *keep, struct err *err)
{
	const struct program_func *func = &context->program->funcs[recording->operation.func];
	auto_pool struct pool *pool = pool_new();
	struct values values = {};
	unsigned long long name[2];
	cJSON *doc;
	int r;

	if (!pool)
		return err_nomem(err);
	r = package_symbolize(recording, context->program, err);
	if (r < 0)
		return r;
	r = values_decode(&values, func->shape, &recording->operation, pool);
	if (r < 0)
		return err_nomem(err);
	doc = document(recording, context, func->config, source);
	if (!doc)
		return err_nomem(err);
	cJSON_Delete(recording->metadata);
	recording->metadata = doc;
	add_error(doc, recording, func->config, &values);
	*keep = source->is_kept ||
		(is_drawn(&func->config->sampling, source->draw) && is_wanted(doc, func->config, &values));
	if (redact(&values, recording, context, pool) < 0 ||
	    add_user(doc, recording, context->program, func->config, &values, pool) < 0)
		return err_nomem(err);
	plan_name(name, context->name_key, source->number);
	snprintf(recording->id, sizeof(recording->id), "%016llx%016llx", name[0], name[1]);
	snprintf(recording->schema, sizeof(recording->schema), "%s", context->schema_id);
	return 0;
}
