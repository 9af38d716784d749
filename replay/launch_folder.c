// SPDX-License-Identifier: BSD-3-Clause
/* The folder that the target runs in: a copy of it, the libraries it is to find, and what it writes. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/err.h"
#include "lib/program.h"
#include "lib/util.h"
#include "replay/launch_impl.h"

#define RM_DEPTH   16
#define COPY_BYTES (1u << 20)

int launch_make_folder(struct launch *launch, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (asprintf(&launch->dir, "%s/tapedeck-replay-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0) {
		launch->dir = NULL;
		return err_nomem(err);
	}
	if (!mkdtemp(launch->dir)) {
		int r = err_set(err, -errno, "cannot make a folder '%s': %s", launch->dir, strerror(errno));

		freep(&launch->dir);
		return r;
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	remove(path);
	return 0;
}

/* What the target made unsearchable is opened first, top down. */
static int open_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	if (kind == FTW_DNR || (kind == FTW_D && (st->st_mode & 0700) != 0700))
		chmod(path, 0700);
	return 0;
}

void launch_remove_folder(const char *dir)
{
	nftw(dir, open_one, RM_DEPTH, FTW_PHYS | FTW_MOUNT);
	nftw(dir, remove_one, RM_DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int open_in(const struct launch *launch, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", launch->dir, name);
	return open(path, flags | O_CLOEXEC, mode);
}

static int copy_bytes(int to, int from)
{
	autofree char *data = malloc(COPY_BYTES);
	ssize_t n;

	if (!data)
		return -ENOMEM;
	while ((n = read(from, data, COPY_BYTES)) > 0)
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(to, data + done, n - done);
			if (w < 0)
				return -errno;
		}
	return n < 0 ? -errno : 0;
}

/* A new inode: no probe sits in it, and neither set-user-id nor capabilities do. */
int launch_copy_exe(struct launch *launch, struct err *err)
{
	const char *name = strrchr(launch->exe, '/') + 1;
	autoclose int from = open(launch->exe, O_RDONLY | O_CLOEXEC), to = -1;
	int r;

	if (from < 0)
		return err_set(err, -errno, "cannot open '%s': %s", launch->exe, strerror(errno));
	to = open_in(launch, name, O_WRONLY | O_CREAT | O_EXCL, 0500);
	r = to < 0 ? -errno : copy_bytes(to, from);
	if (!r && fchmod(to, 0500))
		r = -errno;
	if (r)
		return err_set(err, r, "cannot copy '%s' to '%s': %s", launch->exe, launch->dir,
			       strerror(-r));
	if (asprintf(&launch->copy, "%s/%s", launch->dir, name) < 0) {
		launch->copy = NULL;
		return err_nomem(err);
	}
	return 0;
}

/* SONAME=PATH as links in a folder that the loader looks in first. */
int launch_link_libs(const struct launch *launch, char *const *libs, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lib", launch->dir);
	if (mkdir(path, 0700))
		return err_set(err, -errno, "cannot make a folder '%s': %s", path, strerror(errno));
	for (; libs && *libs; libs++) {
		const char *equals = strchr(*libs, '=');
		autofree char *real = equals ? realpath(equals + 1, NULL) : NULL;

		if (!equals || equals == *libs || memchr(*libs, '/', equals - *libs))
			return err_usage(err, -EINVAL, "'%s' is not SONAME=PATH", *libs);
		if (!real)
			return err_set(err, -errno, "cannot find library '%s': %s", equals + 1,
				       strerror(errno));
		snprintf(path, sizeof(path), "%s/lib/%.*s", launch->dir, (int)(equals - *libs), *libs);
		if (symlink(real, path))
			return err_set(err, -errno, "cannot link '%s': %s", path, strerror(errno));
	}
	return 0;
}

static bool is_system_path(const char *path)
{
	static const char *const dirs[] = {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (!strncmp(path, dirs[i], strlen(dirs[i])))
			return true;
	return false;
}

/*
 * The copy may run under its own path, where RUNPATH's $ORIGIN means this folder: what the loader finds for
 * the executable itself is linked here, unless another stands in for it. What is not found is the loader's to
 * say.
 */
void launch_link_found_libs(const struct launch *launch)
{
	struct program_file *files = NULL;
	char path[PATH_MAX];
	size_t cnt = 0;

	if (program_files(&files, &cnt, launch->exe, NULL))
		return;
	for (size_t i = 1; i < cnt; i++) {
		snprintf(path, sizeof(path), "%s/lib/%s", launch->dir, files[i].name);
		if (!is_system_path(files[i].path) && symlink(files[i].path, path) && errno != EEXIST)
			break;
	}
	program_files_free(files, cnt);
}

int launch_open_streams(struct launch *launch, struct err *err)
{
	launch->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	launch->out_fd = open_in(launch, "stdout", O_RDWR | O_CREAT | O_APPEND, 0600);
	launch->err_fd = open_in(launch, "stderr", O_RDWR | O_CREAT | O_APPEND, 0600);
	if (launch->null_fd < 0 || launch->out_fd < 0 || launch->err_fd < 0)
		return err_set(err, -errno, "cannot open the target's streams in '%s': %s", launch->dir,
			       strerror(errno));
	return 0;
}
