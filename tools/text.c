// SPDX-License-Identifier: BSD-3-Clause
#include "tools/text.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/util.h"

static void plain(struct buf *out, const cJSON *json)
{
	autofree char *text = json_print(json);

	if (text)
		buf_put(out, text, strlen(text));
}

static void marked(struct buf *out, const char *before, const cJSON *json, const char *after)
{
	buf_printf(out, "<%s", before);
	if (cJSON_IsString(json))
		buf_printf(out, "%s", json->valuestring);
	else
		plain(out, json);
	buf_printf(out, "%s>", after);
}

static void handle(struct buf *out, const cJSON *object)
{
	marked(out, "handle ", object->child, "");
}

static void unavailable(struct buf *out, const cJSON *object)
{
	marked(out, "unavailable: ", object->child, "");
}

static void ref(struct buf *out, const cJSON *object)
{
	marked(out, "same as ", object->child, "");
}

static void symbol(struct buf *out, const cJSON *object)
{
	marked(out, "", object->child, "");
}

static void bytes(struct buf *out, const cJSON *object)
{
	marked(out, "bytes ", object->child, "");
}

static void truncated(struct buf *out, const cJSON *object)
{
	text_value(out, object->child);
	buf_printf(out, "... (%.0f in all)", cJSON_GetNumberValue(object->child->next));
}

/* Objects that are not structs, by their first member and how many there are. */
static const struct {
	const char *first;
	int cnt;
	void (*put)(struct buf *out, const cJSON *object);
} marks[] = {
	{"handle", 1, handle}, {"unavailable", 1, unavailable}, {"ref", 1, ref}, {"symbol", 1, symbol},
	{"bytes", 2, bytes},   {"truncated", 2, truncated},
};

static void object(struct buf *out, const cJSON *json)
{
	for (size_t i = 0; json->child && i < ARRAY_SIZE(marks); i++)
		if (!strcmp(json->child->string, marks[i].first) && cJSON_GetArraySize(json) == marks[i].cnt)
			return marks[i].put(out, json);
	buf_printf(out, "{");
	text_members(out, json);
	buf_printf(out, "}");
}

void text_value(struct buf *out, const cJSON *json)
{
	if (cJSON_IsObject(json))
		return object(out, json);
	if (!cJSON_IsArray(json))
		return json ? plain(out, json) : buf_printf(out, "nothing");
	buf_printf(out, "[");
	for (const cJSON *item = json->child; item; item = item->next) {
		text_value(out, item);
		if (item->next)
			buf_printf(out, ", ");
	}
	buf_printf(out, "]");
}

void text_members(struct buf *out, const cJSON *json)
{
	for (const cJSON *item = json ? json->child : NULL; item; item = item->next) {
		buf_printf(out, "%s=", item->string);
		text_value(out, item);
		if (item->next)
			buf_printf(out, ", ");
	}
}
