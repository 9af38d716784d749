// SPDX-License-Identifier: BSD-3-Clause
#include "replay/rebuild.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/encode.h"
#include "replay/target/patch.h"

#define OPS_BYTES_MAX (64u << 20)

void rebuild_init(struct rebuild *rebuild, size_t bytes_max, struct notes *notes, struct err *err)
{
	*rebuild = (struct rebuild){.notes = notes, .err = err};
	buf_init(&rebuild->ops, OPS_BYTES_MAX);
	buf_init(&rebuild->data, bytes_max);
}

void rebuild_release(struct rebuild *rebuild)
{
	buf_release(&rebuild->ops);
	buf_release(&rebuild->data);
	free(rebuild->built);
}

void rebuild_begin(struct rebuild *rebuild, const struct shape *shape, const struct value *const *live,
		   const struct value *const *live_out)
{
	rebuild->shape = shape;
	rebuild->live = live;
	rebuild->live_out = live_out;
	rebuild->built_cnt = 0;
	rebuild->ops_done = rebuild->ops.len / sizeof(struct serve_op);
}

int rebuild_op(struct rebuild *rebuild, uint8_t kind, uint8_t dst, uint8_t src, uint32_t off, uint32_t len,
	       uint64_t data)
{
	const struct serve_op op = {
		.kind = kind,
		.dst = dst,
		.src = src,
		.is_optional = rebuild->is_optional,
		.off = off,
		.len = len,
		.data = data,
	};

	if (dst >= PATCH_SERVE_VALUES || src >= PATCH_SERVE_VALUES)
		return err_set(rebuild->err, -EUNATCH, "its data is nested deeper than can be rebuilt");
	buf_put(&rebuild->ops, &op, sizeof(op));
	return rebuild->ops.failed ? err_set(rebuild->err, -EUNATCH, "its data is larger than can be rebuilt")
				   : 0;
}

static int write_bytes(struct rebuild *rebuild, uint8_t reg, uint32_t off, const uint8_t *bytes, size_t len)
{
	size_t at = rebuild->data.len;

	buf_put(&rebuild->data, bytes, len);
	if (rebuild->data.failed)
		return err_set(rebuild->err, -EUNATCH, "its data is larger than can be rebuilt");
	return rebuild_op(rebuild, SERVE_WRITE, reg, 0, off, len, at);
}

/* --- objects met again --- */

static int remember(struct rebuild *rebuild, const struct value *value, uint16_t node, uint8_t reg)
{
	if (rebuild->shared_cnt == PATCH_SHARED_MAX)
		return 0;
	if (rebuild->built_cnt == rebuild->built_cap) {
		size_t cap = rebuild->built_cap ? 2 * rebuild->built_cap : 64;
		struct built *more = realloc(rebuild->built, cap * sizeof(*more));

		if (!more)
			return err_nomem(rebuild->err);
		rebuild->built = more;
		rebuild->built_cap = cap;
	}
	rebuild->built[rebuild->built_cnt++] = (struct built){value, rebuild->shared_cnt, node};
	return rebuild_op(rebuild, SERVE_SHARE, reg, 0, 0, 0, rebuild->shared_cnt++);
}

static const struct built *find_built(const struct rebuild *rebuild, const struct value *value)
{
	for (size_t i = 0; i < rebuild->built_cnt; i++)
		if (rebuild->built[i].value == value)
			return &rebuild->built[i];
	return NULL;
}

/* The node of what the pointer node @node leads to: of an array its own, else the object's. */
static uint16_t pointee_node(const struct shape *shape, uint16_t node)
{
	const struct shape_node *n = &shape->nodes[node];

	return n->length || n->has_terminator || n->first_child == SHAPE_NONE ? node : n->first_child;
}

static int locate(struct rebuild *rebuild, const struct value *value, uint8_t reg, uint16_t *node);

/* A parameter's own pointer: in a live register, or on the stack. */
static int locate_param(struct rebuild *rebuild, const struct value *pointer, uint8_t reg, uint16_t *node)
{
	for (size_t i = 0; i < rebuild->shape->params_cnt; i++) {
		const struct shape_param *param = &rebuild->shape->params[i];
		const struct abi_piece *piece = &param->loc.piece[0];

		if (rebuild->live[i] != pointer && rebuild->live_out[i] != pointer)
			continue;
		*node = pointee_node(rebuild->shape, param->node);
		if (piece->place == ABI_GPR)
			return rebuild_op(rebuild, SERVE_ADD, reg, piece->number, 0, 0, 0);
		if (piece->place == ABI_STACK)
			return rebuild_op(rebuild, SERVE_FOLLOW, reg, ABI_GPRS, piece->number, 0, 0);
	}
	return -ENOENT;
}

static size_t index_in(const struct value *array, const struct value *element)
{
	size_t idx = 0;

	while (idx < array->child_cnt && array->child[idx] != element)
		idx++;
	return idx;
}

/* @value inside the object that holds it, in the build's layout. */
static int locate_member(struct rebuild *rebuild, const struct value *value, uint8_t reg, uint16_t *node)
{
	const struct value *parent = value->parent;
	uint32_t off = 0;
	int r = locate(rebuild, parent, reg, node);

	if (r < 0)
		return r;
	if (parent->kind == VALUE_STRUCT)
		*node = encode_member(rebuild->shape, *node, value->name, &off);
	else
		*node = rebuild->shape->nodes[*node].first_child;
	if (*node == SHAPE_NONE)
		return -ENOENT;
	if (parent->kind == VALUE_ARRAY)
		off = index_in(parent, value) * rebuild->shape->nodes[*node].size;
	return off ? rebuild_op(rebuild, SERVE_ADD, reg, reg, off, 0, 0) : 0;
}

/* The address of @value, an object that was built or is among the live arguments, in register @reg. */
static int locate(struct rebuild *rebuild, const struct value *value, uint8_t reg, uint16_t *node)
{
	const struct built *built = find_built(rebuild, value);
	const struct value *pointer = value->parent;
	int r;

	if (built) {
		*node = built->node;
		return rebuild_op(rebuild, SERVE_SHARED, reg, 0, 0, 0, built->shared);
	}
	if (!pointer)
		return -ENOENT;
	if (pointer->kind != VALUE_POINTER)
		return locate_member(rebuild, value, reg, node);
	if (!rebuild->live)
		return -ENOENT;
	if (!pointer->parent)
		return locate_param(rebuild, pointer, reg, node);
	r = locate_member(rebuild, pointer, reg, node);
	if (r < 0)
		return r;
	*node = pointee_node(rebuild->shape, *node);
	return rebuild_op(rebuild, SERVE_FOLLOW, reg, reg, 0, 0, 0);
}

static int reach(struct rebuild *rebuild, const struct value *ref, uint8_t reg)
{
	uint16_t node;
	int r = locate(rebuild, ref->target, reg, &node);

	if (r != -ENOENT)
		return r;
	return err_set(rebuild->err, -EUNATCH, "'%s' points to '%s', which cannot be found again",
		       ref->name ? ref->name : "it", ref->path ? ref->path : "?");
}

/* --- objects --- */

static int put_pointer(struct rebuild *rebuild, uint8_t reg, const struct encode_pointer *pointer);

/* The encoding's bytes at the address in @reg, then what its pointers lead to. */
static int put(struct rebuild *rebuild, uint8_t reg, const struct encoding *encoding)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < encoding->len;) {
		size_t end = at;

		while (end < encoding->len && encoding->is_set[end])
			end++;
		if (end > at)
			r = write_bytes(rebuild, reg, at, encoding->bytes + at, end - at);
		at = end + 1;
	}
	for (size_t i = 0; r == 0 && i < encoding->pointers_cnt; i++)
		r = put_pointer(rebuild, reg, &encoding->pointers[i]);
	return r;
}

/* New memory for what @pointer leads to; its address in @reg. */
static int build(struct rebuild *rebuild, uint8_t reg, const struct value *pointer, uint16_t node)
{
	const struct value *object = pointer->child[0];
	auto_encoding struct encoding encoding = {};
	int r = encode_pointee(&encoding, rebuild->shape, node, object, NULL, rebuild->notes, rebuild->err);
	size_t room = encoding.len;

	if (r < 0)
		return r;
	if (rebuild->shape->nodes[node].kind == SHAPE_BYTES && rebuild->shape->nodes[node].flows & FLOW_OUT)
		room = MAX(room, REBUILD_OUT_BYTES);
	r = rebuild_op(rebuild, SERVE_ALLOC, reg, 0, 0, room, 0);
	if (r == 0)
		r = remember(rebuild, object, pointee_node(rebuild->shape, node), reg);
	return r < 0 ? r : put(rebuild, reg, &encoding);
}

/* Address of what @pointer leads to in @reg. */
static int point(struct rebuild *rebuild, uint8_t reg, const struct encode_pointer *pointer)
{
	if (pointer->value->kind == VALUE_REF)
		return reach(rebuild, pointer->value, reg);
	return build(rebuild, reg, pointer->value, pointer->node);
}

static bool is_unchanged(const struct encode_pointer *pointer)
{
	return pointer->before && pointer->before->bits == pointer->value->bits;
}

/* Whether the call left everything as it was that it could reach there. */
static bool is_same(const struct value *a, const struct value *b)
{
	if (!b || a->kind != b->kind || a->bits != b->bits || a->bits_high != b->bits_high ||
	    a->len != b->len || a->child_cnt != b->child_cnt)
		return false;
	if (a->bytes && b->bytes && memcmp(a->bytes, b->bytes, a->len))
		return false;
	for (size_t i = 0; i < a->child_cnt; i++)
		if (!is_same(a->child[i], b->child[i]))
			return false;
	return true;
}

static int follow_unchanged(struct rebuild *rebuild, uint8_t reg, const struct encode_pointer *pointer)
{
	bool was_optional = rebuild->is_optional;
	int r;

	rebuild->is_optional |= is_same(pointer->value, pointer->before);
	r = rebuild_op(rebuild, SERVE_FOLLOW, reg + 1, reg, pointer->off, 0, 0);
	if (r == 0)
		r = rebuild_through(rebuild, reg + 1, pointer->value, pointer->before, pointer->node);
	rebuild->is_optional = was_optional;
	return r;
}

static int put_pointer(struct rebuild *rebuild, uint8_t reg, const struct encode_pointer *pointer)
{
	const struct shape_node *node = &rebuild->shape->nodes[pointer->node];
	int r;

	if (is_unchanged(pointer)) {
		if (pointer->value->kind != VALUE_POINTER || !(node->flows & FLOW_OUT) || node->is_const)
			return 0;
		return follow_unchanged(rebuild, reg, pointer);
	}
	r = point(rebuild, reg + 1, pointer);
	return r < 0 ? r : rebuild_op(rebuild, SERVE_POINTER, reg, reg + 1, pointer->off, 0, 0);
}

int rebuild_through(struct rebuild *rebuild, uint8_t reg, const struct value *pointer,
		    const struct value *before, uint16_t node)
{
	const struct value *was =
		before && before->kind == VALUE_POINTER && before->child_cnt ? before->child[0] : NULL;
	auto_encoding struct encoding encoding = {};
	int r;

	if (pointer->kind != VALUE_POINTER || !pointer->child_cnt)
		return 0;
	r = encode_pointee(&encoding, rebuild->shape, node, pointer->child[0], was, rebuild->notes,
			   rebuild->err);
	return r < 0 ? r : put(rebuild, reg, &encoding);
}

int rebuild_at(struct rebuild *rebuild, uint8_t reg, const struct value *value, uint16_t node)
{
	auto_encoding struct encoding encoding = {};
	int r = encode_one(&encoding, rebuild->shape, node, value, NULL, rebuild->notes, rebuild->err);

	return r < 0 ? r : put(rebuild, reg, &encoding);
}

int rebuild_value(struct rebuild *rebuild, struct rebuild_value *out, const struct value *value,
		  uint16_t node)
{
	auto_encoding struct encoding encoding = {};
	uint8_t reg = REBUILD_FIRST;
	int r = encode_one(&encoding, rebuild->shape, node, value, NULL, rebuild->notes, rebuild->err);

	if (r < 0)
		return r;
	if (encoding.len > sizeof(out->bytes) || encoding.pointers_cnt > REBUILD_SLOTS_MAX)
		return err_set(rebuild->err, -EUNATCH, "'%s' is larger than can be passed by value",
			       value->name ? value->name : "it");
	out->len = encoding.len;
	memcpy(out->bytes, encoding.bytes, encoding.len);
	for (size_t i = 0; i < encoding.pointers_cnt; i++, reg++) {
		r = point(rebuild, reg, &encoding.pointers[i]);
		if (r < 0)
			return r;
		out->slots[out->slots_cnt++] = (struct rebuild_slot){encoding.pointers[i].off, reg};
	}
	return 0;
}

/* The live pointer at @off of a value that was passed as @loc says, in register REBUILD_FIRST: what it leads
 * to is built with the registers behind that one, and all live arguments stay where they are. */
static int live_pointer(struct rebuild *rebuild, const struct abi_loc *loc, uint32_t off)
{
	const struct abi_piece *piece = &loc->piece[0];

	if (piece->place == ABI_STACK)
		return rebuild_op(rebuild, SERVE_FOLLOW, REBUILD_FIRST, ABI_GPRS, piece->number + off, 0, 0);
	if (off / 8 >= loc->pieces_cnt || loc->piece[off / 8].place != ABI_GPR)
		return err_set(rebuild->err, -EUNATCH, "it has a pointer where none can be");
	return rebuild_op(rebuild, SERVE_ADD, REBUILD_FIRST, loc->piece[off / 8].number, 0, 0, 0);
}

int rebuild_passed(struct rebuild *rebuild, const struct abi_loc *loc, const struct value *value,
		   const struct value *before, uint16_t node)
{
	auto_encoding struct encoding encoding = {};
	int r = encode_one(&encoding, rebuild->shape, node, value, before, rebuild->notes, rebuild->err);

	for (size_t i = 0; r == 0 && i < encoding.pointers_cnt; i++) {
		const struct encode_pointer *pointer = &encoding.pointers[i];

		if (pointer->value->kind != VALUE_POINTER)
			continue;
		r = live_pointer(rebuild, loc, pointer->off);
		if (r == 0)
			r = rebuild_through(rebuild, REBUILD_FIRST, pointer->value, pointer->before,
					    pointer->node);
	}
	return r;
}

int rebuild_room(struct rebuild *rebuild, uint8_t reg, uint16_t node, size_t len)
{
	const struct shape_node *pointer = &rebuild->shape->nodes[node];
	size_t room = len;

	if (pointer->first_child != SHAPE_NONE)
		room = MAX(room, rebuild->shape->nodes[pointer->first_child].size);
	if (pointer->kind != SHAPE_POINTER || pointer->length || pointer->has_terminator)
		room = MAX(room, REBUILD_OUT_BYTES);
	return rebuild_op(rebuild, SERVE_ALLOC, reg, 0, 0, room, 0);
}
