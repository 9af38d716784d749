// SPDX-License-Identifier: BSD-3-Clause
/*
 * Base classes as fields. Their members stand among those of the class, as C's anonymous structs have it,
 * unless a name would then mean two things: then the base class is a field with its own name.
 */
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "lib/debuginfo_impl.h"
#include "lib/debuginfo_members.h"
#include "lib/util.h"

#define NAMES_MAX  1024 /* of one class; with more, all base classes are named */
#define BASE_DEPTH 12	/* base classes of base classes; beyond it they are named */

struct names {
	const char *name[NAMES_MAX];
	size_t cnt;
	bool is_cut;
};

static bool is_virtual(Dwarf_Die *base)
{
	uint64_t virtuality;

	return debug_number(base, DW_AT_virtuality, &virtuality) && virtuality;
}

/* The class that the DW_TAG_inheritance @base brings. */
static bool class_of(const struct debuginfo *info, Dwarf_Die *base, Dwarf_Die *out)
{
	Dwarf_Die type;

	return debug_ref(base, DW_AT_type, &type) && debug_peel(&type) && complete_type(info, &type, out);
}

/* Without a template's arguments. */
static size_t stem(const char *name)
{
	return strcspn(name, "<");
}

static bool is_same(const char *a, const char *b)
{
	return stem(a) == stem(b) && !strncmp(a, b, stem(a));
}

static bool is_among(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->cnt; i++)
		if (is_same(names->name[i], name))
			return true;
	return false;
}

static void add(struct names *names, const char *name)
{
	if (names->cnt == NAMES_MAX)
		names->is_cut = true;
	else if (name)
		names->name[names->cnt++] = name;
}

static bool needs_name(const struct debuginfo *info, Dwarf_Die *die, Dwarf_Die *base, int depth);

/* The names that one member or base class of @die brings. */
static void collect_one(struct names *names, const struct debuginfo *info, Dwarf_Die *die, Dwarf_Die *child,
			int depth);

static void collect(struct names *names, const struct debuginfo *info, Dwarf_Die *die, int depth)
{
	Dwarf_Die child;

	if (dwarf_child(die, &child))
		return;
	do {
		collect_one(names, info, die, &child, depth);
	} while (!dwarf_siblingof(&child, &child));
}

static void collect_one(struct names *names, const struct debuginfo *info, Dwarf_Die *die, Dwarf_Die *child,
			int depth)
{
	uint32_t bit_offset, bit_size;
	Dwarf_Die type;

	if (!member_place(child, &bit_offset, &bit_size))
		return;
	if (dwarf_tag(child) == DW_TAG_member && is_vptr(child)) {
		add(names, "_vptr");
	} else if (dwarf_tag(child) == DW_TAG_member && dwarf_diename(child)) {
		add(names, dwarf_diename(child));
	} else if (depth >= BASE_DEPTH || !debug_ref(child, DW_AT_type, &type) || !debug_peel(&type)) {
		names->is_cut |= depth >= BASE_DEPTH;
	} else if (dwarf_tag(child) == DW_TAG_inheritance && needs_name(info, die, child, depth + 1)) {
		add(names, dwarf_diename(&type));
	} else if (complete_type(info, &type, &type)) {
		collect(names, info, &type, depth + 1);
	}
}

/* Whether the members of @base share a name with what else @die has. */
static bool needs_name(const struct debuginfo *info, Dwarf_Die *die, Dwarf_Die *base, int depth)
{
	autofree struct names *own = calloc(1, sizeof(*own)), *others = calloc(1, sizeof(*others));
	Dwarf_Die type, child;
	uint32_t bit_offset, bit_size;

	if (!own || !others || depth >= BASE_DEPTH || !class_of(info, base, &type) ||
	    container_of_type(&type))
		return true;
	collect(own, info, &type, depth + 1);
	if (dwarf_child(die, &child))
		return false;
	do {
		Dwarf_Die other;

		if (child.addr == base->addr || !member_place(&child, &bit_offset, &bit_size))
			continue;
		if (dwarf_tag(&child) != DW_TAG_inheritance)
			collect_one(others, info, die, &child, depth);
		else if (class_of(info, &child, &other))
			collect(others, info, &other, depth + 1);
	} while (!dwarf_siblingof(&child, &child));
	for (size_t i = 0; i < own->cnt; i++)
		if (is_among(others, own->name[i]))
			return true;
	return own->is_cut || others->is_cut;
}

/* How often a field before @base is called @name already, or a member anywhere. */
static unsigned count_before(Dwarf_Die *die, Dwarf_Die *base, const char *name)
{
	unsigned cnt = 0;
	bool is_before = true;
	Dwarf_Die child, type;

	if (dwarf_child(die, &child))
		return 0;
	do {
		const char *other = dwarf_diename(&child);

		is_before = is_before && child.addr != base->addr;
		if (dwarf_tag(&child) == DW_TAG_inheritance && is_before &&
		    debug_ref(&child, DW_AT_type, &type))
			other = dwarf_diename(&type);
		else if (dwarf_tag(&child) != DW_TAG_member)
			other = NULL;
		cnt += other && is_same(other, name);
	} while (!dwarf_siblingof(&child, &child));
	return cnt;
}

/* An empty class takes a byte, which may be another member's, too. */
static bool has_data(const struct debuginfo *info, Dwarf_Die *die, int depth)
{
	uint32_t bit_offset, bit_size;
	Dwarf_Die child, type;

	if (depth >= BASE_DEPTH || type_size(die) != 1)
		return true;
	if (dwarf_child(die, &child))
		return false;
	do {
		if (!member_place(&child, &bit_offset, &bit_size))
			continue;
		if (!debug_ref(&child, DW_AT_type, &type) || !debug_peel(&type) ||
		    (dwarf_tag(&type) != DW_TAG_structure_type && dwarf_tag(&type) != DW_TAG_class_type) ||
		    !complete_type(info, &type, &type) || has_data(info, &type, depth + 1))
			return true;
	} while (!dwarf_siblingof(&child, &child));
	return false;
}

enum base_kind base_of(const struct debuginfo *info, Dwarf_Die *die, Dwarf_Die *base, char *name, size_t len)
{
	const char *own;
	unsigned before;
	Dwarf_Die type;

	if (!debug_ref(base, DW_AT_type, &type) || !debug_peel(&type))
		return BASE_AMONG;
	own = dwarf_diename(&type);
	if (class_of(info, base, &type) && !has_data(info, &type, 0) && !is_virtual(base))
		return BASE_EMPTY;
	if (!own || (!is_virtual(base) && !needs_name(info, die, base, 0)))
		return BASE_AMONG;
	before = count_before(die, base, own);
	if (before)
		snprintf(name, len, "%.*s_%u", (int)MIN(stem(own), 1000u), own, before + 1);
	else
		snprintf(name, len, "%.*s", (int)MIN(stem(own), 1000u), own);
	return is_virtual(base) ? BASE_VIRTUAL : BASE_NAMED;
}
