// SPDX-License-Identifier: BSD-3-Clause
/*
 * Objects as files under one directory, at the path that is their key.
 *
 * An object is written beside its place, synced, renamed there, and the directory synced: a reader or a crash
 * sees all of it or nothing. Many objects take these steps together, so that the disk's journal is written a
 * few times for all of them, and not a few times for each. What a crash leaves begins with a dot, as no key
 * does, and is never listed. Recordings hold what the program knew, secrets included: nobody but the owner
 * may read them.
 */
#include "lib/cassette_driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cassette_file.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"
#include "lib/write.h"

#define DIR_MODE	  0700
#define MEASURE_DEPTH_MAX 8 /* directories below each other */

struct file {
	struct cassette cassette;
	int dir;
};

static int root_of(struct cassette *cassette)
{
	return container_of(cassette, struct file, cassette)->dir;
}

static const struct {
	int code;
	const char *words, *hint;
} faults[] = {
	{ENOENT, "no such directory", "check the path; recording into it makes it"},
	{ENOTDIR, "not a directory", NULL},
	{EACCES, "permission denied", "recordings are their owner's alone: be that user, or root"},
	{EPERM, "operation not permitted", NULL},
	{EINVAL, "not a regular file", NULL},
	{ENOSPC, "no space left on the device", "free some, or name a cassette elsewhere"},
	{EDQUOT, "the disk quota is used up", "free some, or name a cassette elsewhere"},
	{EROFS, "the file system is read-only", "name a cassette elsewhere"},
};

/* What errno @code says of @what, behind the action in @verb: "cannot open '/x': no such directory". */
static int fault(const char *verb, const char *what, int code, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		if (faults[i].code != code)
			continue;
		err_set(err, -code, "cannot %s '%s': %s", verb, what, faults[i].words);
		if (faults[i].hint)
			err_hint(err, "%s", faults[i].hint);
		return -code;
	}
	return err_set(err, -code, "cannot %s '%s': %s", verb, what, strerror(code));
}

int cassette_file_fault(const char *verb, struct cassette *cassette, const char *key, int code,
			struct err *err)
{
	int r = fault(verb, key, code, err);

	return err_wrap(err, r, "%s", cassette->url);
}

/* --- the directory --- */

static void sync_path(const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* A parent that may be passed but not read cannot be synced; it is not ours either. */
	if (fd >= 0)
		fsync(fd);
}

/* Make @path and what is missing above it. */
static int make_dirs(char *path)
{
	char *slash = path;

	do {
		int r;

		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		r = mkdir(path, DIR_MODE) && errno != EEXIST ? -errno : 0;
		if (slash)
			*slash = '/';
		if (r)
			return r;
	} while (slash);
	return 0;
}

static int make_root(const char *dir, struct err *err)
{
	autofree char *path = strdup(dir);
	struct stat st;
	int r;

	if (stat(dir, &st) == 0)
		return 0;
	if (!path)
		return err_nomem(err);
	r = make_dirs(path);
	if (r)
		return fault("make", dir, -r, err);
	sync_path(dirname(path));
	return 0;
}

static int open_root(int *out, const char *path, bool create, struct err *err)
{
	autoclose int dir = -1;
	int r = create ? make_root(path, err) : 0;

	if (r)
		return r;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fault("open", path, errno, err);
	/* Better now than when there is something to store. */
	if (create && faccessat(dir, ".", W_OK | X_OK, AT_EACCESS))
		return fault("write into", path, errno, err);
	*out = TAKE_FD(dir);
	return 0;
}

static int file_open(struct cassette **out, const char *rest, const struct cassette_opts *opts,
		     struct err *err)
{
	autofree struct file *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return err_nomem(err);
	if (!*rest) {
		err_usage(err, -EINVAL, "cassette 'file:' names no directory");
		err_hint(err, "write 'file:DIRECTORY'");
		return -EINVAL;
	}
	r = open_root(&file->dir, rest, opts->create, err);
	if (r)
		return r;
	*out = &file->cassette;
	file = NULL;
	return 0;
}

static void file_close(struct cassette *cassette)
{
	close(root_of(cassette));
	free(container_of(cassette, struct file, cassette));
}

/* --- walking a key --- */

static int open_dir_at(int dir, const char *name, bool create)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 || errno != ENOENT || !create)
		return fd >= 0 ? fd : -errno;
	if (mkdirat(dir, name, DIR_MODE) && errno != EEXIST)
		return -errno;
	if (fsync(dir))
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 ? fd : -errno;
}

int cassette_file_parent(struct cassette *cassette, const char *key, bool create, const char **leaf)
{
	autoclose int dir = fcntl(root_of(cassette), F_DUPFD_CLOEXEC, 0);
	const char *slash;

	if (dir < 0)
		return -errno;
	for (; (slash = strchr(key, '/')); key = slash + 1) {
		char name[NAME_MAX + 1];
		int next;

		if (*key == '.' || slash == key || slash - key > NAME_MAX)
			return -EINVAL;
		memcpy(name, key, slash - key);
		name[slash - key] = '\0';
		next = open_dir_at(dir, name, create);
		if (next < 0)
			return next;
		close(dir);
		dir = next;
	}
	if (*key == '.')
		return -EINVAL;
	*leaf = key;
	return TAKE_FD(dir);
}

/* --- objects --- */

static int write_temp(int dir, const char *temp, const void *data, size_t len)
{
	autoclose int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, OBJECT_MODE);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, data, len);
	if (!r && fsync(fd))
		r = -errno;
	/* A network file system may say only here that it is full. */
	if (close(TAKE_FD(fd)) && !r)
		r = -errno;
	return r;
}

static int write_object(int dir, const char *leaf, const void *data, size_t len)
{
	char temp[TEMP_MAX + 1] = TEMP_PREFIX;
	int r;

	random_id(temp + strlen(TEMP_PREFIX));
	r = write_temp(dir, temp, data, len);
	if (!r && renameat(dir, temp, dir, leaf))
		r = -errno;
	if (r) {
		unlinkat(dir, temp, 0);
		return r;
	}
	return fsync(dir) ? -errno : 0;
}

static int file_put(struct cassette *cassette, const char *key, const void *data, size_t len, struct err *err)
{
	const char *leaf;
	autoclose int dir = cassette_file_parent(cassette, key, true, &leaf);
	int r = dir < 0 ? dir : write_object(dir, leaf, data, len);

	return r ? cassette_file_fault("write", cassette, key, -r, err) : 0;
}

static int read_all(int fd, struct blob *out)
{
	autofree uint8_t *data = NULL;
	struct stat st;
	size_t len = 0;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > CASSETTE_OBJECT_MAX)
		return -EFBIG;
	data = malloc(st.st_size + 1);
	if (!data)
		return -ENOMEM;
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, data + len, st.st_size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += n;
	}
	*out = (struct blob){TAKE_PTR(data), len};
	return 0;
}

/* A descriptor, or -errno. */
static int open_object(struct cassette *cassette, const char *key)
{
	const char *leaf;
	autoclose int dir = cassette_file_parent(cassette, key, false, &leaf);
	int fd;

	if (dir < 0)
		return dir;
	/* Not to wait for the writer of a FIFO that someone put there. */
	fd = openat(dir, leaf, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int read_object(struct cassette *cassette, const char *key, struct blob *out)
{
	autoclose int fd = open_object(cassette, key);

	return fd < 0 ? fd : read_all(fd, out);
}

static int read_part(struct cassette *cassette, const char *key, uint64_t at, uint64_t len, struct blob *out)
{
	autoclose int fd = open_object(cassette, key);
	autofree char *data = NULL;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (at > (uint64_t)st.st_size || len > st.st_size - at)
		return -EBADMSG;
	data = malloc(len + 1);
	if (!data)
		return -ENOMEM;
	for (uint64_t done = 0; done < len;) {
		ssize_t n = pread(fd, data + done, len - done, at + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EBADMSG;
		done += n;
	}
	*out = (struct blob){TAKE_PTR(data), len};
	return 0;
}

static int file_get(struct cassette *cassette, const char *key, struct blob *out, struct err *err)
{
	int r = read_object(cassette, key, out);

	return r && r != -ENOENT ? cassette_file_fault("read", cassette, key, -r, err) : r;
}

static int file_get_part(struct cassette *cassette, const char *key, uint64_t at, uint64_t len,
			 struct blob *out, struct err *err)
{
	int r = read_part(cassette, key, at, len, out);

	return r && r != -ENOENT && r != -EBADMSG ? cassette_file_fault("read", cassette, key, -r, err) : r;
}

static int file_remove(struct cassette *cassette, const char *key, struct err *err)
{
	const char *leaf;
	autoclose int dir = cassette_file_parent(cassette, key, false, &leaf);
	int r = dir < 0 ? dir : unlinkat(dir, leaf, 0) || fsync(dir) ? -errno : 0;

	return r && r != -ENOENT ? cassette_file_fault("remove", cassette, key, -r, err) : r;
}

/* --- listing --- */

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int collect(struct names *names, struct cassette *cassette, const char *prefix)
{
	__attribute__((cleanup(closedirp))) DIR *dir = NULL;
	const char *leaf;
	autoclose int fd = cassette_file_parent(cassette, prefix, false, &leaf);
	struct dirent *entry;
	int r = 0;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	fd = -1; /* closedir closes it */
	for (errno = 0; !r && (entry = readdir(dir)); errno = 0)
		if (entry->d_name[0] != '.')
			r = names_add(names, entry->d_name, strlen(entry->d_name));
	return r ? r : -errno;
}

static int file_list(struct cassette *cassette, const char *prefix, int (*fn)(const char *name, void *ctx),
		     void *ctx, struct err *err)
{
	auto_names struct names names = {};
	int r = collect(&names, cassette, prefix);

	/* A file or a link where a directory would be is not ours. */
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return 0;
	return r ? cassette_file_fault("list", cassette, prefix, -r, err) : names_each(&names, fn, ctx);
}

/* --- sizes --- */

struct measuring {
	struct cassette *cassette;
	char key[CASSETTE_KEY_MAX]; /* of the directory that is read, with its slash */
	unsigned depth;
	int (*fn)(const char *key, uint64_t size, void *ctx);
	void *ctx;
	struct err *err;
};

static int measure_one(const char *name, void *ctx)
{
	struct measuring *measuring = ctx;
	size_t len = strlen(measuring->key);
	const char *leaf;
	autoclose int dir = cassette_file_parent(measuring->cassette, measuring->key, false, &leaf);
	struct stat st;
	int r = 0;

	if (dir < 0 || len + strlen(name) + 2 > sizeof(measuring->key) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	strcpy(measuring->key + len, name);
	if (S_ISREG(st.st_mode)) {
		r = measuring->fn(measuring->key, st.st_size, measuring->ctx);
	} else if (S_ISDIR(st.st_mode) && measuring->depth < MEASURE_DEPTH_MAX) {
		strcat(measuring->key, "/");
		measuring->depth++;
		r = file_list(measuring->cassette, measuring->key, measure_one, measuring, measuring->err);
		measuring->depth--;
	}
	measuring->key[len] = '\0';
	return r;
}

static int file_sizes(struct cassette *cassette, const char *prefix,
		      int (*fn)(const char *key, uint64_t size, void *ctx), void *ctx, struct err *err)
{
	struct measuring measuring = {.cassette = cassette, .fn = fn, .ctx = ctx, .err = err};

	snprintf(measuring.key, sizeof(measuring.key), "%s", prefix);
	return file_list(cassette, measuring.key, measure_one, &measuring, err);
}

const struct cassette_ops cassette_file_ops = {
	.scheme = "file",
	.open = file_open,
	.close = file_close,
	.put = file_put,
	.put_many = cassette_file_put_many,
	.get = file_get,
	.get_part = file_get_part,
	.remove = file_remove,
	.list = file_list,
	.sizes = file_sizes,
};
