// SPDX-License-Identifier: BSD-3-Clause
#include "loader/family.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/util.h"
#include "loader/procfs.h"

#define EXE_MAX	 4096
#define LINE_MAX 512

struct member {
	pid_t pid, parent;
	bool is_in;
};

static int compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int list(struct member **out, size_t *cnt, struct err *err)
{
	autofree struct member *members = calloc(FAMILY_MAX, sizeof(*members));
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	if (!members || !dir) {
		if (dir)
			closedir(dir);
		return members ? err_set(err, -errno, "cannot list the processes: %s", strerror(errno))
			       : err_nomem(err);
	}
	while ((entry = readdir(dir)) && n < FAMILY_MAX) {
		pid_t pid = atoi(entry->d_name);
		long parent = pid > 0 ? procfs_status(pid, "PPid") : -1;

		if (parent > 0)
			members[n++] = (struct member){.pid = pid, .parent = (pid_t)parent};
	}
	closedir(dir);
	qsort(members, n, sizeof(*members), compare);
	*out = TAKE_PTR(members);
	*cnt = n;
	return 0;
}

/* Which file it runs, and where that begins: an exec of the same file lies elsewhere. */
static bool image_of(char image[EXE_MAX + LINE_MAX], pid_t pid)
{
	char path[PROCFS_PATH_MAX], line[LINE_MAX];
	FILE *maps;
	ssize_t n;
	bool ok;

	procfs_path(path, pid, "exe");
	n = readlink(path, image, EXE_MAX);
	if (n <= 0)
		return false;
	procfs_path(path, pid, "maps");
	maps = fopen(path, "re");
	if (!maps)
		return false;
	ok = fgets(line, sizeof(line), maps) != NULL;
	fclose(maps);
	if (ok)
		snprintf(image + n, LINE_MAX, " %.*s", (int)strcspn(line, "-"), line);
	return ok;
}

/* Parents mostly have the smaller number, but numbers wrap: again until nothing changes. */
static void mark(struct member *members, size_t cnt, pid_t root)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < cnt; i++) {
			const struct member want = {.pid = members[i].parent};
			const struct member *parent = bsearch(&want, members, cnt, sizeof(want), compare);

			if (members[i].is_in || !(members[i].parent == root || (parent && parent->is_in)))
				continue;
			members[i].is_in = changed = true;
		}
	}
}

int family_of(pid_t **out, size_t *cnt, pid_t pid, struct err *err)
{
	char own[EXE_MAX + LINE_MAX], other[EXE_MAX + LINE_MAX];
	autofree struct member *members = NULL;
	autofree pid_t *pids = NULL;
	size_t members_cnt = 0, n = 0;
	int r = list(&members, &members_cnt, err);

	if (r < 0)
		return r;
	pids = calloc(members_cnt + 1, sizeof(*pids));
	if (!pids)
		return err_nomem(err);
	mark(members, members_cnt, pid);
	for (size_t i = 0; i < members_cnt && image_of(own, pid); i++)
		if (members[i].is_in && image_of(other, members[i].pid) && !strcmp(own, other))
			pids[n++] = members[i].pid;
	*out = TAKE_PTR(pids);
	*cnt = n;
	return 0;
}
