/* SPDX-License-Identifier: BSD-3-Clause */
/* How a DWARF type lies in memory, and whether BTF and the ABI can follow. Only debuginfo asks. */
#pragma once

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/schema.h"

struct debuginfo;
struct err;

uint32_t type_size(Dwarf_Die *die); /* bytes; 0 when it has none, or more than SCHEMA_SIZE_MAX */
/* Its size is known, perhaps from another file's definition. */
bool has_size(const struct debuginfo *info, Dwarf_Die *die);
/* The definition of a struct, union or enum: itself, or another file's. False: incomplete everywhere. */
bool complete_type(const struct debuginfo *info, Dwarf_Die *die, Dwarf_Die *full);

/* A struct or union whose members BTF can all express. */
bool fits_btf(Dwarf_Die *die);
int64_t member_offset(Dwarf_Die *member); /* bytes; -1: computed at run time */
/* Where a member or base class lies: false for anything else among a type's children. @bit_size 0: no
 * bit-field. */
bool member_place(Dwarf_Die *member, uint32_t *bit_offset, uint32_t *bit_size);
/* Bytes from @member to the next one, or to the end. */
uint32_t member_room(Dwarf_Die *parent, Dwarf_Die *member);
bool is_vptr(Dwarf_Die *member);

/* How the base class @base of @die becomes a field. */
enum base_kind {
	BASE_EMPTY,   /* not at all: it holds nothing */
	BASE_AMONG,   /* its members stand among those of the class */
	BASE_NAMED,   /* as a member of the name that is put into @name */
	BASE_VIRTUAL, /* the same, and where it lies is known at run time only */
};
#define BASE_NAME_MAX 1040
enum base_kind base_of(const struct debuginfo *info, Dwarf_Die *die, Dwarf_Die *base, char *name, size_t len);

/* The array's dimensions, outermost first; 0 for one that is not known. Returns how many; 0: more than @max.
 */
uint32_t array_counts(Dwarf_Die *die, uint32_t *counts, uint32_t max);
bool has_stride(Dwarf_Die *die); /* elements that do not lie side by side */

bool is_odd_base(Dwarf_Die *die); /* neither an integer nor a float as BTF has them */
bool enum_is_signed(Dwarf_Die *die);
bool enum_is_wide(Dwarf_Die *die); /* a value beyond 32 bits */
int64_t enum_value(Dwarf_Die *enumerator, bool is_signed);

/* The DIE whose parameters are as the function was written: clones and copies reorder them. */
Dwarf_Die prototype_of(Dwarf_Die die);
/* A C++ class whose values are passed and returned by their address. */
bool is_by_address(const struct debuginfo *info, Dwarf_Die *die);
/* What holds a value of libstdc++'s own; @die is complete. */
enum container container_of_type(Dwarf_Die *die);
/* Whether a value of the type @die is passed as its members say. */
bool is_placeable(const struct debuginfo *info, Dwarf_Die *die);
/* -ENOTSUP: a parameter or result of the function @die which is passed in a way that its type does not tell.
 */
int check_placeable(const struct debuginfo *info, Dwarf_Die *die, const char *name, struct err *err);
