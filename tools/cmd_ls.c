// SPDX-License-Identifier: BSD-3-Clause
#include <cjson/cJSON.h>
#include <stdio.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/lookup.h"
#include "tools/commands.h"
#include "tools/common.h"
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

static int print_text(const struct found *found, const char *id)
{
	const cJSON *user = cJSON_GetObjectItemCaseSensitive(found->metadata, "user");
	auto_buf struct buf line;
	char duration[32];

	buf_init(&line, LINE_TEXT_MAX);
	common_duration(cJSON_GetNumberValue(cJSON_GetObjectItem(found->metadata, "duration_ns")), duration);
	text_members(&line, user);
	printf("%s  %.19s  %8s  %s%.*s\n", id, text_of(found->metadata, "recorded_at"), duration,
	       cJSON_IsTrue(cJSON_GetObjectItem(found->metadata, "complete")) ? "" : "incomplete ",
	       (int)line.len, line.data ? (const char *)line.data : "");
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
	size_t unreadable = 0;
	int r;

	r = lookup_check(&lookup, err);
	if (r == 0)
		r = cassette_open(&cassette, words->arg[0], false, err);
	if (r == 0)
		r = lookup_each(cassette, &lookup, &unreadable, on_found, (void *)opts, err);
	if (unreadable)
		fprintf(stderr, "tapedeck: %zu recordings have metadata that cannot be read\n", unreadable);
	return r < 0 ? r : STATUS_DONE;
}

static const struct opt opts_table[] = {
	FILTER_OPTS(struct ls_opts, filter),
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
	.opts_size = sizeof(struct ls_opts),
	.run = run,
};
