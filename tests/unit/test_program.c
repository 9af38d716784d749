// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/schema.h"
#include "lib/serve.h"
#include "lib/util.h"
#include "tests/support/compile.h"

static const char shop_c[] =
	"#include <stdlib.h>\n#include <time.h>\n#include <string.h>\n#include \"shop.h\"\n"
	"static inline __attribute__((always_inline)) int tiny(int a) { return a * 3; }\n"
	"static __attribute__((noinline)) int cloned(int a, int mode) { return mode == 3 ? a + rand() : a - rand(); }\n"
	"static __attribute__((noipa)) int local(struct order *o) { return o->qty + rand(); }\n"
	"int twice(int a) { return a * rand(); }\n"
	"extern int second(int a) __attribute__((alias(\"twice\")));\n"
	"__attribute__((noinline)) int handle(const struct order *order, void *extra, char *reply, long len)\n"
	"{\n"
	"  struct timespec ts;\n"
	"  clock_gettime(CLOCK_REALTIME, &ts);\n"
	"  return tiny(order->qty) + cloned(order->qty, 3) + local((struct order *)order) + twice(ts.tv_sec) +\n"
	"         rate(order->sku, len) + strlen(reply) + time(0) + second(1) + !extra;\n"
	"}\n"
	"struct detail detail;\n"
	"int main(int argc, char **argv) { struct order o = {argc, \"a\"}; return handle(&o, 0, argv[0], 1); }\n";

static const struct source shop[] = {
	{"shop.c", shop_c},
	{"shop.h", "struct detail { int weight; };\nstruct order { int qty; const char *sku; int *list; };\n"
		   "int rate(const char *, long);\n"},
	{},
};

static const char shop_config[] = "{\n"
				  "  \"service\": \"shop\",\n"
				  "  \"operations\": { \"handle\": {\n"
				  "    \"args\": { \"extra\": { \"type\": \"struct detail\" } },\n"
				  "    \"metadata\": { \"sku\": \"order->sku\" }\n"
				  "  } },\n"
				  "  \"inputs\": { %s }%s\n"
				  "}\n";

/* The shop, built once; its library lies beside it in lib/ and has no debug information. */
static struct built built;

static int build_shop(void **state)
{
	static const char library[] = "int rate(const char *sku, long day) { return sku[0] * day; }\n"
				      "int helper(int a) { return a; }\n";

	build(&built, "true", "", "", shop);
	built_run(&built, "mkdir lib");
	FILE *file;
	char path[160];

	snprintf(path, sizeof(path), "%s/lib/rate.src", built.dir);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(library, file) >= 0);
	fclose(file);
	built_run(&built,
		  "gcc -O1 -shared -fPIC -Wl,-soname,librate.so.2 -o lib/librate.so.2 -x c lib/rate.src");
	built_run(&built, "gcc -g -O2 -fno-builtin -o prog shop.c lib/librate.so.2 '-Wl,-rpath,$ORIGIN/lib'");
	return 0;
}

static int remove_shop(void **state)
{
	built_release(&built);
	return 0;
}

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

static int open_text(struct opened *o, const char *path, const char *text, struct err *err)
{
	struct program_file *files = NULL;
	size_t cnt = 0;
	int r = config_parse(&o->config, "shop.json", text, strlen(text), err);

	if (r || program_files(&files, &cnt, path, err))
		fail_msg("%s", err->msg);
	return program_open(&o->program, o->config, files, cnt, err);
}

static int open_with(struct opened *o, const char *inputs, const char *rest, struct err *err)
{
	char text[2048];

	snprintf(text, sizeof(text), shop_config, inputs, rest);
	return open_text(o, built.path, text, err);
}

static const struct program_func *func(const struct opened *o, const char *name)
{
	for (size_t i = 0; i < o->program->funcs_cnt; i++)
		if (!strcmp(o->program->funcs[i].config->name, name))
			return &o->program->funcs[i];
	fail_msg("no function '%s'", name);
	return NULL;
}

static void the_libraries_are_those_that_the_loader_maps(void **state)
{
	struct program_file *files = NULL;
	struct err err = {};
	char path[160];
	size_t cnt = 0, libc = 0;

	assert_int_equal(program_files(&files, &cnt, built.path, &err), 0);
	assert_string_equal(files[0].path, built.path);
	assert_string_equal(files[0].name, "prog");
	snprintf(path, sizeof(path), "%s/lib/librate.so.2", built.dir);
	assert_string_equal(files[1].path, path);
	assert_string_equal(files[1].name, "librate.so.2");
	for (size_t i = 0; i < cnt; i++)
		libc += !strcmp(files[i].name, "libc.so.6") || !strcmp(files[i].name, "ld-linux-x86-64.so.2");
	assert_int_equal(libc, 2);
	assert_int_equal(cnt, 4);
	program_files_free(files, cnt);

	assert_int_equal(program_files(&files, &cnt, "/nowhere/prog", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "'/nowhere/prog'"));
}

static void functions_are_found_wherever_they_are(void **state)
{
	static const struct {
		const char *name, *module, *proto;
	} cases[] = {
		{"handle", "prog",
		 "int handle(const struct order *order, void *extra, char *reply, long len)"},
		{"local", "prog", "int local(struct order *o)"},
		{"shop.c:twice", "prog", "int twice(int a)"},
		{"rate", "librate.so.2", "int rate(const char *arg0, long arg1)"},
		{"libc.so.6:clock_gettime", "libc.so.6",
		 "int clock_gettime(clockid_t clock_id, struct timespec *tp)"},
	};
	auto_opened struct opened o = {};
	struct err err = {};

	if (open_with(&o,
		      "\"local\": {}, \"shop.c:twice\": {}, \"rate\": {},"
		      "\"libc.so.6:clock_gettime\": { \"args\": { \"tp\": { \"direction\": \"out\" } } }",
		      "", &err) ||
	    program_usable(o.program, &err))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct program_func *f = func(&o, cases[i].name);
		char text[128], *long_int;

		assert_string_equal(o.program->files[f->module].name, cases[i].module);
		schema_type_text(o.program->schema, f->shape->func, text, sizeof(text));
		/* Compilers differ in the name of long. */
		long_int = strstr(text, "long int");
		if (long_int)
			memmove(long_int + 4, long_int + 8, strlen(long_int + 8) + 1);
		assert_string_equal(text, cases[i].proto);
		assert_int_equal(
			f->addr,
			object_find_func(o.program->objects[f->module], f->config->symbol, NULL, NULL)->addr);
		assert_true(f->size && f->offset && f->plan->ops_cnt);
		assert_int_equal(!!(f->plan->flags & PLAN_F_OUTSIDE_LIBC), i == 4);
		assert_string_equal(schema_func(o.program->schema, f - o.program->funcs)->name,
				    cases[i].name);
	}
}

static void a_library_is_named_as_its_users_know_it(void **state)
{
	static const char *const names[] = {"librate.so.2:rate", "librate.so:rate", "librate:rate"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_opened struct opened o = {};
		struct err err = {};
		char inputs[64];

		snprintf(inputs, sizeof(inputs), "\"%s\": {}", names[i]);
		assert_int_equal(open_with(&o, inputs, "", &err), 0);
		assert_int_equal(program_usable(o.program, &err), 0);
		assert_string_equal(o.program->files[func(&o, names[i])->module].name, "librate.so.2");
	}
}

static void what_stands_in_the_way_is_said_in_words(void **state)
{
	static const struct {
		const char *inputs, *name, *msg, *hint;
		bool is_usage;
	} cases[] = {
		{"\"twicee\": {}", "twicee", "shop.json:7:15: unknown function 'twicee' in 'prog'",
		 "did you mean 'twice'?", true},
		{"\"clock_gettime\": {}", "clock_gettime",
		 "shop.json:7:15: unknown function 'clock_gettime' in 'prog'",
		 "write 'libc.so.6:clock_gettime' for the one of libc", true},
		{"\"librate.so:rat\": {}", "librate.so:rat",
		 "shop.json:7:15: unknown function 'rat' in 'librate.so'", "did you mean 'librate.so:rate'?",
		 true},
		{"\"librat.so.2:rate\": {}", "librat.so.2:rate",
		 "shop.json:7:15: no library and no source file 'librat.so.2' with a function 'rate' in 'prog'",
		 "did you mean 'librate.so.2'?", true},
		{"\"tiny\": {}", "tiny", "no out-of-line copy of 'tiny': inlined at shop.c:14",
		 "mark it __attribute__((noinline)) or build with -fno-inline", false},
		{"\"cloned\": {}", "cloned",
		 "'cloned' no longer takes its parameters as written: the compiler left only the copy "
		 "'cloned.constprop.0', which takes other parameters",
		 "mark it __attribute__((noipa)) for gcc, __attribute__((noinline, used)) for clang", false},
		{"\"helper\": {}", "helper",
		 "no debug information describes 'helper': no debug information for '",
		 "build it with -g, install its debug symbols, or describe the function by a \"prototype\"",
		 false},
		{"\"twice\": {}, \"second\": {}", "second",
		 "shop.json:7:28: 'second' is the same function as 'twice'",
		 "configure it once: calls by either name are taken", true},
		{"\"rate\": { \"args\": { \"arg9\": { \"string\": true } } }", "rate", "shop.json:7:35: ", "",
		 true},
		{"\"rate\": { \"args\": { \"arg0\": { \"type\": \"struct detial\" } } }", "rate",
		 "shop.json:7:35: no type 'struct detial' in '", "did you mean 'struct detail'?", true},
		{"\"rate\": { \"key\": [\"arg9\"] }", "rate", "shop.json:7:33: 'key': ", "", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_opened struct opened o = {};
		struct err err = {};
		const struct program_func *f;

		assert_int_equal(open_with(&o, cases[i].inputs, "", &err), 0);
		f = func(&o, cases[i].name);
		if (strncmp(f->refused.msg, cases[i].msg, strlen(cases[i].msg)))
			assert_string_equal(f->refused.msg, cases[i].msg);
		if (cases[i].hint[0])
			assert_string_equal(f->refused.hint, cases[i].hint);
		assert_int_equal(f->refused.is_usage, cases[i].is_usage);
		assert_string_equal(func(&o, "handle")->refused.msg, "");
		assert_int_equal(program_usable(o.program, &err), cases[i].is_usage ? -EINVAL : -ENOTSUP);
		assert_string_equal(err.msg, f->refused.msg);
	}
}

static void parameters_of_libc_are_called_as_the_configuration_does(void **state)
{
	static const struct source sources[] = {
		{"a.c", "#include <sys/socket.h>\n#include <unistd.h>\n"
			"__attribute__((noinline)) long handle(int fd, char *buf)\n"
			"{ return recv(fd, buf, 8, 0) + read(fd, buf, 8); }\n"
			"int main(int argc, char **argv) { return handle(argc, argv[0]) == 0; }\n"},
		{}};
	static const struct {
		const char *inputs, *name, *prototype;
	} cases[] = {
		{"\"libc.so.6:recv\": {}", "libc.so.6:recv",
		 "ssize_t recv(int fd, void *buf, size_t n, int flags)"},
		{"\"libc.so.6:recv\": { \"args\": { \"buf\": { \"direction\": \"out\", \"bytes\": \"min(return, len)\" } } }",
		 "libc.so.6:recv", "ssize_t recv(int fd, void *buf, size_t len, int flags)"},
		{"\"libc.so.6:recv\": { \"key\": [\"sockfd\", \"length\"] }", "libc.so.6:recv",
		 "ssize_t recv(int sockfd, void *buf, size_t length, int flags)"},
		{"\"libc.so.6:read\": { \"args\": { \"buf\": { \"bytes\": \"min(return, count)\" } } }",
		 "libc.so.6:read", "ssize_t read(int fd, void *buf, size_t count)"},
		{"\"libc.so.6:read\": { \"args\": { \"buf\": { \"max\": 16384 } } }", "libc.so.6:read",
		 "ssize_t read(int fd, void *buf, size_t nbytes)"},
	};
	auto_built struct built here = {};

	build(&here, "gcc", "-g -O2", "", sources);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_opened struct opened o = {};
		struct err err = {};
		char text[512];

		snprintf(text, sizeof(text), "{ \"operations\": { \"handle\": {} }, \"inputs\": { %s } }",
			 cases[i].inputs);
		if (open_text(&o, here.path, text, &err) || program_usable(o.program, &err))
			fail_msg("%s", err.msg);
		schema_type_text(o.program->schema, func(&o, cases[i].name)->shape->func, text, sizeof(text));
		assert_string_equal(text, cases[i].prototype);
	}
}

static const struct source visiting[] = {
	{"a.c", "typedef unsigned long word;\n"
		"struct row { int id; };\n"
		"typedef int (*visit_t)(void *ctx, const struct row *row, word at);\n"
		"#define FAR __attribute__((noipa))\n"
		"FAR int first(void *ctx, const struct row *row, word at) { return row->id + at; }\n"
		"FAR int second(void *c, struct row const *r, unsigned long n) { return r->id - n; }\n"
		"FAR int shorter(void *ctx, const struct row *row) { return row->id; }\n"
		"FAR long longer(void *ctx, const struct row *row, word at) { return row->id; }\n"
		"FAR int other(void *ctx, const char *row, word at) { return *row; }\n"
		"FAR int each(visit_t visit, int n) { return visit(0, &(struct row){n}, 1); }\n"
		"FAR int handle(int n) { return each(first, n) + each(second, n); }\n"
		"int main(int argc, char **argv) { return handle(argc) + shorter(0, &(struct row){1}) +\n"
		" longer(0, &(struct row){1}, 1) + other(0, argv[0], 1) == 0; }\n"},
	{}};

static void what_an_input_may_call_back_is_found_by_its_type(void **state)
{
	static const struct {
		const char *config, *msg;
	} wrong[] = {
		{"{ \"operations\": { \"handle\": {} },\n"
		 " \"inputs\": { \"each\": { \"args\": { \"n\": { \"callback\": true } } } } }",
		 "prog.json:2:34: 'callback' on 'n', which is no parameter that points to a function"},
		{"{ \"operations\": { \"handle\": {\n"
		 " \"args\": { \"n\": { \"callback\": true } } } } }",
		 "prog.json:2:12: 'callback' has a meaning for what is given to an input"},
	};
	auto_built struct built here = {};
	auto_opened struct opened o = {};
	struct err err = {};

	build(&here, "gcc", "-g -O2", "", visiting);
	if (open_text(
		    &o, here.path,
		    "{ \"operations\": { \"handle\": {} }, \"inputs\": { \"each\": { \"args\": { \"visit\": "
		    "{ \"callback\": true } } } } }",
		    &err) ||
	    program_usable(o.program, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(o.program->funcs_cnt, 4);
	assert_int_equal(func(&o, "first")->config->role, ROLE_CALLBACK);
	assert_int_equal(func(&o, "second")->config->role, ROLE_CALLBACK);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		auto_opened struct opened refused = {};

		assert_int_equal(open_text(&refused, here.path, wrong[i].config, &err), -EINVAL);
		assert_string_equal(strchr(err.msg, ':'), strchr(wrong[i].msg, ':'));
	}
}

/* An IFUNC of libc may run in the vDSO, where no probe can be. */
static void ifuncs_are_probed_at_the_plt_entries_that_lead_to_them(void **state)
{
	static const struct source sources[] = {
		{"a.c", "#include <time.h>\n"
			"__attribute__((noinline)) long handle(void) { return time(NULL); }\n"
			"int main(void) { return handle() == 0; }\n"},
		{}};
	static const char config[] = "{ \"operations\": { \"handle\": {} },\n"
				     "  \"inputs\": { \"libc.so.6:time\": {} } }";
	static const struct {
		const char *flags, *unprobed;
		size_t cnt;
	} cases[] = {
		{"-g -O2", "", 1},
		{"-g -O2 -fno-plt",
		 "which code runs for 'libc.so.6:time' is chosen when the program starts (an IFUNC), "
		 "and it is called without a PLT entry that could be probed",
		 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_built struct built here = {};
		auto_opened struct opened o = {};
		struct err err = {};
		const struct program_func *f;

		build(&here, "gcc", cases[i].flags, "", sources);
		assert_int_equal(open_text(&o, here.path, config, &err), 0);
		assert_int_equal(program_usable(o.program, &err), 0);
		f = func(&o, "libc.so.6:time");
		assert_true(f->is_ifunc);
		assert_int_equal(f->stubs_cnt, cases[i].cnt);
		assert_string_equal(f->unprobed.msg, cases[i].unprobed);
		assert_int_equal(program_recordable(o.program, &err), cases[i].cnt ? 0 : -ENOTSUP);
		if (!cases[i].cnt) {
			assert_string_equal(err.hint,
					    "build without -fno-plt, or configure a function that calls it");
			continue;
		}
		assert_int_equal(f->stubs[0].module, 0);
		assert_int_equal(f->offset, f->stubs[0].offset);
	}
}

static void a_stripped_program_has_no_debug_information_rather_than_unknown_functions(void **state)
{
	static const struct {
		const char *inputs, *name, *msg, *hint;
		bool is_usage;
	} cases[] = {
		{"", "handle", "cannot find 'handle': no debug information for '",
		 "build it with -g, install its debug symbols, or describe the function by a \"prototype\"",
		 false},
		{"\"shop.c:local\": {}", "shop.c:local",
		 "cannot find 'shop.c:local': no debug information for '",
		 "build it with -g, install its debug symbols, or describe the function by a \"prototype\"",
		 false},
		{"\"clock_gettime\": {}", "clock_gettime",
		 "shop.json:7:15: unknown function 'clock_gettime' in 'bare'",
		 "write 'libc.so.6:clock_gettime' for the one of libc", true},
	};
	char path[160];

	built_run(&built, "strip -o bare prog");
	snprintf(path, sizeof(path), "%s/bare", built.dir);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_opened struct opened o = {};
		const struct program_func *f;
		struct err err = {};
		char text[2048];

		snprintf(text, sizeof(text), shop_config, cases[i].inputs, "");
		assert_int_equal(open_text(&o, path, text, &err), 0);
		f = func(&o, cases[i].name);
		if (strncmp(f->refused.msg, cases[i].msg, strlen(cases[i].msg)))
			assert_string_equal(f->refused.msg, cases[i].msg);
		assert_string_equal(f->refused.hint, cases[i].hint);
		assert_int_equal(f->refused.is_usage, cases[i].is_usage);
	}
}

static void rules_of_types_reach_their_types(void **state)
{
	auto_opened struct opened o = {}, wrong = {}, odd = {}, path = {};
	struct err err = {};

	assert_int_equal(open_with(&o, "",
				   ", \"types\": { \"struct order\": { \"list\": { \"count\": \"qty\" } } }",
				   &err),
			 0);
	assert_int_equal(program_usable(o.program, &err), 0);
	assert_int_equal(schema_type_rules_cnt(o.program->schema), 1);

	assert_int_equal(open_with(&wrong, "", ",\n\"types\": { \"struct ordre\": {} }", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "shop.json:8:12: no type 'struct ordre' in '"));
	assert_string_equal(err.hint, "did you mean 'struct order'?");
	assert_true(err.is_usage);

	assert_int_equal(open_with(&odd, "", ",\n\"types\": { \"clockid_t\": {} }", &err), -EINVAL);
	assert_string_equal(err.msg, "shop.json:8:12: 'clockid_t' is no struct or union");

	assert_int_equal(open_with(&path, "",
				   ",\n\"types\": { \"struct order\": { \"lsit\": { \"count\": \"qty\" } } }",
				   &err),
			 -EINVAL);
	assert_string_equal(err.msg, "shop.json:8:12: no member 'lsit' in 'struct order'");
	assert_string_equal(err.hint, "did you mean 'list'?");
}

static void an_unknown_path_of_the_metadata_has_its_place(void **state)
{
	static const char text[] = "{ \"service\": \"shop\", \"operations\": { \"handle\": {\n"
				   "  \"metadata\": { \"sku\": \"order->skuu\" } } } }";
	auto_opened struct opened o = {};
	struct err err = {};

	assert_int_equal(open_text(&o, built.path, text, &err), 0);
	assert_int_equal(program_usable(o.program, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "shop.json:2:17: 'sku': no member 'skuu' in 'struct order'"));
}

static const struct rule *rule_of(const struct opened *o, const char *name, const char *path)
{
	const struct schema_func *described =
		schema_func(o->program->schema, func(o, name) - o->program->funcs);

	for (size_t i = 0; i < described->rules_cnt; i++)
		if (!strcmp(described->rules[i].path, path))
			return &described->rules[i];
	return NULL;
}

static void assert_declared(const struct opened *o, const char *name, const char *want)
{
	char text[256];

	assert_string_equal(func(o, name)->refused.msg, "");
	schema_type_text(o->program->schema, func(o, name)->shape->func, text, sizeof(text));
	assert_string_equal(text, want);
}

static void a_prototype_describes_what_no_debug_information_does(void **state)
{
	auto_opened struct opened o = {}, wrong = {}, typed = {};
	struct err err = {};

	assert_int_equal(
		open_with(
			&o,
			"\"helper\": { \"prototype\": \"int helper(int amount)\" },"
			"\"rate\": { \"prototype\": \"int rate(const char *sku, long day)\", \"key\": [\"day\"] },"
			"\"twice\": { \"prototype\": \"long twice(int a, struct detail *more)\" }",
			"", &err),
		0);
	assert_declared(&o, "helper", "int helper(int amount)");
	assert_declared(&o, "rate", "int rate(const char *sku, long int day)");
	/* What is written counts, and the program's types are known. */
	assert_declared(&o, "twice", "long int twice(int a, struct detail *more)");
	assert_int_equal(program_usable(o.program, &err), 0);

	assert_int_equal(
		open_with(&wrong, "\"helper\": {\n \"prototype\": \"int helper(detial *d)\" }", "", &err), 0);
	assert_int_equal(program_usable(wrong.program, &err), -EINVAL);
	assert_string_equal(err.msg, "shop.json:8:2: 'prototype': at column 12: unknown type 'detial'");

	assert_int_equal(
		open_with(
			&typed,
			"\"helper\": { \"prototype\": \"int helper(void *p)\", \"args\": { \"p\": { \"type\": "
			"\"struct detail\" } } }",
			"", &err),
		0);
	assert_int_equal(program_usable(typed.program, &err), 0);
}

static void libcs_functions_need_no_rules(void **state)
{
	auto_opened struct opened o = {}, bare = {};
	const struct rule *rule;
	struct err err = {};
	char text[1024], path[160];

	assert_int_equal(open_with(&o,
				   "\"libc.so.6:read\": {}, \"libc.so.6:getaddrinfo\": {}, "
				   "\"libc.so.6:recv\": { \"key\": [\"length\"] }, \"libc.so.6:recvfrom\": "
				   "{ \"args\": { \"buf\": { \"opaque\": true } } }",
				   "", &err),
			 0);
	assert_int_equal(program_usable(o.program, &err), 0);
	assert_declared(&o, "libc.so.6:read", "ssize_t read(int fd, void *buf, size_t nbytes)");
	rule = rule_of(&o, "libc.so.6:read", "buf");
	assert_non_null(rule);
	assert_int_equal(rule->direction, DIRECTION_OUT);
	assert_string_equal(rule->bytes_text, "return");
	/* In the configuration's own names. */
	assert_string_equal(rule_of(&o, "libc.so.6:recv", "buf")->bytes_text, "min(return, length)");
	/* The configuration's own rule counts, beside the others. */
	rule = rule_of(&o, "libc.so.6:recvfrom", "buf");
	assert_true(rule->is_opaque && !rule->bytes_text);
	assert_non_null(rule_of(&o, "libc.so.6:recvfrom", "addr"));
	assert_int_equal(schema_type_rules_cnt(o.program->schema), 1);

	/* Nor debug information. */
	built_run(&built, "strip -o bare2 prog");
	snprintf(path, sizeof(path), "%s/bare2", built.dir);
	snprintf(
		text, sizeof(text),
		"{ \"operations\": { \"libc.so.6:getenv\": {} }, \"inputs\": { \"libc.so.6:clock_gettime\": {} } }");
	assert_int_equal(open_text(&bare, path, text, &err), 0);
	assert_int_equal(program_usable(bare.program, &err), 0);
	assert_declared(&bare, "libc.so.6:clock_gettime",
			"int clock_gettime(clockid_t clock_id, struct timespec *tp)");
}

static void every_path_that_is_no_rule_has_its_place(void **state)
{
	static const struct {
		const char *keys, *msg;
	} cases[] = {
		{"\"compare\": {\n \"ignore\": [\"order->qty\", \"order->qyt\"] }",
		 "shop.json:3:27: 'ignore': no member 'qyt' in 'struct order'"},
		{"\"compare\": { \"unordered\": [\n \"order->lsit[]\"] }",
		 "shop.json:3:2: 'unordered': no member 'lsit' in 'struct order'"},
		{"\"compare\": { \"tolerance\": {\n \"order->qyt\": 1 } }",
		 "shop.json:3:2: 'tolerance': no member 'qyt' in 'struct order'"},
		{"\n\"error_if\": \"order->qyt < 0\"",
		 "shop.json:3:1: 'error_if': no member 'qyt' in 'struct order'"},
		{"\"sample\": {\n \"keep_if\": \"order->qyt < 0\" }",
		 "shop.json:3:2: 'keep_if': no member 'qyt' in 'struct order'"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_opened struct opened o = {};
		struct err err = {};
		char text[512];

		snprintf(text, sizeof(text), "{ \"operations\": { \"handle\": {\n%s } } }", cases[i].keys);
		assert_int_equal(open_text(&o, built.path, text, &err), 0);
		assert_int_equal(program_usable(o.program, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

static void copies_beside_the_function_are_a_warning(void **state)
{
	static const char whole[] = "__attribute__((noinline)) int whole(int a) { return a + 1; }\n"
				    "int main(int argc, char **argv) { return whole(argc); }\n";
	static const char text[] =
		"#include <stdlib.h>\nint partly(int a) { return a * rand(); }\nint (*pointer)(int) = partly;\n"
		"int main(int argc, char **argv)\n{\n  return partly(argc) +\n    pointer(1);\n}\n";
	static const char config[] =
		"{ \"service\": \"s\", \"operations\": { \"main\": {} }, \"inputs\": { \"partly\": {} } }";
	static const char *const clones[] = {"", "whole.part.0", "whole.constprop.0"};
	auto_built struct built local = {};
	auto_opened struct opened o = {};
	struct err err = {};

	build(&local, "gcc", "-g -O2", "", (struct source[]){{"main.c", text}, {}});
	assert_int_equal(open_text(&o, local.path, config, &err), 0);
	assert_string_equal(func(&o, "partly")->refused.msg, "");
	assert_string_equal(func(&o, "partly")->warning,
			    "also inlined at main.c:6: those calls are not seen");
	for (size_t i = 0; i < ARRAY_SIZE(clones); i++) {
		auto_built struct built split = {};
		auto_opened struct opened opened = {};
		char with[512];

		snprintf(with, sizeof(with),
			 "%s__asm__(\".text\\n.type %s_, @function\\n%s_: ret\\n.size %s_, 1\");\n", whole,
			 clones[i], clones[i], clones[i]);
		build(&split, "gcc", "-g -O2", "", (struct source[]){{"main.c", with}, {}});
		assert_int_equal(open_text(&opened, split.path,
					   "{\"operations\": {\"main\": {}}, \"inputs\": {\"whole\": {}}}",
					   &err),
				 0);
		assert_string_equal(
			func(&opened, "whole")->warning,
			i < 2 ? "" : "its copy 'whole.constprop.0_' takes some calls: those are not seen");
	}
}

static void a_fortified_call_is_one_of_the_function_unless_its_parameters_differ(void **state)
{
	static const char text[] =
		"#include <stdio.h>\n#include <unistd.h>\nint main(int argc, char **argv)\n"
		"{ char b[64]; return read(0, b, argc * 10) + (int)b[0] + !fgets(b, argc * 10, stdin); }\n";
	static const char config[] =
		"{ \"operations\": { \"main\": {} }, \"inputs\": { \"libc.so.6:read\": {}, \"libc.so.6:fgets\": {} } }";
	static const char both[] =
		"{ \"operations\": { \"main\": {} }, \"inputs\": { \"libc.so.6:read\": {}, \"libc.so.6:__read_chk\": "
		"{ \"prototype\": \"ssize_t __read_chk(int fd, void *buf, size_t n, size_t len)\" } } }";
	const char *names[PROGRAM_NAMES_MAX];
	auto_built struct built local = {};
	auto_opened struct opened o = {}, apart = {};
	struct err err = {};

	build(&local, "gcc", "-g -O2 -D_FORTIFY_SOURCE=2 -w", "", (struct source[]){{"main.c", text}, {}});
	if (open_text(&o, local.path, config, &err) || program_usable(o.program, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(func(&o, "libc.so.6:read")->warning, "");
	assert_int_equal(func(&o, "libc.so.6:read")->stubs_cnt, 1);
	assert_string_equal(
		func(&o, "libc.so.6:fgets")->warning,
		"some calls go to '__fgets_chk', because of _FORTIFY_SOURCE: configure that as well");
	assert_in_range(program_import_names(o.program, func(&o, "libc.so.6:read"), names), 2,
			PROGRAM_NAMES_MAX);
	assert_string_equal(names[0], "read");

	/* Whoever wants to tell them apart can. */
	if (open_text(&apart, local.path, both, &err) || program_usable(apart.program, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(func(&apart, "libc.so.6:read")->stubs_cnt, 0);
}

static void stripped_and_static_programs_work_too(void **state)
{
	static const struct {
		const char *flags, *link, *after;
	} cases[] = {
		{"-g -O1", "",
		 "objcopy --only-keep-debug prog prog.debug && strip -s prog && "
		 "objcopy --add-gnu-debuglink=prog.debug prog"},
		{"-g -O1", "-static", "true"},
		{"-g -O1 -fno-pie", "-no-pie", "true"},
		{"-g -O1 -gsplit-dwarf", "", "true"},
	};
	static const char text[] =
		"#include <stdlib.h>\nstatic __attribute__((noinline)) int inner(int a, char *b) { return a * rand() + b[0]; }\n"
		"__attribute__((noinline)) int outer(int a, char *b) { return inner(a, b) + 1; }\n"
		"int main(int argc, char **argv) { return outer(argc, argv[0]); }\n";
	static const char config[] =
		"{ \"service\": \"s\", \"operations\": { \"outer\": {} }, \"inputs\": { \"main.c:inner\": {} } }";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_built struct built local = {};
		auto_opened struct opened o = {};
		struct err err = {};

		build(&local, "gcc", cases[i].flags, cases[i].link, (struct source[]){{"main.c", text}, {}});
		built_run(&local, cases[i].after);
		if (open_text(&o, local.path, config, &err) || program_usable(o.program, &err))
			fail_msg("%s: %s", cases[i].flags, err.msg);
		assert_true(func(&o, "main.c:inner")->addr);
		assert_true(func(&o, "main.c:inner")->size);
	}
}

static void without_debug_information_everything_is_refused(void **state)
{
	static const char config[] =
		"{ \"service\": \"s\", \"operations\": { \"main\": {} }, \"inputs\": { \"f\": {} } }";
	auto_built struct built local = {};
	auto_opened struct opened o = {};
	struct err err = {};

	build(&local, "gcc", "-O0", "",
	      (struct source[]){{"main.c", "int f(int a) { return a; }\nint main(void) { return f(1); }\n"},
				{}});
	assert_int_equal(open_text(&o, local.path, config, &err), 0);
	assert_int_equal(program_usable(o.program, &err), -ENOTSUP);
	assert_memory_equal(err.msg, "no debug information describes 'main': no debug information for '", 60);
	assert_string_equal(
		err.hint,
		"build it with -g, install its debug symbols, or describe the function by a \"prototype\"");
	assert_non_null(func(&o, "f")->refused.msg);
}

/* The C++ runtime, so that where exceptions are caught is looked for in each file. */
static void plugins_are_found_by_their_paths_however_many(void **state)
{
	auto_built struct built local = {};
	auto_opened struct opened o = {};
	char config[1024] = "{ \"service\": \"s\", \"operations\": { \"main\": {} }, \"inputs\": {";
	struct err err = {};

	build(&local, "gcc", "-g -O1", "",
	      (struct source[]){{"main.c", "int main(void) { return 0; }\n"}, {}});
	for (int i = 0; i < 8; i++) {
		char command[256];

		snprintf(
			command, sizeof(command),
			"echo 'int __cxa_begin_catch(int a) { return a; } int f(int a) { return a + %d; }' | "
			"gcc -g -O1 -fPIC -shared -x c -o p%d.so -",
			i, i);
		built_run(&local, command);
		snprintf(config + strlen(config), sizeof(config) - strlen(config), "%s \"%s/p%d.so:f\": {}",
			 i ? "," : "", local.dir, i);
	}
	strcat(config, "} }");
	assert_int_equal(open_text(&o, local.path, config, &err), 0);
	for (size_t i = 0; i < o.program->funcs_cnt; i++)
		assert_string_equal(o.program->funcs[i].refused.msg, "");
	for (size_t i = o.program->files_cnt - 8; i < o.program->files_cnt; i++)
		assert_true(o.program->catches[i]);
}

/* Where everything is hooked: a function that ends by a jump is refused, one that does not is seen at its
 * returns, libc's included; a program with one stack a thread is left as it is. */
static void in_a_program_with_other_stacks_returns_need_no_hooks(void **state)
{
	static const char source[] =
		"#include <signal.h>\n#include <stdlib.h>\n"
		"__attribute__((noipa)) int g(int a) { return a + 1; }\n"
		"__attribute__((noipa)) int f(int a) { return g(a); }\n"
		"int main(void) { stack_t s = {malloc(65536), 0, 65536}; SET; return f(s.ss_flags); }\n";
	static const char config[] =
		"{ \"service\": \"s\", \"operations\": { \"f\": {}, \"g\": { \"nothrow\": "
		"true } }, \"inputs\": { \"libc.so.6:getenv\": {} } }";
	struct err err = {};

	for (int is_set = 0; is_set < 2; is_set++) {
		auto_built struct built local = {};
		auto_opened struct opened o = {};

		build(&local, "gcc", is_set ? "-g -O2 '-DSET=sigaltstack(&s,0)'" : "-g -O2 -DSET=", "",
		      (struct source[]){{"main.c", source}, {}});
		assert_int_equal(open_text(&o, local.path, config, &err), 0);
		assert_int_equal(program_spare_stacks(o.program, &err), 0);
		assert_int_equal(func(&o, "g")->is_at_rets, is_set);
		assert_int_equal(func(&o, "g")->rets_cnt, is_set);
		assert_int_equal(func(&o, "libc.so.6:getenv")->is_at_rets, is_set);
		assert_int_equal(
			!!strstr(
				func(&o, "f")->unprobed.msg,
				"the program may leave a stack for another ('sigaltstack'), so that the return of 'f' must "
				"be seen at its 'ret' instructions: it may leave by the jump at 0x"),
			is_set);
		assert_string_equal(func(&o, "f")->unprobed.hint,
				    is_set ? "record it on Linux 6.13 or newer" : "");
	}
}

static void the_same_build_gives_the_same_schema(void **state)
{
	char ids[2][SCHEMA_ID_LEN + 1];

	for (int i = 0; i < 2; i++) {
		auto_opened struct opened o = {};
		struct err err = {};

		assert_int_equal(open_with(&o, "\"local\": {}, \"rate\": {}", "", &err), 0);
		assert_int_equal(schema_id(o.program->schema, ids[i], &err), 0);
	}
	assert_string_equal(ids[0], ids[1]);
}

static void serve_comes_to_what_the_program_calls(void **state)
{
	static const char *const names[] = {"handle", "libc.so.6:rand", "libc.so.6:time",
					    "libc.so.6:clock_gettime"};
	const struct serve_function *unserved[SERVE_FUNCTIONS_MAX];
	auto_opened struct opened o = {}, again = {};
	struct program_file *files = NULL;
	struct err err = {};
	size_t cnt;

	if (open_with(&o, "\"libc.so.6:rand\": {}", ", \"serve\": [\"pid\", \"time\", \"random\"]", &err))
		fail_msg("%s", err.msg);
	assert_int_equal(o.program->funcs_cnt, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct program_func *f = func(&o, names[i]);

		assert_string_equal(f->refused.msg, "");
		assert_string_equal(f->config->alias, names[i]);
		assert_int_equal(f->config->is_served, i > 1);
		assert_int_equal(f->config->role, i ? ROLE_INPUT : ROLE_OPERATION);
	}
	assert_int_equal(program_unserved(o.program, unserved, ARRAY_SIZE(unserved)), 0);

	assert_int_equal(program_files(&files, &cnt, built.path, &err), 0);
	assert_int_equal(program_open(&again.program, o.config, files, cnt, &err), 0);
	assert_int_equal(again.program->funcs_cnt, o.program->funcs_cnt);
	assert_ptr_equal(again.program->funcs[3].config, o.program->funcs[3].config);
}

/* Libraries of C that nothing tells the code of, in a program that may throw. */
static void what_serve_stands_for_is_recorded_in_cxx_programs_too(void **state)
{
	static const char text[] = "{ \"operations\": { \"handle\": {} }, \"serve\": [\"uuid\"] }";
	const struct program_func *f;
	auto_opened struct opened o = {};
	struct err err = {};
	char path[160];

	built_run(&built, "echo 'extern \"C\" void uuid_generate(unsigned char *);"
			  " extern \"C\" __attribute__((noinline)) int handle(int n)"
			  " { unsigned char u[16]; uuid_generate(u); if (n > u[0]) throw n; return u[1]; }"
			  " int main(int n, char **) { try { return handle(n); } catch (int) { return 1; } }'"
			  " > uuid.cc && g++ -g -O1 -o uuid uuid.cc -l:libuuid.so.1");
	snprintf(path, sizeof(path), "%s/uuid", built.dir);
	if (open_text(&o, path, text, &err))
		fail_msg("%s", err.msg);
	f = func(&o, "libuuid.so.1:uuid_generate");
	assert_string_equal(f->refused.msg, "");
	assert_string_equal(f->unprobed.msg, "");
	assert_false(f->is_at_rets);
	assert_string_equal(f->config->alias, "libuuid.so:uuid_generate");
}

static void what_differs_from_run_to_run_and_is_not_configured_is_known(void **state)
{
	static const char *const names[] = {"time", "clock_gettime", "rand"};
	const struct serve_function *unserved[SERVE_FUNCTIONS_MAX];
	auto_opened struct opened o = {};
	struct err err = {};

	if (open_with(&o, "", "", &err))
		fail_msg("%s", err.msg);
	assert_int_equal(program_unserved(o.program, unserved, ARRAY_SIZE(unserved)), ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_string_equal(unserved[i]->name, names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_libraries_are_those_that_the_loader_maps),
		cmocka_unit_test(functions_are_found_wherever_they_are),
		cmocka_unit_test(a_library_is_named_as_its_users_know_it),
		cmocka_unit_test(what_stands_in_the_way_is_said_in_words),
		cmocka_unit_test(ifuncs_are_probed_at_the_plt_entries_that_lead_to_them),
		cmocka_unit_test(what_an_input_may_call_back_is_found_by_its_type),
		cmocka_unit_test(parameters_of_libc_are_called_as_the_configuration_does),
		cmocka_unit_test(a_stripped_program_has_no_debug_information_rather_than_unknown_functions),
		cmocka_unit_test(rules_of_types_reach_their_types),
		cmocka_unit_test(an_unknown_path_of_the_metadata_has_its_place),
		cmocka_unit_test(a_prototype_describes_what_no_debug_information_does),
		cmocka_unit_test(libcs_functions_need_no_rules),
		cmocka_unit_test(every_path_that_is_no_rule_has_its_place),
		cmocka_unit_test(copies_beside_the_function_are_a_warning),
		cmocka_unit_test(a_fortified_call_is_one_of_the_function_unless_its_parameters_differ),
		cmocka_unit_test(stripped_and_static_programs_work_too),
		cmocka_unit_test(without_debug_information_everything_is_refused),
		cmocka_unit_test(plugins_are_found_by_their_paths_however_many),
		cmocka_unit_test(in_a_program_with_other_stacks_returns_need_no_hooks),
		cmocka_unit_test(the_same_build_gives_the_same_schema),
		cmocka_unit_test(serve_comes_to_what_the_program_calls),
		cmocka_unit_test(what_serve_stands_for_is_recorded_in_cxx_programs_too),
		cmocka_unit_test(what_differs_from_run_to_run_and_is_not_configured_is_known),
	};

	return cmocka_run_group_tests(tests, build_shop, remove_shop);
}
