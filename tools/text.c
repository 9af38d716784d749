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

/* --- two sides --- */

#define SIDE_SHOWN    200 /* characters of a value */
#define LONG_TEXT     80  /* bytes: beyond, only what lies around the difference is shown */
#define BEFORE_SHOWN  16  /* bytes */
#define AROUND_SHOWN  48
#define SIDE_TEXT_MAX (1 << 20)

struct side {
	const uint8_t *data;
	size_t len;
	uint8_t *owned;
};

static const cJSON *bytes_of(const cJSON *json)
{
	const cJSON *first = cJSON_IsObject(json) ? json->child : NULL;

	return first && is_named(first, "bytes") && is_named(first->next, "length") && !first->next->next &&
			       is_base64(first)
		       ? first
		       : NULL;
}

static bool is_long(const cJSON *json)
{
	return bytes_of(json) || (cJSON_IsString(json) && strlen(json->valuestring) > LONG_TEXT);
}

static bool take_side(struct side *out, const cJSON *json)
{
	const cJSON *base64 = bytes_of(json);

	if (cJSON_IsString(json)) {
		*out = (struct side){.data = (const uint8_t *)json->valuestring,
				     .len = strlen(json->valuestring)};
		return true;
	}
	if (!base64)
		return false;
	out->owned = malloc(strlen(base64->valuestring) + 1);
	out->len = out->owned ? decode(out->owned, strlen(base64->valuestring), base64->valuestring) : 0;
	out->data = out->owned;
	return out->owned;
}

/* Back to where a character of text begins. */
static size_t at_character(const struct side *side, size_t at)
{
	while (!side->owned && at && at < side->len && (side->data[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static void put_excerpt(struct buf *out, const struct side *side, size_t at)
{
	size_t from = at_character(side, at > BEFORE_SHOWN ? at - BEFORE_SHOWN : 0);
	size_t to = at_character(side, MIN(side->len, from + AROUND_SHOWN));

	buf_printf(out, "%s\"", from ? "..." : "");
	for (size_t i = from; i < to; i++)
		if (side->data[i] >= 0x80 && !side->owned)
			buf_put_u8(out, side->data[i]);
		else
			put_escaped(out, side->data[i]);
	buf_printf(out, "\"%s", to < side->len ? "..." : "");
	if (side->len <= at)
		buf_printf(out, " (%zu bytes)", side->len);
}

static bool put_excerpts(struct buf *out, const cJSON *recorded, const cJSON *replayed)
{
	struct side a = {}, b = {};
	size_t at = 0;
	bool is_told;

	if (!is_long(recorded) && !is_long(replayed))
		return false;
	is_told = take_side(&a, recorded) && take_side(&b, replayed);
	if (is_told) {
		while (at < MIN(a.len, b.len) && a.data[at] == b.data[at])
			at++;
		buf_printf(out, "from byte %zu on: recorded ", at);
		put_excerpt(out, &a, at);
		buf_printf(out, ", replayed ");
		put_excerpt(out, &b, at);
	}
	free(a.owned);
	free(b.owned);
	return is_told;
}

static void put_side(struct buf *out, const char *what, const cJSON *json)
{
	auto_buf struct buf text;

	buf_init(&text, SIDE_TEXT_MAX);
	text_value(&text, json);
	buf_printf(out, "%s%.*s%s", what, (int)MIN(text.len, (size_t)SIDE_SHOWN), (const char *)text.data,
		   text.len > SIDE_SHOWN ? "..." : "");
}

void text_sides(struct buf *out, const cJSON *recorded, const cJSON *replayed)
{
	if (put_excerpts(out, recorded, replayed))
		return;
	put_side(out, "recorded ", recorded);
	put_side(out, ", replayed ", replayed);
}
