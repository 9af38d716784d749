// SPDX-License-Identifier: BSD-3-Clause
#include "lib/debuginfo_members.h"

#include <dwarf.h>
#include <limits.h>
#include <string.h>

#include "lib/debuginfo_impl.h"
#include "lib/schema.h"
#include "lib/util.h"

#define MEMBERS_MAX	    65535
#define BITFIELD_OFFSET_MAX 0xffffff /* bits; what BTF has room for in a struct with bit-fields */

uint32_t type_size(Dwarf_Die *die)
{
	Dwarf_Die type = *die, target;
	Dwarf_Word size;

	if (!debug_peel(&type))
		return 0;
	switch (dwarf_tag(&type)) {
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return 8;
	case DW_TAG_ptr_to_member_type:
		/* Itanium C++ ABI 2.3: to a function two words, to data one. */
		return debug_ref(&type, DW_AT_type, &target) && debug_peel(&target) &&
				       dwarf_tag(&target) == DW_TAG_subroutine_type
			       ? 16
			       : 8;
	default:
		return dwarf_aggregate_size(&type, &size) || size > SCHEMA_SIZE_MAX ? 0 : size;
	}
}

static enum type_kind kind_of(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_union_type:
		return TYPE_UNION;
	case DW_TAG_enumeration_type:
		return TYPE_ENUM;
	default:
		return TYPE_STRUCT;
	}
}

bool complete_type(const struct debuginfo *info, Dwarf_Die *die, Dwarf_Die *full)
{
	if (!dwarf_hasattr(die, DW_AT_declaration)) {
		uint64_t size;

		*full = *die;
		return debug_number(die, DW_AT_byte_size, &size) && size <= SCHEMA_SIZE_MAX;
	}
	return dwarf_diename(die) && !debug_find_type(info, kind_of(die), dwarf_diename(die), full) &&
	       type_size(full);
}

bool has_size(const struct debuginfo *info, Dwarf_Die *die)
{
	Dwarf_Die type = *die, full, element;

	if (!debug_peel(&type))
		return false;
	switch (dwarf_tag(&type)) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
	case DW_TAG_union_type:
		return complete_type(info, &type, &full);
	case DW_TAG_enumeration_type:
		return true;
	case DW_TAG_array_type:
		return debug_ref(&type, DW_AT_type, &element) && has_size(info, &element);
	case DW_TAG_unspecified_type:
		return dwarf_diename(&type) && strstr(dwarf_diename(&type), "nullptr");
	case DW_TAG_subrange_type:
		return debug_ref(&type, DW_AT_type, &element) && has_size(info, &element);
	default:
		return type_size(&type);
	}
}

/* --- members --- */

int64_t member_offset(Dwarf_Die *member)
{
	Dwarf_Attribute attr;
	Dwarf_Word offset;
	Dwarf_Op *ops;
	size_t cnt;

	if (!dwarf_attr_integrate(member, DW_AT_data_member_location, &attr))
		return 0;
	if (!dwarf_formudata(&attr, &offset))
		return offset;
	if (dwarf_getlocation(&attr, &ops, &cnt) || cnt != 1 || ops[0].atom != DW_OP_plus_uconst)
		return -1;
	return ops[0].number;
}

static bool is_flagged(Dwarf_Die *die, unsigned attr)
{
	Dwarf_Attribute value;
	bool flag = false;

	return dwarf_attr(die, attr, &value) && !dwarf_formflag(&value, &flag) && flag;
}

bool member_place(Dwarf_Die *member, uint32_t *bit_offset, uint32_t *bit_size)
{
	int tag = dwarf_tag(member);
	int64_t bytes;
	uint64_t bits, size = 0, unit;
	Dwarf_Die type;

	if (tag != DW_TAG_member && tag != DW_TAG_inheritance)
		return false;
	/* A static member of C++. */
	if (tag == DW_TAG_member &&
	    (is_flagged(member, DW_AT_external) || is_flagged(member, DW_AT_declaration)))
		return false;
	bytes = member_offset(member);
	if (bytes < 0 || bytes > SCHEMA_SIZE_MAX)
		return false;
	debug_number(member, DW_AT_bit_size, &size);
	*bit_size = size;
	*bit_offset = bytes * 8;
	if (debug_number(member, DW_AT_data_bit_offset, &bits)) {
		*bit_offset += bits;
	} else if (debug_number(member, DW_AT_bit_offset, &bits)) {
		/* DWARF 3 counts from the most significant bit of the storage unit. */
		if (!debug_number(member, DW_AT_byte_size, &unit))
			unit = debug_ref(member, DW_AT_type, &type) ? type_size(&type) : 0;
		*bit_offset += unit * 8 - bits - size;
	}
	return true;
}

uint32_t member_room(Dwarf_Die *parent, Dwarf_Die *member)
{
	uint32_t end = type_size(parent), bit_offset, bit_size, at;
	Dwarf_Die child;

	if (!member_place(member, &bit_offset, &bit_size) || dwarf_child(parent, &child))
		return 0;
	at = bit_offset / 8;
	do {
		if (member_place(&child, &bit_offset, &bit_size) && bit_offset / 8 > at)
			end = MIN(end, bit_offset / 8);
	} while (!dwarf_siblingof(&child, &child));
	return end > at ? end - at : 0;
}

bool is_vptr(Dwarf_Die *member)
{
	const char *name = dwarf_diename(member);

	return name && is_flagged(member, DW_AT_artificial) && !strncmp(name, "_vptr", 5);
}

static const struct {
	const char *name, *allocator; /* how the class's name begins; what must stand in it */
	uint32_t size;
	struct {
		const char *name;
		uint32_t offset; /* bytes */
	} members[2];
	enum container container;
} containers[] = {
	{"basic_string<char,",
	 "std::allocator<char>",
	 32,
	 {{"_M_dataplus", 0}, {"_M_string_length", 8}},
	 CONTAINER_STRING},
	{"vector<", ", std::allocator<", 24, {{"_Vector_base<", 0}}, CONTAINER_VECTOR},
	{"basic_string_view<char,", "", 16, {{"_M_len", 0}, {"_M_str", 8}}, CONTAINER_VIEW},
};

/* A member, or a base class whose name begins so. */
static bool has_member(Dwarf_Die *die, const char *name, uint32_t offset)
{
	Dwarf_Die child, type;

	if (dwarf_child(die, &child))
		return false;
	do {
		bool is_base = dwarf_tag(&child) == DW_TAG_inheritance;
		const char *own;

		if (!is_base && dwarf_tag(&child) != DW_TAG_member)
			continue;
		if (is_base && !debug_ref(&child, DW_AT_type, &type))
			continue;
		own = dwarf_diename(is_base ? &type : &child);
		if (own && !(is_base ? strncmp(own, name, strlen(name)) : strcmp(own, name)))
			return member_offset(&child) == offset;
	} while (!dwarf_siblingof(&child, &child));
	return false;
}

enum container container_of_type(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	for (size_t i = 0; name && i < ARRAY_SIZE(containers); i++) {
		__typeof__(&containers[0]) row = &containers[i];
		bool fits = !strncmp(name, row->name, strlen(row->name)) && strstr(name, row->allocator) &&
			    type_size(die) == row->size;

		for (size_t k = 0; fits && k < ARRAY_SIZE(row->members) && row->members[k].name; k++)
			fits = has_member(die, row->members[k].name, row->members[k].offset);
		if (fits)
			return row->container;
	}
	return CONTAINER_NONE;
}

/* Is @bit_size a bit-field that BTF can hold, in something that has bits? */
static bool bits_fit(Dwarf_Die *member, uint32_t bit_size)
{
	Dwarf_Die type;

	if (!debug_ref(member, DW_AT_type, &type) || !debug_peel(&type))
		return false;
	if (dwarf_tag(&type) != DW_TAG_enumeration_type &&
	    (dwarf_tag(&type) != DW_TAG_base_type || is_odd_base(&type)))
		return false;
	return bit_size <= 64 && bit_size <= type_size(&type) * 8;
}

/* What fits_btf() has seen of a type so far, in bits. */
struct layout {
	bool has_bits;
	uint32_t last; /* the highest offset */
	uint64_t end;  /* of the last member */
};

/*
 * clang places a packed bit-field of its type's whole width at the byte before it. Members that overlap give
 * that away; in C++ a member may lie in the padding of a base class.
 */
static bool member_fits(Dwarf_Die *parent, Dwarf_Die *member, struct layout *seen)
{
	bool is_union = dwarf_tag(parent) == DW_TAG_union_type;
	uint32_t bit_offset, bit_size, size = 0;
	uint64_t begin, end;
	Dwarf_Die type;

	if (!member_place(member, &bit_offset, &bit_size))
		return true;
	if (debug_ref(member, DW_AT_type, &type))
		size = type_size(&type);
	begin = bit_offset;
	end = begin + (bit_size ? bit_size : size * 8ULL);
	seen->last = MAX(seen->last, bit_offset);
	seen->has_bits |= bit_size > 0;
	if ((is_union && bit_offset) || (bit_size && !bits_fit(member, bit_size)))
		return false;
	if (!is_union && seen->has_bits && begin < seen->end)
		return false;
	seen->end = dwarf_tag(member) == DW_TAG_member ? end : 0;
	return end <= type_size(parent) * 8ULL;
}

bool fits_btf(Dwarf_Die *die)
{
	struct layout seen = {};
	uint32_t cnt = 0;
	Dwarf_Die child;

	if (dwarf_child(die, &child))
		return true;
	do {
		/* Rust's enums with values: which members are there depends on one of them. */
		if (dwarf_tag(&child) == DW_TAG_variant_part || ++cnt > MEMBERS_MAX)
			return false;
		if (!member_fits(die, &child, &seen))
			return false;
	} while (!dwarf_siblingof(&child, &child));
	return !seen.has_bits || seen.last <= BITFIELD_OFFSET_MAX;
}

/* --- arrays, numbers --- */

static uint32_t dimension(Dwarf_Die *subrange)
{
	uint64_t count, low = 0;

	if (debug_number(subrange, DW_AT_count, &count))
		return count > UINT32_MAX ? 0 : count;
	/* [] has no bound, a VLA has an expression, and gcc writes [0] as -1. */
	if (!debug_number(subrange, DW_AT_upper_bound, &count) || count >= UINT32_MAX)
		return 0;
	debug_number(subrange, DW_AT_lower_bound, &low);
	return count + 1 > low ? count + 1 - low : 0;
}

uint32_t array_counts(Dwarf_Die *die, uint32_t *counts, uint32_t max)
{
	uint32_t cnt = 0;
	Dwarf_Die child;

	if (dwarf_child(die, &child))
		return 0;
	do {
		if (dwarf_tag(&child) != DW_TAG_subrange_type && dwarf_tag(&child) != DW_TAG_enumeration_type)
			continue;
		if (cnt == max)
			return 0;
		counts[cnt++] = dimension(&child);
	} while (!dwarf_siblingof(&child, &child));
	return cnt;
}

bool has_stride(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_byte_stride) || dwarf_hasattr(die, DW_AT_bit_stride);
}

bool is_odd_base(Dwarf_Die *die)
{
	uint64_t encoding = 0, bits;
	uint32_t size = type_size(die);

	debug_number(die, DW_AT_encoding, &encoding);
	if (!size || size > 16 || (size & (size - 1)))
		return true;
	if (debug_number(die, DW_AT_bit_size, &bits) && bits != size * 8)
		return true;
	switch (encoding) {
	case DW_ATE_boolean:
	case DW_ATE_signed:
	case DW_ATE_signed_char:
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		return false;
	case DW_ATE_float:
		return size == 1;
	default:
		return true;
	}
}

static bool base_is_signed(Dwarf_Die *die, bool *is_signed)
{
	Dwarf_Die type;
	uint64_t encoding;

	if (!debug_ref(die, DW_AT_type, &type) || !debug_peel(&type) ||
	    !debug_number(&type, DW_AT_encoding, &encoding))
		return false;
	*is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
	return true;
}

bool enum_is_signed(Dwarf_Die *die)
{
	bool is_signed;
	Dwarf_Die child;

	if (base_is_signed(die, &is_signed))
		return is_signed;
	if (dwarf_child(die, &child))
		return false;
	do {
		if (enum_value(&child, true) < 0)
			return true;
	} while (!dwarf_siblingof(&child, &child));
	return false;
}

bool enum_is_wide(Dwarf_Die *die)
{
	bool is_signed = enum_is_signed(die);
	Dwarf_Die child;

	if (type_size(die) > 4)
		return true;
	if (dwarf_child(die, &child))
		return false;
	do {
		int64_t value = enum_value(&child, is_signed);

		if (value < INT32_MIN || value > (is_signed ? INT32_MAX : (int64_t)UINT32_MAX))
			return true;
	} while (!dwarf_siblingof(&child, &child));
	return false;
}

/* Compilers write what may be negative as sdata, which libdw extends either way. */
int64_t enum_value(Dwarf_Die *enumerator, bool is_signed)
{
	uint64_t value = 0;

	debug_number(enumerator, DW_AT_const_value, &value);
	return value;
}
