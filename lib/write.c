// SPDX-License-Identifier: BSD-3-Clause
#include "lib/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/util.h"

int write_all(int fd, const void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? n : 0;
	}
	return 0;
}

/* @was: of the file whose place the new one takes; NULL: there is none. */
static int write_new(const char *path, const struct stat *was, const void *data, size_t len)
{
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int r = fd < 0 ? -errno : write_all(fd, data, len);

	if (r == 0 && was && fchown(fd, was->st_uid, was->st_gid) && errno != EPERM)
		r = -errno;
	if (r == 0 && was && fchmod(fd, was->st_mode & 07777))
		r = -errno;
	if (r == 0 && fsync(fd))
		r = -errno;
	/* A network file system may say only here that it is full. */
	if (fd >= 0 && close(TAKE_FD(fd)) && r == 0)
		r = -errno;
	return r;
}

static int write_beside(const char *path, const struct stat *was, const void *data, size_t len)
{
	autofree char *temp = NULL;
	char id[33];
	int r;

	random_id(id);
	if (asprintf(&temp, "%s.%s", path, id) < 0) {
		temp = NULL;
		return -ENOMEM;
	}
	r = write_new(temp, was, data, len);
	if (r == 0 && rename(temp, path))
		r = -errno;
	if (r)
		unlink(temp);
	return r;
}

static int write_through(const char *path, const void *data, size_t len)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : write_all(fd, data, len);
}

int write_file(const char *path, const void *data, size_t len, struct err *err)
{
	autofree char *real = realpath(path, NULL);
	struct stat was;
	int r;

	if (stat(path, &was))
		r = errno == ENOENT ? write_beside(path, NULL, data, len) : -errno;
	else if (!S_ISREG(was.st_mode))
		r = write_through(path, data, len);
	else
		r = write_beside(real ? real : path, &was, data, len);
	return r ? err_set(err, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}
