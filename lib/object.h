/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One ELF file: its build id, symbols, code and imports. x86-64 only; anything else is refused by name.
 *
 * Addresses are the file's own (st_value, p_vaddr); a live address is base + address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct object;

#define BUILD_ID_MAX 20 /* bytes; what GNU ld writes. Longer ones are cut */

struct symbol {
	const char *name; /* borrowed from the object; without a version suffix */
	uint64_t addr, size;
	bool is_func, is_ifunc, is_local;
	const char *file; /* of the preceding STT_FILE, local symbols only, or NULL */
};

/* Open @path and read its tables. Symbols come from .symtab and .dynsym, each name and address once. A
 * separate debug file opens too: it has symbols and a build id, but no code and no imports. */
int object_open(struct object **out, const char *path, struct err *err);
void object_free(struct object *object);
void object_freep(struct object **object);
#define auto_object __attribute__((cleanup(object_freep)))

const char *object_path(const struct object *object);
/* Lower-case hex; "" when the file has none. */
const char *object_build_id(const struct object *object);
const char *object_soname(const struct object *object); /* NULL when it has none */
const char *object_interp(const struct object *object); /* NULL: static, or a library */
uint64_t object_entry(const struct object *object);	/* e_entry */
bool object_is_pie(const struct object *object);	/* ET_DYN */
/* Folders where its libraries are looked for, as written ("$ORIGIN/../lib:/opt/lib"); NULL when it names
 * none. */
const char *object_runpath(const struct object *object); /* DT_RUNPATH: for its own libraries */
const char *object_rpath(const struct object *object);	 /* DT_RPATH: for those of its libraries as well */
/* The sanitizer's library that it needs, which insists on being loaded first; NULL: none, or it is linked in.
 */
const char *object_sanitizer(const struct object *object);
/* DT_INIT: what the loader calls when the library has come; 0: none. */
uint64_t object_init(const struct object *object);
/* DT_NEEDED names: the idx-th, or NULL past the end. */
const char *object_needed(const struct object *object, size_t idx);

/* Add the symbols of the separate file @path of the same build (NULL: there is none), else those that are
 * packed into the file itself, when it has none of its own. Symbols that were asked for before are no longer
 * valid. */
int object_complete(struct object *object, const char *path, struct err *err);
/* Whether it has a section of that name; false where its section table was removed. */
bool object_has_section(const struct object *object, const char *name);
/* Where it is loaded; false where it is not. */
bool object_section_range(const struct object *object, const char *name, uint64_t *addr, uint64_t *len);
/* The bytes of the section @name in the file, borrowed; NULL when there is none, or it is not all there. */
const uint8_t *object_section_bytes(const struct object *object, const char *name, size_t *len);
/* No .symtab: what is left are the names that it shares with others. */
bool object_is_stripped(const struct object *object);
size_t object_symbols_cnt(const struct object *object);
const struct symbol *object_symbol(const struct object *object, size_t idx);
/* The function @name (GLOBAL and WEAK before LOCAL, the default of several versions), or NULL. With @file:
 * the local one of that source file, by base name, else the global one, whose file its symbol does not tell.
 * *@cnt, when not NULL: how many different addresses would have fitted; old versions and other files' local
 * ones do not count. */
const struct symbol *object_find_func(const struct object *object, const char *name, const char *file,
				      size_t *cnt);
/* The function whose [addr, addr+size) holds @addr, or NULL. */
const struct symbol *object_func_at(const struct object *object, uint64_t addr);

/* The same for any symbol that has a size, functions and objects. */
const struct symbol *object_symbol_at(const struct object *object, uint64_t addr);
/* The symbol @name, whatever it is, or "FILE:NAME" for the local one of that source file. GLOBAL before
 * LOCAL; NULL when there is none, or several local ones. One whose name differs by a local copy's number is
 * taken when it is the only one. */
const struct symbol *object_find_symbol(const struct object *object, const char *name);

/* A fixed executable's own address for a function that it imports, which is that function's address for
 * everybody: the name of the one at @addr, or NULL; and the address of @name, or 0. */
const char *object_stub_at(const struct object *object, uint64_t addr);
uint64_t object_stub(const struct object *object, const char *name);

/* File offset of @addr: -ERANGE when no segment holds it. */
int object_offset(const struct object *object, uint64_t addr, uint64_t *offset);
/* Borrowed bytes of the file at @addr, at most *@len to the end of its segment; NULL when none. */
const uint8_t *object_bytes(const struct object *object, uint64_t addr, size_t *len);
/* Where its code is: [from, to) around all executable segments. False when it has none. */
bool object_text(const struct object *object, uint64_t *from, uint64_t *to);
/* All of it: [from, to) around all loaded segments. False when it has none. */
bool object_image(const struct object *object, uint64_t *from, uint64_t *to);
/* The load bias of a process that maps the file's bytes from @offset on, executable, at @start. -ERANGE when
 * no executable segment has them. */
int object_bias(const struct object *object, uint64_t start, uint64_t offset, uint64_t *bias);

/* The slots through which this file reaches the imported function @name: JUMP_SLOT, GLOB_DAT and R_X86_64_64
 * relocations against it. Fills at most @max addresses, returns how many there are. */
size_t object_import_slots(const struct object *object, const char *name, uint64_t *slots, size_t max);

/* The PLT entries that lead to @name, where its probe may sit instead: what runs behind them, its return
 * address on top of the stack, is @name called. Fills at most @max addresses, returns how many there are. */
size_t object_import_stubs(const struct object *object, const char *name, uint64_t *stubs, size_t max);

/* glibc's errno: its offset from the thread pointer, found in libc.so.6's own relocations (the GOT slot whose
 * TPOFF64 names errno). The slot's value is read from the live process: *@slot is its address in the file.
 * -ENOENT when this file has no errno. */
int object_errno_slot(const struct object *object, uint64_t *slot);
/* The same offset where this file is a static executable that defines errno itself. -ENOENT. */
int object_errno_offset(const struct object *object, int32_t *offset);
