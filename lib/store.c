// SPDX-License-Identifier: BSD-3-Clause
#include "lib/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/schema.h"
#include "lib/shape.h"
#include "lib/timestamp.h"
#include "lib/util.h"

/* A schema that is in the cassette for certain. */
struct stored {
	struct stored *next;
	char id[SCHEMA_ID_LEN + 1];
};

/* A schema that recordings or shapes were asked for by. */
struct loaded {
	struct loaded *next;
	char id[SCHEMA_ID_LEN + 1]; /* "": somebody else's */
	const struct schema *schema;
	struct schema *owned;
	struct shape **shapes; /* by function; NULL until asked for */
	size_t shapes_cnt;
};

struct store {
	struct cassette *cassette;
	struct stored *stored;
	struct loaded *loaded;
};

int store_new(struct store **out, struct cassette *cassette, struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return err_nomem(err);
	store->cassette = cassette;
	*out = store;
	return 0;
}

static void loaded_free(struct loaded *loaded)
{
	if (!loaded)
		return;
	for (size_t i = 0; i < loaded->shapes_cnt; i++)
		shape_free(loaded->shapes[i]);
	free(loaded->shapes);
	schema_free(loaded->owned);
	free(loaded);
}

static void loaded_freep(struct loaded **loaded)
{
	loaded_free(*loaded);
}

void store_free(struct store *store)
{
	if (!store)
		return;
	for (struct stored *stored = store->stored, *next; stored; stored = next) {
		next = stored->next;
		free(stored);
	}
	for (struct loaded *loaded = store->loaded, *next; loaded; loaded = next) {
		next = loaded->next;
		loaded_free(loaded);
	}
	free(store);
}

void store_freep(struct store **store)
{
	store_free(*store);
}

/* --- putting --- */

static const char *text_of(const struct recording *recording, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(recording->metadata, name));
}

static int key_of(struct recording_key *out, const struct recording *recording, struct err *err)
{
	const char *category = text_of(recording, "category"), *at = text_of(recording, "recorded_at");
	struct recording_key key = {};
	int64_t ns;

	if (!category || !category_is_valid(category))
		return err_set(err, -EINVAL, "a recording's category cannot be '%s'",
			       category ? category : "");
	if (!at || !timestamp_parse(at, &ns))
		return err_set(err, -EINVAL, "a recording's time cannot be '%s'", at ? at : "");
	memcpy(key.category, category, strlen(category) + 1);
	timestamp_day(ns, key.day);
	if (recording->id[0])
		memcpy(key.id, recording->id, sizeof(key.id));
	else
		random_id(key.id);
	*out = key;
	return 0;
}

static int put_schema(struct store *store, struct schema *schema, char id[SCHEMA_ID_LEN + 1], struct err *err)
{
	struct stored *stored;
	const void *data;
	size_t len;
	int r = schema_id(schema, id, err);

	for (stored = store->stored; !r && stored; stored = stored->next)
		if (strcmp(stored->id, id) == 0)
			return 0;
	if (!r)
		r = schema_bytes(schema, &data, &len, err);
	if (!r)
		r = cassette_put_schema(store->cassette, id, data, len, err);
	if (r)
		return r;
	stored = calloc(1, sizeof(*stored));
	if (!stored)
		return err_nomem(err);
	memcpy(stored->id, id, sizeof(stored->id));
	stored->next = store->stored;
	store->stored = stored;
	return 0;
}

static int put_recording(struct store *store, const struct recording *recording,
			 const struct recording_key *key, struct err *err)
{
	autofree char *metadata = NULL;
	auto_buf struct buf full;
	int r;

	buf_init(&full, CASSETTE_OBJECT_MAX);
	r = recording_write(&full, recording, err);
	if (!r)
		r = recording_metadata_text(&metadata, recording, err);
	return r ? r : cassette_put(store->cassette, key, full.data, full.len, metadata, err);
}

int store_put(struct store *store, const struct recording *recording, struct schema *schema,
	      struct recording_key *key, struct err *err)
{
	struct recording named = *recording;
	struct recording_key new_key;
	int r = key_of(&new_key, recording, err);

	if (!r)
		r = recording_check(recording, schema, err);
	if (!r)
		r = put_schema(store, schema, named.schema, err);
	memcpy(named.id, new_key.id, sizeof(named.id));
	if (!r)
		r = put_recording(store, &named, &new_key, err);
	if (r)
		return r;
	*key = new_key;
	return 0;
}

int store_put_schema(struct store *store, struct schema *schema, struct err *err)
{
	char name[SCHEMA_ID_LEN + 1];

	return put_schema(store, schema, name, err);
}

/* What is to be stored under @item's key; it owns the bytes. */
static int make_item(struct cassette_item *item, const struct recording *recording, const char *schema_name,
		     struct err *err)
{
	struct recording named = *recording;
	char *metadata = NULL;
	struct buf full;
	int r = key_of(&item->key, recording, err);

	if (r)
		return r;
	memcpy(named.id, item->key.id, sizeof(named.id));
	memcpy(named.schema, schema_name, sizeof(named.schema));
	buf_init(&full, CASSETTE_OBJECT_MAX);
	r = recording_write(&full, &named, err);
	if (!r)
		r = recording_metadata_text(&metadata, &named, err);
	if (r) {
		buf_release(&full);
		return r;
	}
	item->full = (struct blob){full.data, full.len};
	item->metadata = (struct blob){metadata, strlen(metadata)};
	return 0;
}

static void items_free(struct cassette_item *items, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		free(items[i].full.data);
		free(items[i].metadata.data);
	}
	free(items);
}

int store_put_many(struct store *store, struct recording *const *recordings, size_t cnt,
		   struct schema *schema, int *results, struct err *err)
{
	struct cassette_item *items = calloc(cnt + 1, sizeof(*items));
	autofree size_t *which = calloc(cnt + 1, sizeof(*which));
	char name[SCHEMA_ID_LEN + 1];
	int first = items && which ? put_schema(store, schema, name, err) : err_nomem(err), r;
	bool is_ready = !first;
	size_t made = 0;

	for (size_t i = 0; i < cnt; i++) {
		results[i] = is_ready ? recording_check(recordings[i], schema, first ? NULL : err) : first;
		if (!results[i])
			results[i] = make_item(&items[made], recordings[i], name, first ? NULL : err);
		if (!results[i])
			which[made++] = i;
		else if (!first)
			first = results[i];
	}
	r = made ? cassette_put_many(store->cassette, items, made, first ? NULL : err) : 0;
	for (size_t i = 0; i < made; i++)
		results[which[i]] = r == -ENOMEM ? r : items[i].result;
	items_free(items, made);
	return first ? first : r;
}

/* --- getting --- */

static int add_loaded(struct loaded **out, struct store *store, const char *id, const struct schema *schema,
		      struct schema **owned, struct err *err)
{
	__attribute__((cleanup(loaded_freep))) struct loaded *loaded = calloc(1, sizeof(*loaded));

	if (!loaded)
		return err_nomem(err);
	memcpy(loaded->id, id, strlen(id) + 1);
	loaded->schema = schema;
	loaded->shapes = calloc(schema_funcs_cnt(schema) + 1, sizeof(*loaded->shapes));
	if (!loaded->shapes)
		return err_nomem(err);
	loaded->shapes_cnt = schema_funcs_cnt(schema);
	if (owned)
		loaded->owned = TAKE_PTR(*owned);
	loaded->next = store->loaded;
	*out = store->loaded = TAKE_PTR(loaded);
	return 0;
}

static int load_schema(struct loaded **out, struct store *store, const char *id, struct err *err)
{
	auto_schema struct schema *schema = NULL;
	struct blob blob;
	int r;

	if (!*id)
		return err_set(err, -EBADMSG, "it names no schema");
	for (struct loaded *loaded = store->loaded; loaded; loaded = loaded->next) {
		if (strcmp(loaded->id, id) == 0) {
			*out = loaded;
			return 0;
		}
	}
	r = cassette_get_schema(store->cassette, id, &blob, err);
	if (r)
		return r;
	r = schema_load(&schema, blob.data, blob.len, err);
	free(blob.data);
	if (r)
		return err_wrap(err, r, "schema '%s'", id);
	return add_loaded(out, store, id, schema, &schema, err);
}

static int check(struct loaded **loaded, struct store *store, const struct recording *recording,
		 const struct recording_key *key, struct err *err)
{
	int r;

	if (strcmp(recording->id, key->id) != 0)
		return err_set(err, -EBADMSG, "it is recording '%s'", recording->id);
	r = load_schema(loaded, store, recording->schema, err);
	return r ? r : recording_check(recording, (*loaded)->schema, err);
}

int store_read(struct store *store, const struct recording_key *key, const struct blob *full,
	       struct recording **out, const struct schema **schema, struct err *err)
{
	auto_recording struct recording *recording = NULL;
	char text[CATEGORY_MAX + 48];
	struct loaded *loaded;
	int r = recording_read(&recording, full->data, full->len, err);

	if (!r)
		r = check(&loaded, store, recording, key, err);
	if (r) {
		recording_key_text(key, text);
		return err_wrap(err, r, "cannot read recording '%s'", text);
	}
	*schema = loaded->schema;
	*out = TAKE_PTR(recording);
	return 0;
}

int store_get(struct store *store, const struct recording_key *key, struct recording **out,
	      const struct schema **schema, struct err *err)
{
	struct blob blob;
	int r = cassette_get(store->cassette, key, &blob, err);

	if (r)
		return r;
	r = store_read(store, key, &blob, out, schema, err);
	free(blob.data);
	return r;
}

/* --- shapes --- */

int store_shape(struct store *store, const struct schema *schema, size_t func, const struct shape **out,
		struct err *err)
{
	struct loaded *loaded = store->loaded;
	struct shape_fault fault;
	int r = 0;

	if (func >= schema_funcs_cnt(schema))
		return err_set(err, -EINVAL, "function %zu of a schema of %zu", func,
			       schema_funcs_cnt(schema));
	while (loaded && loaded->schema != schema)
		loaded = loaded->next;
	if (!loaded)
		r = add_loaded(&loaded, store, "", schema, NULL, err);
	if (!r && !loaded->shapes[func])
		r = shape_build(&loaded->shapes[func], schema, func, &fault, err);
	if (r)
		return err_wrap(err, r, "function '%s'", schema_func(schema, func)->name);
	*out = loaded->shapes[func];
	return 0;
}
