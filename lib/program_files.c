// SPDX-License-Identifier: BSD-3-Clause
/* The libraries of a program at rest: where ld.so would find them (ld.so(8)), read from the files alone. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/util.h"

#define CACHE_PATH	"/etc/ld.so.cache"
#define CACHE_MAGIC	"glibc-ld.so.cache1.1"
#define CACHE_BYTES_MAX (64 * 1024 * 1024)
#define CACHE_HEADER	48 /* bytes, to the first entry */
#define CACHE_ENTRY	24
#define CACHE_X86_64	0x0303 /* flags: for x86-64 and glibc */
#define NAME_LEN_MAX	4096

static const char *const default_dirs[] = {
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib",
};

/* A file that was found, with what is needed to look for its libraries. */
struct loaded {
	struct object *object;
	char *dir;     /* $ORIGIN */
	size_t loader; /* index of the file that wanted it */
	dev_t dev;
	ino_t ino;
};

struct search {
	struct program_file *files;
	struct loaded *loaded; /* by file */
	size_t cnt;
	uint8_t *cache; /* of ld.so.cache from its magic on, or NULL */
	size_t cache_len;
};

/* --- ld.so.cache --- */

static uint8_t *read_file(const char *path, size_t *len)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autofree uint8_t *data = NULL;
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) || st.st_size <= 0 || st.st_size > CACHE_BYTES_MAX)
		return NULL;
	data = malloc(st.st_size);
	got = data ? read(fd, data, st.st_size) : -1;
	if (got <= 0)
		return NULL;
	*len = got;
	return TAKE_PTR(data);
}

/* An older format may stand before the one that is read here. */
static void open_cache(struct search *s, const char *path)
{
	size_t len = 0;
	uint8_t *data = read_file(path, &len);
	uint8_t *at = data ? memmem(data, len, CACHE_MAGIC, strlen(CACHE_MAGIC)) : NULL;

	if (!at) {
		free(data);
		return;
	}
	s->cache_len = len - (at - data);
	memmove(data, at, s->cache_len);
	s->cache = data;
}

/* The string at @offset, or NULL when it does not end within the cache. */
static const char *cache_string(const struct search *s, uint32_t offset)
{
	if (offset >= s->cache_len || !memchr(s->cache + offset, '\0', s->cache_len - offset))
		return NULL;
	return (const char *)s->cache + offset;
}

/* The next path of @name from entry *@idx on, or NULL. Variants for newer processors are passed over. */
static const char *cache_next(const struct search *s, const char *name, uint32_t *idx)
{
	struct reader header;
	uint32_t cnt;

	reader_init(&header, s->cache, s->cache ? s->cache_len : 0);
	reader_bytes(&header, strlen(CACHE_MAGIC));
	cnt = reader_u32(&header);
	while (!header.failed && *idx < cnt) {
		uint64_t at = CACHE_HEADER + (uint64_t)CACHE_ENTRY * (*idx)++;
		struct reader r;
		uint32_t flags, key, value;
		const char *entry;

		if (at + CACHE_ENTRY > s->cache_len)
			return NULL;
		reader_init(&r, s->cache + at, CACHE_ENTRY);
		flags = reader_u32(&r);
		key = reader_u32(&r);
		value = reader_u32(&r);
		reader_u32(&r);
		entry = cache_string(s, key);
		if (flags == CACHE_X86_64 && !reader_u64(&r) && entry && !strcmp(entry, name))
			return cache_string(s, value);
	}
	return NULL;
}

/* --- the search --- */

static int find_loaded(const struct search *s, const struct stat *st)
{
	for (size_t i = 0; i < s->cnt; i++)
		if (s->loaded[i].dev == st->st_dev && s->loaded[i].ino == st->st_ino)
			return i;
	return -1;
}

static int add_file(struct search *s, const char *path, const char *name, size_t loader,
		    struct object *object, const struct stat *st, struct err *err)
{
	struct program_file *file = &s->files[s->cnt];
	struct loaded *loaded = &s->loaded[s->cnt];
	autofree char *real = s->cnt ? strdup(path) : realpath(path, NULL);
	char *slash = real ? strrchr(real, '/') : NULL;

	if (slash)
		*slash = '\0';
	*file = (struct program_file){.path = strdup(path), .name = strdup(name)};
	*loaded = (struct loaded){object, strdup(slash ? real : "."), loader, st->st_dev, st->st_ino};
	s->cnt++;
	return file->path && file->name && loaded->dir ? 0 : err_nomem(err);
}

/* Is @path a library that can be loaded? 1: it is, and is in the list now; 0: it is not. */
static int try_path(struct search *s, const char *path, const char *name, size_t loader, struct err *err)
{
	struct object *object;
	struct stat st;
	const char *soname;
	int r;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	if (find_loaded(s, &st) >= 0)
		return 1;
	r = object_open(&object, path, err);
	if (r)
		return r == -ENOMEM ? r : 0;
	soname = object_soname(object);
	r = add_file(s, path, soname ? soname : name, loader, object, &st, err);
	return r ? r : 1;
}

static void put_expanded(struct buf *out, const char *dir, size_t len, const char *origin)
{
	static const struct {
		const char *word, *value;
	} tokens[] = {
		{"$ORIGIN", NULL},
		{"${ORIGIN}", NULL},
		{"$LIB", "lib/x86_64-linux-gnu"},
		{"${LIB}", "lib/x86_64-linux-gnu"},
		{"$PLATFORM", "x86_64"},
		{"${PLATFORM}", "x86_64"},
	};

	for (size_t at = 0; at < len;) {
		size_t i = 0, word = 0;

		while (i < ARRAY_SIZE(tokens)) {
			word = strlen(tokens[i].word);
			if (word <= len - at && !strncmp(dir + at, tokens[i].word, word))
				break;
			i++;
		}
		if (i < ARRAY_SIZE(tokens)) {
			buf_printf(out, "%s", tokens[i].value ? tokens[i].value : origin);
			at += word;
		} else {
			buf_put_u8(out, dir[at++]);
		}
	}
}

/* Each folder of the list @dirs, as "a:b:c". */
static int try_dirs(struct search *s, const char *dirs, const char *origin, const char *name, size_t loader,
		    struct err *err)
{
	while (dirs && *dirs) {
		size_t len = strcspn(dirs, ":");
		auto_buf struct buf path;
		int r;

		buf_init(&path, NAME_LEN_MAX);
		put_expanded(&path, len ? dirs : ".", len ? len : 1, origin);
		buf_printf(&path, "/%s", name);
		buf_put_u8(&path, 0);
		r = path.failed ? 0 : try_path(s, (const char *)path.data, name, loader, err);
		if (r)
			return r;
		dirs += len + (dirs[len] == ':');
	}
	return 0;
}

/* DT_RPATH of the file and of those that led to it, unless it has a DT_RUNPATH. */
static int try_rpaths(struct search *s, const char *name, size_t loader, struct err *err)
{
	size_t at = loader;
	int r = 0;

	if (object_runpath(s->loaded[loader].object))
		return 0;
	for (size_t steps = 0; !r && steps <= s->cnt; steps++) {
		const struct loaded *l = &s->loaded[at];

		if (!object_runpath(l->object))
			r = try_dirs(s, object_rpath(l->object), l->dir, name, loader, err);
		if (!at)
			break;
		at = l->loader;
	}
	return r;
}

static int try_cache(struct search *s, const char *name, size_t loader, struct err *err)
{
	uint32_t idx = 0;
	const char *path;
	int r = 0;

	while (!r && (path = cache_next(s, name, &idx)))
		r = try_path(s, path, name, loader, err);
	return r;
}

static int try_defaults(struct search *s, const char *name, size_t loader, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(default_dirs); i++)
		r = try_dirs(s, default_dirs[i], "", name, loader, err);
	return r;
}

static bool is_named(const struct search *s, const char *name)
{
	for (size_t i = 1; i < s->cnt; i++)
		if (!strcmp(s->files[i].name, name))
			return true;
	return false;
}

/* In ld.so's order. A library that is nowhere is left out: the functions in it will not be found. */
static int find_library(struct search *s, const char *name, size_t loader, struct err *err)
{
	const struct loaded *l = &s->loaded[loader];
	int r;

	if (is_named(s, name))
		return 0;
	if (strchr(name, '/'))
		return try_path(s, name, strrchr(name, '/') + 1, loader, err);
	r = try_rpaths(s, name, loader, err);
	if (!r)
		r = try_dirs(s, getenv("LD_LIBRARY_PATH"), l->dir, name, loader, err);
	if (!r)
		r = try_dirs(s, object_runpath(l->object), l->dir, name, loader, err);
	if (!r)
		r = try_cache(s, name, loader, err);
	return r ? r : try_defaults(s, name, loader, err);
}

/* Breadth-first, as ld.so: a library is before what it needs. */
static int find_libraries(struct search *s, struct err *err)
{
	for (size_t i = 0; i < s->cnt; i++) {
		const char *name;

		for (size_t n = 0; (name = object_needed(s->loaded[i].object, n)); n++) {
			int r;

			if (s->cnt == PROGRAM_MODULES_MAX)
				return err_set(err, -E2BIG, "'%s' needs more than %d libraries",
					       s->files[0].path, PROGRAM_MODULES_MAX - 1);
			r = find_library(s, name, i, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int open_program(struct search *s, const char *path, struct err *err)
{
	struct object *object;
	struct stat st;
	const char *slash = strrchr(path, '/');
	int r = object_open(&object, path, err);

	if (r)
		return r;
	if (stat(path, &st))
		memset(&st, 0, sizeof(st));
	return add_file(s, path, slash ? slash + 1 : path, 0, object, &st, err);
}

int program_files(struct program_file **files, size_t *cnt, const char *path, struct err *err)
{
	struct search s = {};
	autofree struct loaded *loaded = calloc(PROGRAM_MODULES_MAX, sizeof(*loaded));
	int r;

	s.loaded = loaded;
	s.files = calloc(PROGRAM_MODULES_MAX, sizeof(*s.files));
	r = s.files && loaded ? open_program(&s, path, err) : err_nomem(err);
	if (!r) {
		open_cache(&s, CACHE_PATH);
		r = find_libraries(&s, err);
	}
	for (size_t i = 0; i < s.cnt; i++) {
		object_free(loaded[i].object);
		free(loaded[i].dir);
	}
	free(s.cache);
	if (r) {
		program_files_free(s.files, s.cnt);
		return r;
	}
	*files = s.files;
	*cnt = s.cnt;
	return 0;
}

void program_files_free(struct program_file *files, size_t cnt)
{
	for (size_t i = 0; files && i < cnt; i++) {
		free(files[i].path);
		free(files[i].name);
	}
	free(files);
}
