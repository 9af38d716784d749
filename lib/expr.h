/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one grammar of the configuration: C integer expressions over paths, for lengths and predicates.
 *
 *	expr:    ||  &&  == != < <= > >=  + -  * / %  unary ! -  min(a,b) max(a,b) sizeof(path) entry(expr)
 *	path:    req->items[3].name   *p   lines[]->sku   return   errno
 *	number:  12  0x1f  017, with C's suffixes; 'a' (one character)
 *	string:  "..." or '...' (not of one character), only between a path and == or !=
 *
 * `[]` means each element. A path can also be written alone (rules, keys, compare). `entry` holds neither
 * `return` nor `errno`, nor another `entry`.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;

enum step_kind { STEP_FIELD, STEP_ARROW, STEP_DEREF, STEP_INDEX, STEP_EACH };

struct path_step {
	enum step_kind kind;
	char *name;    /* FIELD, ARROW */
	int64_t index; /* INDEX */
};

struct path {
	char *root; /* an argument's name, "return", "errno", or a member's name in a type rule */
	struct path_step *steps;
	size_t cnt;
};

enum expr_kind {
	EXPR_NUM,
	EXPR_STR,
	EXPR_PATH,
	EXPR_ENTRY,
	EXPR_SIZEOF, /* has a path */
	EXPR_NOT,
	EXPR_NEG, /* one operand, as ENTRY */
	EXPR_ADD,
	EXPR_SUB,
	EXPR_MUL,
	EXPR_DIV,
	EXPR_MOD, /* two operands from here */
	EXPR_LT,
	EXPR_LE,
	EXPR_GT,
	EXPR_GE,
	EXPR_EQ,
	EXPR_NE,
	EXPR_AND,
	EXPR_OR,
	EXPR_MIN,
	EXPR_MAX,
	EXPR_KIND_CNT,
};

#define EXPR_TEXT_MAX  4096 /* bytes */
#define EXPR_DEPTH_MAX 64   /* of the tree, and of what is written */
#define PATH_STEPS_MAX 32

struct expr {
	enum expr_kind kind;
	int64_t num;
	char *str;
	struct path path;
	struct expr *a, *b;
};

/* Parse @text whole; the caller's to free. -EINVAL, a usage error, with the column: "at column 7: expected a
 * path, found the end". */
int expr_parse(struct expr **out, const char *text, struct err *err);
void expr_free(struct expr *expr);
int path_parse(struct path *out, const char *text, struct err *err);
void path_release(struct path *path);
/* The canonical text: "req->items[]", "*p", "(*p).x" becomes "p->x". The caller's to free; NULL: no memory.
 */
char *path_text(const struct path *path);

/* What @kind makes of two numbers, or @a alone. As the plan's interpreters: 64 bits that wrap, division by
 * zero gives 0. */
int64_t expr_apply(enum expr_kind kind, int64_t a, int64_t b);

#define auto_expr __attribute__((cleanup(expr_freep)))
#define auto_path __attribute__((cleanup(path_release)))
void expr_freep(struct expr **expr);
