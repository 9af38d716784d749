// SPDX-License-Identifier: BSD-3-Clause
/* Functions that may stand where a pointer to a function is wanted. */
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "lib/debuginfo.h"
#include "lib/debuginfo_impl.h"
#include "lib/util.h"

#define TYPE_DEPTH_MAX 8 /* pointers to pointers to... further down all types are one */

static bool is_same_type(Dwarf_Die *a, Dwarf_Die *b, int depth);

/* What @a and @b are, have, point to or return: void on both sides is the same. */
static bool is_same_target(Dwarf_Die *a, Dwarf_Die *b, int depth)
{
	Dwarf_Die x, y;
	bool has_x = debug_ref(a, DW_AT_type, &x) && debug_peel(&x);
	bool has_y = debug_ref(b, DW_AT_type, &y) && debug_peel(&y);

	return has_x && has_y ? is_same_type(&x, &y, depth + 1) : has_x == has_y;
}

static bool is_param(Dwarf_Die *die)
{
	return dwarf_tag(die) == DW_TAG_formal_parameter || dwarf_tag(die) == DW_TAG_unspecified_parameters;
}

/* The next parameter from *@die on. */
static bool next_param(Dwarf_Die *die, bool *is_there)
{
	while (*is_there && !is_param(die))
		*is_there = dwarf_siblingof(die, die) == 0;
	return *is_there;
}

static bool is_same_function(Dwarf_Die *a, Dwarf_Die *b, int depth)
{
	Dwarf_Die x, y;
	bool has_x = dwarf_child(a, &x) == 0, has_y = dwarf_child(b, &y) == 0;

	if (!is_same_target(a, b, depth))
		return false;
	while (next_param(&x, &has_x) & next_param(&y, &has_y)) {
		if (dwarf_tag(&x) != dwarf_tag(&y))
			return false;
		if (dwarf_tag(&x) == DW_TAG_formal_parameter && !is_same_target(&x, &y, depth))
			return false;
		has_x = dwarf_siblingof(&x, &x) == 0;
		has_y = dwarf_siblingof(&y, &y) == 0;
	}
	return has_x == has_y;
}

static bool is_same_number(Dwarf_Die *a, Dwarf_Die *b, unsigned attr)
{
	uint64_t x = 0, y = 0;

	return debug_number(a, attr, &x) == debug_number(b, attr, &y) && x == y;
}

static bool is_same_name(Dwarf_Die *a, Dwarf_Die *b)
{
	const char *x = dwarf_diename(a), *y = dwarf_diename(b);

	return x && y ? !strcmp(x, y) : x == y;
}

/* Of what was peeled. A struct may be defined on one side and declared on the other. */
static bool is_same_type(Dwarf_Die *a, Dwarf_Die *b, int depth)
{
	if (depth > TYPE_DEPTH_MAX)
		return true;
	if (dwarf_tag(a) != dwarf_tag(b))
		return false;
	switch (dwarf_tag(a)) {
	case DW_TAG_base_type:
		return is_same_number(a, b, DW_AT_encoding) && is_same_number(a, b, DW_AT_byte_size);
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
	case DW_TAG_array_type:
		return is_same_target(a, b, depth);
	case DW_TAG_subroutine_type:
		return is_same_function(a, b, depth);
	default:
		return is_same_name(a, b);
	}
}

/* The type of a function that the parameter @name of @func points to. */
static bool find_type(const struct debuginfo *info, const struct debug_func *func, const char *name,
		      Dwarf_Die *out)
{
	Dwarf_Die die = debug_root(info->funcs[func->die - 1].die), param, type;
	bool is_there = dwarf_child(&die, &param) == 0;

	for (; next_param(&param, &is_there); is_there = dwarf_siblingof(&param, &param) == 0) {
		const char *own = dwarf_diename(&param);

		if (!own || strcmp(own, name))
			continue;
		return debug_ref(&param, DW_AT_type, &type) && debug_peel(&type) &&
		       dwarf_tag(&type) == DW_TAG_pointer_type && debug_ref(&type, DW_AT_type, out) &&
		       debug_peel(out) && dwarf_tag(out) == DW_TAG_subroutine_type;
	}
	return false;
}

static void name_it(struct debuginfo *info, const struct func_die *func, struct debug_callback *out)
{
	Dwarf_Die root = debug_root(func->die);
	const char *name = dwarf_diename(&root), *file = debug_base_name(debug_decl_file(&root));
	struct debug_func alone;

	*out = (struct debug_callback){.addr = func->addr};
	if (!name)
		return;
	if (file && debuginfo_find(info, name, NULL, &alone, NULL))
		snprintf(out->name, sizeof(out->name), "%s:%s", file, name);
	else
		snprintf(out->name, sizeof(out->name), "%s", name);
}

ssize_t debuginfo_callbacks(struct debuginfo *info, const struct debuginfo *of, const struct debug_func *func,
			    const char *param, struct debug_callback *out, size_t max)
{
	Dwarf_Die type;
	size_t cnt = 0;

	if (!find_type(of, func, param, &type))
		return -1;
	for (size_t i = 0; i < info->by_addr_cnt; i++) {
		struct func_die *candidate = &info->funcs[info->by_addr[i]];
		Dwarf_Die root = debug_root(candidate->die);

		if (candidate->is_declaration || !is_same_function(&root, &type, 0))
			continue;
		if (cnt < max)
			name_it(info, candidate, &out[cnt]);
		cnt++;
	}
	return cnt;
}
