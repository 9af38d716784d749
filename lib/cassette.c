// SPDX-License-Identifier: BSD-3-Clause
#include "lib/cassette.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cassette_driver.h"
#include "lib/cassette_keys.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"

/* --- recordings --- */

static int put(struct cassette *cassette, const char *path, const void *data, size_t len, struct err *err)
{
	if (len > CASSETTE_OBJECT_MAX)
		return err_set(err, -EFBIG, "cannot store '%s' in '%s': more than %d bytes", path,
			       cassette->url, CASSETTE_OBJECT_MAX);
	return cassette->ops->put(cassette, path, data, len, err);
}

int cassette_put(struct cassette *cassette, const struct recording_key *key, const void *full,
		 size_t full_len, const char *metadata, struct err *err)
{
	char full_path[CASSETTE_KEY_MAX], metadata_path[CASSETTE_KEY_MAX];
	int r = cassette_writable(cassette, err);

	if (!r)
		r = recording_path(full_path, cassette, "full", key, err);
	if (!r)
		r = recording_path(metadata_path, cassette, "metadata", key, err);
	if (!r && !cassette_samples(cassette, key, full_len))
		return CASSETTE_SAMPLED_OUT;
	if (!r && cassette->ops->put_recordings) {
		struct cassette_item item = {.key = *key,
					     .full = {(void *)full, full_len},
					     .metadata = {(void *)metadata, strlen(metadata)}};

		return cassette->ops->put_recordings(cassette, &item, 1, err);
	}
	if (!r)
		r = put(cassette, full_path, full, full_len, err);
	return r ? r : put(cassette, metadata_path, metadata, strlen(metadata), err);
}

static int no_recording(const struct cassette *cassette, const char *id, struct err *err)
{
	err_set(err, -ENOENT, "no recording '%s' in '%s'", id, cassette->url);
	err_hint(err, "'tapedeck ls --incomplete %s' lists what is there", cassette->url);
	return -ENOENT;
}

static int no_key(const struct cassette *cassette, const struct recording_key *key, struct err *err)
{
	char text[CATEGORY_MAX + 48];

	recording_key_text(key, text);
	return no_recording(cassette, text, err);
}

static int get(struct cassette *cassette, const char *kind, const struct recording_key *key, struct blob *out,
	       struct err *err)
{
	char path[CASSETTE_KEY_MAX];
	int r = recording_path(path, cassette, kind, key, err);

	if (!r)
		r = cassette->ops->get(cassette, path, out, err);
	return r == -ENOENT ? no_key(cassette, key, err) : r;
}

int cassette_get(struct cassette *cassette, const struct recording_key *key, struct blob *out,
		 struct err *err)
{
	return get(cassette, "full", key, out, err);
}

int cassette_get_metadata(struct cassette *cassette, const struct recording_key *key, struct blob *out,
			  struct err *err)
{
	return get(cassette, "metadata", key, out, err);
}

int cassette_remove(struct cassette *cassette, const struct recording_key *key, struct err *err)
{
	char full_path[CASSETTE_KEY_MAX], metadata_path[CASSETTE_KEY_MAX];
	bool was_listed;
	int r = cassette_writable(cassette, err);

	if (!r)
		r = recording_path(full_path, cassette, "full", key, err);
	if (!r)
		r = recording_path(metadata_path, cassette, "metadata", key, err);
	if (!r)
		r = cassette->ops->remove(cassette, metadata_path, err);
	if (r && r != -ENOENT)
		return r;
	/* What an earlier removal, cut short, has left is removed too. */
	was_listed = !r;
	r = cassette->ops->remove(cassette, full_path, err);
	if (r == -ENOENT)
		return was_listed ? 0 : no_key(cassette, key, err);
	return r;
}

bool cassette_is_away(int result)
{
	static const int codes[] = {ECONNREFUSED, ECONNRESET, ETIMEDOUT,    EHOSTUNREACH, EBUSY,
				    EPROTO,	  ENXIO,      EKEYREJECTED, ENOKEY};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (result == -codes[i])
			return true;
	return false;
}

/* --- schemas --- */

static bool is_of_name(const struct blob *blob, const char *sha256)
{
	char hex[DIGEST_HEX_LEN + 1];

	digest_hex(blob->data, blob->len, hex);
	return strcmp(hex, sha256) == 0;
}

int cassette_put_schema(struct cassette *cassette, const char *sha256, const void *data, size_t len,
			struct err *err)
{
	struct blob wanted = {(void *)data, len}, there = {};
	char path[CASSETTE_KEY_MAX];
	bool is_there;
	int r = cassette_writable(cassette, err);

	if (!r)
		r = schema_path(path, sha256, err);
	if (r)
		return r;
	if (!is_of_name(&wanted, sha256))
		return err_set(err, -EINVAL, "the bytes of schema '%s' are not those of its name", sha256);
	r = cassette->ops->get(cassette, path, &there, err);
	/* Whoever may only write is denied what may not be listed. */
	if (r && r != -ENOENT && r != -EACCES)
		return r;
	/* One that is damaged is written again. */
	is_there = !r && is_of_name(&there, sha256);
	free(there.data);
	return is_there ? 0 : put(cassette, path, data, len, err);
}

int cassette_get_schema(struct cassette *cassette, const char *sha256, struct blob *out, struct err *err)
{
	struct blob blob = {};
	char path[CASSETTE_KEY_MAX];
	int r = schema_path(path, sha256, err);

	if (!r)
		r = cassette->ops->get(cassette, path, &blob, err);
	if (r == -ENOENT)
		return err_set(err, r, "no schema '%s' in '%s'", sha256, cassette->url);
	if (r)
		return r;
	if (!is_of_name(&blob, sha256)) {
		free(blob.data);
		return err_set(err, -EBADMSG, "schema '%s' in '%s' is damaged: its bytes have another digest",
			       sha256, cassette->url);
	}
	*out = blob;
	return 0;
}

/* --- walking --- */

struct walk {
	struct cassette *cassette;
	bool has_found;
	const char *since, *until; /* NULL: open */
	int (*fn)(const struct recording_key *key, void *ctx);
	void *ctx;
	struct recording_key key; /* of where the walk is */
	struct err *err;
};

static int walk_id(const char *id, void *ctx)
{
	struct walk *walk = ctx;

	if (!recording_id_is_valid(id))
		return 0;
	memcpy(walk->key.id, id, sizeof(walk->key.id));
	walk->has_found = true;
	return walk->fn(&walk->key, walk->ctx);
}

static int walk_day(const char *day, void *ctx)
{
	struct walk *walk = ctx;
	char prefix[CASSETTE_KEY_MAX];
	size_t len;

	if (!recording_day_is_valid(day) || (walk->since && strcmp(day, walk->since) < 0) ||
	    (walk->until && strcmp(day, walk->until) > 0))
		return 0;
	memcpy(walk->key.day, day, sizeof(walk->key.day));
	recording_root(prefix, walk->cassette, "metadata");
	len = strlen(prefix);
	snprintf(prefix + len, sizeof(prefix) - len, "%s/%s/", walk->key.category, day);
	return walk->cassette->ops->list(walk->cassette, prefix, walk_id, walk, walk->err);
}

static int walk_category(const char *category, void *ctx)
{
	struct walk *walk = ctx;
	char prefix[CASSETTE_KEY_MAX];
	size_t len;

	if (!category_is_valid(category))
		return 0;
	memcpy(walk->key.category, category, strlen(category) + 1);
	recording_root(prefix, walk->cassette, "metadata");
	len = strlen(prefix);
	snprintf(prefix + len, sizeof(prefix) - len, "%s/", category);
	return walk->cassette->ops->list(walk->cassette, prefix, walk_day, walk, walk->err);
}

static int is_something(const char *name, void *ctx)
{
	return 1;
}

void cassette_warn_of_layout(struct cassette *cassette, struct cassette *objects, const char *kind,
			     const char *words)
{
	char prefix[CASSETTE_KEY_MAX];

	recording_root(prefix, objects, kind);
	if (!*cassette->warning && objects->ops->list(objects, prefix, is_something, NULL, NULL) == 1)
		snprintf(cassette->warning, sizeof(cassette->warning), "nothing is found, but %s", words);
}

int cassette_each(struct cassette *cassette, const char *category, const char *since, const char *until,
		  int (*fn)(const struct recording_key *key, void *ctx), void *ctx, struct err *err)
{
	struct walk walk = {
		.cassette = cassette,
		.since = since && *since ? since : NULL,
		.until = until && *until ? until : NULL,
		.fn = fn,
		.ctx = ctx,
		.err = err,
	};
	char prefix[CASSETTE_KEY_MAX];
	int r;

	if (cassette->ops->each)
		return cassette->ops->each(cassette, category, walk.since, walk.until, fn, ctx, err);
	if (category) {
		r = walk_category(category, &walk);
	} else {
		recording_root(prefix, cassette, "metadata");
		r = cassette->ops->list(cassette, prefix, walk_category, &walk, err);
	}
	if (!r && !walk.has_found)
		cassette_warn_of_layout(cassette, cassette, "index",
					"there are segments: add layout=segments to its name");
	return r;
}

/* --- finding --- */

struct find {
	const char *id;
	struct recording_key key, other;
	int cnt;
};

static int find_id(const struct recording_key *key, void *ctx)
{
	struct find *find = ctx;

	if (strcmp(key->id, find->id) != 0)
		return 0;
	if (find->cnt++ == 0)
		find->key = *key;
	else
		find->other = *key;
	return find->cnt == 2;
}

static int ambiguous_id(const struct find *find, struct err *err)
{
	char one[CATEGORY_MAX + 48], other[CATEGORY_MAX + 48];

	recording_key_text(&find->key, one);
	recording_key_text(&find->other, other);
	err_usage(err, -ENOTUNIQ, "'%s' names two recordings, '%s' and '%s'", find->id, one, other);
	err_hint(err, "give the whole id of the one that is meant");
	return -ENOTUNIQ;
}

static int find_digits(struct cassette *cassette, const char *id, struct recording_key *out, struct err *err)
{
	struct find find = {.id = id};
	int r = cassette_each(cassette, NULL, NULL, NULL, find_id, &find, err);

	if (r < 0)
		return r;
	if (find.cnt > 1)
		return ambiguous_id(&find, err);
	if (!find.cnt)
		return no_recording(cassette, id, err);
	*out = find.key;
	return 0;
}

int cassette_find(struct cassette *cassette, const char *id, struct recording_key *out, struct err *err)
{
	struct recording_key key;
	struct blob metadata;
	int r;

	if (recording_id_is_valid(id))
		return find_digits(cassette, id, out, err);
	r = recording_key_parse(&key, id, err);
	if (!r)
		r = cassette_get_metadata(cassette, &key, &metadata, err);
	if (r)
		return r;
	free(metadata.data);
	*out = key;
	return 0;
}

struct schema_walk {
	int (*fn)(const char *sha256, void *ctx);
	void *ctx;
};

static int walk_schema(const char *name, void *ctx)
{
	const struct schema_walk *walk = ctx;
	char path[CASSETTE_KEY_MAX];

	return schema_path(path, name, NULL) ? 0 : walk->fn(name, walk->ctx);
}

int cassette_each_schema(struct cassette *cassette, int (*fn)(const char *sha256, void *ctx), void *ctx,
			 struct err *err)
{
	struct schema_walk walk = {fn, ctx};

	return cassette->ops->list(cassette, "schema/", walk_schema, &walk, err);
}
