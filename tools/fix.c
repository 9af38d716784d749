// SPDX-License-Identifier: BSD-3-Clause
#include "tools/fix.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/json_edit.h"
#include "lib/util.h"
#include "lib/write.h"

#define WAY	 5 /* section, function, "args", path, key */
#define AT_PATH	 3
#define EXCLUDED "opaque" /* of a rule: nothing else can be said beside it */

/* @key as the file writes it: a path may be written in more ways than one. */
static const char *as_written(const cJSON *object, const char *key)
{
	for (const cJSON *item = object ? object->child : NULL; item; item = item->next) {
		auto_path struct path path = {};
		autofree char *text = NULL;
		struct err err = {};

		if (path_parse(&path, item->string, &err) == 0)
			text = path_text(&path);
		if (text && !strcmp(text, key))
			return item->string;
	}
	return key;
}

/* The keys from the root, and in *@value what is to stand there. */
static void find_way(const char *way[WAY], const cJSON **value, const cJSON *advice, const cJSON *root)
{
	const cJSON *there = root;

	for (int i = 0; i < WAY; i++) {
		advice = advice->child;
		way[i] = i == AT_PATH ? as_written(there, advice->string) : advice->string;
		there = cJSON_GetObjectItemCaseSensitive(there, way[i]);
	}
	*value = advice;
}

static bool makes_sense(const cJSON *advice)
{
	for (int i = 0; i < WAY; i++)
		advice = advice ? advice->child : NULL;
	return advice;
}

static void say(const char *path, const char *const way[WAY], const char *value)
{
	fprintf(stderr, "%s: %s.%s.%s['%s'] now says \"%s\": %s; record again\n", path, way[0], way[1],
		way[2], way[3], way[4], value);
}

static int open_config(struct json_doc **doc, struct buf *text, const char *path, struct err *err)
{
	int r;

	buf_init(text, JSON_TEXT_MAX);
	r = config_read(text, path, err);
	return r < 0 ? r : json_parse(doc, path, (char *)text->data, text->len, err);
}

int fix_get(struct cJSON **out, const char *path, const char *const *way, size_t cnt, struct err *err)
{
	auto_json struct json_doc *doc = NULL;
	auto_buf struct buf text = {};
	const cJSON *at;
	int r = open_config(&doc, &text, path, err);

	if (r < 0)
		return r;
	at = json_root(doc);
	for (size_t i = 0; i < cnt; i++)
		at = cJSON_GetObjectItemCaseSensitive(at, way[i]);
	*out = at ? cJSON_Duplicate(at, true) : NULL;
	return at && !*out ? err_nomem(err) : 0;
}

int fix_set(const char *path, const char *const *way, size_t cnt, const char *instead, const char *value,
	    struct err *err)
{
	auto_config struct config *config = NULL;
	auto_buf struct buf text = {}, changed = {};
	int r;

	buf_init(&text, JSON_TEXT_MAX);
	buf_init(&changed, JSON_TEXT_MAX);
	r = config_read(&text, path, err);
	if (r < 0)
		return r;
	r = json_edit_set(&changed, (char *)text.data, text.len, way, cnt, instead, value, err);
	if (r == 0)
		r = config_parse(&config, path, (char *)changed.data, changed.len, err);
	if (r < 0)
		return err_wrap(err, r, "'%s' is left as it was", path);
	return write_file(path, changed.data, changed.len, err);
}

int fix_config(const char *path, const char *advice, struct err *err)
{
	auto_cjson cJSON *laid = cJSON_Parse(advice);
	auto_json struct json_doc *doc = NULL;
	auto_buf struct buf text = {};
	autofree char *printed = NULL;
	const cJSON *value;
	const char *way[WAY];
	int r = open_config(&doc, &text, path, err);

	if (r < 0)
		return r;
	if (!makes_sense(laid))
		return err_set(err, -EBADMSG, "the advice makes no sense");
	find_way(way, &value, laid, json_root(doc));
	printed = json_print(value);
	if (!printed)
		return err_nomem(err);
	r = fix_set(path, way, WAY, EXCLUDED, printed, err);
	if (r == 0)
		say(path, way, printed);
	return r;
}
