// SPDX-License-Identifier: BSD-3-Clause
#include "replay/verdict.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/util.h"
#include "replay/unrecorded.h"

static const char *const names[] = {
	[VERDICT_EQUAL] = "equal",
	[VERDICT_FIXED] = "fixed",
	[VERDICT_DIFFERENT] = "different",
	[VERDICT_FAILED] = "failed",
	[VERDICT_EQUALIZER_FAILURE] = "equalizer_failure",
};
static_assert(ARRAY_SIZE(names) == VERDICT_CNT, "every verdict has a name");

const char *verdict_name(enum verdict verdict)
{
	return names[verdict];
}

static void release_texts(char **texts, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		free(texts[i]);
	free(texts);
}

void comparison_forget(struct comparison *comparison)
{
	differences_release(&comparison->differences);
	release_texts(comparison->missing, comparison->missing_cnt);
	release_texts(comparison->extra, comparison->extra_cnt);
	release_texts(comparison->reordered, comparison->reordered_cnt);
	comparison->missing = comparison->extra = comparison->reordered = NULL;
	comparison->missing_cnt = comparison->extra_cnt = comparison->reordered_cnt = 0;
	comparison->first = FIRST_DIFFERENCE;
}

void comparison_release(struct comparison *comparison)
{
	comparison_forget(comparison);
	timeline_release(&comparison->timeline);
	free(comparison->advice);
	comparison->advice = NULL;
	free(comparison->unrecorded);
	comparison->unrecorded = NULL;
	comparison->unrecorded_cnt = 0;
	cJSON_Delete(comparison->data);
	cJSON_Delete(comparison->metadata);
	cJSON_Delete(comparison->results);
	comparison->data = comparison->metadata = comparison->results = NULL;
	free(comparison->reached);
	comparison->reached = NULL;
	comparison->reached_cnt = 0;
}

static void put_calls(struct buf *buf, size_t cnt, const char *first, const char *what)
{
	if (!cnt)
		return;
	buf_printf(buf, "%s'%s'", buf->len ? "; " : "", first);
	if (cnt > 1)
		buf_printf(buf, " and %zu more", cnt - 1);
	buf_printf(buf, " %s", what);
}

static void put_differences(struct buf *buf, const struct comparison *comparison)
{
	size_t cnt = comparison->differences.cnt + comparison->differences.more;

	if (!cnt)
		return;
	buf_printf(buf, "%s'%s'", buf->len ? "; " : "", comparison->differences.row[0].path);
	if (cnt > 1)
		buf_printf(buf, " and %zu more", cnt - 1);
	buf_printf(buf, cnt > 1 ? " differ" : " differs");
}

static void put_missing(struct buf *buf, const struct comparison *comparison)
{
	put_calls(buf, comparison->missing_cnt, comparison->missing_cnt ? comparison->missing[0] : NULL,
		  "recorded but not made");
}

static void put_extra(struct buf *buf, const struct comparison *comparison)
{
	put_calls(buf, comparison->extra_cnt, comparison->extra_cnt ? comparison->extra[0] : NULL,
		  "made but not recorded");
}

void comparison_explain(struct comparison *out)
{
	static void (*const parts[])(struct buf *, const struct comparison *) = {
		[FIRST_DIFFERENCE] = put_differences,
		[FIRST_MISSING] = put_missing,
		[FIRST_EXTRA] = put_extra,
	};
	auto_buf struct buf buf;

	buf_init(&buf, sizeof(out->reason) * 4);
	parts[out->first](&buf, out);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (i != out->first)
			parts[i](&buf, out);
	buf_put_u8(&buf, 0);
	if (!buf.failed)
		snprintf(out->reason, sizeof(out->reason), "%s", (const char *)buf.data);
}

/* The path or call that came first; NULL: nothing went wrong. */
static const char *first_text(const struct comparison *comparison)
{
	if (comparison->first == FIRST_MISSING && comparison->missing_cnt)
		return comparison->missing[0];
	if (comparison->first == FIRST_EXTRA && comparison->extra_cnt)
		return comparison->extra[0];
	return comparison->differences.cnt ? comparison->differences.row[0].path : NULL;
}

/* null is a NULL pointer: what is not there at all says so. */
static cJSON *side_json(const cJSON *value)
{
	cJSON *absent;

	if (value)
		return cJSON_Duplicate(value, true);
	absent = cJSON_CreateObject();
	if (absent)
		cJSON_AddStringToObject(absent, "unavailable", "not there");
	return absent;
}

static bool add(cJSON *to, const char *name, cJSON *item)
{
	bool ok = item && (name ? cJSON_AddItemToObject(to, name, item) : cJSON_AddItemToArray(to, item));

	if (!ok)
		cJSON_Delete(item);
	return ok;
}

static bool add_difference(cJSON *rows, const struct difference *difference)
{
	cJSON *row = cJSON_CreateObject();

	return add(rows, NULL, row) && cJSON_AddStringToObject(row, "path", difference->path) &&
	       add(row, "recorded", side_json(difference->recorded)) &&
	       add(row, "replayed", side_json(difference->replayed));
}

static bool add_differences(cJSON *json, const struct differences *differences)
{
	cJSON *rows = cJSON_AddArrayToObject(json, "differences");

	for (size_t i = 0; rows && i < differences->cnt; i++)
		if (!add_difference(rows, &differences->row[i]))
			return false;
	return rows;
}

static bool add_texts(cJSON *json, const char *name, char *const *texts, size_t cnt)
{
	cJSON *list = cJSON_AddArrayToObject(json, name);

	for (size_t i = 0; list && i < cnt; i++)
		if (!add(list, NULL, cJSON_CreateString(texts[i])))
			return false;
	return list;
}

static bool add_number(cJSON *json, const char *name, uint64_t number)
{
	return cJSON_AddNumberToObject(json, name, (double)number);
}

static bool add_first(cJSON *json, const struct comparison *comparison)
{
	const char *first = first_text(comparison);

	return !first || cJSON_AddStringToObject(json, "first", first);
}

static bool add_advice(cJSON *json, const char *advice)
{
	return !advice || add(json, "advice", cJSON_Parse(advice));
}

static bool add_copy(cJSON *json, const char *name, const cJSON *value)
{
	return !value || add(json, name, cJSON_Duplicate(value, true));
}

struct cJSON *comparison_json(const struct comparison *comparison)
{
	auto_cjson cJSON *json = cJSON_CreateObject();
	char id[CATEGORY_MAX + 48];

	recording_key_text(&comparison->key, id);
	if (!json || !cJSON_AddStringToObject(json, "type", "comparison") ||
	    !cJSON_AddStringToObject(json, "id", id) ||
	    !cJSON_AddStringToObject(json, "category", comparison->key.category) ||
	    !cJSON_AddStringToObject(json, "verdict", verdict_name(comparison->verdict)) ||
	    !cJSON_AddStringToObject(json, "reason", comparison->reason) ||
	    !add_differences(json, &comparison->differences) ||
	    !add_texts(json, "missing", comparison->missing, comparison->missing_cnt) ||
	    !add_texts(json, "extra", comparison->extra, comparison->extra_cnt) ||
	    (comparison->reordered_cnt &&
	     !add_texts(json, "reordered", comparison->reordered, comparison->reordered_cnt)) ||
	    !add_first(json, comparison) || !add_number(json, "recorded_ns", comparison->recorded_ns) ||
	    !add_number(json, "replayed_ns", comparison->replayed_ns) || !unrecorded_add(json, comparison) ||
	    (comparison->differences.unavailable &&
	     !add_number(json, "not_compared", comparison->differences.unavailable)) ||
	    !add_advice(json, comparison->advice) || !add_copy(json, "metadata", comparison->metadata) ||
	    !add_copy(json, "data", comparison->data) || !add_copy(json, "results", comparison->results))
		return NULL;
	return TAKE_PTR(json);
}
