// SPDX-License-Identifier: BSD-3-Clause
/* What a declaration begins with: qualifiers, and the name of a type. */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/prototype_impl.h"
#include "lib/schema.h"
#include "lib/util.h"

int parser_added(struct parser *p, int id, uint32_t *type)
{
	if (id < 0)
		return err_set(p->err, id, "cannot write the schema: %s", strerror(-id));
	*type = id;
	return 0;
}

/* --- integers, floats --- */

/* The words of C's arithmetic types, counted: each has two bits. */
enum {
	SIGNED = 1 << 0,
	UNSIGNED = 1 << 2,
	SHORT = 1 << 4,
	LONG = 1 << 6,
	INT = 1 << 8,
	CHAR = 1 << 10,
	BOOL = 1 << 12,
	FLOAT = 1 << 14,
	DOUBLE = 1 << 16,
	INT128 = 1 << 18,
	VOID = 1 << 20,
};

static const struct {
	const char *word;
	unsigned bits;
} base_words[] = {
	{"signed", SIGNED},	{"unsigned", UNSIGNED}, {"short", SHORT},     {"long", LONG},
	{"int", INT},		{"char", CHAR},		{"_Bool", BOOL},      {"bool", BOOL},
	{"float", FLOAT},	{"double", DOUBLE},	{"__int128", INT128}, {"void", VOID},
	{"__signed__", SIGNED},
};

/* Named as gcc's debug information does. */
static const struct base {
	unsigned bits;
	const char *name;
	unsigned size;
	int encoding; /* of BTF; -1: a float */
} bases[] = {
	{VOID, "void", 0, 0},
	{BOOL, "_Bool", 1, BTF_INT_BOOL},
	{CHAR, "char", 1, BTF_INT_SIGNED | BTF_INT_CHAR},
	{SIGNED | CHAR, "signed char", 1, BTF_INT_SIGNED},
	{UNSIGNED | CHAR, "unsigned char", 1, 0},
	{SHORT, "short int", 2, BTF_INT_SIGNED},
	{UNSIGNED | SHORT, "short unsigned int", 2, 0},
	{INT, "int", 4, BTF_INT_SIGNED},
	{UNSIGNED, "unsigned int", 4, 0},
	{LONG, "long int", 8, BTF_INT_SIGNED},
	{UNSIGNED | LONG, "long unsigned int", 8, 0},
	{2 * LONG, "long long int", 8, BTF_INT_SIGNED},
	{UNSIGNED | 2 * LONG, "long long unsigned int", 8, 0},
	{INT128, "__int128", 16, BTF_INT_SIGNED},
	{UNSIGNED | INT128, "__int128 unsigned", 16, 0},
	{FLOAT, "float", 4, -1},
	{DOUBLE, "double", 8, -1},
	{LONG | DOUBLE, "long double", 16, -1},
};

/* "int" beside another word, and "signed" where that is so anyway, say nothing. */
static unsigned plain_bits(unsigned bits)
{
	if (bits & INT && bits & ~(INT | SIGNED))
		bits &= ~INT;
	if (bits & SIGNED && !(bits & CHAR))
		bits &= ~SIGNED;
	return bits ? bits : INT;
}

static const struct base *base_of(unsigned bits)
{
	bits = plain_bits(bits);
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
		if (bases[i].bits == bits)
			return &bases[i];
	return NULL;
}

static unsigned base_bits(const struct token *token)
{
	for (size_t i = 0; i < ARRAY_SIZE(base_words); i++)
		if (token_is(token, base_words[i].word))
			return base_words[i].bits;
	return 0;
}

static int add_base(struct parser *p, const struct base *base, uint32_t *type)
{
	bool is_float = base->encoding < 0;
	int id;

	*type = 0;
	if (!base->size)
		return 0;
	id = btf__find_by_name_kind(p->btf, base->name, is_float ? BTF_KIND_FLOAT : BTF_KIND_INT);
	if (id < 0)
		id = is_float ? btf__add_float(p->btf, base->name, base->size)
			      : btf__add_int(p->btf, base->name, base->size, base->encoding);
	return parser_added(p, id, type);
}

static int read_base(struct parser *p, uint32_t *type)
{
	struct token first = p->token;
	const struct base *base;
	unsigned bits = 0, more;

	while ((more = base_bits(&p->token))) {
		/* Only "long" may stand twice. */
		if (bits & (more == LONG ? 2 * LONG : more))
			return parser_fail(p, &p->token, "'%.*s' once too often", (int)p->token.len,
					   p->token.text);
		bits += more;
		parser_next(p);
	}
	base = base_of(bits);
	if (!base)
		return parser_fail(p, &first, "no such type of numbers");
	return add_base(p, base, type);
}

/* --- names that are known by themselves --- */

/* x86-64 with glibc. */
static const struct {
	const char *name;
	unsigned bits;
} integers[] = {
	{"size_t", UNSIGNED | LONG},
	{"ssize_t", LONG},
	{"ptrdiff_t", LONG},
	{"intptr_t", LONG},
	{"uintptr_t", UNSIGNED | LONG},
	{"intmax_t", LONG},
	{"uintmax_t", UNSIGNED | LONG},
	{"int8_t", SIGNED | CHAR},
	{"int16_t", SHORT},
	{"int32_t", INT},
	{"int64_t", LONG},
	{"uint8_t", UNSIGNED | CHAR},
	{"uint16_t", UNSIGNED | SHORT},
	{"uint32_t", UNSIGNED},
	{"uint64_t", UNSIGNED | LONG},
	{"off_t", LONG},
	{"off64_t", LONG},
	{"loff_t", LONG},
	{"mode_t", UNSIGNED},
	{"pid_t", INT},
	{"uid_t", UNSIGNED},
	{"gid_t", UNSIGNED},
	{"id_t", UNSIGNED},
	{"dev_t", UNSIGNED | LONG},
	{"ino_t", UNSIGNED | LONG},
	{"nlink_t", UNSIGNED | LONG},
	{"blksize_t", LONG},
	{"blkcnt_t", LONG},
	{"time_t", LONG},
	{"suseconds_t", LONG},
	{"useconds_t", UNSIGNED},
	{"clock_t", LONG},
	{"clockid_t", INT},
	{"socklen_t", UNSIGNED},
	{"sa_family_t", UNSIGNED | SHORT},
	{"in_addr_t", UNSIGNED},
	{"in_port_t", UNSIGNED | SHORT},
	{"nfds_t", UNSIGNED | LONG},
	{"key_t", INT},
	{"wchar_t", INT},
	{"wint_t", UNSIGNED},
	{"u_char", UNSIGNED | CHAR},
	{"u_short", UNSIGNED | SHORT},
	{"u_int", UNSIGNED},
	{"u_long", UNSIGNED | LONG},
	{"uint", UNSIGNED},
	{"ulong", UNSIGNED | LONG},
	{"ushort", UNSIGNED | SHORT},
};

/* libc's own, which its users may not look into. */
static const struct {
	const char *name, *tag;
} opaques[] = {{"FILE", "_IO_FILE"}, {"DIR", "__dirstream"}, {"va_list", "__va_list_tag"}};

static int add_typedef(struct parser *p, const char *name, uint32_t target, uint32_t *type)
{
	int id = btf__find_by_name_kind(p->btf, name, BTF_KIND_TYPEDEF);

	if (id > 0 && schema_strip(p->schema, id) == schema_strip(p->schema, target)) {
		*type = id;
		return 0;
	}
	return parser_added(p, btf__add_typedef(p->btf, name, target), type);
}

static int add_forward(struct parser *p, const char *tag, bool is_union, uint32_t *type)
{
	int id = btf__find_by_name_kind(p->btf, tag, BTF_KIND_FWD);

	if (id > 0 && btf_kflag(btf__type_by_id(p->btf, id)) != is_union)
		id = -ENOENT;
	if (id < 0)
		id = btf__add_fwd(p->btf, tag, is_union ? BTF_FWD_UNION : BTF_FWD_STRUCT);
	return parser_added(p, id, type);
}

/* -ENOENT: it is none of them. */
static int add_known(struct parser *p, const char *name, uint32_t *type)
{
	uint32_t target = 0;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(integers); i++) {
		if (strcmp(integers[i].name, name))
			continue;
		r = add_base(p, base_of(integers[i].bits), &target);
		return r ? r : add_typedef(p, name, target, type);
	}
	for (size_t i = 0; i < ARRAY_SIZE(opaques); i++) {
		if (strcmp(opaques[i].name, name))
			continue;
		r = add_forward(p, opaques[i].tag, false, &target);
		/* A va_list is an array of one, which a parameter passes by address. */
		if (!r && !strcmp(name, "va_list"))
			r = parser_added(p, btf__add_ptr(p->btf, target), &target);
		return r ? r : add_typedef(p, name, target, type);
	}
	return -ENOENT;
}

/* --- names that are asked for --- */

static int ask(struct parser *p, const char *name, uint32_t *type, struct err *why)
{
	bool is_plain = false;
	int r = p->types && p->types->find ? p->types->find(p->types->ctx, name, type, &is_plain, why)
					   : -ENOENT;

	if (!r && is_plain && p->plain_cnt < ARRAY_SIZE(p->plain))
		p->plain[p->plain_cnt++] = schema_strip(p->schema, *type);
	return r;
}

static int unknown_type(struct parser *p, const struct token *token, const char *name, const char *hint)
{
	struct nearest nearest;
	int r = parser_fail(p, token, "unknown type '%s'", name);

	nearest_init(&nearest, name);
	for (size_t i = 0; i < ARRAY_SIZE(integers); i++)
		nearest_try(&nearest, integers[i].name);
	if (nearest.best)
		err_hint(p->err, "did you mean '%s'?", nearest.best);
	else if (hint[0])
		err_hint(p->err, "%s", hint);
	else
		err_hint(p->err, "write what it stands for: 'struct NAME *', 'unsigned int', 'void *'");
	return r;
}

static int read_tagged(struct parser *p, uint32_t *type)
{
	struct token keyword = p->token, tag;
	bool is_union = token_is(&keyword, "union"), is_enum = token_is(&keyword, "enum");
	char name[2 * WORD_MAX], *plain;
	struct err why = {};
	int r, id;

	parser_next(p);
	tag = p->token;
	if (tag.kind != TOKEN_WORD)
		return parser_fail(p, &tag, "expected the name of the %.*s", (int)keyword.len, keyword.text);
	parser_next(p);
	if (token_is(&p->token, "{"))
		return parser_fail(p, &p->token, "a type is not defined here: name one of the program's");
	snprintf(name, sizeof(name), "%.*s %.*s", (int)keyword.len, keyword.text, (int)tag.len, tag.text);
	plain = name + keyword.len + 1;
	if (p->self[0] && !strcmp(p->self, name)) {
		*type = TYPE_SELF;
		return 0;
	}
	r = ask(p, name, type, &why);
	if (!r || r == -ENOMEM)
		return r;
	if (r != -ENOENT)
		return parser_fail(p, &keyword, "%s", why.msg);
	if (!is_enum)
		return add_forward(p, plain, is_union, type);
	/* As C has it until there are values: an int's size. */
	id = btf__find_by_name_kind(p->btf, plain, BTF_KIND_ENUM);
	return parser_added(p, id > 0 ? id : btf__add_enum(p->btf, plain, 4), type);
}

static int read_name(struct parser *p, uint32_t *type)
{
	struct token token = p->token;
	struct err why = {};
	char name[WORD_MAX];
	int r;

	if (token.kind != TOKEN_WORD)
		return parser_fail(p, &token, "expected a type");
	snprintf(name, sizeof(name), "%.*s", (int)token.len, token.text);
	r = add_known(p, name, type);
	if (r == -ENOENT)
		r = ask(p, name, type, &why);
	if (!r)
		parser_next(p);
	else if (r == -ENOENT)
		r = unknown_type(p, &token, name, why.hint);
	else if (why.msg[0])
		r = parser_fail(p, &token, "%s", why.msg);
	return r;
}

/* --- together --- */

static const struct {
	const char *word;
	int kind; /* of BTF; 0: it says nothing about the type */
} qualifiers[] = {
	{"const", BTF_KIND_CONST},
	{"__const", BTF_KIND_CONST},
	{"volatile", BTF_KIND_VOLATILE},
	{"restrict", BTF_KIND_RESTRICT},
	{"__restrict", BTF_KIND_RESTRICT},
	{"__restrict__", BTF_KIND_RESTRICT},
	{"extern", 0},
	{"static", 0},
	{"inline", 0},
	{"register", 0},
	{"_Noreturn", 0},
	{"__extension__", 0},
	{"_Nullable", 0},
	{"_Nonnull", 0},
	{"__inline", 0},
};

/* The qualifier's place in the table, or -1. */
static int qualifier_of(const struct token *token)
{
	for (size_t i = 0; i < ARRAY_SIZE(qualifiers); i++)
		if (token_is(token, qualifiers[i].word))
			return i;
	return -1;
}

/* Of kinds seen, a bit each. */
static unsigned pass_qualifiers(struct parser *p)
{
	unsigned seen = 0;
	int i;

	while ((i = qualifier_of(&p->token)) >= 0) {
		seen |= 1u << qualifiers[i].kind;
		parser_next(p);
	}
	return seen;
}

static int add_qualifiers(struct parser *p, unsigned seen, uint32_t *type)
{
	int r = 0;

	/* Nothing can be said of what has no id yet, and nobody would ask. */
	if (*type == TYPE_SELF)
		return 0;
	if (seen & 1u << BTF_KIND_VOLATILE)
		r = parser_added(p, btf__add_volatile(p->btf, *type), type);
	if (!r && seen & 1u << BTF_KIND_CONST)
		r = parser_added(p, btf__add_const(p->btf, *type), type);
	if (!r && seen & 1u << BTF_KIND_RESTRICT)
		r = parser_added(p, btf__add_restrict(p->btf, *type), type);
	return r;
}

int parser_qualifiers(struct parser *p, uint32_t *type)
{
	return add_qualifiers(p, pass_qualifiers(p), type);
}

int parser_specifiers(struct parser *p, uint32_t *type)
{
	unsigned seen = pass_qualifiers(p);
	int r;

	if (base_bits(&p->token))
		r = read_base(p, type);
	else if (token_is(&p->token, "struct") || token_is(&p->token, "union") || token_is(&p->token, "enum"))
		r = read_tagged(p, type);
	else if (token_is(&p->token, "_Complex") || token_is(&p->token, "__complex__"))
		r = parser_fail(p, &p->token, "complex numbers cannot be declared");
	else
		r = read_name(p, type);
	if (r)
		return r;
	seen |= pass_qualifiers(p);
	return add_qualifiers(p, seen, type);
}
