// SPDX-License-Identifier: BSD-3-Clause
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/lookup.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"
#include "tools/text.h"

#define LINE_TEXT_MAX (1 << 20)

struct ls_opts {
	struct filter_opts filter;
	bool json;
};

static const char *text_of(const cJSON *doc, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc, name));

	return text ? text : "";
}

static int print_json(const struct found *found, const char *id)
{
	cJSON *line = cJSON_CreateObject();

	cJSON_AddStringToObject(line, "id", id);
	cJSON_AddStringToObject(line, "category", found->key.category);
	cJSON_AddStringToObject(line, "recorded_at", text_of(found->metadata, "recorded_at"));
	cJSON_AddNumberToObject(line, "duration_ns",
				cJSON_GetNumberValue(cJSON_GetObjectItem(found->metadata, "duration_ns")));
	cJSON_AddBoolToObject(line, "complete",
			      cJSON_IsTrue(cJSON_GetObjectItem(found->metadata, "complete")));
	cJSON_AddItemToObject(line, "metadata", cJSON_Duplicate(found->metadata, 1));
	return common_print_json(line, NULL);
}

#define TIME_SHOWN 19 /* characters of 2026-11-25T10:00:00.123456789Z */

static int print_text(const struct found *found, const char *id)
{
	const cJSON *doc = found->metadata;
	const cJSON *recorded_at = cJSON_GetObjectItemCaseSensitive(doc, "recorded_at");
	const cJSON *duration_ns = cJSON_GetObjectItemCaseSensitive(doc, "duration_ns");
	auto_buf struct buf time = {}, user = {};
	char duration[32] = "?";

	buf_init(&time, LINE_TEXT_MAX);
	buf_init(&user, LINE_TEXT_MAX);
	if (cJSON_IsString(recorded_at))
		text_bare(&time, recorded_at);
	else
		buf_printf(&time, "?");
	text_members(&user, cJSON_GetObjectItemCaseSensitive(doc, "user"));
	buf_put_u8(&time, 0);
	buf_put_u8(&user, 0);
	if (time.failed || user.failed)
		return -ENOMEM;
	if (cJSON_IsNumber(duration_ns))
		common_took(duration_ns->valuedouble, duration);
	printf("%s  %.*s  %8s  %s%s\n", id, TIME_SHOWN, (const char *)time.data, duration,
	       cJSON_IsTrue(cJSON_GetObjectItem(doc, "complete")) ? "" : "incomplete ",
	       (const char *)user.data);
	return 0;
}

static int on_found(const struct found *found, void *ctx)
{
	const struct ls_opts *opts = ctx;
	char id[CATEGORY_MAX + 48];

	recording_key_text(&found->key, id);
	return opts->json ? print_json(found, id) : print_text(found, id);
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct ls_opts *opts = arg;
	struct lookup lookup = common_lookup(&opts->filter);
	auto_cassette struct cassette *cassette = NULL;
	size_t unreadable = 0, alike = 0;
	int r;

	lookup.alike = &alike;
	r = lookup_check(&lookup, err);
	if (r == 0)
		r = cassette_open(&cassette, words->arg[0], false, err);
	if (r == 0)
		r = lookup_each(cassette, &lookup, &unreadable, on_found, (void *)opts, err);
	common_unreadable(unreadable);
	common_alike(alike);
	common_warn(cassette);
	return r < 0 ? r : STATUS_DONE;
}

static const struct opt opts_table[] = {
	FILTER_OPTS(struct ls_opts, filter),
	DISTINCT_OPT(struct ls_opts, filter),
	{OPT_FLAG, 0, "json", NULL, "a JSON object a line", offsetof(struct ls_opts, json)},
	{OPT_END},
};

const struct command cmd_ls = {
	.name = "ls",
	.words = "CASSETTE",
	.summary = "list recordings, by their metadata",
	.words_min = 1,
	.words_max = 1,
	.opts = opts_table,
	.json = lines_ls,
	.opts_size = sizeof(struct ls_opts),
	.run = run,
};
