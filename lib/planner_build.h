/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the planner share; included by lib/planner*.c only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/plan.h"
#include "lib/shape.h"

struct err;
struct expr;
struct path;

/* Marks a kept value that could not be evaluated at entry. */
#define NOT_KEPT INT64_MIN

enum section { SECTION_IN, SECTION_OUT, SECTION_KEY, SECTION_GATE, SECTION_CNT };

/* Where a value lies while a section runs. */
enum place_kind {
	PLACE_NOWHERE,
	PLACE_MEMORY, /* at v[base] + off */
	PLACE_REGS,   /* at byte @off of what @loc says */
	PLACE_KEPT,   /* a stack argument at return: at byte @off of the stack arguments, kept from entry */
};

struct place {
	uint8_t kind, base;
	int32_t off;
	const struct abi_loc *loc;
};

/* A place in the section that is not known yet: the ops that jump there, chained through their jmp. */
struct label {
	int last; /* -1: none */
};
#define LABEL_NEW                                                                                            \
	{                                                                                                    \
		-1                                                                                           \
	}

/* Ways out of an evaluation. In KEY an op that faults has already put KEY_FAULT, a NULL on the way has not.
 */
struct exits {
	struct label fault, null;
};
#define EXITS_NEW                                                                                            \
	{                                                                                                    \
		LABEL_NEW, LABEL_NEW                                                                         \
	}

/* A value that return needs as it was at entry. */
struct keep {
	const struct expr *expr; /* NULL: eight bytes of stack arguments */
	int32_t off;
};

struct planner {
	const struct shape *shape;
	enum section section;
	struct plan_op *ops; /* of the section; room for PLAN_OPS_MAX */
	unsigned cnt;
	unsigned next;	  /* the next temporary */
	struct place *at; /* by node: where the object that is being walked lies */
	struct body {
		struct label label;
		int at; /* -1: not compiled yet */
	} * bodies;	/* by node: of a POINTER with levels, what captures an object of the list */
	bool is_deep;	/* something was pushed */
	uint8_t *needs; /* by node: enum flows of pointers that lie in it */
	struct keep keeps[PLAN_KEEP_MAX];
	unsigned keeps_cnt;
	uint8_t one, fault, cut; /* KEY: values that hold 1, KEY_FAULT and KEY_CUT */
	const char *param;	 /* being compiled, for messages */
	int failed;		 /* latches: 0 or -errno, said in *err */
	struct err *err;
};

/* --- planner_ops.c --- */
int planner_fail(struct planner *p, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
unsigned put_op(struct planner *p, struct plan_op op);
void put_jump(struct planner *p, struct plan_op op, struct label *to);
void put_label(struct planner *p, struct label *label);
uint8_t new_value(struct planner *p);
uint8_t put_const(struct planner *p, int64_t number);
/* v = op(a, b), in a new value. */
uint8_t put_binary(struct planner *p, uint8_t kind, uint8_t a, uint8_t b);
struct place place_of_param(const struct planner *p, const struct shape_param *param);
struct place place_inside(struct place place, int64_t off);
/* Whether the @len bytes there can be had: in a floating-point register only by KEY. */
bool place_is_known(const struct planner *p, const struct place *place, uint32_t len);
/* The number or pointer of node @n at @place, extended to 64 bits. */
uint8_t put_load(struct planner *p, struct place place, const struct shape_node *n, struct label *fault);
/* The same of @size bytes, unsigned. */
uint8_t put_load_bytes(struct planner *p, struct place place, unsigned size, struct label *fault);

/* The variable arguments of VARARGS node @node. */
void put_format(struct planner *p, uint16_t node);
/* The content of FILE node @node. */
void put_file(struct planner *p, uint16_t node);

/* --- planner_expr.c --- */
/* Where @path ends; *@node is its node. */
struct place put_path(struct planner *p, uint16_t scope, const struct path *path, uint16_t *node,
		      struct exits *exits);
uint8_t put_expr(struct planner *p, uint16_t scope, const struct expr *expr, struct exits *exits);
/* The value of UNION @node's tag; and whether v[@tag] is a case of its member @child. */
uint8_t put_tag(struct planner *p, uint16_t node, struct exits *exits);
uint8_t put_is_case(struct planner *p, uint16_t node, uint16_t child, uint8_t tag);
/* The length of @node: from 0 to @most. */
uint8_t put_length(struct planner *p, uint16_t node, int64_t most, struct exits *exits);
/* How many elements of @node at v[@base] + @off precede the terminator, at most its max. */
uint8_t put_terminated(struct planner *p, uint16_t node, uint8_t base, int32_t off, struct label *fault);

/* A loop over elements: between the two calls p->at[child] is the element at hand. */
struct loop {
	uint16_t child;
	uint8_t i, cnt;
	unsigned top;
	struct label end;
};
void loop_begin(struct planner *p, struct loop *loop, uint16_t child, uint8_t base, int32_t off, uint8_t cnt);
void loop_end(struct planner *p, struct loop *loop);

/* --- planner_gate.c --- */
/* Comparing a text with a constant, in a gate; false when @expr is something else. */
bool put_text_equal(struct planner *p, uint16_t scope, const struct expr *expr, uint8_t *out,
		    struct exits *exits);
/* Refuses what is no number, in a gate. */
void check_number(struct planner *p, uint16_t node);

/* --- planner_key.c --- */
void planner_key(struct planner *p, const char *const *key, unsigned key_cnt);
