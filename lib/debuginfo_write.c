// SPDX-License-Identifier: BSD-3-Clause
/* Types that have their ids, written as BTF in the order of the queue; and the questions that fill it. */
#include <assert.h>
#include <bpf/btf.h>
#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/debuginfo.h"
#include "lib/debuginfo_convert.h"
#include "lib/debuginfo_impl.h"
#include "lib/debuginfo_members.h"
#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/schema.h"
#include "lib/util.h"

/* Written char[] for want of a better type: addresses of sockets, which are no text. */
static bool is_binary(Dwarf_Die *parent, Dwarf_Die *member)
{
	static const char *const rows[][2] = {{"sockaddr", "sa_data"}, {"sockaddr_storage", "__ss_padding"}};
	const char *type = dwarf_diename(parent), *name = dwarf_diename(member);

	for (size_t i = 0; type && name && i < ARRAY_SIZE(rows); i++)
		if (!strcmp(type, rows[i][0]) && !strcmp(name, rows[i][1]))
			return true;
	return false;
}

/* Pointers of libstdc++'s containers that lead to more than their types say. */
static bool is_inside_container(Dwarf_Die *parent, Dwarf_Die *member)
{
	static const char *const owners[] = {"_Deque_iterator<", "_Deque_impl_data", "_Bit_iterator_base",
					     "_Bvector_impl_data", "_Hashtable<"};
	const char *name = dwarf_diename(parent);
	Dwarf_Die type;

	if (!name || !debug_ref(member, DW_AT_type, &type) || !debug_peel(&type) ||
	    dwarf_tag(&type) != DW_TAG_pointer_type)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		if (!strncmp(name, owners[i], strlen(owners[i])))
			return true;
	return false;
}

static uint32_t member_type_id(struct convert *c, Dwarf_Die *parent, Dwarf_Die *member)
{
	Dwarf_Die type;

	if (is_vptr(member) || is_inside_container(parent, member))
		return convert_void_ptr(c);
	if (is_binary(parent, member) && debug_ref(member, DW_AT_type, &type))
		return convert_bytes(c, type_size(&type));
	if (!debug_ref(member, DW_AT_type, &type) || !has_size(c->info, &type))
		return convert_bytes(c, member_room(parent, member));
	return convert_id(c, &type);
}

/* gcc says "_vptr.Base" and clang "_vptr$Base", which no path could name. */
static const char *member_name(Dwarf_Die *member)
{
	return is_vptr(member) ? "_vptr" : dwarf_diename(member);
}

static int write_member(struct convert *c, Dwarf_Die *die, Dwarf_Die *member)
{
	uint32_t bit_offset, bit_size;

	if (!member_place(member, &bit_offset, &bit_size))
		return 0;
	return btf__add_field(c->btf, member_name(member), member_type_id(c, die, member), bit_offset,
			      bit_size);
}

static int write_base(struct convert *c, Dwarf_Die *die, Dwarf_Die *base)
{
	char name[BASE_NAME_MAX];
	enum base_kind kind = base_of(c->info, die, base, name, sizeof(name));
	uint32_t bit_offset, bit_size;

	if (kind == BASE_VIRTUAL)
		return btf__add_field(c->btf, name,
				      convert_push(c, &(struct item){BTF_KIND_TYPEDEF, convert_bytes(c, 1), 0,
								     convert_name(c, SCHEMA_VIRTUAL_BASE)}),
				      0, 0);
	if (kind == BASE_EMPTY || !member_place(base, &bit_offset, &bit_size))
		return 0;
	return btf__add_field(c->btf, kind == BASE_NAMED ? name : NULL, member_type_id(c, die, base),
			      bit_offset, 0);
}

static int write_struct(struct convert *c, const struct item *item, bool is_union)
{
	Dwarf_Die die = item->die, child;
	const char *name = dwarf_diename(&die);
	int id = is_union ? btf__add_union(c->btf, name, type_size(&die))
			  : btf__add_struct(c->btf, name, type_size(&die));

	if (id < 0 || dwarf_child(&die, &child))
		return id;
	do {
		int r = dwarf_tag(&child) == DW_TAG_inheritance ? write_base(c, &die, &child)
								: write_member(c, &die, &child);

		if (r < 0)
			return r;
	} while (!dwarf_siblingof(&child, &child));
	return id;
}

static int write_complex(struct convert *c, const struct item *item)
{
	int id = btf__add_struct(c->btf, NULL, item->n), r;

	r = id < 0 ? id : btf__add_field(c->btf, "real", item->target, 0, 0);
	if (r >= 0)
		r = btf__add_field(c->btf, "imag", item->target, item->n / 2 * 8, 0);
	return r < 0 ? r : id;
}

static int write_enum(struct convert *c, const struct item *item)
{
	bool is_wide = item->kind == BTF_KIND_ENUM64;
	Dwarf_Die die = item->die, child;
	const char *name = dwarf_diename(&die);
	bool is_signed = enum_is_signed(&die);
	int id = is_wide ? btf__add_enum64(c->btf, name, item->n, is_signed)
			 : btf__add_enum(c->btf, name, item->n);
	int r = 0, cnt = 0;
	struct btf_type *t;

	if (id < 0)
		return id;
	if (dwarf_child(&die, &child))
		return id;
	do {
		const char *value_name = dwarf_diename(&child);
		int64_t value;

		if (dwarf_tag(&child) != DW_TAG_enumerator || !value_name || cnt++ >= VLEN_MAX)
			continue;
		value = enum_value(&child, is_signed);
		r = is_wide ? btf__add_enum64_value(c->btf, value_name, value)
			    : btf__add_enum_value(c->btf, value_name, value);
	} while (r >= 0 && !dwarf_siblingof(&child, &child));
	if (r < 0)
		return r;
	/* libbpf takes the sign from the values; a signed type without a negative one is signed as well. */
	t = (struct btf_type *)btf__type_by_id(c->btf, id);
	t->info = (t->info & ~(1U << 31)) | (uint32_t)is_signed << 31;
	return id;
}

/* Headers of libc write __fd where the manual says fd, or no name at all. @buf holds a name that is made
 * here. */
static const char *param_name(const struct item *item, Dwarf_Die *param, unsigned idx, char *buf, size_t len)
{
	const char *name = dwarf_diename(param), *at = item->params ? item->params : "";

	for (unsigned i = 0; i < idx && *at; i++) {
		at += strcspn(at, " ");
		at += *at == ' ';
	}
	if (*at) {
		snprintf(buf, len, "%.*s", (int)strcspn(at, " "), at);
		return buf;
	}
	if (!item->is_func)
		return name;
	if (name)
		return item->is_import && !strncmp(name, "__", 2) && name[2] ? name + 2 : name;
	snprintf(buf, len, "arg%u", idx);
	return buf;
}

static int write_param(struct convert *c, const struct item *item, Dwarf_Die *child, unsigned idx)
{
	char buf[64];
	Dwarf_Die type;
	uint32_t id;

	if (dwarf_tag(child) == DW_TAG_unspecified_parameters)
		return btf__add_func_param(c->btf, NULL, 0);
	id = debug_ref(child, DW_AT_type, &type) ? convert_id(c, &type) : 0;
	/* The caller's copy: nothing that is done to it flows out. */
	if (id && is_by_address(c->info, &type)) {
		id = convert_push(c, &(struct item){BTF_KIND_CONST, id});
		id = convert_push(c, &(struct item){BTF_KIND_PTR, id});
	}
	return btf__add_func_param(c->btf, param_name(item, child, idx, buf, sizeof(buf)), id);
}

static int write_proto(struct convert *c, const struct item *item)
{
	Dwarf_Die die = item->die, child, type;
	int id = btf__add_func_proto(c->btf, debug_ref(&die, DW_AT_type, &type) ? convert_id(c, &type) : 0);
	int r = id;
	unsigned idx = 0;

	if (id < 0 || dwarf_child(&die, &child))
		return id;
	do {
		int tag = dwarf_tag(&child);

		if (tag != DW_TAG_formal_parameter && tag != DW_TAG_unspecified_parameters)
			continue;
		if (idx >= VLEN_MAX)
			return -E2BIG;
		r = write_param(c, item, &child, idx++);
	} while (r >= 0 && !dwarf_siblingof(&child, &child));
	return r < 0 ? r : id;
}

static int write_item(struct convert *c, const struct item *item)
{
	switch (item->kind) {
	case BTF_KIND_INT:
		return btf__add_int(c->btf, item->name, item->n, item->target);
	case BTF_KIND_FLOAT:
		return btf__add_float(c->btf, item->name, item->n);
	case BTF_KIND_PTR:
		return btf__add_ptr(c->btf, item->target);
	case BTF_KIND_CONST:
		return btf__add_const(c->btf, item->target);
	case BTF_KIND_VOLATILE:
		return btf__add_volatile(c->btf, item->target);
	case BTF_KIND_RESTRICT:
		return btf__add_restrict(c->btf, item->target);
	case BTF_KIND_TYPEDEF:
		return btf__add_typedef(c->btf, item->name, item->target);
	case BTF_KIND_ARRAY:
		return btf__add_array(c->btf, convert_index(c), item->target, item->n);
	case BTF_KIND_FWD:
		return btf__add_fwd(c->btf, item->name, item->target ? BTF_FWD_UNION : BTF_FWD_STRUCT);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return write_struct(c, item, item->kind == BTF_KIND_UNION);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return write_enum(c, item);
	case BTF_KIND_FUNC_PROTO:
		return write_proto(c, item);
	case BTF_KIND_FUNC:
		return btf__add_func(c->btf, item->name, item->n, item->target);
	case BTF_KIND_DECL_TAG:
		return btf__add_decl_tag(c->btf, item->name, item->target, -1);
	case KIND_COMPLEX:
		return write_complex(c, item);
	default:
		return -EINVAL;
	}
}

/* Types that were given ids and will not be written: what is written already may refer to them. */
static void give_up(struct convert *c)
{
	while (btf__type_cnt(c->btf) < c->first + c->cnt)
		if (btf__add_typedef(c->btf, "unwritten", 0) < 0)
			break;
	debug_types_forget(c->info);
}

static int drain(struct convert *c, struct err *err)
{
	while (!c->failed && c->written < c->cnt) {
		struct item item = c->items[c->written]; /* the array may move while it is written */
		int id = write_item(c, &item);

		if (id >= 0 && (uint32_t)id != c->first + c->written)
			id = -EINVAL;
		if (id < 0)
			c->failed = id;
		c->written++;
	}
	if (c->failed)
		give_up(c);
	if (c->failed == -E2BIG)
		return err_set(err, c->failed, "more than %d types are reached", SCHEMA_TYPES_MAX);
	return c->failed ? err_set(err, c->failed, "cannot describe the types of '%s': %s", c->info->path,
				   strerror(-c->failed))
			 : 0;
}

static void finish(struct convert *c)
{
	for (size_t i = 0; i < c->cnt; i++)
		free(c->items[i].name);
	free(c->items);
}

static struct convert begin(struct debuginfo *info, const struct schema *schema)
{
	struct btf *btf = schema_btf(schema);

	assert(!info->schema || info->schema == schema);
	info->schema = schema;
	return (struct convert){.info = info, .btf = btf, .first = btf__type_cnt(btf)};
}

/* --- what is asked for --- */

int debuginfo_add_func(struct debuginfo *info, struct schema *schema, const struct debug_func *func,
		       const char *symbol, uint32_t *id, struct err *err)
{
	struct convert c = begin(info, schema);
	struct func_die *found = &info->funcs[func->die - 1];
	Dwarf_Die die = prototype_of(found->die);
	uint32_t proto, func_id;
	int r = check_placeable(info, &die, symbol, err);

	if (r)
		return r;
	proto = convert_push(&c, &(struct item){BTF_KIND_FUNC_PROTO, .die = die, .is_func = true,
						.is_import = func->is_declaration, .params = func->params});
	func_id = convert_push(&c, &(struct item){BTF_KIND_FUNC, proto,
						  func->is_external || func->is_declaration ? BTF_FUNC_GLOBAL
											    : BTF_FUNC_STATIC,
						  convert_name(&c, symbol)});
	r = drain(&c, err);
	finish(&c);
	if (!r)
		*id = func_id;
	return r;
}

static const struct {
	const char *word;
	enum type_kind kind;
} words[] = {
	{"struct ", TYPE_STRUCT}, {"class ", TYPE_STRUCT}, {"union ", TYPE_UNION},
	{"enum ", TYPE_ENUM},	  {"", TYPE_TYPEDEF},	   {"", TYPE_BASE},
};

static int find_by_name(const struct debuginfo *info, const char *name, Dwarf_Die *out)
{
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i].word);

		if (!strncmp(name, words[i].word, len))
			r = debug_find_type(info, words[i].kind, name + len + strspn(name + len, " "), out);
	}
	return r;
}

static int no_type(const struct debuginfo *info, const char *name, struct err *err)
{
	const char *space = strrchr(name, ' ');
	size_t len = space ? space + 1 - name : 0;
	struct nearest nearest;

	nearest_init(&nearest, name + len);
	for (size_t i = 0; i < info->types_cnt; i++)
		nearest_try(&nearest, info->types[i].name);
	err_set(err, -ENOENT, "no type '%s' in '%s'", name, info->path);
	if (nearest.best)
		err_hint(err, "did you mean '%.*s%s'?", (int)len, name, nearest.best);
	return -ENOENT;
}

int debuginfo_add_type(struct debuginfo *info, struct schema *schema, const char *name, uint32_t *id,
		       struct err *err)
{
	struct convert c = begin(info, schema);
	uint32_t type_id;
	Dwarf_Die die;
	int r = find_by_name(info, name, &die);

	if (r == -ENOTUNIQ)
		return err_set(err, r, "several different types are named '%s' in '%s'", name, info->path);
	if (r)
		return r == -ENOENT ? no_type(info, name, err) : err_nomem(err);
	type_id = convert_id(&c, &die);
	r = drain(&c, err);
	finish(&c);
	if (!r)
		*id = type_id;
	return r;
}

bool debuginfo_is_plain(struct debuginfo *info, const char *name)
{
	Dwarf_Die die;

	return !find_by_name(info, name, &die) && is_placeable(info, &die);
}
