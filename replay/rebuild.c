// SPDX-License-Identifier: BSD-3-Clause
#include "replay/rebuild.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/program.h"
#include "lib/schema.h"
#include "lib/shape.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/displaced.h"
#include "replay/encode.h"
#include "replay/notes.h"
#include "replay/rebuild_impl.h"
#include "replay/target/patch.h"

#define OPS_BYTES_MAX (64u << 20)
#define REG_DEEP                                                                                             \
	32 /* what is nested further is built when the rest is there, with the first registers again */

void rebuild_init(struct rebuild *rebuild, const struct program *program, size_t bytes_max,
		  struct notes *notes, struct err *err)
{
	*rebuild = (struct rebuild){.program = program, .notes = notes, .err = err};
	buf_init(&rebuild->ops, OPS_BYTES_MAX);
	buf_init(&rebuild->data, bytes_max);
}

void rebuild_release(struct rebuild *rebuild)
{
	buf_release(&rebuild->ops);
	buf_release(&rebuild->data);
	free(rebuild->built);
	free(rebuild->waiting);
	objects_release(&rebuild->objects);
	objects_release(&rebuild->kept);
}

void rebuild_begin(struct rebuild *rebuild, const struct shape *shape, const struct shape *recorded,
		   const struct value *const *live, const struct value *const *live_out)
{
	rebuild->shape = shape;
	rebuild->recorded = recorded;
	rebuild->live = live;
	rebuild->live_out = live_out;
	rebuild->built_cnt = rebuild->built_kept;
	rebuild->waiting_cnt = 0;
	rebuild->known_cnt = 0;
	objects_release(&rebuild->objects);
	rebuild->ops_done = rebuild->ops.len / sizeof(struct serve_op);
}

int rebuild_know(struct rebuild *rebuild, const struct value *root, uint16_t node)
{
	if (root && rebuild->known_cnt < ARRAY_SIZE(rebuild->known))
		rebuild->known[rebuild->known_cnt++] = (struct known){root, node};
	return objects_add(&rebuild->objects, root, rebuild->err);
}

void rebuild_keep(struct rebuild *rebuild)
{
	objects_release(&rebuild->kept);
	rebuild->kept = rebuild->objects;
	rebuild->objects = (struct objects){};
	rebuild->built_kept = rebuild->built_cnt;
}

int rebuild_op(struct rebuild *rebuild, uint8_t kind, uint8_t dst, uint8_t src, uint32_t off, uint32_t len,
	       uint64_t data)
{
	const struct serve_op op = {
		.kind = kind,
		.dst = dst,
		.src = src,
		.is_optional = rebuild->is_optional,
		.is_kept = rebuild->is_kept,
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

/* @len bytes at @off, which are all in the same state. */
static int write_bytes(struct rebuild *rebuild, uint8_t reg, uint32_t off, const struct encoding *encoding,
		       size_t len)
{
	size_t at = rebuild->data.len;
	int r;

	buf_put(&rebuild->data, encoding->bytes + off, len);
	if (rebuild->data.failed)
		return err_set(rebuild->err, -EUNATCH, "its data is larger than can be rebuilt");
	rebuild->is_kept = encoding->state[off] == ENCODE_KEPT;
	r = rebuild_op(rebuild, SERVE_WRITE, reg, 0, off, len, at);
	rebuild->is_kept = false;
	return r;
}

/* --- encodings --- */

/* A function that this build does not have under that name: who calls it is the one to be told. */
static bool is_gone(struct rebuild *rebuild, const struct encode_pointer *pointer)
{
	const struct schema *schema = rebuild->shape->schema;
	const struct btf_type *t = btf__type_by_id(
		schema_btf(schema), schema_strip(schema, rebuild->shape->nodes[pointer->node].type));
	uint64_t addr;
	size_t module;

	if (pointer->value->kind != VALUE_SYMBOL || !t || !btf_is_ptr(t))
		return false;
	t = btf__type_by_id(schema_btf(schema), schema_strip(schema, t->type));
	return t && btf_is_func_proto(t) && !locate_is_inside(rebuild, pointer->value) &&
	       !program_locate(rebuild->program, pointer->value->symbol, &module, &addr);
}

/* Addresses that lead nowhere are put where nothing lies. */
static int displace(struct rebuild *rebuild, struct encoding *encoding)
{
	for (size_t i = 0; rebuild->displaced && i < encoding->pointers_cnt; i++) {
		struct encode_pointer *pointer = &encoding->pointers[i];
		uint64_t to;

		if (is_gone(rebuild, pointer)) {
			notes_add(rebuild->notes, "'%s' points to '%s', which is not in this build",
				  pointer->value->name ? pointer->value->name : "it", pointer->value->text);
			pointer->is_raw = true;
			memset(encoding->state + pointer->off, ENCODE_SET, sizeof(to));
		}
		if (!pointer->is_raw)
			continue;
		to = displaced_to(rebuild->displaced, pointer->value->bits);
		if (!to)
			return err_set(rebuild->err, -EUNATCH,
				       "its handles lie in more places than can be told apart");
		memcpy(encoding->bytes + pointer->off, &to, sizeof(to));
	}
	return 0;
}

static int encode_object(struct rebuild *rebuild, struct encoding *out, uint16_t node,
			 const struct value *object, const struct value *before)
{
	int r = encode_pointee(out, rebuild->shape, node, object, before, rebuild->notes, rebuild->err);

	return r < 0 ? r : displace(rebuild, out);
}

static int encode_value(struct rebuild *rebuild, struct encoding *out, uint16_t node,
			const struct value *value, const struct value *before)
{
	int r = encode_one(out, rebuild->shape, node, value, before, rebuild->notes, rebuild->err);

	return r < 0 ? r : displace(rebuild, out);
}

/* --- what lies in an image --- */

/* The address in @reg of what the recorded program had under that name. */
static int point_into_image(struct rebuild *rebuild, const struct value *value, uint8_t reg)
{
	uint64_t addr;
	size_t module;

	if (!program_locate(rebuild->program, value->symbol, &module, &addr))
		return err_set(rebuild->err, -EUNATCH, "'%s' points to '%s', which is not in this build",
			       value->name ? value->name : "it", value->text);
	return rebuild_op(rebuild, SERVE_IMAGE, reg, 0, module, 0, addr);
}

/* --- objects --- */

static int put_pointer(struct rebuild *rebuild, uint8_t reg, const struct encode_pointer *pointer);

/* The encoding's bytes at the address in @reg, then what its pointers lead to. */
static int put(struct rebuild *rebuild, uint8_t reg, const struct encoding *encoding)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < encoding->len;) {
		size_t end = at;

		while (end < encoding->len && encoding->state[end] == encoding->state[at])
			end++;
		if (encoding->state[at] != ENCODE_UNSET)
			r = write_bytes(rebuild, reg, at, encoding, end - at);
		at = end;
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
	int r = encode_object(rebuild, &encoding, node, object, NULL);
	size_t room = encoding.len;

	if (r < 0)
		return r;
	if (rebuild->shape->nodes[node].kind == SHAPE_BYTES && rebuild->shape->nodes[node].flows & FLOW_OUT)
		room = MAX(room, REBUILD_OUT_BYTES);
	/* What a container owns is freed by it, and is no other's. */
	r = rebuild_op(rebuild, SERVE_ALLOC, reg, 0, 0, room, pointer->is_content ? 0 : pointer->bits);
	if (r == 0)
		r = locate_remember(rebuild, object, locate_pointee(rebuild->shape, node), reg);
	return r < 0 ? r : put(rebuild, reg, &encoding);
}

/* What @pointer leads to, at the address in @reg inside an object that was built from what another view of it
 * knew: this one may know more. */
static int overlay(struct rebuild *rebuild, uint8_t reg, const struct value *pointer, uint16_t node)
{
	auto_encoding struct encoding encoding = {};
	int r = encode_object(rebuild, &encoding, node, pointer->child[0], NULL);

	if (r == 0)
		r = locate_remember(rebuild, pointer->child[0], locate_pointee(rebuild->shape, node), reg);
	return r < 0 ? r : put(rebuild, reg, &encoding);
}

/* Whether all that is known of @a is what is known of @b: of a value before and after a call, that it was
 * left as it was. */
static bool is_same(const struct value *a, const struct value *b)
{
	if (!b || a->kind != b->kind || a->bits != b->bits || a->bits_high != b->bits_high ||
	    a->child_cnt != b->child_cnt || !value_same_bytes(a, b))
		return false;
	for (size_t i = 0; i < a->child_cnt; i++)
		if (!is_same(a->child[i], b->child[i]))
			return false;
	return true;
}

/* The object around what @pointer leads to comes first, when only this pointer leads there. */
static int build_inside(struct rebuild *rebuild, uint8_t reg, const struct value *pointer, uint16_t node)
{
	const size_t len = objects_extent(pointer->child[0]);
	const struct object_at *around = objects_around(&rebuild->objects, pointer->bits, len);
	int r = locate_inside(rebuild, pointer->bits, len, reg);
	struct spot spot;

	if (r == -ENOENT && locate_node(rebuild, around->value->parent, &spot) == 0) {
		r = build(rebuild, reg, around->value->parent, spot.node);
		if (r == 0)
			r = locate_inside(rebuild, pointer->bits, len, reg);
	}
	if (r == -ENOENT)
		return build(rebuild, reg, pointer, node);
	if (r == 0 && around->addr == pointer->bits && is_same(pointer->child[0], around->value))
		return locate_remember(rebuild, pointer->child[0], locate_pointee(rebuild->shape, node), reg);
	return r < 0 ? r : overlay(rebuild, reg, pointer, node);
}

/* What @pointer, which has a child, leads to: its address in @reg. */
static int point_to_object(struct rebuild *rebuild, uint8_t reg, const struct value *pointer, uint16_t node)
{
	struct spot spot;

	if (locate_is_built(rebuild, pointer->child[0]))
		return locate(rebuild, pointer->child[0], reg, &spot);
	if (locate_is_inside(rebuild, pointer))
		return build_inside(rebuild, reg, pointer, node);
	return build(rebuild, reg, pointer, node);
}

/* An object that was met before: where it is, or built, when nothing else has needed it. */
static int point_to_met(struct rebuild *rebuild, uint8_t reg, const struct value *ref)
{
	const struct value *pointer = ref->target->parent;
	struct spot spot;
	int r = locate(rebuild, ref->target, reg, &spot);

	if (r == -ENOENT && pointer && pointer->kind == VALUE_POINTER)
		r = locate_node(rebuild, pointer, &spot) ?: point_to_object(rebuild, reg, pointer, spot.node);
	if (r != -ENOENT)
		return r;
	return err_set(rebuild->err, -EUNATCH, "'%s' points to '%s', which cannot be found again",
		       ref->name ? ref->name : "it", ref->path ? ref->path : "?");
}

/* Address of what @value leads to in @reg, built where it cannot be found; -ENOENT for a raw address. */
static int point(struct rebuild *rebuild, uint8_t reg, const struct value *value, uint16_t node, bool is_raw)
{
	if (value->kind == VALUE_SYMBOL && !locate_is_inside(rebuild, value))
		return point_into_image(rebuild, value, reg);
	if (is_raw || value->kind == VALUE_SYMBOL)
		return locate_inside(rebuild, value->bits, 0, reg);
	if (value->kind == VALUE_REF)
		return point_to_met(rebuild, reg, value);
	return point_to_object(rebuild, reg, value, node);
}

/* The pointer at @off of the object whose address is in @reg is put when everything else is there. */
static int wait_for(struct rebuild *rebuild, uint8_t reg, const struct encode_pointer *pointer)
{
	if (rebuild->shared_cnt == PATCH_SHARED_MAX)
		return err_set(rebuild->err, -EUNATCH, "it has more objects than can be rebuilt");
	if (rebuild->waiting_cnt == rebuild->waiting_cap) {
		size_t cap = rebuild->waiting_cap ? 2 * rebuild->waiting_cap : 16;
		struct waiting *more = realloc(rebuild->waiting, cap * sizeof(*more));

		if (!more)
			return err_nomem(rebuild->err);
		rebuild->waiting = more;
		rebuild->waiting_cap = cap;
	}
	rebuild->waiting[rebuild->waiting_cnt++] = (struct waiting){
		rebuild->shared_cnt, pointer->off, pointer->node, pointer->value, pointer->is_raw};
	return rebuild_op(rebuild, SERVE_SHARE, reg, 0, 0, 0, rebuild->shared_cnt++);
}

int rebuild_settle(struct rebuild *rebuild)
{
	const uint8_t holder = REBUILD_FIRST, reg = REBUILD_FIRST + 1;
	int r = 0;

	for (size_t i = 0; r == 0 && i < rebuild->waiting_cnt; i++) {
		const struct waiting waiting = rebuild->waiting[i];

		r = point(rebuild, reg, waiting.value, waiting.node, waiting.is_raw);
		if (r == 0)
			r = rebuild_op(rebuild, SERVE_SHARED, holder, 0, 0, 0, waiting.shared);
		if (r == 0)
			r = rebuild_op(rebuild, SERVE_POINTER, holder, reg, waiting.off, 0, 0);
		if (r == -ENOENT)
			r = 0;
	}
	rebuild->waiting_cnt = 0;
	return r;
}

bool rebuild_is_inside(struct rebuild *rebuild, const struct value *value)
{
	bool is_inside = false;

	if (value->kind == VALUE_POINTER || value->kind == VALUE_HANDLE || value->kind == VALUE_UNAVAILABLE)
		return value->bits && locate_is_inside(rebuild, value);
	for (size_t i = 0; value->kind == VALUE_STRUCT && i < value->child_cnt; i++)
		is_inside |= rebuild_is_inside(rebuild, value->child[i]);
	return is_inside;
}

static bool is_unchanged(const struct encode_pointer *pointer)
{
	return pointer->before && pointer->before->bits == pointer->value->bits;
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

/* What a container at the address in @reg holds. */
static int put_owned(struct rebuild *rebuild, uint8_t reg, const struct encode_pointer *pointer)
{
	int r;

	if (pointer->is_local) {
		r = rebuild_op(rebuild, SERVE_ADD, reg + 1, reg, pointer->to, 0, 0);
		return r < 0 ? r : rebuild_op(rebuild, SERVE_POINTER, reg, reg + 1, pointer->off, 0, 0);
	}
	/* Elements that were met before are another object's: these have their own. */
	r = pointer->value->child_cnt
		    ? build(rebuild, reg + 1, pointer->value, pointer->node)
		    : err_set(rebuild->err, -EUNATCH, "'%s' holds what another object holds",
			      pointer->value->parent && pointer->value->parent->name
				      ? pointer->value->parent->name
				      : "it");
	if (r == 0)
		r = rebuild_op(rebuild, SERVE_POINTER, reg, reg + 1, pointer->off, 0, 0);
	for (uint32_t i = 1; r == 0 && pointer->has_ends && i <= 2; i++)
		r = rebuild_op(rebuild, SERVE_POINTER, reg, reg + 1, pointer->off + 8 * i, 0, pointer->to);
	return r;
}

static int put_pointer(struct rebuild *rebuild, uint8_t reg, const struct encode_pointer *pointer)
{
	const struct shape_node *node = &rebuild->shape->nodes[pointer->node];
	int r;

	if (is_unchanged(pointer)) {
		/* What a list goes on with, if it is all as it was, is there. */
		if (node->kind == SHAPE_AGAIN && is_same(pointer->value, pointer->before))
			return 0;
		if (pointer->value->kind != VALUE_POINTER || !(node->flows & FLOW_OUT) || node->is_const)
			return 0;
		return follow_unchanged(rebuild, reg, pointer);
	}
	if (pointer->is_owned)
		return put_owned(rebuild, reg, pointer);
	if (pointer->is_raw && locate_is_inside(rebuild, pointer->value))
		return wait_for(rebuild, reg, pointer);
	if (pointer->is_raw)
		return 0;
	if (reg >= REG_DEEP)
		return wait_for(rebuild, reg, pointer);
	r = point(rebuild, reg + 1, pointer->value, pointer->node, false);
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
	r = encode_object(rebuild, &encoding, node, pointer->child[0], was);
	return r < 0 ? r : put(rebuild, reg, &encoding);
}

int rebuild_at(struct rebuild *rebuild, uint8_t reg, const struct value *value, uint16_t node)
{
	auto_encoding struct encoding encoding = {};
	int r = encode_value(rebuild, &encoding, node, value, NULL);

	return r < 0 ? r : put(rebuild, reg, &encoding);
}

int rebuild_value(struct rebuild *rebuild, struct rebuild_value *out, const struct value *value,
		  uint16_t node)
{
	auto_encoding struct encoding encoding = {};
	uint8_t reg = REBUILD_FIRST;
	int r = encode_value(rebuild, &encoding, node, value, NULL);

	if (r < 0)
		return r;
	if (encoding.len > sizeof(out->bytes) || encoding.pointers_cnt > REBUILD_SLOTS_MAX)
		return err_set(rebuild->err, -EUNATCH, "'%s' is larger than can be passed by value",
			       value->name ? value->name : "it");
	out->len = encoding.len;
	memcpy(out->bytes, encoding.bytes, encoding.len);
	for (size_t i = 0; i < encoding.pointers_cnt; i++, reg++) {
		const struct encode_pointer *pointer = &encoding.pointers[i];

		if (pointer->is_owned)
			return err_set(rebuild->err, -EUNATCH, "'%s' holds what cannot be passed by value",
				       value->name ? value->name : "it");
		r = point(rebuild, reg, pointer->value, pointer->node, pointer->is_raw);
		if (r == -ENOENT)
			continue;
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
	int r = encode_value(rebuild, &encoding, node, value, before);

	for (size_t i = 0; r == 0 && i < encoding.pointers_cnt; i++) {
		const struct encode_pointer *pointer = &encoding.pointers[i];

		if (pointer->value->kind != VALUE_POINTER || pointer->is_raw)
			continue;
		r = live_pointer(rebuild, loc, pointer->off);
		/* Text that nobody changes may lie where nobody can. */
		rebuild->is_optional = is_same(pointer->value, pointer->before);
		if (r == 0)
			r = rebuild_through(rebuild, REBUILD_FIRST, pointer->value, pointer->before,
					    pointer->node);
		rebuild->is_optional = false;
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
