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

/* Of base64 that we wrote: what is no digit ends it. */
static size_t decode(uint8_t *out, size_t max, const char *base64)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t word = 0;
	unsigned bits = 0;
	size_t len = 0;
	const char *at;

	for (; *base64 && len < max && (at = strchr(digits, *base64)); base64++) {
		word = word << 6 | (uint32_t)(at - digits);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		out[len++] = word >> bits;
	}
	return len;
}

static void put_escaped(struct buf *out, uint8_t byte)
{
	static const char plain[] = "\"\\\n\t\r", letters[] = "\"\\ntr";
	const char *at = byte ? strchr(plain, byte) : NULL;

	if (at)
		buf_printf(out, "\\%c", letters[at - plain]);
	else if (byte >= ' ' && byte < 0x7f)
		buf_put_u8(out, byte);
	else
		buf_printf(out, "\\x%02x", byte);
}

/* Names come from files that anyone may have written: no control characters on the terminal. */
static void put_name(struct buf *out, const char *name)
{
	for (; *name; name++)
		if ((uint8_t)*name < ' ' || *name == 0x7f)
			put_escaped(out, *name);
		else
			buf_put_u8(out, *name);
}

#define BYTES_SHOWN 64

static void bytes(struct buf *out, const cJSON *object)
{
	const char *base64 = cJSON_GetStringValue(object->child);
	double len = cJSON_GetNumberValue(object->child->next);
	uint8_t shown[BYTES_SHOWN];
	size_t cnt = base64 ? decode(shown, sizeof(shown), base64) : 0;

	buf_printf(out, "b\"");
	for (size_t i = 0; i < cnt; i++)
		put_escaped(out, shown[i]);
	buf_printf(out, "\"");
	if (len > cnt)
		buf_printf(out, "... (%.0f bytes)", len);
}

static void truncated(struct buf *out, const cJSON *object)
{
	const cJSON *len = object->child->next;

	text_value(out, object->child);
	if (cJSON_IsNumber(len))
		buf_printf(out, "<cut: %.0f in all>", len->valuedouble);
	else
		buf_printf(out, "<cut>");
}

/* Objects that are not structs, by the names of their members. */
static const struct {
	const char *first, *second;
	void (*put)(struct buf *out, const cJSON *object);
} marks[] = {
	{"handle", NULL, handle}, {"unavailable", NULL, unavailable}, {"ref", NULL, ref},
	{"symbol", NULL, symbol}, {"bytes", "length", bytes},	      {"truncated", "length", truncated},
};

static bool is_named(const cJSON *member, const char *name)
{
	return member ? name && !strcmp(member->string, name) : !name;
}

/* A struct may have a member of that name as well: bytes must be what we make of that length. */
static bool is_base64(const cJSON *item)
{
	const char *text = cJSON_GetStringValue(item);
	double len = cJSON_GetNumberValue(item->next);

	return text && len >= 0 && strlen(text) == ((size_t)len + 2) / 3 * 4;
}

static void object(struct buf *out, const cJSON *json)
{
	const cJSON *first = json->child, *second = first ? first->next : NULL;

	for (size_t i = 0; first && (!second || !second->next) && i < ARRAY_SIZE(marks); i++)
		if (is_named(first, marks[i].first) && is_named(second, marks[i].second) &&
		    (marks[i].put != bytes || is_base64(first)))
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

void text_bare(struct buf *out, const cJSON *json)
{
	autofree char *text = cJSON_IsString(json) ? json_print(json) : NULL;
	size_t len = text ? strlen(text) : 0;

	if (len >= 2)
		buf_put(out, text + 1, len - 2);
	else
		text_value(out, json);
}

void text_members(struct buf *out, const cJSON *json)
{
	for (const cJSON *item = json ? json->child : NULL; item; item = item->next) {
		put_name(out, item->string);
		buf_printf(out, "=");
		text_value(out, item);
		if (item->next)
			buf_printf(out, ", ");
	}
}
