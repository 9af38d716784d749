// SPDX-License-Identifier: BSD-3-Clause
/* Where the objects of a rebuilt call are: built before, among the live arguments, or inside one of these. */
#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/encode.h"
#include "replay/rebuild_impl.h"
#include "replay/target/patch.h"

#define BUILT_FIRST 64

/* --- what was built --- */

int locate_remember(struct rebuild *rebuild, const struct value *value, uint16_t node, uint8_t reg)
{
	if (rebuild->shared_cnt == PATCH_SHARED_MAX)
		return err_set(rebuild->err, -EUNATCH, "it has more objects than can be rebuilt");
	if (rebuild->built_cnt == rebuild->built_cap) {
		size_t cap = rebuild->built_cap ? 2 * rebuild->built_cap : BUILT_FIRST;
		struct built *more = realloc(rebuild->built, cap * sizeof(*more));

		if (!more)
			return err_nomem(rebuild->err);
		rebuild->built = more;
		rebuild->built_cap = cap;
	}
	rebuild->built[rebuild->built_cnt++] = (struct built){
		.value = value,
		.shared = rebuild->shared_cnt,
		.node = node,
		.shape = rebuild->shape,
		.recorded = rebuild->recorded,
	};
	return rebuild_op(rebuild, SERVE_SHARE, reg, 0, 0, 0, rebuild->shared_cnt++);
}

static const struct built *find_built(const struct rebuild *rebuild, const struct value *value)
{
	for (size_t i = 0; i < rebuild->built_cnt; i++)
		if (rebuild->built[i].value == value)
			return &rebuild->built[i];
	return NULL;
}

bool locate_is_built(const struct rebuild *rebuild, const struct value *value)
{
	return find_built(rebuild, value);
}

uint16_t locate_pointee(const struct shape *shape, uint16_t node)
{
	const struct shape_node *n = &shape->nodes[shape_pointer(shape, node)];

	return n->length || n->has_terminator || n->first_child == SHAPE_NONE ? node : n->first_child;
}

/* --- what is live --- */

/* A parameter's own pointer: in a live register, or on the stack. */
static int locate_param(struct rebuild *rebuild, const struct value *pointer, uint8_t reg, struct spot *spot)
{
	for (size_t i = 0; i < rebuild->shape->params_cnt; i++) {
		const struct shape_param *param = &rebuild->shape->params[i];
		const struct abi_piece *piece = &param->loc.piece[0];

		if (rebuild->live[i] != pointer && rebuild->live_out[i] != pointer)
			continue;
		*spot = (struct spot){rebuild->shape, rebuild->recorded,
				      locate_pointee(rebuild->shape, param->node)};
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

/* One step down from @spot, the build's node of @parent, to its child @value. */
static int step_down(struct spot *spot, uint32_t *off, const struct value *parent, const struct value *value)
{
	const struct shape *shape = spot->shape;

	*off = 0;
	if (parent->kind == VALUE_STRUCT && value->name)
		spot->node = encode_member(shape, spot->node, value->name, off);
	else if (parent->kind == VALUE_ARRAY)
		spot->node = shape->nodes[spot->node].first_child;
	else
		return -ENOENT;
	if (spot->node == SHAPE_NONE)
		return -ENOENT;
	if (parent->kind == VALUE_ARRAY)
		*off = index_in(parent, value) * shape->nodes[spot->node].size;
	return 0;
}

int locate_node(const struct rebuild *rebuild, const struct value *value, struct spot *spot)
{
	const struct value *parent = value->parent;
	uint32_t off;
	int r;

	if (parent) {
		r = locate_node(rebuild, parent, spot);
		if (r < 0 || parent->kind != VALUE_POINTER)
			return r < 0 ? r : step_down(spot, &off, parent, value);
		spot->node = locate_pointee(spot->shape, spot->node);
		return 0;
	}
	for (size_t i = 0; i < rebuild->known_cnt; i++) {
		if (rebuild->known[i].root != value)
			continue;
		*spot = (struct spot){rebuild->shape, rebuild->recorded, rebuild->known[i].node};
		return 0;
	}
	return -ENOENT;
}

/* @value inside the object that holds it, in the build's layout. */
static int locate_member(struct rebuild *rebuild, const struct value *value, uint8_t reg, struct spot *spot)
{
	uint32_t off;
	int r = locate(rebuild, value->parent, reg, spot);

	if (r == 0)
		r = step_down(spot, &off, value->parent, value);
	if (r < 0)
		return r;
	return off ? rebuild_op(rebuild, SERVE_ADD, reg, reg, off, 0, 0) : 0;
}

int locate(struct rebuild *rebuild, const struct value *value, uint8_t reg, struct spot *spot)
{
	const struct built *built = find_built(rebuild, value);
	const struct value *pointer = value->parent;
	int r;

	if (built) {
		*spot = (struct spot){built->shape, built->recorded, built->node};
		return rebuild_op(rebuild, SERVE_SHARED, reg, 0, 0, 0, built->shared);
	}
	if (!pointer)
		return -ENOENT;
	if (pointer->kind != VALUE_POINTER)
		return locate_member(rebuild, value, reg, spot);
	if (!rebuild->live)
		return -ENOENT;
	if (!pointer->parent)
		return locate_param(rebuild, pointer, reg, spot);
	r = locate_member(rebuild, pointer, reg, spot);
	if (r < 0)
		return r;
	spot->node = locate_pointee(spot->shape, spot->node);
	return rebuild_op(rebuild, SERVE_FOLLOW, reg, reg, 0, 0, 0);
}

/* --- inside an object, by address --- */

/* Of the member node @node in the struct node @owner: anonymous structs may lie between them. */
static uint32_t recorded_offset(const struct shape *recorded, uint16_t node, uint16_t owner)
{
	uint32_t off = 0;

	for (; node != owner && node != SHAPE_NONE; node = recorded->nodes[node].parent)
		off += recorded->nodes[node].offset;
	return off;
}

/* The child of @value in which byte @off lies, and in *@start where it begins; NULL: none. */
static const struct value *child_around(const struct shape *recorded, const struct value *value, uint64_t off,
					uint64_t *start)
{
	for (size_t i = 0; i < value->child_cnt; i++) {
		const struct value *child = value->child[i];
		uint64_t size = value->kind == VALUE_ARRAY ? value->extent / value->child_cnt
							   : recorded->nodes[child->node].size;

		*start = value->kind == VALUE_ARRAY ? i * size
						    : recorded_offset(recorded, child->node, value->node);
		if (off >= *start && off - *start < size)
			return child;
	}
	return NULL;
}

/* Byte @off of @value, where it lies in the build's object at @spot. */
static int offset_in(const struct spot *at, const struct value *value, uint64_t off, uint64_t *out)
{
	const struct value *child;
	struct spot spot = *at;
	uint64_t start, inner;
	uint32_t step;
	int r;

	*out = off;
	if (!off || (value->kind != VALUE_STRUCT && value->kind != VALUE_ARRAY))
		return 0;
	child = child_around(at->recorded, value, off, &start);
	if (!child)
		return -ENOENT;
	r = step_down(&spot, &step, value, child);
	if (r == 0)
		r = offset_in(&spot, child, off - start, &inner);
	if (r == 0)
		*out = step + inner;
	return r;
}

/* One past the end: the end of the build's object. */
static int end_of(const struct spot *spot, const struct value *value, uint64_t *out)
{
	const struct shape_node *n = &spot->shape->nodes[spot->node];

	if (value->kind == VALUE_ARRAY && n->first_child != SHAPE_NONE)
		*out = value->child_cnt * spot->shape->nodes[n->first_child].size;
	else
		*out = objects_extent(value);
	return 0;
}

/*
 * An object at entry is still where it was when the call can not have led its pointer elsewhere: what a
 * parameter itself points to, and what const pointers lead to.
 */
static bool is_still_there(const struct rebuild *rebuild, const struct value *value)
{
	const struct value *root = value;
	unsigned hops = 0;

	if (!rebuild->live)
		return true;
	for (; root->parent; root = root->parent)
		hops += root->parent->kind == VALUE_POINTER;
	for (size_t i = 0; i < rebuild->shape->params_cnt; i++)
		if (rebuild->live[i] == root)
			return hops <= 1 || root->is_const;
	return true;
}

static int locate_in(struct rebuild *rebuild, const struct object_at *around, uint64_t addr, uint8_t reg)
{
	uint64_t off = addr - around->addr, to;
	struct spot spot;
	int r = is_still_there(rebuild, around->value) ? locate(rebuild, around->value, reg, &spot) : -ENOENT;

	if (r == 0)
		r = off == around->len ? end_of(&spot, around->value, &to)
				       : offset_in(&spot, around->value, off, &to);
	if (r < 0)
		return r;
	return to ? rebuild_op(rebuild, SERVE_ADD, reg, reg, to, 0, 0) : 0;
}

int locate_inside(struct rebuild *rebuild, uint64_t addr, size_t len, uint8_t reg)
{
	const struct object_at *around = objects_around(&rebuild->objects, addr, len);

	if (!around)
		around = objects_around(&rebuild->kept, addr, len);
	return around ? locate_in(rebuild, around, addr, reg) : -ENOENT;
}

bool locate_is_inside(struct rebuild *rebuild, const struct value *pointer)
{
	const struct value *own =
		pointer->kind == VALUE_POINTER && pointer->child_cnt ? pointer->child[0] : NULL;
	const struct object_at *around =
		objects_around(&rebuild->objects, pointer->bits, own ? MAX(objects_extent(own), 1u) : 0);

	if (!around && !own)
		around = objects_around(&rebuild->kept, pointer->bits, 0);
	return around && around->value != own;
}
