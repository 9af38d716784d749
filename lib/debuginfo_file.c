// SPDX-License-Identifier: BSD-3-Clause
/*
 * Where the DWARF, or the symbols, of a file are: in itself, or in a separate file of the same build. The
 * network is asked last, and only where the user has configured it.
 */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "lib/debuginfo.h"
#include "lib/debuginfo_impl.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/util.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define CRC_CHUNK  65536

/* The search, and what it met for the message. */
struct hunt {
	const struct object *object;
	bool (*has)(Elf *elf); /* what is looked for */
	char root[64];	       /* "/proc/123/root" of a process in another mount namespace, or "" */
	char looked[ERR_MSG_MAX / 2];
	char other[DEBUG_PATH_MAX]; /* a file of another build, or "" */
	struct debug_file found;
};

static void elf_endp(Elf **elf)
{
	elf_end(*elf);
}

void debug_file_release(struct debug_file *file)
{
	elf_end(file->elf);
	closep(&file->fd);
	free(file->path);
	*file = DEBUG_FILE_NONE;
}

/* --- what a file has --- */

static bool has_section(Elf *elf, const char *const *names)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t strings;

	if (elf_getshdrstrndx(elf, &strings))
		return false;
	while ((section = elf_nextscn(elf, section))) {
		const char *name =
			gelf_getshdr(section, &header) ? elf_strptr(elf, strings, header.sh_name) : NULL;

		for (size_t i = 0; name && names[i]; i++)
			if (!strcmp(name, names[i]))
				return header.sh_type != SHT_NOBITS && header.sh_size;
	}
	return false;
}

static bool has_dwarf(Elf *elf)
{
	static const char *const names[] = {".debug_info", ".zdebug_info", NULL};

	return has_section(elf, names);
}

static bool has_symbols(Elf *elf)
{
	static const char *const names[] = {".symtab", NULL};

	return has_section(elf, names);
}

/* --- which build a file is of --- */

static void put_hex(char hex[2 * BUILD_ID_MAX + 1], const void *id, ssize_t len)
{
	hex[0] = '\0';
	for (ssize_t i = 0; i < len && i < BUILD_ID_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)id)[i]);
}

static bool is_build(Elf *elf, const char *want)
{
	char hex[2 * BUILD_ID_MAX + 1];
	const void *id = NULL;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &id);

	put_hex(hex, id, len);
	return *want && !strcmp(hex, want);
}

static bool crc_is(int fd, uint32_t want)
{
	autofree uint8_t *chunk = malloc(CRC_CHUNK);
	uint32_t crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t len;

	while (chunk && (len = pread(fd, chunk, CRC_CHUNK, at)) > 0) {
		crc = crc32(crc, chunk, len);
		at += len;
	}
	return chunk && crc == want;
}

/* By build id; where the file has none, by the checksum in its debug link. */
static bool is_same_build(const struct hunt *hunt, const struct debug_file *file, const uint32_t *crc)
{
	const char *id = object_build_id(hunt->object);

	return id[0] ? is_build(file->elf, id) : crc && crc_is(file->fd, *crc);
}

/* --- the search --- */

/* -ENOENT: no ELF file. */
static int open_elf(struct debug_file *out, const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	__attribute__((cleanup(elf_endp))) Elf *elf = NULL;
	char *copy;

	elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	copy = elf && elf_kind(elf) == ELF_K_ELF ? strdup(path) : NULL;
	if (!copy)
		return -ENOENT;
	*out = (struct debug_file){copy, TAKE_FD(fd), TAKE_PTR(elf)};
	return 0;
}

/* 0: @path has what is looked for, and is now open. @crc: from the debug link, or NULL. */
static int try_file(struct hunt *hunt, const char *path, bool is_itself, const uint32_t *crc)
{
	auto_debug_file struct debug_file file = DEBUG_FILE_NONE;
	size_t len = strlen(hunt->looked);

	if (!is_itself)
		snprintf(hunt->looked + len, sizeof(hunt->looked) - len, "%s'%s'", len ? ", " : "", path);
	if (open_elf(&file, path) || !hunt->has(file.elf))
		return -ENOENT;
	if (!is_itself && !is_same_build(hunt, &file, crc)) {
		snprintf(hunt->other, sizeof(hunt->other), "%s", path);
		return -ENOENT;
	}
	hunt->found = file;
	file = DEBUG_FILE_NONE;
	return 0;
}

static void put_build_id_path(char path[DEBUG_PATH_MAX], const char *root, const char *id)
{
	snprintf(path, DEBUG_PATH_MAX, "%s" DEBUG_ROOT "/.build-id/%.2s/%s.debug", root, id, id + 2);
}

static int try_build_id(struct hunt *hunt, const char *root)
{
	const char *id = object_build_id(hunt->object);
	char path[DEBUG_PATH_MAX];

	if (strlen(id) < 4)
		return -ENOENT;
	put_build_id_path(path, root, id);
	return try_file(hunt, path, false, NULL);
}

/* The places where gdb looks too. @dir: where the file lies, below @root. */
static int try_link(struct hunt *hunt, const char *root, const char *dir, const char *name, uint32_t crc)
{
	static const struct {
		const char *before, *between;
	} places[] = {{"", "/"}, {"", "/.debug/"}, {DEBUG_ROOT, "/"}};
	char path[DEBUG_PATH_MAX];
	int r = -ENOENT;

	for (size_t i = 0; r && i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s%s%s%s%s", root, places[i].before, dir, places[i].between,
			 name);
		r = try_file(hunt, path, false, &crc);
	}
	return r;
}

/* The name in .gnu_debuglink of the file itself; the caller's to free. */
static char *link_name(const char *path, uint32_t *crc)
{
	auto_debug_file struct debug_file file = DEBUG_FILE_NONE;
	GElf_Word sum = 0;
	const char *name = open_elf(&file, path) ? NULL : dwelf_elf_gnu_debuglink(file.elf, &sum);

	*crc = sum;
	return name ? strdup(name) : NULL;
}

/* The folder in which @path lies, as its own process knows it; the caller's to free. */
static char *own_folder(const struct hunt *hunt, const char *path)
{
	static const char deleted[] = " (deleted)";
	autofree char *real = realpath(path, NULL);
	size_t root_len = strlen(hunt->root);
	char link[PATH_MAX], *slash;
	ssize_t len;

	/* /proc/PID/exe and map_files of a file that was removed or replaced still tell where it lay. */
	if (!real) {
		len = readlink(path, link, sizeof(link) - 1);
		if (len <= 0)
			return NULL;
		link[len] = '\0';
		if ((size_t)len > strlen(deleted) && !strcmp(link + len - strlen(deleted), deleted))
			link[len - strlen(deleted)] = '\0';
		real = strdup(link);
	}
	/* realpath() ends a path through /proc/PID/root at the name which the file has there. */
	if (real && root_len && !strncmp(real, hunt->root, root_len))
		memmove(real, real + root_len, strlen(real + root_len) + 1);
	slash = real ? strrchr(real, '/') : NULL;
	if (!slash)
		return NULL;
	*slash = '\0';
	return TAKE_PTR(real);
}

static int try_links(struct hunt *hunt, const char *path)
{
	uint32_t crc = 0;
	autofree char *name = link_name(path, &crc);
	autofree char *own = name ? own_folder(hunt, path) : NULL;
	int r;

	if (!name || !own || strchr(name, '/'))
		return -ENOENT;
	r = hunt->root[0] ? try_link(hunt, hunt->root, own, name, crc) : -ENOENT;
	return r ? try_link(hunt, "", own, name, crc) : 0;
}

static int try_server(struct hunt *hunt)
{
	autofree char *path = debug_fetch(object_build_id(hunt->object));

	return path ? try_file(hunt, path, false, NULL) : -ENOENT;
}

/* A file of a process may lie in a mount namespace of its own. */
static void find_root(struct hunt *hunt, const char *path)
{
	static const char *const names[] = {"root/", "exe", "map_files/"};
	int pid, end = 0;

	if (sscanf(path, "/proc/%d/%n", &pid, &end) != 1 || !end)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(path + end, names[i], strlen(names[i])))
			snprintf(hunt->root, sizeof(hunt->root), "/proc/%d/root", pid);
}

/* 0: hunt->found is open. */
static int search(struct hunt *hunt, const struct object *object, bool (*has)(Elf *elf))
{
	const char *path = object_path(object);
	int r;

	*hunt = (struct hunt){.object = object, .has = has, .found = DEBUG_FILE_NONE};
	elf_version(EV_CURRENT);
	find_root(hunt, path);
	r = try_file(hunt, path, true, NULL);
	if (r && hunt->root[0])
		r = try_build_id(hunt, hunt->root);
	if (r)
		r = try_build_id(hunt, "");
	if (r)
		r = try_links(hunt, path);
	return r ? try_server(hunt) : 0;
}

/* --- dwz: parts that several files share lie in one more --- */

static int try_shared(struct debug_file *out, const char *path, const char *id)
{
	auto_debug_file struct debug_file file = DEBUG_FILE_NONE;

	if (open_elf(&file, path) || !is_build(file.elf, id))
		return -ENOENT;
	*out = file;
	file = DEBUG_FILE_NONE;
	return 0;
}

static int find_shared(struct debug_file *out, const struct hunt *hunt, const char *name, const char *id)
{
	char path[DEBUG_PATH_MAX];
	const char *slash = strrchr(hunt->found.path, '/');
	int r;

	put_build_id_path(path, hunt->root, id);
	r = try_shared(out, path, id);
	if (r && hunt->root[0]) {
		put_build_id_path(path, "", id);
		r = try_shared(out, path, id);
	}
	if (r && name[0] == '/') {
		snprintf(path, sizeof(path), "%s%s", hunt->root, name);
		r = try_shared(out, path, id);
	}
	if (r && name[0] != '/') {
		snprintf(path, sizeof(path), "%.*s/%s", slash ? (int)(slash - hunt->found.path) : 1,
			 slash ? hunt->found.path : ".", name);
		r = try_shared(out, path, id);
	}
	return r ? try_shared(out, name, id) : 0;
}

static int open_shared(struct debuginfo *info, const struct hunt *hunt, struct err *err)
{
	const char *name = NULL;
	char hex[2 * BUILD_ID_MAX + 1];
	const void *id = NULL;
	ssize_t len = dwelf_dwarf_gnu_debugaltlink(info->dwarf, &name, &id);

	if (len <= 0)
		return 0;
	put_hex(hex, id, len);
	if (find_shared(&info->shared, hunt, name, hex)) {
		err_set(err, -ENODATA,
			"no debug information for '%s': '%.200s', which holds a part of it (dwz), "
			"was not found",
			info->path, name);
		err_hint(err, "install the debug information of exactly this build, with what it shares");
		return -ENODATA;
	}
	info->shared_dwarf = dwarf_begin_elf(info->shared.elf, DWARF_C_READ, NULL);
	if (!info->shared_dwarf)
		return err_set(err, -ENODATA, "cannot read the debug information in '%s'", info->shared.path);
	dwarf_setalt(info->dwarf, info->shared_dwarf);
	return 0;
}

/* --- what is asked for --- */

static int not_there(const struct hunt *hunt, struct err *err)
{
	const char *path = object_path(hunt->object);

	if (hunt->other[0]) {
		err_set(err, -ENODATA, "no debug information for '%s': '%.200s' is of another build", path,
			hunt->other);
		err_hint(err, "install the debug information of exactly this build");
		return -ENODATA;
	}
	err_set(err, -ENODATA, "no debug information for '%s'%s%s", path,
		hunt->looked[0] ? ": neither in it nor in " : "", hunt->looked);
	err_hint(err,
		 "build it with -g, install its debug symbols, or describe the function by a \"prototype\"");
	return -ENODATA;
}

int debug_file_open(struct debuginfo *info, const struct object *object, struct err *err)
{
	struct hunt hunt;

	info->path = strdup(object_path(object));
	if (!info->path)
		return err_nomem(err);
	if (search(&hunt, object, has_dwarf))
		return not_there(&hunt, err);
	info->file = hunt.found;
	info->dwarf = dwarf_begin_elf(info->file.elf, DWARF_C_READ, NULL);
	if (!info->dwarf)
		return err_set(err, -ENODATA, "cannot read the debug information in '%s'", info->file.path);
	return open_shared(info, &hunt, err);
}

int debuginfo_symbols_file(char **path, const struct object *object)
{
	struct hunt hunt;
	int r = search(&hunt, object, has_symbols);

	if (!r)
		*path = TAKE_PTR(hunt.found.path);
	debug_file_release(&hunt.found);
	return r;
}
