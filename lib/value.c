// SPDX-License-Identifier: BSD-3-Clause
/*
 * Decoding walks the shape over the memory of one instant. Every value is first an `extent`: bytes of which
 * some were captured and the rest has a reason. A small value is there whole or unavailable; an aggregate is
 * shown as far as it goes.
 *
 * An object that was shown before, same address, same type, same length, becomes a REF to where it was:
 * cycles end, and shared data shows that it is shared.
 */
#include "lib/value.h"

#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/memory.h"
#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/schema.h"
#include "lib/util.h"

#define EIGHTBYTE      8
#define LONG_DOUBLE    16
#define PATH_BYTES_MAX (64 * 1024)
#define SEEN_FIRST     64 /* slots; a power of two */

static const char too_many[] = "more values than one call may have";
static const char too_deep[] = "nested too deeply";
static const char no_register[] = "in a floating-point register";
static const char in_only[] = "captured at entry only";
static const char out_only[] = "captured at return only";

/* Where a value's bytes are. */
struct extent {
	const uint8_t *bytes;
	size_t captured;
	uint8_t missing; /* a bit for each of the first eightbytes that is in no recorded register */
	bool has_addr;
	uint64_t addr;
	uint8_t status;	    /* enum plan_status */
	const char *reason; /* of what was not captured, instead of the status; or NULL */
};

/* An object shown. */
struct seen {
	uint64_t addr, len;
	uint32_t type; /* of the object, or of an array's element */
	bool is_array;
	const struct value *value; /* NULL: an empty slot */
};

struct decoder {
	const struct shape *shape;
	const struct side *side;
	struct memory *memory;
	struct pool *pool;
	const char *prefix; /* of the paths in REFs */
	uint8_t flow;
	unsigned depth;
	size_t *cnt; /* of all values of the call */
	struct seen *seen;
	size_t seen_cnt, seen_cap;
	bool failed; /* no memory */
};

static void decode(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off);

/* --- values --- */

static struct value *value_new(struct decoder *d, uint16_t node, const struct value *parent)
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

static void set_unavailable(struct value *v, const char *reason)
{
	v->kind = VALUE_UNAVAILABLE;
	v->text = reason;
}

static const char *say(struct decoder *d, const char *fmt, uint64_t number)
{
	const char *text = pool_printf(d->pool, fmt, number);

	d->failed |= !text;
	return text;
}

/* Why nothing of @addr is among the fragments. */
static const char *why_absent(struct decoder *d, uint64_t addr)
{
	if (d->side->budget_cut)
		return "the 64 KiB limit of a call was reached";
	if (d->side->steps_cut)
		return "the step limit of a call was reached";
	return say(d, "memory at 0x%" PRIx64 " could not be read", addr);
}

static struct extent extent_of(uint64_t addr, const struct found *found)
{
	return (struct extent){.bytes = found->bytes,
			       .captured = found->captured,
			       .has_addr = true,
			       .addr = addr,
			       .status = found->status};
}

/* What was not captured is beyond a limit, and what was captured is right as far as it goes. */
static bool is_limit(const struct extent *extent)
{
	return !extent->reason && extent->status != PLAN_FRAGMENT_FAULT;
}

/* Why the rest of @extent was not captured. */
static const char *why(struct decoder *d, const struct extent *extent)
{
	if (extent->reason)
		return extent->reason;
	if (extent->status == PLAN_FRAGMENT_BUDGET)
		return "the 64 KiB limit of a call was reached";
	if (extent->status == PLAN_FRAGMENT_FAULT)
		return say(d, "memory at 0x%" PRIx64 " could not be read", extent->addr + extent->captured);
	return say(d, "only the first %" PRIu64 " bytes were captured", extent->captured);
}

static bool has_bytes(const struct extent *extent, uint64_t off, uint64_t len)
{
	if (off > extent->captured || len > extent->captured - off)
		return false;
	if (!extent->missing || !len)
		return true;
	for (uint64_t i = off / EIGHTBYTE; i <= (off + len - 1) / EIGHTBYTE && i < 8; i++)
		if (extent->missing & (1 << i))
			return false;
	return true;
}

/* --- objects shown before --- */

static uint32_t strip(const struct decoder *d, uint32_t type)
{
	return d->shape->schema ? schema_strip(d->shape->schema, type) : type;
}

static struct seen *seen_slot(struct decoder *d, const struct seen *want)
{
	uint64_t hash = (want->addr ^ want->type ^ want->len << 7 ^ want->is_array) * 0x9e3779b97f4a7c15;
	size_t i = hash >> 32 & (d->seen_cap - 1);

	while (d->seen[i].value && (d->seen[i].addr != want->addr || d->seen[i].len != want->len ||
				    d->seen[i].type != want->type || d->seen[i].is_array != want->is_array))
		i = (i + 1) & (d->seen_cap - 1);
	return &d->seen[i];
}

static bool seen_grow(struct decoder *d)
{
	struct decoder bigger = *d;

	if (d->seen_cnt < d->seen_cap / 2)
		return true;
	bigger.seen_cap = d->seen_cap ? d->seen_cap * 2 : SEEN_FIRST;
	bigger.seen = pool_array(d->pool, bigger.seen_cap, sizeof(*bigger.seen));
	if (!bigger.seen)
		return false;
	for (size_t i = 0; i < d->seen_cap; i++)
		if (d->seen[i].value)
			*seen_slot(&bigger, &d->seen[i]) = d->seen[i];
	d->seen = bigger.seen;
	d->seen_cap = bigger.seen_cap;
	return true;
}

/* The first showing of an object keeps its place. */
static void seen_add(struct decoder *d, struct seen object)
{
	struct seen *slot;

	if (!seen_grow(d)) {
		d->failed = true;
		return;
	}
	slot = seen_slot(d, &object);
	if (slot->value)
		return;
	*slot = object;
	d->seen_cnt++;
}

static const struct value *seen_find(struct decoder *d, uint64_t addr, uint32_t type, uint64_t len,
				     bool is_array)
{
	struct seen want = {.addr = addr, .type = strip(d, type), .len = len, .is_array = is_array};

	return d->seen_cap ? seen_slot(d, &want)->value : NULL;
}

static bool set_ref(struct decoder *d, struct value *v, const struct value *target)
{
	autofree char *path = NULL;

	if (!target)
		return false;
	memory_skip(d->memory);
	path = value_path(target);
	v->kind = VALUE_REF;
	v->target = target;
	v->path = path ? pool_printf(d->pool, "%s%s", strcmp(path, "return") ? d->prefix : "", path) : NULL;
	d->failed |= !v->path;
	return true;
}

/* --- numbers --- */

static uint64_t load(const uint8_t *bytes, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, bytes, MIN(size, sizeof(v)));
	return v;
}

static uint64_t extend(uint64_t v, unsigned bits, bool is_signed)
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
	return extend(v, MIN(n->bit_size, 64), n->is_signed);
}

/* Bytes that hold a scalar where it lies. */
static uint64_t scalar_len(const struct shape_node *n)
{
	return n->bit_size ? (n->bit_offset + n->bit_size + 7u) / 8 : n->size;
}

static const char *enum_name(const struct decoder *d, const struct shape_node *n, uint64_t bits)
{
	struct btf *btf = d->shape->schema ? schema_btf(d->shape->schema) : NULL;
	const struct btf_type *t = btf ? btf__type_by_id(btf, strip(d, n->type)) : NULL;

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
		v->bits = extend(load(at, n->size), MIN(n->size, 8) * 8, n->is_signed);
	v->bits_high = n->is_signed && (int64_t)v->bits < 0 ? UINT64_MAX : 0;
	if (!n->bit_size && n->size == 16)
		v->bits_high = load(at + 8, 8);
	if (n->kind == SHAPE_ENUM)
		v->text = enum_name(d, n, v->bits);
}

/* Of 16 bytes only x87's long double is a number we can print; _Float128 looks the same to C's sizes. */
static bool is_printable_float(const struct decoder *d, const struct shape_node *n)
{
	struct btf *btf = d->shape->schema ? schema_btf(d->shape->schema) : NULL;
	const struct btf_type *t = btf ? btf__type_by_id(btf, strip(d, n->type)) : NULL;
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

		cnt += is_flat ? members_cnt(shape, i) : 1;
	}
	return cnt;
}

/* No member can be called by a keyword; a second anonymous union is told apart by where it lies. */
static const char *union_name(struct decoder *d, const struct value *v, uint64_t off)
{
	for (size_t i = 0; i < v->child_cnt; i++)
		if (v->child[i]->name && !strcmp(v->child[i]->name, "union"))
			return say(d, "union+%" PRIu64, off);
	return "union";
}

static void decode_members(struct decoder *d, struct value *v, uint16_t node, const struct extent *extent,
			   uint64_t base, uint64_t off)
{
	const struct shape_node *nodes = d->shape->nodes;

	for (uint16_t i = nodes[node].first_child; i != SHAPE_NONE && !d->failed; i = nodes[i].next) {
		uint64_t at = off + nodes[i].offset;
		struct value *child;

		if (!nodes[i].name && nodes[i].kind == SHAPE_STRUCT) {
			decode_members(d, v, i, extent, base, at);
			continue;
		}
		child = value_new(d, i, v);
		if (!child)
			return;
		if (!child->name)
			child->name = union_name(d, v, at - base);
		v->child[v->child_cnt++] = child;
		decode(d, child, extent, at);
	}
}

static void decode_struct(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];

	v->kind = VALUE_STRUCT;
	v->child = pool_array(d->pool, members_cnt(d->shape, v->node), sizeof(*v->child));
	if (!v->child) {
		d->failed = true;
		return;
	}
	if (extent->has_addr && n->size)
		seen_add(d, (struct seen){.addr = extent->addr + off,
					  .len = n->size,
					  .type = strip(d, n->type),
					  .value = v});
	decode_members(d, v, v->node, extent, off, off);
}

/*
 * @wanted elements of node @element from @off on, as far as @extent and the bounds of a call allow. What a
 * fault cut is unavailable: an array that is shorter than it was would be a wrong value.
 */
static void decode_elements(struct decoder *d, struct value *v, uint16_t element, uint64_t wanted,
			    const struct extent *extent, uint64_t off)
{
	uint32_t size = d->shape->nodes[element].size;
	uint64_t left = off < extent->captured ? extent->captured - off : 0;
	uint64_t there = size ? MIN(wanted, left / size) : 0;

	if (!size)
		wanted = 0;
	if (there < wanted && (!is_limit(extent) || !there)) {
		set_unavailable(v, why(d, extent));
		return;
	}
	v->kind = VALUE_ARRAY;
	v->child = pool_array(d->pool, there, sizeof(*v->child));
	d->failed |= !v->child;
	while (v->child_cnt < there && *d->cnt < VALUE_CNT_MAX && !d->failed) {
		struct value *child = value_new(d, element, v);

		if (!child)
			return;
		v->child[v->child_cnt] = child;
		decode(d, child, extent, off + v->child_cnt++ * size);
	}
	v->is_truncated = v->child_cnt < wanted;
	v->full_len = v->is_truncated ? wanted : 0;
}

static void decode_chars(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	uint64_t left = off < extent->captured ? MIN(extent->captured - off, n->size) : 0;
	const uint8_t *at = left ? extent->bytes + off : NULL, *nul = left ? memchr(at, '\0', left) : NULL;

	if (!has_bytes(extent, off, left) || (left < n->size && !nul && (!is_limit(extent) || !left))) {
		set_unavailable(v, why(d, extent));
		return;
	}
	v->kind = VALUE_TEXT;
	v->bytes = at;
	v->len = nul ? (size_t)(nul - at) : left;
	v->is_truncated = !nul && left < n->size;
	v->full_len = v->is_truncated ? n->size : 0;
}

/* --- pointers --- */

static struct value *pointee_new(struct decoder *d, struct value *v, uint16_t node)
{
	struct value *child = value_new(d, node, v);

	v->child = pool_alloc(d->pool, sizeof(*v->child));
	d->failed |= !child || !v->child;
	if (d->failed)
		return NULL;
	child->name = NULL;
	v->kind = VALUE_POINTER;
	v->child[0] = child;
	v->child_cnt = 1;
	return child;
}

/* What @v's child turned out not to be: then the pointer itself says why. */
static void lift_unavailable(struct value *v)
{
	if (v->child_cnt != 1 || v->child[0]->kind != VALUE_UNAVAILABLE)
		return;
	set_unavailable(v, v->child[0]->text);
	v->child_cnt = 0;
}

static void follow_string(struct decoder *d, struct value *v)
{
	struct found found;
	bool is_own = memory_find(d->memory, v->bits, v->node, &found);
	const uint8_t *nul = NULL;
	struct value *text;

	if (is_own || memory_around(d->memory, v->bits, &found))
		nul = found.captured ? memchr(found.bytes, '\0', found.captured) : NULL;
	if (!nul && !is_own) {
		set_unavailable(v, why_absent(d, v->bits));
		return;
	}
	if (!nul && (found.status == PLAN_FRAGMENT_FAULT || !found.captured)) {
		set_unavailable(v, why(d, &(struct extent){.addr = v->bits,
							   .captured = found.captured,
							   .status = found.status}));
		return;
	}
	text = pointee_new(d, v, v->node);
	if (!text)
		return;
	text->kind = VALUE_TEXT;
	text->bytes = found.bytes;
	text->len = nul ? (size_t)(nul - found.bytes) : found.captured;
	text->is_truncated = !nul;
}

static void set_bytes(struct decoder *d, struct value *v, const struct extent *extent, uint64_t wanted)
{
	if (extent->captured < wanted && (!is_limit(extent) || !extent->captured)) {
		set_unavailable(v, why(d, extent));
		return;
	}
	v->kind = VALUE_BYTES;
	v->bytes = extent->bytes;
	v->len = MIN(extent->captured, wanted);
	v->is_truncated = extent->captured < wanted;
	v->full_len = v->is_truncated && wanted != UINT64_MAX ? wanted : 0;
}

static void follow_bytes(struct decoder *d, struct value *v)
{
	struct extent extent;
	struct found found;
	struct value *bytes;

	if (!memory_find(d->memory, v->bits, v->node, &found)) {
		set_unavailable(v, why_absent(d, v->bits));
		return;
	}
	extent = extent_of(v->bits, &found);
	bytes = pointee_new(d, v, v->node);
	if (!bytes)
		return;
	set_bytes(d, bytes, &extent, found.wanted);
	lift_unavailable(v);
}

static bool is_last(const struct shape_node *n, const uint8_t *element, uint32_t size)
{
	size_t len = MIN(size, sizeof(uint64_t));
	uint64_t want = extend(n->terminator, len * 8, false);

	if (load(element, len) != want)
		return false;
	/* A struct ends its array when all of it is zero. */
	for (uint32_t i = len; i < size; i++)
		if (element[i])
			return false;
	return true;
}

/* The elements before the terminator; UINT64_MAX when it was not captured: nobody knows how many there are.
 */
static uint64_t terminated_cnt(const struct shape_node *n, const struct found *found, uint32_t size)
{
	uint64_t cnt = 0;

	for (; (cnt + 1) * size <= found->captured; cnt++)
		if (is_last(n, found->bytes + cnt * size, size))
			return cnt;
	if (found->status == PLAN_FRAGMENT_OK && found->captured >= found->wanted && cnt < n->max)
		return cnt;
	return UINT64_MAX;
}

/* An array whose extent the plan decided: fragment @found of @v's node (or of its pointer's). */
static void decode_counted(struct decoder *d, struct value *v, const struct shape_node *n, uint64_t addr,
			   const struct found *found)
{
	struct extent extent = extent_of(addr, found);
	uint32_t size = d->shape->nodes[n->first_child].size;
	uint64_t wanted = size ? found->wanted / size : 0;

	if (n->has_terminator && size)
		wanted = terminated_cnt(n, found, size);
	else if (found->wanted == UINT64_MAX)
		wanted = UINT64_MAX;
	decode_elements(d, v, n->first_child, wanted, &extent, 0);
	if (v->full_len == UINT64_MAX)
		v->full_len = 0;
}

static void follow_array(struct decoder *d, struct value *v, const struct shape_node *n)
{
	uint32_t type = d->shape->nodes[n->first_child].type;
	struct value *array;
	struct found found;

	if (!memory_find(d->memory, v->bits, v->node, &found)) {
		set_unavailable(v, why_absent(d, v->bits));
		return;
	}
	if (found.wanted && set_ref(d, v, seen_find(d, v->bits, type, found.wanted, true)))
		return;
	array = pointee_new(d, v, v->node);
	if (!array)
		return;
	if (found.wanted)
		seen_add(d, (struct seen){.addr = v->bits,
					  .len = found.wanted,
					  .type = strip(d, type),
					  .is_array = true,
					  .value = array});
	decode_counted(d, array, n, v->bits, &found);
	lift_unavailable(v);
}

/* An object of @size bytes at @addr: from the fragment of @node, else from any that cover it. */
static bool locate(struct decoder *d, struct extent *out, uint64_t addr, uint16_t node, size_t size)
{
	struct found found = {.captured = size, .wanted = size};

	if (!memory_find(d->memory, addr, node, &found))
		found.bytes = memory_read(d->memory, addr, size);
	*out = extent_of(addr, &found);
	return found.bytes || !found.captured;
}

static void follow_object(struct decoder *d, struct value *v, const struct shape_node *n)
{
	const struct shape_node *to = &d->shape->nodes[n->first_child];
	struct extent extent;
	struct value *child;

	if (to->kind == SHAPE_STRUCT && to->size &&
	    set_ref(d, v, seen_find(d, v->bits, to->type, to->size, false)))
		return;
	if (!locate(d, &extent, v->bits, v->node, to->size)) {
		set_unavailable(v, why_absent(d, v->bits));
		return;
	}
	if (to->size && !extent.captured) {
		set_unavailable(v, why(d, &extent));
		return;
	}
	child = pointee_new(d, v, n->first_child);
	if (child)
		decode(d, child, &extent, 0);
}

/* A pointer that the shape cuts may still lead to what was shown. */
static bool ref_of_cut(struct decoder *d, struct value *v, const struct shape_node *n)
{
	struct btf *btf = d->shape->schema ? schema_btf(d->shape->schema) : NULL;
	const struct btf_type *t = btf ? btf__type_by_id(btf, strip(d, n->type)) : NULL;

	if (!t || !btf_is_ptr(t))
		return false;
	return set_ref(
		d, v,
		seen_find(d, v->bits, t->type, schema_size(d->shape->schema, strip(d, t->type)), false));
}

static bool is_pointer_type(const struct decoder *d, const struct shape_node *n)
{
	struct btf *btf = d->shape->schema ? schema_btf(d->shape->schema) : NULL;
	const struct btf_type *t = btf ? btf__type_by_id(btf, strip(d, n->type)) : NULL;

	return n->size == 8 && (!t || btf_is_ptr(t));
}

static void decode_cut(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];

	if (is_pointer_type(d, n) && has_bytes(extent, off, n->size)) {
		v->bits = load(extent->bytes + off, n->size);
		v->kind = VALUE_POINTER;
		if (!v->bits || ref_of_cut(d, v, n))
			return;
	}
	set_unavailable(v, n->reason ? n->reason : "not captured");
}

static void decode_pointer(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];

	v->bits = load(extent->bytes + off, 8);
	v->kind = n->kind == SHAPE_HANDLE && v->bits ? VALUE_HANDLE : VALUE_POINTER;
	if (!v->bits || v->kind == VALUE_HANDLE)
		return;
	if (!(n->flows & d->flow)) {
		set_unavailable(v, d->flow == FLOW_IN ? out_only : in_only);
		v->is_elsewhere = true;
	} else if (*d->cnt >= VALUE_CNT_MAX) {
		set_unavailable(v, too_many);
	} else if (n->kind == SHAPE_STRING) {
		follow_string(d, v);
	} else if (n->kind == SHAPE_BYTES) {
		follow_bytes(d, v);
	} else if (n->length || n->has_terminator) {
		follow_array(d, v, n);
	} else {
		follow_object(d, v, n);
	}
}

/* Flexible arrays: the fragment of this node at the member's own address. */
static void decode_flexible(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	uint64_t addr = extent->addr + off;
	struct found found;

	if (!extent->has_addr || !memory_find(d->memory, addr, v->node, &found)) {
		set_unavailable(v, why_absent(d, addr));
		return;
	}
	if (n->kind == SHAPE_BYTES) {
		struct extent bytes = extent_of(addr, &found);

		set_bytes(d, v, &bytes, found.wanted);
		return;
	}
	decode_counted(d, v, n, addr, &found);
}

static void decode_array(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];

	decode_elements(d, v, n->first_child, n->count, extent, off);
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
	[SHAPE_CUT] = {decode_cut, false},
};

static bool is_flexible(const struct shape_node *n)
{
	return n->is_inline || (n->kind == SHAPE_ARRAY && (n->length || n->has_terminator));
}

static void decode(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	const struct kind_decoder *kind = &decoders[n->kind];

	if (d->depth == VALUE_DEPTH_MAX) {
		set_unavailable(v, too_deep);
		return;
	}
	d->depth++;
	if (is_flexible(n))
		decode_flexible(d, v, extent, off);
	else if (kind->is_small && !has_bytes(extent, off, scalar_len(n)))
		set_unavailable(v, why(d, extent));
	else
		kind->fn(d, v, extent, off);
	d->depth--;
}

/* --- parameters and the result --- */

/* Registers as the bytes of a value; @regs by number. */
static bool extent_of_registers(struct decoder *d, struct extent *out, const struct abi_loc *loc,
				const uint64_t *regs)
{
	uint64_t *bytes = pool_alloc(d->pool, ABI_PIECES_MAX * EIGHTBYTE);

	if (!bytes) {
		d->failed = true;
		return false;
	}
	*out = (struct extent){.bytes = (uint8_t *)bytes,
			       .captured = MIN(loc->size, ABI_PIECES_MAX * EIGHTBYTE),
			       .reason = no_register};
	for (unsigned i = 0; i < loc->pieces_cnt && i < ABI_PIECES_MAX; i++) {
		const struct abi_piece *piece = &loc->piece[i];

		if (piece->place == ABI_GPR)
			bytes[i] = regs[piece->number];
		else if (i + 1 < loc->pieces_cnt)
			out->missing |= 1 << i;
		else /* the last one may be wider than eight bytes: x87, vectors */
			out->missing |= 0xff << i;
	}
	return true;
}

/* A parameter's own bytes, as they were at entry. */
static bool extent_of_param(struct decoder *d, struct extent *out, const struct shape_param *param,
			    const struct call *call, struct memory *entry)
{
	uint64_t addr = call->rsp + 8 + param->loc.piece[0].number;
	struct found found = {.captured = param->loc.size};

	if (!param->loc.pieces_cnt || param->loc.piece[0].place != ABI_STACK)
		return extent_of_registers(d, out, &param->loc, call->args);
	found.bytes = memory_read(entry, addr, param->loc.size);
	*out = extent_of(addr, &found);
	out->has_addr = d->flow == FLOW_IN;
	if (!found.bytes) {
		out->captured = 0;
		out->reason = why_absent(d, addr);
	}
	return true;
}

static struct value *decode_param(struct decoder *d, const struct shape_param *param, const struct call *call,
				  struct memory *entry)
{
	struct extent extent;
	struct value *v;

	if (!extent_of_param(d, &extent, param, call, entry))
		return NULL;
	v = value_new(d, param->node, NULL);
	if (v)
		decode(d, v, &extent, 0);
	return v;
}

static struct value *decode_result(struct decoder *d, const struct call *call)
{
	const struct shape_param *result = &d->shape->result;
	const uint64_t regs[ABI_GPRS] = {call->rax, call->rdx};
	struct extent extent;
	struct value *v;

	if (result->loc.pieces_cnt && result->loc.piece[0].place == ABI_SRET) {
		if (!locate(d, &extent, call->rax, result->node, result->loc.size))
			extent = (struct extent){.reason = why_absent(d, call->rax)};
	} else if (!extent_of_registers(d, &extent, &result->loc, regs)) {
		return NULL;
	}
	v = value_new(d, result->node, NULL);
	if (v)
		decode(d, v, &extent, 0);
	return v;
}

/* Whether anything that @node's value reaches is captured at return. */
static bool flows_out(const struct shape *shape, uint16_t node)
{
	const struct shape_node *n = &shape->nodes[node];

	if (n->flows & FLOW_OUT)
		return true;
	if (n->kind != SHAPE_STRUCT && n->kind != SHAPE_ARRAY)
		return false;
	for (uint16_t i = n->first_child; i != SHAPE_NONE; i = shape->nodes[i].next)
		if (flows_out(shape, i))
			return true;
	return false;
}

static int decoder_init(struct decoder *d, const struct shape *shape, const struct side *side, uint8_t flow,
			size_t *cnt, struct pool *pool)
{
	*d = (struct decoder){.shape = shape,
			      .side = side,
			      .memory = memory_new(side, pool),
			      .pool = pool,
			      .prefix = flow == FLOW_IN ? "args." : "out.",
			      .flow = flow,
			      .cnt = cnt};
	return d->memory ? 0 : -ENOMEM;
}

static bool has_failed(const struct decoder *d)
{
	return d->failed || memory_failed(d->memory);
}

int values_decode(struct values *out, const struct shape *shape, const struct call *call, struct pool *pool)
{
	struct values values = {.params_cnt = MIN(shape->params_cnt, ABI_PARAMS_MAX),
				.has_errno = call->has_errno,
				.error_number = call->error_number};
	bool has_returned = call->left == LEFT_RETURN;
	struct decoder in, ret;
	size_t cnt = 0;

	if (decoder_init(&in, shape, &call->in, FLOW_IN, &cnt, pool) ||
	    decoder_init(&ret, shape, &call->out, FLOW_OUT, &cnt, pool))
		return -ENOMEM;
	for (size_t i = 0; i < values.params_cnt; i++) {
		const struct shape_param *param = &shape->params[i];

		values.names[i] = shape->nodes[param->node].name;
		if (!shape->nodes[param->node].is_out_only)
			values.args[i] = decode_param(&in, param, call, in.memory);
		if (has_returned && flows_out(shape, param->node))
			values.out[i] = decode_param(&ret, param, call, in.memory);
	}
	if (has_returned && shape->result.node != SHAPE_NONE)
		values.result = decode_result(&ret, call);
	if (has_failed(&in) || has_failed(&ret))
		return -ENOMEM;
	*out = values;
	return 0;
}

/* --- places --- */

const struct value *value_pointee(const struct value *value)
{
	if (value->kind == VALUE_REF)
		return value->target;
	return value->kind == VALUE_POINTER && value->child_cnt ? value->child[0] : NULL;
}

static size_t index_of(const struct value *array, const struct value *element)
{
	size_t i = 0;

	while (i < array->child_cnt && array->child[i] != element)
		i++;
	return i;
}

static bool is_pointee(const struct value *v)
{
	return v->parent && v->parent->kind == VALUE_POINTER;
}

/* What needs its star written: an object behind a pointer that has no other spelling. */
static bool is_starred(const struct value *v)
{
	return is_pointee(v) && v->kind != VALUE_STRUCT && v->kind != VALUE_ARRAY && v->kind != VALUE_TEXT &&
	       v->kind != VALUE_BYTES;
}

static void put_path(struct buf *buf, const struct value *v, bool goes_on)
{
	const struct value *parent = v->parent;

	if (is_starred(v)) {
		buf_printf(buf, goes_on ? "(*" : "*");
		put_path(buf, parent, true);
		buf_printf(buf, goes_on ? ")" : "");
	} else if (is_pointee(v)) {
		put_path(buf, parent, goes_on);
	} else if (!parent) {
		buf_printf(buf, "%s", v->name ? v->name : "");
	} else if (parent->kind == VALUE_ARRAY) {
		put_path(buf, parent, true);
		buf_printf(buf, "[%zu]", index_of(parent, v));
	} else {
		put_path(buf, parent, true);
		buf_printf(buf, "%s%s", is_pointee(parent) ? "->" : ".", v->name ? v->name : "");
	}
}

char *value_path(const struct value *value)
{
	auto_buf struct buf buf;

	buf_init(&buf, PATH_BYTES_MAX);
	put_path(&buf, value, false);
	buf_put_u8(&buf, 0);
	return buf.failed ? NULL : (char *)TAKE_PTR(buf.data);
}
