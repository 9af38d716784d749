// SPDX-License-Identifier: BSD-3-Clause
#include "lib/compact.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/cassette_keys.h"
#include "lib/cassette_segments.h"
#include "lib/compact_schemas.h"
#include "lib/err.h"
#include "lib/timestamp.h"
#include "lib/util.h"

#define TOGETHER      1000 /* recordings that are moved or removed at once */
#define MOVE_BYTES    (64ull * 1024 * 1024)
#define ORPHAN_NS     (24 * 60 * 60 * TIMESTAMP_S)
#define NAME_TIME_LEN 16 /* hex digits of a name that are its time */

struct compaction {
	struct cassette *cassette;
	struct cassette *objects;  /* the same, where its layout has none */
	struct segments *segments; /* NULL: another layout */
	const struct compact_opts *opts;
	struct compact_counts *counts;
	struct cassette_item items[TOGETHER];
	size_t cnt;
	struct err *err;
};

static int check_stop(const struct compaction *compaction)
{
	if (compaction->opts->stop && *compaction->opts->stop)
		return err_set(compaction->err, -EINTR, "interrupted: what was not tidied up is as it was");
	return 0;
}

/* --- old days --- */

static int remove_items(struct compaction *compaction)
{
	int r = cassette_remove_many(compaction->objects, compaction->items, compaction->cnt,
				     compaction->err);

	if (!r)
		compaction->counts->expired += compaction->cnt;
	compaction->cnt = 0;
	return r;
}

static int on_old(const struct recording_key *key, void *ctx)
{
	struct compaction *compaction = ctx;

	if (strcmp(key->day, compaction->opts->keep_since) >= 0)
		return 0;
	compaction->items[compaction->cnt++] = (struct cassette_item){.key = *key};
	if (compaction->cnt < TOGETHER)
		return 0;
	return check_stop(compaction) ?: remove_items(compaction);
}

static int remove_old_day(struct compaction *compaction, const char *name)
{
	struct days *days = &compaction->segments->days;
	autofree bool *is_gone = NULL;
	uint64_t recordings = 0;
	struct day *day;
	int r = days_load(days, name, &day, compaction->err);

	if (r)
		return r;
	is_gone = calloc(day->cnt + 1, sizeof(*is_gone));
	if (!is_gone)
		return err_nomem(compaction->err);
	for (size_t i = 0; i < day->cnt; i++) {
		is_gone[i] = true;
		recordings += day_holds(day, i);
	}
	r = day_remove(days, day, is_gone, compaction->err);
	if (!r)
		compaction->counts->expired += recordings;
	return r;
}

static int remove_old(struct compaction *compaction)
{
	const char *since = compaction->opts->keep_since;
	auto_names struct names days = {};
	int r;

	if (!*since)
		return 0;
	r = cassette_each(compaction->objects, NULL, NULL, since, on_old, compaction, compaction->err);
	if (!r)
		r = remove_items(compaction);
	if (!r && compaction->segments)
		r = days_names(&compaction->segments->days, NULL, since, &days, compaction->err);
	for (size_t i = 0; !r && i < days.cnt; i++) {
		r = check_stop(compaction);
		if (!r && strcmp(days.name[i], since) < 0)
			r = remove_old_day(compaction, days.name[i]);
	}
	return r;
}

/* --- objects into segments --- */

static void items_release(struct compaction *compaction)
{
	for (size_t i = 0; i < compaction->cnt; i++) {
		free(compaction->items[i].full.data);
		free(compaction->items[i].metadata.data);
	}
	compaction->cnt = 0;
}

/* Those that are only half there stay what they are. */
static int move_items(struct compaction *compaction)
{
	struct cassette_item *items = compaction->items;
	size_t cnt = 0;
	int r = cassette_get_many(compaction->objects, items, compaction->cnt, compaction->err);

	for (size_t i = 0; i < compaction->cnt; i++)
		if (!items[i].result)
			items[cnt++] = items[i];
	compaction->cnt = cnt;
	if (!r)
		r = cassette_put_many(compaction->cassette, items, cnt, compaction->err);
	if (!r)
		r = cassette_remove_many(compaction->objects, items, cnt, compaction->err);
	if (!r)
		compaction->counts->moved += cnt;
	items_release(compaction);
	return r;
}

static int on_object(const struct recording_key *key, void *ctx)
{
	struct compaction *compaction = ctx;

	compaction->items[compaction->cnt++] = (struct cassette_item){.key = *key};
	if (compaction->cnt < TOGETHER)
		return 0;
	return check_stop(compaction) ?: move_items(compaction);
}

static int move_objects(struct compaction *compaction)
{
	int r = cassette_each(compaction->objects, NULL, NULL, NULL, on_object, compaction, compaction->err);

	return r ? r : move_items(compaction);
}

/* --- small segments into large ones --- */

/* Some segments of a day, what they hold, and the whole of their bytes. */
struct merge {
	struct compaction *compaction;
	struct day *day;
	uint64_t *bytes;	    /* of each source, what of it is still asked for */
	size_t *sources, cnt;	    /* that become one */
	struct blob *blobs;	    /* of each source; NULL data: not read */
	struct cassette_item *item; /* of each entry; borrowed from @blobs */
	const struct cassette_item **items;
	size_t items_cnt;
};

static void merge_release(struct merge *merge)
{
	for (size_t i = 0; merge->blobs && i < merge->day->names.cnt; i++)
		free(merge->blobs[i].data);
	free(merge->bytes);
	free(merge->sources);
	free(merge->blobs);
	free(merge->item);
	free(merge->items);
}

#define auto_merge __attribute__((cleanup(merge_release)))

static int merge_init(struct merge *merge, struct compaction *compaction, struct day *day)
{
	size_t sources = day->names.cnt;

	*merge = (struct merge){
		.compaction = compaction,
		.day = day,
		.bytes = calloc(sources + 1, sizeof(*merge->bytes)),
		.sources = calloc(sources + 1, sizeof(*merge->sources)),
		.blobs = calloc(sources + 1, sizeof(*merge->blobs)),
		.item = calloc(day->cnt + 1, sizeof(*merge->item)),
		.items = calloc(day->cnt + 1, sizeof(*merge->items)),
	};
	if (!merge->bytes || !merge->sources || !merge->blobs || !merge->item || !merge->items)
		return err_nomem(compaction->err);
	for (size_t i = 0; i < day->cnt; i++)
		if (day_holds(day, i))
			merge->bytes[day->entries[i].source] +=
				day->entries[i].len + day->entries[i].metadata_len;
	return 0;
}

/* Everything of it was promised: what is not as its index says ends it all, and nothing is removed. */
static int add_item(struct merge *merge, size_t i)
{
	const struct segment_entry *entry = &merge->day->entries[i];
	const struct blob *blob = &merge->blobs[entry->source];
	struct cassette_item *item = &merge->item[i];
	const char *full = (const char *)blob->data + entry->at;

	if (entry->at > blob->len || entry->len > blob->len - entry->at ||
	    entry->metadata_len > blob->len - entry->at - entry->len ||
	    crc32(0, (const void *)full, entry->len) != entry->crc)
		return err_set(merge->compaction->err, -EBADMSG,
			       "recording '%s/%s/%s' is damaged: its segment stays as it is", entry->category,
			       entry->day, entry->id);
	snprintf(item->key.category, sizeof(item->key.category), "%s", entry->category);
	memcpy(item->key.day, entry->day, sizeof(item->key.day));
	memcpy(item->key.id, entry->id, sizeof(item->key.id));
	item->full = (struct blob){(void *)full, entry->len};
	item->metadata = (struct blob){(void *)(full + entry->len), entry->metadata_len};
	if (entry->metadata)
		item->metadata.data = entry->metadata;
	merge->items[merge->items_cnt++] = item;
	return 0;
}

static int read_source(struct merge *merge, size_t source)
{
	struct compaction *compaction = merge->compaction;
	char key[CASSETTE_KEY_MAX];
	int r;

	day_segment_key(key, compaction->objects, merge->day->day, merge->day->names.name[source]);
	r = compaction->objects->ops->get(compaction->objects, key, &merge->blobs[source], compaction->err);
	return r == -ENOENT ? err_set(compaction->err, -EBADMSG, "'%s' is missing", key) : r;
}

static int remove_sources(struct merge *merge)
{
	struct compaction *compaction = merge->compaction;
	int r = 0;

	for (size_t i = 0; !r && i < merge->cnt; i++)
		r = day_remove_segment(&compaction->segments->days, merge->day,
				       merge->day->names.name[merge->sources[i]], compaction->err);
	return r;
}

/* The sources that were gathered become one segment; then they go. */
static int merge_sources(struct merge *merge)
{
	struct compaction *compaction = merge->compaction;
	int r = 0;

	for (size_t i = 0; !r && i < merge->cnt; i++)
		r = read_source(merge, merge->sources[i]);
	merge->items_cnt = 0;
	for (size_t i = 0; !r && i < merge->day->cnt; i++)
		if (day_holds(merge->day, i) && merge->blobs[merge->day->entries[i].source].data)
			r = add_item(merge, i);
	if (!r && merge->items_cnt)
		r = segments_put_together(compaction->segments, merge->items, merge->items_cnt,
					  compaction->err);
	if (!r)
		r = remove_sources(merge);
	for (size_t i = 0; i < merge->cnt; i++)
		free(TAKE_PTR(merge->blobs[merge->sources[i]].data));
	if (!r) {
		compaction->counts->merged += merge->cnt;
		compaction->counts->made += merge->items_cnt > 0;
	}
	merge->cnt = 0;
	return r;
}

static int merge_day(struct compaction *compaction, const char *name)
{
	uint64_t limit =
		compaction->opts->segment_bytes ? compaction->opts->segment_bytes : COMPACT_SEGMENT_BYTES;
	auto_merge struct merge merge = {};
	uint64_t bytes = 0;
	struct day *day;
	int r = days_load(&compaction->segments->days, name, &day, compaction->err);

	if (r)
		return r;
	r = merge_init(&merge, compaction, day);
	for (size_t source = 0; !r && source < day->names.cnt; source++) {
		if (merge.bytes[source] >= limit / 2)
			continue;
		if (merge.cnt && bytes + merge.bytes[source] > limit) {
			r = check_stop(compaction) ?: merge_sources(&merge);
			bytes = 0;
		}
		bytes += merge.bytes[source];
		merge.sources[merge.cnt++] = source;
	}
	return !r && merge.cnt > 1 ? merge_sources(&merge) : r;
}

/* --- segments without an index --- */

struct orphans {
	struct compaction *compaction;
	struct names keys; /* of segments that are old enough */
	size_t prefix_len;
};

static int on_segment(const char *key, uint64_t size, void *ctx)
{
	struct orphans *orphans = ctx;
	const char *rest = key + orphans->prefix_len, *name = rest + 9;
	char time[NAME_TIME_LEN + 1];

	if (strlen(rest) != 9 + SEGMENT_NAME_LEN + strlen(".seg") || rest[8] != '/')
		return 0; /* not ours */
	snprintf(time, sizeof(time), "%s", name);
	if ((int64_t)strtoull(time, NULL, 16) > orphans->compaction->opts->now_ns - ORPHAN_NS)
		return 0;
	return names_add(&orphans->keys, key, strlen(key));
}

static int remove_orphan(const char *key, void *ctx)
{
	struct orphans *orphans = ctx;
	struct compaction *compaction = orphans->compaction;
	const char *rest = key + orphans->prefix_len;
	char day[9], name[SEGMENT_NAME_LEN + 1], index_key[CASSETTE_KEY_MAX];
	struct blob index;
	int r;

	snprintf(day, sizeof(day), "%s", rest);
	snprintf(name, sizeof(name), "%s", rest + 9);
	day_index_key(index_key, compaction->objects, day, name);
	r = compaction->objects->ops->get(compaction->objects, index_key, &index, compaction->err);
	if (!r)
		free(index.data);
	if (r != -ENOENT)
		return r;
	r = compaction->objects->ops->remove(compaction->objects, key, compaction->err);
	compaction->counts->orphans += !r;
	return r == -ENOENT ? 0 : r;
}

static int remove_orphans(struct compaction *compaction)
{
	struct orphans orphans = {.compaction = compaction};
	char prefix[CASSETTE_KEY_MAX];
	int r;

	recording_root(prefix, compaction->objects, "segments");
	orphans.prefix_len = strlen(prefix);
	r = compaction->objects->ops->sizes(compaction->objects, prefix, on_segment, &orphans,
					    compaction->err);
	if (!r)
		r = names_each(&orphans.keys, remove_orphan, &orphans);
	names_release(&orphans.keys);
	return r;
}

/* --- the whole --- */

static int compact_segments(struct compaction *compaction)
{
	auto_names struct names days = {};
	int r = move_objects(compaction);

	if (!r)
		r = days_names(&compaction->segments->days, NULL, NULL, &days, compaction->err);
	for (size_t i = 0; !r && i < days.cnt; i++)
		r = check_stop(compaction) ?: merge_day(compaction, days.name[i]);
	return r ? r : remove_orphans(compaction);
}

int compact(struct cassette *cassette, const struct compact_opts *opts, struct compact_counts *counts,
	    struct err *err)
{
	autofree struct compaction *compaction = calloc(1, sizeof(*compaction));
	struct segments *segments = segments_of(cassette);
	int r = compaction ? cassette_writable(cassette, err) : err_nomem(err);

	*counts = (struct compact_counts){};
	if (r)
		return r;
	*compaction = (struct compaction){
		.cassette = cassette,
		.objects = segments ? segments->objects : cassette,
		.segments = segments,
		.opts = opts,
		.counts = counts,
		.err = err,
	};
	r = remove_old(compaction);
	if (!r && segments)
		r = compact_segments(compaction);
	if (!r && opts->schemas)
		r = compact_schemas(cassette, compaction->objects, &counts->schemas, err);
	items_release(compaction);
	return r;
}
