// SPDX-License-Identifier: BSD-3-Clause
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/recording_json.h"
#include "lib/store.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"
#include "tools/text.h"

#define SHOW_TEXT_MAX (256u << 20)

struct show_opts {
	bool json;
};

static double number(const cJSON *json, const char *name)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

#define LINE_WIDTH    110 /* columns; a call that is longer gets a line for each argument */
#define ARG_INDENT    28
#define CALL_TEXT_MAX (64u << 20)

static const char *text_of(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name)->valuestring;
}

/* errno says something only behind a result that means failure. */
static bool is_failure(const cJSON *result)
{
	return cJSON_IsNull(result) || (cJSON_IsNumber(result) && result->valuedouble < 0);
}

/* " = -1, errno 2 (No such file or directory)" */
static void put_end(struct buf *out, const cJSON *call)
{
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(call, "return");
	const cJSON *error_number = cJSON_GetObjectItemCaseSensitive(call, "errno");
	const char *left = text_of(call, "left");

	if (result) {
		buf_printf(out, " = ");
		text_value(out, result);
	}
	if (error_number && error_number->valuedouble != 0 && is_failure(result))
		buf_printf(out, ", errno %.0f (%s)", error_number->valuedouble,
			   strerror(error_number->valuedouble));
	if (strcmp(left, "return"))
		buf_printf(out, ", left: %s", left);
	buf_printf(out, "\n");
}

static void put_args_each(struct buf *out, const cJSON *args)
{
	for (const cJSON *arg = args->child; arg; arg = arg->next) {
		buf_printf(out, "\n%*s%s=", ARG_INDENT, "", arg->string);
		text_value(out, arg);
		if (arg->next)
			buf_printf(out, ",");
	}
	buf_printf(out, "\n%*s", ARG_INDENT - 2, "");
}

static void put_args(struct buf *out, const cJSON *args, size_t column)
{
	auto_buf struct buf line = {};

	buf_init(&line, CALL_TEXT_MAX);
	text_members(&line, args);
	if (line.failed || column + line.len > LINE_WIDTH)
		put_args_each(out, args);
	else if (line.len)
		buf_put(out, line.data, line.len);
}

/* "  2  12.3 us  input  db_get(key="a") = 3" and, below it, what flowed out. */
static void put_call(struct buf *out, const cJSON *call)
{
	const cJSON *flowed_out = cJSON_GetObjectItemCaseSensitive(call, "out");
	size_t start = out->len;
	char at[32];

	common_duration(number(call, "entered_ns"), at);
	buf_printf(out, "%4.0f  %9s  %-9s %s(", number(call, "seq"), at, text_of(call, "kind"),
		   text_of(call, "alias"));
	put_args(out, cJSON_GetObjectItemCaseSensitive(call, "args"), out->len - start);
	buf_printf(out, ")");
	put_end(out, call);
	for (const cJSON *item = flowed_out->child; item; item = item->next) {
		buf_printf(out, "%*s-> %s = ", ARG_INDENT, "", item->string);
		text_value(out, item);
		buf_printf(out, "\n");
	}
}

static void put_metadata(struct buf *out, const cJSON *metadata)
{
	const cJSON *item;
	char duration[32];

	cJSON_ArrayForEach(item, metadata)
	{
		if (!strcmp(item->string, "incomplete") || !strcmp(item->string, "duration_ns"))
			continue;
		buf_printf(out, "  %-12s ", item->string);
		text_bare(out, item);
		buf_printf(out, "\n");
	}
	common_took(number(metadata, "duration_ns"), duration);
	buf_printf(out, "  %-12s %s\n", "duration", duration);
}

static void put_text(struct buf *out, const cJSON *json)
{
	const cJSON *item;

	buf_printf(out, "%s\n", text_of(json, "id"));
	put_metadata(out, cJSON_GetObjectItemCaseSensitive(json, "metadata"));
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
	common_warn(cassette);
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
	.json = lines_show,
	.opts_size = sizeof(struct show_opts),
	.run = run,
};
