// SPDX-License-Identifier: BSD-3-Clause
#include "lib/segment_days.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cassette_keys.h"
#include "lib/err.h"
#include "lib/util.h"

#define INDEX_SUFFIX   ".jsonl.gz"
#define DAY_PREFIX     "dt="
#define INDEX_TOGETHER 64 /* that are read at once */
#define LOAD_TRIES     3  /* while others compact or remove */

static void day_empty(struct day *day)
{
	for (size_t i = 0; i < day->cnt; i++)
		segment_entry_release(&day->entries[i]);
	free(day->entries);
	names_release(&day->names);
	day->entries = NULL;
	day->cnt = day->cap = 0;
}

void days_release(struct days *days)
{
	for (struct day *day = days->first, *next; day; day = next) {
		next = day->next;
		day_empty(day);
		free(day);
	}
	days->first = NULL;
}

/* --- keys --- */

void day_index_key(char key[CASSETTE_KEY_MAX], const struct cassette *objects, const char *day,
		   const char *name)
{
	size_t len;

	recording_root(key, objects, "index");
	len = strlen(key);
	snprintf(key + len, CASSETTE_KEY_MAX - len, DAY_PREFIX "%s/%s%s", day, name,
		 *name ? INDEX_SUFFIX : "");
}

void day_segment_key(char key[CASSETTE_KEY_MAX], const struct cassette *objects, const char *day,
		     const char *name)
{
	size_t len;

	recording_root(key, objects, "segments");
	len = strlen(key);
	snprintf(key + len, CASSETTE_KEY_MAX - len, "%s/%s.seg", day, name);
}

static int on_index(const char *name, void *ctx)
{
	size_t len = strlen(name);

	if (len != SEGMENT_NAME_LEN + strlen(INDEX_SUFFIX) ||
	    strcmp(name + SEGMENT_NAME_LEN, INDEX_SUFFIX) != 0)
		return 0; /* not ours */
	return names_add(ctx, name, SEGMENT_NAME_LEN);
}

struct days_of {
	struct names *names;
	const char *since, *until;
};

static int on_day(const char *name, void *ctx)
{
	const struct days_of *days = ctx;

	name += strncmp(name, DAY_PREFIX, strlen(DAY_PREFIX)) == 0 ? strlen(DAY_PREFIX) : 0;
	if (!recording_day_is_valid(name) || (days->since && strcmp(name, days->since) < 0) ||
	    (days->until && strcmp(name, days->until) > 0))
		return 0;
	return names_add(days->names, name, strlen(name));
}

int days_names(struct days *days, const char *since, const char *until, struct names *out, struct err *err)
{
	struct days_of of = {out, since, until};
	char prefix[CASSETTE_KEY_MAX];
	int r;

	recording_root(prefix, days->objects, "index");
	r = days->objects->ops->list(days->objects, prefix, on_day, &of, err);
	return r == -ENOMEM ? err_nomem(err) : r;
}

/* --- loading --- */

struct loading {
	struct day *day;
	uint32_t source;
};

static int add_entry(struct segment_entry *entry, void *ctx)
{
	struct loading *loading = ctx;
	struct day *day = loading->day;

	if (strcmp(entry->day, day->day) != 0 || day->cnt == NAMES_MAX) {
		segment_entry_release(entry);
		return -EBADMSG;
	}
	if (day->cnt == day->cap) {
		size_t cap = day->cap ? 2 * day->cap : 256;
		void *entries = realloc(day->entries, cap * sizeof(*day->entries));

		if (!entries) {
			segment_entry_release(entry);
			return -ENOMEM;
		}
		day->entries = entries;
		day->cap = cap;
	}
	entry->source = loading->source;
	day->entries[day->cnt++] = *entry;
	return 0;
}

static int by_recording(const void *a, const void *b)
{
	const struct segment_entry *one = a, *other = b;
	int r = strcmp(one->category, other->category);

	r = r ? r : strcmp(one->id, other->id);
	return r ? r : (one->source > other->source) - (one->source < other->source);
}

static int read_index(struct day *day, uint32_t source, const struct cassette_object *object, struct err *err)
{
	struct loading loading = {day, source};
	int r = segment_index_each(object->data.data, object->data.len, add_entry, &loading, err);

	return r ? err_wrap(err, r, "cannot read '%s'", object->key) : 0;
}

/* Some of the indexes; -ESTALE when one has gone since it was listed. */
static int read_indexes(struct days *days, struct day *day, size_t first, size_t cnt, struct err *err)
{
	struct cassette_object objects[INDEX_TOGETHER] = {};
	char keys[INDEX_TOGETHER][CASSETTE_KEY_MAX];
	int r;

	for (size_t i = 0; i < cnt; i++) {
		day_index_key(keys[i], days->objects, day->day, day->names.name[first + i]);
		objects[i].key = keys[i];
	}
	r = cassette_get_objects(days->objects, objects, cnt, err);
	for (size_t i = 0; i < cnt; i++) {
		if (!r && objects[i].result)
			r = objects[i].result == -ENOENT ? -ESTALE : objects[i].result;
		if (!r)
			r = read_index(day, first + i, &objects[i], err);
		if (!objects[i].result)
			free(objects[i].data.data);
	}
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_day(struct days *days, struct day *day, struct err *err)
{
	char prefix[CASSETTE_KEY_MAX];
	int r;

	day_empty(day);
	day_index_key(prefix, days->objects, day->day, "");
	r = days->objects->ops->list(days->objects, prefix, on_index, &day->names, err);
	if (r == -ENOMEM)
		return err_nomem(err);
	if (day->names.cnt)
		qsort(day->names.name, day->names.cnt, sizeof(*day->names.name), by_text);
	for (size_t i = 0; !r && i < day->names.cnt; i += INDEX_TOGETHER)
		r = read_indexes(days, day, i, MIN(day->names.cnt - i, (size_t)INDEX_TOGETHER), err);
	if (!r && day->cnt)
		qsort(day->entries, day->cnt, sizeof(*day->entries), by_recording);
	return r;
}

struct day *days_find(struct days *days, const char *name)
{
	struct day *day = days->first;

	while (day && strcmp(day->day, name) != 0)
		day = day->next;
	return day;
}

int days_load(struct days *days, const char *name, struct day **out, struct err *err)
{
	struct day *day = days_find(days, name);
	int r = -ESTALE;

	if (!day) {
		day = calloc(1, sizeof(*day));
		if (!day)
			return err_nomem(err);
		snprintf(day->day, sizeof(day->day), "%s", name);
		day->next = days->first;
		days->first = day;
	}
	for (int i = 0; i < LOAD_TRIES && r == -ESTALE; i++)
		r = read_day(days, day, err);
	if (r == -ESTALE)
		err_set(err, r, "the indexes of day '%s' change faster than they can be read", name);
	if (r)
		day_empty(day);
	else
		*out = day;
	return r;
}

/* --- asking --- */

struct segment_entry *day_entry(const struct day *day, const char *category, const char *id)
{
	size_t low = 0, high = day->cnt;
	const struct segment_entry wanted = {.category = (char *)category, .source = UINT32_MAX};
	struct segment_entry key = wanted;

	memcpy(key.id, id, sizeof(key.id));
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (by_recording(&day->entries[mid], &key) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || strcmp(day->entries[low - 1].id, id) != 0 ||
	    strcmp(day->entries[low - 1].category, category) != 0)
		return NULL;
	return &day->entries[low - 1];
}

bool day_holds(const struct day *day, size_t i)
{
	const struct segment_entry *entry = &day->entries[i];

	return i + 1 == day->cnt || strcmp(entry[1].id, entry->id) != 0 ||
	       strcmp(entry[1].category, entry->category) != 0;
}

/* --- removing --- */

int day_remove_segment(struct days *days, const struct day *day, const char *name, struct err *err)
{
	char key[CASSETTE_KEY_MAX];
	int r;

	day_index_key(key, days->objects, day->day, name);
	r = days->objects->ops->remove(days->objects, key, err);
	if (r && r != -ENOENT)
		return r;
	day_segment_key(key, days->objects, day->day, name);
	r = days->objects->ops->remove(days->objects, key, err);
	return r == -ENOENT ? 0 : r;
}

static int rewrite(struct days *days, const struct day *day, const char *name,
		   const struct segment_entry *const *left, size_t cnt, struct err *err)
{
	char index_key[CASSETTE_KEY_MAX], segment_key[CASSETTE_KEY_MAX];
	auto_buf struct buf index;

	buf_init(&index, SEGMENT_INDEX_MAX);
	day_index_key(index_key, days->objects, day->day, name);
	day_segment_key(segment_key, days->objects, day->day, name);
	segment_index_make(&index, left, cnt, segment_key);
	if (index.failed)
		return err_nomem(err);
	return days->objects->ops->put(days->objects, index_key, index.data, index.len, err);
}

int day_remove(struct days *days, struct day *day, const bool *is_gone, struct err *err)
{
	autofree const struct segment_entry **left = calloc(day->cnt + 1, sizeof(*left));
	int r = left ? 0 : err_nomem(err);

	for (size_t source = 0; !r && source < day->names.cnt; source++) {
		size_t gone = 0, cnt = 0;

		for (size_t i = 0; i < day->cnt; i++) {
			if (day->entries[i].source != source)
				continue;
			if (is_gone[i])
				gone++;
			else
				left[cnt++] = &day->entries[i];
		}
		if (gone && cnt)
			r = rewrite(days, day, day->names.name[source], left, cnt, err);
		else if (gone)
			r = day_remove_segment(days, day, day->names.name[source], err);
	}
	day_empty(day);
	return r;
}
