/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the object module share; included by lib/object*.c only. */
#pragma once

#include <gelf.h>
#include <libelf.h>

#include "lib/object.h"

#define NEEDED_MAX	 1024
#define CHUNKS_MAX	 64
#define CHUNKS_BYTES_MAX (2ull << 30) /* of one file, in memory */

/* Better names first: they answer a lookup when several symbols fit. */
enum rank { RANK_GLOBAL, RANK_OLD_VERSION, RANK_LOCAL };

struct entry {
	struct symbol symbol; /* first: object_symbol() hands it out */
	enum rank rank;
};

/* Pieces of the file that were read, kept until it is closed. */
struct chunks {
	struct chunk {
		uint64_t offset, len;
		uint8_t *data;
	} row[CHUNKS_MAX];
	size_t cnt;
	uint64_t bytes;
};

struct dynamic {
	uint64_t strtab, strsz, symtab;
	uint64_t rela, relasz, jmprel, pltrelsz;
	uint64_t soname, runpath, rpath; /* offsets in strtab; 0: none */
	uint64_t init;			 /* an address; 0: none */
	uint64_t needed[NEEDED_MAX];
	size_t needed_cnt;
};

struct object {
	char *path;
	int fd;
	uint64_t file_len;
	struct chunks *chunks;
	Elf *elf;
	const Elf64_Ehdr *ehdr;
	const Elf64_Phdr *phdr;
	size_t phdr_cnt;
	char build_id[2 * BUILD_ID_MAX + 1];
	const char *interp;
	bool has_symtab;
	bool has_code; /* false: a separate debug file, whose segments are not in it */
	struct dynamic dynamic;
	struct object *more;   /* whose symbols are among the entries; or NULL */
	struct entry *entries; /* by name, then rank, then address */
	size_t entries_cnt, entries_max;
	struct entry **by_addr; /* functions and objects with a size, by address, better rank last */
	size_t by_addr_cnt;
	struct stub {
		const char *name;
		uint64_t addr;
	} * stubs; /* imported functions that have an address here */
	size_t stubs_cnt;
	char **owned; /* names that had a version suffix */
	size_t owned_cnt;
	bool has_errno; /* a defined thread-local `errno` */
	uint64_t errno_value;
};

/* @len bytes of the file at @offset, or NULL when they are not all there. Read once, then kept. */
const uint8_t *object_chunk(const struct object *object, uint64_t offset, uint64_t len);
/* @len bytes at @addr, all of them or NULL. */
const uint8_t *object_bytes_at(const struct object *object, uint64_t addr, size_t len);
/* The string at @offset of @len bytes, or NULL when it does not end inside them. */
const char *object_string_in(const uint8_t *strings, uint64_t len, uint64_t offset);
/* NULL when there is no section @idx. */
const Elf64_Shdr *object_section(const struct object *object, size_t idx);

/* Add those of @more, from which they go on to be borrowed. */
int object_add_symbols(struct object *object, const struct object *more, struct err *err);
int object_read_symbols(struct object *object, struct err *err);
void object_read_dynamic(struct object *object, const Elf64_Phdr *ph);
