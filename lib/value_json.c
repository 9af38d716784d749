// SPDX-License-Identifier: BSD-3-Clause
#include "lib/value.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/util.h"

#define JSON_EXACT     (1ull << 53) /* a double holds every integer up to here */
#define INT128_TEXT    44	    /* digits of 2^128, a sign, a NUL */
#define FLOAT_TEXT     64
#define HANDLES_FIRST  64
#define LONG_DOUBLE    16
#define LONG_DOUBLE_10 10 /* bytes of its 16 that mean something */

struct handles {
	uint64_t *addr; /* open addressing; 0: empty */
	unsigned *number;
	size_t cap, cnt;
};

struct handles *handles_new(void)
{
	return calloc(1, sizeof(struct handles));
}

void handles_free(struct handles *handles)
{
	if (!handles)
		return;
	free(handles->addr);
	free(handles->number);
	free(handles);
}

static size_t slot_of(const struct handles *handles, uint64_t addr)
{
	size_t i = (addr * 0x9e3779b97f4a7c15) >> 32 & (handles->cap - 1);

	while (handles->addr[i] && handles->addr[i] != addr)
		i = (i + 1) & (handles->cap - 1);
	return i;
}

static bool handles_grow(struct handles *handles)
{
	struct handles bigger = {.cap = handles->cap ? handles->cap * 2 : HANDLES_FIRST, .cnt = handles->cnt};

	bigger.addr = calloc(bigger.cap, sizeof(*bigger.addr));
	bigger.number = calloc(bigger.cap, sizeof(*bigger.number));
	if (!bigger.addr || !bigger.number) {
		free(bigger.addr);
		free(bigger.number);
		return false;
	}
	for (size_t i = 0; i < handles->cap; i++) {
		size_t to;

		if (!handles->addr[i])
			continue;
		to = slot_of(&bigger, handles->addr[i]);
		bigger.addr[to] = handles->addr[i];
		bigger.number[to] = handles->number[i];
	}
	free(handles->addr);
	free(handles->number);
	*handles = bigger;
	return true;
}

unsigned handles_number(struct handles *handles, uint64_t addr)
{
	size_t i;

	if (!addr || (handles->cnt >= handles->cap / 2 && !handles_grow(handles)))
		return 0;
	i = slot_of(handles, addr);
	if (!handles->addr[i]) {
		handles->addr[i] = addr;
		handles->number[i] = ++handles->cnt;
	}
	return handles->number[i];
}

/* Add @item, which is given up in any case; false: no memory. */
static bool put(cJSON *object, const char *name, cJSON *item)
{
	bool ok = item &&
		  (name ? cJSON_AddItemToObject(object, name, item) : cJSON_AddItemToArray(object, item));

	if (!ok)
		cJSON_Delete(item);
	return ok;
}

/* { @name: @item } */
static cJSON *wrap(const char *name, cJSON *item)
{
	auto_cjson cJSON *object = cJSON_CreateObject();

	if (!object) {
		cJSON_Delete(item);
		return NULL;
	}
	return put(object, name, item) ? TAKE_PTR(object) : NULL;
}

/* --- numbers --- */

static cJSON *unsigned_json(unsigned __int128 v, bool is_negative)
{
	char text[INT128_TEXT], *at = text + sizeof(text) - 1;

	if (v <= JSON_EXACT)
		return cJSON_CreateNumber(is_negative ? -(double)v : (double)v);
	*at = '\0';
	for (; v; v /= 10)
		*--at = '0' + (int)(v % 10);
	if (is_negative)
		*--at = '-';
	return cJSON_CreateString(at);
}

static cJSON *int_json(const struct value *v)
{
	unsigned __int128 bits = v->bits;

	if (v->size == 16)
		bits |= (unsigned __int128)v->bits_high << 64;
	else if (v->is_signed)
		bits = (unsigned __int128)(__int128)(int64_t)v->bits;
	if (v->is_signed && (__int128)bits < 0)
		return unsigned_json(-bits, true);
	return unsigned_json(bits, false);
}

/* The double whose shortest text is the shortest that means @f. */
static double float_as_double(float f)
{
	char text[FLOAT_TEXT];

	for (int digits = 1; digits < 9; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, f);
		if (strtof(text, NULL) == f)
			return strtod(text, NULL);
	}
	return f;
}

static cJSON *double_json(double d)
{
	if (isnan(d))
		return cJSON_CreateString("nan");
	if (isinf(d))
		return cJSON_CreateString(d < 0 ? "-inf" : "inf");
	return cJSON_CreateNumber(d);
}

static cJSON *long_double_json(const uint8_t *bytes)
{
	char text[FLOAT_TEXT];
	long double ld = 0;

	memcpy(&ld, bytes, LONG_DOUBLE_10);
	if (isnan(ld) || isinf(ld) || (long double)(double)ld == ld)
		return double_json((double)ld);
	snprintf(text, sizeof(text), "%.21Lg", ld);
	return cJSON_CreateString(text);
}

static cJSON *float_json(const struct value *v)
{
	double d = 0;
	float f = 0;

	if (v->size == LONG_DOUBLE)
		return long_double_json(v->bytes);
	if (v->size == sizeof(d)) {
		memcpy(&d, v->bytes, sizeof(d));
		return double_json(d);
	}
	memcpy(&f, v->bytes, sizeof(f));
	return double_json(isfinite(f) ? float_as_double(f) : (double)f);
}

/* --- text and bytes --- */

/* The length of the UTF-8 character at @s, or 0: not one. Overlong forms and surrogates are none. */
static size_t utf8_len(const uint8_t *s, size_t left)
{
	static const struct {
		uint8_t mask, lead, len;
		uint32_t least;
	} forms[] = {
		{0x80, 0, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

	for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
		uint32_t c = s[0] & (uint8_t)~forms[f].mask;

		if ((s[0] & forms[f].mask) != forms[f].lead)
			continue;
		if (left < forms[f].len)
			return 0;
		for (size_t i = 1; i < forms[f].len; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		if (c < forms[f].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		return forms[f].len;
	}
	return 0;
}

static bool is_utf8(const uint8_t *s, size_t len)
{
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_len(s + i, len - i);
		if (!n)
			return false;
	}
	return true;
}

static char *base64(const uint8_t *in, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = malloc((len + 2) / 3 * 4 + 1), *at = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i += 3) {
		uint32_t three =
			in[i] << 16 | (i + 1 < len ? in[i + 1] << 8 : 0) | (i + 2 < len ? in[i + 2] : 0);

		*at++ = digits[three >> 18];
		*at++ = digits[three >> 12 & 63];
		*at++ = i + 1 < len ? digits[three >> 6 & 63] : '=';
		*at++ = i + 2 < len ? digits[three & 63] : '=';
	}
	*at = '\0';
	return out;
}

static cJSON *bytes_json(const struct value *v)
{
	autofree char *text = base64(v->bytes, v->len);
	auto_cjson cJSON *object = text ? wrap("bytes", cJSON_CreateString(text)) : NULL;

	if (!object || !put(object, "length", cJSON_CreateNumber(v->len)))
		return NULL;
	return TAKE_PTR(object);
}

static cJSON *text_json(const struct value *v)
{
	autofree char *text = NULL;
	size_t len = v->len;

	/* A limit may have cut a character in two: what is left of it is no reason to show bytes. */
	for (size_t cut = 0; v->is_truncated && cut < 3 && len && !is_utf8(v->bytes, len); cut++)
		len--;
	/* C++ counts its text; JSON's library ends it by a NUL. */
	if (!is_utf8(v->bytes, len) || (len && memchr(v->bytes, '\0', len)))
		return bytes_json(v);
	text = len ? strndup((const char *)v->bytes, len) : strdup("");
	return text ? cJSON_CreateString(text) : NULL;
}

/* --- the rest --- */

static cJSON *json_of(const struct value *v, struct handles *handles);

static cJSON *struct_json(const struct value *v, struct handles *handles)
{
	auto_cjson cJSON *object = cJSON_CreateObject();

	for (size_t i = 0; object && i < v->child_cnt; i++) {
		const struct value *child = v->child[i];

		if (child->is_elsewhere)
			continue;
		if (!put(object, child->name ? child->name : "", value_json(child, handles)))
			return NULL;
	}
	return TAKE_PTR(object);
}

static cJSON *array_json(const struct value *v, struct handles *handles)
{
	auto_cjson cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; array && i < v->child_cnt; i++)
		if (!put(array, NULL, value_json(v->child[i], handles)))
			return NULL;
	return TAKE_PTR(array);
}

static cJSON *handle_json(uint64_t addr, struct handles *handles)
{
	unsigned number = handles_number(handles, addr);

	return number ? wrap("handle", cJSON_CreateNumber(number)) : NULL;
}

static cJSON *json_of(const struct value *v, struct handles *handles)
{
	switch (v->kind) {
	case VALUE_BOOL:
		if (v->bits <= 1)
			return cJSON_CreateBool((int)v->bits);
		return int_json(v);
	case VALUE_ENUM:
		return v->text ? cJSON_CreateString(v->text) : int_json(v);
	case VALUE_INT:
		return int_json(v);
	case VALUE_FLOAT:
		return float_json(v);
	case VALUE_TEXT:
		return text_json(v);
	case VALUE_BYTES:
		return bytes_json(v);
	case VALUE_STRUCT:
		if (value_content(v) != v)
			return value_json(value_content(v), handles);
		return struct_json(v, handles);
	case VALUE_ARRAY:
		return array_json(v, handles);
	case VALUE_POINTER:
		return v->child_cnt ? value_json(v->child[0], handles) : cJSON_CreateNull();
	case VALUE_REF:
		return wrap("ref", cJSON_CreateString(v->path));
	case VALUE_HANDLE:
		return handle_json(v->bits, handles);
	case VALUE_SYMBOL:
		return wrap("symbol", cJSON_CreateString(v->text));
	case VALUE_UNAVAILABLE:
	case VALUE_KIND_CNT:
		break;
	}
	return wrap("unavailable", cJSON_CreateString(v->text ? v->text : "not captured"));
}

struct cJSON *value_json(const struct value *value, struct handles *handles)
{
	cJSON *json = json_of(value, handles);
	auto_cjson cJSON *cut = NULL;

	if (!json || !value->is_truncated)
		return json;
	cut = wrap("truncated", json);
	if (!cut ||
	    !put(cut, "length", value->full_len ? cJSON_CreateNumber(value->full_len) : cJSON_CreateNull()))
		return NULL;
	return TAKE_PTR(cut);
}
