// SPDX-License-Identifier: BSD-3-Clause
#include "replay/scratch.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/util.h"

#define MOUNTS	       "/proc/self/mountinfo"
#define MOUNT_POINT    4 /* of MOUNTS: the fifth word */
#define MOUNTS_MAX     65536
#define STORE_PATH_MAX 96
#define MOUNT_OPTS_MAX 512

struct choice {
	char *dirs[SCRATCH_MAX];
	size_t cnt;
};

/* --- choosing --- */

static bool is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (path[len] == '/' || !path[len]);
}

/* "\040" is how a blank is written there. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned code;

		if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
			*to = (char)code;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* What is mounted in a folder would be hidden. */
static bool holds_mounts(const char *dir)
{
	FILE *file = fopen(MOUNTS, "re");
	autofree char *line = NULL;
	bool found = !file;
	size_t size = 0;

	for (int i = 0; file && !found && i < MOUNTS_MAX && getline(&line, &size, file) > 0; i++) {
		char *save, *word = strtok_r(line, " ", &save);

		for (int k = 0; word && k < MOUNT_POINT; k++)
			word = strtok_r(NULL, " ", &save);
		if (!word)
			continue;
		unescape(word);
		found = is_in(word, dir) && strcmp(word, dir);
	}
	if (file)
		fclose(file);
	return found;
}

static bool can_be_covered(const char *dir)
{
	static const char *const never[] = {"/proc", "/sys", "/dev"};

	if (!strcmp(dir, "/"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (is_in(dir, never[i]))
			return false;
	return !holds_mounts(dir);
}

/* Add the folder @path, or the nearest one above it that is there. */
static void add(struct choice *choice, const char *path)
{
	autofree char *text = strdup(path), *dir = NULL;
	struct stat st;

	while (text && *text && !(dir = realpath(text, NULL))) {
		char *slash = strrchr(text, '/');

		if (!slash || slash == text)
			return;
		*slash = '\0';
	}
	if (dir && (stat(dir, &st) || !S_ISDIR(st.st_mode)))
		*strrchr(dir, '/') = '\0';
	if (!dir || !*dir || !can_be_covered(dir))
		return;
	for (size_t i = 0; i < choice->cnt; i++)
		if (!strcmp(dir, choice->dirs[i]))
			return;
	if (choice->cnt < SCRATCH_MAX)
		choice->dirs[choice->cnt++] = TAKE_PTR(dir);
}

/* "/var/x/log", "--log=/var/x/log"; a path without a slash lies here. */
static void add_argument(struct choice *choice, const char *arg)
{
	const char *equals = strchr(arg, '=');

	if (strchr(arg, '/'))
		add(choice, arg);
	if (equals && strchr(equals, '/'))
		add(choice, equals + 1);
}

static int compare_lengths(const void *a, const void *b)
{
	size_t x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);

	return (x > y) - (x < y);
}

int scratch_choose(char ***dirs, char *const *args, struct err *err)
{
	static const char *const usual[] = {"/tmp",	"/var/tmp", "/run",	  "/var/log",
					    "/var/lib", "/var/run", "/var/spool", "/var/cache"};
	autofree char *here = getcwd(NULL, 0);
	struct choice choice = {};

	if (here)
		add(&choice, here);
	for (size_t i = 0; args && args[i]; i++)
		add_argument(&choice, args[i]);
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		add(&choice, usual[i]);
	*dirs = malloc((choice.cnt + 1) * sizeof(**dirs));
	if (!*dirs) {
		while (choice.cnt)
			free(choice.dirs[--choice.cnt]);
		return err_nomem(err);
	}
	qsort(choice.dirs, choice.cnt, sizeof(choice.dirs[0]), compare_lengths);
	memcpy(*dirs, choice.dirs, choice.cnt * sizeof(**dirs));
	(*dirs)[choice.cnt] = NULL;
	return 0;
}

void scratch_free(char **dirs)
{
	for (size_t i = 0; dirs && dirs[i]; i++)
		free(dirs[i]);
	free(dirs);
}

/* --- mounting --- */

/* @lower: the folder as it was before any was covered. A user's namespace may not set the attributes that
 * root's does. */
static bool cover(const char *dir, int lower, const char *store, unsigned number)
{
	static const char *const rest[] = {"", ",userxattr"};
	char upper[STORE_PATH_MAX], work[STORE_PATH_MAX], opts[MOUNT_OPTS_MAX];
	struct stat st;

	snprintf(upper, sizeof(upper), "%s/%u", store, number);
	snprintf(work, sizeof(work), "%s/%u.work", store, number);
	/* The covered folder gets its owner and mode from the one above it. */
	if (stat(dir, &st) || mkdir(upper, 0700) || chmod(upper, st.st_mode & 07777) || mkdir(work, 0700))
		return false;
	if (chown(upper, st.st_uid, st.st_gid) && geteuid() == st.st_uid)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
		snprintf(opts, sizeof(opts), "lowerdir=/proc/self/fd/%d,upperdir=%s,workdir=%s%s", lower,
			 upper, work, rest[i]);
		if (!mount("overlay", dir, "overlay", MS_NOSUID | MS_NODEV, opts))
			return true;
	}
	return false;
}

unsigned scratch_mount(char *const *dirs, const char *store)
{
	bool has_here;
	char here[PATH_MAX];
	int lower[SCRATCH_MAX];
	unsigned mask = 0, cnt = 0;

	if (mkdir(store, 0755))
		return 0;
	has_here = getcwd(here, sizeof(here)) != NULL;
	for (; dirs && dirs[cnt] && cnt < SCRATCH_MAX; cnt++)
		lower[cnt] = open(dirs[cnt], O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < cnt; i++) {
		if (lower[i] >= 0 && cover(dirs[i], lower[i], store, i))
			mask |= 1u << i;
		if (lower[i] >= 0)
			close(lower[i]);
	}
	/* Else relative paths would lead below what now lies over it. */
	if (has_here && chdir(here))
		return 0;
	return mask;
}
