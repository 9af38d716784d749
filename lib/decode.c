// SPDX-License-Identifier: BSD-3-Clause
#include "lib/decode.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "lib/pool.h"
#include "lib/schema.h"
#include "lib/util.h"

#define LONG_DOUBLE 16

static bool is_flexible(const struct shape_node *n)
{
	return n->is_inline || (n->kind == SHAPE_ARRAY && (n->length || n->has_terminator));
}

int decoder_init(struct decoder *d, const struct shape *shape, const struct side *side, uint8_t flow,
		 size_t *cnt, struct pool *pool)
{
	*d = (struct decoder){.shape = shape,
			      .side = side,
			      .memory = memory_new(side, pool),
			      .pool = pool,
			      .prefix = flow == FLOW_IN ? "args." : "out.",
			      .flow = flow,
			      .cnt = cnt};
	for (size_t i = 0; i < shape->nodes_cnt && !d->at; i++)
		if ((shape->nodes[i].tag || is_flexible(&shape->nodes[i])) &&
		    !(d->at = pool_array(pool, shape->nodes_cnt, sizeof(*d->at))))
			return -ENOMEM;
	return d->memory ? 0 : -ENOMEM;
}

bool decoder_failed(const struct decoder *d)
{
	return d->failed || memory_failed(d->memory);
}

struct value *decode_new(struct decoder *d, uint16_t node, const struct value *parent)
{
	struct value *v = pool_alloc(d->pool, sizeof(*v));

	if (!v) {
		d->failed = true;
		return NULL;
	}
	(*d->cnt)++;
	v->node = node;
	v->parent = parent;
	v->name = d->shape->nodes[node].name;
	v->size = MIN(d->shape->nodes[node].size, UINT8_MAX);
	v->is_signed = d->shape->nodes[node].is_signed;
	v->is_explicit = d->shape->nodes[node].is_explicit;
	v->is_const = d->shape->nodes[node].is_const;
	return v;
}

void decode_unavailable(struct value *v, const char *reason)
{
	v->is_unpassed = reason == shape_unpassed;
	v->kind = VALUE_UNAVAILABLE;
	v->text = reason;
	v->is_limited = extent_is_limit(reason);
}

uint64_t decode_load(const uint8_t *bytes, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, bytes, MIN(size, sizeof(v)));
	return v;
}

uint64_t decode_extend(uint64_t v, unsigned bits, bool is_signed)
{
	unsigned unused = 64 - bits;

	if (!unused)
		return v;
	return is_signed ? (uint64_t)((int64_t)(v << unused) >> unused) : v << unused >> unused;
}

static uint64_t load_bits(const struct shape_node *n, const uint8_t *bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n->bit_size && i < 64; i++) {
		unsigned at = n->bit_offset + i;

		v |= (uint64_t)(bytes[at / 8] >> at % 8 & 1) << i;
	}
	return decode_extend(v, MIN(n->bit_size, 64), n->is_signed);
}

/* Bytes that hold a scalar where it lies. */
static uint64_t scalar_len(const struct shape_node *n)
{
	return n->bit_size ? (n->bit_offset + n->bit_size + 7u) / 8 : n->size;
}

static const char *enum_name(const struct decoder *d, const struct shape_node *n, uint64_t bits)
{
	struct btf *btf = d->shape->schema ? schema_btf(d->shape->schema) : NULL;
	const struct btf_type *t = btf ? btf__type_by_id(btf, seen_type(d, n->type)) : NULL;

	if (t && btf_is_enum(t))
		for (int i = 0; i < btf_vlen(t); i++)
			if (bits ==
			    (n->is_signed ? (uint64_t)btf_enum(t)[i].val : (uint32_t)btf_enum(t)[i].val))
				return btf__name_by_offset(btf, btf_enum(t)[i].name_off);
	if (t && btf_is_enum64(t))
		for (int i = 0; i < btf_vlen(t); i++)
			if (btf_enum64_value(&btf_enum64(t)[i]) == bits)
				return btf__name_by_offset(btf, btf_enum64(t)[i].name_off);
	return NULL;
}

static void decode_number(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	const uint8_t *at = extent->bytes + off;

	v->kind = n->kind == SHAPE_BOOL ? VALUE_BOOL : n->kind == SHAPE_ENUM ? VALUE_ENUM : VALUE_INT;
	if (n->bit_size)
		v->bits = load_bits(n, at);
	else
		v->bits = decode_extend(decode_load(at, n->size), MIN(n->size, 8) * 8, n->is_signed);
	v->bits_high = n->is_signed && (int64_t)v->bits < 0 ? UINT64_MAX : 0;
	if (!n->bit_size && n->size == 16)
		v->bits_high = decode_load(at + 8, 8);
	if (n->kind == SHAPE_ENUM)
		v->text = enum_name(d, n, v->bits);
}

/* Of 16 bytes only x87's long double is a number we can print; _Float128 looks the same to C's sizes. */
static bool is_printable_float(const struct decoder *d, const struct shape_node *n)
{
	struct btf *btf = d->shape->schema ? schema_btf(d->shape->schema) : NULL;
	const struct btf_type *t = btf ? btf__type_by_id(btf, seen_type(d, n->type)) : NULL;
	const char *name = t ? btf__name_by_offset(btf, t->name_off) : NULL;

	return n->size == 4 || n->size == 8 ||
	       (n->size == LONG_DOUBLE && (!name || !strcmp(name, "long double")));
}

static void decode_bytes_here(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];

	v->kind = n->kind == SHAPE_FLOAT && is_printable_float(d, n) ? VALUE_FLOAT : VALUE_BYTES;
	v->bytes = extent->bytes + off;
	v->len = n->size;
}

/* --- aggregates --- */

/* Members of @node, a STRUCT, to @v's children: those of anonymous structs too, as C names them. */
static size_t members_cnt(const struct shape *shape, uint16_t node)
{
	size_t cnt = 0;

	for (uint16_t i = shape->nodes[node].first_child; i != SHAPE_NONE; i = shape->nodes[i].next) {
		bool is_flat = !shape->nodes[i].name && shape->nodes[i].kind == SHAPE_STRUCT;

		cnt += is_flat ? members_cnt(shape, i) : !shape->nodes[i].is_hidden;
	}
	return cnt;
}

/* Where members are put: those of an anonymous struct beside its own siblings. */
struct members {
	struct value *v; /* the STRUCT */
	const struct extent *extent;
	uint64_t base;	 /* of the STRUCT in the extent */
	unsigned unions; /* anonymous ones so far */
};

static const char *union_name(struct decoder *d, unsigned before, uint64_t off)
{
	char text[SHAPE_UNION_NAME];
	const char *name = pool_printf(d->pool, "%s", shape_union_name(text, before, off));

	d->failed |= !name;
	return name;
}

static void decode_members(struct decoder *d, struct members *m, uint16_t node, uint64_t off)
{
	const struct shape_node *nodes = d->shape->nodes;

	for (uint16_t i = nodes[node].first_child; i != SHAPE_NONE && !d->failed; i = nodes[i].next) {
		uint64_t at = off + nodes[i].offset;
		struct value *child;

		if (nodes[i].is_hidden)
			continue;
		if (!nodes[i].name && nodes[i].kind == SHAPE_STRUCT) {
			decode_members(d, m, i, at);
			continue;
		}
		child = decode_new(d, i, m->v);
		if (!child)
			return;
		if (!child->name)
			child->name = union_name(d, m->unions++, at - m->base);
		m->v->child[m->v->child_cnt++] = child;
		if (nodes[i].is_content)
			decode_content(d, child, m->extent, off);
		else
			decode(d, child, m->extent, at);
	}
}

static void decode_struct(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	struct members members = {.v = v, .extent = extent, .base = off};

	v->kind = VALUE_STRUCT;
	v->extent = n->size;
	v->child = pool_array(d->pool, members_cnt(d->shape, v->node), sizeof(*v->child));
	if (!v->child) {
		d->failed = true;
		return;
	}
	if (extent->has_addr && n->size)
		seen_add(d, (struct seen){.addr = extent->addr + off,
					  .len = n->size,
					  .type = seen_type(d, n->type),
					  .value = v});
	decode_members(d, &members, v->node, off);
}

void decode_elements(struct decoder *d, struct value *v, uint16_t element, uint64_t wanted,
		     const struct extent *extent, uint64_t off)
{
	uint32_t size = d->shape->nodes[element].size;
	uint64_t left = off < extent->captured ? extent->captured - off : 0;
	uint64_t there = size ? MIN(wanted, left / size) : 0;

	if (!size)
		wanted = 0;
	if (there < wanted && (!extent_is_limited(extent) || !there)) {
		decode_unavailable(v, extent_why(d, extent));
		return;
	}
	v->kind = VALUE_ARRAY;
	v->child = pool_array(d->pool, there, sizeof(*v->child));
	d->failed |= !v->child;
	while (v->child_cnt < there && *d->cnt < VALUE_CNT_MAX && !d->failed) {
		struct value *child = decode_new(d, element, v);

		if (!child)
			return;
		v->child[v->child_cnt] = child;
		decode(d, child, extent, off + v->child_cnt++ * size);
	}
	v->extent = v->child_cnt * size;
	v->is_truncated = v->child_cnt < wanted;
	v->full_len = v->is_truncated ? wanted : 0;
}

static void decode_chars(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	uint64_t left = off < extent->captured ? MIN(extent->captured - off, n->size) : 0;
	const uint8_t *at = left ? extent->bytes + off : NULL, *nul = left ? memchr(at, '\0', left) : NULL;

	if (!extent_has(extent, off, left) ||
	    (left < n->size && !nul && (!extent_is_limited(extent) || !left))) {
		decode_unavailable(v, extent_why(d, extent));
		return;
	}
	v->kind = VALUE_TEXT;
	v->bytes = at;
	v->len = nul ? (size_t)(nul - at) : left;
	v->extent = left;
	v->is_truncated = !nul && left < n->size;
	v->full_len = v->is_truncated ? n->size : 0;
}

static void decode_array(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];

	decode_elements(d, v, n->first_child, n->count, extent, off);
}

void decode_absent(struct decoder *d, struct value *v, const struct extent *extent)
{
	decode_unavailable(v, extent_why(d, extent));
	v->is_unread = extent->missing;
}

/* The live member as a struct of one; the bytes where nothing tells which. */
static void decode_union(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	uint16_t live = decode_live(d, v->node);
	struct value *child;

	if (live == SHAPE_NONE && !extent_has(extent, off, n->size)) {
		decode_unavailable(v, extent_why(d, extent));
		return;
	}
	if (live == SHAPE_NONE) {
		decode_bytes_here(d, v, extent, off);
		return;
	}
	child = decode_new(d, live, v);
	v->child = pool_alloc(d->pool, sizeof(*v->child));
	d->failed |= !child || !v->child;
	if (d->failed)
		return;
	v->kind = VALUE_STRUCT;
	v->child[v->child_cnt++] = child;
	decode(d, child, extent, off + d->shape->nodes[live].offset);
}

/* is_small: there whole, or unavailable. */
static const struct kind_decoder {
	void (*fn)(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off);
	bool is_small;
} decoders[SHAPE_KIND_CNT] = {
	[SHAPE_INT] = {decode_number, true},	  [SHAPE_BOOL] = {decode_number, true},
	[SHAPE_ENUM] = {decode_number, true},	  [SHAPE_FLOAT] = {decode_bytes_here, true},
	[SHAPE_STRUCT] = {decode_struct, false},  [SHAPE_UNION] = {decode_bytes_here, true},
	[SHAPE_ARRAY] = {decode_array, false},	  [SHAPE_CHARS] = {decode_chars, false},
	[SHAPE_POINTER] = {decode_pointer, true}, [SHAPE_STRING] = {decode_pointer, true},
	[SHAPE_BYTES] = {decode_pointer, true},	  [SHAPE_HANDLE] = {decode_pointer, true},
	[SHAPE_CUT] = {decode_cut, false},	  [SHAPE_VARARGS] = {decode_varargs, false},
	[SHAPE_FILE] = {decode_file, false},	  [SHAPE_AGAIN] = {decode_pointer, true},
};

void decode(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	const struct kind_decoder *kind = &decoders[n->kind];
	struct at around;

	if (n->redact == REDACT_DROP) {
		decode_unavailable(v, "redacted");
		v->is_unpassed = true;
		return;
	}
	if (d->depth == VALUE_DEPTH_MAX) {
		decode_unavailable(v, "nested too deeply");
		return;
	}
	d->depth++;
	/* An object of a list lies around another of the same nodes. */
	if (d->at) {
		around = d->at[v->node];
		d->at[v->node] = (struct at){*extent, off, true};
	}
	if (is_flexible(n))
		decode_flexible(d, v, extent, off);
	else if (n->tag)
		decode_union(d, v, extent, off);
	else if (kind->is_small && !extent_has(extent, off, scalar_len(n)))
		decode_absent(d, v, extent);
	else
		kind->fn(d, v, extent, off);
	if (d->at)
		d->at[v->node] = around;
	d->depth--;
}
