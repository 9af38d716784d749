// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/btf.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi.h"
#include "lib/buf.h"
#include "lib/debuginfo.h"
#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/object.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "tests/support/compile.h"

/* A program, opened. */
struct opened {
	struct built built;
	struct object *object;
	struct debuginfo *info;
	struct schema *schema;
};

static void opened_release(struct opened *o)
{
	schema_free(o->schema);
	debuginfo_free(o->info);
	object_free(o->object);
	built_release(&o->built);
}
#define auto_opened __attribute__((cleanup(opened_release)))

static void open_built(struct opened *o)
{
	struct err err = {};

	if (object_open(&o->object, o->built.path, &err) || debuginfo_open(&o->info, o->object, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(schema_new(&o->schema, NULL), 0);
}

static void open_sources(struct opened *o, const char *cc, const char *flags, const struct source *sources)
{
	build(&o->built, cc, flags, "", sources);
	open_built(o);
}

static void open_source(struct opened *o, const char *cc, const char *flags, const char *text)
{
	open_sources(o, cc, flags, (struct source[]){{"main.c", text}, {}});
}

static void find(struct opened *o, const char *name, struct debug_func *func)
{
	struct err err = {};

	if (debuginfo_find(o->info, name, NULL, func, &err))
		fail_msg("%s: %s", name, err.msg);
}

static uint32_t add(struct opened *o, const char *name)
{
	struct debug_func func;
	struct err err = {};
	uint32_t id = 0;

	find(o, name, &func);
	if (debuginfo_add_func(o->info, o->schema, &func, name, &id, &err))
		fail_msg("%s: %s", name, err.msg);
	return id;
}

/* "int (struct order *)" with parameter names: "int (order: struct order *)". */
static void assert_proto(struct opened *o, uint32_t id, const char *want)
{
	struct btf *btf = schema_btf(o->schema);
	const struct btf_type *proto = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	char text[512], part[128];
	size_t len;

	schema_type_text(o->schema, proto->type, part, sizeof(part));
	len = snprintf(text, sizeof(text), "%s (", part);
	for (uint32_t i = 0; i < btf_vlen(proto); i++) {
		const struct btf_param *p = &btf_params(proto)[i];

		schema_type_text(o->schema, p->type, part, sizeof(part));
		len += snprintf(text + len, sizeof(text) - len, "%s%s: %s", i ? ", " : "",
				btf__name_by_offset(btf, p->name_off), p->type ? part : "...");
	}
	snprintf(text + len, sizeof(text) - len, ")");
	assert_string_equal(text, want);
}

/* What was written must be readable: every test that adds types ends here. */
static void assert_sound(struct opened *o)
{
	auto_schema struct schema *read = NULL;
	struct err err = {};
	const void *data;
	size_t len;

	if (schema_bytes(o->schema, &data, &len, &err) || schema_load(&read, data, len, &err))
		fail_msg("%s", err.msg);
}

static const struct {
	const char *cc, *flags;
} compilers[] = {
	{"gcc", "-g -O0"},
	{"gcc", "-g -O2"},
	{"gcc", "-gdwarf-4 -O2"},
	{"gcc", "-gdwarf-3 -O1"},
	{"gcc", "-g -O3"},
	{"gcc", "-g -O2 -gsplit-dwarf"},
	{"gcc", "-g -O2 -gz"},
	{"gcc", "-g -O1 -fdebug-types-section"},
	{"gcc", "-gdwarf-4 -O1 -fdebug-types-section"},
	{"clang", "-g -O0"},
	{"clang", "-g -O2"},
	{"clang", "-gdwarf-4 -O1"},
	{"clang", "-gdwarf-3 -O1"},
	{"clang", "-g -O2 -gsplit-dwarf"},
	{"clang", "-g -O1 -fdebug-types-section"},
};

static const char types_c[] =
	"#include <stdbool.h>\n#include <stdint.h>\n"
	"enum color { RED, GREEN = 5, BLUE };\n"
	"enum temperature { COLD = -1, WARM };\n"
	"enum wide { SMALL, HUGE_ONE = 0x123456789aULL };\n"
	"struct node { struct node *next; int value; };\n"
	"union both { int i; float f; };\n"
	"typedef struct { short a; } anon_t;\n"
	"struct secret;\n"
	"struct all {\n"
	"  char c; signed char sc; unsigned char uc; bool b; short s; int i; long l; unsigned long long ull;\n"
	"  float f; double d; long double ld; __int128 big;\n"
	"  enum color color; enum temperature temperature; enum wide wide;\n"
	"  const char *text; void *opaque; struct node *list; struct secret *secret;\n"
	"  int grid[2][3]; union both both; anon_t anon;\n"
	"  struct { int x; union { int y; unsigned z; }; };\n"
	"  unsigned low : 3; int middle : 7; unsigned long high : 40;\n"
	"  int (*callback)(struct all *, const char *, ...);\n"
	"  _Complex double complex; _Atomic int atomic; int *restrict fast; int tail[];\n"
	"};\n"
	"__attribute__((noinline, used)) int take(struct all *all, const struct node *list, volatile int flag, ...)\n"
	"{ return all->i + list->value + flag; }\n"
	"__attribute__((noinline, used)) struct node by_value(struct node node, anon_t anon, double d, bool b)\n"
	"{ node.value += anon.a + d + b; return node; }\n"
	"__attribute__((noinline, used)) void nothing(void) { __asm__ volatile(\"\"); }\n"
	"struct all all; struct node node;\n"
	"int main(int argc, char **argv) { nothing(); return take(&all, &node, argc) + by_value(node, all.anon, 1, true).value; }\n";

static const struct btf_member *member(struct opened *o, const struct btf_type *t, const char *name,
				       uint32_t *idx)
{
	for (*idx = 0; *idx < btf_vlen(t); ++*idx)
		if (!strcmp(btf__name_by_offset(schema_btf(o->schema), btf_members(t)[*idx].name_off), name))
			return &btf_members(t)[*idx];
	fail_msg("no member '%s'", name);
	return NULL;
}

static void check_all_members(struct opened *o)
{
	static const struct {
		const char *name, *type;
		uint32_t bits;
	} cases[] = {
		{"c", "char"},
		{"sc", "signed char"},
		{"uc", "unsigned char"},
		{"b", "bool"},
		{"i", "int"},
		{"f", "float"},
		{"d", "double"},
		{"ld", "long double"},
		{"color", "enum color"},
		{"temperature", "enum temperature"},
		{"wide", "enum wide"},
		{"text", "const char *"},
		{"opaque", "void *"},
		{"list", "struct node *"},
		{"secret", "struct secret *"},
		{"grid", "int [2][3]"},
		{"both", "union both"},
		{"anon", "anon_t"},
		{"low", "unsigned int", 3},
		{"middle", "int", 7},
		{"callback", "int (*)(struct all *, const char *, ...)"},
		{"complex", "struct {...}"},
		{"atomic", "int"},
		{"fast", "int *restrict"},
		{"tail", "int [0]"},
	};
	struct btf *btf = schema_btf(o->schema);
	const struct btf_type *t = btf__type_by_id(btf, btf__find_by_name_kind(btf, "all", BTF_KIND_STRUCT));
	uint32_t idx;
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct btf_member *m = member(o, t, cases[i].name, &idx);

		schema_type_text(o->schema, m->type, text, sizeof(text));
		if (!strcmp(text, "_Bool"))
			strcpy(text, "bool");
		assert_string_equal(text, cases[i].type);
		assert_int_equal(btf_member_bitfield_size(t, idx), cases[i].bits);
	}
	assert_true(schema_is_complex(o->schema, member(o, t, "complex", &idx)->type));
	member(o, t, "low", &idx);
	assert_int_equal(btf_member_bit_offset(t, idx + 1), btf_member_bit_offset(t, idx) + 3);
	assert_int_equal(btf_member_bit_offset(t, idx + 2), btf_member_bit_offset(t, idx) + 10);
	assert_int_equal(btf_member_bitfield_size(t, idx + 2), 40);
}

static const struct btf_type *named(struct opened *o, const char *name, uint32_t kind)
{
	struct btf *btf = schema_btf(o->schema);
	int id = btf__find_by_name_kind(btf, name, kind);

	if (id < 0)
		fail_msg("no type '%s'", name);
	return btf__type_by_id(btf, id);
}

static void every_c_type_becomes_btf_whatever_the_compiler(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		auto_opened struct opened o = {};
		const struct btf_type *t;

		open_source(&o, compilers[i].cc, compilers[i].flags, types_c);
		assert_proto(&o, add(&o, "take"),
			     "int (all: struct all *, list: const struct node *, flag: volatile int, : ...)");
		check_all_members(&o);
		assert_int_equal(btf_int_encoding(named(&o, "char", BTF_KIND_INT)),
				 BTF_INT_CHAR | BTF_INT_SIGNED);
		assert_int_equal(btf_int_encoding(named(&o, "signed char", BTF_KIND_INT)), BTF_INT_SIGNED);
		assert_int_equal(btf_int_encoding(named(&o, "unsigned char", BTF_KIND_INT)), 0);
		assert_int_equal(named(&o, "__int128", BTF_KIND_INT)->size, 16);
		t = named(&o, "color", BTF_KIND_ENUM);
		assert_false(btf_kflag(t));
		assert_int_equal(btf_enum(t)[1].val, 5);
		assert_true(btf_kflag(named(&o, "temperature", BTF_KIND_ENUM)));
		t = named(&o, "wide", BTF_KIND_ENUM64);
		assert_true(btf_enum64_value(&btf_enum64(t)[1]) == 0x123456789aULL);
		assert_int_equal(btf_kind(named(&o, "secret", BTF_KIND_FWD)), BTF_KIND_FWD);
		assert_proto(&o, add(&o, "nothing"), "void ()");
		assert_sound(&o);
	}
}

static void values_are_described_where_the_abi_places_them(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		auto_opened struct opened o = {};
		const char *boolean;

		open_source(&o, compilers[i].cc, compilers[i].flags, types_c);
		boolean = btf__find_by_name_kind(schema_btf(o.schema), "bool", BTF_KIND_INT) > 0 ? "bool"
												 : "_Bool";
		uint32_t id = add(&o, "by_value");
		char want[128];

		boolean = btf__find_by_name_kind(schema_btf(o.schema), "bool", BTF_KIND_INT) > 0 ? "bool"
												 : "_Bool";
		snprintf(want, sizeof(want),
			 "struct node (node: struct node, anon: anon_t, d: double, b: %s)", boolean);
		assert_proto(&o, id, want);
		assert_sound(&o);
	}
}

static void the_same_program_gives_the_same_bytes(void **state)
{
	char ids[2][SCHEMA_ID_LEN + 1];

	for (int i = 0; i < 2; i++) {
		auto_opened struct opened o = {};

		open_source(&o, "gcc", "-g -O2 -ffile-prefix-map=$PWD=.", types_c);
		add(&o, "take");
		add(&o, "by_value");
		assert_int_equal(schema_id(o.schema, ids[i], NULL), 0);
	}
	assert_string_equal(ids[0], ids[1]);
}

static const struct source two_files[] = {
	{"t.h", "struct item { int id; struct hidden *hidden; };\nstruct outer { struct item item; };\n"},
	{"a.c",
	 "#include \"t.h\"\n__attribute__((noinline)) int f(struct item *i, struct outer *o)\n"
	 "{ return i->id + o->item.id; }\nint g(struct item *);\nint main(void) { struct item i = {1}; struct "
	 "outer o = {i}; return f(&i, &o) + g(&i); }\n"},
	{"b.c", "#include \"t.h\"\nstruct hidden { long deep; };\nstruct hidden hidden;\n"
		"__attribute__((noinline)) int g(struct item *i) { return i->id + i->hidden->deep; }\n"},
	{},
};

static unsigned count_named(struct opened *o, const char *name, uint32_t kind)
{
	struct btf *btf = schema_btf(o->schema);
	unsigned cnt = 0;

	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		cnt += btf_kind(t) == kind && !strcmp(btf__name_by_offset(btf, t->name_off), name);
	}
	return cnt;
}

static void one_type_of_two_files_is_added_once_and_completed(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		auto_opened struct opened o = {};

		open_sources(&o, compilers[i].cc, compilers[i].flags, two_files);
		add(&o, "f");
		add(&o, "g");
		assert_int_equal(count_named(&o, "item", BTF_KIND_STRUCT), 1);
		assert_int_equal(count_named(&o, "hidden", BTF_KIND_STRUCT), 1);
		assert_int_equal(count_named(&o, "hidden", BTF_KIND_FWD), 0);
		assert_int_equal(count_named(&o, "int", BTF_KIND_INT), 1);
		assert_sound(&o);
	}
}

static void two_types_of_one_name_are_not_mixed_up(void **state)
{
	static const struct source sources[] = {
		{"a.c",
		 "struct same { int a; };\nstruct same *user;\n__attribute__((noinline)) int f(struct same *s) { return "
		 "s->a; }\nint g(void *);struct same same; int h(void *); int main(void) { return f(&same) + "
		 "g(&same) + h(0); }\n"},
		{"b.c",
		 "struct same { char b[3]; };\n__attribute__((noinline)) int g(struct same *s) { return s->b[0]; }\n"},
		{"c.c", "struct same;\n__attribute__((noinline)) int h(struct same *s) { return !s; }\n"},
		{},
	};
	auto_opened struct opened o = {};
	struct err err = {};
	uint32_t id;

	open_sources(&o, "gcc", "-g -O1", sources);
	add(&o, "f");
	add(&o, "g");
	add(&o, "h");
	assert_int_equal(count_named(&o, "same", BTF_KIND_STRUCT), 2);
	assert_int_equal(count_named(&o, "same", BTF_KIND_FWD), 1);
	assert_int_equal(debuginfo_add_type(o.info, o.schema, "struct same", &id, &err), -ENOTUNIQ);
	assert_non_null(strstr(err.msg, "several different types are named 'struct same'"));
	assert_sound(&o);
}

static void types_are_found_by_name(void **state)
{
	static const char *const names[] = {"struct all", "union both", "enum color", "anon_t",
					    "unsigned long"};
	auto_opened struct opened o = {};
	struct err err = {};
	uint32_t id, again;
	char text[64];

	open_source(&o, "gcc", "-g", types_c);
	for (size_t i = 0; i < ARRAY_SIZE(names) - 1; i++) {
		assert_int_equal(debuginfo_add_type(o.info, o.schema, names[i], &id, &err), 0);
		schema_type_text(o.schema, id, text, sizeof(text));
		assert_string_equal(text, names[i]);
		assert_int_equal(debuginfo_add_type(o.info, o.schema, names[i], &again, &err), 0);
		assert_int_equal(id, again);
	}
	assert_int_equal(debuginfo_add_type(o.info, o.schema, "struct al", &id, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "no type 'struct al' in '"));
	assert_sound(&o);
}

/* --- functions --- */

static const char funcs_c[] =
	"#include <stdlib.h>\n#include <unistd.h>\n#include <time.h>\n"
	"static __attribute__((noinline)) int constant(int a, int mode) { return mode == 3 ? a + rand() : a - rand(); }\n"
	"static __attribute__((noinline)) int unused(int a, int un, int c) { return a * c + getpid(); }\n"
	"static __attribute__((noinline)) int taken(int a, int un, int c) { return a * c + rand(); }\n"
	"__attribute__((noinline)) int ext(int a, int un, int c) { return a * c + rand(); }\n"
	"static inline __attribute__((always_inline)) int small(int a) { return a * rand(); }\n"
	"static __attribute__((noinline)) int plain(int a, int b)\n"
	"{ return a * b + rand(); }\n"
	"int (*pointer)(int, int, int) = taken;\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"  struct timespec ts;\n"
	"  clock_gettime(CLOCK_REALTIME, &ts);\n"
	"  int sum = small(argc)\n"
	"    + small(argc + 1);\n"
	"  return sum + constant(argc, 3) + constant(argc + 1, 3) + unused(argc, 1, 2) + unused(argc, argc, 3) +\n"
	"         ext(argc, argc, argc) + pointer(argc, 1, 2) + plain(argc, argc + 1) + plain(1, argc) + ts.tv_sec;\n"
	"}\n";

static void a_plain_function_has_no_fault(void **state)
{
	static const char *const names[] = {"main", "ext", "taken", "plain"};

	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		auto_opened struct opened o = {};

		open_source(&o, compilers[i].cc, compilers[i].flags, funcs_c);
		for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
			const struct symbol *symbol = object_find_func(o.object, names[n], NULL, NULL);
			struct debug_func func, at;

			find(&o, names[n], &func);
			assert_string_equal(func.abi_fault, "");
			assert_int_equal(func.addr, symbol->addr);
			assert_int_equal(func.size, symbol->size);
			assert_string_equal(func.file, "main.c");
			assert_false(func.is_declaration);
			assert_int_equal(func.is_external,
					 !strcmp(names[n], "main") || !strcmp(names[n], "ext"));
			assert_int_equal(func.inlined, 0);
			assert_int_equal(debuginfo_find_at(o.info, func.addr, &at, NULL), 0);
			assert_int_equal(at.die, func.die);
		}
	}
}

static void a_parameter_that_the_compiler_removed_is_a_fault(void **state)
{
	static const struct {
		const char *cc, *func, *want;
	} cases[] = {
		{"gcc", "constant",
		 "the compiler left only the copy 'constant.constprop.0', which takes other parameters"},
		{"gcc", "unused",
		 "the compiler left only the copy 'unused.constprop.0', which takes other parameters"},
		{"clang", "constant", "parameter 'mode' was optimised out (it is always the same)"},
		{"clang", "unused", "parameter 'un' was optimised out"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_opened struct opened o = {};
		struct debug_func func;

		open_source(&o, cases[i].cc, "-g -O2", funcs_c);
		find(&o, cases[i].func, &func);
		assert_string_equal(func.abi_fault, cases[i].want);
	}
}

static void an_inlined_function_says_where(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(compilers); i++) {
		auto_opened struct opened o = {};
		struct debug_func func;

		open_source(&o, compilers[i].cc, compilers[i].flags, funcs_c);
		find(&o, "small", &func);
		assert_int_equal(func.addr, 0);
		assert_int_equal(func.inlined, 2);
		assert_string_equal(func.inlined_at, "main.c:16, main.c:17");
	}
}

static void an_import_is_a_declaration_with_the_names_it_is_given(void **state)
{
	static const struct {
		const char *cc, *flags;
	} cases[] = {{"gcc", "-g -O0"}, {"gcc", "-g -O2"}, {"clang", "-g -O2"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_opened struct opened o = {};
		struct debug_func func;
		uint32_t id = 0;

		open_source(&o, cases[i].cc, cases[i].flags, funcs_c);
		find(&o, "clock_gettime", &func);
		assert_true(func.is_declaration);
		assert_int_equal(func.addr, 0);
		strcpy(func.params, "clock_id tp");
		assert_int_equal(debuginfo_add_func(o.info, o.schema, &func, "clock_gettime", &id, NULL), 0);
		assert_proto(&o, id, "int (clock_id: clockid_t, tp: struct timespec *)");
		assert_sound(&o);
	}
}

static void names_that_are_given_win(void **state)
{
	static const char text[] = "#include <unistd.h>\nint main(int argc, char **argv)\n"
				   "{ char b[64]; return read(0, b, argc * 10) + (int)b[0]; }\n";
	auto_opened struct opened o = {};
	struct debug_func func;
	uint32_t id;

	open_source(&o, "gcc", "-g -O2 -D_FORTIFY_SOURCE=2 -w", text);
	find(&o, "read", &func);
	func.is_declaration = true; /* as for the function of a library that cannot describe itself */
	strcpy(func.params, "fd buf");
	assert_int_equal(debuginfo_add_func(o.info, o.schema, &func, "read", &id, NULL), 0);
	assert_proto(&o, id, "ssize_t (fd: int, buf: void *, nbytes: size_t)");
}

static void a_parameter_without_a_name_is_numbered(void **state)
{
	auto_opened struct opened o = {};

	open_sources(
		&o, "gcc", "-g",
		(struct source[]){{"a.c", "int other(int, char *); int main(void) { return other(1, 0); }"},
				  {"b.c", "int other(int a, char *b) { return a + !b; }"},
				  {}});
	assert_proto(&o, add(&o, "other"), "int (a: int, b: char *)");

	auto_opened struct opened bare = {};
	build(&bare.built, "gcc", "", "", (struct source[]){{"x.c", "int main;"}, {}});
	built_run(
		&bare.built,
		"gcc -g -c -o m.o -x c - <<E\nint other(int, char *);\nint main(void) { return other(1, 0); }\nE\n"
		"echo 'int other(int a, char *b) { return a + !b; }' | gcc -c -o n.o -x c - && gcc -o prog m.o n.o");
	open_built(&bare);
	assert_proto(&bare, add(&bare, "other"), "int (arg0: int, arg1: char *)");
}

static void a_name_in_two_files_wants_the_file(void **state)
{
	static const struct source sources[] = {
		{"one.c",
		 "static __attribute__((noinline)) int twin(int a) { return a + 1; }\nint two(int);\n"
		 "int main(int c, char **v) { return twin(c) + two(c); }\n"},
		{"two.c", "static __attribute__((noinline)) int twin(char *b) { return b[0]; }\n"
			  "int two(int a) { return twin((char *)&a); }\n"},
		{},
	};
	auto_opened struct opened o = {};
	struct debug_func func, other;
	struct err err = {};

	open_sources(&o, "gcc", "-g -O1", sources);
	assert_int_equal(debuginfo_find(o.info, "twin", NULL, &func, &err), -ENOTUNIQ);
	assert_string_equal(err.msg, "several functions are named 'twin', in one.c, two.c");
	assert_string_equal(err.hint, "write FILE:twin for the one that is meant");
	assert_int_equal(debuginfo_find(o.info, "twin", "one.c", &func, &err), 0);
	assert_int_equal(debuginfo_find(o.info, "twin", "two.c", &other, &err), 0);
	assert_int_not_equal(func.addr, other.addr);
	assert_string_equal(other.file, "two.c");
	assert_int_equal(debuginfo_find(o.info, "twin", "three.c", &other, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "no function 'twin' in file 'three.c' of '"));
	assert_int_equal(debuginfo_find(o.info, "twine", NULL, &other, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "no debug information describes 'twine' in '"));
}

static void the_nearest_function_is_suggested(void **state)
{
	auto_opened struct opened o = {};
	struct nearest nearest;

	open_source(&o, "gcc", "-g", funcs_c);
	nearest_init(&nearest, "constent");
	debuginfo_suggest(o.info, &nearest);
	assert_string_equal(nearest.best, "constant");
}

static void a_function_and_its_cold_part_have_one_entry(void **state)
{
	static const char text[] =
		"#include <stdlib.h>\n__attribute__((cold, noinline)) void die(int a) { exit(a); }\n"
		"__attribute__((noinline)) int f(int a) { if (a > 100) die(a * 3); return a * rand(); }\n"
		"int main(int c, char **v) { return f(c); }\n";
	auto_opened struct opened o = {};
	struct debug_func func;

	open_source(&o, "gcc", "-g -O2", text);
	assert_non_null(object_find_func(o.object, "f.cold", NULL, NULL));
	find(&o, "f", &func);
	assert_int_equal(func.addr, object_find_func(o.object, "f", NULL, NULL)->addr);
	assert_string_equal(func.abi_fault, "");
}

static void link_time_optimisation_changes_nothing(void **state)
{
	auto_opened struct opened o = {};
	struct debug_func func;

	open_sources(&o, "gcc", "-g -O2 -flto", two_files);
	find(&o, "g", &func);
	assert_proto(&o, add(&o, "g"), "int (i: struct item *)");
	assert_string_equal(func.file, "b.c");
	assert_sound(&o);
}

/* --- what cannot be passed --- */

static void what_the_type_does_not_place_is_refused(void **state)
{
	static const struct {
		const char *file, *cc, *text, *want;
	} cases[] = {
		{"a.c", "gcc", "int f(_Decimal64 d) { return (int)d; } int main(void) { return f(1); }",
		 "parameter 'd' of 'f' is passed by value and holds _Decimal64, which cannot be placed"},
		{"a.c", "gcc",
		 "typedef float v4 __attribute__((vector_size(16))); struct s { v4 v; };\n"
		 "int f(struct s s) { return s.v[0]; } int main(void) { struct s s = {}; return f(s); }",
		 "parameter 's' of 'f' is passed by value and holds a vector, which cannot be placed"},
		{"a.c", "gcc", "int f(a) float a; { return a; } int main(void) { return f(1); }",
		 "parameter 'a' of 'f' is passed by value and holds a float in a function without a prototype, which "
		 "cannot be placed"},
		{"a.cc", "g++",
		 "struct s { int i; s(const s &) = delete; s(s &&) = default; s(int i) : i(i) {} };\n"
		 "extern \"C\" __attribute__((noinline)) int f(s a) { return a.i; }\n"
		 "int main() { return f(s{1}); }",
		 "parameter 'a' of 'f' is passed by value and holds a class of which is not known how it is copied, "
		 "which cannot be placed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_opened struct opened o = {};
		struct debug_func func;
		struct err err = {};
		uint32_t id;

		open_sources(&o, cases[i].cc, "-g -O1 -w",
			     (struct source[]){{cases[i].file, cases[i].text}, {}});
		find(&o, "f", &func);
		assert_int_equal(debuginfo_add_func(o.info, o.schema, &func, "f", &id, &err), -ENOTSUP);
		assert_string_equal(err.msg, cases[i].want);
	}
}

static void classes_go_by_value_or_by_address_as_their_compiler_has_it(void **state)
{
	static const struct source sources[] = {
		{"a.cc",
		 "struct Plain { int a; Plain(const Plain &) = default; Plain(int x) : a(x) {} ~Plain() = default; };\n"
		 "struct Copied { int a; Copied(const Copied &o) : a(o.a) {} Copied(int x) : a(x) {} };\n"
		 "struct Ended { int a; ~Ended() {} };\n"
		 "struct Holds { Plain p; Ended e; };\n"
		 "struct Derived : Copied { int b; Derived(int x) : Copied(x), b(x) {} };\n"
		 "template<class T> struct Box { T a; Box(T x) : a(x) {} Box(const Box &o) : a(o.a) {} };\n"
		 "struct Virtual { virtual int v() { return 1; } };\n"
		 "extern \"C\" __attribute__((noinline)) Ended f(Plain p, Copied c, Ended e, Holds h, Derived d,\n"
		 "                                             Box<int> b, Virtual v)\n"
		 "{ return Ended{p.a + c.a + e.a + h.p.a + d.b + b.a + v.v()}; }\n"
		 "int main() { return f(1, 2, Ended{3}, Holds{4, {5}}, 6, 7, Virtual()).a & 0; }\n"},
		{},
	};
	static const char *const compiled_by[] = {"g++", "clang++"};

	for (size_t i = 0; i < ARRAY_SIZE(compiled_by); i++) {
		auto_opened struct opened o = {};
		struct abi_proto abi;
		struct err err = {};
		uint32_t id;

		open_sources(&o, compiled_by[i], "-g -O1 -w", sources);
		id = add(&o, "f");
		assert_proto(
			&o, id,
			"struct Ended (p: struct Plain, c: const struct Copied *, e: const struct Ended *, "
			"h: const struct Holds *, d: const struct Derived *, b: const struct Box<int> *, "
			"v: const struct Virtual *)");
		assert_int_equal(abi_classify(&abi, o.schema, id, &err), 0);
		assert_int_equal(abi.result.piece[0].place, ABI_SRET);
		assert_int_equal(abi.param[0].piece[0].number, 1);
	}
}

static void types_within_templates_are_not_taken_for_each_other(void **state)
{
	static const struct source sources[] = {
		{"a.cc",
		 "template<class T> struct Box { typedef T *pointer; struct Data { pointer at; } data; };\n"
		 "struct pair { Box<char> a; Box<long> b; };\n"
		 "extern \"C\" __attribute__((noinline)) int f(struct pair *p) { return !p->a.data.at + !p->b.data.at; }\n"
		 "int main() { struct pair p = {}; return f(&p) - 2; }\n"},
		{},
	};
	auto_opened struct opened o = {};
	auto_buf struct buf text = {};

	open_sources(&o, "g++", "-g -O1 -w", sources);
	add(&o, "f");
	buf_init(&text, 1 << 20);
	assert_int_equal(schema_c(&text, o.schema, NULL), 0);
	buf_put_u8(&text, 0);
	assert_non_null(strstr((char *)text.data, "typedef char *pointer"));
	assert_non_null(strstr((char *)text.data, "typedef long int *pointer"));
}

static void a_layout_that_the_compiler_got_wrong_is_opaque(void **state)
{
	static const char text[] =
		"struct __attribute__((packed)) bent { unsigned a : 9; unsigned char b : 8; };\n"
		"__attribute__((noinline)) int f(struct bent *bent) { return bent->b; }\n"
		"int main(void) { struct bent b = {1, 2}; return f(&b); }\n";
	auto_opened struct opened gcc = {}, clang = {};

	open_source(&gcc, "gcc", "-g -w -Wno-packed-bitfield-compat", text);
	assert_proto(&gcc, add(&gcc, "f"), "int (bent: struct bent *)");
	open_source(&clang, "clang", "-g -w", text);
	assert_proto(&clang, add(&clang, "f"), "int (bent: bent *)");
	assert_non_null(named(&clang, "tapedeck.opaque bent", BTF_KIND_DECL_TAG));
	assert_sound(&clang);
}

static void cplusplus_is_read_by_name_and_mangled_name(void **state)
{
	static const char text[] =
		"struct base { int id; virtual ~base() {} };\n"
		"struct derived : base { const char *name; static int count; int &ref; derived(int &r) : name(0), ref(r) {}\n"
		"  int price(int qty) const; };\n"
		"namespace shop { enum class kind : short { A, B }; int rate(const derived &d, kind k); }\n"
		"__attribute__((noinline)) int derived::price(int qty) const { return id * qty + ref; }\n"
		"__attribute__((noinline)) int shop::rate(const derived &d, kind k) { return d.id + (int)k; }\n"
		"int main() { int x = 1; derived d(x); return d.price(2) + shop::rate(d, shop::kind::B); }\n";
	static const char *const flags[] = {"-g -O0", "-g -O2"};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		auto_opened struct opened o = {};
		struct debug_func func, mangled;

		open_sources(&o, "g++", flags[i], (struct source[]){{"a.cc", text}, {}});
		find(&o, "price", &func);
		find(&o, "_ZNK7derived5priceEi", &mangled);
		assert_int_equal(func.die, mangled.die);
		assert_true(func.addr);
		assert_proto(&o, add(&o, "price"), "int (this: const struct derived *const, qty: int)");
		assert_proto(&o, add(&o, "rate"), "int (d: const struct derived *, k: enum kind)");
		assert_true(btf_kflag(named(&o, "kind", BTF_KIND_ENUM)));
		assert_int_equal(btf_vlen(named(&o, "derived", BTF_KIND_STRUCT)), 3);
		assert_sound(&o);
	}
}

/* --- files --- */

static void separate_debug_information_is_found_beside_the_file(void **state)
{
	auto_opened struct opened o = {};
	struct debug_func func;

	build(&o.built, "gcc", "-g -O2", "", (struct source[]){{"main.c", funcs_c}, {}});
	built_run(&o.built,
		  "objcopy --only-keep-debug prog prog.debug && strip -s prog && "
		  "objcopy --add-gnu-debuglink=prog.debug prog && mkdir .debug && mv prog.debug .debug/");
	open_built(&o);
	find(&o, "ext", &func);
	assert_true(func.addr);
	find(&o, "constant", &func);
	assert_non_null(strstr(func.abi_fault, "'constant.constprop.0'"));
}

static void open_fails(struct opened *o, struct err *err)
{
	assert_int_equal(object_open(&o->object, o->built.path, NULL), 0);
	assert_int_equal(debuginfo_open(&o->info, o->object, err), -ENODATA);
	assert_null(o->info);
}

static void debug_information_of_another_build_is_refused(void **state)
{
	auto_opened struct opened o = {};
	struct err err = {};

	build(&o.built, "gcc", "-g -O2", "-Wl,--build-id", (struct source[]){{"main.c", funcs_c}, {}});
	built_run(
		&o.built,
		"gcc -g -O0 -Wl,--build-id -o other main.c && objcopy --only-keep-debug other prog.debug && "
		"strip -s prog && objcopy --add-gnu-debuglink=prog.debug prog");
	open_fails(&o, &err);
	assert_non_null(strstr(err.msg, "prog.debug' is of another build"));
	assert_string_equal(err.hint, "install the debug information of exactly this build");
}

static void no_debug_information_says_where_it_was_looked_for(void **state)
{
	auto_opened struct opened o = {};
	struct err err = {};
	char want[256];

	build(&o.built, "gcc", "-O2", "-Wl,--build-id", (struct source[]){{"main.c", funcs_c}, {}});
	open_fails(&o, &err);
	snprintf(want, sizeof(want),
		 "no debug information for '%s': neither in it nor in '/usr/lib/debug/.build-id/",
		 o.built.path);
	assert_memory_equal(err.msg, want, strlen(want));
	assert_string_equal(
		err.hint,
		"build it with -g, install its debug symbols, or describe the function by a \"prototype\"");
}

static void functions_without_parameters_are_refused(void **state)
{
	auto_opened struct opened o = {};
	struct debug_func func;
	struct err err = {};
	uint32_t id;

	open_source(&o, "gcc", "-g1 -O2", funcs_c);
	find(&o, "ext", &func);
	assert_int_equal(debuginfo_add_func(o.info, o.schema, &func, "ext", &id, &err), -ENODATA);
	assert_string_equal(err.msg,
			    "the debug information of 'ext' has no parameters: it was built with -g1");
	assert_string_equal(err.hint, "build it with -g");
}

static void a_lost_dwo_file_is_named(void **state)
{
	auto_opened struct opened o = {};
	struct debug_func func;
	struct err err = {};

	build(&o.built, "gcc", "-g -gsplit-dwarf", "", (struct source[]){{"main.c", funcs_c}, {}});
	built_run(&o.built, "rm *.dwo");
	open_built(&o);
	assert_int_equal(debuginfo_find(o.info, "ext", NULL, &func, &err), -ENOENT);
	assert_string_equal(
		err.msg,
		"no debug information describes 'ext': 'main.c.dwo', where some of it is, was not found");
}

static const char shared_c[] =
	"#include \"shared.h\"\n"
	"struct own { struct big *big; };\n"
	"int use(struct own *own, struct big *big, kind_t kind) { return own->big->a + big->d[2] + kind; }\n"
	"int main(void) { return 0; }\n";
static const struct source shared[] = {
	{"main.c", shared_c},
	{"shared.h",
	 "typedef enum kind { KIND_ONE, KIND_TWO } kind_t;\n"
	 "struct inner { int x; char name[16]; struct big *up; };\n"
	 "struct big { int a; long b; const char *c; int d[7]; struct inner inner; kind_t kind; double e; };\n"
	 "int far(struct big *, kind_t);\n"},
	{},
};

static void what_dwz_moved_out_is_found(void **state)
{
	auto_opened struct opened o = {}, lost = {};
	struct err err = {};
	uint32_t id;

	build(&o.built, "gcc", "-g -O1 -fno-builtin", "-Wl,--build-id", shared);
	built_run(&o.built, "cp prog other && dwz -m shared.debug -M shared.debug -h prog other");
	open_built(&o);
	assert_proto(&o, add(&o, "use"), "int (own: struct own *, big: struct big *, kind: kind_t)");
	assert_int_equal(debuginfo_add_type(o.info, o.schema, "struct inner", &id, &err), 0);
	assert_int_equal(schema_size(o.schema, id), 32);
	assert_sound(&o);

	build(&lost.built, "gcc", "-g -O1 -fno-builtin", "-Wl,--build-id", shared);
	built_run(&lost.built,
		  "cp prog other && dwz -m shared.debug -M shared.debug -h prog other && rm shared.debug");
	open_fails(&lost, &err);
	assert_non_null(strstr(err.msg, "': 'shared.debug', which holds a part of it (dwz), was not found"));
	/* Another build's is none. */
	built_run(&lost.built, "cp /bin/true shared.debug");
	object_free(lost.object);
	open_fails(&lost, &err);
}

static void a_server_is_asked_only_where_the_user_names_one(void **state)
{
	auto_opened struct opened o = {};
	char urls[128], cache[128];
	struct debug_func func;
	struct err err = {};

	build(&o.built, "gcc", "-g -O1", "-Wl,--build-id", (struct source[]){{"main.c", funcs_c}, {}});
	built_run(&o.built,
		  "id=$(readelf -n prog | sed -n 's/.*Build ID: //p') && mkdir -p served/buildid/$id && "
		  "objcopy --only-keep-debug prog served/buildid/$id/debuginfo && strip -s prog");
	snprintf(urls, sizeof(urls), "file://%s/served", o.built.dir);
	snprintf(cache, sizeof(cache), "%s/cache", o.built.dir);
	setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
	unsetenv("DEBUGINFOD_URLS");
	assert_int_equal(object_open(&o.object, o.built.path, NULL), 0);
	assert_int_equal(debuginfo_open(&o.info, o.object, &err), -ENODATA);
	setenv("DEBUGINFOD_URLS", urls, 1);
	if (debuginfo_open(&o.info, o.object, &err))
		fail_msg("%s", err.msg);
	unsetenv("DEBUGINFOD_URLS");
	assert_int_equal(debuginfo_find(o.info, "ext", NULL, &func, &err), 0);
	assert_memory_equal(debuginfo_path(o.info), cache, strlen(cache));
}

/* The types of the refused function that were not written yet must not become those of the next one. */
static void a_function_whose_types_cannot_be_described_does_not_spoil_the_next(void **state)
{
	auto_opened struct opened o = {};
	char text[16384] = "typedef int t0;\n";
	struct debug_func func;
	struct err err = {};
	size_t len = strlen(text);
	uint32_t id;

	for (int i = 1; i < 400; i++)
		len += snprintf(text + len, sizeof(text) - len, "typedef t%d t%d;\n", i - 1, i);
	snprintf(text + len, sizeof(text) - len,
		 "struct pair { int a; char *b; };\n"
		 "int deep(struct pair *p, t399 t) { return t; }\n"
		 "int flat(struct pair *p, long n) { return p->a + n; }\nint main(void) { return 0; }\n");
	open_source(&o, "gcc", "-g", text);
	find(&o, "deep", &func);
	assert_int_equal(debuginfo_add_func(o.info, o.schema, &func, "deep", &id, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "cannot describe the types of '"));
	assert_proto(&o, add(&o, "flat"), "int (p: struct pair *, n: long int)");
	assert_sound(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_c_type_becomes_btf_whatever_the_compiler),
		cmocka_unit_test(values_are_described_where_the_abi_places_them),
		cmocka_unit_test(the_same_program_gives_the_same_bytes),
		cmocka_unit_test(one_type_of_two_files_is_added_once_and_completed),
		cmocka_unit_test(two_types_of_one_name_are_not_mixed_up),
		cmocka_unit_test(types_are_found_by_name),
		cmocka_unit_test(a_plain_function_has_no_fault),
		cmocka_unit_test(a_parameter_that_the_compiler_removed_is_a_fault),
		cmocka_unit_test(an_inlined_function_says_where),
		cmocka_unit_test(an_import_is_a_declaration_with_the_names_it_is_given),
		cmocka_unit_test(names_that_are_given_win),
		cmocka_unit_test(a_parameter_without_a_name_is_numbered),
		cmocka_unit_test(a_name_in_two_files_wants_the_file),
		cmocka_unit_test(the_nearest_function_is_suggested),
		cmocka_unit_test(a_function_and_its_cold_part_have_one_entry),
		cmocka_unit_test(link_time_optimisation_changes_nothing),
		cmocka_unit_test(what_the_type_does_not_place_is_refused),
		cmocka_unit_test(classes_go_by_value_or_by_address_as_their_compiler_has_it),
		cmocka_unit_test(types_within_templates_are_not_taken_for_each_other),
		cmocka_unit_test(a_layout_that_the_compiler_got_wrong_is_opaque),
		cmocka_unit_test(cplusplus_is_read_by_name_and_mangled_name),
		cmocka_unit_test(separate_debug_information_is_found_beside_the_file),
		cmocka_unit_test(debug_information_of_another_build_is_refused),
		cmocka_unit_test(no_debug_information_says_where_it_was_looked_for),
		cmocka_unit_test(functions_without_parameters_are_refused),
		cmocka_unit_test(a_lost_dwo_file_is_named),
		cmocka_unit_test(what_dwz_moved_out_is_found),
		cmocka_unit_test(a_server_is_asked_only_where_the_user_names_one),
		cmocka_unit_test(a_function_whose_types_cannot_be_described_does_not_spoil_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
