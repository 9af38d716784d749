// SPDX-License-Identifier: BSD-3-Clause
#include "lib/planner_build.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/util.h"

#define WAY_MAX 256 /* nodes that one step of a path may pass: anonymous structs within each other */

/* --- paths --- */

static bool is_sized(const struct shape_node *n)
{
	return n->length || n->has_terminator;
}

/* From the pointer at @place to what it points to, or its element. */
static struct place put_follow(struct planner *p, struct place place, uint16_t pointer, int64_t index,
			       struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[pointer];
	uint8_t v = put_load(p, place, n, &exits->fault);

	put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = v}, &exits->null);
	return (struct place){
		.kind = PLACE_MEMORY, .base = v, .off = index * p->shape->nodes[n->first_child].size};
}

/* One node further down the way of @step. */
static struct place put_down(struct planner *p, struct place place, uint16_t node,
			     const struct path_step *step, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node], *parent = &p->shape->nodes[n->parent];
	bool is_each = step && step->kind == STEP_EACH;
	int64_t index = step && step->kind == STEP_INDEX ? step->index : 0;

	if (parent->kind == SHAPE_POINTER) {
		if (p->at[node].kind && (is_each || (!index && !is_sized(parent))))
			return p->at[node];
		return put_follow(p, place, n->parent, index, exits);
	}
	if (parent->kind == SHAPE_ARRAY)
		return is_each && p->at[node].kind ? p->at[node] : place_inside(place, index * n->size);
	return place_inside(place, n->offset);
}

/* From @from, at @place, to @to somewhere beneath it. */
static struct place put_way(struct planner *p, struct place place, uint16_t from, uint16_t to,
			    const struct path_step *step, struct exits *exits)
{
	uint16_t way[WAY_MAX];
	unsigned cnt = 0;

	for (uint16_t i = to; i != from && cnt < WAY_MAX; i = p->shape->nodes[i].parent)
		way[cnt++] = i;
	if (cnt == WAY_MAX)
		planner_fail(p, -E2BIG, "is nested too deeply to name a part of");
	while (cnt--)
		place = put_down(p, place, way[cnt], step, exits);
	return place;
}

static struct place place_of_root(struct planner *p, uint16_t root)
{
	for (size_t i = 0; i < p->shape->params_cnt; i++)
		if (p->shape->params[i].node == root)
			return place_of_param(p, &p->shape->params[i]);
	return place_of_param(p, &p->shape->result);
}

struct place put_path(struct planner *p, uint16_t scope, const struct path *path, uint16_t *node,
		      struct exits *exits)
{
	struct place place = {};
	uint16_t at = 0, to;

	if (shape_root(p->shape, scope, path->root, &at, p->err))
		goto failed;
	place = scope == SHAPE_NONE ? place_of_root(p, at) : put_way(p, p->at[scope], scope, at, NULL, exits);
	for (size_t i = 0; i < path->cnt; i++) {
		if (p->shape->nodes[at].kind == SHAPE_AGAIN) {
			planner_fail(p, -EINVAL, "uses '%s', where one of any number of objects is named",
				     path->root);
			goto failed;
		}
		if (shape_step(p->shape, at, &path->steps[i], &to, p->err))
			goto failed;
		place = put_way(p, place, at, to, &path->steps[i], exits);
		at = to;
	}
	*node = at;
	return place;
failed:
	if (!p->failed)
		p->failed = -EINVAL;
	*node = 0;
	return (struct place){};
}

/* --- expressions --- */

static uint8_t put_path_value(struct planner *p, uint16_t scope, const struct path *path, struct exits *exits)
{
	struct place place;
	uint16_t node;

	if (scope == SHAPE_NONE && !strcmp(path->root, "errno"))
		return PLAN_V_ERRNO;
	place = put_path(p, scope, path, &node, exits);
	check_number(p, node);
	return put_load(p, place, &p->shape->nodes[node], &exits->fault);
}

static uint8_t put_sizeof(struct planner *p, uint16_t scope, const struct path *path)
{
	uint16_t node;

	if (shape_resolve(p->shape, scope, path, &node, p->err)) {
		p->failed = -EINVAL;
		return PLAN_V_ZERO;
	}
	return put_const(p, p->shape->nodes[node].size);
}

/* entry(@expr) at return: what entry kept. */
static uint8_t put_entry(struct planner *p, uint16_t scope, const struct expr *expr, struct exits *exits)
{
	uint8_t v, differs;
	unsigned slot = 0;

	if (p->section != SECTION_OUT)
		return put_expr(p, scope, expr, exits);
	while (slot < p->keeps_cnt && p->keeps[slot].expr != expr)
		slot++;
	if (slot == PLAN_KEEP_MAX) {
		planner_fail(p, -E2BIG, "needs more than %d values of its entry at return", PLAN_KEEP_MAX);
		return PLAN_V_ZERO;
	}
	if (slot == p->keeps_cnt)
		p->keeps[p->keeps_cnt++] = (struct keep){.expr = expr};
	v = new_value(p);
	put_op(p, (struct plan_op){.kind = PLAN_KEPT, .dst = v, .imm = slot});
	differs = put_binary(p, PLAN_NE, v, put_const(p, NOT_KEPT));
	put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = differs}, &exits->null);
	return v;
}

/* What decides is not evaluated further. */
static uint8_t put_logic(struct planner *p, uint16_t scope, const struct expr *expr, struct exits *exits)
{
	bool is_or = expr->kind == EXPR_OR;
	struct label decided = LABEL_NEW;
	uint8_t v = new_value(p), a, stop;
	unsigned mark = p->next;

	a = put_expr(p, scope, expr->a, exits);
	put_op(p, (struct plan_op){.kind = PLAN_NE, .dst = v, .a = a, .b = PLAN_V_ZERO});
	stop = v;
	if (is_or) {
		stop = new_value(p);
		put_op(p, (struct plan_op){.kind = PLAN_NOT, .dst = stop, .a = v});
	}
	put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = stop}, &decided);
	p->next = mark;
	a = put_expr(p, scope, expr->b, exits);
	put_op(p, (struct plan_op){.kind = PLAN_NE, .dst = v, .a = a, .b = PLAN_V_ZERO});
	put_label(p, &decided);
	p->next = mark;
	return v;
}

static const struct {
	uint8_t kind;
	bool is_swapped;
} binaries[EXPR_KIND_CNT] = {
	[EXPR_ADD] = {PLAN_ADD}, [EXPR_SUB] = {PLAN_SUB},     [EXPR_MUL] = {PLAN_MUL},
	[EXPR_DIV] = {PLAN_DIV}, [EXPR_MOD] = {PLAN_MOD},     [EXPR_LT] = {PLAN_LT},
	[EXPR_LE] = {PLAN_LE},	 [EXPR_GT] = {PLAN_LT, true}, [EXPR_GE] = {PLAN_LE, true},
	[EXPR_EQ] = {PLAN_EQ},	 [EXPR_NE] = {PLAN_NE},	      [EXPR_MIN] = {PLAN_MIN},
	[EXPR_MAX] = {PLAN_MAX},
};

/* Operands take values like a stack; the result goes where the first one began. */
static uint8_t put_operation(struct planner *p, uint16_t scope, const struct expr *expr, struct exits *exits)
{
	unsigned mark = p->next;
	uint8_t a, b = PLAN_V_ZERO;

	if (put_text_equal(p, scope, expr, &a, exits))
		return a;
	a = put_expr(p, scope, expr->a, exits);
	if (expr->b)
		b = put_expr(p, scope, expr->b, exits);
	p->next = mark;
	if (expr->kind == EXPR_NOT)
		return put_binary(p, PLAN_NOT, a, PLAN_V_ZERO);
	if (expr->kind == EXPR_NEG)
		return put_binary(p, PLAN_SUB, PLAN_V_ZERO, a);
	if (binaries[expr->kind].is_swapped)
		return put_binary(p, binaries[expr->kind].kind, b, a);
	return put_binary(p, binaries[expr->kind].kind, a, b);
}

uint8_t put_expr(struct planner *p, uint16_t scope, const struct expr *expr, struct exits *exits)
{
	switch (expr->kind) {
	case EXPR_NUM:
		return put_const(p, expr->num);
	case EXPR_PATH:
		return put_path_value(p, scope, &expr->path, exits);
	case EXPR_SIZEOF:
		return put_sizeof(p, scope, &expr->path);
	case EXPR_ENTRY:
		return put_entry(p, scope, expr->a, exits);
	case EXPR_AND:
	case EXPR_OR:
		return put_logic(p, scope, expr, exits);
	case EXPR_STR:
		planner_fail(p, -EINVAL,
			     p->section == SECTION_GATE ? "uses text as a number"
							: "has a length that compares text");
		return PLAN_V_ZERO;
	default:
		return put_operation(p, scope, expr, exits);
	}
}

uint8_t put_tag(struct planner *p, uint16_t node, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node];

	return put_path_value(p, n->scope, n->tag, exits);
}

uint8_t put_is_case(struct planner *p, uint16_t node, uint16_t child, uint8_t tag)
{
	const struct shape_node *n = &p->shape->nodes[node];
	uint8_t is_case = new_value(p);

	put_op(p, (struct plan_op){.kind = PLAN_MOVE, .dst = is_case, .a = PLAN_V_ZERO});
	for (uint16_t i = 0; i < n->cases_cnt; i++) {
		unsigned mark = p->next;
		uint8_t v;

		if (n->cases[i].member != child)
			continue;
		v = put_binary(p, PLAN_EQ, tag, put_const(p, n->cases[i].value));
		put_op(p, (struct plan_op){.kind = PLAN_MAX, .dst = is_case, .a = is_case, .b = v});
		p->next = mark;
	}
	return is_case;
}

uint8_t put_length(struct planner *p, uint16_t node, int64_t most, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node];
	unsigned mark = p->next;
	uint8_t v = put_expr(p, n->scope, n->length, exits);

	p->next = mark;
	v = put_binary(p, PLAN_MAX, v, PLAN_V_ZERO);
	put_op(p, (struct plan_op){.kind = PLAN_MIN, .dst = v, .a = v, .b = put_const(p, most)});
	p->next = mark + 1;
	return v;
}

/* The terminator as a load of an element gives it. */
static int64_t as_loaded(int64_t number, const struct shape_node *element)
{
	unsigned unused = 64 - MIN(element->size, 8) * 8;

	if (element->is_signed)
		return (int64_t)((uint64_t)number << unused) >> unused;
	return (uint64_t)number << unused >> unused;
}

uint8_t put_terminated(struct planner *p, uint16_t node, uint8_t base, int32_t off, struct label *fault)
{
	const struct shape_node *n = &p->shape->nodes[node], *element = &p->shape->nodes[n->first_child];
	uint8_t i = new_value(p), at, last, most, v;
	struct label ended = LABEL_NEW, unread = LABEL_NEW;
	int64_t terminator = as_loaded(n->terminator, element);
	unsigned mark = p->next, top;

	put_op(p, (struct plan_op){.kind = PLAN_MOVE, .dst = i, .a = PLAN_V_ZERO});
	at = new_value(p);
	put_op(p, (struct plan_op){.kind = PLAN_MOVE, .dst = at, .a = base, .imm = off});
	most = put_const(p, n->max);
	last = put_const(p, terminator);
	top = p->cnt;
	v = put_load(p, (struct place){.kind = PLACE_MEMORY, .base = at}, element, fault ? fault : &unread);
	if (terminator)
		v = put_binary(p, PLAN_SUB, v, last);
	put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = v}, &ended);
	put_op(p, (struct plan_op){.kind = PLAN_NEXT,
				   .dst = i,
				   .a = at,
				   .b = most,
				   .max = element->size,
				   .jmp = (int)top - (int)(p->cnt + 1)});
	put_label(p, &ended);
	put_label(p, &unread);
	p->next = mark;
	return i;
}

/* --- loops --- */

void loop_begin(struct planner *p, struct loop *loop, uint16_t child, uint8_t base, int32_t off, uint8_t cnt)
{
	uint8_t at, some;

	*loop = (struct loop){.child = child, .cnt = cnt, .end = LABEL_NEW};
	loop->i = new_value(p);
	at = new_value(p);
	some = put_binary(p, PLAN_LT, PLAN_V_ZERO, cnt);
	put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = some}, &loop->end);
	p->next--;
	put_op(p, (struct plan_op){.kind = PLAN_MOVE, .dst = loop->i, .a = PLAN_V_ZERO});
	put_op(p, (struct plan_op){.kind = PLAN_MOVE, .dst = at, .a = base, .imm = off});
	p->at[child] = (struct place){.kind = PLACE_MEMORY, .base = at};
	loop->top = p->cnt;
}

void loop_end(struct planner *p, struct loop *loop)
{
	put_op(p, (struct plan_op){.kind = PLAN_NEXT,
				   .dst = loop->i,
				   .a = p->at[loop->child].base,
				   .b = loop->cnt,
				   .max = p->shape->nodes[loop->child].size,
				   .jmp = (int)loop->top - (int)(p->cnt + 1)});
	put_label(p, &loop->end);
	p->at[loop->child].kind = PLACE_NOWHERE;
}
