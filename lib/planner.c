// SPDX-License-Identifier: BSD-3-Clause
/*
 * Return is compiled before entry, because it tells what entry must keep; then both are laid out with KEY.
 *
 * Capturing walks the shape depth first, in the order in which a reader decodes, from what lies in registers
 * and on the stack: a pointer that flows is loaded, what it points to is copied, and where pointers lie in
 * that, they are walked in turn. A pointer that is NULL or cannot be read skips what is behind it.
 */
#include "lib/planner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/planner_build.h"
#include "lib/rule.h"
#include "lib/schema.h"
#include "lib/util.h"

static uint8_t flow_of(const struct planner *p)
{
	return p->section == SECTION_OUT ? FLOW_OUT : FLOW_IN;
}

static void walk(struct planner *p, uint16_t node, struct place place);

/* --- what a pointer points to --- */

static void put_copy(struct planner *p, uint16_t node, uint8_t base, int32_t off, uint8_t len, uint32_t max)
{
	put_op(p, (struct plan_op){
			  .kind = PLAN_COPY, .a = base, .b = len, .imm = off, .max = max, .node = node});
}

/* Elements of @node at v[@base] + @off: copied at once, then walked where pointers lie in them. */
static void walk_elements(struct planner *p, uint16_t node, uint8_t base, int32_t off, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node];
	uint16_t child = n->first_child;
	uint32_t size = p->shape->nodes[child].size;
	uint8_t cnt, wanted;
	struct loop loop;

	if (n->has_terminator) {
		put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = base}, &exits->null);
		cnt = put_terminated(p, node, base, off, NULL);
		wanted = new_value(p);
		put_op(p, (struct plan_op){.kind = PLAN_MOVE, .dst = wanted, .a = cnt, .imm = 1});
	} else {
		cnt = wanted = put_length(p, node, INT32_MAX, exits);
	}
	if (size > 1)
		wanted = put_binary(p, PLAN_MUL, wanted, put_const(p, size));
	put_copy(p, node, base, off, wanted, n->max * size);
	if (!(p->needs[child] & flow_of(p)))
		return;
	if (!n->has_terminator)
		cnt = put_binary(p, PLAN_MIN, cnt, put_const(p, n->max));
	put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = base}, &exits->null);
	loop_begin(p, &loop, child, base, off, cnt);
	walk(p, child, p->at[child]);
	loop_end(p, &loop);
}

static void walk_bytes(struct planner *p, uint16_t node, uint8_t base, int32_t off, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node];
	uint8_t len = put_expr(p, n->scope, n->length, exits);

	/* As a length, PLAN_V_ZERO stands for max. */
	if (len == PLAN_V_ZERO) {
		len = new_value(p);
		put_op(p, (struct plan_op){.kind = PLAN_MOVE, .dst = len, .a = PLAN_V_ZERO});
	}
	put_copy(p, node, base, off, len, n->max);
}

static void walk_object(struct planner *p, uint16_t node, uint8_t pointer, struct exits *exits)
{
	uint16_t child = p->shape->nodes[node].first_child;

	put_copy(p, node, pointer, 0, PLAN_V_ZERO, p->shape->nodes[child].size);
	if (!(p->needs[child] & flow_of(p)))
		return;
	put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = pointer}, &exits->null);
	p->at[child] = (struct place){.kind = PLACE_MEMORY, .base = pointer};
	walk(p, child, p->at[child]);
	p->at[child].kind = PLACE_NOWHERE;
}

/* --- the list of work: lists, trees and graphs of any depth --- */

static void put_push(struct planner *p, uint16_t node, uint8_t pointer)
{
	const struct shape_node *nodes = p->shape->nodes;
	uint16_t to = shape_pointer(p->shape, node);
	struct body *body = &p->bodies[to];
	struct plan_op op = {.kind = PLAN_PUSH,
			     .a = pointer,
			     .imm = to == node ? 1 : nodes[node].depth - nodes[to].depth,
			     .max = nodes[to].levels};

	p->is_deep = true;
	if (body->at < 0) {
		put_jump(p, op, &body->label);
		return;
	}
	op.jmp = body->at - (int)(p->cnt + 1);
	put_op(p, op);
}

/* What captures the objects that were pushed, behind all else. */
static void walk_bodies(struct planner *p)
{
	uint8_t base = p->next = PLAN_V_TEMP;
	struct plan_op pop = {.kind = PLAN_POP, .dst = base};
	bool is_new = true;

	if (!p->is_deep)
		return;
	p->next++;
	put_op(p, pop);
	while (is_new && !p->failed) {
		is_new = false;
		for (uint16_t i = 0; i < p->shape->nodes_cnt && !p->failed; i++) {
			struct exits exits = EXITS_NEW;

			if (p->bodies[i].label.last < 0)
				continue;
			is_new = true;
			p->bodies[i].at = p->cnt;
			put_label(p, &p->bodies[i].label);
			walk_object(p, i, base, &exits);
			put_label(p, &exits.null);
			put_op(p, pop);
		}
	}
}

static void walk_pointer(struct planner *p, uint16_t node, struct place place)
{
	const struct shape_node *n = &p->shape->nodes[node];
	struct exits exits = EXITS_NEW;
	unsigned mark = p->next;
	uint8_t v;

	if (!(n->flows & flow_of(p)))
		return;
	v = put_load(p, place, n, &exits.fault);
	if (n->kind == SHAPE_STRING)
		put_op(p, (struct plan_op){.kind = PLAN_STRING, .a = v, .max = n->max, .node = node});
	else if (n->kind == SHAPE_BYTES)
		walk_bytes(p, node, v, 0, &exits);
	else if (n->kind == SHAPE_AGAIN || n->levels)
		put_push(p, node, v);
	else if (n->length || n->has_terminator)
		walk_elements(p, node, v, 0, &exits);
	else
		walk_object(p, node, v, &exits);
	put_label(p, &exits.fault);
	put_label(p, &exits.null);
	p->next = mark;
}

/* --- what lies in a value --- */

static void walk_struct(struct planner *p, uint16_t node, struct place place)
{
	p->at[node] = place;
	for (uint16_t i = p->shape->nodes[node].first_child; i != SHAPE_NONE; i = p->shape->nodes[i].next)
		walk(p, i, place_inside(place, p->shape->nodes[i].offset));
	p->at[node].kind = PLACE_NOWHERE;
}

/* T[n]: in memory a loop; in registers, where it is short, one after the other. */
static void walk_array(struct planner *p, uint16_t node, struct place place)
{
	const struct shape_node *n = &p->shape->nodes[node];
	uint16_t child = n->first_child;
	uint32_t size = p->shape->nodes[child].size;
	unsigned mark = p->next;
	struct loop loop;

	if (place.kind != PLACE_MEMORY) {
		for (uint32_t i = 0; i < n->count && !p->failed; i++) {
			p->at[child] = place_inside(place, i * size);
			walk(p, child, p->at[child]);
		}
		p->at[child].kind = PLACE_NOWHERE;
		return;
	}
	loop_begin(p, &loop, child, place.base, place.off, put_const(p, n->count));
	walk(p, child, p->at[child]);
	loop_end(p, &loop);
	p->next = mark;
}

/* In registers, where they are recorded already: what the elements lead to. */
static void walk_in_registers(struct planner *p, uint16_t node, struct place place, struct exits *exits)
{
	const struct shape_node *n = &p->shape->nodes[node];
	uint16_t child = n->first_child;
	uint8_t cnt;

	if (n->kind == SHAPE_BYTES || n->has_terminator || !(p->needs[child] & flow_of(p)))
		return;
	cnt = put_length(p, node, n->max, exits);
	for (uint32_t i = 0; i < n->count && !p->failed; i++) {
		unsigned mark = p->next;

		put_jump(p,
			 (struct plan_op){.kind = PLAN_JZ, .a = put_binary(p, PLAN_LT, put_const(p, i), cnt)},
			 &exits->null);
		p->at[child] = place_inside(place, i * p->shape->nodes[child].size);
		walk(p, child, p->at[child]);
		p->next = mark;
	}
	p->at[child].kind = PLACE_NOWHERE;
}

/* Its elements lie here, but only its rule knows how many. */
static void walk_flexible(struct planner *p, uint16_t node, struct place place)
{
	struct exits exits = EXITS_NEW;
	unsigned mark = p->next;

	if (place.kind != PLACE_MEMORY)
		walk_in_registers(p, node, place, &exits);
	else if (p->shape->nodes[node].kind == SHAPE_BYTES)
		walk_bytes(p, node, place.base, place.off, &exits);
	else
		walk_elements(p, node, place.base, place.off, &exits);
	put_label(p, &exits.fault);
	put_label(p, &exits.null);
	p->next = mark;
}

static bool is_flexible(const struct shape_node *n)
{
	return n->is_inline || (n->kind == SHAPE_ARRAY && (n->length || n->has_terminator));
}

/* Only the live member holds pointers that mean something. */
static void walk_union(struct planner *p, uint16_t node, struct place place)
{
	const struct shape_node *n = &p->shape->nodes[node];
	struct exits exits = EXITS_NEW;
	unsigned mark = p->next;
	uint8_t tag = put_tag(p, node, &exits);

	for (uint16_t i = n->first_child; i != SHAPE_NONE; i = p->shape->nodes[i].next) {
		struct label next = LABEL_NEW;
		unsigned inner = p->next;

		if (!(p->needs[i] & flow_of(p)))
			continue;
		put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = put_is_case(p, node, i, tag)}, &next);
		walk(p, i, place_inside(place, p->shape->nodes[i].offset));
		put_label(p, &next);
		p->next = inner;
	}
	put_label(p, &exits.fault);
	put_label(p, &exits.null);
	p->next = mark;
}

static void walk(struct planner *p, uint16_t node, struct place place)
{
	const struct shape_node *n = &p->shape->nodes[node];

	if (!(p->needs[node] & flow_of(p)) || p->failed)
		return;
	if (n->kind == SHAPE_VARARGS)
		put_format(p, node);
	else if (n->kind == SHAPE_FILE)
		put_file(p, node);
	else if (place.kind == PLACE_NOWHERE)
		return;
	else if (is_flexible(n))
		walk_flexible(p, node, place);
	else if (n->kind == SHAPE_STRUCT)
		walk_struct(p, node, place);
	else if (n->kind == SHAPE_UNION)
		walk_union(p, node, place);
	else if (n->kind == SHAPE_ARRAY)
		walk_array(p, node, place);
	else
		walk_pointer(p, node, place);
}

/* --- sections --- */

static void find_needs(struct planner *p)
{
	const struct shape *shape = p->shape;

	for (size_t i = shape->nodes_cnt; i-- > 0;) {
		const struct shape_node *n = &shape->nodes[i];

		p->needs[i] |= n->flows;
		if (n->parent != SHAPE_NONE && shape->nodes[n->parent].kind != SHAPE_POINTER)
			p->needs[n->parent] |= p->needs[i];
	}
}

static void start_section(struct planner *p, enum section section, struct plan_op *ops)
{
	p->section = section;
	p->ops = ops;
	p->cnt = 0;
	p->next = PLAN_V_TEMP;
	p->is_deep = false;
	for (uint16_t i = 0; i < p->shape->nodes_cnt; i++)
		p->bodies[i] = (struct body){LABEL_NEW, -1};
}

static void walk_params(struct planner *p)
{
	for (size_t i = 0; i < p->shape->params_cnt; i++) {
		const struct shape_param *param = &p->shape->params[i];

		p->param = p->shape->nodes[param->node].name;
		walk(p, param->node, place_of_param(p, param));
	}
}

static void put_keep(struct planner *p, unsigned slot)
{
	const struct keep *keep = &p->keeps[slot];
	struct exits exits = EXITS_NEW;
	unsigned mark = p->next;
	uint8_t v = new_value(p), got;

	put_op(p, (struct plan_op){
			  .kind = PLAN_CONST, .dst = v, .max = keep->expr ? (uint64_t)NOT_KEPT >> 32 : 0});
	if (keep->expr) {
		got = put_expr(p, SHAPE_NONE, keep->expr, &exits);
	} else {
		got = put_load_bytes(
			p, (struct place){.kind = PLACE_MEMORY, .base = PLAN_V_RSP, .off = 8 + keep->off}, 8,
			&exits.fault);
	}
	put_op(p, (struct plan_op){.kind = PLAN_MOVE, .dst = v, .a = got});
	put_label(p, &exits.fault);
	put_label(p, &exits.null);
	put_op(p, (struct plan_op){.kind = PLAN_KEEP, .a = v, .imm = slot});
	p->next = mark;
}

static void compile_out(struct planner *p)
{
	const struct shape_param *result = &p->shape->result;

	walk_params(p);
	if (result->node == SHAPE_NONE)
		return;
	p->param = "return";
	if (result->loc.pieces_cnt && result->loc.piece[0].place == ABI_SRET)
		put_copy(p, result->node, PLAN_V_RAX, 0, PLAN_V_ZERO, p->shape->nodes[result->node].size);
	walk(p, result->node, place_of_param(p, result));
}

static void compile_in(struct planner *p)
{
	p->param = "the stack";
	for (unsigned i = 0; i < p->keeps_cnt; i++)
		put_keep(p, i);
	if (p->shape->stack_bytes)
		put_copy(p, SHAPE_NONE, PLAN_V_RSP, 8, PLAN_V_ZERO, p->shape->stack_bytes);
	walk_params(p);
}

/* The section at the end of @out; it ends by itself, so that no jump leads out of it. */
static void lay_out(struct planner *p, struct plan *out, unsigned short *first, unsigned short *cnt)
{
	if (p->cnt)
		put_op(p, (struct plan_op){.kind = PLAN_END});
	if (!p->failed && out->ops_cnt + p->cnt > PLAN_OPS_MAX) {
		planner_fail(p, -E2BIG, "and the other parameters need more than %d steps to capture",
			     PLAN_OPS_MAX);
		err_hint(p->err, "lower a \"depth\", or make parts \"opaque\"");
	}
	if (p->failed)
		return;
	*first = out->ops_cnt;
	*cnt = p->cnt;
	memcpy(&out->ops[out->ops_cnt], p->ops, p->cnt * sizeof(*p->ops));
	out->ops_cnt += p->cnt;
}

/* Nobody asks for the key of what is not an input. */
static bool is_input(const struct shape *shape)
{
	for (size_t i = 0; i < schema_funcs_cnt(shape->schema); i++)
		if (schema_func(shape->schema, i)->id == shape->func &&
		    schema_func(shape->schema, i)->role == ROLE_INPUT)
			return true;
	return false;
}

/* The floating-point registers up to the last that @loc takes. */
static unsigned fp_cnt(const struct abi_loc *loc)
{
	unsigned cnt = 0;

	for (unsigned i = 0; i < loc->pieces_cnt; i++) {
		const struct abi_piece *piece = &loc->piece[i];

		if (piece->place == ABI_XMM)
			cnt = MAX(cnt, PLAN_FP_XMM0 + piece->number + 1u);
		else if (piece->place == ABI_X87)
			cnt = MAX(cnt, PLAN_FP_ST0 + piece->number + 1u);
	}
	return cnt;
}

static void set_fp(struct plan *out, const struct shape *shape)
{
	for (size_t i = 0; i < shape->params_cnt; i++)
		out->fp_in = MAX(out->fp_in, fp_cnt(&shape->params[i].loc));
	out->fp_out = fp_cnt(&shape->result.loc);
	if (shape->varargs.node == SHAPE_NONE || shape->varargs.is_list)
		return;
	out->fp_in = PLAN_FP_ST0;
	out->flags |= PLAN_F_FP_BY_AL;
}

/* What the largest value of node @n takes, when a rule made it larger than it is by default; 0: none did. */
static uint64_t large_bytes(const struct shape *shape, const struct shape_node *n)
{
	bool is_array =
		(n->kind == SHAPE_POINTER || n->kind == SHAPE_ARRAY) && (n->length || n->has_terminator);
	uint64_t unit = is_array ? shape->nodes[n->first_child].size : 1;

	/* Objects on a list of work. */
	if (n->levels)
		return (uint64_t)PLAN_WORK_MAX *
		       (shape->nodes[n->first_child].size + sizeof(struct plan_fragment));
	if (n->max <= (is_array ? RULE_ELEMENTS_DEFAULT : RULE_BYTES_DEFAULT))
		return 0;
	return n->max * MAX(unit, 1u) +
	       (n->max * unit / PLAN_FRAGMENT_MAX + 1) * sizeof(struct plan_fragment);
}

/* How often a value of node @i can be there. */
static uint64_t repeats(const struct shape *shape, uint16_t i)
{
	uint64_t cnt = 1;

	for (i = shape->nodes[i].parent; i != SHAPE_NONE && cnt < PLAN_TOTAL_MAX;
	     i = shape->nodes[i].parent) {
		const struct shape_node *n = &shape->nodes[i];

		if (n->length || n->has_terminator)
			cnt *= MAX(n->max, 1u);
		else if (n->kind == SHAPE_ARRAY)
			cnt *= MAX(n->count, 1u);
	}
	return cnt;
}

/* Large buffers do not take the room of what is captured by default. */
static unsigned more_bytes(const struct shape *shape, uint8_t flow)
{
	uint64_t more = 0;

	for (uint16_t i = 0; i < shape->nodes_cnt && more < PLAN_TOTAL_MAX; i++)
		if (shape->nodes[i].flows & flow)
			more += MIN(large_bytes(shape, &shape->nodes[i]), PLAN_TOTAL_MAX) * repeats(shape, i);
	return MIN(more, PLAN_TOTAL_MAX - PLAN_BYTES_MAX);
}

static int compile(struct planner *p, struct plan *out, struct plan_op *ops, const char *const *key,
		   unsigned key_cnt)
{
	struct plan_op *out_ops = ops + PLAN_OPS_MAX;
	unsigned out_cnt;
	bool is_deep;

	find_needs(p);
	start_section(p, SECTION_OUT, out_ops);
	compile_out(p);
	walk_bodies(p);
	is_deep = p->is_deep;
	out_cnt = p->cnt;
	start_section(p, SECTION_IN, ops);
	compile_in(p);
	walk_bodies(p);
	if (is_deep || p->is_deep)
		out->flags |= PLAN_F_DEEP;
	lay_out(p, out, &out->in, &out->in_cnt);
	p->ops = out_ops;
	p->cnt = out_cnt;
	lay_out(p, out, &out->out, &out->out_cnt);
	if (key || is_input(p->shape)) {
		start_section(p, SECTION_KEY, ops);
		planner_key(p, key, key_cnt);
		lay_out(p, out, &out->key, &out->key_cnt);
	}
	set_fp(out, p->shape);
	out->more_in = more_bytes(p->shape, FLOW_IN);
	out->more_out = more_bytes(p->shape, FLOW_OUT);
	if (p->shape->reads_errno)
		out->flags |= PLAN_F_ERRNO;
	if (p->shape->reads_errno || p->shape->result.node != SHAPE_NONE || out->out_cnt)
		out->flags |= PLAN_F_RETURN;
	return p->failed;
}

int planner_compile(struct plan *out, const struct shape *shape, const char *const *key, unsigned key_cnt,
		    struct err *err)
{
	struct planner p = {.shape = shape, .param = "", .err = err};
	autofree struct place *at = calloc(shape->nodes_cnt + 1, sizeof(*at));
	autofree uint8_t *needs = calloc(shape->nodes_cnt + 1, sizeof(*needs));
	autofree struct body *bodies = calloc(shape->nodes_cnt + 1, sizeof(*bodies));
	autofree struct plan_op *ops = calloc(2 * PLAN_OPS_MAX, sizeof(*ops));
	autofree struct plan *plan = calloc(1, sizeof(*plan));
	int r;

	if (!at || !needs || !bodies || !ops || !plan)
		return err_nomem(err);
	p.at = at;
	p.bodies = bodies;
	p.needs = needs;
	r = compile(&p, plan, ops, key, key_cnt);
	if (!r)
		*out = *plan;
	return r;
}
