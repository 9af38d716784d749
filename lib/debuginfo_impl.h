/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of debuginfo share; nobody else includes it. */
#pragma once

#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct debug_func;
struct err;
struct object;
struct schema;

#define DIE_DEPTH_MAX  256	  /* nested scopes, references from one DIE to the next */
#define DIE_CNT_MAX    (1u << 28) /* functions, types, or inlined copies of one file */
#define ADDR_FIRST     0x40	  /* below lie the ELF header and what linkers put for removed code */
#define DEBUG_PATH_MAX 4096

/* A function's DIE: a definition, an abstract instance, or a declaration. */
struct func_die {
	Dwarf_Die die;
	uint64_t addr, size;
	bool is_declaration;
};

struct func_name {
	const char *name;
	uint32_t func;
};

/* A place where a function was inlined. */
struct inline_die {
	const void *origin; /* the DIE of the function, at the end of all references */
	Dwarf_Die die;
};

enum type_kind { TYPE_STRUCT, TYPE_UNION, TYPE_ENUM, TYPE_TYPEDEF, TYPE_BASE, TYPE_KIND_CNT };

/* A type's definition at file or namespace level. */
struct type_die {
	const char *name;
	enum type_kind kind;
	uint32_t order;
	Dwarf_Die die;
};

struct code_symbol {
	uint64_t addr, size;
	const char *name;
};

struct debug_file {
	char *path;
	int fd;
	Elf *elf;
};
#define DEBUG_FILE_NONE ((struct debug_file){.fd = -1})
void debug_file_release(struct debug_file *file);
#define auto_debug_file __attribute__((cleanup(debug_file_release)))

struct debuginfo {
	char *path;		/* of the file itself */
	char *missing;		/* a .dwo that was not found, or NULL */
	struct debug_file file; /* what holds the DWARF: the same, or a separate one */
	Dwarf *dwarf;
	struct debug_file shared; /* what dwz moved out of it, where it did */
	Dwarf *shared_dwarf;

	struct func_die *funcs; /* in the order of the file */
	size_t funcs_cnt;
	struct func_name *names; /* by name, then in the order of the file */
	size_t names_cnt;
	uint32_t *by_addr; /* functions with code, by address, then in the order of the file */
	size_t by_addr_cnt;
	struct inline_die *inlines; /* by origin, then in the order of the file */
	size_t inlines_cnt;
	struct type_die *types; /* by name and kind, then in the order of the file */
	size_t types_cnt;
	struct code_symbol *symbols; /* of the debug file, by address */
	size_t symbols_cnt;

	const struct schema *schema; /* what the two trees below speak of; they are for it alone */
	void *type_ids;		     /* DIE to BTF id */
	void *type_keys;	     /* digest of a type's description to BTF id */
};

/* The path of the debug information of that build, from the debuginfod servers that the user has configured;
 * the caller's to free, NULL when there is none. */
char *debug_fetch(const char *build_id);
/* Open the file with @object's DWARF: sets path, file, dwarf, and what they share. */
int debug_file_open(struct debuginfo *info, const struct object *object, struct err *err);
/* Walk all of it once: sets the tables. */
int debug_index_build(struct debuginfo *info, struct err *err);
/* A name that a symbol has at @addr: @want when it is among them, else the first; NULL when there is none. */
const char *debug_symbol_at(const struct debuginfo *info, uint64_t addr, const char *want);
/* Follow DW_AT_abstract_origin and DW_AT_specification to their end. */
Dwarf_Die debug_root(Dwarf_Die die);
/* The DIE that @attr of @die refers to, through abstract_origin and specification, and into type units;
 * false: none. */
bool debug_ref(Dwarf_Die *die, unsigned attr, Dwarf_Die *out);
/* Through typedefs and qualifiers to what *@die is; false: to void. */
bool debug_peel(Dwarf_Die *die);
/* A constant attribute, through abstract_origin and specification; false: none. */
bool debug_number(Dwarf_Die *die, unsigned attr, uint64_t *out);
const char *debug_decl_file(Dwarf_Die *die);   /* or NULL */
const char *debug_base_name(const char *path); /* behind the last '/'; NULL of NULL */
/* The one definition of the type @name: -ENOENT, or -ENOTUNIQ when there are different ones. */
int debug_find_type(const struct debuginfo *info, enum type_kind kind, const char *name, Dwarf_Die *out);
/* Whether the definition @die lies at file or namespace level. */
bool debug_is_outermost(const struct debuginfo *info, enum type_kind kind, Dwarf_Die *die);
/* The same words for the same type in two units. @hex takes DIGEST_HEX_LEN + 1 bytes. */
int debug_describe(Dwarf_Die *die, bool with_place, char *hex);
/* Sets @out's unpassed and entry_reg; its addr is set. */
void debug_find_entry(const struct debuginfo *info, Dwarf_Die *func, struct debug_func *out);
/* Forget which types have ids. */
void debug_types_forget(struct debuginfo *info);
