// SPDX-License-Identifier: BSD-3-Clause
#include "tests/hard/mask.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <zlib.h>

#include "lib/json.h"
#include "lib/util.h"

#define TEXT_SHOWN     400
#define PATH_BYTES     4096
#define ELEMENTS_SHOWN 100

static const cJSON *get(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* --- masking --- */

/* "memory at 0x7ffc12 could ..." becomes "memory at 0x? could ...". */
static void mask_addresses(char *text)
{
	char *to = text;

	while (*text) {
		if (text[0] != '0' || text[1] != 'x' || !isxdigit((unsigned char)text[2])) {
			*to++ = *text++;
			continue;
		}
		for (text += 2; isxdigit((unsigned char)*text);)
			text++;
		memcpy(to, "0x?", 3);
		to += 3;
	}
	*to = '\0';
}

/* What nobody would read: how it begins, how long it is, and a checksum. */
static char *digest(const char *text)
{
	size_t len = strlen(text);
	char *out = NULL;

	if (asprintf(&out, "%.24s... %zu characters, crc32 %08lx", text, len,
		     crc32_z(0, (const unsigned char *)text, len)) < 0)
		abort();
	return out;
}

static void shorten(cJSON *json)
{
	bool is_long = cJSON_IsArray(json) && cJSON_GetArraySize(json) > ELEMENTS_SHOWN;
	autofree char *text = is_long ? json_print(json) : NULL;

	if (!text && (!cJSON_IsString(json) || strlen(json->valuestring) <= TEXT_SHOWN))
		return;
	if (!text)
		text = TAKE_PTR(json->valuestring);
	cJSON_Delete(json->child);
	json->child = NULL;
	json->type = cJSON_String;
	json->valuestring = digest(text);
}

static void mask_texts(cJSON *json)
{
	if (cJSON_IsString(json))
		mask_addresses(json->valuestring);
	for (cJSON *item = json->child; item; item = item->next)
		mask_texts(item);
	if (!json->string || strcmp(json->string, "calls"))
		shorten(json);
}

static void put(cJSON *object, const char *name, const cJSON *item)
{
	if (item)
		cJSON_AddItemToObject(object, name, cJSON_Duplicate(item, true));
}

static cJSON *mask_call(const cJSON *call)
{
	static const char *const kept[] = {"kind", "function", "thread", "args", "return"};
	cJSON *out = cJSON_CreateObject();
	const cJSON *alias = get(call, "alias"), *left = get(call, "left"), *flowed_out = get(call, "out");
	const cJSON *error_number = get(call, "errno");

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (strcmp(kept[i], "thread") || get(call, kept[i])->valuedouble != 0)
			put(out, kept[i], get(call, kept[i]));
	if (flowed_out && flowed_out->child)
		put(out, "out", flowed_out);
	if (!cJSON_Compare(alias, get(call, "function"), true))
		put(out, "alias", alias);
	if (strcmp(left->valuestring, "return"))
		put(out, "left", left);
	if (error_number && error_number->valuedouble != 0)
		put(out, "errno", error_number);
	return out;
}

struct cJSON *mask_recording(const struct cJSON *shown)
{
	cJSON *out = cJSON_CreateObject(), *calls = cJSON_CreateArray();
	const cJSON *metadata = get(shown, "metadata"), *user = get(metadata, "user"), *call;

	if (!cJSON_IsTrue(get(shown, "complete")))
		put(out, "incomplete", get(shown, "incomplete"));
	put(out, "error", get(metadata, "error"));
	if (user && user->child)
		put(out, "user", user);
	cJSON_AddItemToObject(out, "operation", mask_call(get(shown, "operation")));
	cJSON_ArrayForEach(call, get(shown, "calls")) cJSON_AddItemToArray(calls, mask_call(call));
	if (calls->child)
		cJSON_AddItemToObject(out, "calls", calls);
	else
		cJSON_Delete(calls);
	mask_texts(out);
	return out;
}

/* --- comparing --- */

/* Where a comparison went wrong first. */
struct differing {
	char path[PATH_BYTES];
	const cJSON *want, *got;
};

static bool equal(struct differing *d, const cJSON *want, const cJSON *got);

static bool is_any_of(const cJSON *choices, const cJSON *got)
{
	struct differing ignored = {};
	const cJSON *choice;

	cJSON_ArrayForEach(choice, choices) if (equal(&ignored, choice, got)) return true;
	return false;
}

static bool fits_glob(const char *glob, const cJSON *got)
{
	autofree char *text = cJSON_IsString(got) ? strdup(got->valuestring) : json_print(got);

	return text && !fnmatch(glob, text, 0);
}

/* Compare what lies at one step further down. */
static bool equal_at(struct differing *d, const cJSON *want, const cJSON *got, const char *name, size_t idx)
{
	size_t len = strlen(d->path);

	if (name)
		snprintf(d->path + len, sizeof(d->path) - len, ".%s", name);
	else
		snprintf(d->path + len, sizeof(d->path) - len, "[%zu]", idx);
	if (!equal(d, want, got))
		return false;
	d->path[len] = '\0';
	return true;
}

static bool differs(struct differing *d, const cJSON *want, const cJSON *got)
{
	d->want = want;
	d->got = got;
	return false;
}

static bool objects_equal(struct differing *d, const cJSON *want, const cJSON *got)
{
	const cJSON *item;

	if (!cJSON_IsObject(got))
		return differs(d, want, got);
	cJSON_ArrayForEach(
		item, want) if (!equal_at(d, item, get(got, item->string), item->string, 0)) return false;
	cJSON_ArrayForEach(item, got) if (!get(want, item->string)) return equal_at(d, NULL, item,
										    item->string, 0);
	return true;
}

static bool arrays_equal(struct differing *d, const cJSON *want, const cJSON *got)
{
	const cJSON *a = want->child, *b = got->child;
	size_t idx = 0;

	if (!cJSON_IsArray(got))
		return differs(d, want, got);
	for (; a || b; a = a ? a->next : NULL, b = b ? b->next : NULL)
		if (!equal_at(d, a, b, NULL, idx++))
			return false;
	return true;
}

static bool equal(struct differing *d, const cJSON *want, const cJSON *got)
{
	if (!want || !got)
		return differs(d, want, got);
	if (cJSON_IsString(want) && want->valuestring[0] == '~')
		return fits_glob(want->valuestring + 1, got) || differs(d, want, got);
	if (cJSON_IsObject(want) && get(want, "?"))
		return is_any_of(get(want, "?"), got) || differs(d, want, got);
	if (cJSON_IsObject(want))
		return objects_equal(d, want, got);
	if (cJSON_IsArray(want))
		return arrays_equal(d, want, got);
	return cJSON_Compare(want, got, true) || differs(d, want, got);
}

char *mask_difference(const struct cJSON *want, const struct cJSON *got)
{
	struct differing d = {};
	autofree char *a = NULL, *b = NULL;
	char *out = NULL;

	if (equal(&d, want, got))
		return NULL;
	a = d.want ? json_print(d.want) : strdup("nothing");
	b = d.got ? json_print(d.got) : strdup("nothing");
	if (asprintf(&out, "%s should be\n%s\nand is\n%s", d.path, a, b) < 0)
		abort();
	return out;
}
