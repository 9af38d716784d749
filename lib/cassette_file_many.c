// SPDX-License-Identifier: BSD-3-Clause
/* Many objects put together: each step is taken for all of them before the next. */
#include "lib/cassette_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cassette_driver.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"
#include "lib/write.h"

#define TOGETHER_MAX 256 /* objects whose files are open at once */

/* An object on its way: written beside its place, and renamed when it is safe on disk. */
struct staged {
	int fd, dir; /* dir: borrowed */
	const char *leaf;
	char temp[TEMP_MAX + 1];
};

/* The directories that objects go to: few, so they are searched one by one. */
struct parents {
	struct {
		const char *key; /* of an object in it; its first @len bytes name it */
		size_t len;
		int fd, result;
	} row[TOGETHER_MAX];
	size_t cnt;
};

static void parents_release(struct parents *parents)
{
	for (size_t i = 0; i < parents->cnt; i++)
		close(parents->row[i].fd);
	free(parents);
}

static size_t parent_len(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash ? slash - key : 0;
}

/* The row of the directory that @key lies in, or -errno. */
static int find_parent(struct parents *parents, struct cassette *cassette, const char *key)
{
	size_t len = parent_len(key);
	const char *leaf;
	int fd;

	for (size_t i = 0; i < parents->cnt; i++)
		if (parents->row[i].len == len && !memcmp(parents->row[i].key, key, len))
			return i;
	fd = cassette_file_parent(cassette, key, true, &leaf);
	if (fd < 0)
		return fd;
	parents->row[parents->cnt].key = key;
	parents->row[parents->cnt].len = len;
	parents->row[parents->cnt].fd = fd;
	return parents->cnt++;
}

/* Write the object, and let the disk begin: the sync that follows then waits for all of them at once. */
static int stage(struct staged *staged, struct parents *parents, struct cassette *cassette,
		 const struct cassette_object *object)
{
	size_t len = parent_len(object->key);
	int parent = find_parent(parents, cassette, object->key), r;

	if (parent < 0)
		return parent;
	staged->leaf = object->key + (len ? len + 1 : 0);
	if (*staged->leaf == '.' || !*staged->leaf)
		return -EINVAL;
	staged->dir = parents->row[parent].fd;
	memcpy(staged->temp, TEMP_PREFIX, sizeof(TEMP_PREFIX));
	random_id(staged->temp + strlen(TEMP_PREFIX));
	staged->fd = openat(staged->dir, staged->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, OBJECT_MODE);
	if (staged->fd < 0)
		return -errno;
	r = write_all(staged->fd, object->data.data, object->data.len);
	if (!r)
		sync_file_range(staged->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return r;
}

static int land(struct staged *staged)
{
	int r = fsync(staged->fd) ? -errno : 0;

	/* A network file system may say only here that it is full. */
	if (close(TAKE_FD(staged->fd)) && !r)
		r = -errno;
	return r;
}

static void drop(struct staged *staged)
{
	if (staged->fd >= 0)
		close(TAKE_FD(staged->fd));
	if (staged->temp[0])
		unlinkat(staged->dir, staged->temp, 0);
}

static void sync_parents(struct parents *parents, struct cassette_object *objects, size_t cnt)
{
	for (size_t i = 0; i < parents->cnt; i++)
		parents->row[i].result = fsync(parents->row[i].fd) ? -errno : 0;
	for (size_t i = 0; i < cnt; i++)
		for (size_t k = 0; k < parents->cnt && !objects[i].result; k++)
			if (parents->row[k].len == parent_len(objects[i].key) &&
			    !memcmp(parents->row[k].key, objects[i].key, parents->row[k].len))
				objects[i].result = parents->row[k].result;
}

/* At most TOGETHER_MAX: all are written, then all synced, then all renamed, then their directories synced. */
static void put_together(struct staged *staged, struct parents *parents, struct cassette *cassette,
			 struct cassette_object *objects, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		staged[i] = (struct staged){.fd = -1};
		objects[i].result = stage(&staged[i], parents, cassette, &objects[i]);
	}
	for (size_t i = 0; i < cnt; i++)
		if (!objects[i].result)
			objects[i].result = land(&staged[i]);
	for (size_t i = 0; i < cnt; i++) {
		if (!objects[i].result &&
		    renameat(staged[i].dir, staged[i].temp, staged[i].dir, staged[i].leaf))
			objects[i].result = -errno;
		if (objects[i].result)
			drop(&staged[i]);
	}
	sync_parents(parents, objects, cnt);
}

int cassette_file_put_many(struct cassette *cassette, struct cassette_object *objects, size_t cnt,
			   struct err *err)
{
	autofree struct staged *staged = calloc(TOGETHER_MAX, sizeof(*staged));
	int first = 0;

	if (!staged)
		return err_nomem(err);
	for (size_t done = 0; done < cnt; done += TOGETHER_MAX) {
		struct parents *parents = calloc(1, sizeof(*parents));

		if (!parents)
			return err_nomem(err);
		put_together(staged, parents, cassette, objects + done,
			     MIN(cnt - done, (size_t)TOGETHER_MAX));
		parents_release(parents);
	}
	for (size_t i = 0; i < cnt && !first; i++)
		if (objects[i].result)
			first = cassette_file_fault("write", cassette, objects[i].key, -objects[i].result,
						    err);
	return first;
}
