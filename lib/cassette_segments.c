// SPDX-License-Identifier: BSD-3-Clause
/*
 * Recordings many to an object, over a cassette that keeps the objects: a put is a segment and its index,
 * however many recordings; lookups read indexes alone, and a recording is a part of its segment. Schemas are
 * objects as ever.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/cassette_keys.h"
#include "lib/cassette_segments.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"

#define SEGMENT_BYTES (64ull * 1024 * 1024) /* one that is longer takes no more */

static struct segments *to_segments(struct cassette *cassette)
{
	return container_of(cassette, struct segments, cassette);
}

struct segments *segments_of(struct cassette *cassette)
{
	return cassette->ops == &cassette_segments_ops ? to_segments(cassette) : NULL;
}

/* --- life --- */

int cassette_segments_open(struct cassette **out, const char *url, const struct cassette_opts *opts,
			   struct err *err)
{
	autofree struct segments *segments = calloc(1, sizeof(*segments));
	struct cassette_opts objects_opts = *opts;
	struct cassette *objects;
	int r;

	if (!segments)
		return err_nomem(err);
	objects_opts.sample = NULL;
	objects_opts.transient = false;
	r = cassette_open_with(&objects, url, &objects_opts, err);
	if (r)
		return r;
	segments->objects = segments->days.objects = objects;
	segments->cassette.ops = &cassette_segments_ops;
	segments->cassette.opts.read_only = objects->opts.read_only;
	segments->cassette.opts.transient = objects->opts.transient;
	memcpy(segments->cassette.warning, objects->warning, sizeof(objects->warning));
	objects->opts.transient = false;
	segments->cassette.prefix = strdup(objects->prefix ? objects->prefix : "");
	if (!segments->cassette.prefix) {
		cassette_close(objects);
		return err_nomem(err);
	}
	*out = &TAKE_PTR(segments)->cassette;
	return 0;
}

static void segments_close(struct cassette *cassette)
{
	struct segments *segments = to_segments(cassette);

	days_release(&segments->days);
	cassette_close(segments->objects);
	free(segments);
}

/* --- putting --- */

static void make_name(struct segments *segments, char name[SEGMENT_NAME_LEN + 1])
{
	segments->last_ns = MAX((uint64_t)clock_wall_ns(), segments->last_ns + 1);
	snprintf(name, SEGMENT_NAME_LEN + 1, "%016llx%016llx", (unsigned long long)segments->last_ns,
		 (unsigned long long)random_bits());
}

int segments_put_together(struct segments *segments, const struct cassette_item *const *items, size_t cnt,
			  struct err *err)
{
	char name[SEGMENT_NAME_LEN + 1], segment_key[CASSETTE_KEY_MAX], index_key[CASSETTE_KEY_MAX];
	const char *day = items[0]->key.day;
	auto_buf struct buf segment, index = {};
	int r;

	buf_init(&segment, CASSETTE_OBJECT_MAX);
	buf_init(&index, SEGMENT_INDEX_MAX);
	make_name(segments, name);
	day_segment_key(segment_key, segments->objects, day, name);
	day_index_key(index_key, segments->objects, day, name);
	segment_make(&segment, &index, items, cnt, segment_key);
	if (segment.failed == -EFBIG)
		return err_set(err, -EFBIG, "a segment cannot have more than %d bytes", CASSETTE_OBJECT_MAX);
	if (segment.failed)
		return err_nomem(err);
	r = segments->objects->ops->put(segments->objects, segment_key, segment.data, segment.len, err);
	if (!r)
		r = segments->objects->ops->put(segments->objects, index_key, index.data, index.len, err);
	return r;
}

/* The items of one day from @first on, as many as a segment takes; the first has no result yet. */
static size_t gather(const struct cassette_item **out, size_t *which, struct cassette_item *items,
		     const bool *is_done, size_t first, size_t cnt)
{
	uint64_t bytes = 0;
	size_t made = 0;

	for (size_t i = first; i < cnt && bytes < SEGMENT_BYTES; i++) {
		if (is_done[i] || strcmp(items[i].key.day, items[first].key.day) != 0)
			continue;
		if (made && bytes + items[i].full.len > SEGMENT_BYTES)
			continue;
		bytes += items[i].full.len + items[i].metadata.len;
		which[made] = i;
		out[made++] = &items[i];
	}
	return made;
}

static int put_recordings(struct cassette *cassette, struct cassette_item *items, size_t cnt, struct err *err)
{
	autofree const struct cassette_item **some = calloc(cnt + 1, sizeof(*some));
	autofree size_t *which = calloc(cnt + 1, sizeof(*which));
	autofree bool *is_done = calloc(cnt + 1, sizeof(*is_done));
	int first = some && which && is_done ? 0 : err_nomem(err);

	if (first)
		return first;
	for (size_t i = 0; i < cnt; i++)
		is_done[i] = items[i].result;
	for (size_t i = 0; i < cnt; i++) {
		size_t made = is_done[i] ? 0 : gather(some, which, items, is_done, i, cnt);
		int r = 0;

		if (made)
			r = cassette_is_away(first) ? first
						    : segments_put_together(to_segments(cassette), some, made,
									    first ? NULL : err);
		first = first ? first : r;
		for (size_t k = 0; k < made; k++) {
			items[which[k]].result = r;
			is_done[which[k]] = true;
		}
	}
	return first;
}

static bool is_schema(const char *key)
{
	return strncmp(key, "schema/", 7) == 0;
}

static int segments_put(struct cassette *cassette, const char *key, const void *data, size_t len,
			struct err *err)
{
	struct cassette *objects = to_segments(cassette)->objects;

	if (!is_schema(key))
		return err_set(err, -ENOTSUP, "cannot write '%s' into segments", key);
	return objects->ops->put(objects, key, data, len, err);
}

/* --- getting --- */

/* A key as the layers above make it: of a recording, "full" or "metadata". */
static bool parse_key(const struct cassette *cassette, const char *path, struct recording_key *key,
		      bool *is_metadata)
{
	char full[CASSETTE_KEY_MAX], metadata[CASSETTE_KEY_MAX];

	recording_root(full, cassette, "full");
	recording_root(metadata, cassette, "metadata");
	*is_metadata = strncmp(path, metadata, strlen(metadata)) == 0;
	if (!*is_metadata && strncmp(path, full, strlen(full)) != 0)
		return false;
	return !recording_key_parse(key, path + strlen(*is_metadata ? metadata : full), NULL);
}

/* What of the objects is asked for, and what that gives. */
struct wanted {
	struct cassette_object *object; /* the caller's */
	const struct segment_entry *entry;
	const struct day *day;
	bool is_metadata;
	char key[CASSETTE_KEY_MAX];
};

/* Loaded when it was not, or when what it does not have may have come since: once a call for each day. */
static int find_entry(struct segments *segments, const struct recording_key *key, struct names *loaded,
		      struct wanted *wanted, struct err *err)
{
	struct day *day = days_find(&segments->days, key->day);
	int r = 0;

	wanted->entry = day ? day_entry(day, key->category, key->id) : NULL;
	for (size_t i = 0; !wanted->entry && i < loaded->cnt; i++)
		if (strcmp(loaded->name[i], key->day) == 0)
			return -ENOENT;
	if (!wanted->entry) {
		r = days_load(&segments->days, key->day, &day, err);
		if (!r && names_add(loaded, key->day, strlen(key->day)))
			r = err_nomem(err);
		wanted->entry = r ? NULL : day_entry(day, key->category, key->id);
	}
	wanted->day = day;
	return r ? r : wanted->entry ? 0 : -ENOENT;
}

static int copy(struct blob *out, const void *data, size_t len)
{
	char *bytes = malloc(len + 1);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, len ? data : "", len);
	bytes[len] = '\0';
	*out = (struct blob){bytes, len};
	return 0;
}

/* What is in the index or empty is there already; 1: it has to be read from the segment. */
static int from_index(struct wanted *wanted)
{
	const struct segment_entry *entry = wanted->entry;

	if (wanted->is_metadata && entry->metadata)
		return copy(&wanted->object->data, entry->metadata, entry->metadata_len);
	if (!(wanted->is_metadata ? entry->metadata_len : entry->len))
		return copy(&wanted->object->data, "", 0);
	return 1;
}

static int check_part(const struct wanted *wanted, const struct cassette_object *object, struct err *err)
{
	if (wanted->is_metadata || crc32(0, object->data.data, object->data.len) == wanted->entry->crc)
		return 0;
	free(object->data.data);
	return err_set(err, -EBADMSG, "recording '%s' in '%s' is damaged: its checksum differs",
		       wanted->entry->id, object->key);
}

static int read_parts(struct segments *segments, struct wanted *wanted, size_t cnt, struct err *err)
{
	autofree struct cassette_object *parts = calloc(cnt + 1, sizeof(*parts));
	int first;

	if (!parts)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++) {
		const struct segment_entry *entry = wanted[i].entry;

		day_segment_key(wanted[i].key, segments->objects, entry->day,
				wanted[i].day->names.name[entry->source]);
		parts[i].key = wanted[i].key;
		parts[i].at = entry->at + (wanted[i].is_metadata ? entry->len : 0);
		parts[i].part_len = wanted[i].is_metadata ? entry->metadata_len : entry->len;
	}
	first = cassette_get_objects(segments->objects, parts, cnt, err);
	for (size_t i = 0; i < cnt; i++) {
		int r = parts[i].result;

		if (!r)
			r = check_part(&wanted[i], &parts[i], first ? NULL : err);
		/* The segment is gone, and not the recording. */
		wanted[i].object->result = r == -ENOENT ? -ESTALE : r;
		if (!r)
			wanted[i].object->data = parts[i].data;
		else if (!first && r != -ENOENT)
			first = r;
	}
	return first;
}

static int get_recordings(struct segments *segments, struct cassette_object *objects, size_t cnt,
			  struct err *err)
{
	autofree struct wanted *wanted = calloc(cnt + 1, sizeof(*wanted));
	auto_names struct names loaded = {};
	size_t made = 0;
	int first = wanted ? 0 : err_nomem(err), r;

	for (size_t i = 0; wanted && i < cnt; i++) {
		struct wanted *one = &wanted[made];
		struct recording_key key;

		one->object = &objects[i];
		if (!parse_key(&segments->cassette, objects[i].key, &key, &one->is_metadata))
			objects[i].result = -ENOENT;
		else
			objects[i].result = find_entry(segments, &key, &loaded, one, first ? NULL : err);
		if (!objects[i].result)
			objects[i].result = from_index(one);
		made += objects[i].result == 1;
		if (!first && objects[i].result < 0 && objects[i].result != -ENOENT)
			first = objects[i].result;
	}
	/* A day that was loaded again in between has other entries. */
	for (size_t i = 0; i < made; i++) {
		struct recording_key key;

		parse_key(&segments->cassette, wanted[i].object->key, &key, &wanted[i].is_metadata);
		wanted[i].day = days_find(&segments->days, key.day);
		wanted[i].entry = day_entry(wanted[i].day, key.category, key.id);
		if (!wanted[i].entry)
			return first ? first : err_set(err, -ESTALE, "it changes while it is read");
	}
	r = made ? read_parts(segments, wanted, made, first ? NULL : err) : 0;
	return first ? first : r;
}

/* A segment that is gone was compacted into another one meanwhile, or removed: the indexes of now tell. */
static int segments_get_many(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
			     struct err *err)
{
	struct segments *segments = to_segments(cassette);
	autofree struct cassette_object *again = calloc(cnt + 1, sizeof(*again));
	autofree size_t *which = calloc(cnt + 1, sizeof(*which));
	size_t missing = 0;
	int r;

	if (!again || !which)
		return err_nomem(err);
	r = get_recordings(segments, objects, cnt, err);
	for (size_t i = 0; i < cnt; i++) {
		if (objects[i].result != -ESTALE)
			continue;
		which[missing] = i;
		again[missing++] = (struct cassette_object){.key = objects[i].key};
	}
	if (r || !missing)
		return r;
	days_release(&segments->days);
	r = get_recordings(segments, again, missing, err);
	for (size_t i = 0; i < missing; i++) {
		objects[which[i]] = again[i];
		if (again[i].result != -ESTALE)
			continue;
		objects[which[i]].result = -EIO;
		r = r ? r : err_set(err, -EIO, "the segment of '%s' is missing", again[i].key);
	}
	return r;
}

static int segments_get(struct cassette *cassette, const char *key, struct blob *out, struct err *err)
{
	struct cassette *objects = to_segments(cassette)->objects;
	struct cassette_object object = {.key = key};
	int r;

	if (is_schema(key))
		return objects->ops->get(objects, key, out, err);
	r = segments_get_many(cassette, &object, 1, err);
	if (!r && !object.result)
		*out = object.data;
	return r ? r : object.result;
}

/* --- removing --- */

static int remove_of_day(struct segments *segments, const struct recording_key *keys, size_t cnt,
			 struct err *err)
{
	autofree bool *is_gone = NULL;
	struct day *day;
	int r = days_load(&segments->days, keys[0].day, &day, err);

	if (r)
		return r;
	is_gone = calloc(day->cnt + 1, sizeof(*is_gone));
	if (!is_gone)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++) {
		const struct segment_entry *entry = day_entry(day, keys[i].category, keys[i].id);

		/* All its lines, or an older one would come back. */
		for (; entry && entry >= day->entries && strcmp(entry->id, keys[i].id) == 0 &&
		       strcmp(entry->category, keys[i].category) == 0;
		     entry--)
			is_gone[entry - day->entries] = true;
	}
	return day_remove(&segments->days, day, is_gone, err);
}

static int by_day(const void *a, const void *b)
{
	return strcmp(((const struct recording_key *)a)->day, ((const struct recording_key *)b)->day);
}

/* A recording goes with its metadata; the body that is removed next is gone then. */
static int segments_remove_many(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
				struct err *err)
{
	autofree struct recording_key *keys = calloc(cnt + 1, sizeof(*keys));
	size_t keys_cnt = 0;
	bool is_metadata;
	int first = 0;

	if (!keys)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++)
		if (parse_key(cassette, objects[i].key, &keys[keys_cnt], &is_metadata) && is_metadata)
			keys_cnt++;
	if (keys_cnt)
		qsort(keys, keys_cnt, sizeof(*keys), by_day);
	for (size_t i = 0, next; !first && i < keys_cnt; i = next) {
		for (next = i + 1; next < keys_cnt && by_day(&keys[i], &keys[next]) == 0; next++)
			;
		first = remove_of_day(to_segments(cassette), keys + i, next - i, err);
	}
	for (size_t i = 0; i < cnt; i++)
		objects[i].result = first;
	return first;
}

static int segments_remove(struct cassette *cassette, const char *key, struct err *err)
{
	struct segments *segments = to_segments(cassette);
	struct cassette_object object = {.key = key};
	struct recording_key parsed;
	bool is_metadata;
	struct day *day;
	int r;

	if (is_schema(key))
		return segments->objects->ops->remove(segments->objects, key, err);
	if (!parse_key(cassette, key, &parsed, &is_metadata) || !is_metadata)
		return -ENOENT;
	r = days_load(&segments->days, parsed.day, &day, err);
	if (r || !day_entry(day, parsed.category, parsed.id))
		return r ? r : -ENOENT;
	return segments_remove_many(cassette, &object, 1, err);
}

/* --- listing --- */

struct keys {
	struct recording_key *key;
	size_t cnt, cap;
};

static int add_key(struct keys *keys, const struct segment_entry *entry)
{
	struct recording_key *key;

	if (keys->cnt == keys->cap) {
		size_t cap = keys->cap ? 2 * keys->cap : 1024;
		void *grown = realloc(keys->key, cap * sizeof(*keys->key));

		if (!grown)
			return -ENOMEM;
		keys->key = grown;
		keys->cap = cap;
	}
	key = &keys->key[keys->cnt++];
	snprintf(key->category, sizeof(key->category), "%s", entry->category);
	memcpy(key->day, entry->day, sizeof(key->day));
	memcpy(key->id, entry->id, sizeof(key->id));
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct recording_key *one = a, *other = b;
	int r = strcmp(one->category, other->category);

	r = r ? r : strcmp(one->day, other->day);
	return r ? r : strcmp(one->id, other->id);
}

static int collect_day(struct segments *segments, const char *name, const char *category, struct keys *keys,
		       struct err *err)
{
	struct day *day;
	int r = days_load(&segments->days, name, &day, err);

	for (size_t i = 0; !r && i < day->cnt; i++) {
		if (!day_holds(day, i) || (category && strcmp(category, day->entries[i].category) != 0))
			continue;
		r = keys->cnt < NAMES_MAX ? add_key(keys, &day->entries[i]) : -EFBIG;
		if (r == -ENOMEM)
			err_nomem(err);
		else if (r)
			err_set(err, r, "more than %d recordings", NAMES_MAX);
	}
	return r;
}

/* All keys are known before the first is visited, so that @fn may change what it visits. */
static int segments_each(struct cassette *cassette, const char *category, const char *since,
			 const char *until, int (*fn)(const struct recording_key *key, void *ctx), void *ctx,
			 struct err *err)
{
	struct segments *segments = to_segments(cassette);
	auto_names struct names days = {};
	struct keys keys = {};
	int r = days_names(&segments->days, since, until, &days, err);

	for (size_t i = 0; !r && i < days.cnt; i++)
		r = collect_day(segments, days.name[i], category, &keys, err);
	if (!r && keys.cnt)
		qsort(keys.key, keys.cnt, sizeof(*keys.key), by_key);
	for (size_t i = 0; !r && i < keys.cnt; i++)
		r = fn(&keys.key[i], ctx);
	if (!r && !keys.cnt)
		cassette_warn_of_layout(
			cassette, segments->objects, "metadata",
			"there are objects: leave out layout=segments, or let 'tapedeck compact' "
			"move them");
	free(keys.key);
	return r;
}

static int segments_list(struct cassette *cassette, const char *prefix,
			 int (*fn)(const char *name, void *ctx), void *ctx, struct err *err)
{
	struct cassette *objects = to_segments(cassette)->objects;

	return objects->ops->list(objects, prefix, fn, ctx, err);
}

static int size_of_day(struct cassette *cassette, const struct day *day, const char *prefix, bool is_metadata,
		       int (*fn)(const char *key, uint64_t size, void *ctx), void *ctx)
{
	int r = 0;

	for (size_t i = 0; !r && i < day->cnt; i++) {
		const struct segment_entry *entry = &day->entries[i];
		char key[2 * CASSETTE_KEY_MAX];

		if (!day_holds(day, i))
			continue;
		snprintf(key, sizeof(key), "%s%s/%s/%s", prefix, entry->category, entry->day, entry->id);
		r = fn(key, is_metadata ? entry->metadata_len : entry->len, ctx);
	}
	return r;
}

/* Of recordings, as if each were two objects: what they share of a segment is nobody's. */
static int segments_sizes(struct cassette *cassette, const char *prefix,
			  int (*fn)(const char *key, uint64_t size, void *ctx), void *ctx, struct err *err)
{
	struct segments *segments = to_segments(cassette);
	char metadata[CASSETTE_KEY_MAX];
	auto_names struct names days = {};
	bool is_metadata;
	int r;

	if (is_schema(prefix))
		return segments->objects->ops->sizes(segments->objects, prefix, fn, ctx, err);
	recording_root(metadata, cassette, "metadata");
	is_metadata = strcmp(prefix, metadata) == 0;
	r = days_names(&segments->days, NULL, NULL, &days, err);
	for (size_t i = 0; !r && i < days.cnt; i++) {
		struct day *day;

		r = days_load(&segments->days, days.name[i], &day, err);
		if (!r)
			r = size_of_day(cassette, day, prefix, is_metadata, fn, ctx);
	}
	return r;
}

static void segments_progress(struct cassette *cassette, struct cassette_progress *out)
{
	cassette_progress(to_segments(cassette)->objects, out);
}

const struct cassette_ops cassette_segments_ops = {
	.scheme = "segments",
	.close = segments_close,
	.put = segments_put,
	.get = segments_get,
	.remove = segments_remove,
	.list = segments_list,
	.each = segments_each,
	.get_many = segments_get_many,
	.remove_many = segments_remove_many,
	.sizes = segments_sizes,
	.put_recordings = put_recordings,
	.progress = segments_progress,
};
