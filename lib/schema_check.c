// SPDX-License-Identifier: BSD-3-Clause
/*
 * A schema may come from anyone, and libbpf's own parser checks little more than the header. So the bytes are
 * checked here before libbpf sees them: first each type alone (check_layout), then what it refers to
 * (check_refs), then how types nest (size_of, check_chain). Sizes and depths are found once a type and kept.
 */
#include "lib/schema_check.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/err.h"
#include "lib/schema.h"
#include "lib/util.h"

#define UNKNOWN UINT32_MAX

enum walk { WALK_NEW, WALK_OPEN, WALK_DONE };

struct check {
	const uint8_t *types;
	const char *strs;
	uint32_t types_len, strs_len;
	uint32_t cnt;	/* ids are 1 .. cnt - 1 */
	uint32_t *at;	/* by id: offset into types */
	uint32_t *size; /* by id: bytes; UNKNOWN: not sized */
	struct walked {
		uint8_t walk;	/* enum walk */
		uint8_t height; /* types beneath it, in the longest row */
	} * sizing, *chained;	/* by id, of size_of and of check_chain */
	int depth;
	struct err *err;
};

/* What each kind may look like: bytes behind struct btf_type, fixed and for each of vlen. */
static const struct layout {
	bool known, has_name, must_have_name, has_vlen, has_kflag;
	uint8_t fixed, each;
} layouts[NR_BTF_KINDS] = {
	[BTF_KIND_INT] = {true, true, true, .fixed = sizeof(uint32_t)},
	[BTF_KIND_PTR] = {true},
	[BTF_KIND_ARRAY] = {true, .fixed = sizeof(struct btf_array)},
	[BTF_KIND_STRUCT] = {true, true, .has_vlen = true, .has_kflag = true,
			     .each = sizeof(struct btf_member)},
	[BTF_KIND_UNION] = {true, true, .has_vlen = true, .has_kflag = true,
			    .each = sizeof(struct btf_member)},
	[BTF_KIND_ENUM] = {true, true, .has_vlen = true, .has_kflag = true, .each = sizeof(struct btf_enum)},
	[BTF_KIND_ENUM64] = {true, true, .has_vlen = true, .has_kflag = true,
			     .each = sizeof(struct btf_enum64)},
	[BTF_KIND_FWD] = {true, true, true, .has_kflag = true},
	[BTF_KIND_TYPEDEF] = {true, true, true},
	[BTF_KIND_VOLATILE] = {true},
	[BTF_KIND_CONST] = {true},
	[BTF_KIND_RESTRICT] = {true},
	[BTF_KIND_FUNC] = {true, true, true, .has_vlen = true}, /* vlen is the linkage */
	[BTF_KIND_FUNC_PROTO] = {true, .has_vlen = true, .each = sizeof(struct btf_param)},
	[BTF_KIND_FLOAT] = {true, true, true},
	[BTF_KIND_DECL_TAG] = {true, true, true, .fixed = sizeof(struct btf_decl_tag)},
};

static int bad(struct check *c, uint32_t id, const char *what)
{
	return err_set(c->err, -EBADMSG, "damaged schema: type %u %s", id, what);
}

static const struct btf_type *type(const struct check *c, uint32_t id)
{
	return (const void *)(c->types + c->at[id]);
}

static uint32_t kind(const struct check *c, uint32_t id)
{
	return id ? BTF_INFO_KIND(type(c, id)->info) : BTF_KIND_UNKN;
}

static uint32_t vlen(const struct check *c, uint32_t id)
{
	return BTF_INFO_VLEN(type(c, id)->info);
}

static const void *behind(const struct check *c, uint32_t id)
{
	return type(c, id) + 1;
}

static bool is_power_of_2(uint32_t n, uint32_t max)
{
	return n && n <= max && !(n & (n - 1));
}

static int check_header(struct check *c, const void *data, size_t len)
{
	const struct btf_header *h = data;

	if (len > SCHEMA_BYTES_MAX)
		return err_set(c->err, -EBADMSG, "damaged schema: longer than %d bytes", SCHEMA_BYTES_MAX);
	if (len < sizeof(*h) || h->magic != BTF_MAGIC)
		return err_set(c->err, -EBADMSG, "not a schema: it does not begin as BTF does");
	if (h->version != 1 || h->flags || h->hdr_len != sizeof(*h))
		return err_set(c->err, -EBADMSG, "damaged schema: version %u of BTF is not known",
			       h->version);
	if (h->type_off || h->type_len % sizeof(uint32_t) || h->str_off != h->type_len ||
	    (uint64_t)sizeof(*h) + h->type_len + h->str_len != len)
		return err_set(c->err, -EBADMSG, "damaged schema: its sections do not fill its %zu bytes",
			       len);
	c->types = (const uint8_t *)data + sizeof(*h);
	c->types_len = h->type_len;
	c->strs = (const char *)c->types + h->type_len;
	c->strs_len = h->str_len;
	if (!c->strs_len || c->strs[0] || c->strs[c->strs_len - 1])
		return err_set(c->err, -EBADMSG, "damaged schema: its names do not end");
	return 0;
}

/* One type by itself: its kind, its length, its name. */
static int check_layout(struct check *c, uint32_t id, uint32_t *len)
{
	const struct btf_type *t = type(c, id);
	uint32_t k = BTF_INFO_KIND(t->info);
	const struct layout *l = &layouts[k < NR_BTF_KINDS ? k : BTF_KIND_UNKN];
	uint32_t left = c->types_len - c->at[id];

	if (!l->known)
		return bad(c, id, "is of a kind that no schema has");
	if ((!l->has_vlen && BTF_INFO_VLEN(t->info)) || (!l->has_kflag && BTF_INFO_KFLAG(t->info)) ||
	    (t->info & ~(0xffffU | 0x1fU << 24 | 1U << 31)))
		return bad(c, id, "has bits set that mean nothing");
	*len = sizeof(*t) + l->fixed + BTF_INFO_VLEN(t->info) * l->each;
	if (*len > left)
		return bad(c, id, "runs past the end");
	if (t->name_off >= c->strs_len || (!l->has_name && t->name_off))
		return bad(c, id, "has a name that is not there");
	if (l->must_have_name && !c->strs[t->name_off])
		return bad(c, id, "has no name");
	return 0;
}

static int check_layouts(struct check *c)
{
	uint32_t at = 0, len = 0, id;
	int r;

	for (id = 1; at < c->types_len; id++, at += len) {
		if (id >= SCHEMA_TYPES_MAX)
			return err_set(c->err, -EBADMSG, "damaged schema: more than %d types",
				       SCHEMA_TYPES_MAX);
		if (c->types_len - at < sizeof(struct btf_type))
			return err_set(c->err, -EBADMSG, "damaged schema: type %u runs past the end", id);
		c->at[id] = at;
		r = check_layout(c, id, &len);
		if (r)
			return r;
	}
	c->cnt = id;
	return 0;
}

/* Something that a pointer, typedef, qualifier or the like may lead to: void included. */
static bool is_target(const struct check *c, uint32_t id)
{
	return id < c->cnt && kind(c, id) != BTF_KIND_FUNC && kind(c, id) != BTF_KIND_DECL_TAG;
}

static int check_names(struct check *c, uint32_t id, size_t stride, bool may_be_empty)
{
	const uint8_t *at = behind(c, id);

	for (uint32_t i = 0; i < vlen(c, id); i++, at += stride) {
		uint32_t name_off = *(const uint32_t *)at;

		if (name_off >= c->strs_len || (!may_be_empty && !c->strs[name_off]))
			return bad(c, id, "names something that is not there");
	}
	return 0;
}

static int check_int(struct check *c, uint32_t id)
{
	uint32_t data = *(const uint32_t *)behind(c, id), size = type(c, id)->size;

	if (!is_power_of_2(size, 16) || BTF_INT_BITS(data) != size * 8 || BTF_INT_OFFSET(data) ||
	    BTF_INT_ENCODING(data) & ~(BTF_INT_SIGNED | BTF_INT_CHAR | BTF_INT_BOOL) || data >> 28)
		return bad(c, id, "is an integer of an impossible size");
	return 0;
}

static int check_float(struct check *c, uint32_t id)
{
	return is_power_of_2(type(c, id)->size, 16) && type(c, id)->size > 1
		       ? 0
		       : bad(c, id, "is a floating-point number of an impossible size");
}

static int check_enum(struct check *c, uint32_t id)
{
	if (!is_power_of_2(type(c, id)->size, 8))
		return bad(c, id, "is an enumeration of an impossible size");
	return check_names(c, id,
			   kind(c, id) == BTF_KIND_ENUM ? sizeof(struct btf_enum) : sizeof(struct btf_enum64),
			   false);
}

static int check_ref(struct check *c, uint32_t id)
{
	return is_target(c, type(c, id)->type) ? 0 : bad(c, id, "leads to a type that is not there");
}

static int check_array(struct check *c, uint32_t id)
{
	const struct btf_array *array = behind(c, id);

	if (!is_target(c, array->type) || array->index_type >= c->cnt ||
	    kind(c, array->index_type) != BTF_KIND_INT)
		return bad(c, id, "leads to a type that is not there");
	return 0;
}

static int check_struct(struct check *c, uint32_t id)
{
	const struct btf_member *m = behind(c, id);

	if (type(c, id)->size > SCHEMA_SIZE_MAX)
		return bad(c, id, "is too large");
	for (uint32_t i = 0; i < vlen(c, id); i++)
		if (!is_target(c, m[i].type))
			return bad(c, id, "has a member of a type that is not there");
	return check_names(c, id, sizeof(*m), true);
}

static int check_func(struct check *c, uint32_t id)
{
	uint32_t proto = type(c, id)->type;

	if (proto >= c->cnt || kind(c, proto) != BTF_KIND_FUNC_PROTO || vlen(c, id) > BTF_FUNC_EXTERN)
		return bad(c, id, "is a function without a prototype");
	return 0;
}

static int check_proto(struct check *c, uint32_t id)
{
	const struct btf_param *p = behind(c, id);
	uint32_t cnt = vlen(c, id);

	if (!is_target(c, type(c, id)->type))
		return bad(c, id, "returns a type that is not there");
	for (uint32_t i = 0; i < cnt; i++)
		if (!is_target(c, p[i].type) || (!p[i].type && (i + 1 < cnt || p[i].name_off)))
			return bad(c, id, "has a parameter of a type that is not there");
	return check_names(c, id, sizeof(*p), true);
}

static int check_tag(struct check *c, uint32_t id)
{
	const struct btf_decl_tag *tag = behind(c, id);
	uint32_t target = type(c, id)->type;

	if (!target || target >= c->cnt || kind(c, target) == BTF_KIND_DECL_TAG || tag->component_idx < -1 ||
	    (tag->component_idx >= 0 && (uint32_t)tag->component_idx >= vlen(c, target)))
		return bad(c, id, "is a tag on something that is not there");
	return 0;
}

static int (*const ref_checks[NR_BTF_KINDS])(struct check *, uint32_t) = {
	[BTF_KIND_INT] = check_int,	[BTF_KIND_FLOAT] = check_float,	     [BTF_KIND_ENUM] = check_enum,
	[BTF_KIND_ENUM64] = check_enum, [BTF_KIND_PTR] = check_ref,	     [BTF_KIND_TYPEDEF] = check_ref,
	[BTF_KIND_CONST] = check_ref,	[BTF_KIND_VOLATILE] = check_ref,     [BTF_KIND_RESTRICT] = check_ref,
	[BTF_KIND_ARRAY] = check_array, [BTF_KIND_STRUCT] = check_struct,    [BTF_KIND_UNION] = check_struct,
	[BTF_KIND_FUNC] = check_func,	[BTF_KIND_FUNC_PROTO] = check_proto, [BTF_KIND_DECL_TAG] = check_tag,
};

/* Both walks go down by recursion: c->depth bounds it, and the height bounds what was walked piece by piece.
 */
static int enter(struct check *c, struct walked *walked, uint32_t id, bool *is_new)
{
	if (walked[id].walk == WALK_OPEN)
		return bad(c, id, "contains itself");
	*is_new = walked[id].walk == WALK_NEW;
	if (!*is_new)
		return 0;
	if (++c->depth > SCHEMA_DEPTH_MAX)
		return bad(c, id, "is nested too deep");
	walked[id].walk = WALK_OPEN;
	return 0;
}

static int leave(struct check *c, struct walked *walked, uint32_t id, uint32_t parent)
{
	if (walked[id].walk == WALK_OPEN)
		c->depth--;
	walked[id].walk = WALK_DONE;
	if (walked[id].height >= SCHEMA_DEPTH_MAX)
		return bad(c, id, "is nested too deep");
	if (parent)
		walked[parent].height = MAX(walked[parent].height, walked[id].height + 1);
	return 0;
}

static int size_of(struct check *c, uint32_t id, uint32_t parent, uint32_t *size);

static int check_member(struct check *c, uint32_t id, const struct btf_member *m)
{
	bool kflag = BTF_INFO_KFLAG(type(c, id)->info);
	uint64_t end = type(c, id)->size * 8ULL;
	uint32_t at = kflag ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
	uint32_t bits = kflag ? BTF_MEMBER_BITFIELD_SIZE(m->offset) : 0;
	uint32_t size = 0, steps = 0, of = m->type;
	int r = size_of(c, m->type, id, &size);

	if (r)
		return r;
	if (size == UNKNOWN)
		return bad(c, id, "has a member without a size");
	if (!bits)
		return at % 8 || at + size * 8ULL > end ? bad(c, id, "has a member outside itself") : 0;
	while (steps++ < SCHEMA_DEPTH_MAX &&
	       (kind(c, of) == BTF_KIND_TYPEDEF || kind(c, of) == BTF_KIND_CONST ||
		kind(c, of) == BTF_KIND_VOLATILE))
		of = type(c, of)->type;
	if (kind(c, of) != BTF_KIND_INT && kind(c, of) != BTF_KIND_ENUM && kind(c, of) != BTF_KIND_ENUM64)
		return bad(c, id, "has a bit-field that is no integer");
	return bits > size * 8 || bits > 64 || at + (uint64_t)bits > end
		       ? bad(c, id, "has a bit-field outside itself")
		       : 0;
}

/* The size of what @id is by value; visits whatever lies inside it, so a type inside itself is found. */
static int find_size(struct check *c, uint32_t id, uint32_t *size)
{
	const struct btf_type *t = type(c, id);
	const struct btf_array *array = behind(c, id);
	const struct btf_member *m = behind(c, id);
	int r;

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		*size = t->size;
		return 0;
	case BTF_KIND_PTR:
		*size = 8;
		return 0;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
		return size_of(c, t->type, id, size);
	case BTF_KIND_ARRAY:
		r = size_of(c, array->type, id, size);
		if (r)
			return r;
		if (*size == UNKNOWN)
			return bad(c, id, "is an array of something without a size");
		if ((uint64_t)*size * array->nelems > SCHEMA_SIZE_MAX)
			return bad(c, id, "is too large");
		*size *= array->nelems;
		return 0;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
			r = check_member(c, id, &m[i]);
			if (r)
				return r;
		}
		*size = t->size;
		return 0;
	default:
		*size = UNKNOWN;
		return 0;
	}
}

static int size_of(struct check *c, uint32_t id, uint32_t parent, uint32_t *size)
{
	bool is_new = false;
	int r;

	*size = UNKNOWN;
	if (!id)
		return 0;
	r = enter(c, c->sizing, id, &is_new);
	if (r)
		return r;
	if (is_new) {
		r = find_size(c, id, &c->size[id]);
		if (r)
			return r;
	}
	*size = c->size[id];
	return leave(c, c->sizing, id, parent);
}

static int check_chain(struct check *c, uint32_t id, uint32_t parent);

static int check_chains(struct check *c, uint32_t id)
{
	const struct btf_param *p = behind(c, id);
	int r;

	switch (kind(c, id)) {
	case BTF_KIND_ARRAY:
		return check_chain(c, ((const struct btf_array *)behind(c, id))->type, id);
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
		return check_chain(c, type(c, id)->type, id);
	case BTF_KIND_FUNC_PROTO:
		r = check_chain(c, type(c, id)->type, id);
		for (uint32_t i = 0; !r && i < vlen(c, id); i++)
			r = check_chain(c, p[i].type, id);
		return r;
	default:
		return 0;
	}
}

/* Pointers, arrays, typedefs and prototypes must come to an end without a struct's help. */
static int check_chain(struct check *c, uint32_t id, uint32_t parent)
{
	bool is_new = false;
	int r;

	if (!id)
		return 0;
	r = enter(c, c->chained, id, &is_new);
	if (!r && is_new)
		r = check_chains(c, id);
	return r ? r : leave(c, c->chained, id, parent);
}

static int check_types(struct check *c)
{
	uint32_t size;
	int r;

	for (uint32_t id = 1; id < c->cnt; id++) {
		if (!ref_checks[kind(c, id)])
			continue;
		r = ref_checks[kind(c, id)](c, id);
		if (r)
			return r;
	}
	for (uint32_t id = 1; id < c->cnt; id++) {
		r = check_chain(c, id, 0);
		if (r)
			return r;
	}
	for (uint32_t id = 1; id < c->cnt; id++) {
		r = size_of(c, id, 0, &size);
		if (r)
			return r;
	}
	return 0;
}

int schema_check(const void *data, size_t len, struct err *err)
{
	struct check c = {.err = err};
	autofree uint32_t *at = NULL, *size = NULL;
	autofree struct walked *sizing = NULL, *chained = NULL;
	size_t cnt;
	int r;

	r = check_header(&c, data, len);
	if (r)
		return r;
	cnt = MIN(c.types_len / sizeof(struct btf_type) + 2, (size_t)SCHEMA_TYPES_MAX);
	c.at = at = calloc(cnt, sizeof(*at));
	c.size = size = calloc(cnt, sizeof(*size));
	c.sizing = sizing = calloc(cnt, sizeof(*sizing));
	c.chained = chained = calloc(cnt, sizeof(*sizing));
	if (!at || !size || !sizing || !chained)
		return err_nomem(err);
	r = check_layouts(&c);
	return r ? r : check_types(&c);
}
