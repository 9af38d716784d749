// SPDX-License-Identifier: BSD-3-Clause
/* What a plug-in makes of a comparison. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"
#include "replay/plugin.h"
#include "replay/verdict.h"

#define PATH_MAX_BYTES 512
#define DEPTH_MAX      64

struct session {
	struct plugin *plugin;
	struct comparison *out;
	const cJSON *recorded, *replayed; /* whole */
	cJSON *results[2];		  /* what is compared: owned, or NULL: the whole */
	struct err *err;
};

/* {"id", "category"}, and what follows: names and values, which are borrowed, to a NULL. */
static cJSON *question(const struct session *s, ...)
{
	char id[CATEGORY_MAX + 48];
	cJSON *json = cJSON_CreateObject();
	const char *name;
	va_list args;

	recording_key_text(&s->out->key, id);
	cJSON_AddStringToObject(json, "id", id);
	cJSON_AddStringToObject(json, "category", s->out->key.category);
	va_start(args, s);
	while ((name = va_arg(args, const char *))) {
		const cJSON *value = va_arg(args, const cJSON *);

		if (value)
			cJSON_AddItemReferenceToObject(json, name, (cJSON *)value);
	}
	va_end(args);
	return json;
}

/* Ask, and take the member @name out of the answer. @q is taken over. */
static int ask_for(struct session *s, enum plugin_ask what, cJSON *q, const char *name, cJSON **out)
{
	auto_cjson cJSON *own = q, *answer = NULL;
	int r = q ? plugin_ask(s->plugin, what, q, &answer, s->err) : err_nomem(s->err);

	if (r < 0)
		return r;
	*out = cJSON_DetachItemFromObjectCaseSensitive(answer, name);
	return *out ? 0 : err_set(s->err, -EBADMSG, "the plug-in's answer has no \"%s\"", name);
}

static int ask_metadata(struct session *s)
{
	const cJSON *value;
	int r = ask_for(s, PLUGIN_METADATA, question(s, "recording", s->recorded, NULL), "metadata",
			&s->out->metadata);

	if (r < 0)
		return r;
	if (!cJSON_IsObject(s->out->metadata))
		return err_set(s->err, -EBADMSG, "the plug-in's metadata is no object");
	cJSON_ArrayForEach(value, s->out->metadata)
	{
		if (!cJSON_IsString(value) && !cJSON_IsNumber(value))
			return err_set(s->err, -EBADMSG,
				       "the plug-in's metadata '%s' is neither text nor a number",
				       value->string);
	}
	return 0;
}

static int ask_result(struct session *s, bool of_replay)
{
	auto_cjson cJSON *side = cJSON_CreateString(of_replay ? "replayed" : "recorded");

	return ask_for(s, PLUGIN_RESULT,
		       question(s, "side", side, "recording", of_replay ? s->replayed : s->recorded, NULL),
		       "result", &s->results[of_replay]);
}

/* --- results as JSON --- */

static int compare_json(struct session *s, const char *path, const cJSON *a, const cJSON *b, int depth);

static int compare_member(struct session *s, const char *path, const cJSON *a, const cJSON *b, int depth)
{
	const cJSON *known = a ?: b;
	char inner[PATH_MAX_BYTES];

	snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "", known->string);
	return compare_json(s, inner, a, b, depth);
}

static int compare_objects(struct session *s, const char *path, const cJSON *a, const cJSON *b, int depth)
{
	const cJSON *member;
	int r = 0;

	cJSON_ArrayForEach(member, a)
	{
		r = r
			    ?: compare_member(s, path, member,
					      cJSON_GetObjectItemCaseSensitive(b, member->string), depth);
	}
	cJSON_ArrayForEach(member, b)
	{
		if (!cJSON_GetObjectItemCaseSensitive(a, member->string))
			r = r ?: compare_member(s, path, NULL, member, depth);
	}
	return r;
}

static int compare_arrays(struct session *s, const char *path, const cJSON *a, const cJSON *b, int depth)
{
	const cJSON *x = a->child, *y = b->child;
	char inner[PATH_MAX_BYTES];
	int r = 0;

	for (int i = 0; (x || y) && r == 0; i++) {
		snprintf(inner, sizeof(inner), "%s[%d]", path, i);
		r = compare_json(s, inner, x, y, depth);
		x = x ? x->next : NULL;
		y = y ? y->next : NULL;
	}
	return r;
}

/* Either may be NULL: not there. */
static int compare_json(struct session *s, const char *path, const cJSON *a, const cJSON *b, int depth)
{
	if (cJSON_IsObject(a) && cJSON_IsObject(b) && depth < DEPTH_MAX)
		return compare_objects(s, path, a, b, depth + 1);
	if (cJSON_IsArray(a) && cJSON_IsArray(b) && depth < DEPTH_MAX)
		return compare_arrays(s, path, a, b, depth + 1);
	if (a && b && json_is_same(a, b))
		return 0;
	return differences_add(&s->out->differences, *path ? path : "result",
			       a ? cJSON_Duplicate(a, true) : NULL, b ? cJSON_Duplicate(b, true) : NULL,
			       s->err);
}

/* Only what a plug-in extracts is compared; an error is one all the same. */
static int compare_results(struct session *s)
{
	struct comparison *out = s->out;
	int r;

	comparison_forget(out);
	r = compare_json(s, "", s->results[0], s->results[1], 0);
	if (r < 0 || out->verdict == VERDICT_FIXED || out->verdict == VERDICT_FAILED)
		return r;
	out->verdict = out->differences.cnt ? VERDICT_DIFFERENT : VERDICT_EQUAL;
	out->reason[0] = '\0';
	if (out->differences.cnt)
		comparison_explain(out);
	return 0;
}

/* --- the comparator --- */

static cJSON *differences_json(const struct comparison *out)
{
	cJSON *whole = comparison_json(out), *list = cJSON_DetachItemFromObject(whole, "differences");

	cJSON_Delete(whole);
	return list;
}

static int take_difference(struct session *s, const cJSON *row)
{
	const cJSON *path = cJSON_GetObjectItemCaseSensitive(row, "path"),
		    *recorded = cJSON_GetObjectItemCaseSensitive(row, "recorded"),
		    *replayed = cJSON_GetObjectItemCaseSensitive(row, "replayed");

	if (!cJSON_IsString(path))
		return err_set(s->err, -EBADMSG, "a difference that the plug-in tells has no \"path\"");
	return differences_add(&s->out->differences, path->valuestring,
			       recorded ? cJSON_Duplicate(recorded, true) : NULL,
			       replayed ? cJSON_Duplicate(replayed, true) : NULL, s->err);
}

/* {"verdict", "message", "differences"} */
static int take_verdict(struct session *s, const cJSON *answer)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "verdict")),
		   *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "message"));
	const cJSON *differences = cJSON_GetObjectItemCaseSensitive(answer, "differences"), *row;
	struct comparison *out = s->out;
	int verdict = 0, r = 0;

	while (verdict < VERDICT_CNT && (!name || strcmp(name, verdict_name(verdict))))
		verdict++;
	if (verdict == VERDICT_CNT)
		return err_set(s->err, -EBADMSG, "'%s' that the plug-in answers is no verdict",
			       name ?: "nothing");
	if (differences || verdict == VERDICT_EQUAL)
		comparison_forget(out);
	cJSON_ArrayForEach(row, differences) r = r ?: take_difference(s, row);
	if (r < 0)
		return r;
	if (verdict == VERDICT_EQUAL || message || differences)
		snprintf(out->reason, sizeof(out->reason), "%s", message ?: "");
	if (verdict != VERDICT_EQUAL && !message && differences)
		comparison_explain(out);
	if (verdict != VERDICT_EQUAL && !out->reason[0])
		snprintf(out->reason, sizeof(out->reason), "the plug-in says so");
	out->verdict = verdict;
	return 0;
}

static int ask_verdict(struct session *s)
{
	auto_cjson cJSON *differences = differences_json(s->out), *answer = NULL,
			 *verdict = cJSON_CreateString(verdict_name(s->out->verdict)),
			 *reason = cJSON_CreateString(s->out->reason),
			 *q = question(s, "recorded", s->results[0] ?: s->recorded, "replayed",
				       s->results[1] ?: s->replayed, "data", s->out->data, "verdict", verdict,
				       "reason", reason, "differences", differences, NULL);
	int r = q ? plugin_ask(s->plugin, PLUGIN_COMPARE, q, &answer, s->err) : err_nomem(s->err);

	return r < 0 ? r : take_verdict(s, answer);
}

/* --- the whole --- */

static int ask_all(struct session *s)
{
	bool can_compare = s->replayed && s->out->verdict != VERDICT_EQUALIZER_FAILURE,
	     has_result = plugin_does(s->plugin, PLUGIN_RESULT);
	int r = 0;

	if (plugin_does(s->plugin, PLUGIN_METADATA))
		r = ask_metadata(s);
	if (r == 0 && plugin_does(s->plugin, PLUGIN_DATA))
		r = ask_for(s, PLUGIN_DATA,
			    question(s, "recorded", s->recorded, "replayed", s->replayed, NULL), "data",
			    &s->out->data);
	if (r == 0 && can_compare && has_result)
		r = ask_result(s, false) ?: ask_result(s, true);
	if (r < 0 || !can_compare)
		return r;
	if (plugin_does(s->plugin, PLUGIN_COMPARE))
		return ask_verdict(s);
	return has_result ? compare_results(s) : 0;
}

/* What was compared, or would have been. */
static void keep_results(struct session *s)
{
	cJSON *results = cJSON_CreateObject();

	for (int i = 0; i < 2; i++) {
		const cJSON *whole = i ? s->replayed : s->recorded;
		cJSON *kept = s->results[i] ? TAKE_PTR(s->results[i])
			      : whole	    ? cJSON_Duplicate(whole, true)
					    : cJSON_CreateNull();

		cJSON_AddItemToObject(results, i ? "replayed" : "recorded", kept);
	}
	s->out->results = results;
}

static void give_up(struct comparison *out, const struct err *why)
{
	comparison_forget(out);
	out->verdict = VERDICT_EQUALIZER_FAILURE;
	snprintf(out->reason, sizeof(out->reason), "%s", why->msg);
}

int plugin_judge(struct plugin *plugin, struct comparison *out, const struct cJSON *recorded,
		 const struct cJSON *replayed, bool keep, struct err *err)
{
	struct err why = {};
	struct session s = {
		.plugin = plugin, .out = out, .recorded = recorded, .replayed = replayed, .err = &why};
	int r = 0;

	if (plugin)
		r = plugin_start(plugin, &why);
	if (plugin && r == 0)
		r = ask_all(&s);
	if (r < 0 && r != -ENOMEM)
		give_up(out, &why);
	if (keep)
		keep_results(&s);
	cJSON_Delete(s.results[0]);
	cJSON_Delete(s.results[1]);
	return r == -ENOMEM ? err_nomem(err) : 0;
}
