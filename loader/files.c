// SPDX-License-Identifier: BSD-3-Clause
#include "loader/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/shape.h"
#include "lib/util.h"
#include "loader/procfs.h"

#define NS		1000000000ll
#define CLOCK_APART_NS	100000 /* two clocks are read together, unless somebody else runs in between: */
#define CLOCK_TRIES	10
#define EVENT_BYTES_MAX (64u * 1024 * 1024)

struct files {
	const struct program *program;
	struct buf buf;
};

static bool has_files(const struct shape *shape)
{
	for (size_t i = 0; shape && i < shape->params_cnt; i++)
		if (shape->nodes[shape->params[i].node].kind == SHAPE_FILE)
			return true;
	return false;
}

int files_new(struct files **out, const struct program *program, struct err *err)
{
	bool is_wanted = false;

	*out = NULL;
	for (size_t i = 0; i < program->funcs_cnt; i++)
		is_wanted |= has_files(program->funcs[i].shape);
	if (!is_wanted)
		return 0;
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_nomem(err);
	(*out)->program = program;
	buf_init(&(*out)->buf, EVENT_BYTES_MAX);
	return 0;
}

void files_free(struct files *files)
{
	if (files)
		buf_release(&files->buf);
	free(files);
}

/* --- one file --- */

/* As the process sees @name: in its root, from its folder. A handle that opens nothing yet: a device would
 * notice. */
static int find(pid_t tgid, const char *name)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char path[PROCFS_PATH_MAX], whole[2 * PLAN_FILE_NAME_MAX] = "";
	autoclose int root = -1;
	ssize_t len = 0;

	if (name[0] != '/') {
		procfs_path(path, tgid, "cwd");
		len = readlink(path, whole, PLAN_FILE_NAME_MAX);
		if (len < 0)
			return -errno;
		whole[len++] = '/';
	}
	snprintf(whole + len, sizeof(whole) - len, "%s", name);
	procfs_path(path, tgid, "root");
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	len = syscall(SYS_openat2, root, whole, &how, sizeof(how));
	return len < 0 ? -errno : (int)len;
}

static long long as_ns(struct timespec time)
{
	return time.tv_sec * NS + time.tv_nsec;
}

/* When the event was, by the clock of files. */
static long long wall_ns(uint64_t monotonic_ns)
{
	struct timespec before, wall, after;

	for (int i = 0; i < CLOCK_TRIES; i++) {
		clock_gettime(CLOCK_MONOTONIC, &before);
		clock_gettime(CLOCK_REALTIME, &wall);
		clock_gettime(CLOCK_MONOTONIC, &after);
		if (as_ns(after) - as_ns(before) < CLOCK_APART_NS)
			break;
	}
	return as_ns(wall) - as_ns(before) + (long long)monotonic_ns;
}

static bool is_changed(const struct stat *stat, long long since)
{
	return as_ns(stat->st_mtim) > since || as_ns(stat->st_ctim) > since;
}

static void put_fragment(struct buf *buf, uint64_t addr, uint16_t node, uint64_t len, const uint8_t *bytes,
			 size_t captured, enum plan_status status)
{
	struct plan_fragment f = {.addr = addr,
				  .len = MIN(len, UINT32_MAX),
				  .captured = captured,
				  .node = node,
				  .status = status};

	buf_put(buf, &f, sizeof(f));
	if (captured)
		buf_put(buf, bytes, captured);
	buf_grow(buf, ALIGN_UP(captured, 8) - captured);
}

/* Up to @most bytes of @fd, as fragments; enum plan_file. */
static enum plan_file put_content(struct buf *buf, int fd, const struct stat *stat, uint16_t node,
				  size_t most)
{
	uint64_t size = stat->st_size, off = 0;
	autofree uint8_t *bytes = malloc(PLAN_FRAGMENT_MAX);

	if (!bytes)
		return PLAN_FILE_UNREAD;
	do {
		size_t want = MIN(MIN(size - off, most - off), (uint64_t)PLAN_FRAGMENT_MAX);

		if (want && pread(fd, bytes, want, off) != (ssize_t)want)
			return PLAN_FILE_CHANGED;
		put_fragment(buf, PLAN_FILE_ADDR + off, node, size - off, bytes, want, PLAN_FRAGMENT_OK);
		off += want;
	} while (off < size && off < most);
	return PLAN_FILE_READ;
}

static enum plan_file read_file(struct buf *buf, const struct event *event, const char *name, uint16_t node,
				size_t most)
{
	autoclose int place = find(event->tgid, name), fd = -1;
	struct stat before, after;
	char path[PROCFS_PATH_MAX];
	long long since = wall_ns(event->ts_ns);
	enum plan_file r;

	if (place == -ENOENT || place == -ENOTDIR)
		return PLAN_FILE_ABSENT;
	if (place < 0 || fstat(place, &before))
		return PLAN_FILE_UNREAD;
	if (!S_ISREG(before.st_mode))
		return PLAN_FILE_NO_FILE;
	if (is_changed(&before, since))
		return PLAN_FILE_CHANGED;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return PLAN_FILE_UNREAD;
	r = put_content(buf, fd, &before, node, most);
	if (r == PLAN_FILE_READ &&
	    (fstat(fd, &after) || is_changed(&after, since) || after.st_size != before.st_size))
		r = PLAN_FILE_CHANGED;
	return r;
}

/* --- events --- */

static const struct plan_fragment *fragment_of(const struct event *event, uint16_t node)
{
	const uint8_t *at = (const uint8_t *)(event + 1), *end = (const uint8_t *)event + event->len;

	while (at < end) {
		const struct plan_fragment *f = (const void *)at;

		if (f->node == node)
			return f;
		at += sizeof(*f) + ALIGN_UP(f->captured, 8u);
	}
	return NULL;
}

static void add(struct buf *buf, const struct event *event, const struct shape_node *n, uint16_t node)
{
	const struct plan_fragment *name = fragment_of(event, n->format);
	const char *text = (const char *)(name + 1);
	size_t at;
	enum plan_file r;

	/* The engine inside the program has read it itself. */
	if (!name || fragment_of(event, node))
		return;
	if (!buf->len)
		buf_put(buf, event, event->len);
	at = buf->len;
	r = name->captured && name->captured <= PLAN_FILE_NAME_MAX && !text[name->captured - 1]
		    ? read_file(buf, event, text, node, n->max)
		    : PLAN_FILE_UNREAD;
	if (r == PLAN_FILE_READ)
		return;
	buf->len = at;
	put_fragment(buf, PLAN_FILE_ADDR + r, node, 1, NULL, 0, PLAN_FRAGMENT_FAULT);
}

int files_add(struct files *files, const struct event **event, struct err *err)
{
	const struct shape *shape = (*event)->func < files->program->funcs_cnt
					    ? files->program->funcs[(*event)->func].shape
					    : NULL;
	uint8_t flow = (*event)->kind == EVENT_ENTRY	? FLOW_IN
		       : (*event)->kind == EVENT_RETURN ? FLOW_OUT
							: 0;
	struct buf *buf = &files->buf;

	buf->len = 0;
	for (size_t i = 0; shape && flow && i < shape->params_cnt; i++) {
		const struct shape_node *n = &shape->nodes[shape->params[i].node];

		if (n->kind == SHAPE_FILE && n->flows & flow)
			add(buf, *event, n, shape->params[i].node);
	}
	if (!buf->len)
		return 0;
	if (buf->failed)
		return err_nomem(err);
	((struct event *)buf->data)->len = buf->len;
	*event = (const void *)buf->data;
	return 0;
}
