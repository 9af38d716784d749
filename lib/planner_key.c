// SPDX-License-Identifier: BSD-3-Clause
/* KEY: the bytes of key.h from live memory. lib/key.c makes the same from recorded values, in the same order.
 */
#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/key.h"
#include "lib/key_parts.h"
#include "lib/planner_build.h"
#include "lib/util.h"

#define EIGHTBYTE 8

static void key_value(struct planner *p, uint16_t node, struct place place, enum key_why why);

static void put_emit(struct planner *p, uint8_t v, int bytes)
{
	put_op(p, (struct plan_op){.kind = PLAN_EMIT, .a = v, .imm = bytes});
}

/* Behind what may leave by @exits: a NULL on the way puts KEY_FAULT, as a fault has done already. */
static void put_exits(struct planner *p, struct exits *exits)
{
	if (exits->null.last >= 0) {
		put_jump(p, (struct plan_op){.kind = PLAN_JUMP}, &exits->fault);
		put_label(p, &exits->null);
		put_emit(p, p->fault, 1);
	}
	put_label(p, &exits->fault);
}

/* --- plain values --- */

static void key_number(struct planner *p, const struct shape_node *n, struct place place)
{
	struct label fault = LABEL_NEW;
	uint8_t low, high;

	if (n->size == 16) {
		low = put_load_bytes(p, place, EIGHTBYTE, &fault);
		high = put_load_bytes(p, place_inside(place, EIGHTBYTE), EIGHTBYTE, &fault);
		put_emit(p, low, EIGHTBYTE);
		put_emit(p, high, EIGHTBYTE);
	} else {
		put_emit(p, put_load(p, place, n, &fault), EIGHTBYTE);
	}
	put_label(p, &fault);
}

/* @len bytes as they lie there. */
static void key_raw(struct planner *p, struct place place, uint32_t len)
{
	struct label never = LABEL_NEW; /* registers do not fault */
	uint32_t step;

	if (place.kind == PLACE_MEMORY) {
		if (len)
			put_op(p, (struct plan_op){.kind = PLAN_COPY,
						   .a = place.base,
						   .b = PLAN_V_ZERO,
						   .imm = place.off,
						   .max = len});
		return;
	}
	for (uint32_t i = 0; i < len; i += step) {
		unsigned mark = p->next;

		step = MIN(EIGHTBYTE - (place.off + i) % EIGHTBYTE, len - i);
		put_emit(p, put_load_bytes(p, place_inside(place, i), step, &never), step);
		p->next = mark;
	}
}

/* char[N] */
static void key_chars(struct planner *p, const struct shape_node *n, struct place place)
{
	struct label nul = LABEL_NEW;

	if (place.kind == PLACE_MEMORY) {
		put_op(p, (struct plan_op){
				  .kind = PLAN_STRING, .a = place.base, .imm = place.off, .max = n->size});
		return;
	}
	for (uint32_t i = 0; i < n->size; i++) {
		unsigned mark = p->next;
		uint8_t v = put_load_bytes(p, place_inside(place, i), 1, &nul);

		put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = v}, &nul);
		put_emit(p, v, 1);
		p->next = mark;
	}
	put_label(p, &nul);
	put_emit(p, PLAN_V_ZERO, 1);
}

static enum key_why inside(enum key_why why)
{
	return why == KEY_DEFAULT ? KEY_DEFAULT : KEY_WITHIN;
}

static void key_struct(struct planner *p, uint16_t node, struct place place, enum key_why why)
{
	p->at[node] = place;
	for (uint16_t i = p->shape->nodes[node].first_child; i != SHAPE_NONE && !p->failed;
	     i = p->shape->nodes[i].next)
		key_value(p, i, place_inside(place, p->shape->nodes[i].offset), inside(why));
	p->at[node].kind = PLACE_NOWHERE;
}

static void key_array(struct planner *p, uint16_t node, struct place place, enum key_why why)
{
	const struct shape_node *n = &p->shape->nodes[node];
	uint32_t size = p->shape->nodes[n->first_child].size;
	struct loop loop;

	if (place.kind == PLACE_MEMORY) {
		loop_begin(p, &loop, n->first_child, place.base, place.off, put_const(p, n->count));
		key_value(p, n->first_child, p->at[n->first_child], inside(why));
		loop_end(p, &loop);
		return;
	}
	for (uint32_t i = 0; i < n->count && size && !p->failed; i++) {
		p->at[n->first_child] = place_inside(place, i * size);
		key_value(p, n->first_child, p->at[n->first_child], inside(why));
	}
	p->at[n->first_child].kind = PLACE_NOWHERE;
}

/* --- behind pointers --- */

/* One byte at v[@base] + @off: data that cannot be read at all is one KEY_FAULT, whatever it is made of. */
static void put_probe(struct planner *p, uint8_t base, int32_t off, struct exits *exits)
{
	put_load_bytes(p, (struct place){.kind = PLACE_MEMORY, .base = base, .off = off}, 1, &exits->fault);
	p->next--;
}

static void put_probe_some(struct planner *p, uint8_t base, int32_t off, uint8_t len, struct exits *exits)
{
	struct label none = LABEL_NEW;

	put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = len}, &none);
	put_probe(p, base, off, exits);
	put_label(p, &none);
}

static void key_elements(struct planner *p, uint16_t node, uint8_t base, int32_t off, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node];
	struct loop loop;
	uint8_t cnt;

	if (n->has_terminator) {
		cnt = put_terminated(p, node, base, off, &exits->fault);
	} else {
		cnt = put_length(p, node, n->max, exits);
		put_probe_some(p, base, off, cnt, exits);
	}
	put_emit(p, cnt, EIGHTBYTE);
	loop_begin(p, &loop, n->first_child, base, off, cnt);
	key_value(p, n->first_child, p->at[n->first_child], KEY_WITHIN);
	loop_end(p, &loop);
}

static void key_bytes(struct planner *p, uint16_t node, uint8_t base, int32_t off, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node];
	uint8_t len = put_length(p, node, n->max, exits);

	put_probe_some(p, base, off, len, exits);
	put_emit(p, len, EIGHTBYTE);
	put_op(p, (struct plan_op){.kind = PLAN_COPY, .a = base, .b = len, .imm = off, .max = n->max});
}

static void key_object(struct planner *p, uint16_t child, uint8_t pointer, struct exits *exits)
{
	if (p->shape->nodes[child].size)
		put_probe(p, pointer, 0, exits);
	p->at[child] = (struct place){.kind = PLACE_MEMORY, .base = pointer};
	key_value(p, child, p->at[child], KEY_WITHIN);
	p->at[child].kind = PLACE_NOWHERE;
}

static void key_content(struct planner *p, uint16_t node, uint8_t pointer, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node];

	if (n->kind == SHAPE_STRING)
		put_op(p, (struct plan_op){.kind = PLAN_STRING, .a = pointer, .max = n->max});
	else if (n->kind == SHAPE_BYTES)
		key_bytes(p, node, pointer, 0, exits);
	else if (n->length || n->has_terminator)
		key_elements(p, node, pointer, 0, exits);
	else
		key_object(p, n->first_child, pointer, exits);
}

/* What a container holds is its value: that it holds nothing is a length of 0. */
static void key_held(struct planner *p, uint16_t node, struct place place)
{
	const struct shape_node *n = &p->shape->nodes[node];
	struct exits exits = EXITS_NEW;
	struct label end = LABEL_NEW;

	key_content(p, node, put_load(p, place, n, &end), &exits);
	put_exits(p, &exits);
	put_label(p, &end);
}

static void key_pointer(struct planner *p, uint16_t node, struct place place)
{
	const struct shape_node *n = &p->shape->nodes[node];
	struct exits exits = EXITS_NEW;
	struct label null = LABEL_NEW, end = LABEL_NEW;
	uint8_t v = put_load(p, place, n, &end);

	put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = v}, &null);
	put_emit(p, p->one, 1);
	key_content(p, node, v, &exits);
	put_exits(p, &exits);
	put_jump(p, (struct plan_op){.kind = PLAN_JUMP}, &end);
	put_label(p, &null);
	put_emit(p, PLAN_V_ZERO, 1);
	put_label(p, &end);
}

/* A pointer that is not followed: 0 for NULL, else 1 or KEY_CUT; a named handle is its number. */
static void key_unfollowed(struct planner *p, const struct shape_node *n, struct place place,
			   enum key_why why)
{
	struct label fault = LABEL_NEW;
	uint8_t v = put_load(p, place, n, &fault), is_set;

	if (n->kind == SHAPE_HANDLE && why == KEY_NAMED) {
		put_op(p, (struct plan_op){.kind = PLAN_EMIT, .a = v, .imm = EIGHTBYTE, .max = 1});
	} else {
		is_set = put_binary(p, PLAN_NE, v, PLAN_V_ZERO);
		put_emit(p,
			 n->kind == SHAPE_CUT || n->kind == SHAPE_AGAIN
				 ? put_binary(p, PLAN_MUL, is_set, p->cut)
				 : is_set,
			 1);
	}
	put_label(p, &fault);
}

/* Elements in registers, one after the other: there are few. */
static void key_in_registers(struct planner *p, uint16_t node, struct place place, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node];
	struct label end = LABEL_NEW;
	uint8_t cnt;

	if (n->has_terminator || !place_is_known(p, &place, n->size)) {
		put_emit(p, p->fault, 1);
		return;
	}
	cnt = put_length(p, node, n->max, exits);
	put_emit(p, cnt, EIGHTBYTE);
	for (uint32_t i = 0; i < n->count && !p->failed; i++) {
		unsigned mark = p->next;
		uint8_t is_there = put_binary(p, PLAN_LT, put_const(p, i), cnt);

		put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = is_there}, &end);
		if (n->kind == SHAPE_BYTES) {
			key_raw(p, place_inside(place, i), 1);
		} else {
			p->at[n->first_child] = place_inside(place, i * p->shape->nodes[n->first_child].size);
			key_value(p, n->first_child, p->at[n->first_child], KEY_WITHIN);
		}
		p->next = mark;
	}
	put_label(p, &end);
}

/* Elements that lie in the value itself. */
static void key_flexible(struct planner *p, uint16_t node, struct place place)
{
	struct exits exits = EXITS_NEW;

	if (place.kind != PLACE_MEMORY)
		key_in_registers(p, node, place, &exits);
	else if (p->shape->nodes[node].kind == SHAPE_BYTES)
		key_bytes(p, node, place.base, place.off, &exits);
	else
		key_elements(p, node, place.base, place.off, &exits);
	put_exits(p, &exits);
}

/* --- any value --- */

static void key_union(struct planner *p, uint16_t node, struct place place, enum key_why why)
{
	const struct shape_node *n = &p->shape->nodes[node];
	struct exits exits = EXITS_NEW;
	struct label end = LABEL_NEW;
	uint8_t tag = put_tag(p, node, &exits);
	int64_t idx = 0;

	for (uint16_t i = n->first_child; i != SHAPE_NONE && !p->failed; i = p->shape->nodes[i].next, idx++) {
		struct label next = LABEL_NEW;
		unsigned mark = p->next;

		put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = put_is_case(p, node, i, tag)}, &next);
		put_emit(p, put_const(p, idx), EIGHTBYTE);
		key_value(p, i, place_inside(place, p->shape->nodes[i].offset), inside(why));
		put_jump(p, (struct plan_op){.kind = PLAN_JUMP}, &end);
		put_label(p, &next);
		p->next = mark;
	}
	put_emit(p, put_const(p, -1), EIGHTBYTE);
	key_raw(p, place, n->size);
	put_label(p, &end);
	put_exits(p, &exits);
}

static void key_known(struct planner *p, uint16_t node, struct place place, enum key_why why)
{
	const struct shape_node *n = &p->shape->nodes[node];

	switch (n->kind) {
	case SHAPE_FLOAT:
		key_raw(p, place, key_float_len(p->shape, n));
		return;
	case SHAPE_UNION:
		if (n->tag)
			key_union(p, node, place, why);
		else
			key_raw(p, place, n->size);
		return;
	case SHAPE_CHARS:
		key_chars(p, n, place);
		return;
	case SHAPE_INT:
	case SHAPE_BOOL:
	case SHAPE_ENUM:
		key_number(p, n, place);
		return;
	case SHAPE_HANDLE:
	case SHAPE_CUT:
	case SHAPE_AGAIN:
		key_unfollowed(p, n, place, why);
		return;
	default:
		if (n->is_content)
			key_held(p, node, place);
		else
			key_pointer(p, node, place);
	}
}

static void key_value(struct planner *p, uint16_t node, struct place place, enum key_why why)
{
	const struct shape_node *n = &p->shape->nodes[node];
	bool is_flexible = n->is_inline || (n->kind == SHAPE_ARRAY && (n->length || n->has_terminator));
	uint32_t len = n->bit_size ? (n->bit_offset + n->bit_size + 7u) / 8 : n->size;
	unsigned mark = p->next;

	if (!key_takes(n, why))
		return;
	if (n->kind == SHAPE_VARARGS)
		put_format(p, node);
	else if (is_flexible)
		key_flexible(p, node, place);
	else if (n->kind == SHAPE_STRUCT)
		key_struct(p, node, place, why);
	else if (n->kind == SHAPE_ARRAY)
		key_array(p, node, place, why);
	else if (n->kind == SHAPE_CUT && !key_is_pointer(p->shape, n))
		put_emit(p, p->cut, 1);
	else if (!place_is_known(p, &place, len))
		put_emit(p, p->fault, 1);
	else
		key_known(p, node, place, why);
	p->next = mark;
}

static void key_path_value(struct planner *p, const char *text)
{
	auto_path struct path path = {};
	struct exits exits = EXITS_NEW;
	struct place place;
	uint16_t node;
	int r = key_path(&path, &node, p->shape, text, p->err);

	if (r && !p->failed)
		p->failed = r;
	if (r)
		return;
	for (uint16_t i = node; i != SHAPE_NONE; i = p->shape->nodes[i].parent)
		p->param = p->shape->nodes[i].name ?: p->param;
	place = put_path(p, SHAPE_NONE, &path, &node, &exits);
	key_value(p, node, place, KEY_NAMED);
	put_exits(p, &exits);
}

static void default_key(struct planner *p)
{
	unsigned mark = p->next;

	for (size_t i = 0; i < p->shape->params_cnt && !p->failed; i++) {
		const struct shape_param *param = &p->shape->params[i];

		if (shape_is_unpassed(param))
			continue;
		p->param = p->shape->nodes[param->node].name;
		key_value(p, param->node, place_of_param(p, param), KEY_DEFAULT);
		p->next = mark;
	}
}

void planner_key(struct planner *p, const char *const *key, unsigned key_cnt)
{
	unsigned mark;

	p->one = put_const(p, 1);
	p->fault = put_const(p, KEY_FAULT);
	p->cut = put_const(p, KEY_CUT);
	mark = p->next;
	if (!key)
		default_key(p);
	for (unsigned i = 0; key && i < key_cnt && !p->failed; i++) {
		if (!strcmp(key[i], KEY_DEFAULT_PATH))
			default_key(p);
		else
			key_path_value(p, key[i]);
		p->next = mark;
	}
}
