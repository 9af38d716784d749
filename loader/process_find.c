// SPDX-License-Identifier: BSD-3-Clause
#include "loader/process_find.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/util.h"
#include "loader/procfs.h"

#define NAMED_MAX 8 /* numbers in a message */

struct running {
	pid_t pids[PROCESS_FIND_MAX];
	size_t cnt;
};

static bool runs(pid_t pid, const struct stat *file)
{
	char path[PROCFS_PATH_MAX];
	struct stat exe;

	procfs_path(path, pid, "exe");
	return !stat(path, &exe) && exe.st_dev == file->st_dev && exe.st_ino == file->st_ino;
}

static int find_all(struct running *out, const struct stat *file, struct err *err)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		return err_set(err, -errno, "cannot read '/proc': %s", strerror(errno));
	while ((entry = readdir(dir)) && out->cnt < PROCESS_FIND_MAX)
		if (isdigit((unsigned char)entry->d_name[0]) && runs(atoi(entry->d_name), file))
			out->pids[out->cnt++] = atoi(entry->d_name);
	closedir(dir);
	return 0;
}

static bool is_one(const struct running *running, pid_t pid)
{
	for (size_t i = 0; i < running->cnt; i++)
		if (running->pids[i] == pid)
			return true;
	return false;
}

/* Those whose parent is none of them; their number. */
static size_t find_roots(const struct running *running, pid_t *root)
{
	size_t cnt = 0;

	for (size_t i = 0; i < running->cnt; i++)
		if (!is_one(running, procfs_status(running->pids[i], "PPid"))) {
			*root = running->pids[i];
			cnt++;
		}
	return cnt;
}

static int refuse(const struct running *running, const char *path, struct err *err)
{
	auto_buf struct buf pids = {};

	buf_init(&pids, 256);
	for (size_t i = 0; i < running->cnt && i < NAMED_MAX; i++)
		buf_printf(&pids, "%s%d", i ? ", " : "", (int)running->pids[i]);
	err_usage(err, -EEXIST, "%zu processes run '%s': %.*s%s", running->cnt, path, (int)pids.len,
		  (const char *)pids.data, running->cnt > NAMED_MAX ? "..." : "");
	err_hint(err, "choose one with -p PID; --follow records the first of a family with its children");
	return -EEXIST;
}

int process_find(pid_t *out, const char *path, bool with_children, struct err *err)
{
	autofree struct running *running = calloc(1, sizeof(*running));
	struct stat file;
	pid_t root = 0;
	int r;

	if (!running)
		return err_nomem(err);
	if (stat(path, &file))
		return err_usage(err, -errno, "cannot find '%s': %s", path, strerror(errno));
	r = find_all(running, &file, err);
	if (r < 0)
		return r;
	if (!running->cnt) {
		err_set(err, -ESRCH, "no process runs '%s'", path);
		err_hint(err, "start it, or give -p PID or -- COMMAND ARGS...");
		return -ESRCH;
	}
	if (running->cnt > 1 && (!with_children || find_roots(running, &root) != 1))
		return refuse(running, path, err);
	*out = root ? root : running->pids[0];
	return 0;
}
