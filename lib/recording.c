// SPDX-License-Identifier: BSD-3-Clause
#include "lib/recording.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/schema.h"
#include "lib/util.h"

#define REASON_MAX 512 /* bytes */

static const char *const left_names[] = {
	[LEFT_RETURN] = "return",
	[LEFT_UNWOUND] = "unwound",
	[LEFT_EXIT] = "exit",
	[LEFT_UNKNOWN] = "unknown",
};
_Static_assert(ARRAY_SIZE(left_names) == LEFT_CNT, "every way to leave a call has a name");

const char *left_name(enum left left)
{
	return left_names[left];
}

int recording_new(struct recording **out, struct err *err)
{
	auto_recording struct recording *recording = calloc(1, sizeof(*recording));

	if (!recording)
		return err_nomem(err);
	recording->pool = pool_new();
	if (!recording->pool)
		return err_nomem(err);
	*out = TAKE_PTR(recording);
	return 0;
}

void recording_free(struct recording *recording)
{
	if (!recording)
		return;
	cJSON_Delete(recording->metadata);
	pool_free(recording->pool);
	free(recording);
}

void recording_freep(struct recording **recording)
{
	recording_free(*recording);
}

void recording_set_symbols(struct recording *recording, const struct symbols *symbols)
{
	recording->symbols = *symbols;
	recording->operation.symbols = &recording->symbols;
	for (size_t i = 0; i < recording->calls_cnt; i++)
		recording->calls[i].symbols = &recording->symbols;
}

static bool has_reason(const struct recording *recording, const char *reason)
{
	for (size_t i = 0; i < recording->incomplete_cnt; i++)
		if (strcmp(recording->incomplete[i], reason) == 0)
			return true;
	return false;
}

int recording_add_incomplete(struct recording *recording, struct err *err, const char *fmt, ...)
{
	char reason[REASON_MAX];
	char *copy;
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	recording->complete = false;
	if (has_reason(recording, reason) || recording->incomplete_cnt == RECORDING_REASONS_MAX)
		return 0;
	if (recording->incomplete_cnt == RECORDING_REASONS_MAX - 1)
		snprintf(reason, sizeof(reason), "more reasons than are kept");
	copy = pool_printf(recording->pool, "%s", reason);
	if (!recording->incomplete)
		recording->incomplete =
			pool_array(recording->pool, RECORDING_REASONS_MAX, sizeof(*recording->incomplete));
	if (!copy || !recording->incomplete)
		return err_nomem(err);
	recording->incomplete[recording->incomplete_cnt++] = copy;
	return 0;
}

/* Replace or add; takes @item over, which may be NULL for no memory. */
static bool set_item(cJSON *object, const char *name, cJSON *item)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (item && cJSON_AddItemToObject(object, name, item))
		return true;
	cJSON_Delete(item);
	return false;
}

static cJSON *reasons(const struct recording *recording)
{
	return recording->incomplete_cnt ? cJSON_CreateStringArray((const char *const *)recording->incomplete,
								   (int)recording->incomplete_cnt)
					 : cJSON_CreateArray();
}

int recording_metadata_text(char **out, const struct recording *recording, struct err *err)
{
	auto_cjson cJSON *doc =
		recording->metadata ? cJSON_Duplicate(recording->metadata, true) : cJSON_CreateObject();
	char *text;

	if (!doc)
		return err_nomem(err);
	cJSON_DeleteItemFromObjectCaseSensitive(doc, "schema");
	if (recording->schema[0] && !set_item(doc, "schema", cJSON_CreateString(recording->schema)))
		return err_nomem(err);
	if (!set_item(doc, "complete", cJSON_CreateBool(recording->complete)) ||
	    !set_item(doc, "incomplete", reasons(recording)))
		return err_nomem(err);
	text = json_print(doc);
	if (!text)
		return err_nomem(err);
	*out = text;
	return 0;
}

static int side_sound(const struct side *side, size_t *fragments, size_t *bytes, struct err *err)
{
	if (side->cnt > RECORDING_FRAGMENTS_MAX - *fragments)
		return err_set(err, -EFBIG, "more than %d fragments", RECORDING_FRAGMENTS_MAX);
	*fragments += side->cnt;
	for (size_t i = 0; i < side->cnt; i++) {
		const struct fragment *f = &side->fragments[i];

		if (f->captured > f->len)
			return err_set(err, -EBADMSG, "a fragment has %u bytes of %u", f->captured, f->len);
		if (f->status > PLAN_FRAGMENT_BUDGET)
			return err_set(err, -EBADMSG, "a fragment has the unknown status %u", f->status);
		if (f->captured > UINT64_MAX - f->addr)
			return err_set(err, -EBADMSG, "a fragment reaches beyond the address space");
		if (f->captured > RECORDING_BYTES_MAX - *bytes)
			return err_set(err, -EFBIG, "more than %d bytes", RECORDING_BYTES_MAX);
		*bytes += f->captured;
	}
	return 0;
}

static int call_sound(const struct call *call, size_t *fragments, size_t *bytes, struct err *err)
{
	int r;

	if ((unsigned)call->left >= LEFT_CNT)
		return err_set(err, -EBADMSG, "left in the unknown way %d", call->left);
	r = side_sound(&call->in, fragments, bytes, err);
	return r ? r : side_sound(&call->out, fragments, bytes, err);
}

int recording_sound(const struct recording *recording, struct err *err)
{
	size_t fragments = 0, bytes = 0;
	uint32_t seq = 0;
	int r;

	if (recording->calls_cnt > RECORDING_CALLS_MAX)
		return err_set(err, -EFBIG, "more than %d calls", RECORDING_CALLS_MAX);
	if (recording->incomplete_cnt > RECORDING_REASONS_MAX)
		return err_set(err, -EFBIG, "more than %d reasons for being incomplete",
			       RECORDING_REASONS_MAX);
	if (recording->complete && recording->incomplete_cnt)
		return err_set(err, -EBADMSG, "complete, and yet incomplete: %s", recording->incomplete[0]);
	if (recording->operation.seq)
		return err_set(err, -EBADMSG, "the operation has the number %u of a call",
			       recording->operation.seq);
	r = call_sound(&recording->operation, &fragments, &bytes, err);
	if (r)
		return err_wrap(err, r, "the operation");
	for (size_t i = 0; i < recording->calls_cnt; i++) {
		const struct call *call = &recording->calls[i];

		if (call->seq <= seq)
			return err_set(err, -EBADMSG, "call %u stands behind call %u", call->seq, seq);
		seq = call->seq;
		r = call_sound(call, &fragments, &bytes, err);
		if (r)
			return err_wrap(err, r, "call %u", seq);
	}
	return 0;
}

int recording_check(const struct recording *recording, const struct schema *schema, struct err *err)
{
	size_t funcs = schema_funcs_cnt(schema);

	if (recording->operation.func >= funcs)
		return err_set(err, -EBADMSG, "the operation is function %u of a schema of %zu",
			       recording->operation.func, funcs);
	for (size_t i = 0; i < recording->calls_cnt; i++)
		if (recording->calls[i].func >= funcs)
			return err_set(err, -EBADMSG, "call %u is of function %u of a schema of %zu",
				       recording->calls[i].seq, recording->calls[i].func, funcs);
	return 0;
}
