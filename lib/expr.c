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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"

/* Of what stands there instead, so much is shown. */
#define FOUND_LEN_MAX 32

struct parser {
	const char *text, *pos;
	int depth;	   /* what is open around pos */
	int height;	   /* of the tree parsed last */
	bool is_path_only; /* nothing but a path may stand here */
	bool is_in_entry;
	struct err *err;
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

void path_release(struct path *path)
{
	for (size_t i = 0; i < path->cnt; i++)
		free(path->steps[i].name);
	free(path->steps);
	free(path->root);
	*path = (struct path){};
}

void expr_free(struct expr *expr)
{
	if (!expr)
		return;
	expr_free(expr->a);
	expr_free(expr->b);
	path_release(&expr->path);
	free(expr->str);
	free(expr);
}

void expr_freep(struct expr **expr)
{
	expr_free(*expr);
}

static int fail(struct parser *p, const char *at, const char *what)
{
	return err_usage(p->err, -EINVAL, "at column %zu: %s", (size_t)(at - p->text) + 1, what);
}

static void skip_space(struct parser *p)
{
	p->pos += strspn(p->pos, " \t\r\n");
}

/* Letters of any alphabet: a byte past ASCII is part of a name. */
static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static bool begins_name(char c)
{
	return is_name_byte(c) && !isdigit((unsigned char)c);
}

static size_t name_len(const char *pos)
{
	size_t len = 0;

	while (is_name_byte(pos[len]))
		len++;
	return len;
}

static int expected(struct parser *p, const char *what)
{
	size_t column;
	int len;

	skip_space(p);
	column = p->pos - p->text + 1;
	if (!*p->pos)
		return err_usage(p->err, -EINVAL, "at column %zu: expected %s, found the end", column, what);
	len = MIN(MAX(name_len(p->pos), 1), FOUND_LEN_MAX);
	return err_usage(p->err, -EINVAL, "at column %zu: expected %s, found '%.*s'", column, what, len,
			 p->pos);
}

static bool take(struct parser *p, const char *token)
{
	skip_space(p);
	if (strncmp(p->pos, token, strlen(token)))
		return false;
	p->pos += strlen(token);
	return true;
}

static int enter(struct parser *p)
{
	if (++p->depth > EXPR_DEPTH_MAX)
		return fail(p, p->pos, "nested too deeply");
	return 0;
}

static struct expr *expr_new(struct parser *p, enum expr_kind kind)
{
	struct expr *expr = calloc(1, sizeof(*expr));

	if (!expr) {
		err_nomem(p->err);
		return NULL;
	}
	expr->kind = kind;
	p->height = 1;
	return expr;
}

static int take_name(struct parser *p, char **out)
{
	size_t len = name_len(p->pos);
	char *name = strndup(p->pos, len);

	if (!name)
		return err_nomem(p->err);
	p->pos += len;
	*out = name;
	return 0;
}

static bool suffix_is_known(const char *suffix, size_t len)
{
	static const char *const known[] = {"", "u", "l", "ul", "lu", "ll", "ull", "llu"};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i]) == len && !strncasecmp(known[i], suffix, len))
			return true;
	return false;
}

static int take_number(struct parser *p, int64_t *out)
{
	const char *at = p->pos;
	unsigned long long num;
	char *end;

	errno = 0;
	num = strtoull(at, &end, 0);
	if (errno || num > INT64_MAX)
		return fail(p, at, "the number does not fit 64 bits with a sign");
	if (!suffix_is_known(end, name_len(end)) || end[name_len(end)] == '.')
		return fail(p, at, "expected an integer");
	p->pos = end + name_len(end);
	*out = num;
	return 0;
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
		return fail(p, p->pos, "the path has too many steps");
	}
	steps = realloc(path->steps, (path->cnt + 1) * sizeof(*steps));
	if (!steps) {
		free(step.name);
		return err_nomem(p->err);
	}
	path->steps = steps;
	path->steps[path->cnt++] = step;
	return 0;
}

static int member(struct parser *p, struct path *path, enum step_kind kind)
{
	struct path_step step = {.kind = kind};
	int r;

	skip_space(p);
	if (!begins_name(*p->pos))
		return expected(p, "the name of a member");
	r = take_name(p, &step.name);
	if (r)
		return r;
	return add_step(p, path, step);
}

static int element(struct parser *p, struct path *path)
{
	struct path_step step = {.kind = STEP_EACH};
	int r;

	skip_space(p);
	if (isdigit((unsigned char)*p->pos)) {
		step.kind = STEP_INDEX;
		r = take_number(p, &step.index);
		if (r)
			return r;
	}
	if (!take(p, "]"))
		return expected(p, step.kind == STEP_EACH ? "a number or ']'" : "']'");
	return add_step(p, path, step);
}

/* What may follow a path: members and elements, any number of them. */
static int postfix(struct parser *p, struct expr *expr)
{
	for (;;) {
		const char *at;
		int r;

		skip_space(p);
		at = p->pos;
		if (strncmp(at, "->", 2) && *at != '.' && *at != '[')
			return 0;
		if (expr->kind != EXPR_PATH)
			return fail(p, at, "only a path has members and elements");
		if (take(p, "->"))
			r = member(p, &expr->path, STEP_ARROW);
		else if (take(p, "."))
			r = member(p, &expr->path, STEP_FIELD);
		else
			r = take(p, "[") ? element(p, &expr->path) : 0;
		if (r)
			return r;
	}
}

/* One character of a quoted text, escaped or not, or -1. */
static int take_char(struct parser *p)
{
	static const char letters[] = "abfnrtv\\'\"?", meant[] = "\a\b\f\n\r\t\v\\'\"?";
	const char *letter;
	char digits[4] = "";
	char *end;
	long c;

	if (*p->pos != '\\')
		return (unsigned char)*p->pos++;
	p->pos++;
	letter = *p->pos ? strchr(letters, *p->pos) : NULL;
	if (letter) {
		p->pos++;
		return meant[letter - letters];
	}
	if (*p->pos == 'x') {
		p->pos++;
		if (!isxdigit((unsigned char)*p->pos))
			return -1;
		memcpy(digits, p->pos, isxdigit((unsigned char)p->pos[1]) ? 2 : 1);
		c = strtol(digits, &end, 16);
	} else {
		memcpy(digits, p->pos, MIN(strspn(p->pos, "01234567"), sizeof(digits) - 1));
		c = strtol(digits, &end, 8);
	}
	if (end == digits || c > 0xff)
		return -1;
	p->pos += end - digits;
	return c;
}

static int quoted(struct parser *p, struct expr **out)
{
	const char *at = p->pos;
	char quote = *p->pos++;
	char text[EXPR_TEXT_MAX + 1];
	size_t len = 0;
	struct expr *expr;

	while (*p->pos && *p->pos != quote) {
		const char *escape = p->pos;
		int c = take_char(p);

		if (c < 0)
			return fail(p, escape, "unknown escape");
		text[len++] = c;
	}
	if (!*p->pos)
		return fail(p, at, "the quote is not closed");
	p->pos++;
	text[len] = '\0';

	if (quote == '\'' && len == 1) {
		expr = expr_new(p, EXPR_NUM);
		if (!expr)
			return -ENOMEM;
		expr->num = (signed char)text[0]; /* as in C here, where char has a sign */
		*out = expr;
		return 0;
	}
	if (memchr(text, '\0', len))
		return fail(p, at, "a string cannot hold a NUL");
	expr = expr_new(p, EXPR_STR);
	if (!expr)
		return -ENOMEM;
	expr->str = strdup(text);
	*out = expr;
	return expr->str ? 0 : err_nomem(p->err);
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
		return fail(p, at, "a string stands only beside '==' and '!='");
	return 0;
}

static int grow(struct parser *p, int height)
{
	p->height = height + 1;
	if (p->height > EXPR_DEPTH_MAX)
		return fail(p, p->pos, "the expression has too many operators in a row");
	return 0;
}

/* An operand of min, max or entry: a whole expression. */
static int operand(struct parser *p, struct expr **out, const char *closing)
{
	const char *at;
	int r;

	skip_space(p);
	at = p->pos;
	r = binary(p, 0, out);
	if (!r)
		r = no_string(p, *out, at);
	if (!r && !take(p, closing))
		r = expected(p, *closing == ',' ? "an operator or ','" : "an operator or ')'");
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
	const char *at = p->pos;
	int r;

	if (p->is_in_entry)
		return fail(p, at, "'entry' inside 'entry'");
	p->is_in_entry = true;
	r = operand(p, &expr->a, ")");
	p->is_in_entry = false;
	if (r)
		return r;
	if (is_known_at_return_only(expr->a))
		return fail(p, at, "'return' and 'errno' have no value at entry");
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
	if (!take(p, ")"))
		return expected(p, "')'");
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
	size_t len = name_len(p->pos);
	const char *paren = p->pos + len + strspn(p->pos + len, " \t\r\n");

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		if (strlen(functions[i].name) != len || strncmp(functions[i].name, p->pos, len))
			continue;
		if (*paren != '(')
			return NULL;
		p->pos = paren + 1;
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
	r = function ? function->parse(p, expr) : take_name(p, &expr->path.root);
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
	r = take_number(p, &expr->num);
	if (r)
		return r;
	*out = TAKE_PTR(expr);
	return 0;
}

static int parenthesised(struct parser *p, struct expr **out)
{
	int r;

	p->pos++;
	r = p->is_path_only ? unary(p, out) : binary(p, 0, out);
	if (!r && !take(p, ")"))
		r = expected(p, p->is_path_only ? "')'" : "an operator or ')'");
	return r;
}

static int primary(struct parser *p, struct expr **out)
{
	auto_expr struct expr *expr = NULL;
	int r;

	skip_space(p);
	if (*p->pos == '(')
		r = parenthesised(p, &expr);
	else if (begins_name(*p->pos))
		r = word(p, &expr);
	else if (p->is_path_only)
		r = expected(p, "a path");
	else if (isdigit((unsigned char)*p->pos))
		r = number(p, &expr);
	else if (*p->pos == '"' || *p->pos == '\'')
		r = quoted(p, &expr);
	else
		r = expected(p, "a path or a number");
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

	skip_space(p);
	at = p->pos;
	r = unary(p, &expr);
	if (!r && expr->kind != EXPR_PATH)
		r = fail(p, at, "expected a path behind '*'");
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
	skip_space(p);
	at = p->pos;
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
	if (take(p, "*"))
		r = dereference(p, out);
	else if (!p->is_path_only && take(p, "!"))
		r = sign(p, EXPR_NOT, out);
	else if (!p->is_path_only && take(p, "-"))
		r = sign(p, EXPR_NEG, out);
	else
		r = primary(p, out);
	p->depth--;
	return r;
}

static const struct infix *next_infix(struct parser *p, int rank)
{
	skip_space(p);
	for (size_t i = 0; i < ARRAY_SIZE(infixes); i++)
		if (!strncmp(p->pos, infixes[i].text, strlen(infixes[i].text)))
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
		return fail(p, a->kind == EXPR_STR ? b_at : a_at, "a string compares with a path only");
	return 0;
}

/* Operators of @rank and above, those of one rank from the left. */
static int binary(struct parser *p, int rank, struct expr **out)
{
	auto_expr struct expr *left = NULL;
	const struct infix *op;
	const char *left_at;
	int height, r;

	skip_space(p);
	left_at = p->pos;
	r = unary(p, &left);
	if (r)
		return r;
	height = p->height;
	while ((op = next_infix(p, rank))) {
		auto_expr struct expr *right = NULL, *both = NULL;
		const char *right_at;

		p->pos += strlen(op->text);
		skip_space(p);
		right_at = p->pos;
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

	skip_space(p);
	if (!*p->pos)
		return 0;
	r = expected(p, what);
	if (!p->is_path_only && strchr("=&|", *p->pos))
		err_hint(p->err, "did you mean '%c%c'?", *p->pos, *p->pos);
	return r;
}

int expr_parse(struct expr **out, const char *text, struct err *err)
{
	auto_expr struct expr *expr = NULL;
	struct parser p = {.text = text, .pos = text, .err = err};
	int r;

	if (strlen(text) > EXPR_TEXT_MAX)
		return fail(&p, text + EXPR_TEXT_MAX, "the expression is too long");
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
	struct parser p = {.text = text, .pos = text, .is_path_only = true, .err = err};
	int r;

	if (strlen(text) > EXPR_TEXT_MAX)
		return fail(&p, text + EXPR_TEXT_MAX, "the path is too long");
	r = unary(&p, &expr);
	if (!r)
		r = finish(&p, "'->', '.', '[' or the end");
	if (r)
		return r;
	*out = expr->path;
	expr->path = (struct path){};
	return 0;
}

/* @text with @step behind it, or before it. */
static char *step_text(const struct path_step *step, const char *text, bool is_starred)
{
	const char *open = is_starred ? "(" : "", *close = is_starred ? ")" : "";
	char *out = NULL;
	int len = -1;

	switch (step->kind) {
	case STEP_FIELD:
		len = asprintf(&out, "%s%s%s.%s", open, text, close, step->name);
		break;
	case STEP_ARROW:
		len = asprintf(&out, "%s%s%s->%s", open, text, close, step->name);
		break;
	case STEP_DEREF:
		len = asprintf(&out, "*%s", text);
		break;
	case STEP_INDEX:
		len = asprintf(&out, "%s%s%s[%lld]", open, text, close, (long long)step->index);
		break;
	case STEP_EACH:
		len = asprintf(&out, "%s%s%s[]", open, text, close);
		break;
	}
	return len < 0 ? NULL : out;
}

char *path_text(const struct path *path)
{
	autofree char *text = strdup(path->root);

	for (size_t i = 0; text && i < path->cnt; i++) {
		bool is_starred = i && path->steps[i - 1].kind == STEP_DEREF;
		char *longer = step_text(&path->steps[i], text, is_starred);

		free(text);
		text = longer;
	}
	return TAKE_PTR(text);
}
