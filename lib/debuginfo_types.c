// SPDX-License-Identifier: BSD-3-Clause
/*
 * DWARF types as BTF.
 *
 * A type gets its id when something first refers to it, and waits in a queue; the queue is written in order,
 * each item exactly one BTF type. Members and pointees that a written type refers to join the queue's end, so
 * recursion through pointers needs nothing special, and ids depend on the order of the file alone.
 *
 * The same type seen from two units has two DIEs. A description of it (name, size, place, members) is what
 * makes them one.
 */
#include <dwarf.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/debuginfo_convert.h"
#include "lib/debuginfo_impl.h"
#include "lib/debuginfo_members.h"
#include "lib/digest.h"
#include "lib/schema.h"
#include "lib/util.h"

#define DIMENSION_MAX	 32
#define ABI_IN_REGISTERS 16 /* bytes; more is in memory whatever it is */
#define DESCRIBE_DEPTH	 8  /* nameless types within each other */

/* A node of debuginfo's trees. */
struct known {
	const void *addr;	      /* of a DIE */
	char key[DIGEST_HEX_LEN + 1]; /* or a description's digest */
	uint32_t id;
};

static uint32_t id_of(struct convert *c, Dwarf_Die *die, int depth);

/* --- descriptions --- */

static void describe(struct buf *out, Dwarf_Die *die, bool with_place, int depth);

static void describe_target(struct buf *out, Dwarf_Die *die, int depth)
{
	Dwarf_Die target;

	if (!debug_ref(die, DW_AT_type, &target))
		return;
	buf_printf(out, ">");
	describe(out, &target, false, depth + 1);
}

static void describe_number(struct buf *out, Dwarf_Die *die, unsigned attr)
{
	Dwarf_Attribute value;
	Dwarf_Sword number;

	if (!dwarf_formsdata(dwarf_attr_integrate(die, attr, &value), &number))
		buf_printf(out, "|%x=%ld", attr, (long)number);
}

static void describe_children(struct buf *out, Dwarf_Die *die, int depth)
{
	static const unsigned attrs[] = {DW_AT_data_bit_offset, DW_AT_bit_offset,  DW_AT_bit_size,
					 DW_AT_const_value,	DW_AT_upper_bound, DW_AT_count};
	Dwarf_Die child;

	if (dwarf_child(die, &child))
		return;
	do {
		const char *name = dwarf_diename(&child);

		buf_printf(out, ";%x:%s", dwarf_tag(&child), name ? name : "");
		if (dwarf_tag(&child) == DW_TAG_member)
			buf_printf(out, "@%ld", (long)member_offset(&child));
		for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
			describe_number(out, &child, attrs[i]);
		describe_target(out, &child, depth);
	} while (!dwarf_siblingof(&child, &child));
}

/* What has a name goes no deeper than the name: enough to tell types apart, and short. */
static void describe(struct buf *out, Dwarf_Die *die, bool with_place, int depth)
{
	const char *name = dwarf_diename(die), *file = debug_decl_file(die);
	int line = 0, tag = dwarf_tag(die);
	bool has_children = tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
			    tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type ||
			    tag == DW_TAG_array_type || tag == DW_TAG_subroutine_type;

	buf_printf(out, "%x|%s", tag, name ? name : "");
	/* A named struct behind a pointer may be only declared here. */
	if (!depth || !name || !has_children)
		describe_number(out, die, DW_AT_byte_size);
	describe_number(out, die, DW_AT_encoding);
	if (with_place && file && !dwarf_decl_line(die, &line))
		buf_printf(out, "|%s:%d", file, line);
	if (depth && name)
		return;
	if (depth >= DESCRIBE_DEPTH)
		return;
	describe_target(out, die, depth);
	if (has_children)
		describe_children(out, die, depth);
}

int debug_describe(Dwarf_Die *die, bool with_place, char *hex)
{
	auto_buf struct buf text;

	buf_init(&text, SCHEMA_BYTES_MAX);
	describe(&text, die, with_place, 0);
	if (text.failed)
		return text.failed;
	digest_hex(text.data, text.len, hex);
	return 0;
}

/* --- what is known --- */

static int compare_addrs(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static int compare_keys(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* The id known for what @want holds, or 0. */
static uint32_t look_up(void *tree, const struct known *want, int (*compare)(const void *, const void *))
{
	void *node = tfind(want, &tree, compare);

	return node ? (*(struct known **)node)->id : 0;
}

static void remember(struct convert *c, void **tree, const struct known *known,
		     int (*compare)(const void *, const void *))
{
	struct known *copy = malloc(sizeof(*copy));

	if (copy)
		*copy = *known;
	if (!copy || !tsearch(copy, tree, compare)) {
		free(copy);
		c->failed = -ENOMEM;
	}
}

void debug_types_forget(struct debuginfo *info)
{
	tdestroy(TAKE_PTR(info->type_ids), free);
	tdestroy(TAKE_PTR(info->type_keys), free);
}

/* --- the queue --- */

uint32_t convert_push(struct convert *c, const struct item *item)
{
	struct item *items = reallocarray(c->items, c->cnt + 1, sizeof(*items));

	if (items)
		c->items = items;
	if (!items || c->first + c->cnt >= SCHEMA_TYPES_MAX) {
		c->failed = items ? -E2BIG : -ENOMEM;
		free(item->name);
		return 0;
	}
	items[c->cnt++] = *item;
	return c->first + c->cnt - 1;
}

char *convert_name(struct convert *c, const char *name)
{
	char *copy = strdup(name && name[0] ? name : "unnamed");

	if (!copy)
		c->failed = -ENOMEM;
	return copy;
}

/* Push @item unless one like it is known: by its kind, name, target and number. */
static uint32_t push_once(struct convert *c, const struct item *item)
{
	struct known known = {};
	char text[1024];

	snprintf(text, sizeof(text), "item|%u|%u|%u|%s", item->kind, item->target, item->n,
		 item->name ? item->name : "");
	digest_hex(text, strlen(text), known.key);
	known.id = strlen(text) + 1 < sizeof(text) ? look_up(c->info->type_keys, &known, compare_keys) : 0;
	if (known.id) {
		free(item->name);
		return known.id;
	}
	known.id = convert_push(c, item);
	remember(c, &c->info->type_keys, &known, compare_keys);
	return known.id;
}

static uint32_t push_ref(struct convert *c, uint32_t kind, uint32_t target)
{
	return push_once(c, &(struct item){.kind = kind, .target = target});
}

static uint32_t push_int(struct convert *c, const char *name, uint32_t size, uint32_t encoding)
{
	return push_once(c, &(struct item){BTF_KIND_INT, encoding, size, convert_name(c, name)});
}

uint32_t convert_index(struct convert *c)
{
	return push_int(c, "__ARRAY_SIZE_TYPE__", 4, 0);
}

uint32_t convert_void_ptr(struct convert *c)
{
	return push_ref(c, BTF_KIND_PTR, 0);
}

static uint32_t push_array(struct convert *c, uint32_t element, uint32_t cnt)
{
	convert_index(c);
	return push_once(c, &(struct item){BTF_KIND_ARRAY, element, cnt});
}

uint32_t convert_bytes(struct convert *c, uint32_t cnt)
{
	return push_array(c, push_int(c, "unsigned char", 1, 0), cnt);
}

/* @size bytes that BTF has no words for. */
static uint32_t push_opaque(struct convert *c, const char *name, uint32_t size)
{
	uint32_t bytes = convert_bytes(c, size);
	struct item item = {BTF_KIND_TYPEDEF, bytes, 0, convert_name(c, name)};
	uint32_t id = convert_push(c, &item);
	char *text = NULL;

	if (asprintf(&text, SCHEMA_TAG_OPAQUE "%s", name && name[0] ? name : "unnamed") < 0) {
		c->failed = -ENOMEM;
		return id;
	}
	convert_push(c, &(struct item){BTF_KIND_DECL_TAG, id, 0, text});
	return id;
}

static uint32_t push_complex(struct convert *c, uint32_t size)
{
	const char *part = size == 32 ? "long double" : size == 16 ? "double" : "float";
	uint32_t of = push_once(c, &(struct item){BTF_KIND_FLOAT, 0, size / 2, convert_name(c, part)});
	uint32_t id = convert_push(c, &(struct item){KIND_COMPLEX, of, size});

	convert_push(c, &(struct item){BTF_KIND_DECL_TAG, id, 0, convert_name(c, SCHEMA_TAG_COMPLEX)});
	return id;
}

/* --- one DIE --- */

static uint32_t base_type(struct convert *c, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	Dwarf_Attribute attr;
	Dwarf_Word encoding = 0;
	uint32_t size = type_size(die);
	bool is_char = name && !strcmp(name, "char");

	dwarf_formudata(dwarf_attr_integrate(die, DW_AT_encoding, &attr), &encoding);
	if (is_odd_base(die))
		return encoding == DW_ATE_complex_float && (size == 8 || size == 16 || size == 32) &&
				       !strstr(name ? name : "", "128")
			       ? push_complex(c, size)
			       : push_opaque(c, name, size);
	switch (encoding) {
	case DW_ATE_boolean:
		return push_int(c, name, size, size == 1 ? BTF_INT_BOOL : 0);
	case DW_ATE_signed:
	case DW_ATE_signed_char:
		return push_int(c, name, size, BTF_INT_SIGNED | (is_char ? BTF_INT_CHAR : 0));
	case DW_ATE_float:
		return push_once(c, &(struct item){BTF_KIND_FLOAT, 0, size, convert_name(c, name)});
	default:
		return push_int(c, name, size, is_char ? BTF_INT_CHAR : 0);
	}
}

static uint32_t array_type(struct convert *c, Dwarf_Die *die, int depth)
{
	uint32_t counts[DIMENSION_MAX], cnt = array_counts(die, counts, DIMENSION_MAX), id;
	Dwarf_Die element;
	uint64_t size;

	if (!debug_ref(die, DW_AT_type, &element) || !cnt || has_stride(die))
		return push_opaque(c, dwarf_diename(die), type_size(die));
	if (!has_size(c->info, &element))
		return convert_bytes(c, type_size(die));
	id = id_of(c, &element, depth + 1);
	size = type_size(&element);
	while (cnt--) {
		size *= counts[cnt];
		/* A length that no memory has is a length that is not known. */
		id = push_array(c, id, size > SCHEMA_SIZE_MAX ? 0 : counts[cnt]);
		if (size > SCHEMA_SIZE_MAX)
			size = 0;
	}
	return id;
}

/* glibc's headers make the address of a socket a transparent union of pointers, which is passed as any of
 * them would be. gcc describes it without members. 0: @die is something else. */
static uint32_t socket_address(struct convert *c, Dwarf_Die *die, int depth)
{
	const char *name = dwarf_diename(die);
	bool is_const = name && !strcmp(name, "__CONST_SOCKADDR_ARG");
	Dwarf_Die sockaddr;
	uint32_t id;

	if (!is_const && (!name || strcmp(name, "__SOCKADDR_ARG")))
		return 0;
	if (debug_find_type(c->info, TYPE_STRUCT, "sockaddr", &sockaddr))
		id = push_once(c, &(struct item){BTF_KIND_FWD, false, 0, convert_name(c, "sockaddr")});
	else
		id = id_of(c, &sockaddr, depth + 1);
	return push_ref(c, BTF_KIND_PTR, is_const ? push_ref(c, BTF_KIND_CONST, id) : id);
}

static uint32_t typedef_type(struct convert *c, Dwarf_Die *die, int depth)
{
	uint32_t id = socket_address(c, die, depth);
	Dwarf_Die target;

	if (id)
		return id;
	id = debug_ref(die, DW_AT_type, &target) ? id_of(c, &target, depth + 1) : 0;
	if (!dwarf_diename(die))
		return id;
	return convert_push(c, &(struct item){BTF_KIND_TYPEDEF, id, 0, convert_name(c, dwarf_diename(die))});
}

/* A struct, and what is to be known of it as a class. */
static uint32_t push_class(struct convert *c, Dwarf_Die *die, bool is_union)
{
	enum container container = is_union ? CONTAINER_NONE : container_of_type(die);
	uint32_t id =
		convert_push(c, &(struct item){is_union ? BTF_KIND_UNION : BTF_KIND_STRUCT, .die = *die});
	char *text = NULL;

	if (!is_union && type_size(die) <= ABI_IN_REGISTERS && is_by_address(c->info, die))
		convert_push(c, &(struct item){BTF_KIND_DECL_TAG, id, 0, convert_name(c, SCHEMA_TAG_MEMORY)});
	if (!container)
		return id;
	if (asprintf(&text, SCHEMA_TAG_CONTAINER "%s", container_words[container]) < 0)
		c->failed = -ENOMEM;
	else
		convert_push(c, &(struct item){BTF_KIND_DECL_TAG, id, 0, text});
	return id;
}

static uint32_t struct_type(struct convert *c, Dwarf_Die *die, int depth)
{
	bool is_union = dwarf_tag(die) == DW_TAG_union_type;
	Dwarf_Die full;

	if (!complete_type(c->info, die, &full)) {
		struct item item = {BTF_KIND_FWD, is_union, 0, convert_name(c, dwarf_diename(die))};

		return push_once(c, &item);
	}
	if (full.addr != die->addr)
		return id_of(c, &full, depth + 1);
	if (!fits_btf(die))
		return push_opaque(c, dwarf_diename(die), type_size(die));
	return push_class(c, die, is_union);
}

static uint32_t enum_type(struct convert *c, Dwarf_Die *die, int depth)
{
	Dwarf_Die full;
	uint32_t size;

	if (complete_type(c->info, die, &full) && full.addr != die->addr)
		return id_of(c, &full, depth + 1);
	size = type_size(die) ? type_size(die) : 4;
	if (size > 8 || (size & (size - 1)))
		return push_opaque(c, dwarf_diename(die), size);
	return convert_push(c, &(struct item){enum_is_wide(die) ? BTF_KIND_ENUM64 : BTF_KIND_ENUM, .n = size,
					      .die = *die});
}

static uint32_t qualified(struct convert *c, Dwarf_Die *die, uint32_t kind, int depth)
{
	Dwarf_Die target;

	return push_ref(c, kind, debug_ref(die, DW_AT_type, &target) ? id_of(c, &target, depth + 1) : 0);
}

/* What nobody but its library looks into, or what is only the beginning of something larger: a pointer to it
 * is a handle. */
static const char *private_name(Dwarf_Die *die)
{
	static const char *const names[] = {"_IO_FILE", "_Rb_tree_node_base", "_List_node_base",
					    "_Hash_node_base", "_Fwd_list_node_base"};
	Dwarf_Die target = *die;
	const char *name = debug_peel(&target) ? dwarf_diename(&target) : NULL;

	for (size_t i = 0; name && dwarf_tag(&target) == DW_TAG_structure_type && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return names[i];
	return NULL;
}

static uint32_t pointer_type(struct convert *c, Dwarf_Die *die, int depth)
{
	struct item item = {BTF_KIND_FWD};
	Dwarf_Die target;
	const char *name = debug_ref(die, DW_AT_type, &target) ? private_name(&target) : NULL;

	if (!name)
		return qualified(c, die, BTF_KIND_PTR, depth);
	item.name = convert_name(c, name);
	return push_ref(c, BTF_KIND_PTR, push_once(c, &item));
}

static uint32_t new_id(struct convert *c, Dwarf_Die *die, int depth)
{
	Dwarf_Die target;

	switch (dwarf_tag(die)) {
	case DW_TAG_base_type:
		return base_type(c, die);
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return pointer_type(c, die, depth);
	case DW_TAG_const_type:
		return qualified(c, die, BTF_KIND_CONST, depth);
	case DW_TAG_volatile_type:
		return qualified(c, die, BTF_KIND_VOLATILE, depth);
	case DW_TAG_restrict_type:
		return qualified(c, die, BTF_KIND_RESTRICT, depth);
	case DW_TAG_typedef:
	case DW_TAG_template_alias:
		return typedef_type(c, die, depth);
	case DW_TAG_array_type:
		return array_type(c, die, depth);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
	case DW_TAG_union_type:
		return struct_type(c, die, depth);
	case DW_TAG_enumeration_type:
		return enum_type(c, die, depth);
	case DW_TAG_subroutine_type:
		return convert_push(c, &(struct item){BTF_KIND_FUNC_PROTO, .die = *die});
	case DW_TAG_atomic_type:
	case DW_TAG_packed_type:
	case DW_TAG_immutable_type:
	case DW_TAG_shared_type:
	case DW_TAG_subrange_type:
		return debug_ref(die, DW_AT_type, &target) ? id_of(c, &target, depth + 1) : 0;
	case DW_TAG_unspecified_type:
		/* C++'s nullptr_t is a pointer's size; Rust's and Ada's void is none. */
		return has_size(c->info, die) ? push_ref(c, BTF_KIND_PTR, 0) : 0;
	default:
		return type_size(die) ? push_opaque(c, dwarf_diename(die), type_size(die)) : 0;
	}
}

/* Types that may be declared in many files, and are worth a description. What lies within a class or a
 * function may be one of many that templates made at the same place. */
static bool is_shared(const struct debuginfo *info, Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type:
		return debug_is_outermost(info, TYPE_STRUCT, die);
	case DW_TAG_union_type:
		return debug_is_outermost(info, TYPE_UNION, die);
	case DW_TAG_enumeration_type:
		return debug_is_outermost(info, TYPE_ENUM, die);
	case DW_TAG_typedef:
		return debug_is_outermost(info, TYPE_TYPEDEF, die);
	default:
		return false;
	}
}

static uint32_t id_of(struct convert *c, Dwarf_Die *die, int depth)
{
	struct known by_addr = {.addr = die->addr}, by_key = {};
	bool shared = is_shared(c->info, die);

	if (depth >= DIE_DEPTH_MAX)
		c->failed = -EINVAL;
	if (c->failed)
		return 0;
	by_addr.id = look_up(c->info->type_ids, &by_addr, compare_addrs);
	if (by_addr.id)
		return by_addr.id;
	if (shared) {
		c->failed = debug_describe(die, true, by_key.key);
		by_key.id = look_up(c->info->type_keys, &by_key, compare_keys);
	}
	by_addr.id = by_key.id ? by_key.id : new_id(c, die, depth);
	if (shared && !by_key.id) {
		by_key.id = by_addr.id;
		remember(c, &c->info->type_keys, &by_key, compare_keys);
	}
	if (by_addr.id)
		remember(c, &c->info->type_ids, &by_addr, compare_addrs);
	return by_addr.id;
}

uint32_t convert_id(struct convert *c, Dwarf_Die *die)
{
	return id_of(c, die, 0);
}
