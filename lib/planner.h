/* SPDX-License-Identifier: BSD-3-Clause */
/* From a shape to a plan: the ops that copy, at entry and at return, what the shape says flows. Pure. */
#pragma once

struct err;
struct expr;
struct plan;
struct plan_gate;
struct shape;

/*
 * Compile. Stack arguments are one COPY of [rsp + 8 ..) in IN (node SHAPE_NONE), so a reader finds them at
 * that address; a result in memory (ABI_SRET) is a COPY at rax in OUT. An expression is evaluated in the
 * section that uses it; entry(x) is kept from IN. KEY is compiled from @key (paths; NULL: the default key:
 * scalars, strings, what const and explicitly `in` pointers reach), see key.h for the bytes it gives. -E2BIG
 * names the parameter whose ops did not fit PLAN_OPS_MAX.
 */
int planner_compile(struct plan *out, const struct shape *shape, const char *const *key, unsigned key_cnt,
		    struct err *err);

/* What decides at a function's entry; NULL where there is nothing. Paths as the configuration has them. */
struct gate_source {
	const struct expr *only_if;
	const char *by, *carrier, *joins; /* carrier and joins exclude each other */
};

/* -EINVAL: it uses something that is no number, or text in a way that cannot be decided there; -E2BIG: more
 * than PLAN_GATE_OPS. Both are usage errors. */
int planner_gate(struct plan_gate *out, const struct shape *shape, const struct gate_source *source,
		 struct err *err);
