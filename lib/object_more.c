// SPDX-License-Identifier: BSD-3-Clause
/*
 * Symbols that strip took out of a file and someone kept: in a separate file, or packed into the file itself
 * (.gnu_debugdata: an ELF file under xz, as Fedora has it).
 */
#include "lib/object_impl.h"

#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/util.h"

#define UNPACKED_MAX (256u << 20)
#define MEMORY_MAX   (256u << 20) /* of the decoder */
#define CHUNK	     65536

static const Elf64_Shdr *section_named(const struct object *object, const char *want)
{
	size_t cnt = 0, names = 0;

	if (elf_getshdrnum(object->elf, &cnt) || elf_getshdrstrndx(object->elf, &names))
		return NULL;
	for (size_t i = 1; i < cnt; i++) {
		const Elf64_Shdr *sh = object_section(object, i);
		const char *name = sh ? elf_strptr(object->elf, names, sh->sh_name) : NULL;

		if (name && !strcmp(name, want) && sh->sh_type != SHT_NOBITS)
			return sh;
	}
	return NULL;
}

bool object_has_section(const struct object *object, const char *name)
{
	return section_named(object, name);
}

bool object_section_range(const struct object *object, const char *name, uint64_t *addr, uint64_t *len)
{
	const Elf64_Shdr *sh = section_named(object, name);

	if (!sh || !(sh->sh_flags & SHF_ALLOC))
		return false;
	*addr = sh->sh_addr;
	*len = sh->sh_size;
	return true;
}

const uint8_t *object_section_bytes(const struct object *object, const char *name, size_t *len)
{
	const Elf64_Shdr *sh = section_named(object, name);

	if (!sh)
		return NULL;
	*len = sh->sh_size;
	return object_chunk(object, sh->sh_offset, sh->sh_size);
}

/* Write what @stream decodes to @fd. False: it is damaged, or too long. */
static bool decode(lzma_stream *stream, int fd)
{
	autofree uint8_t *chunk = malloc(CHUNK);
	uint64_t total = 0;
	lzma_ret r = chunk ? LZMA_OK : LZMA_MEM_ERROR;

	while (r == LZMA_OK && total <= UNPACKED_MAX) {
		size_t len;

		stream->next_out = chunk;
		stream->avail_out = CHUNK;
		r = lzma_code(stream, LZMA_FINISH);
		len = CHUNK - stream->avail_out;
		total += len;
		if (write(fd, chunk, len) != (ssize_t)len)
			return false;
	}
	return r == LZMA_STREAM_END && total <= UNPACKED_MAX;
}

/* A descriptor of the unpacked file, or -1. */
static int unpack(const struct object *object, const Elf64_Shdr *sh)
{
	autoclose int fd = memfd_create("debugdata", MFD_CLOEXEC);
	const uint8_t *bytes = object_chunk(object, sh->sh_offset, sh->sh_size);
	lzma_stream stream = LZMA_STREAM_INIT;
	bool is_whole;

	if (fd < 0 || !bytes || lzma_stream_decoder(&stream, MEMORY_MAX, 0) != LZMA_OK)
		return -1;
	stream.next_in = bytes;
	stream.avail_in = sh->sh_size;
	is_whole = decode(&stream, fd);
	lzma_end(&stream);
	return is_whole ? TAKE_FD(fd) : -1;
}

static int open_packed(struct object **out, const struct object *object, struct err *err)
{
	const Elf64_Shdr *sh = section_named(object, ".gnu_debugdata");
	autoclose int fd = sh ? unpack(object, sh) : -1;
	char path[64];

	if (fd < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return object_open(out, path, err);
}

int object_complete(struct object *object, const char *path, struct err *err)
{
	auto_object struct object *more = NULL;
	int r = -ENOENT;

	if (!object_is_stripped(object) || object->more)
		return 0;
	if (path)
		r = object_open(&more, path, err);
	if (r && r != -ENOMEM)
		r = open_packed(&more, object, err);
	if (r)
		return r == -ENOMEM ? r : 0;
	r = object_add_symbols(object, more, err);
	if (!r)
		object->more = TAKE_PTR(more);
	return r;
}
