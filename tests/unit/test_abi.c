// SPDX-License-Identifier: BSD-3-Clause
/*
 * Two witnesses: a table checked by hand against the psABI, and gcc itself. For the latter random prototypes
 * are written as C; gcc compiles their calls, and tells their types as BTF (-gbtf), so that no code of ours
 * stands between the two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/abi.h"
#include "lib/debuginfo.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/schema.h"
#include "lib/util.h"

/* --- by hand --- */

struct hand {
	struct schema *schema;
	struct btf *btf;
	int boolean, i8, i16, i32, i64, i128, f32, f64, f80, f128, pointer, color, unknown;
	int bits;	  /* struct { int a : 3; float f; } */
	int pair;	  /* struct { i64; i64; } */
	int small;	  /* struct { i32; i8; } */
	int floats;	  /* struct { f32; f32; } */
	int mixed;	  /* struct { f64; i32; } */
	int mixed_word;	  /* struct { f32; i32; }: one INTEGER eightbyte */
	int three_floats; /* struct { f32[3]; } */
	int big;	  /* struct { i64[3]; } */
	int packed;	  /* struct { i8; i32 at 1; } */
	int wrapped_f80;  /* struct { f80; } */
	int overlaid;	  /* union { f64; i64; } */
	int overlaid_f80; /* union { f80; f32; }: MEMORY */
	int empty;	  /* struct { } */
	int complex_float, complex_double, complex_f80;
	int vector;	 /* an opaque typedef of 16 bytes */
	int with_vector; /* struct { vector; } */
	int alias;	 /* const typedef of pair */
	int padded;	 /* struct of 16 bytes with an i32 in front */
};

static int aggregate(struct hand *h, const char *name, bool is_union, int size, const int (*members)[2])
{
	int id = is_union ? btf__add_union(h->btf, name, size) : btf__add_struct(h->btf, name, size);

	for (int i = 0; members[i][0]; i++) {
		char member[16];

		snprintf(member, sizeof(member), "m%d", i);
		assert_int_equal(btf__add_field(h->btf, member, members[i][0], members[i][1] * 8, 0), 0);
	}
	return id;
}

#define MEMBERS(...)                                                                                         \
	(const int[][2])                                                                                     \
	{                                                                                                    \
		__VA_ARGS__,                                                                                 \
		{                                                                                            \
			0                                                                                    \
		}                                                                                            \
	}

static int complex_of(struct hand *h, const char *name, int type, int size)
{
	int id = aggregate(h, name, false, 2 * size, MEMBERS({type, 0}, {type, size}));

	btf__add_decl_tag(h->btf, SCHEMA_TAG_COMPLEX, id, -1);
	return id;
}

static void add_base(struct hand *h)
{
	struct btf *b = h->btf;

	h->boolean = btf__add_int(b, "_Bool", 1, BTF_INT_BOOL);
	h->i8 = btf__add_int(b, "signed char", 1, BTF_INT_SIGNED);
	h->i16 = btf__add_int(b, "short", 2, BTF_INT_SIGNED);
	h->i32 = btf__add_int(b, "int", 4, BTF_INT_SIGNED);
	h->i64 = btf__add_int(b, "long", 8, BTF_INT_SIGNED);
	h->i128 = btf__add_int(b, "__int128", 16, BTF_INT_SIGNED);
	h->f32 = btf__add_float(b, "float", 4);
	h->f64 = btf__add_float(b, "double", 8);
	h->f80 = btf__add_float(b, "long double", 16);
	h->f128 = btf__add_float(b, "_Float128", 16);
	h->pointer = btf__add_ptr(b, 0);
	h->color = btf__add_enum(b, "color", 4);
	btf__add_enum_value(b, "RED", 0);
	h->unknown = btf__add_fwd(b, "unknown", BTF_FWD_STRUCT);
}

static void add_aggregates(struct hand *h)
{
	struct btf *b = h->btf;
	int floats = btf__add_array(b, h->i32, h->f32, 3), longs = btf__add_array(b, h->i32, h->i64, 3);
	int bytes = btf__add_array(b, h->i32, h->i8, 16);

	h->pair = aggregate(h, "pair", false, 16, MEMBERS({h->i64, 0}, {h->i64, 8}));
	h->alias = btf__add_const(b, btf__add_typedef(b, "alias", h->pair));
	h->small = aggregate(h, "small", false, 8, MEMBERS({h->i32, 0}, {h->i8, 4}));
	h->floats = aggregate(h, "floats", false, 8, MEMBERS({h->f32, 0}, {h->f32, 4}));
	h->mixed = aggregate(h, "mixed", false, 16, MEMBERS({h->f64, 0}, {h->i32, 8}));
	h->mixed_word = aggregate(h, "mixed_word", false, 8, MEMBERS({h->f32, 0}, {h->i32, 4}));
	h->three_floats = aggregate(h, "three_floats", false, 12, MEMBERS({floats, 0}));
	h->big = aggregate(h, "big", false, 24, MEMBERS({longs, 0}));
	h->packed = aggregate(h, "packed", false, 5, MEMBERS({h->i8, 0}, {h->i32, 1}));
	h->wrapped_f80 = aggregate(h, "wrapped_f80", false, 16, MEMBERS({h->f80, 0}));
	h->overlaid = aggregate(h, "overlaid", true, 8, MEMBERS({h->f64, 0}, {h->i64, 0}));
	h->overlaid_f80 = aggregate(h, "overlaid_f80", true, 16, MEMBERS({h->f80, 0}, {h->f32, 0}));
	h->padded = aggregate(h, "padded", false, 16, MEMBERS({h->i32, 0}));
	h->empty = btf__add_struct(b, "empty", 0);
	h->bits = btf__add_struct(b, "bits", 8);
	btf__add_field(b, "a", h->i32, 0, 3);
	btf__add_field(b, "f", h->f32, 32, 0);
	h->complex_float = complex_of(h, "complex float", h->f32, 4);
	h->complex_double = complex_of(h, "complex double", h->f64, 8);
	h->complex_f80 = complex_of(h, "complex long double", h->f80, 16);
	h->vector = btf__add_typedef(b, "__m128", bytes);
	btf__add_decl_tag(b, SCHEMA_TAG_OPAQUE "__m128", h->vector, -1);
	h->with_vector = aggregate(h, "with_vector", false, 16, MEMBERS({h->vector, 0}));
}

static int setup(void **state)
{
	struct hand *h = calloc(1, sizeof(*h));

	assert_int_equal(schema_new(&h->schema, NULL), 0);
	h->btf = schema_btf(h->schema);
	add_base(h);
	add_aggregates(h);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct hand *h = *state;

	schema_free(h->schema);
	free(h);
	return 0;
}

static uint32_t function(struct hand *h, int result, const int *params, bool is_variadic)
{
	int proto = btf__add_func_proto(h->btf, result);

	for (int i = 0; params[i]; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		btf__add_func_param(h->btf, name, params[i]);
	}
	if (is_variadic)
		btf__add_func_param(h->btf, NULL, 0);
	return btf__add_func(h->btf, "f", BTF_FUNC_GLOBAL, proto);
}

/* "rdi+rsi xmm0 [8] -> rax": the pieces of each parameter, then those of the result. */
static void put_loc(char *text, size_t len, const struct abi_loc *loc, bool is_result)
{
	static const char *const gprs[] = {"rdi", "rsi", "rdx", "rcx", "r8", "r9"}, *const results[] = {
											    "rax", "rdx"};

	if (!loc->pieces_cnt)
		strncat(text, "-", len - strlen(text) - 1);
	for (int i = 0; i < loc->pieces_cnt; i++) {
		const struct abi_piece *p = &loc->piece[i];
		char piece[32] = "pad";

		if (p->place == ABI_GPR)
			snprintf(piece, sizeof(piece), "%s",
				 is_result ? results[p->number] : gprs[p->number]);
		if (p->place == ABI_XMM)
			snprintf(piece, sizeof(piece), "xmm%u", p->number);
		if (p->place == ABI_X87)
			snprintf(piece, sizeof(piece), "st%u", p->number);
		if (p->place == ABI_STACK)
			snprintf(piece, sizeof(piece), "[%u]", p->number);
		if (p->place == ABI_SRET)
			snprintf(piece, sizeof(piece), "sret");
		if (i)
			strncat(text, "+", len - strlen(text) - 1);
		strncat(text, piece, len - strlen(text) - 1);
	}
}

static void proto_text(char *text, size_t len, const struct abi_proto *abi)
{
	text[0] = '\0';
	for (size_t i = 0; i < abi->params_cnt; i++) {
		put_loc(text, len, &abi->param[i], false);
		strncat(text, " ", len - strlen(text) - 1);
	}
	if (abi->is_variadic)
		strncat(text, "... ", len - strlen(text) - 1);
	strncat(text, "> ", len - strlen(text) - 1);
	put_loc(text, len, &abi->result, true);
}

static void values_are_where_the_abi_says(void **state)
{
	struct hand *h = *state;
	const struct {
		int result;
		int params[12];
		const char *want;
		uint32_t stack;
		bool is_variadic;
	} cases[] = {
		{0, {0}, "> -"},
		{h->i32,
		 {h->i32, h->i64, h->pointer, h->boolean, h->color, h->i16, h->i8},
		 "rdi rsi rdx rcx r8 r9 [0] > rax",
		 8},
		{h->i64,
		 {h->i64, h->i64, h->i64, h->i64, h->i64, h->i64, h->i8, h->i16, h->i64},
		 "rdi rsi rdx rcx r8 r9 [0] [8] [16] > rax",
		 24},
		{h->f64, {h->f64, h->i32, h->f32, h->pointer}, "xmm0 rdi xmm1 rsi > xmm0"},
		{h->f32,
		 {h->f32, h->f32, h->f32, h->f32, h->f32, h->f32, h->f32, h->f32, h->f64, h->i32},
		 "xmm0 xmm1 xmm2 xmm3 xmm4 xmm5 xmm6 xmm7 [0] rdi > xmm0",
		 8},
		{h->f80, {h->f80, h->i32, h->f80}, "[0] rdi [16] > st0", 32},
		{h->i32,
		 {h->i64, h->i64, h->i64, h->i64, h->i64, h->i64, h->i64, h->f80},
		 "rdi rsi rdx rcx r8 r9 [0] [16] > rax",
		 32},
		{h->i128, {h->i128, h->i128}, "rdi+rsi rdx+rcx > rax+rdx"},
		{h->i128,
		 {h->i64, h->i128, h->i64, h->i64, h->i128, h->i64},
		 "rdi rsi+rdx rcx r8 [0] r9 > rax+rdx",
		 16},
		{h->i32,
		 {h->i64, h->i64, h->i64, h->i64, h->i64, h->i64, h->i8, h->i128},
		 "rdi rsi rdx rcx r8 r9 [0] [16] > rax",
		 32},
		{h->pair, {h->pair, h->alias}, "rdi+rsi rdx+rcx > rax+rdx"},
		{h->pair,
		 {h->i64, h->i64, h->i64, h->i64, h->i64, h->pair, h->i64},
		 "rdi rsi rdx rcx r8 [0] r9 > rax+rdx",
		 16},
		{h->small, {h->small, h->floats, h->mixed, h->mixed_word}, "rdi xmm0 xmm1+rsi rdx > rax"},
		{h->mixed, {h->three_floats}, "xmm0+xmm1 > xmm0+rax"},
		{h->three_floats, {h->bits}, "rdi > xmm0+xmm1"},
		{h->big, {h->i32, h->big, h->i32}, "rsi [0] rdx > sret", 24},
		{h->packed, {h->packed, h->i32}, "[0] rsi > sret", 8},
		{h->wrapped_f80, {h->wrapped_f80}, "[0] > st0", 16},
		{h->overlaid, {h->overlaid}, "rdi > rax"},
		{h->overlaid_f80, {h->overlaid_f80, h->i32}, "[0] rsi > sret", 16},
		{h->empty, {h->empty, h->i32}, "- rdi > -"},
		{h->padded, {h->padded, h->i32}, "rdi rsi > rax"},
		{h->complex_float, {h->complex_float, h->f32}, "xmm0 xmm1 > xmm0"},
		{h->complex_double, {h->complex_double, h->f32}, "xmm0+xmm1 xmm2 > xmm0+xmm1"},
		{h->complex_f80, {h->complex_f80}, "[0] > st1", 32},
		{h->i32, {h->pointer, h->i32}, "rdi rsi ... > rax", 0, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct abi_proto abi = {};
		struct err err = {};
		char text[256];

		if (abi_classify(&abi, h->schema,
				 function(h, cases[i].result, cases[i].params, cases[i].is_variadic), &err))
			fail_msg("%s: %s", cases[i].want, err.msg);
		proto_text(text, sizeof(text), &abi);
		assert_string_equal(text, cases[i].want);
		assert_int_equal(abi.stack_bytes, cases[i].stack);
		if (cases[i].result)
			assert_int_equal(abi.result.size, schema_size(h->schema, cases[i].result));
	}
}

static void what_cannot_be_placed_is_named(void **state)
{
	struct hand *h = *state;
	const struct {
		int result, param;
		const char *want;
	} cases[] = {
		{0, h->vector, "where parameter 'p0' of type '__m128' is passed is not known"},
		{0, h->with_vector,
		 "where parameter 'p0' of type 'struct with_vector' is passed is not known"},
		{0, h->f128, "where parameter 'p0' of type '_Float128' is passed is not known"},
		{0, h->unknown, "where parameter 'p0' of type 'struct unknown' is passed is not known"},
		{h->vector, h->i32, "where 'return' of type '__m128' is passed is not known"},
	};
	struct abi_proto abi = {.params_cnt = 77};
	struct err err = {};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t func = function(h, cases[i].result, (int[]){cases[i].param, 0}, false);

		assert_int_equal(abi_classify(&abi, h->schema, func, &err), -ENOTSUP);
		assert_string_equal(err.msg, cases[i].want);
	}
	assert_int_equal(abi_classify(&abi, h->schema, h->pair, &err), -EINVAL);
	assert_int_equal(abi.params_cnt, 77);
}

/* --- by gcc --- */

#define SLOT	   512 /* bytes between two arguments' values */
#define PARAMS	   10
#define FUNCS	   150
#define ROUNDS	   3
#define STRUCTS	   60
#define NESTED	   3 /* of them: the structs that are members of others */
#define STACK_SEEN 4096

uint64_t seen_gprs[6];
uint8_t seen_xmms[8][16], seen_stack[STACK_SEEN], result_bytes[SLOT];
uint64_t sret_len, is_x87;

/* Notes where its arguments are; returns result_bytes as memory, in st0, or in rax rdx xmm0 xmm1. */
void witness(void);
__asm__(".text\n.globl witness\n.type witness,@function\nwitness:\n"
	"mov %rdi, seen_gprs(%rip)\nmov %rsi, 8+seen_gprs(%rip)\nmov %rdx, 16+seen_gprs(%rip)\n"
	"mov %rcx, 24+seen_gprs(%rip)\nmov %r8, 32+seen_gprs(%rip)\nmov %r9, 40+seen_gprs(%rip)\n"
	"movups %xmm0, seen_xmms(%rip)\nmovups %xmm1, 16+seen_xmms(%rip)\n"
	"movups %xmm2, 32+seen_xmms(%rip)\nmovups %xmm3, 48+seen_xmms(%rip)\n"
	"movups %xmm4, 64+seen_xmms(%rip)\nmovups %xmm5, 80+seen_xmms(%rip)\n"
	"movups %xmm6, 96+seen_xmms(%rip)\nmovups %xmm7, 112+seen_xmms(%rip)\n"
	"mov %rdi, %rax\nlea 8(%rsp), %rsi\nlea seen_stack(%rip), %rdi\nmov $4096, %ecx\nrep movsb\n"
	"mov sret_len(%rip), %rcx\ntest %rcx, %rcx\nje 1f\n"
	"mov %rax, %rdi\nlea result_bytes(%rip), %rsi\nrep movsb\nret\n"
	"1: cmpq $0, is_x87(%rip)\nje 2f\nfldt result_bytes(%rip)\nret\n"
	"2: mov result_bytes(%rip), %rax\nmov 8+result_bytes(%rip), %rdx\n"
	"movq 16+result_bytes(%rip), %xmm0\nmovq 24+result_bytes(%rip), %xmm1\nret\n"
	".size witness, .-witness\n");

static unsigned pick(unsigned *seed, unsigned below)
{
	return (unsigned)rand_r(seed) / 7 % below;
}

static const char *const scalars[] = {
	"char",	       "signed char", "unsigned char", "short", "unsigned short", "int",
	"unsigned",    "long",	      "float",	       "float", "double",	  "double",
	"long double", "__int128",    "enum en",       "_Bool", "void *",
};

/* A scalar, or one of the first @structs types. */
static void write_type(char *text, size_t len, unsigned *seed, unsigned structs)
{
	if (structs && pick(seed, 3) == 0)
		snprintf(text, len, "t%u", pick(seed, structs));
	else
		snprintf(text, len, "%s", scalars[pick(seed, ARRAY_SIZE(scalars))]);
}

static void write_struct(FILE *out, unsigned idx, unsigned *seed)
{
	static const char *const bit_types[] = {"int", "unsigned", "unsigned char", "long", "short"};
	bool is_union = pick(seed, 5) == 0, is_packed = pick(seed, 7) == 0 && !is_union;
	unsigned cnt = pick(seed, 12) ? 1 + pick(seed, idx < NESTED ? 2 : 4) : 0;

	fprintf(out, "typedef %s %s {", is_union ? "union" : "struct",
		is_packed ? "__attribute__((packed))" : "");
	/* Packing that changes no offset cannot be seen in BTF, nor in DWARF: not written here. */
	if (is_packed)
		fprintf(out, "char lead; ");
	for (unsigned i = 0; i < cnt; i++) {
		unsigned how = pick(seed, 5);
		char type[32];

		write_type(type, sizeof(type), seed, how != 1 && idx >= NESTED ? NESTED : 0);
		switch (how) {
		case 0:
			fprintf(out, "%s m%u : %u; ", bit_types[pick(seed, 5)], i, 1 + pick(seed, 8));
			break;
		case 1:
			fprintf(out, "%s m%u[%u]; ", type, i, 1 + pick(seed, 3));
			break;
		default:
			fprintf(out, "%s m%u; ", type, i);
		}
	}
	fprintf(out, "} t%u;\n_Static_assert(sizeof(t%u) <= %u, \"\");\n", idx, idx, SLOT);
}

struct signature {
	char result[32], param[PARAMS][32];
	unsigned cnt;
	bool is_variadic;
};

static void write_params(FILE *out, const struct signature *s)
{
	for (unsigned i = 0; i < s->cnt; i++)
		fprintf(out, "%s%s a%u", i ? ", " : "", s->param[i], i);
	fprintf(out, "%s", s->is_variadic ? ", ..." : s->cnt ? "" : "void");
}

/* Once for its types, once for the call. */
static void write_function(FILE *types, FILE *calls, unsigned idx, unsigned *seed)
{
	struct signature s = {.cnt = pick(seed, PARAMS + 1), .is_variadic = pick(seed, 6) == 0};

	s.is_variadic &= s.cnt > 0;
	snprintf(s.result, sizeof(s.result), "void");
	if (pick(seed, 8))
		write_type(s.result, sizeof(s.result), seed, STRUCTS);
	for (unsigned i = 0; i < s.cnt; i++)
		write_type(s.param[i], sizeof(s.param[i]), seed, STRUCTS);
	fprintf(types, "%s f%u(", s.result, idx);
	write_params(types, &s);
	fprintf(types, ") { __builtin_trap(); }\n");

	fprintf(calls, "void c%u(void *fn, char *args, char *result) {\n", idx);
	for (unsigned i = 0; i < s.cnt; i++)
		fprintf(calls, "%s a%u; __builtin_memcpy(&a%u, args + %u, sizeof(a%u));\n", s.param[i], i, i,
			i * SLOT, i);
	if (strcmp(s.result, "void"))
		fprintf(calls, "%s r = ", s.result);
	fprintf(calls, "((%s (*)(", s.result);
	write_params(calls, &s);
	fprintf(calls, "))fn)(");
	for (unsigned i = 0; i < s.cnt; i++)
		fprintf(calls, "%sa%u", i ? ", " : "", i);
	fprintf(calls, ");\n");
	if (strcmp(s.result, "void"))
		fprintf(calls, "__builtin_memcpy(result, &r, sizeof(r));\n");
	fprintf(calls, "}\n");
}

static void write_sources(const char *dir, unsigned *seed)
{
	char path[128], header[128];
	FILE *files[3];
	static const char *const names[] = {"types.h", "types.c", "calls.c"};

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		files[i] = fopen(path, "w");
		assert_non_null(files[i]);
		snprintf(header, sizeof(header), "%s", i ? "#include \"types.h\"\n" : "enum en { A, B };\n");
		fputs(header, files[i]);
	}
	for (unsigned i = 0; i < STRUCTS; i++)
		write_struct(files[0], i, seed);
	for (unsigned i = 0; i < FUNCS; i++)
		write_function(files[1], files[2], i, seed);
	for (int i = 0; i < 3; i++)
		fclose(files[i]);
}

/* Set the bits of @mask that belong to a value, and not to its padding. */
static void mask_of(uint8_t *mask, const struct schema *schema, uint32_t id, uint64_t bit)
{
	const struct btf *btf = schema_btf(schema);
	const struct btf_type *t = btf__type_by_id(btf, schema_strip(schema, id));
	const char *name = btf__name_by_offset(btf, t->name_off);
	uint32_t bits = btf_is_ptr(t) ? 64 : t->size * 8;

	if (btf_is_composite(t)) {
		for (uint32_t i = 0; i < btf_vlen(t); i++) {
			uint64_t at = bit + btf_member_bit_offset(t, i);

			if (!btf_member_bitfield_size(t, i))
				mask_of(mask, schema, btf_members(t)[i].type, at);
			for (uint32_t b = 0; b < btf_member_bitfield_size(t, i); b++)
				mask[(at + b) / 8] |= 1 << (at + b) % 8;
		}
		return;
	}
	if (btf_is_array(t)) {
		for (uint32_t i = 0; i < btf_array(t)->nelems; i++)
			mask_of(mask, schema, btf_array(t)->type,
				bit + 8ull * i * schema_size(schema, btf_array(t)->type));
		return;
	}
	memset(mask + bit / 8, 0xff, !strcmp(name, "long double") ? 10 : bits / 8);
}

/* What was seen where @loc says; NULL past a piece's end. */
static void gather(uint8_t *out, const struct abi_loc *loc, bool is_result)
{
	for (int i = 0; i < loc->pieces_cnt; i++) {
		const struct abi_piece *p = &loc->piece[i];

		switch (p->place) {
		case ABI_GPR:
			memcpy(out + 8 * i,
			       is_result ? result_bytes + 8 * p->number : (uint8_t *)&seen_gprs[p->number],
			       8);
			break;
		case ABI_XMM:
			memcpy(out + 8 * i,
			       is_result ? result_bytes + 16 + 8 * p->number : seen_xmms[p->number], 8);
			break;
		case ABI_STACK:
			memcpy(out, seen_stack + p->number, loc->size);
			break;
		case ABI_SRET:
		case ABI_X87:
			memcpy(out, result_bytes, loc->size);
			break;
		}
	}
}

static void compare(const struct schema *schema, uint32_t type, const struct abi_loc *loc, const uint8_t *got,
		    const uint8_t *want, const char *what)
{
	uint8_t mask[SLOT * 4] = {};

	mask_of(mask, schema, type, 0);
	for (uint32_t i = 0; i < loc->size; i++)
		if ((got[i] ^ want[i]) & mask[i])
			fail_msg("%s: byte %u is %02x, not %02x", what, i, got[i], want[i]);
}

static void check_call(const struct schema *schema, uint32_t func, void (*call)(void *, void *, void *),
		       unsigned *seed, const char *name)
{
	const struct btf *btf = schema_btf(schema);
	const struct btf_type *proto = btf__type_by_id(btf, btf__type_by_id(btf, func)->type);
	static uint8_t args[PARAMS][SLOT];
	uint8_t result[SLOT * 4] = {}, got[SLOT * 4];
	struct abi_proto abi = {};
	struct err err = {};
	char what[64];

	if (abi_classify(&abi, schema, func, &err))
		fail_msg("%s: %s", name, err.msg);
	for (size_t i = 0; i < sizeof(args); i++)
		((uint8_t *)args)[i] = (uint8_t)(1 + pick(seed, 255));
	for (size_t i = 0; i < sizeof(result_bytes); i++)
		result_bytes[i] = (uint8_t)(1 + pick(seed, 255));
	for (size_t i = 0; i < abi.params_cnt; i++) {
		const struct btf_type *t =
			btf__type_by_id(btf, schema_strip(schema, btf_params(proto)[i].type));

		if (btf_is_int(t) && btf_int_encoding(t) & BTF_INT_BOOL)
			args[i][0] &= 1;
	}
	sret_len = abi.result.pieces_cnt && abi.result.piece[0].place == ABI_SRET ? abi.result.size : 0;
	is_x87 = abi.result.pieces_cnt && abi.result.piece[0].place == ABI_X87;
	if (abi.result.size == 1)
		result_bytes[0] = 1; /* may be a _Bool */
	call(witness, args, result);
	for (size_t i = 0; i < abi.params_cnt; i++) {
		snprintf(what, sizeof(what), "%s, parameter %zu", name, i);
		memset(got, 0, sizeof(got));
		gather(got, &abi.param[i], false);
		compare(schema, btf_params(proto)[i].type, &abi.param[i], got, args[i], what);
	}
	if (!abi.result.size)
		return;
	snprintf(what, sizeof(what), "%s, result", name);
	memset(got, 0, sizeof(got));
	gather(got, &abi.result, true);
	compare(schema, proto->type, &abi.result, got, result, what);
}

static void run(const char *dir, const char *fmt, ...)
{
	char cmd[512], tail[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(tail, sizeof(tail), fmt, args);
	va_end(args);
	snprintf(cmd, sizeof(cmd), "cd %s && %s", dir, tail);
	assert_int_equal(system(cmd), 0);
}

/* Write FUNCS random prototypes into a new @dir, compile @types of them, and load their calls. */
static void *compiled_calls(char *dir, unsigned round, unsigned *seed, const char *types)
{
	char path[64];
	void *calls;

	*seed = round;
	assert_non_null(mkdtemp(dir));
	write_sources(dir, seed);
	run(dir, "gcc -w -Wno-psabi %s && gcc -w -Wno-psabi -O%u -shared -fPIC calls.c -o calls.so", types,
	    round % 3);
	snprintf(path, sizeof(path), "%s/calls.so", dir);
	calls = dlopen(path, RTLD_NOW);
	assert_non_null(calls);
	return calls;
}

static void check_idx(const struct schema *schema, uint32_t func, void *calls, unsigned idx, unsigned *seed)
{
	char name[16];

	snprintf(name, sizeof(name), "c%u", idx);
	check_call(schema, func, dlsym(calls, name), seed, name);
}

static void gcc_agrees_on_random_prototypes(void **state)
{
	for (unsigned round = 1; round <= ROUNDS; round++) {
		auto_schema struct schema *schema = NULL;
		char dir[] = "/tmp/test_abiXXXXXX", path[64], name[16];
		struct btf *btf;
		unsigned seed;
		void *calls = compiled_calls(dir, round, &seed, "-gbtf -c types.c");

		snprintf(path, sizeof(path), "%s/types.o", dir);
		btf = btf__parse(path, NULL);
		assert_int_equal(libbpf_get_error(btf), 0);
		assert_int_equal(schema_new(&schema, NULL), 0);
		assert_true(btf__add_btf(schema_btf(schema), btf) > 0);
		for (unsigned i = 0; i < FUNCS; i++) {
			int func;

			snprintf(name, sizeof(name), "f%u", i);
			func = btf__find_by_name_kind(schema_btf(schema), name, BTF_KIND_FUNC);
			assert_true(func > 0);
			check_idx(schema, func, calls, i, &seed);
		}
		dlclose(calls);
		btf__free(btf);
		run("/tmp", "rm -r %s", dir);
	}
}

/* The whole way: DWARF, our BTF of it, places. */
static void what_debug_information_tells_leads_to_the_same_places(void **state)
{
	for (unsigned round = 101; round <= 100 + ROUNDS; round++) {
		auto_object struct object *object = NULL;
		auto_debuginfo struct debuginfo *info = NULL;
		auto_schema struct schema *schema = NULL;
		char dir[] = "/tmp/test_abiXXXXXX", path[64], name[16];
		struct err err = {};
		unsigned seed;
		void *calls = compiled_calls(dir, round, &seed, "-g -shared -fPIC types.c -o types.so");

		snprintf(path, sizeof(path), "%s/types.so", dir);
		assert_int_equal(object_open(&object, path, &err), 0);
		assert_int_equal(debuginfo_open(&info, object, &err), 0);
		assert_int_equal(schema_new(&schema, NULL), 0);
		for (unsigned i = 0; i < FUNCS; i++) {
			struct debug_func found;
			uint32_t func;

			snprintf(name, sizeof(name), "f%u", i);
			if (debuginfo_find(info, name, NULL, &found, &err) ||
			    debuginfo_add_func(info, schema, &found, name, &func, &err))
				fail_msg("%s: %s", name, err.msg);
			check_idx(schema, func, calls, i, &seed);
		}
		dlclose(calls);
		run("/tmp", "rm -r %s", dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_are_where_the_abi_says, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_placed_is_named, setup, teardown),
		cmocka_unit_test(gcc_agrees_on_random_prototypes),
		cmocka_unit_test(what_debug_information_tells_leads_to_the_same_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
