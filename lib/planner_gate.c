// SPDX-License-Identifier: BSD-3-Clause
/*
 * Gates. What cannot be read decides nothing: the call is taken, goes by 0, and carries nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/planner.h"
#include "lib/planner_build.h"
#include "lib/util.h"

#define EIGHTBYTE 8

static void refuse(struct planner *p, const char *text)
{
	if (p->failed)
		return;
	planner_fail(p, -EINVAL, "%s", text);
	if (p->err)
		p->err->is_usage = true;
}

static bool is_text(const struct shape_node *n)
{
	return n->kind == SHAPE_STRING || n->kind == SHAPE_CHARS;
}

void check_number(struct planner *p, uint16_t node)
{
	const struct shape_node *n = &p->shape->nodes[node];

	if (p->section != SECTION_GATE || p->failed)
		return;
	if (n->kind == SHAPE_FLOAT)
		refuse(p, "uses a floating-point number, which cannot be decided by at entry");
	else if (n->kind == SHAPE_STRUCT || n->kind == SHAPE_UNION || n->kind == SHAPE_ARRAY ||
		 n->kind == SHAPE_CHARS || n->size > EIGHTBYTE)
		refuse(p, "uses something that is no number");
}

/* The hash of the text at @place. */
static uint8_t put_hash(struct planner *p, const struct shape_node *n, struct place place,
			struct exits *exits)
{
	struct plan_op op = {.kind = PLAN_HASH, .max = PLAN_HASH_MAX};

	if (n->kind == SHAPE_STRING) {
		op.a = put_load(p, place, n, &exits->fault);
		put_jump(p, (struct plan_op){.kind = PLAN_JZ, .a = op.a}, &exits->null);
	} else if (place.kind == PLACE_MEMORY) {
		op.a = place.base;
		op.imm = place.off;
		op.max = MIN(n->size, PLAN_HASH_MAX);
	} else {
		refuse(p, "uses text that lies in a register");
	}
	op.dst = new_value(p);
	put_jump(p, op, &exits->fault);
	return op.dst;
}

static uint64_t hash_of(const char *text)
{
	size_t len = strlen(text) + 1;
	uint64_t hash = 0;

	for (size_t i = 0; i < len; i += EIGHTBYTE) {
		uint64_t word = 0;

		memcpy(&word, text + i, MIN(len - i, EIGHTBYTE));
		hash = plan_hash(hash, word);
	}
	return hash;
}

bool put_text_equal(struct planner *p, uint16_t scope, const struct expr *expr, uint8_t *out,
		    struct exits *exits)
{
	const struct expr *text, *path;
	struct place place;
	uint16_t node;

	if (p->section != SECTION_GATE || (expr->kind != EXPR_EQ && expr->kind != EXPR_NE))
		return false;
	text = expr->a->kind == EXPR_STR ? expr->a : expr->b;
	path = text == expr->a ? expr->b : expr->a;
	if (text->kind != EXPR_STR)
		return false;
	*out = PLAN_V_ZERO;
	if (path->kind != EXPR_PATH)
		refuse(p, "compares text with what is no path");
	if (strlen(text->str) >= PLAN_HASH_MAX)
		refuse(p, "compares text that is too long to be decided by at entry");
	if (p->failed)
		return true;
	place = put_path(p, scope, &path->path, &node, exits);
	if (!p->failed && !is_text(&p->shape->nodes[node]))
		refuse(p, "compares text with what is none");
	if (p->failed)
		return true;
	*out = put_binary(p, expr->kind == EXPR_EQ ? PLAN_EQ : PLAN_NE,
			  put_hash(p, &p->shape->nodes[node], place, exits),
			  put_const(p, hash_of(text->str)));
	return true;
}

static void put_result(struct planner *p, uint8_t dst, uint8_t v, struct exits *exits)
{
	put_op(p, (struct plan_op){.kind = PLAN_MOVE, .dst = dst, .a = v});
	put_label(p, &exits->fault);
	put_label(p, &exits->null);
	p->next = PLAN_V_TEMP;
}

static void put_wanted(struct planner *p, const struct expr *expr)
{
	struct exits exits = EXITS_NEW;
	uint8_t v;

	p->param = "if";
	v = put_expr(p, SHAPE_NONE, expr, &exits);
	put_result(p, PLAN_V_WANTED, put_binary(p, PLAN_NE, v, PLAN_V_ZERO), &exits);
}

/* What @text leads to, as one number: text by its hash, a pointer by its address. */
static void put_identity(struct planner *p, uint8_t dst, const char *name, const char *text)
{
	struct exits exits = EXITS_NEW;
	auto_path struct path path = {};
	struct place place;
	uint16_t node;
	uint8_t v;

	p->param = name;
	if (path_parse(&path, text, p->err)) {
		p->failed = -EINVAL;
		return;
	}
	place = put_path(p, SHAPE_NONE, &path, &node, &exits);
	if (p->failed)
		return;
	if (is_text(&p->shape->nodes[node])) {
		v = put_hash(p, &p->shape->nodes[node], place, &exits);
	} else {
		check_number(p, node);
		v = put_load(p, place, &p->shape->nodes[node], &exits.fault);
	}
	put_result(p, dst, v, &exits);
}

static void put_gate(struct planner *p, const struct gate_source *source, unsigned *flags)
{
	if (source->only_if) {
		put_wanted(p, source->only_if);
		*flags |= PLAN_GATE_WANTED;
	}
	if (source->by) {
		put_identity(p, PLAN_V_BY, "by", source->by);
		*flags |= PLAN_GATE_BY;
	}
	if (source->carrier) {
		put_identity(p, PLAN_V_CARRIER, "carrier", source->carrier);
		*flags |= PLAN_GATE_CARRIES;
	}
	if (source->joins) {
		put_identity(p, PLAN_V_CARRIER, "joins", source->joins);
		*flags |= PLAN_GATE_JOINS;
	}
}

int planner_gate(struct plan_gate *out, const struct shape *shape, const struct gate_source *source,
		 struct err *err)
{
	struct planner p = {
		.shape = shape, .section = SECTION_GATE, .param = "", .next = PLAN_V_TEMP, .err = err};
	autofree struct place *at = calloc(shape->nodes_cnt + 1, sizeof(*at));
	autofree struct plan_op *ops = calloc(PLAN_OPS_MAX, sizeof(*ops));
	unsigned flags = 0;

	if (!at || !ops)
		return err_nomem(err);
	p.at = at;
	p.ops = ops;
	put_gate(&p, source, &flags);
	if (!p.failed && p.cnt > PLAN_GATE_OPS) {
		planner_fail(&p, -E2BIG, "is too long to be decided by at entry");
		if (err)
			err->is_usage = true;
	}
	if (p.failed)
		return p.failed;
	*out = (struct plan_gate){.flags = flags, .cnt = p.cnt};
	memcpy(out->ops, ops, p.cnt * sizeof(*ops));
	return 0;
}
