// SPDX-License-Identifier: BSD-3-Clause
/*
 * Another cassette behind a directory: what was read once is read from there.
 *
 * Objects never change, so a copy is good for ever; what is listed is asked for each time. A copy is written
 * beside its place and renamed, with a checksum in front: many processes may share the directory, and neither
 * a crash nor a disk that lies makes a wrong value, so nothing is synced. Where the directory fails, the
 * other cassette serves, and a warning says why.
 */
#include "lib/cassette_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "lib/buf.h"
#include "lib/cassette_compound.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"
#include "lib/write.h"

#define MAGIC	   "TDCACHE1"
#define MAGIC_LEN  8
#define HEADER_LEN 20 /* magic, CRC-32 of the rest as u32, its length as u64 */
#define DIR_MODE   0700
#define FILE_MODE  0600
#define FOLDER_MAX (PATH_MAX - CASSETTE_KEY_MAX - 64)

struct cached {
	struct cassette cassette;
	struct cassette *source;
	char folder[FOLDER_MAX];
	bool is_refreshing;
	bool is_unwritable;
};

static struct cached *to_cached(struct cassette *cassette)
{
	return container_of(cassette, struct cached, cassette);
}

/* --- opening --- */

static int cached_open(struct cassette **out, const char *rest, const struct cassette_opts *opts,
		       struct err *err)
{
	autofree struct cached *cached = calloc(1, sizeof(*cached));
	char folder[17];
	struct compound compound;
	const struct cassette_opts source_opts = {.read_only = true, .prefix = opts->prefix};
	int r;

	if (!cached)
		return err_nomem(err);
	r = compound_parse(&compound, "cached", rest, err);
	if (r)
		return r;
	cached->is_refreshing = strcmp(compound.query, "refresh") == 0;
	if (*compound.query && !cached->is_refreshing)
		return err_usage(err, -EINVAL, "cached: takes '?refresh', not '?%s'", compound.query);
	compound_folder(compound.url, NULL, folder);
	snprintf(cached->folder, sizeof(cached->folder), "%s/%s", compound.dir, folder);
	r = cassette_open_with(&cached->source, compound.url, &source_opts, err);
	if (r)
		return r;
	cached->cassette.opts.read_only = true;
	cached->cassette.prefix = strdup(cached->source->prefix ? cached->source->prefix : "");
	if (!cached->cassette.prefix) {
		cassette_close(cached->source);
		return err_nomem(err);
	}
	*out = &TAKE_PTR(cached)->cassette;
	return 0;
}

static void cached_close(struct cassette *cassette)
{
	struct cached *cached = to_cached(cassette);

	cassette_close(cached->source);
	free(cached);
}

/* --- copies --- */

static int read_file(struct buf *out, const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *to;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < HEADER_LEN)
		return -EBADMSG;
	buf_init(out, CASSETTE_OBJECT_MAX + HEADER_LEN);
	to = buf_grow(out, st.st_size);
	for (off_t at = 0; to && at < st.st_size; at += n) {
		n = read(fd, (char *)to + at, st.st_size - at);
		if (n <= 0)
			return -EBADMSG;
	}
	return out->failed;
}

/* -EBADMSG, or what else, when there is no good copy. */
static int copy_get(const struct cached *cached, const char *key, struct blob *out)
{
	auto_buf struct buf file = {};
	char path[PATH_MAX];
	struct reader reader;
	uint32_t crc;
	uint64_t len;
	int r;

	if (cached->is_refreshing)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/%.*s", cached->folder, CASSETTE_KEY_MAX, key);
	r = read_file(&file, path);
	if (r)
		return r;
	reader_init(&reader, file.data, file.len);
	if (memcmp(reader_bytes(&reader, MAGIC_LEN), MAGIC, MAGIC_LEN) != 0)
		return -EBADMSG;
	crc = reader_u32(&reader);
	len = reader_u64(&reader);
	if (len != reader_left(&reader) || crc != crc32(0, reader.pos, len))
		return -EBADMSG;
	memmove(file.data, reader.pos, len);
	*out = (struct blob){TAKE_PTR(file.data), len};
	return 0;
}

static int make_dirs(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdir(path, DIR_MODE) && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (r)
			return r;
	}
	return 0;
}

static int write_copy(const char *temp, const struct blob *blob)
{
	autoclose int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	auto_buf struct buf header = {};
	int r;

	if (fd < 0)
		return -errno;
	buf_init(&header, HEADER_LEN);
	buf_put(&header, MAGIC, MAGIC_LEN);
	buf_put_u32(&header, crc32(0, blob->data, blob->len));
	buf_put_u64(&header, blob->len);
	r = header.failed ? header.failed : write_all(fd, header.data, header.len);
	return r ? r : write_all(fd, blob->data, blob->len);
}

/* Readers go on without: so a failure is only remembered, and what cannot be written is not tried again. */
static void copy_put(struct cached *cached, const char *key, const struct blob *blob)
{
	char path[PATH_MAX], temp[PATH_MAX], id[33];
	int r;

	if (cached->is_unwritable)
		return;
	random_id(id);
	snprintf(path, sizeof(path), "%s/%.*s", cached->folder, CASSETTE_KEY_MAX, key);
	snprintf(temp, sizeof(temp), "%.*s/.tmp-%s", (int)(strrchr(path, '/') - path), path, id);
	r = write_copy(temp, blob);
	if (r == -ENOENT) {
		r = make_dirs(path);
		if (!r)
			r = write_copy(temp, blob);
	}
	if (!r && rename(temp, path))
		r = -errno;
	if (!r)
		return;
	unlink(temp);
	cached->is_unwritable = true;
	snprintf(cached->cassette.warning, sizeof(cached->cassette.warning),
		 "the cache cannot be written, and '%.100s' is read instead: %s", cached->source->url,
		 strerror(-r));
}

/* --- objects --- */

static int cached_get(struct cassette *cassette, const char *key, struct blob *out, struct err *err)
{
	struct cached *cached = to_cached(cassette);
	int r;

	if (!copy_get(cached, key, out))
		return 0;
	r = cached->source->ops->get(cached->source, key, out, err);
	if (!r)
		copy_put(cached, key, out);
	return r;
}

static int get_missing(struct cached *cached, struct cassette_object *objects, const size_t *at, size_t cnt,
		       struct err *err)
{
	autofree struct cassette_object *missing = calloc(cnt + 1, sizeof(*missing));
	int r;

	if (!missing)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++)
		missing[i].key = objects[at[i]].key;
	r = cassette_get_objects(cached->source, missing, cnt, err);
	for (size_t i = 0; i < cnt; i++) {
		objects[at[i]].result = missing[i].result;
		if (missing[i].result)
			continue;
		objects[at[i]].data = missing[i].data;
		copy_put(cached, missing[i].key, &missing[i].data);
	}
	return r;
}

static int cached_get_many(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
			   struct err *err)
{
	struct cached *cached = to_cached(cassette);
	autofree size_t *missing = calloc(cnt + 1, sizeof(*missing));
	size_t missing_cnt = 0;

	if (!missing)
		return err_nomem(err);
	for (size_t i = 0; i < cnt; i++) {
		objects[i].result = copy_get(cached, objects[i].key, &objects[i].data);
		if (objects[i].result)
			missing[missing_cnt++] = i;
	}
	return missing_cnt ? get_missing(cached, objects, missing, missing_cnt, err) : 0;
}

static int cached_list(struct cassette *cassette, const char *prefix, int (*fn)(const char *name, void *ctx),
		       void *ctx, struct err *err)
{
	struct cassette *source = to_cached(cassette)->source;

	return source->ops->list(source, prefix, fn, ctx, err);
}

static int cached_each(struct cassette *cassette, const char *category, const char *since, const char *until,
		       int (*fn)(const struct recording_key *key, void *ctx), void *ctx, struct err *err)
{
	return cassette_each(to_cached(cassette)->source, category, since, until, fn, ctx, err);
}

static int cached_sizes(struct cassette *cassette, const char *prefix,
			int (*fn)(const char *key, uint64_t size, void *ctx), void *ctx, struct err *err)
{
	struct cassette *source = to_cached(cassette)->source;

	return source->ops->sizes ? source->ops->sizes(source, prefix, fn, ctx, err) : -ENOTSUP;
}

static int cached_put(struct cassette *cassette, const char *key, const void *data, size_t len,
		      struct err *err)
{
	return cassette_writable(cassette, err);
}

static int cached_remove(struct cassette *cassette, const char *key, struct err *err)
{
	return cassette_writable(cassette, err);
}

const struct cassette_ops cassette_cached_ops = {
	.scheme = "cached",
	.open = cached_open,
	.close = cached_close,
	.put = cached_put,
	.get = cached_get,
	.remove = cached_remove,
	.list = cached_list,
	.each = cached_each,
	.sizes = cached_sizes,
	.get_many = cached_get_many,
};
