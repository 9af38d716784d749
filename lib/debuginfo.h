/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DWARF, read with libdw, turned into the schema's BTF. Nothing outside this file knows DWARF.
 *
 * The debug information is the file's own, or a separate one found by debug link or build id under
 * /usr/lib/debug, or by debuginfod where DEBUGINFOD_URLS names a server; its build id must be the file's.
 * What dwz moved out of it is found in the same places, .dwo files where the build left them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct code_range;
struct debuginfo;
struct err;
struct nearest;
struct object;
struct schema;

#define DEBUG_PARAMS_MAX 64
#define DEBUG_REG_XMM	 16
#define DEBUG_REG_NONE	 (-1) /* the debug information names none */

struct debug_func {
	uint64_t die;	      /* for debuginfo_add_func */
	uint64_t addr;	      /* entry; 0: no out-of-line copy */
	uint64_t size;	      /* bytes of code from addr on; 0 when unknown */
	unsigned inlined;     /* places where it was inlined */
	char inlined_at[128]; /* the first of them: "orders.c:41, orders.c:57"; "" */
	const char *file;     /* source base name, borrowed; NULL when unknown */
	int line;
	bool is_declaration; /* only declared here: an import */
	bool is_external;
	/* What to call its parameters instead of what is described, in order, by spaces; "" as described.
	 * Filled by whoever wants others. */
	char params[160];
	/* A parameter that the compiler removed or moved, so that the entry no longer follows the ABI; ""
	 * when none. "parameter 'mode' was optimised out (constprop)" */
	char abi_fault[128];
	/* Parameters that the function does not use, as in struct schema_func. */
	uint64_t unpassed[2];
	/* The register that holds the whole parameter at the entry: 0..5 rdi rsi rdx rcx r8 r9, then xmm0..7.
	 */
	int8_t entry_reg[DEBUG_PARAMS_MAX];
	bool is_old_clang; /* before 18: 128-bit integers are not passed by the ABI when registers run out */
};

/* -ENODATA when there is none anywhere: the message says where it was looked for. */
int debuginfo_open(struct debuginfo **out, const struct object *object, struct err *err);
void debuginfo_free(struct debuginfo *info);
void debuginfo_freep(struct debuginfo **info);
#define auto_debuginfo __attribute__((cleanup(debuginfo_freep)))

/* The file that holds the debug information: @object's own, or the separate one. Borrowed. */
const char *debuginfo_path(const struct debuginfo *info);
/* The separate file that has the symbols of @object, found in the same places; the caller's to free. -ENOENT.
 */
int debuginfo_symbols_file(char **path, const struct object *object);
/* A file with a part of the debug information that was not found (.dwo); NULL: none is missing. */
const char *debuginfo_missing(const struct debuginfo *info);
/* Find the function @name, in source file @file when that is not NULL. Definitions before declarations.
 * -ENOENT when there is none; -ENOTUNIQ when several definitions fit (the message lists their files, the hint
 * says FILE:NAME). */
int debuginfo_find(struct debuginfo *info, const char *name, const char *file, struct debug_func *out,
		   struct err *err);
/* The same for the function at @addr: under another name it may have, as libc's aliases do. */
int debuginfo_find_at(struct debuginfo *info, uint64_t addr, struct debug_func *out, struct err *err);
/* Whether both are one function as it is written, under whatever names. */
bool debuginfo_is_same(const struct debuginfo *info, const struct debug_func *a, const struct debug_func *b);
/* Where the code of @func lies: fills at most @max places in @out, returns how many there are; 0: not
 * known. */
size_t debuginfo_parts(struct debuginfo *info, const struct debug_func *func, struct code_range *out,
		       size_t max);
struct debug_callback {
	uint64_t addr;
	char name[256]; /* as a configuration names it: "on_row", "rows.c:on_row"; "" has none */
};
/* The functions of @info that may stand where @func of @of has the parameter @param, which points to a
 * function: of the same type, whatever its parts are called by typedefs. Fills at most @max places in @out,
 * returns how many there are; -1: it is no such parameter. */
ssize_t debuginfo_callbacks(struct debuginfo *info, const struct debuginfo *of, const struct debug_func *func,
			    const char *param, struct debug_callback *out, size_t max);
/* Offer every function's name to @nearest; they live as long as @info. */
void debuginfo_suggest(struct debuginfo *info, struct nearest *nearest);
/* Those names, one by one, equal ones in a row. */
size_t debuginfo_names_cnt(const struct debuginfo *info);
const char *debuginfo_name(const struct debuginfo *info, size_t idx);
/* Add the prototype and every type it reaches; *@id is its BTF_KIND_FUNC, named @symbol. The same types are
 * added once. An @info speaks to one schema only: all calls are with the same @schema. A parameter without a
 * name is "arg0", "arg1"... -ENOTSUP: a parameter or result whose place the type does not tell. What BTF
 * cannot say is an INT or FLOAT of the right size, or an array of bytes, with a declaration tag. Base types
 * keep their DWARF names; only `char` itself is BTF_INT_CHAR, so text and int8_t stay apart.
 */
int debuginfo_add_func(struct debuginfo *info, struct schema *schema, const struct debug_func *func,
		       const char *symbol, uint32_t *id, struct err *err);
/* Add "struct foo", "union u", "enum e" or a typedef's name by name; for the rule "type". */
int debuginfo_add_type(struct debuginfo *info, struct schema *schema, const char *name, uint32_t *id,
		       struct err *err);
/* Whether a value of the struct or union @name, or of a typedef of one, is passed as its members say. */
bool debuginfo_is_plain(struct debuginfo *info, const char *name);
/* A type that is only declared in one file and defined in another is completed; what is incomplete everywhere
 * is a BTF_KIND_FWD. */
