// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a type in BTF does not say about how a value of it is passed. Such a function is refused: its values
 * would be taken from the wrong place.
 */
#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/debuginfo_impl.h"
#include "lib/debuginfo_members.h"
#include "lib/err.h"

#define VALUE_DEPTH 64 /* structs within structs that are passed by value */

/* psABI 3.2.3: the classes of a struct of more than 16 bytes are those of memory, whatever lies in it. */
#define REGISTERS_MAX 16

static bool is_class(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/* How values of a class are passed. */
enum passing { PASSED_BY_VALUE, PASSED_BY_ADDRESS, PASSED_UNKNOWN };

static bool is_written(Dwarf_Die *method)
{
	uint64_t defaulted = 0;
	Dwarf_Attribute attr;

	debug_number(method, DW_AT_defaulted, &defaulted);
	return !dwarf_attr(method, DW_AT_artificial, &attr) && defaulted != DW_DEFAULTED_in_class;
}

/* Its one parameter beside `this` refers to @type: it copies or moves. */
static bool is_copying(Dwarf_Die *method, Dwarf_Die *type)
{
	Dwarf_Die child, target;
	Dwarf_Attribute attr;
	unsigned cnt = 0;
	bool refers = false;

	if (dwarf_child(method, &child))
		return false;
	do {
		if (dwarf_tag(&child) != DW_TAG_formal_parameter ||
		    dwarf_attr(&child, DW_AT_artificial, &attr))
			continue;
		if (cnt++ || !debug_ref(&child, DW_AT_type, &target))
			return false;
		if (dwarf_tag(&target) != DW_TAG_reference_type &&
		    dwarf_tag(&target) != DW_TAG_rvalue_reference_type)
			return false;
		refers = debug_ref(&target, DW_AT_type, &target) && debug_peel(&target) &&
			 target.addr == type->addr;
	} while (!dwarf_siblingof(&child, &child));
	return refers;
}

static bool is_constructor(Dwarf_Die *method, const char *name)
{
	const char *own = dwarf_diename(method);
	size_t len = name ? strcspn(name, "<") : 0;

	return own && len && !strncmp(own, name, len) && (!own[len] || own[len] == '<');
}

static enum passing passing_of(const struct debuginfo *info, Dwarf_Die *die, int depth);

/* Of a member or base class that is a class itself. */
static enum passing passing_inside(const struct debuginfo *info, Dwarf_Die *member, int depth)
{
	Dwarf_Die type, full;

	if (!debug_ref(member, DW_AT_type, &type) || !debug_peel(&type))
		return PASSED_BY_VALUE;
	while (dwarf_tag(&type) == DW_TAG_array_type)
		if (!debug_ref(&type, DW_AT_type, &type) || !debug_peel(&type))
			return PASSED_BY_VALUE;
	if (!is_class(&type))
		return PASSED_BY_VALUE;
	return complete_type(info, &type, &full) ? passing_of(info, &full, depth + 1) : PASSED_UNKNOWN;
}

/* What @child of @die says about it. */
static enum passing passing_by(const struct debuginfo *info, Dwarf_Die *die, Dwarf_Die *child, int depth)
{
	const char *name = dwarf_diename(child);
	uint32_t bit_offset, bit_size;
	uint64_t number;

	switch (dwarf_tag(child)) {
	case DW_TAG_inheritance:
		if (debug_number(child, DW_AT_virtuality, &number) && number)
			return PASSED_BY_ADDRESS;
		return passing_inside(info, child, depth);
	case DW_TAG_member:
		if (is_vptr(child))
			return PASSED_BY_ADDRESS;
		return member_place(child, &bit_offset, &bit_size) ? passing_inside(info, child, depth)
								   : PASSED_BY_VALUE;
	case DW_TAG_subprogram:
		if (!name || !is_written(child))
			return PASSED_BY_VALUE;
		if (name[0] == '~')
			return PASSED_BY_ADDRESS;
		if (!is_constructor(child, dwarf_diename(die)) || !is_copying(child, die))
			return PASSED_BY_VALUE;
		/* Whether another way to copy is left is more than is described. */
		return dwarf_hasattr(child, DW_AT_deleted) ? PASSED_UNKNOWN : PASSED_BY_ADDRESS;
	default:
		return PASSED_BY_VALUE;
	}
}

/*
 * Itanium C++ ABI: a class goes by address when it has virtual functions or bases, or when a destructor, copy
 * or move constructor of it or of what lies in it was written. gcc says nothing but this; clang says how.
 */
static enum passing passing_of(const struct debuginfo *info, Dwarf_Die *die, int depth)
{
	enum passing how = PASSED_BY_VALUE;
	uint64_t convention;
	Dwarf_Die child;

	if (debug_number(die, DW_AT_calling_convention, &convention))
		return convention == DW_CC_pass_by_reference ? PASSED_BY_ADDRESS : PASSED_BY_VALUE;
	if (depth >= VALUE_DEPTH)
		return PASSED_UNKNOWN;
	if (dwarf_child(die, &child))
		return PASSED_BY_VALUE;
	do {
		enum passing one = passing_by(info, die, &child, depth);

		if (one == PASSED_BY_ADDRESS)
			return one;
		if (one == PASSED_UNKNOWN)
			how = one;
	} while (!dwarf_siblingof(&child, &child));
	return how;
}

bool is_by_address(const struct debuginfo *info, Dwarf_Die *die)
{
	Dwarf_Die type = *die, full;

	return debug_peel(&type) && is_class(&type) && complete_type(info, &type, &full) &&
	       passing_of(info, &full, 0) == PASSED_BY_ADDRESS;
}

static const char *odd_value(const struct debuginfo *info, Dwarf_Die *type, int depth);

/* Members of what may be passed in registers. */
static const char *odd_member(const struct debuginfo *info, Dwarf_Die *type, int depth)
{
	const char *odd = NULL;
	Dwarf_Die child, member;

	if (!fits_btf(type))
		return "a type that BTF cannot express";
	if (dwarf_child(type, &child))
		return NULL;
	do {
		uint32_t bit_offset, bit_size;

		if (!member_place(&child, &bit_offset, &bit_size))
			continue;
		if (!debug_ref(&child, DW_AT_type, &member) || !has_size(info, &member))
			return "a member of a type that is only declared";
		odd = odd_value(info, &member, depth + 1);
	} while (!odd && !dwarf_siblingof(&child, &child));
	return odd;
}

/* What stands against passing a value of @type, or NULL. */
static const char *odd_value(const struct debuginfo *info, Dwarf_Die *type, int depth)
{
	Dwarf_Die die = *type, full, element;
	uint64_t encoding = 0;
	enum passing how;

	if (depth >= VALUE_DEPTH || !debug_peel(&die))
		return NULL;
	switch (dwarf_tag(&die)) {
	case DW_TAG_base_type:
		debug_number(&die, DW_AT_encoding, &encoding);
		return is_odd_base(&die) && encoding != DW_ATE_complex_float ? dwarf_diename(&die) : NULL;
	case DW_TAG_array_type:
		if (dwarf_hasattr(&die, DW_AT_GNU_vector))
			return "a vector";
		return debug_ref(&die, DW_AT_type, &element) ? odd_value(info, &element, depth + 1) : NULL;
	case DW_TAG_ptr_to_member_type:
		return "a pointer to a member";
	default:
		break;
	}
	if (!is_class(&die))
		return NULL;
	if (!complete_type(info, &die, &full))
		return "a type that is only declared";
	how = depth ? PASSED_BY_VALUE : passing_of(info, &full, 0);
	if (how == PASSED_BY_ADDRESS)
		return NULL;
	if (how == PASSED_UNKNOWN)
		return "a class of which is not known how it is copied";
	if (debug_number(&full, DW_AT_alignment, &encoding) && encoding > 8)
		return "a type of raised alignment";
	return type_size(&full) > REGISTERS_MAX ? NULL : odd_member(info, &full, depth);
}

bool is_placeable(const struct debuginfo *info, Dwarf_Die *die)
{
	return !odd_value(info, die, 0);
}

Dwarf_Die prototype_of(Dwarf_Die die)
{
	Dwarf_Attribute attr;
	Dwarf_Die next;

	for (int depth = 0; depth < DIE_DEPTH_MAX; depth++) {
		if (!dwarf_formref_die(dwarf_attr(&die, DW_AT_abstract_origin, &attr), &next))
			break;
		die = next;
	}
	return die;
}

static int refuse(const char *what, const char *name, const char *odd, struct err *err)
{
	err_set(err, -ENOTSUP, "%s of '%s' is passed by value and holds %s, which cannot be placed", what,
		name, odd);
	err_hint(err, "configure a function that takes a pointer to it");
	return -ENOTSUP;
}

/* Without a prototype a float is passed as a double. */
static bool is_promoted(Dwarf_Die *func, Dwarf_Die *type)
{
	Dwarf_Die die = *type, unit;
	uint64_t encoding = 0;
	int language = dwarf_diecu(func, &unit, NULL, NULL) ? dwarf_srclang(&unit) : -1;
	Dwarf_Attribute attr;

	if (language != DW_LANG_C89 && language != DW_LANG_C && language != DW_LANG_C99 &&
	    language != DW_LANG_C11)
		return false;
	if (dwarf_attr_integrate(func, DW_AT_prototyped, &attr) || !debug_peel(&die))
		return false;
	debug_number(&die, DW_AT_encoding, &encoding);
	return dwarf_tag(&die) == DW_TAG_base_type && encoding == DW_ATE_float && type_size(&die) == 4;
}

/* -g1 describes functions without their parameters. */
static bool is_bare(Dwarf_Die *func)
{
	Dwarf_Die unit;
	Dwarf_Attribute attr;
	const char *producer;

	if (!dwarf_diecu(func, &unit, NULL, NULL))
		return false;
	producer = dwarf_formstring(dwarf_attr(&unit, DW_AT_producer, &attr));
	return producer && strstr(producer, " -g1");
}

static int check_param(const struct debuginfo *info, Dwarf_Die *func, Dwarf_Die *param, const char *name,
		       struct err *err)
{
	const char *param_name = dwarf_diename(param), *odd;
	char what[128];
	Dwarf_Die type;

	snprintf(what, sizeof(what), "parameter '%.80s'", param_name ? param_name : "?");
	if (!debug_ref(param, DW_AT_type, &type))
		return err_set(err, -ENOTSUP, "%s of '%s' has no type", what, name);
	odd = odd_value(info, &type, 0);
	if (!odd && is_promoted(func, &type))
		odd = "a float in a function without a prototype";
	return odd ? refuse(what, name, odd, err) : 0;
}

int check_placeable(const struct debuginfo *info, Dwarf_Die *die, const char *name, struct err *err)
{
	Dwarf_Die child, type;
	const char *odd = debug_ref(die, DW_AT_type, &type) ? odd_value(info, &type, 0) : NULL;
	int r = 0;

	if (is_bare(die)) {
		err_set(err, -ENODATA,
			"the debug information of '%s' has no parameters: it was built with -g1", name);
		err_hint(err, "build it with -g");
		return -ENODATA;
	}
	if (odd)
		return refuse("the result", name, odd, err);
	if (dwarf_child(die, &child))
		return 0;
	do {
		if (dwarf_tag(&child) == DW_TAG_formal_parameter)
			r = check_param(info, die, &child, name, err);
	} while (!r && !dwarf_siblingof(&child, &child));
	return r;
}
