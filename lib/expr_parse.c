// SPDX-License-Identifier: BSD-3-Clause
/*
 * A parser by precedence climbing. Two things are bounded apart: how deep the text nests (the recursion
 * here), and how high the tree grows (the recursion of whoever walks it), which a long chain of operators
 * does too.
 */
#include "lib/expr.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr_scan.h"
#include "lib/util.h"

struct parser {
	struct scan s;
	int depth;	   /* what is open around the position */
	int height;	   /* of the tree parsed last */
	bool is_path_only; /* nothing but a path may stand here */
	bool is_in_entry;
};

/* What begins like another stands before it. */
static const struct infix {
	const char *text;
	enum expr_kind kind;
	int rank;
} infixes[] = {
	{"||", EXPR_OR, 1}, {"&&", EXPR_AND, 2}, {"==", EXPR_EQ, 3}, {"!=", EXPR_NE, 3}, {"<=", EXPR_LE, 4},
	{">=", EXPR_GE, 4}, {"<", EXPR_LT, 4},	 {">", EXPR_GT, 4},  {"+", EXPR_ADD, 5}, {"-", EXPR_SUB, 5},
	{"*", EXPR_MUL, 6}, {"/", EXPR_DIV, 6},	 {"%", EXPR_MOD, 6},
};

static int unary(struct parser *p, struct expr **out);
static int binary(struct parser *p, int rank, struct expr **out);

static int enter(struct parser *p)
{
	if (++p->depth > EXPR_DEPTH_MAX)
		return scan_fail(&p->s, p->s.pos, "nested too deeply");
	return 0;
}

static struct expr *expr_new(struct parser *p, enum expr_kind kind)
{
	struct expr *expr = calloc(1, sizeof(*expr));

	if (!expr) {
		err_nomem(p->s.err);
		return NULL;
	}
	expr->kind = kind;
	p->height = 1;
	return expr;
}

static int add_step(struct parser *p, struct path *path, struct path_step step)
{
	struct path_step *last = path->cnt ? &path->steps[path->cnt - 1] : NULL;
	struct path_step *steps;

	/* (*p).x is p->x: one meaning, one shape. */
	if (step.kind == STEP_FIELD && last && last->kind == STEP_DEREF) {
		*last = step;
		last->kind = STEP_ARROW;
		return 0;
	}
	if (path->cnt == PATH_STEPS_MAX) {
		free(step.name);
		return scan_fail(&p->s, p->s.pos, "the path has too many steps");
	}
	steps = realloc(path->steps, (path->cnt + 1) * sizeof(*steps));
	if (!steps) {
		free(step.name);
		return err_nomem(p->s.err);
	}
	path->steps = steps;
	path->steps[path->cnt++] = step;
	return 0;
}

static int member(struct parser *p, struct path *path, enum step_kind kind)
{
	struct path_step step = {.kind = kind};
	int r;

	scan_space(&p->s);
	if (!scan_begins_name(*p->s.pos))
		return scan_expected(&p->s, "the name of a member");
	r = scan_name(&p->s, &step.name);
	if (r)
		return r;
	return add_step(p, path, step);
}

static int element(struct parser *p, struct path *path)
{
	struct path_step step = {.kind = STEP_EACH};
	int r;

	scan_space(&p->s);
	if (isdigit((unsigned char)*p->s.pos)) {
		step.kind = STEP_INDEX;
		r = scan_number(&p->s, &step.index);
		if (r)
			return r;
	}
	if (!scan_take(&p->s, "]"))
		return scan_expected(&p->s, step.kind == STEP_EACH ? "a number or ']'" : "']'");
	return add_step(p, path, step);
}

/* What may follow a path: members and elements, any number of them. */
static int postfix(struct parser *p, struct expr *expr)
{
	for (;;) {
		const char *at;
		int r;

		scan_space(&p->s);
		at = p->s.pos;
		if (strncmp(at, "->", 2) && *at != '.' && *at != '[')
			return 0;
		if (expr->kind != EXPR_PATH)
			return scan_fail(&p->s, at, "only a path has members and elements");
		if (scan_take(&p->s, "->"))
			r = member(p, &expr->path, STEP_ARROW);
		else if (scan_take(&p->s, "."))
			r = member(p, &expr->path, STEP_FIELD);
		else
			r = scan_take(&p->s, "[") ? element(p, &expr->path) : 0;
		if (r)
			return r;
	}
}

static int quoted(struct parser *p, struct expr **out)
{
	const char *at = p->s.pos;
	char text[EXPR_TEXT_MAX + 1];
	struct expr *expr;
	size_t len = 0;
	int r = scan_quoted(&p->s, text, &len);

	if (r)
		return r;
	if (*at == '\'' && len == 1) {
		expr = expr_new(p, EXPR_NUM);
		if (!expr)
			return -ENOMEM;
		expr->num = (signed char)text[0]; /* as in C here, where char has a sign */
		*out = expr;
		return 0;
	}
	if (memchr(text, '\0', len))
		return scan_fail(&p->s, at, "a string cannot hold a NUL");
	expr = expr_new(p, EXPR_STR);
	if (!expr)
		return -ENOMEM;
	expr->str = strdup(text);
	*out = expr;
	return expr->str ? 0 : err_nomem(p->s.err);
}

/* Neither has a value when the function is entered. */
static bool is_known_at_return_only(const struct expr *expr)
{
	if (!expr)
		return false;
	if (expr->kind == EXPR_PATH &&
	    (!strcmp(expr->path.root, "return") || !strcmp(expr->path.root, "errno")))
		return true;
	return is_known_at_return_only(expr->a) || is_known_at_return_only(expr->b);
}

static int no_string(struct parser *p, const struct expr *expr, const char *at)
{
	if (expr->kind == EXPR_STR)
		return scan_fail(&p->s, at, "a string stands only beside '==' and '!='");
	return 0;
}

static int grow(struct parser *p, int height)
{
	p->height = height + 1;
	if (p->height > EXPR_DEPTH_MAX)
		return scan_fail(&p->s, p->s.pos, "the expression has too many operators in a row");
	return 0;
}

/* An operand of min, max or entry: a whole expression. */
static int operand(struct parser *p, struct expr **out, const char *closing)
{
	const char *at;
	int r;

	scan_space(&p->s);
	at = p->s.pos;
	r = binary(p, 0, out);
	if (!r)
		r = no_string(p, *out, at);
	if (!r && !scan_take(&p->s, closing))
		r = scan_expected(&p->s, *closing == ',' ? "an operator or ','" : "an operator or ')'");
	return r;
}

static int pair(struct parser *p, struct expr *expr)
{
	int height, r;

	r = operand(p, &expr->a, ",");
	if (r)
		return r;
	height = p->height;
	r = operand(p, &expr->b, ")");
	if (r)
		return r;
	return grow(p, MAX(height, p->height));
}

static int entry(struct parser *p, struct expr *expr)
{
	const char *at = p->s.pos;
	int r;

	if (p->is_in_entry)
		return scan_fail(&p->s, at, "'entry' inside 'entry'");
	p->is_in_entry = true;
	r = operand(p, &expr->a, ")");
	p->is_in_entry = false;
	if (r)
		return r;
	if (is_known_at_return_only(expr->a))
		return scan_fail(&p->s, at, "'return' and 'errno' have no value at entry");
	return grow(p, p->height);
}

static int size_of(struct parser *p, struct expr *expr)
{
	auto_expr struct expr *path = NULL;
	int r;

	p->is_path_only = true;
	r = unary(p, &path);
	p->is_path_only = false;
	if (r)
		return r;
	if (!scan_take(&p->s, ")"))
		return scan_expected(&p->s, "')'");
	expr->path = path->path;
	path->path = (struct path){};
	return 0;
}

static const struct function {
	const char *name;
	enum expr_kind kind;
	int (*parse)(struct parser *p, struct expr *expr);
} functions[] = {
	{"min", EXPR_MIN, pair},
	{"max", EXPR_MAX, pair},
	{"entry", EXPR_ENTRY, entry},
	{"sizeof", EXPR_SIZEOF, size_of},
};

/* A function is one by the parenthesis behind it: arguments may be called 'min' and 'entry' too. */
static const struct function *take_function(struct parser *p)
{
	size_t len = scan_name_len(p->s.pos);
	const char *paren = p->s.pos + len + strspn(p->s.pos + len, " \t\r\n");

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		if (strlen(functions[i].name) != len || strncmp(functions[i].name, p->s.pos, len))
			continue;
		if (*paren != '(')
			return NULL;
		p->s.pos = paren + 1;
		return &functions[i];
	}
	return NULL;
}

static int word(struct parser *p, struct expr **out)
{
	const struct function *function = p->is_path_only ? NULL : take_function(p);
	auto_expr struct expr *expr = expr_new(p, function ? function->kind : EXPR_PATH);
	int r;

	if (!expr)
		return -ENOMEM;
	r = function ? function->parse(p, expr) : scan_name(&p->s, &expr->path.root);
	if (r)
		return r;
	*out = TAKE_PTR(expr);
	return 0;
}

static int number(struct parser *p, struct expr **out)
{
	auto_expr struct expr *expr = expr_new(p, EXPR_NUM);
	int r;

	if (!expr)
		return -ENOMEM;
	r = scan_number(&p->s, &expr->num);
	if (r)
		return r;
	*out = TAKE_PTR(expr);
	return 0;
}

static int parenthesised(struct parser *p, struct expr **out)
{
	int r;

	p->s.pos++;
	r = p->is_path_only ? unary(p, out) : binary(p, 0, out);
	if (!r && !scan_take(&p->s, ")"))
		r = scan_expected(&p->s, p->is_path_only ? "')'" : "an operator or ')'");
	return r;
}

static int primary(struct parser *p, struct expr **out)
{
	auto_expr struct expr *expr = NULL;
	int r;

	scan_space(&p->s);
	if (*p->s.pos == '(')
		r = parenthesised(p, &expr);
	else if (scan_begins_root(p->s.pos))
		r = word(p, &expr);
	else if (p->is_path_only)
		r = scan_expected(&p->s, "a path");
	else if (isdigit((unsigned char)*p->s.pos))
		r = number(p, &expr);
	else if (*p->s.pos == '"' || *p->s.pos == '\'')
		r = quoted(p, &expr);
	else
		r = scan_expected(&p->s, "a path or a number");
	if (!r)
		r = postfix(p, expr);
	if (!r)
		*out = TAKE_PTR(expr);
	return r;
}

static int dereference(struct parser *p, struct expr **out)
{
	auto_expr struct expr *expr = NULL;
	const char *at;
	int r;

	scan_space(&p->s);
	at = p->s.pos;
	r = unary(p, &expr);
	if (!r && expr->kind != EXPR_PATH)
		r = scan_fail(&p->s, at, "expected a path behind '*'");
	if (!r)
		r = add_step(p, &expr->path, (struct path_step){.kind = STEP_DEREF});
	if (!r)
		*out = TAKE_PTR(expr);
	return r;
}

static int sign(struct parser *p, enum expr_kind kind, struct expr **out)
{
	auto_expr struct expr *expr = expr_new(p, kind);
	const char *at;
	int r;

	if (!expr)
		return -ENOMEM;
	scan_space(&p->s);
	at = p->s.pos;
	r = unary(p, &expr->a);
	if (!r)
		r = no_string(p, expr->a, at);
	if (!r)
		r = grow(p, p->height);
	if (!r)
		*out = TAKE_PTR(expr);
	return r;
}

static int unary(struct parser *p, struct expr **out)
{
	int r = enter(p);

	if (r)
		return r;
	if (scan_take(&p->s, "*"))
		r = dereference(p, out);
	else if (!p->is_path_only && scan_take(&p->s, "!"))
		r = sign(p, EXPR_NOT, out);
	else if (!p->is_path_only && scan_take(&p->s, "-"))
		r = sign(p, EXPR_NEG, out);
	else
		r = primary(p, out);
	p->depth--;
	return r;
}

static const struct infix *next_infix(struct parser *p, int rank)
{
	scan_space(&p->s);
	for (size_t i = 0; i < ARRAY_SIZE(infixes); i++)
		if (!strncmp(p->s.pos, infixes[i].text, strlen(infixes[i].text)))
			return infixes[i].rank >= rank ? &infixes[i] : NULL;
	return NULL;
}

static bool is_path(const struct expr *expr)
{
	return expr->kind == EXPR_PATH || (expr->kind == EXPR_ENTRY && expr->a->kind == EXPR_PATH);
}

static int check_strings(struct parser *p, enum expr_kind kind, const struct expr *a, const char *a_at,
			 const struct expr *b, const char *b_at)
{
	if (kind != EXPR_EQ && kind != EXPR_NE) {
		int r = no_string(p, a, a_at);

		return r ? r : no_string(p, b, b_at);
	}
	if ((a->kind == EXPR_STR && !is_path(b)) || (b->kind == EXPR_STR && !is_path(a)))
		return scan_fail(&p->s, a->kind == EXPR_STR ? b_at : a_at,
				 "a string compares with a path only");
	return 0;
}

/* Operators of @rank and above, those of one rank from the left. */
static int binary(struct parser *p, int rank, struct expr **out)
{
	auto_expr struct expr *left = NULL;
	const struct infix *op;
	const char *left_at;
	int height, r;

	scan_space(&p->s);
	left_at = p->s.pos;
	r = unary(p, &left);
	if (r)
		return r;
	height = p->height;
	while ((op = next_infix(p, rank))) {
		auto_expr struct expr *right = NULL, *both = NULL;
		const char *right_at;

		p->s.pos += strlen(op->text);
		scan_space(&p->s);
		right_at = p->s.pos;
		r = binary(p, op->rank + 1, &right);
		if (!r)
			r = check_strings(p, op->kind, left, left_at, right, right_at);
		if (!r)
			r = grow(p, MAX(height, p->height));
		if (r)
			return r;
		height = p->height;
		both = expr_new(p, op->kind);
		if (!both)
			return -ENOMEM;
		both->a = TAKE_PTR(left);
		both->b = TAKE_PTR(right);
		left = TAKE_PTR(both);
	}
	p->height = height;
	*out = TAKE_PTR(left);
	return 0;
}

static int finish(struct parser *p, const char *what)
{
	int r;

	scan_space(&p->s);
	if (!*p->s.pos)
		return 0;
	r = scan_expected(&p->s, what);
	if (!p->is_path_only && strchr("=&|", *p->s.pos))
		err_hint(p->s.err, "did you mean '%c%c'?", *p->s.pos, *p->s.pos);
	return r;
}

int expr_parse(struct expr **out, const char *text, struct err *err)
{
	auto_expr struct expr *expr = NULL;
	struct parser p = {.s = {text, text, err}};
	int r;

	if (strlen(text) > EXPR_TEXT_MAX)
		return scan_fail(&p.s, text + EXPR_TEXT_MAX, "the expression is too long");
	r = binary(&p, 0, &expr);
	if (!r)
		r = no_string(&p, expr, text);
	if (!r)
		r = finish(&p, "an operator");
	if (!r)
		*out = TAKE_PTR(expr);
	return r;
}

int path_parse(struct path *out, const char *text, struct err *err)
{
	auto_expr struct expr *expr = NULL;
	struct parser p = {.s = {text, text, err}, .is_path_only = true};
	int r;

	if (strlen(text) > EXPR_TEXT_MAX)
		return scan_fail(&p.s, text + EXPR_TEXT_MAX, "the path is too long");
	r = unary(&p, &expr);
	if (!r)
		r = finish(&p, "'->', '.', '[' or the end");
	if (r)
		return r;
	*out = expr->path;
	expr->path = (struct path){};
	return 0;
}
