// SPDX-License-Identifier: BSD-3-Clause
#include "lib/cassette_keys.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/cassette_driver.h"
#include "lib/digest.h"
#include "lib/err.h"

#define DAY_LEN	   8
#define ID_LEN	   32
#define HEX_DIGITS "0123456789abcdef"

/* The length of the UTF-8 sequence at @s, or 0 when there is none: overlong forms and surrogates are none. */
static size_t utf8_len(const unsigned char *s)
{
	uint32_t c;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	c = s[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

bool category_is_valid(const char *category)
{
	const unsigned char *s = (const unsigned char *)category;
	size_t len;

	if (!*s || *s == '.' || strlen(category) > CATEGORY_MAX)
		return false;
	for (; *s; s += len) {
		len = utf8_len(s);
		if (!len || *s < ' ' || *s == 0x7f || *s == '/')
			return false;
	}
	return true;
}

bool recording_day_is_valid(const char *day)
{
	int month, mday;

	if (strlen(day) != DAY_LEN || strspn(day, "0123456789") != DAY_LEN)
		return false;
	month = (day[4] - '0') * 10 + day[5] - '0';
	mday = (day[6] - '0') * 10 + day[7] - '0';
	return month >= 1 && month <= 12 && mday >= 1 && mday <= 31;
}

bool recording_id_is_valid(const char *id)
{
	return strlen(id) == ID_LEN && strspn(id, HEX_DIGITS) == ID_LEN;
}

static int no_id(const char *id, struct err *err)
{
	err_usage(err, -EINVAL, "'%s' is not the id of a recording", id);
	err_hint(err, "an id is <category>/<yyyymmdd>/<32 hex digits>, or the digits alone, as ls prints it");
	return -EINVAL;
}

int recording_key_parse(struct recording_key *out, const char *id, struct err *err)
{
	struct recording_key key = {};
	const char *last = strrchr(id, '/');
	const char *day = last ? last - DAY_LEN : NULL;

	if (!last || day < id + 2 || day[-1] != '/' || (size_t)(day - id - 1) > CATEGORY_MAX ||
	    strlen(last + 1) != ID_LEN)
		return no_id(id, err);
	memcpy(key.category, id, day - id - 1);
	memcpy(key.day, day, DAY_LEN);
	memcpy(key.id, last + 1, ID_LEN);
	if (!category_is_valid(key.category) || !recording_day_is_valid(key.day) ||
	    !recording_id_is_valid(key.id))
		return no_id(id, err);
	*out = key;
	return 0;
}

void recording_key_text(const struct recording_key *key, char text[CATEGORY_MAX + 48])
{
	snprintf(text, CATEGORY_MAX + 48, "%s/%s/%s", key->category, key->day, key->id);
}

void recording_root(char path[CASSETTE_KEY_MAX], const struct cassette *cassette, const char *kind)
{
	const char *prefix = cassette->prefix ? cassette->prefix : "";

	snprintf(path, CASSETTE_KEY_MAX, CASSETTE_ROOT "/%s%s%s/", prefix, *prefix ? "/" : "", kind);
}

int recording_path(char path[CASSETTE_KEY_MAX], const struct cassette *cassette, const char *kind,
		   const struct recording_key *key, struct err *err)
{
	char text[CATEGORY_MAX + 48];
	size_t len;

	recording_key_text(key, text);
	if (!category_is_valid(key->category) || !recording_day_is_valid(key->day) ||
	    !recording_id_is_valid(key->id))
		return no_id(text, err);
	recording_root(path, cassette, kind);
	len = strlen(path);
	snprintf(path + len, CASSETTE_KEY_MAX - len, "%s", text);
	return 0;
}

int schema_path(char path[CASSETTE_KEY_MAX], const char *sha256, struct err *err)
{
	if (strlen(sha256) != DIGEST_HEX_LEN || strspn(sha256, HEX_DIGITS) != DIGEST_HEX_LEN)
		return err_set(err, -EINVAL, "'%s' is not the name of a schema", sha256);
	snprintf(path, CASSETTE_KEY_MAX, "schema/%s", sha256);
	return 0;
}
