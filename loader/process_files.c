// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a process maps. Files are opened through /proc/PID/root, which leads into its own mount namespace; one
 * that is no longer there, or is another file by now, through /proc/PID/map_files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/util.h"
#include "loader/process.h"
#include "loader/procfs.h"

#define MAPS_BYTES_MAX (64u << 20)
#define ERRNO_OFF_MIN  (-(1ll << 30)) /* thread-local storage is smaller than this */

struct map {
	uint64_t start, end, offset, inode;
	dev_t dev;
	const char *path; /* borrowed; without " (deleted)" */
	bool is_deleted;
};

struct files {
	struct program_file row[PROGRAM_MODULES_MAX];
	uint64_t inode[PROGRAM_MODULES_MAX];
	dev_t dev[PROGRAM_MODULES_MAX];
	size_t cnt;
};

static void files_release(struct files *files)
{
	for (size_t i = 0; i < files->cnt; i++) {
		free(files->row[i].path);
		free(files->row[i].name);
	}
	files->cnt = 0;
}

static bool cut_deleted(char *path)
{
	static const char mark[] = " (deleted)";
	size_t len = strlen(path), mark_len = sizeof(mark) - 1;

	if (len <= mark_len || strcmp(path + len - mark_len, mark))
		return false;
	path[len - mark_len] = '\0';
	return true;
}

/* False when the line is no executable mapping of a file. */
static bool parse_map(struct map *map, char *line)
{
	unsigned dev_major, dev_minor;
	int path_at = 0;
	char flags[5];

	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &map->start, &map->end, flags, &map->offset,
		   &dev_major, &dev_minor, &map->inode, &path_at) < 7 ||
	    !path_at || flags[2] != 'x' || !map->inode || line[path_at] != '/')
		return false;
	map->dev = makedev(dev_major, dev_minor);
	map->is_deleted = cut_deleted(line + path_at);
	map->path = line + path_at;
	return true;
}

/* The path by which to open a mapped file: the caller's to free; NULL: no memory. */
static char *path_of(pid_t pid, const struct map *map)
{
	char *by_root = NULL, *by_map = NULL;
	struct stat at_root, mapped;
	bool has_root, has_map;

	if (asprintf(&by_root, "/proc/%d/root%s", pid, map->path) < 0)
		return NULL;
	if (asprintf(&by_map, "/proc/%d/map_files/%lx-%lx", pid, map->start, map->end) < 0) {
		free(by_root);
		return NULL;
	}
	has_root = !map->is_deleted && !stat(by_root, &at_root);
	/* Needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE; without, the inode's number must do. */
	has_map = !stat(by_map, &mapped);
	if (has_root && (has_map ? at_root.st_ino == mapped.st_ino && at_root.st_dev == mapped.st_dev
				 : at_root.st_ino == map->inode)) {
		free(by_map);
		return by_root;
	}
	free(by_root);
	return by_map;
}

/* Takes @path over. Files that are no x86-64 ELF are passed over. */
static int add(struct files *files, char *path, const char *name, const struct map *map, bool is_exe,
	       struct err *err)
{
	auto_object struct object *object = NULL;
	autofree char *owned = path;
	struct program_file *file = &files->row[files->cnt];
	const char *soname;
	uint64_t base;
	int r;

	if (!path)
		return err_nomem(err);
	if (files->cnt == PROGRAM_MODULES_MAX)
		return err_set(err, -E2BIG, "the process maps more than %d files", PROGRAM_MODULES_MAX);
	r = object_open(&object, path, err);
	if (r)
		return !is_exe && (r == -ENOEXEC || r == -ENOTSUP) ? 0 : r;
	if (object_bias(object, map->start, map->offset, &base))
		return 0;
	soname = is_exe ? NULL : object_soname(object);
	file->name = strdup(soname ? soname : basename(name));
	if (!file->name)
		return err_nomem(err);
	file->path = TAKE_PTR(owned);
	file->base = base;
	files->inode[files->cnt] = map->inode;
	files->dev[files->cnt++] = map->dev;
	return 0;
}

static bool is_known(const struct files *files, const struct map *map)
{
	for (size_t i = 0; i < files->cnt; i++)
		if (files->inode[i] == map->inode && files->dev[i] == map->dev)
			return true;
	return false;
}

struct exe {
	char path[PROCFS_PATH_MAX]; /* /proc/PID/exe */
	char link[PATH_MAX];	    /* where it leads */
	struct stat st;
};

static int read_exe(struct exe *exe, pid_t pid, struct err *err)
{
	ssize_t len;

	procfs_path(exe->path, pid, "exe");
	len = readlink(exe->path, exe->link, sizeof(exe->link) - 1);
	if (len < 0 || stat(exe->path, &exe->st))
		return err_set(err, -errno, "cannot read '%s': %s", exe->path, strerror(errno));
	exe->link[len] = '\0';
	cut_deleted(exe->link);
	return 0;
}

/* On some file systems maps and stat do not agree about the device; then the path decides. */
static bool is_exe_map(const struct exe *exe, const struct map *map)
{
	return (map->inode == exe->st.st_ino && map->dev == exe->st.st_dev) || !strcmp(map->path, exe->link);
}

/* Call @fn for every executable mapping of a file. */
static int each_map(pid_t pid, int (*fn)(const struct map *map, void *ctx, struct err *err), void *ctx,
		    struct err *err)
{
	autofree char *text = NULL;
	char *rest, *line;
	size_t len;
	int r = procfs_read(&text, &len, MAPS_BYTES_MAX, pid, "maps", err);

	rest = text;
	while (!r && (line = strsep(&rest, "\n"))) {
		struct map map;

		if (parse_map(&map, line))
			r = fn(&map, ctx, err);
	}
	return r;
}

struct gather {
	pid_t pid;
	struct exe exe;
	struct files files;
	bool wants_exe; /* first pass: the executable alone */
};

static int gather(const struct map *map, void *ctx, struct err *err)
{
	struct gather *g = ctx;
	bool is_exe = is_exe_map(&g->exe, map);

	if (is_exe != g->wants_exe || is_known(&g->files, map))
		return 0;
	if (is_exe)
		return g->files.cnt ? 0 : add(&g->files, strdup(g->exe.path), g->exe.link, map, true, err);
	return add(&g->files, path_of(g->pid, map), map->path, map, false, err);
}

static int gather_all(struct gather *g, struct err *err)
{
	int r = read_exe(&g->exe, g->pid, err);

	g->wants_exe = true;
	if (!r)
		r = each_map(g->pid, gather, g, err);
	if (!r && !g->files.cnt)
		r = err_set(err, -ESRCH, "process %d maps no executable file: it has ended, or is about to",
			    g->pid);
	g->wants_exe = false;
	return r ? r : each_map(g->pid, gather, g, err);
}

int process_files(const struct process *process, struct program_file **files, size_t *cnt, struct err *err)
{
	struct gather g = {.pid = process->pid};
	struct program_file *out;
	int r = gather_all(&g, err);

	out = r ? NULL : calloc(g.files.cnt, sizeof(*out));
	if (!out) {
		files_release(&g.files);
		return r ? r : err_nomem(err);
	}
	memcpy(out, g.files.row, g.files.cnt * sizeof(*out));
	*files = out;
	*cnt = g.files.cnt;
	return 0;
}

/* --- where libc is, and errno --- */

/* A slot of the process's memory; 0 when it cannot be read. */
static int64_t read_slot(pid_t pid, uint64_t addr)
{
	char path[PROCFS_PATH_MAX];
	autoclose int fd = -1;
	int64_t value = 0;

	procfs_path(path, pid, "mem");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &value, sizeof(value), (off_t)addr) != sizeof(value))
		return 0;
	return value;
}

static void set_errno_off(struct process *process, int64_t off)
{
	if (off < 0 && off >= ERRNO_OFF_MIN && off % (int64_t)sizeof(int) == 0)
		process->errno_off = (int32_t)off;
}

static void set_text(uint64_t range[2], const struct object *object, uint64_t base)
{
	uint64_t from, to;

	if (!object_text(object, &from, &to))
		return;
	range[0] = base + from;
	range[1] = base + to;
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; name && *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

int process_layout(struct process *process, const struct program *program, struct err *err)
{
	/* musl's libc is its loader. */
	static const char *const libcs[] = {"libc.so.6", "libc.musl-x86_64.so.1", NULL};
	static const char *const loaders[] = {"ld-linux-x86-64.so.2", NULL};
	int32_t off;

	for (size_t i = 0; i < program->files_cnt; i++) {
		const struct object *object = program->objects[i];
		const char *soname = object ? object_soname(object) : NULL;
		uint64_t base = program->files[i].base, slot;

		if (is_one_of(soname, loaders))
			set_text(process->loader, object, base);
		if (!is_one_of(soname, libcs))
			continue;
		set_text(process->libc, object, base);
		if (!object_errno_slot(object, &slot))
			set_errno_off(process, read_slot(process->pid, base + slot));
	}
	if (!process->libc[1] && program->files_cnt && program->objects[0] &&
	    !object_interp(program->objects[0]) && !object_errno_offset(program->objects[0], &off))
		set_errno_off(process, off);
	return 0;
}
