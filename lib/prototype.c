// SPDX-License-Identifier: BSD-3-Clause
/*
 * Declarators are read from the inside out, but types are made from the outside in: what stands in brackets
 * around a name is passed over, what follows it is applied to the type, and then it is read after all.
 */
#include "lib/prototype.h"

#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/prototype_impl.h"
#include "lib/schema.h"
#include "lib/util.h"

#define DIMENSION_MAX (1 << 24) /* elements of an array */

/* --- tokens --- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

void parser_next(struct parser *p)
{
	const char *at = p->token.text + p->token.len;
	struct token *token = &p->token;

	at += strspn(at, " \t\r\n");
	*token = (struct token){.text = at, .len = 1};
	if (!*at) {
		token->len = 0;
	} else if (isdigit((unsigned char)*at)) {
		token->kind = TOKEN_NUMBER;
		while (is_word(at[token->len]))
			token->len++;
	} else if (is_word(*at)) {
		token->kind = TOKEN_WORD;
		while (is_word(at[token->len]))
			token->len++;
	} else if (!strncmp(at, "...", 3)) {
		token->kind = TOKEN_ELLIPSIS;
		token->len = 3;
	} else {
		token->kind = TOKEN_MARK;
	}
}

bool token_is(const struct token *token, const char *text)
{
	return token->len == strlen(text) && !strncmp(token->text, text, token->len);
}

bool parser_pass(struct parser *p, const char *text)
{
	if (!token_is(&p->token, text))
		return false;
	parser_next(p);
	return true;
}

int parser_fail(struct parser *p, const struct token *token, const char *fmt, ...)
{
	char text[ERR_MSG_MAX / 2];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return err_usage(p->err, -EINVAL, "at column %d: %s", (int)(token->text - p->text) + 1, text);
}

int parser_expect(struct parser *p, const char *text)
{
	if (parser_pass(p, text))
		return 0;
	if (p->token.kind == TOKEN_END)
		return parser_fail(p, &p->token, "expected '%s', found the end", text);
	return parser_fail(p, &p->token, "expected '%s', found '%.*s'", text, (int)p->token.len,
			   p->token.text);
}

/* From an opening bracket to behind the one that closes it. */
static int pass_brackets(struct parser *p)
{
	struct token first = p->token;
	int depth = 0;

	do {
		depth += token_is(&p->token, "(") - token_is(&p->token, ")");
		if (p->token.kind == TOKEN_END)
			return parser_fail(p, &first, "this bracket is not closed");
		parser_next(p);
	} while (depth);
	return 0;
}

static int pass_attributes(struct parser *p)
{
	int r = 0;

	while (!r && (token_is(&p->token, "__attribute__") || token_is(&p->token, "__attribute"))) {
		parser_next(p);
		r = token_is(&p->token, "(") ? pass_brackets(p) : parser_expect(p, "(");
	}
	return r;
}

/* --- values --- */

static const char *name_of(const struct parser *p, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(p->btf, type);

	return t ? btf__name_by_offset(p->btf, t->name_off) : "";
}

static bool is_plain(const struct parser *p, uint32_t type)
{
	for (size_t i = 0; i < p->plain_cnt; i++)
		if (p->plain[i] == type)
			return true;
	return false;
}

static int check_value(struct parser *p, const struct token *at, uint32_t type)
{
	const struct btf_type *t;

	if (type == TYPE_SELF)
		return parser_fail(p, at, "a struct does not hold itself");
	type = schema_strip(p->schema, type);
	t = btf__type_by_id(p->btf, type);
	if (!type)
		return parser_fail(p, at, "a value of type void");
	if (btf_is_fwd(t) || (btf_is_composite(t) && !is_plain(p, type))) {
		parser_fail(p, at, "a value of type '%s', of which it is not known how it is passed",
			    name_of(p, type));
		err_hint(p->err, "configure a function that takes a pointer to it");
		return -EINVAL;
	}
	if (btf_is_array(t) || btf_is_func_proto(t))
		return parser_fail(p, at, "a value that C does not pass");
	return 0;
}

/* --- declarators --- */

static int unsized(struct parser *p, const struct token *at)
{
	return parser_fail(p, at, "an array of what has no size");
}

static int read_declarator(struct parser *p, uint32_t *type, char *name, int depth);

struct param {
	char name[WORD_MAX];
	uint32_t type;
};

struct params {
	struct param row[PROTOTYPE_PARAMS_MAX];
	size_t cnt;
	bool is_variadic;
};

/* What is declared as an array or a function is passed as a pointer. */
static int decay(struct parser *p, uint32_t *type)
{
	const struct btf_type *t = *type == TYPE_SELF ? NULL : btf__type_by_id(p->btf, *type);

	if (p->is_array) {
		p->is_array = false;
		return parser_added(p, btf__add_ptr(p->btf, *type), type);
	}
	if (t && btf_is_array(t))
		return parser_added(p, btf__add_ptr(p->btf, btf_array(t)->type), type);
	if (t && btf_is_func_proto(t))
		return parser_added(p, btf__add_ptr(p->btf, *type), type);
	return 0;
}

static int read_param(struct parser *p, struct params *params, int depth)
{
	struct param *param = &params->row[params->cnt];
	struct token at = p->token;
	int r;

	if (params->cnt == PROTOTYPE_PARAMS_MAX)
		return parser_fail(p, &at, "more than %d parameters", PROTOTYPE_PARAMS_MAX);
	r = parser_specifiers(p, &param->type);
	if (!r)
		r = read_declarator(p, &param->type, param->name, depth + 1);
	if (!r)
		r = pass_attributes(p);
	if (!r)
		r = decay(p, &param->type);
	if (!r)
		r = check_value(p, &at, param->type);
	if (!r && !param->name[0])
		snprintf(param->name, sizeof(param->name), "arg%zu", params->cnt);
	params->cnt++;
	return r;
}

static bool is_void_list(struct parser *p)
{
	struct token first = p->token;

	if (!parser_pass(p, "void"))
		return false;
	if (token_is(&p->token, ")"))
		return true;
	p->token = first;
	return false;
}

/* From behind the opening bracket to behind the closing one. */
static int read_params(struct parser *p, struct params *params, int depth)
{
	if (!is_void_list(p) && !token_is(&p->token, ")")) {
		do {
			int r = 0;

			if (p->token.kind == TOKEN_ELLIPSIS) {
				params->is_variadic = true;
				parser_next(p);
				break;
			}
			r = read_param(p, params, depth);
			if (r)
				return r;
		} while (parser_pass(p, ","));
	}
	return parser_expect(p, ")");
}

static int add_function(struct parser *p, const struct params *params, uint32_t *type)
{
	int r = 0;

	if (p->is_array)
		return unsized(p, &p->array_at);
	if (*type == TYPE_SELF)
		return parser_fail(p, &p->token, "a struct does not hold itself");
	r = parser_added(p, btf__add_func_proto(p->btf, *type), type);
	for (size_t i = 0; !r && i < params->cnt; i++)
		r = btf__add_func_param(p->btf, params->row[i].name, params->row[i].type);
	if (!r && params->is_variadic)
		r = btf__add_func_param(p->btf, NULL, 0);
	return r < 0 ? err_set(p->err, r, "cannot write the schema: %s", strerror(-r)) : 0;
}

static int read_function(struct parser *p, uint32_t *type, int depth)
{
	autofree struct params *params = calloc(1, sizeof(*params));
	struct token at = p->token;
	int r;

	if (!params)
		return err_nomem(p->err);
	parser_next(p);
	r = read_params(p, params, depth);
	if (!r && *type && *type != TYPE_SELF && schema_strip(p->schema, *type))
		r = check_value(p, &at, *type);
	return r ? r : add_function(p, params, type);
}

/* Behind '[': 0 when no number stands there. */
static int read_dimension(struct parser *p, uint32_t *cnt)
{
	unsigned long value = 0;
	char *end;

	*cnt = 0;
	while (parser_pass(p, "static") || parser_pass(p, "const") || parser_pass(p, "restrict"))
		;
	if (p->token.kind == TOKEN_NUMBER) {
		value = strtoul(p->token.text, &end, 0);
		if (end != p->token.text + p->token.len || !value || value > DIMENSION_MAX)
			return parser_fail(p, &p->token, "expected a number of elements");
		parser_next(p);
		*cnt = value;
	}
	return parser_expect(p, "]");
}

static int add_array(struct parser *p, const struct token *at, uint32_t cnt, uint32_t *type)
{
	uint32_t index = 0;
	const struct btf_type *t;
	int id, r;

	if (*type == TYPE_SELF)
		return parser_fail(p, at, "a struct does not hold itself");
	t = btf__type_by_id(p->btf, *type);
	if (p->is_array || btf_is_func_proto(t) || (btf_is_array(t) && !schema_size(p->schema, *type)))
		return unsized(p, at);
	if (!schema_size(p->schema, *type)) {
		p->is_array = true;
		p->array_at = *at;
		return 0;
	}
	id = btf__find_by_name_kind(p->btf, "__ARRAY_SIZE_TYPE__", BTF_KIND_INT);
	r = parser_added(p, id > 0 ? id : btf__add_int(p->btf, "__ARRAY_SIZE_TYPE__", 4, 0), &index);
	return r ? r : parser_added(p, btf__add_array(p->btf, index, *type, cnt), type);
}

/* What follows a name: the last of it is applied first. */
static int read_suffixes(struct parser *p, uint32_t *type, int depth)
{
	struct token at = p->token;
	uint32_t cnt;
	int r;

	if (depth > PROTOTYPE_DEPTH_MAX)
		return parser_fail(p, &at, "nested more than %d deep", PROTOTYPE_DEPTH_MAX);
	if (token_is(&at, "("))
		return read_function(p, type, depth);
	if (!parser_pass(p, "["))
		return 0;
	r = read_dimension(p, &cnt);
	if (!r)
		r = read_suffixes(p, type, depth + 1);
	return r ? r : add_array(p, &at, cnt, type);
}

static int add_pointer(struct parser *p, uint32_t *type)
{
	bool is_self = *type == TYPE_SELF;
	int r;

	if (p->is_array)
		return unsized(p, &p->array_at);
	r = parser_added(p, btf__add_ptr(p->btf, is_self ? 0 : *type), type);

	if (!r && is_self) {
		if (p->to_self_cnt == ARRAY_SIZE(p->to_self))
			return parser_fail(p, &p->token, "too many pointers to itself");
		p->to_self[p->to_self_cnt++] = *type;
	}
	return r ? r : parser_qualifiers(p, type);
}

/* "(*" or "((": brackets around a name rather than parameters. */
static bool is_group(const struct parser *p)
{
	struct parser ahead = *p;

	if (!parser_pass(&ahead, "("))
		return false;
	return token_is(&ahead.token, "*") || token_is(&ahead.token, "(");
}

static int read_group(struct parser *p, uint32_t *type, char *name, int depth)
{
	struct token open = p->token, inner, after;
	int r;

	parser_next(p);
	inner = p->token;
	p->token = open;
	r = pass_brackets(p);
	if (!r)
		r = read_suffixes(p, type, depth + 1);
	if (r)
		return r;
	after = p->token;
	p->token = inner;
	r = read_declarator(p, type, name, depth + 1);
	if (!r)
		r = parser_expect(p, ")");
	if (!r)
		p->token = after;
	return r;
}

/* @name: WORD_MAX bytes; "" when none is declared. */
static int read_declarator(struct parser *p, uint32_t *type, char *name, int depth)
{
	int pointers = 0, r = 0;

	if (depth > PROTOTYPE_DEPTH_MAX)
		return parser_fail(p, &p->token, "nested more than %d deep", PROTOTYPE_DEPTH_MAX);
	while (!r && parser_pass(p, "*")) {
		if (++pointers > PROTOTYPE_DEPTH_MAX)
			return parser_fail(p, &p->token, "more than %d pointers in a row",
					   PROTOTYPE_DEPTH_MAX);
		r = add_pointer(p, type);
	}
	if (r)
		return r;
	if (is_group(p))
		return read_group(p, type, name, depth);
	if (p->token.kind == TOKEN_WORD && !token_is(&p->token, "__attribute__")) {
		if (p->token.len >= WORD_MAX)
			return parser_fail(p, &p->token, "a name of more than %d bytes", WORD_MAX - 1);
		snprintf(name, WORD_MAX, "%.*s", (int)p->token.len, p->token.text);
		parser_next(p);
	}
	return read_suffixes(p, type, depth);
}

/* --- whole declarations --- */

static struct parser begin(struct schema *schema, const char *text, const struct prototype_types *types,
			   struct err *err)
{
	struct parser p = {
		.schema = schema, .btf = schema_btf(schema), .types = types, .text = text, .err = err};

	p.token = (struct token){.text = text};
	return p;
}

static int read_end(struct parser *p)
{
	int r = pass_attributes(p);

	if (r)
		return r;
	parser_pass(p, ";");
	return p->token.kind == TOKEN_END ? 0
					  : parser_fail(p, &p->token, "expected the end, found '%.*s'",
							(int)p->token.len, p->token.text);
}

static bool is_c_name(const char *symbol)
{
	while (is_word(*symbol))
		symbol++;
	return !*symbol;
}

int prototype_add(struct schema *schema, const char *text, const char *symbol,
		  const struct prototype_types *types, uint32_t *id, struct err *err)
{
	struct parser p = begin(schema, text, types, err);
	char name[WORD_MAX] = "";
	uint32_t type = 0, func = 0;
	int r;

	if (strlen(text) > PROTOTYPE_TEXT_MAX)
		return err_usage(err, -EINVAL, "longer than %d bytes", PROTOTYPE_TEXT_MAX);
	parser_next(&p);
	r = parser_specifiers(&p, &type);
	if (!r)
		r = read_declarator(&p, &type, name, 0);
	if (!r)
		r = read_end(&p);
	if (r)
		return r;
	if (p.is_array)
		return unsized(&p, &p.array_at);
	p.token = (struct token){.text = text};
	if (type == TYPE_SELF || !btf_is_func_proto(btf__type_by_id(p.btf, type)) || !name[0])
		return parser_fail(&p, &p.token, "this declares no function");
	if (is_c_name(symbol) && strcmp(name, symbol))
		return parser_fail(&p, &p.token, "this declares '%s', not '%s'", name, symbol);
	r = parser_added(&p, btf__add_func(p.btf, symbol, BTF_FUNC_GLOBAL, type), &func);
	if (!r)
		*id = func;
	return r;
}

/* --- structs --- */

struct members {
	struct param row[PROTOTYPE_PARAMS_MAX];
	size_t cnt;
};

static int read_members(struct parser *p, struct members *members)
{
	while (!parser_pass(p, "}")) {
		struct param *member = &members->row[members->cnt];
		int r;

		if (members->cnt == PROTOTYPE_PARAMS_MAX)
			return parser_fail(p, &p->token, "more than %d members", PROTOTYPE_PARAMS_MAX);
		r = parser_specifiers(p, &member->type);
		if (!r)
			r = read_declarator(p, &member->type, member->name, 0);
		if (!r)
			r = parser_expect(p, ";");
		if (!r && (p->is_array || member->type == TYPE_SELF || !schema_size(p->schema, member->type)))
			r = parser_fail(p, &p->token, "the member '%s' has no size", member->name);
		if (r)
			return r;
		members->cnt++;
	}
	return 0;
}

static int add_struct(struct parser *p, const struct members *members, const char *name, uint32_t *id)
{
	uint32_t offsets[PROTOTYPE_PARAMS_MAX], size = 0, align = 1;
	int r;

	for (size_t i = 0; i < members->cnt; i++) {
		uint32_t of = schema_align(p->schema, members->row[i].type);

		offsets[i] = ALIGN_UP(size, of);
		size = offsets[i] + schema_size(p->schema, members->row[i].type);
		align = MAX(align, of);
	}
	r = parser_added(p, btf__add_struct(p->btf, name, ALIGN_UP(size, align)), id);
	for (size_t i = 0; !r && i < members->cnt; i++)
		r = btf__add_field(p->btf, members->row[i].name, members->row[i].type, offsets[i] * 8, 0);
	return r < 0 ? err_set(p->err, r, "cannot write the schema: %s", strerror(-r)) : 0;
}

int prototype_add_struct(struct schema *schema, const char *text, const struct prototype_types *types,
			 uint32_t *id, struct err *err)
{
	autofree struct members *members = calloc(1, sizeof(*members));
	struct parser p = begin(schema, text, types, err);
	char name[WORD_MAX];
	int r;

	if (!members)
		return err_nomem(err);
	parser_next(&p);
	r = parser_expect(&p, "struct");
	if (!r && p.token.kind != TOKEN_WORD)
		r = parser_fail(&p, &p.token, "expected a name");
	if (r)
		return r;
	snprintf(name, sizeof(name), "%.*s", (int)p.token.len, p.token.text);
	snprintf(p.self, sizeof(p.self), "struct %.100s", name);
	parser_next(&p);
	r = parser_expect(&p, "{");
	if (!r)
		r = read_members(&p, members);
	if (!r)
		r = read_end(&p);
	if (!r)
		r = add_struct(&p, members, name, id);
	for (size_t i = 0; !r && i < p.to_self_cnt; i++)
		((struct btf_type *)btf__type_by_id(p.btf, p.to_self[i]))->type = *id;
	return r;
}
