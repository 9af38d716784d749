// SPDX-License-Identifier: BSD-3-Clause
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/recording_json.h"
#include "lib/store.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/text.h"

#define SHOW_TEXT_MAX (256u << 20)

struct show_opts {
	bool json;
};

static double number(const cJSON *json, const char *name)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

/* "  2 +12.3 us  db_get(key="a") = 3, errno 2" and, below it, what flowed out. */
static void put_call(struct buf *out, const cJSON *call)
{
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(call, "return");
	const cJSON *error_number = cJSON_GetObjectItemCaseSensitive(call, "errno");
	const char *left = cJSON_GetObjectItemCaseSensitive(call, "left")->valuestring;
	const char *alias = cJSON_GetObjectItemCaseSensitive(call, "alias")->valuestring;
	const cJSON *flowed_out = cJSON_GetObjectItemCaseSensitive(call, "out");
	char at[32];

	common_duration(number(call, "entered_ns"), at);
	buf_printf(out, "%4.0f  %9s  %-9s %s(", number(call, "seq"), at,
		   cJSON_GetObjectItemCaseSensitive(call, "kind")->valuestring, alias);
	text_members(out, cJSON_GetObjectItemCaseSensitive(call, "args"));
	buf_printf(out, ")");
	if (result) {
		buf_printf(out, " = ");
		text_value(out, result);
	}
	if (error_number && error_number->valuedouble != 0)
		buf_printf(out, ", errno %.0f (%s)", error_number->valuedouble,
			   strerror(error_number->valuedouble));
	if (strcmp(left, "return"))
		buf_printf(out, ", left: %s", left);
	buf_printf(out, "\n");
	for (const cJSON *item = flowed_out->child; item; item = item->next) {
		buf_printf(out, "%28s-> %s = ", "", item->string);
		text_value(out, item);
		buf_printf(out, "\n");
	}
}

static void put_text(struct buf *out, const cJSON *json)
{
	const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata"), *item;
	char duration[32];

	common_duration(number(metadata, "duration_ns"), duration);
	buf_printf(out, "%s\n", cJSON_GetObjectItemCaseSensitive(json, "id")->valuestring);
	cJSON_ArrayForEach(item, metadata)
	{
		if (cJSON_IsArray(item) || !strcmp(item->string, "duration_ns"))
			continue;
		buf_printf(out, "  %-12s ", item->string);
		text_value(out, item);
		buf_printf(out, "\n");
	}
	buf_printf(out, "  %-12s %s\n", "duration", duration);
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "incomplete"))
		buf_printf(out, "  incomplete: %s\n", item->valuestring);
	buf_printf(out, "\n");
	put_call(out, cJSON_GetObjectItemCaseSensitive(json, "operation"));
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "calls")) put_call(out, item);
}

static int print(cJSON *json, bool as_json, struct err *err)
{
	auto_cjson cJSON *owned = json;
	auto_buf struct buf text = {};

	if (as_json) {
		owned = NULL;
		return common_print_json(json, err);
	}
	buf_init(&text, SHOW_TEXT_MAX);
	put_text(&text, json);
	if (text.failed)
		return err_set(err, text.failed, "the recording is too long to show as text: use --json");
	fwrite(text.data, 1, text.len, stdout);
	return 0;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct show_opts *opts = arg;
	auto_cassette struct cassette *cassette = NULL;
	auto_recording struct recording *recording = NULL;
	auto_store struct store *store = NULL;
	const struct schema *schema;
	struct recording_key key;
	cJSON *json = NULL;
	int r;

	r = cassette_open(&cassette, words->arg[0], false, err);
	if (r == 0)
		r = cassette_find(cassette, words->arg[1], &key, err);
	if (r == 0)
		r = store_new(&store, cassette, err);
	if (r == 0)
		r = store_get(store, &key, &recording, &schema, err);
	if (r == 0)
		r = recording_json(&json, &key, recording, schema, store, err);
	if (r == 0)
		r = print(json, opts->json, err);
	return r < 0 ? r : STATUS_DONE;
}

static const struct opt opts_table[] = {
	{OPT_FLAG, 0, "json", NULL, "one JSON object", offsetof(struct show_opts, json)},
	{OPT_END},
};

const struct command cmd_show = {
	.name = "show",
	.words = "CASSETTE ID",
	.summary = "one recording, typed and readable",
	.words_min = 2,
	.words_max = 2,
	.opts = opts_table,
	.opts_size = sizeof(struct show_opts),
	.run = run,
};
