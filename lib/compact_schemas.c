// SPDX-License-Identifier: BSD-3-Clause
#include "lib/compact_schemas.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "lib/cassette_driver.h"
#include "lib/cassette_keys.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"

#define TOGETHER 1000

struct search {
	struct cassette *cassette, *objects;
	struct cassette_item items[TOGETHER];
	size_t cnt;
	struct names used, unused;
	uint64_t *removed;
	struct err *err;
};

static int cannot_tell(const struct search *search, const char *why)
{
	return err_set(search->err, -EBUSY, "cannot tell which schemas of '%s' are in use: %s",
		       search->cassette->url, why);
}

static bool is_used(const struct search *search, const char *schema)
{
	for (size_t i = 0; i < search->used.cnt; i++)
		if (strcmp(search->used.name[i], schema) == 0)
			return true;
	return false;
}

static int note_used(struct search *search, const struct blob *metadata)
{
	auto_cjson cJSON *doc = cJSON_ParseWithLength(metadata->data, metadata->len);
	const char *schema = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc, "schema"));

	if (!schema)
		return cannot_tell(search, "a recording's metadata names none");
	if (is_used(search, schema))
		return 0;
	return names_add(&search->used, schema, strlen(schema)) ? err_nomem(search->err) : 0;
}

static int read_items(struct search *search)
{
	int r = cassette_get_metadata_many(search->cassette, search->items, search->cnt, search->err);

	for (size_t i = 0; i < search->cnt; i++) {
		if (search->items[i].result)
			continue; /* removed meanwhile */
		if (!r)
			r = note_used(search, &search->items[i].metadata);
		free(search->items[i].metadata.data);
	}
	search->cnt = 0;
	return r;
}

static int on_key(const struct recording_key *key, void *ctx)
{
	struct search *search = ctx;

	search->items[search->cnt++] = (struct cassette_item){.key = *key};
	return search->cnt < TOGETHER ? 0 : read_items(search);
}

static int read_all(struct search *search, struct cassette *cassette)
{
	int r;

	search->cassette = cassette;
	r = cassette_each(cassette, NULL, NULL, NULL, on_key, search, search->err);
	return r ? r : read_items(search);
}

/* Schemas are shared by all prefixes. */
static int on_root_key(const char *key, uint64_t size, void *ctx)
{
	static const char *const kinds[] = {"full", "metadata", "segments", "index"};
	struct search *search = ctx;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char root[CASSETTE_KEY_MAX];

		recording_root(root, search->objects, kinds[i]);
		if (strncmp(key, root, strlen(root)) == 0)
			return 0;
	}
	return cannot_tell(search, "there is what is not of its prefix, and shares them");
}

static int on_schema(const char *sha256, void *ctx)
{
	struct search *search = ctx;

	if (is_used(search, sha256))
		return 0;
	return names_add(&search->unused, sha256, strlen(sha256)) ? err_nomem(search->err) : 0;
}

static int remove_schema(const char *sha256, void *ctx)
{
	struct search *search = ctx;
	char path[CASSETTE_KEY_MAX];
	int r = schema_path(path, sha256, search->err);

	if (!r)
		r = search->objects->ops->remove(search->objects, path, search->err);
	*search->removed += !r;
	return r == -ENOENT ? 0 : r;
}

int compact_schemas(struct cassette *cassette, struct cassette *objects, uint64_t *removed, struct err *err)
{
	autofree struct search *search = calloc(1, sizeof(*search));
	int r;

	if (!search)
		return err_nomem(err);
	*search = (struct search){.cassette = cassette, .objects = objects, .removed = removed, .err = err};
	r = objects->ops->sizes(objects, CASSETTE_ROOT "/", on_root_key, search, err);
	if (!r)
		r = read_all(search, cassette);
	if (!r && objects != cassette)
		r = read_all(search, objects);
	if (!r)
		r = cassette_each_schema(cassette, on_schema, search, err);
	if (!r)
		r = names_each(&search->unused, remove_schema, search);
	names_release(&search->used);
	names_release(&search->unused);
	return r;
}
