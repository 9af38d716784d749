// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/libc_names.h"
#include "lib/libc_prototypes.h"
#include "lib/prototype.h"
#include "lib/schema.h"
#include "lib/shape.h"
#include "lib/util.h"
#include "tests/support/compile.h"
#include "tests/support/shop.h"

/* What the test's program would know: "struct known", "kind_t", and one that no register holds as it says. */
static int find(void *ctx, const char *name, uint32_t *id, bool *is_plain, struct err *err)
{
	struct schema *schema = ctx;
	struct btf *btf = schema_btf(schema);
	int found;

	*is_plain = strcmp(name, "struct odd") != 0;
	if (!strcmp(name, "struct known") || !strcmp(name, "struct odd")) {
		found = btf__find_by_name_kind(btf, name + 7, BTF_KIND_STRUCT);
		if (found < 0) {
			int of = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);

			found = btf__add_struct(btf, name + 7, 4);
			assert_int_equal(btf__add_field(btf, "a", of, 0, 0), 0);
		}
		*id = found;
		return 0;
	}
	if (!strcmp(name, "kind_t")) {
		*id = btf__add_typedef(btf, name, btf__add_enum(btf, "kind", 4));
		return 0;
	}
	if (!strcmp(name, "twice_t"))
		return err_set(err, -ENOTUNIQ, "several different types are named 'twice_t'");
	return -ENOENT;
}

static void open_types(struct schema **schema, struct prototype_types *types)
{
	assert_int_equal(schema_new(schema, NULL), 0);
	*types = (struct prototype_types){find, *schema};
}

/* What was added must be readable. */
static void assert_sound(struct schema *schema)
{
	auto_schema struct schema *read = NULL;
	struct err err = {};
	const void *data;
	size_t len;

	if (schema_bytes(schema, &data, &len, &err) || schema_load(&read, data, len, &err))
		fail_msg("%s", err.msg);
}

static void a_declaration_is_understood_as_c_does(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: as it was written */
	} cases[] = {
		{"ssize_t f(int fd, void *buf, size_t n)", NULL},
		{"void f(void)", NULL},
		{"void f()", "void f(void)"},
		{"int f(int, char *)", "int f(int arg0, char *arg1)"},
		{"int f(const char *format, ...)", NULL},
		{"const char *f(const struct known *k, struct unknown *u)", NULL},
		{"extern int f (const char *__restrict s, unsigned n) __attribute__ ((__nonnull__ (1)));",
		 "int f(const char *restrict s, unsigned int n)"},
		{"unsigned long long int f(long unsigned a, short b, signed char c, unsigned char d)",
		 "long long unsigned int f(long unsigned int a, short int b, signed char c, unsigned char d)"},
		{"double f(float a, long double b, _Bool c, bool d)",
		 "double f(float a, long double b, _Bool c, _Bool d)"},
		{"int f(char *argv[], int v[3], int m[][4], const char s[static 8])",
		 "int f(char **argv, int *v, int (*m)[4], const char *s)"},
		{"int f(int (*compare)(const void *, const void *), void (*done)(int status), int cb(int))",
		 "int f(int (*compare)(const void *arg0, const void *arg1), void (*done)(int status), int (*cb)(int arg0))"},
		{"void (*f(int sig, void (*handler)(int)))(int)",
		 "void (*f(int sig, void (*handler)(int arg0)))(int arg0)"},
		{"int f(enum color c, kind_t k, union u *u, struct known k2)", NULL},
		{"char *const f(char *const *p, volatile int *q)", NULL},
		{"FILE *f(FILE *stream, DIR *dir, uint8_t b, int64_t q, pid_t p, socklen_t l)", NULL},
		{"__int128 f(unsigned __int128 a)", "__int128 f(__int128 unsigned a)"},
		{"int f(va_list ap)", NULL},
		{"int f(struct unknown u[], void v[2])", "int f(struct unknown *u, void *v)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_schema struct schema *schema = NULL;
		struct prototype_types types;
		struct err err = {};
		char text[512];
		uint32_t id = 0;

		open_types(&schema, &types);
		if (prototype_add(schema, cases[i].text, "f", &types, &id, &err))
			fail_msg("%s: %s", cases[i].text, err.msg);
		schema_type_text(schema, id, text, sizeof(text));
		assert_string_equal(text, cases[i].want ? cases[i].want : cases[i].text);
		assert_sound(schema);
	}
}

static void a_mistake_has_its_column(void **state)
{
	static const struct {
		const char *text, *msg, *hint;
	} cases[] = {
		{"", "at column 1: expected a type", ""},
		{"int", "at column 1: this declares no function", ""},
		{"int f", "at column 1: this declares no function", ""},
		{"int f(", "at column 7: expected a type", ""},
		{"int f(int a", "at column 12: expected ')', found the end", ""},
		{"int f(int a b)", "at column 13: expected ')', found 'b'", ""},
		{"int f(int a) b", "at column 14: expected the end, found 'b'", ""},
		{"int g(int a)", "at column 1: this declares 'g', not 'f'", ""},
		{"int f(gadget_ref a)", "at column 7: unknown type 'gadget_ref'",
		 "write what it stands for: 'struct NAME *', 'unsigned int', 'void *'"},
		{"int f(unit32_t a)", "at column 7: unknown type 'unit32_t'", "did you mean 'uint32_t'?"},
		{"int f(twice_t a)", "at column 7: several different types are named 'twice_t'", ""},
		{"int f(struct unknown a)",
		 "at column 7: a value of type 'unknown', of which it is not known how it is passed",
		 "configure a function that takes a pointer to it"},
		{"int f(struct odd a)",
		 "at column 7: a value of type 'odd', of which it is not known how it is passed", ""},
		{"struct odd f(int a)",
		 "at column 13: a value of type 'odd', of which it is not known how it is passed", ""},
		{"int f(int a, void b)", "at column 14: a value of type void", ""},
		{"unsigned double f(int a)", "at column 1: no such type of numbers", ""},
		{"long long long f(int a)", "at column 11: 'long' once too often", ""},
		{"int f(_Complex double a)", "at column 7: complex numbers cannot be declared", ""},
		{"int f(struct { int a; } *p)", "at column 14: expected the name of the struct", ""},
		{"int f(struct s { int a; } *p)",
		 "at column 16: a type is not defined here: name one of the program's", ""},
		{"int f(int a[0])", "at column 13: expected a number of elements", ""},
		{"int f(int (*a[])(int)", "at column 22: expected ')', found the end", ""},
		{"int f(int (*a)", "at column 15: expected ')', found the end", ""},
		{"int f(int a[][])", "at column 12: an array of what has no size", ""},
		{"int f(struct unknown (*a)[3])", "at column 26: an array of what has no size", ""},
		{"int f(int ((((((((((((((((((((a))))))))))))))))))))",
		 "at column 37: nested more than 16 deep", ""},
		{"int f(int *****************a)", "at column 28: more than 16 pointers in a row", ""},
		{"int f(int $)", "at column 11: expected ')', found '$'", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_schema struct schema *schema = NULL;
		struct prototype_types types;
		struct err err = {};
		uint32_t id = 7;

		open_types(&schema, &types);
		assert_int_equal(prototype_add(schema, cases[i].text, "f", &types, &id, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_true(err.is_usage);
		if (cases[i].hint[0])
			assert_string_equal(err.hint, cases[i].hint);
		assert_int_equal(id, 7);
		assert_sound(schema);
	}
}

/* Every text of up to a few tokens is refused or understood, and leaves a sound schema. */
static void no_text_breaks_it(void **state)
{
	static const char *const words[] = {"int",  "f",      "(", ")",	    "[",    "]", "*", ",",
					    "...",  "struct", "3", "const", "void", "{", ";", "__attribute__",
					    "long", "known"};
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		auto_schema struct schema *schema = NULL;
		struct prototype_types types;
		char text[256] = "int f(";
		struct err err = {};
		uint32_t id;

		open_types(&schema, &types);
		for (int i = rand_r(&seed) % 12; i >= 0; i--) {
			strcat(text, words[rand_r(&seed) % ARRAY_SIZE(words)]);
			strcat(text, " ");
		}
		if (prototype_add(schema, text, "f", &types, &id, &err))
			assert_non_null(strstr(err.msg, "at column "));
		if (round % 64 == 0)
			assert_sound(schema);
	}
}

/* --- libc's table --- */

static int find_libc(void *ctx, const char *name, uint32_t *id, bool *is_plain, struct err *err)
{
	struct prototype_types types = {find_libc, ctx};

	*is_plain = true;
	return libc_struct(name) ? prototype_add_struct(ctx, libc_struct(name), &types, id, err) : -ENOENT;
}

static void add_type_rules(struct schema *schema, const struct libc_type *type)
{
	struct rule rules[LIBC_RULES_MAX] = {};
	struct schema_type_rules said = {.rules = rules};
	bool is_plain;

	assert_non_null(type);
	said.id = btf__find_by_name_kind(schema_btf(schema), type->name + 7, BTF_KIND_STRUCT);
	if ((int32_t)said.id < 0)
		assert_int_equal(find_libc(schema, type->name, &said.id, &is_plain, NULL), 0);
	for (; said.rules_cnt < LIBC_RULES_MAX && type->rules[said.rules_cnt].path; said.rules_cnt++)
		assert_int_equal(libc_rule(&rules[said.rules_cnt], &type->rules[said.rules_cnt]), 0);
	assert_int_equal(schema_add_type_rules(schema, &said, NULL), 0);
	for (size_t i = 0; i < said.rules_cnt; i++)
		rule_release(&rules[i]);
}

/* What the table calls a parameter is the first of the names that it has. */
static void assert_names(const struct schema *schema, uint32_t id, const char *known)
{
	const struct btf *btf = schema_btf(schema);
	const struct btf_type *proto = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);

	for (uint32_t i = 0; *known; i++) {
		size_t len = strcspn(known, "| ");
		const char *name;

		assert_true(i < btf_vlen(proto));
		name = btf__name_by_offset(btf, btf_params(proto)[i].name_off);
		if (strlen(name) != len || strncmp(name, known, len))
			fail_msg("'%s' is not the first of '%s'", name, known);
		known += strcspn(known, " ");
		known += *known == ' ';
	}
}

static void every_function_of_libcs_table_has_a_shape(void **state)
{
	const struct libc_function *function, *last = NULL;

	for (size_t i = 0; (function = libc_function_at(i)); i++, last = function) {
		auto_schema struct schema *schema = NULL;
		auto_shape struct shape *shape = NULL;
		struct prototype_types types;
		struct rule rules[LIBC_RULES_MAX] = {};
		struct schema_func described = {
			.name = (char *)function->name, .alias = (char *)function->name, .rules = rules};
		struct err err = {};

		assert_true(!last || strcmp(last->name, function->name) < 0);
		assert_ptr_equal(libc_function(function->name), function);
		assert_int_equal(schema_new(&schema, NULL), 0);
		types = (struct prototype_types){find_libc, schema};
		if (prototype_add(schema, function->prototype, function->name, &types, &described.id, &err))
			fail_msg("%s: %s", function->name, err.msg);
		for (size_t k = 0; k < LIBC_RULES_MAX && function->rules[k].path; k++) {
			auto_path struct path path = {};
			autofree char *text = NULL;

			assert_int_equal(path_parse(&path, function->rules[k].path, NULL), 0);
			text = path_text(&path);
			assert_string_equal(text, function->rules[k].path);
			assert_int_equal(libc_rule(&rules[described.rules_cnt++], &function->rules[k]), 0);
		}
		assert_int_equal(schema_add_func(schema, &described, NULL), 0);
		if (function->type)
			add_type_rules(schema, libc_type(function->type));
		if (shape_build(&shape, schema, 0, NULL, &err))
			fail_msg("%s: %s", function->name, err.msg);
		assert_names(schema, described.id, libc_params(function->name));
		assert_sound(schema);
		for (size_t k = 0; k < described.rules_cnt; k++)
			rule_release(&rules[k]);
	}
}

static const char headers[] =
	"#include <arpa/inet.h>\n#include <dirent.h>\n#include <fcntl.h>\n#include <grp.h>\n"
	"#include <net/if.h>\n#include <netdb.h>\n#include <poll.h>\n#include <pwd.h>\n"
	"#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
	"#include <sys/random.h>\n#include <sys/resource.h>\n#include <sys/select.h>\n"
	"#include <sys/sendfile.h>\n#include <sys/socket.h>\n#include <sys/stat.h>\n"
	"#include <sys/time.h>\n#include <sys/times.h>\n#include <sys/uio.h>\n"
	"#include <sys/utsname.h>\n#include <sys/wait.h>\n#include <time.h>\n#include <unistd.h>\n"
	"#include <stdint.h>\n#include <locale.h>\n";

/* A declaration that differs from the header's does not compile, nor does a struct of another size. */
static void libcs_table_agrees_with_libcs_headers(void **state)
{
	static const char *const structs[] = {"addrinfo", "dirent",   "group",	 "hostent",  "iovec",
					      "msghdr",	  "passwd",   "pollfd",	 "rlimit",   "rusage",
					      "stat",	  "timespec", "timeval", "sockaddr", "tm",
					      "tms",	  "utsname"};
	const struct libc_function *function;
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	auto_built struct built built = {};

	assert_non_null(file);
	fputs(headers, file);
	for (size_t i = 0; (function = libc_function_at(i)); i++)
		fprintf(file, "%s;\n", function->prototype);
	for (size_t i = 0; i < ARRAY_SIZE(structs); i++) {
		char name[64];

		snprintf(name, sizeof(name), "struct %s", structs[i]);
		assert_non_null(libc_struct(name));
		fprintf(file, "struct own_%s;\n_Static_assert(sizeof(struct own_%s) == sizeof(%s), \"\");\n",
			libc_struct(name) + 7, structs[i], name);
	}
	fputs("int main(void) { return 0; }\n", file);
	fclose(file);
	/* Not as GNU: there addresses of sockets are unions of pointers. Old libcs lack what is new. */
	build(&built, "gcc", "-std=gnu11 -D_DEFAULT_SOURCE -D_XOPEN_SOURCE=700 -D_LARGEFILE64_SOURCE -w", "",
	      (struct source[]){{"a.c", text}, {}});
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_declaration_is_understood_as_c_does),
		cmocka_unit_test(a_mistake_has_its_column),
		cmocka_unit_test(no_text_breaks_it),
		cmocka_unit_test(every_function_of_libcs_table_has_a_shape),
		cmocka_unit_test(libcs_table_agrees_with_libcs_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
