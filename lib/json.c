// SPDX-License-Identifier: BSD-3-Clause
/*
 * The text is walked once to check it, strictly and in words, and to note where each item stands; then cJSON
 * parses the same text. Both meet the items in the same order, so the tree is walked once more to give each
 * item its place.
 */
#include "lib/json.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_text.h"
#include "lib/util.h"

#define FOUND_LEN_MAX  24		 /* of what stands there instead, so much is shown */
#define INTEGER_MAX    ((1LL << 53) - 1) /* every double up to here is one integer, and only one */
#define INTEGER_DIGITS 24

struct spot {
	const struct cJSON *item;
	struct place place;
};

struct json_doc {
	struct cJSON *root;
	struct spot *spots; /* sorted by item once all are known */
	size_t cnt;
};

void cjson_freep(struct cJSON **json)
{
	cJSON_Delete(*json);
}

void json_free(struct json_doc *doc)
{
	if (!doc)
		return;
	cJSON_Delete(doc->root);
	free(doc->spots);
	free(doc);
}

void json_freep(struct json_doc **doc)
{
	json_free(*doc);
}

const struct cJSON *json_root(const struct json_doc *doc)
{
	return doc->root;
}

/* Give each of @cnt places its item; false when the tree has more or fewer items than the text. */
static bool fill(struct json_doc *doc, const struct cJSON *item, const struct place *places, size_t cnt)
{
	const struct cJSON *child;

	if (doc->cnt == cnt)
		return false;
	doc->spots[doc->cnt] = (struct spot){item, places[doc->cnt]};
	doc->cnt++;
	cJSON_ArrayForEach(child, item)
	{
		if (!fill(doc, child, places, cnt))
			return false;
	}
	return true;
}

static int by_item(const void *a, const void *b)
{
	const struct spot *left = a, *right = b;

	return left->item < right->item ? -1 : left->item > right->item;
}

static int by_key(const void *a, const void *b)
{
	const struct cJSON *const *left = a, *const *right = b;

	return strcmp((*left)->string, (*right)->string);
}

struct place json_place(const struct json_doc *doc, const struct cJSON *item)
{
	struct spot key = {.item = item};
	const struct spot *found = bsearch(&key, doc->spots, doc->cnt, sizeof(key), by_item);

	return found ? found->place : (struct place){};
}

static bool is_before(struct place a, struct place b)
{
	return a.line < b.line || (a.line == b.line && a.column < b.column);
}

static int refuse_twice(const struct json_doc *doc, const char *name, const struct cJSON *a,
			const struct cJSON *b, struct err *err)
{
	struct place first = json_place(doc, a), second = json_place(doc, b);

	if (is_before(second, first)) {
		struct place swap = first;

		first = second;
		second = swap;
	}
	return err_usage(err, -EINVAL, "%s:%d:%d: the key '%s' stands twice, first on line %d", name,
			 second.line, second.column, a->string, first.line);
}

static int check_keys(const struct json_doc *doc, const char *name, const struct cJSON *object,
		      struct err *err)
{
	size_t cnt = cJSON_GetArraySize(object), i = 0;
	autofree const struct cJSON **keys = calloc(cnt + 1, sizeof(*keys));
	const struct cJSON *child;

	if (!keys)
		return err_nomem(err);
	cJSON_ArrayForEach(child, object)
	{
		keys[i++] = child;
	}
	qsort(keys, cnt, sizeof(*keys), by_key);
	for (i = 1; i < cnt; i++)
		if (!strcmp(keys[i - 1]->string, keys[i]->string))
			return refuse_twice(doc, name, keys[i - 1], keys[i], err);
	return 0;
}

static int check_all_keys(const struct json_doc *doc, const char *name, const struct cJSON *item,
			  struct err *err)
{
	const struct cJSON *child;
	int r = cJSON_IsObject(item) ? check_keys(doc, name, item, err) : 0;

	cJSON_ArrayForEach(child, item)
	{
		if (r)
			return r;
		r = check_all_keys(doc, name, child, err);
	}
	return r;
}

int json_parse(struct json_doc **out, const char *name, const char *text, size_t len, struct err *err)
{
	auto_json struct json_doc *doc = calloc(1, sizeof(*doc));
	autofree struct place *places = NULL;
	autofree char *copy = NULL;
	size_t cnt = 0;
	int r;

	if (len > JSON_TEXT_MAX)
		return err_usage(err, -EINVAL, "%s: longer than %d MiB", name, JSON_TEXT_MAX >> 20);
	copy = malloc(len + 1);
	if (!doc || !copy)
		return err_nomem(err);
	memcpy(copy, text, len);
	r = json_check(&places, &cnt, name, copy, len, err);
	if (r)
		return r;
	doc->root = cJSON_ParseWithLength(copy, len);
	doc->spots = calloc(cnt, sizeof(*doc->spots));
	if (!doc->root || !doc->spots)
		return err_nomem(err);
	if (!fill(doc, doc->root, places, cnt) || doc->cnt != cnt)
		return err_set(err, -EINVAL, "%s: the parser read it in another way", name);
	qsort(doc->spots, doc->cnt, sizeof(*doc->spots), by_item);
	r = check_all_keys(doc, name, doc->root, err);
	if (!r)
		*out = TAKE_PTR(doc);
	return r;
}

/* --- the way to an item --- */

struct way {
	char *text;
	size_t len, cap;
};

static void way_put(struct way *way, const struct cJSON *parent, const struct cJSON *item, size_t idx)
{
	char *to = way->text + way->len;
	size_t room = way->cap - way->len;
	int len;

	if (cJSON_IsArray(parent))
		len = snprintf(to, room, "[%zu]", idx);
	else
		len = snprintf(to, room, "%s%s", way->len ? "." : "", item->string);
	way->len += MIN((size_t)len, room - 1);
}

static bool find_way(struct way *way, const struct cJSON *from, const struct cJSON *item)
{
	const struct cJSON *child;
	size_t idx = 0;

	if (from == item)
		return true;
	cJSON_ArrayForEach(child, from)
	{
		size_t len = way->len;

		way_put(way, from, child, idx++);
		if (find_way(way, child, item))
			return true;
		way->len = len;
		way->text[len] = '\0';
	}
	return false;
}

void json_where(const struct json_doc *doc, const struct cJSON *item, char *text, size_t len)
{
	struct way way = {.text = text, .cap = len};

	text[0] = '\0';
	find_way(&way, doc->root, item);
}

/* --- integers --- */

struct cJSON *json_new_integer(int64_t n)
{
	char text[INTEGER_DIGITS];

	snprintf(text, sizeof(text), "%" PRId64, n);
	return n >= -INTEGER_MAX && n <= INTEGER_MAX ? cJSON_CreateRaw(text) : cJSON_CreateString(text);
}

int json_integer(int64_t *out, const struct cJSON *item)
{
	long long n;
	char *end;

	if (cJSON_IsNumber(item)) {
		double d = item->valuedouble;

		if (!(fabs(d) <= INTEGER_MAX) || d != trunc(d))
			return -EINVAL;
		*out = d;
		return 0;
	}
	if (!cJSON_IsString(item) || isspace((unsigned char)*item->valuestring))
		return -EINVAL;
	errno = 0;
	n = strtoll(item->valuestring, &end, 10);
	if (errno || end == item->valuestring || *end)
		return -EINVAL;
	*out = n;
	return 0;
}
