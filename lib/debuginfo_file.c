// SPDX-License-Identifier: BSD-3-Clause
/* Where the DWARF is: in the file itself, or in a separate file of the same build. Never over the network. */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "lib/debuginfo_impl.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/util.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define CRC_CHUNK  65536

/* The search, and what it met for the message. */
struct hunt {
	struct debuginfo *info;
	const struct object *object;
	char root[64]; /* "/proc/123/root" of a process in another mount namespace, or "" */
	char looked[ERR_MSG_MAX / 2];
	char other[DEBUG_PATH_MAX]; /* a file of another build, or "" */
};

static void elf_endp(Elf **elf)
{
	elf_end(*elf);
}

static bool has_dwarf(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	while ((section = elf_nextscn(elf, section))) {
		const char *name =
			gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return header.sh_type != SHT_NOBITS && header.sh_size;
	}
	return false;
}

static void build_id_hex(Elf *elf, char hex[2 * BUILD_ID_MAX + 1])
{
	const void *id = NULL;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &id);

	hex[0] = '\0';
	for (ssize_t i = 0; i < len && i < BUILD_ID_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)id)[i]);
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

/* Is @elf of the same build? By build id; where the file has none, by the checksum in its debug link. */
static bool is_same_build(const struct hunt *hunt, Elf *elf, int fd, const uint32_t *crc)
{
	char hex[2 * BUILD_ID_MAX + 1];

	if (!object_build_id(hunt->object)[0])
		return crc && crc_is(fd, *crc);
	build_id_hex(elf, hex);
	return !strcmp(hex, object_build_id(hunt->object));
}

/* 0: @path has the DWARF and is now open. @crc: from the debug link, or NULL. */
static int try_file(struct hunt *hunt, const char *path, bool is_itself, const uint32_t *crc)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	__attribute__((cleanup(elf_endp))) Elf *elf = NULL;
	size_t len = strlen(hunt->looked);
	Dwarf *dwarf;
	char *copy;

	if (!is_itself)
		snprintf(hunt->looked + len, sizeof(hunt->looked) - len, "%s'%s'", len ? ", " : "", path);
	elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !has_dwarf(elf))
		return -ENOENT;
	if (!is_itself && !is_same_build(hunt, elf, fd, crc)) {
		snprintf(hunt->other, sizeof(hunt->other), "%s", path);
		return -ENOENT;
	}
	dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	copy = dwarf ? strdup(path) : NULL;
	if (!copy) {
		dwarf_end(dwarf);
		return -ENOENT;
	}
	hunt->info->debug = copy;
	hunt->info->dwarf = dwarf;
	hunt->info->elf = TAKE_PTR(elf);
	hunt->info->fd = TAKE_FD(fd);
	return 0;
}

static int try_build_id(struct hunt *hunt, const char *root)
{
	const char *id = object_build_id(hunt->object);
	char path[DEBUG_PATH_MAX];

	if (strlen(id) < 4)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s" DEBUG_ROOT "/.build-id/%.2s/%s.debug", root, id, id + 2);
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
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	__attribute__((cleanup(elf_endp))) Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	GElf_Word sum = 0;
	const char *name = elf ? dwelf_elf_gnu_debuglink(elf, &sum) : NULL;

	*crc = sum;
	return name ? strdup(name) : NULL;
}

static int try_links(struct hunt *hunt, const char *path)
{
	uint32_t crc = 0;
	autofree char *name = link_name(path, &crc);
	autofree char *real = realpath(path, NULL);
	size_t root_len = strlen(hunt->root);
	const char *own;
	char *slash;
	int r;

	if (!name || !real || strchr(name, '/'))
		return -ENOENT;
	/* realpath() ends a path through /proc/PID/root at the name which the file has there. */
	own = root_len && !strncmp(real, hunt->root, root_len) ? real + root_len : real;
	slash = strrchr(own, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	r = hunt->root[0] ? try_link(hunt, hunt->root, own, name, crc) : -ENOENT;
	return r ? try_link(hunt, "", own, name, crc) : 0;
}

static void find_root(struct hunt *hunt, const char *path)
{
	int pid, end = 0;

	if (sscanf(path, "/proc/%d/root/%n", &pid, &end) == 1 && end)
		snprintf(hunt->root, sizeof(hunt->root), "/proc/%d/root", pid);
}

int debug_file_open(struct debuginfo *info, const struct object *object, struct err *err)
{
	struct hunt hunt = {.info = info, .object = object};
	const char *path = object_path(object);
	int r;

	info->path = strdup(path);
	if (!info->path)
		return err_nomem(err);
	elf_version(EV_CURRENT);
	find_root(&hunt, path);
	r = try_file(&hunt, path, true, NULL);
	if (r && hunt.root[0])
		r = try_build_id(&hunt, hunt.root);
	if (r)
		r = try_build_id(&hunt, "");
	if (r)
		r = try_links(&hunt, path);
	if (!r)
		return 0;
	if (hunt.other[0]) {
		err_set(err, -ENODATA, "no debug information for '%s': '%.200s' is of another build", path,
			hunt.other);
		err_hint(err, "install the debug information of exactly this build");
		return -ENODATA;
	}
	err_set(err, -ENODATA, "no debug information for '%s'%s%s", path,
		hunt.looked[0] ? ": neither in it nor in " : "", hunt.looked);
	err_hint(err, "build it with -g, or install its debug symbols");
	return -ENODATA;
}
