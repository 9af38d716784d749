// SPDX-License-Identifier: BSD-3-Clause
/* C++ functions, configured by the names that people write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/compiled.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/program.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "tests/support/compile.h"

/* g++ compiles a .c as C++. */
static const struct source sources[] = {
	{"shop.h", "#define FUNC __attribute__((noipa))\n"
		   "namespace ns { struct Shop {\n"
		   "  int base;\n"
		   "  FUNC Shop(int base);\n"
		   "  FUNC int price(int q);\n"
		   "  FUNC int price(double q) const;\n"
		   "  FUNC int tax(int q);\n"
		   "  FUNC int operator()(int q);\n"
		   "  template<class T> FUNC T same(T q);\n"
		   "  int small(int q) { return q + 7; }\n"
		   "}; }\n"
		   "struct Other { FUNC int tax(int q); };\n"},
	{"shop.c", "#include \"shop.h\"\n"
		   "ns::Shop::Shop(int b) : base(b) {}\n"
		   "int ns::Shop::price(int q) { return q * base; }\n"
		   "int ns::Shop::price(double q) const { return q * base; }\n"
		   "int ns::Shop::tax(int q) { return q / 10; }\n"
		   "int Other::tax(int q) { return q / 5; }\n"
		   "int ns::Shop::operator()(int q) { return q / 3; }\n"
		   "template<class T> T ns::Shop::same(T q) { return q; }\n"
		   "template int ns::Shop::same<int>(int);\n"
		   "template long ns::Shop::same<long>(long);\n"
		   "FUNC int rate(int q) { return q; }\n"
		   "static FUNC int hidden(int q) { return q + 1; }\n"
		   "namespace { FUNC int secret(int q) { return hidden(q) + 1; } }\n"
		   "int run(ns::Shop &s, int q) { return s.small(q) + secret(q); }\n"},
	{"main.c", "#include \"shop.h\"\n"
		   "int run(ns::Shop &s, int q);\n"
		   "FUNC int rate(char c) { return c; }\n"
		   "int main() { ns::Shop s(3); return run(s, 4) & rate('a') & 0; }\n"},
	{},
};

struct opened {
	struct config *config;
	struct program *program;
};

static void opened_release(struct opened *o)
{
	program_free(o->program);
	config_free(o->config);
}
#define auto_opened __attribute__((cleanup(opened_release)))

static void open_one(struct opened *o, const char *path, const char *name, struct compiled *compiled)
{
	struct program_file *files = NULL;
	struct err err = {};
	char text[512];
	size_t cnt = 0;
	int r;

	snprintf(text, sizeof(text),
		 "{ \"service\": \"shop\", \"operations\": { \"%s\": { \"category\": \"c\" } } }", name);
	if (config_parse(&o->config, "shop.json", text, strlen(text), &err) ||
	    program_files(&files, &cnt, path, &err))
		fail_msg("%s", err.msg);
	r = compiled ? program_open_compiled(&o->program, o->config, files, cnt, compiled, &err)
		     : program_open(&o->program, o->config, files, cnt, &err);
	if (r)
		fail_msg("%s", err.msg);
}

struct row {
	const char *name, *symbol; /* that it means; NULL: it is refused */
	const char *msg, *hint;
};

static void assert_rows(const char *path, const struct row *rows, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		const struct row *row = &rows[i];
		auto_opened struct opened o = {};
		const struct program_func *func;

		open_one(&o, path, row->name, NULL);
		func = &o.program->funcs[0];
		if (row->symbol) {
			assert_string_equal(func->refused.msg, "");
			assert_string_equal(func->symbol, row->symbol);
		} else {
			if (!strstr(func->refused.msg, row->msg) || !strstr(func->refused.hint, row->hint))
				fail_msg("'%s': %s (%s)", row->name, func->refused.msg, func->refused.hint);
		}
	}
}

static const struct row names[] = {
	{"ns::Shop::price(int)", "_ZN2ns4Shop5priceEi"},
	{"Shop::price(int)", "_ZN2ns4Shop5priceEi"},
	{"price(double) const", "_ZNK2ns4Shop5priceEd"},
	{"prog:ns::Shop::price(int)", "_ZN2ns4Shop5priceEi"},
	{"shop.c:Shop::price(int)", "_ZN2ns4Shop5priceEi"},
	{"_ZN2ns4Shop5priceEi", "_ZN2ns4Shop5priceEi"},
	{"Shop::tax", "_ZN2ns4Shop3taxEi"},
	{"Other::tax", "_ZN5Other3taxEi"},
	{"Shop::operator()", "_ZN2ns4ShopclEi"},
	{"ns::Shop::same<long>", "_ZN2ns4Shop4sameIlEET_S2_"},
	{"Shop::Shop", "_ZN2ns4ShopC1Ei"},
	{"(anonymous namespace)::secret(int)", "_ZN12_GLOBAL__N_16secretEi"},
	{"secret", "_ZN12_GLOBAL__N_16secretEi"},
	{"hidden(int)", "_ZL6hiddeni"},
	{"main.c:rate", "_Z4ratec"},
	{"rate(char)", "_Z4ratec"},
};

static const struct row refusals[] = {
	{"Shop::price", NULL, "2 functions of 'prog' are named 'Shop::price'",
	 "write one of 'ns::Shop::price(int)', 'ns::Shop::price(double) const'"},
	{"price", NULL, "2 functions of 'prog' are named 'price'",
	 "write one of 'ns::Shop::price(int)', 'ns::Shop::price(double) const'"},
	{"tax", NULL, "2 functions of 'prog' are named 'tax'",
	 "write one of 'ns::Shop::tax(int)', 'Other::tax(int)'"},
	{"rate", NULL, "2 functions of 'prog' are named 'rate'", "write one of 'rate(char)', 'rate(int)'"},
	{"Shop::same", NULL, "2 functions of 'prog' are named 'Shop::same'", "'ns::Shop::same<long>(long)'"},
	{"Shop::prise(int)", NULL, "shop.json:1:38: unknown function 'Shop::prise(int)' in 'prog'",
	 "did you mean 'Shop::price(int)'?"},
	{"prog:Other::taxi", NULL, "unknown function 'Other::taxi' in 'prog'",
	 "did you mean 'prog:Other::tax'?"},
	{"main.c:Shop::tax", NULL, "no library and no source file 'main.c' with a function 'Shop::tax'", ""},
	{"Shop::small", NULL, "no out-of-line copy of 'Shop::small'", "noinline"},
};

static struct built built;

static int build_shop(void **state)
{
	build(&built, "g++", "-g -O2", "", sources);
	return 0;
}

static int remove_shop(void **state)
{
	built_release(&built);
	return 0;
}

static void names_mean_what_people_write(void **state)
{
	assert_rows(built.path, names, ARRAY_SIZE(names));
}

static void what_is_not_clear_is_refused_with_what_there_is(void **state)
{
	assert_rows(built.path, refusals, ARRAY_SIZE(refusals));
}

static void a_compiled_schema_finds_them_again(void **state)
{
	auto_opened struct opened first = {}, second = {};
	struct compiled *compiled = NULL;
	struct err err = {};

	open_one(&first, built.path, "Shop::price(int)", NULL);
	if (program_compile(&compiled, first.program, first.config, &err))
		fail_msg("%s", err.msg);
	open_one(&second, built.path, "Shop::price(int)", compiled);
	assert_string_equal(second.program->funcs[0].refused.msg, "");
	assert_string_equal(second.program->funcs[0].symbol, "_ZN2ns4Shop5priceEi");
}

static void a_package_of_split_debug_information_is_refused_by_what_is_missing(void **state)
{
	auto_built struct built split;
	auto_opened struct opened o = {};

	build(&split, "g++", "-g -O2 -gsplit-dwarf", "", sources);
	built_run(&split, "rm -f *.dwo");
	open_one(&o, split.path, "Shop::price(int)", NULL);
	assert_non_null(strstr(o.program->funcs[0].refused.msg, "describes 'ns::Shop::price(int)'"));
	assert_non_null(strstr(o.program->funcs[0].refused.msg, "where some of it is, was not found"));
	assert_non_null(strstr(o.program->funcs[0].refused.hint, "a .dwp package is not read"));
}

static void the_schema_is_readable(void **state)
{
	auto_opened struct opened o = {};
	char text[256];

	open_one(&o, built.path, "_ZNK2ns4Shop5priceEd", NULL);
	schema_type_text(o.program->schema, o.program->funcs[0].shape->func, text, sizeof(text));
	assert_string_equal(text, "int ns::Shop::price(const struct Shop *const this, double q)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_mean_what_people_write),
		cmocka_unit_test(what_is_not_clear_is_refused_with_what_there_is),
		cmocka_unit_test(a_compiled_schema_finds_them_again),
		cmocka_unit_test(the_schema_is_readable),
		cmocka_unit_test(a_package_of_split_debug_information_is_refused_by_what_is_missing),
	};

	return cmocka_run_group_tests(tests, build_shop, remove_shop);
}
