// SPDX-License-Identifier: BSD-3-Clause
/* Many recordings at once. What the driver cannot do together is done one after the other. */
#include "lib/cassette_driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cassette_keys.h"
#include "lib/err.h"
#include "lib/util.h"

/* Objects of a batch, their keys beside them, and which item each belongs to. */
struct batch {
	struct cassette_object *object;
	size_t *item;
	char (*path)[CASSETTE_KEY_MAX];
	size_t cnt;
};

static void batch_release(struct batch *batch)
{
	free(batch->object);
	free(batch->item);
	free(batch->path);
}

#define auto_batch __attribute__((cleanup(batch_release)))

static int batch_init(struct batch *batch, size_t cnt, struct err *err)
{
	*batch = (struct batch){
		.object = calloc(cnt + 1, sizeof(*batch->object)),
		.item = calloc(cnt + 1, sizeof(*batch->item)),
		.path = calloc(cnt + 1, sizeof(*batch->path)),
	};
	return batch->object && batch->item && batch->path ? 0 : err_nomem(err);
}

typedef int (*many_fn)(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
		       struct err *err);

static int put_one(struct cassette *cassette, struct cassette_object *object, struct err *err)
{
	return cassette->ops->put(cassette, object->key, object->data.data, object->data.len, err);
}

static int cut(struct blob *blob, uint64_t at, uint64_t len)
{
	if (at > blob->len || len > blob->len - at) {
		free(TAKE_PTR(blob->data));
		return -EBADMSG;
	}
	memmove(blob->data, (char *)blob->data + at, len);
	blob->len = len;
	return 0;
}

static int get_one(struct cassette *cassette, struct cassette_object *object, struct err *err)
{
	int r;

	if (!object->part_len)
		return cassette->ops->get(cassette, object->key, &object->data, err);
	if (cassette->ops->get_part) {
		r = cassette->ops->get_part(cassette, object->key, object->at, object->part_len,
					    &object->data, err);
	} else {
		r = cassette->ops->get(cassette, object->key, &object->data, err);
		r = r ? r : cut(&object->data, object->at, object->part_len);
	}
	return r == -EBADMSG ? err_set(err, r, "'%s' is shorter than it should be", object->key) : r;
}

static int remove_one(struct cassette *cassette, struct cassette_object *object, struct err *err)
{
	int r = cassette->ops->remove(cassette, object->key, err);

	return r == -ENOENT ? 0 : r;
}

static int do_many(struct cassette *cassette, many_fn many,
		   int (*one)(struct cassette *cassette, struct cassette_object *object, struct err *err),
		   struct cassette_object *objects, size_t cnt, struct err *err)
{
	int first = 0;

	if (many)
		return cnt ? many(cassette, objects, cnt, err) : 0;
	for (size_t i = 0; i < cnt; i++) {
		objects[i].result = one(cassette, &objects[i], first ? NULL : err);
		if (!first && (objects[i].result != -ENOENT))
			first = objects[i].result;
	}
	return first;
}

int cassette_get_objects(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
			 struct err *err)
{
	return do_many(cassette, cassette->ops->get_many, get_one, objects, cnt, err);
}

/* The objects of @kind of all items that have not failed yet; an item with an impossible key fails here. */
static int gather(struct batch *batch, struct cassette *cassette, struct cassette_item *items, size_t cnt,
		  const char *kind, struct err *err)
{
	int first = batch_init(batch, cnt, err);

	if (first)
		return first;
	for (size_t i = 0; i < cnt; i++) {
		size_t at = batch->cnt;

		if (items[i].result)
			continue;
		items[i].result =
			recording_path(batch->path[at], cassette, kind, &items[i].key, first ? NULL : err);
		if (!first)
			first = items[i].result;
		if (items[i].result)
			continue;
		batch->object[at].key = batch->path[at];
		batch->item[at] = i;
		batch->cnt++;
	}
	return first;
}

static int put_kind(struct cassette *cassette, struct cassette_item *items, size_t cnt, const char *kind,
		    bool is_metadata, struct err *err)
{
	auto_batch struct batch batch = {};
	int first = gather(&batch, cassette, items, cnt, kind, err), r;

	if (first == -ENOMEM)
		return first;
	for (size_t i = 0; i < batch.cnt; i++) {
		const struct cassette_item *item = &items[batch.item[i]];

		batch.object[i].data = is_metadata ? item->metadata : item->full;
	}
	r = do_many(cassette, cassette->ops->put_many, put_one, batch.object, batch.cnt, first ? NULL : err);
	for (size_t i = 0; i < batch.cnt; i++)
		items[batch.item[i]].result = batch.object[i].result;
	return first ? first : r;
}

static int all_fail(struct cassette_item *items, size_t cnt, int result)
{
	for (size_t i = 0; i < cnt; i++)
		items[i].result = result;
	return result;
}

static int check_sizes(struct cassette *cassette, struct cassette_item *items, size_t cnt, struct err *err)
{
	int first = 0;

	for (size_t i = 0; i < cnt; i++) {
		items[i].result = 0;
		if (!cassette_samples(cassette, &items[i].key, items[i].full.len)) {
			items[i].result = CASSETTE_SAMPLED_OUT;
			continue;
		}
		if (MAX(items[i].full.len, items[i].metadata.len) <= CASSETTE_OBJECT_MAX)
			continue;
		items[i].result = -EFBIG;
		if (!first)
			first = err_set(err, -EFBIG,
					"cannot store recording '%s' in '%s': more than %d bytes",
					items[i].key.id, cassette->url, CASSETTE_OBJECT_MAX);
	}
	return first;
}

/* By a driver that takes recordings as wholes: their keys are checked here, for it does not make them. */
static int put_whole(struct cassette *cassette, struct cassette_item *items, size_t cnt, int first,
		     struct err *err)
{
	char path[CASSETTE_KEY_MAX];
	int r;

	for (size_t i = 0; i < cnt; i++) {
		if (items[i].result)
			continue;
		items[i].result = recording_path(path, cassette, "full", &items[i].key, first ? NULL : err);
		first = first ? first : items[i].result;
	}
	r = cassette->ops->put_recordings(cassette, items, cnt, first ? NULL : err);
	return first ? first : r;
}

int cassette_put_many(struct cassette *cassette, struct cassette_item *items, size_t cnt, struct err *err)
{
	int first = cassette_writable(cassette, err), r;

	if (first)
		return all_fail(items, cnt, first);
	first = check_sizes(cassette, items, cnt, err);
	if (cassette->ops->put_recordings)
		return put_whole(cassette, items, cnt, first, err);
	r = put_kind(cassette, items, cnt, "full", false, first ? NULL : err);
	if (r == -ENOMEM)
		return r;
	if (!first)
		first = r;
	r = put_kind(cassette, items, cnt, "metadata", true, first ? NULL : err);
	return first ? first : r;
}

/* Into the items' metadata or full, of those that have not failed yet. */
static int get_kind(struct cassette *cassette, struct cassette_item *items, size_t cnt, const char *kind,
		    bool is_metadata, struct err *err)
{
	auto_batch struct batch batch = {};
	int first = gather(&batch, cassette, items, cnt, kind, err), r;

	if (first == -ENOMEM)
		return first;
	r = cassette_get_objects(cassette, batch.object, batch.cnt, first ? NULL : err);
	for (size_t i = 0; i < batch.cnt; i++) {
		struct cassette_item *item = &items[batch.item[i]];

		item->result = batch.object[i].result;
		if (!item->result)
			*(is_metadata ? &item->metadata : &item->full) = batch.object[i].data;
	}
	return first ? first : r;
}

int cassette_get_metadata_many(struct cassette *cassette, struct cassette_item *items, size_t cnt,
			       struct err *err)
{
	for (size_t i = 0; i < cnt; i++)
		items[i].result = 0;
	return get_kind(cassette, items, cnt, "metadata", true, err);
}

int cassette_get_many(struct cassette *cassette, struct cassette_item *items, size_t cnt, struct err *err)
{
	int first, r;

	for (size_t i = 0; i < cnt; i++) {
		items[i].result = 0;
		items[i].full = items[i].metadata = (struct blob){};
	}
	first = get_kind(cassette, items, cnt, "metadata", true, err);
	if (first == -ENOMEM)
		return first;
	r = get_kind(cassette, items, cnt, "full", false, first ? NULL : err);
	for (size_t i = 0; i < cnt; i++) {
		if (!items[i].result)
			continue;
		free(items[i].metadata.data);
		items[i].metadata = (struct blob){};
	}
	return first ? first : r;
}

static int remove_kind(struct cassette *cassette, struct cassette_item *items, size_t cnt, const char *kind,
		       struct err *err)
{
	auto_batch struct batch batch = {};
	int first = gather(&batch, cassette, items, cnt, kind, err), r;

	if (first == -ENOMEM)
		return first;
	r = do_many(cassette, cassette->ops->remove_many, remove_one, batch.object, batch.cnt,
		    first ? NULL : err);
	for (size_t i = 0; i < batch.cnt; i++)
		items[batch.item[i]].result = batch.object[i].result;
	return first ? first : r;
}

/* Metadata first, so that what is listed exists. */
int cassette_remove_many(struct cassette *cassette, struct cassette_item *items, size_t cnt, struct err *err)
{
	int first = cassette_writable(cassette, err), r;

	if (first)
		return all_fail(items, cnt, first);
	for (size_t i = 0; i < cnt; i++)
		items[i].result = 0;
	first = remove_kind(cassette, items, cnt, "metadata", err);
	if (first == -ENOMEM)
		return first;
	r = remove_kind(cassette, items, cnt, "full", first ? NULL : err);
	return first ? first : r;
}
