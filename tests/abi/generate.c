// SPDX-License-Identifier: BSD-3-Clause
/*
 * Writes random programs for the runner of tests/hard: many functions with random parameters and results, an
 * operation that calls each with constants, and the recording that must come of it. The functions check what
 * arrives, so that a compiler's fault is told from ours.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

#define TYPES	    60 /* structs and unions of a program */
#define MEMBERS_MAX 4
#define PARAMS_MAX  12
#define TEXT_MAX    4096
#define SMALL	    16 /* bytes that may come in registers */
#define NESTED	    20 /* the first types are small, and lie in others */

/* --- types --- */

enum kind { INT, BOOL, ENUM, FLOAT, TEXT, POINTER, STRUCT, UNION };

struct scalar {
	enum kind kind;
	const char *name;
	unsigned size;
	bool is_signed;
};

static const struct scalar scalars[] = {
	{INT, "char", 1, true},
	{INT, "signed char", 1, true},
	{INT, "unsigned char", 1, false},
	{INT, "short", 2, true},
	{INT, "unsigned short", 2, false},
	{INT, "int", 4, true},
	{INT, "unsigned", 4, false},
	{INT, "long", 8, true},
	{INT, "unsigned long", 8, false},
	{INT, "__int128", 16, true},
	{INT, "unsigned __int128", 16, false},
	{BOOL, "_Bool", 1, false},
	{ENUM, "enum color", 4, false},
	{FLOAT, "float", 4, true},
	{FLOAT, "double", 8, true},
	{FLOAT, "long double", 16, true},
	{FLOAT, "float", 4, true},
	{FLOAT, "double", 8, true},
	{TEXT, "const char *", 8, false},
	{POINTER, "const int *", 8, false},
};

struct member {
	const struct scalar *scalar; /* NULL: type */
	unsigned type, cnt;	     /* cnt 0: no array */
	unsigned bits;		     /* 0: no bit-field */
};

struct type {
	bool is_union;
	struct member member[MEMBERS_MAX];
	unsigned cnt;
	bool is_small, has_float;
};

/* What a function takes or gives. */
struct what {
	const struct scalar *scalar; /* NULL: type */
	unsigned type;
};

struct text {
	char data[TEXT_MAX];
	size_t len;
};

struct program {
	unsigned seed;
	struct type types[TYPES];
	FILE *c, *want;
};

static unsigned pick(struct program *p, unsigned below)
{
	return (unsigned)rand_r(&p->seed) / 7 % below;
}

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->len += vsnprintf(t->data + t->len, sizeof(t->data) - t->len, fmt, args);
	va_end(args);
	if (t->len >= sizeof(t->data))
		abort();
}

static const struct scalar *pick_scalar(struct program *p)
{
	return &scalars[pick(p, ARRAY_SIZE(scalars))];
}

/* Members of the same size: no byte of it is left undefined. */
static void make_union(struct program *p, struct type *type)
{
	static const char *const pairs[][2] = {
		{"unsigned", "float"}, {"long", "double"}, {"short", "unsigned short"}};
	unsigned pair = pick(p, ARRAY_SIZE(pairs));

	type->is_union = type->is_small = true;
	type->cnt = 2;
	for (unsigned i = 0; i < 2; i++)
		for (size_t k = 0; k < ARRAY_SIZE(scalars); k++)
			if (!strcmp(scalars[k].name, pairs[pair][i]))
				type->member[i].scalar = &scalars[k];
	type->has_float = type->member[1].scalar->kind == FLOAT;
}

static void make_struct(struct program *p, struct type *type, bool may_nest)
{
	unsigned size = 0;

	type->cnt = 1 + pick(p, may_nest ? MEMBERS_MAX : 3);
	for (unsigned i = 0; i < type->cnt; i++) {
		struct member *m = &type->member[i];

		if (may_nest && pick(p, 4) == 0) {
			m->type = pick(p, NESTED);
			type->has_float |= p->types[m->type].has_float;
			size += SMALL;
		} else {
			m->scalar = pick_scalar(p);
			type->has_float |= m->scalar->kind == FLOAT;
			size += m->scalar->size;
			if (m->scalar->kind == INT && m->scalar->size <= 8 && pick(p, 6) == 0)
				m->bits = 1 + pick(p, m->scalar->size * 8);
		}
		if (!m->bits && pick(p, 5) == 0)
			m->cnt = 1 + pick(p, 3);
	}
	type->is_small = size <= SMALL;
}

static void write_types(struct program *p)
{
	for (unsigned i = 0; i < TYPES; i++) {
		struct type *type = &p->types[i];

		if (pick(p, 8) == 0)
			make_union(p, type);
		else
			make_struct(p, type, i >= NESTED);
		fprintf(p->c, "typedef %s {", type->is_union ? "union" : "struct");
		for (unsigned k = 0; k < type->cnt; k++) {
			const struct member *m = &type->member[k];

			if (m->scalar)
				fprintf(p->c, " %s m%u", m->scalar->name, k);
			else
				fprintf(p->c, " t%u m%u", m->type, k);
			if (m->bits)
				fprintf(p->c, " : %u", m->bits);
			if (m->cnt)
				fprintf(p->c, "[%u]", m->cnt);
			fprintf(p->c, ";");
		}
		fprintf(p->c, " } t%u;\n", i);
	}
}

/* --- values: as C, as checks of C, as JSON --- */

struct value {
	struct program *p;
	struct text c, check, json;
	bool may_be_unread; /* it may lie in a floating-point register */
};

static void put_number(struct text *t, unsigned __int128 v, bool is_negative)
{
	char digits[48], *at = digits + sizeof(digits) - 1;
	bool is_exact = v <= 1ull << 53;

	*at = '\0';
	do
		*--at = '0' + (int)(v % 10);
	while (v /= 10);
	put(t, "%s%s%s%s", is_exact ? "" : "\"", is_negative ? "-" : "", at, is_exact ? "" : "\"");
}

static void put_int(struct value *v, const char *path, const struct scalar *s, unsigned bits)
{
	unsigned width = bits ? bits : s->size * 8;
	unsigned __int128 n = 0;
	bool is_negative;

	for (int i = 0; i < 16; i++)
		n = n << 8 | pick(v->p, 256);
	n >>= pick(v->p, width);
	if (width < 128)
		n &= ((unsigned __int128)1 << width) - 1;
	put(&v->c, "(%s)(((unsigned __int128)0x%llxull << 64) | 0x%llxull)", s->name,
	    (unsigned long long)(n >> 64), (unsigned long long)n);
	is_negative = s->is_signed && n >> (width - 1) & 1;
	if (is_negative && width < 128)
		n |= ~(unsigned __int128)0 << width;
	put(&v->check, " || %s != (%s)(((unsigned __int128)0x%llxull << 64) | 0x%llxull)", path, s->name,
	    (unsigned long long)(n >> 64), (unsigned long long)n);
	put_number(&v->json, is_negative ? -n : n, is_negative);
}

static void put_float(struct value *v, const char *path)
{
	double d = ((int)pick(v->p, 100000) - 50000) / 8.0;

	put(&v->c, "%.3f", d);
	put(&v->check, " || %s != %.3f", path, d);
	if (v->may_be_unread)
		put(&v->json, "{\"?\": [%.3f, {\"unavailable\": \"~*\"}]}", d);
	else
		put(&v->json, "%.3f", d);
}

static void put_text(struct value *v, const char *path)
{
	static const char *const words[] = {"", "a", "some text", "\\303\\251t\\303\\251",
					    "quote \\\" and \\\\"};
	static const char *const json[] = {"", "a", "some text", "\xc3\xa9t\xc3\xa9", "quote \\\" and \\\\"};
	unsigned i = pick(v->p, ARRAY_SIZE(words) + 1);

	if (i == ARRAY_SIZE(words)) {
		put(&v->c, "0");
		put(&v->check, " || %s", path);
		put(&v->json, "null");
		return;
	}
	put(&v->c, "\"%s\"", words[i]);
	put(&v->check, " || strcmp(%s, \"%s\")", path, words[i]);
	put(&v->json, "\"%s\"", json[i]);
}

static void put_pointer(struct value *v, const char *path)
{
	unsigned i = pick(v->p, 9);

	if (i == 8) {
		put(&v->c, "0");
		put(&v->check, " || %s", path);
		put(&v->json, "null");
		return;
	}
	put(&v->c, "&numbers[%u]", i);
	put(&v->check, " || %s != &numbers[%u]", path, i);
	put(&v->json, "%u", i * 111);
}

static void put_scalar(struct value *v, const char *path, const struct scalar *s, unsigned bits)
{
	static const char *const colors[] = {"RED", "GREEN", "BLUE"};
	unsigned i;

	switch (s->kind) {
	case INT:
		put_int(v, path, s, bits);
		return;
	case FLOAT:
		put_float(v, path);
		return;
	case TEXT:
		put_text(v, path);
		return;
	case POINTER:
		put_pointer(v, path);
		return;
	case BOOL:
		i = pick(v->p, 2);
		put(&v->c, "%u", i);
		put(&v->check, " || %s != %u", path, i);
		put(&v->json, "%s", i ? "true" : "false");
		return;
	default:
		i = pick(v->p, ARRAY_SIZE(colors));
		put(&v->c, "%s", colors[i]);
		put(&v->check, " || %s != %s", path, colors[i]);
		put(&v->json, "\"%s\"", colors[i]);
	}
}

static void put_base64(struct text *t, const uint8_t *in, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t three =
			in[i] << 16 | (i + 1 < len ? in[i + 1] << 8 : 0) | (i + 2 < len ? in[i + 2] : 0);

		put(t, "%c%c%c%c", digits[three >> 18], digits[three >> 12 & 63],
		    i + 1 < len ? digits[three >> 6 & 63] : '=', i + 2 < len ? digits[three & 63] : '=');
	}
}

/* By its first member, a number: its bytes are shown. */
static void put_union(struct value *v, const char *path, const struct type *type)
{
	uint64_t n = (uint64_t)pick(v->p, 1 << 24) << 40 | pick(v->p, 1 << 24);
	unsigned size = type->member[0].scalar->size;

	put(&v->c, "{(%s)0x%llxull}", type->member[0].scalar->name, (unsigned long long)n);
	put(&v->check, " || %s.m0 != (%s)0x%llxull", path, type->member[0].scalar->name,
	    (unsigned long long)n);
	if (v->may_be_unread && type->has_float)
		put(&v->json, "{\"?\": [");
	put(&v->json, "{\"bytes\": \"");
	put_base64(&v->json, (uint8_t *)&n, size);
	put(&v->json, "\", \"length\": %u}", size);
	if (v->may_be_unread && type->has_float)
		put(&v->json, ", {\"unavailable\": \"~*\"}]}");
}

static void put_type(struct value *v, const char *path, unsigned idx);

static bool is_chars(const struct member *m)
{
	return m->cnt && m->scalar && !strcmp(m->scalar->name, "char");
}

/* char[N] is text: full, or with a NUL at its end. */
static void put_chars(struct value *v, const char *path, unsigned cnt)
{
	unsigned len = pick(v->p, cnt + 1);

	put(&v->c, "\"%.*s\"", (int)len, "xyz");
	put(&v->check, " || memcmp(%s, \"xyz\", %u)%s", path, len, "");
	put(&v->json, "\"%.*s\"", (int)len, "xyz");
}

static void put_member(struct value *v, const char *path, const struct member *m)
{
	if (is_chars(m)) {
		put_chars(v, path, m->cnt);
		return;
	}
	for (unsigned i = 0; i < MAX(m->cnt, 1u); i++) {
		char element[256];

		snprintf(element, sizeof(element), m->cnt ? "%s[%u]" : "%s", path, i);
		put(&v->c, "%s", !m->cnt ? "" : i ? ", " : "{");
		put(&v->json, "%s", !m->cnt ? "" : i ? ", " : "[");
		if (m->scalar)
			put_scalar(v, element, m->scalar, m->bits);
		else
			put_type(v, element, m->type);
	}
	put(&v->c, "%s", m->cnt ? "}" : "");
	put(&v->json, "%s", m->cnt ? "]" : "");
}

static void put_type(struct value *v, const char *path, unsigned idx)
{
	const struct type *type = &v->p->types[idx];

	if (type->is_union) {
		put_union(v, path, type);
		return;
	}
	for (unsigned i = 0; i < type->cnt; i++) {
		char member[256];

		snprintf(member, sizeof(member), "%.200s.m%u", path, i);
		put(&v->c, "%s", i ? ", " : "{");
		put(&v->json, "%s\"m%u\": ", i ? ", " : "{", i);
		put_member(v, member, &type->member[i]);
	}
	put(&v->c, "}");
	put(&v->json, "}");
}

static void make_value(struct value *v, struct program *p, const char *path, const struct what *what)
{
	*v = (struct value){.p = p};
	v->may_be_unread = what->scalar || p->types[what->type].is_small;
	if (what->scalar)
		put_scalar(v, path, what->scalar, 0);
	else
		put_type(v, path, what->type);
}

/* --- functions --- */

static struct what pick_what(struct program *p)
{
	return pick(p, 2) ? (struct what){pick_scalar(p)} : (struct what){NULL, pick(p, TYPES)};
}

static const char *name_of(const struct what *what, char buf[16])
{
	if (what->scalar)
		return what->scalar->name;
	snprintf(buf, 16, "t%u", what->type);
	return buf;
}

static void write_signature(FILE *out, const struct what *result, const struct what *params, unsigned cnt,
			    unsigned idx, bool is_variadic)
{
	char buf[16];

	fprintf(out, "FUNC %s f%u(", result ? name_of(result, buf) : "void", idx);
	for (unsigned i = 0; i < cnt; i++)
		fprintf(out, "%s%s a%u", i ? ", " : "", name_of(&params[i], buf), i);
	fprintf(out, "%s)", is_variadic ? ", ..." : cnt ? "" : "void");
}

/*
 * Known compiler bug: clang before 18 passes an __int128 for which no two registers are left in a place of
 * its own choice. Such functions are refused, see tests/hard/cases/refused_int128.c: here it comes first or
 * second.
 */
static struct what pick_param(struct program *p, unsigned idx, bool follows_scalar)
{
	struct what what;

	do
		what = pick_what(p);
	while (what.scalar && what.scalar->kind == INT && what.scalar->size == 16 &&
	       (idx > 1 || !follows_scalar));
	return what;
}

/* The function, the code of its call, and the call as it must be recorded. */
static void write_function(struct program *p, FILE *calls, unsigned idx, bool is_last)
{
	static struct value values[PARAMS_MAX], result;
	struct what params[PARAMS_MAX], gives = pick_what(p);
	unsigned cnt = pick(p, PARAMS_MAX + 1);
	bool is_variadic = cnt && pick(p, 10) == 0, is_void = pick(p, 10) == 0;
	char buf[16];

	for (unsigned i = 0; i < cnt; i++) {
		char path[16];

		params[i] = pick_param(p, i, i == 0 || params[0].scalar);
		snprintf(path, sizeof(path), "a%u", i);
		make_value(&values[i], p, path, &params[i]);
	}
	make_value(&result, p, "r", &gives);
	write_signature(p->c, is_void ? NULL : &gives, params, cnt, idx, is_variadic);
	fprintf(p->c, "\n{\n\t__asm__ volatile(\"\" : : : \"memory\");\n");
	for (unsigned i = 0; i < cnt; i++)
		fprintf(p->c, "\tUSE(&a%u);\n", i);
	for (unsigned i = 0; i < cnt; i++)
		fprintf(p->c, "\tif (0%s)\n\t\twrong(\"f%u\", %u);\n", values[i].check.data, idx, i);
	if (!is_void)
		fprintf(p->c, "\treturn (%s)%s%s%s;\n", name_of(&gives, buf), gives.scalar ? "(" : "",
			result.c.data, gives.scalar ? ")" : "");
	fprintf(p->c, "}\n\n");

	fprintf(calls, "\t{\n\t\t");
	if (!is_void)
		fprintf(calls, "%s r = ", name_of(&gives, buf));
	fprintf(calls, "f%u(", idx);
	for (unsigned i = 0; i < cnt; i++)
		fprintf(calls, "%s%s%s%s%s%s%s", i ? ", " : "", params[i].scalar ? "" : "(",
			params[i].scalar ? "" : name_of(&params[i], buf), params[i].scalar ? "" : ")",
			params[i].scalar ? "(" : "", values[i].c.data, params[i].scalar ? ")" : "");
	fprintf(calls, "%s);\n", is_variadic ? ", 1, 2.5, \"more\"" : "");
	if (!is_void)
		fprintf(calls, "\t\tif (0%s)\n\t\t\twrong(\"f%u\", -1);\n", result.check.data, idx);
	fprintf(calls, "\t}\n");

	fprintf(p->want, "  {\"kind\":\"input\",\"function\":\"f%u\",\"args\":{", idx);
	for (unsigned i = 0; i < cnt; i++)
		fprintf(p->want, "%s\"a%u\":%s", i ? "," : "", i, values[i].json.data);
	fprintf(p->want, "}");
	if (!is_void)
		fprintf(p->want, ",\"return\":%s", result.json.data);
	fprintf(p->want, "}%s\n", is_last ? "" : ",");
}

static const char head[] =
	"// Made by tests/abi/generate.c.\n"
	"// @replay: if-whole\n"
	"#include <stdio.h>\n#include <string.h>\n\n#include \"case.h\"\n\n"
	"enum color { RED, GREEN = 7, BLUE = 200 };\n"
	"static const int numbers[] = {0, 111, 222, 333, 444, 555, 666, 777};\n"
	"static int is_wrong;\n\n"
	"static void wrong(const char *func, int param)\n{\n"
	"\tfprintf(stderr, \"the compiler: %s, %d\\n\", func, param);\n\tis_wrong = 1;\n}\n\n";

static FILE *open_file(const char *dir, unsigned number, const char *suffix)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/abi%02u%s", dir, number, suffix);
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

static void write_config(const char *dir, unsigned number, unsigned funcs)
{
	FILE *config = open_file(dir, number, ".json");

	fprintf(config, "{\"operations\": {\"op\": {}}, \"inputs\": {");
	for (unsigned i = 0; i < funcs; i++)
		fprintf(config, "%s\"f%u\": {}", i ? ", " : "", i);
	fprintf(config, "}}\n");
	fclose(config);
}

static void write_program(const char *dir, unsigned number, unsigned funcs)
{
	static struct program p;
	char *calls = NULL;
	size_t len;
	FILE *body = open_memstream(&calls, &len);

	p = (struct program){.seed = number + 1,
			     .c = open_file(dir, number, ".c"),
			     .want = open_file(dir, number, ".want.json")};
	fputs(head, p.c);
	write_types(&p);
	fprintf(p.want,
		"[{\"operation\": {\"kind\":\"operation\",\"function\":\"op\",\"args\":{\"n\":%u},\"return\":%u},\n"
		" \"calls\": [\n",
		funcs, funcs);
	for (unsigned i = 0; i < funcs; i++)
		write_function(&p, body, i, i + 1 == funcs);
	fprintf(p.want, "]}]\n");
	fclose(body);
	fprintf(p.c,
		"FUNC int op(int n)\n{\n%s\treturn n;\n}\n\nint main(void)\n{\n\top(%u);\n\treturn is_wrong;\n}\n",
		calls, funcs);
	free(calls);
	fclose(p.c);
	fclose(p.want);
	write_config(dir, number, funcs);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: generate DIR PROGRAMS FUNCTIONS-OF-EACH\n");
		return 2;
	}
	for (int i = 0; i < atoi(argv[2]); i++)
		write_program(argv[1], i, atoi(argv[3]));
	return 0;
}
