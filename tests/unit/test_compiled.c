// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/buf.h"
#include "lib/compiled.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/object.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "tests/support/compile.h"

static const struct source sources[] = {
	{"main.c",
	 "#include <stdlib.h>\n#include <unistd.h>\n"
	 "struct order { int qty; const char *sku; int *list; };\n"
	 "int rate(const char *sku, long day);\n"
	 "static __attribute__((noipa)) int local(struct order *o) { return o->qty + rand(); }\n"
	 "__attribute__((noinline)) int handle(struct order *order)\n"
	 "{ return local(order) + rate(order->sku, 3) + read(-1, order->list, 4); }\n"
	 "int main(int argc, char **argv) { struct order o = {argc, \"a\"}; return handle(&o); }\n"},
	{}};

static const char config_text[] =
	"{ \"operations\": { \"handle\": { \"args\": { \"order->list\": { \"count\": \"order->qty\" } },\n"
	"    \"metadata\": { \"sku\": \"order->sku\" } } },\n"
	"  \"inputs\": { \"local\": {}, \"rate\": {}, \"libc.so.6:read\": {} } }";

/* A program, its library, and the debug information of both gone when it is stripped. */
static void build_all(struct built *built, const char *flags)
{
	char command[512];

	build(built, "true", "", "", sources);
	built_run(
		built,
		"mkdir lib && echo 'int rate(const char *sku, long day) { return sku[0] * day; }' > lib/rate.src && "
		"gcc -g -O1 -shared -fPIC -Wl,--build-id -Wl,-soname,librate.so.2 -o lib/librate.so.2 -x c lib/rate.src");
	snprintf(command, sizeof(command),
		 "gcc -g -O1 -Wl,--build-id %s -o prog main.c lib/librate.so.2 '-Wl,-rpath,$ORIGIN/lib'",
		 flags);
	built_run(built, command);
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

static int open_with(struct opened *o, const struct built *built, const char *text, struct compiled *compiled,
		     struct err *err)
{
	struct program_file *files = NULL;
	size_t cnt = 0;

	if (config_parse(&o->config, "shop.json", text, strlen(text), err) ||
	    program_files(&files, &cnt, built->path, err))
		fail_msg("%s", err->msg);
	return program_open_compiled(&o->program, o->config, files, cnt, compiled, err);
}

/* The bytes of the schema, compiled from debug information. */
static void compile(struct buf *out, const struct built *built, char id[SCHEMA_ID_LEN + 1])
{
	auto_compiled struct compiled *compiled = NULL;
	auto_opened struct opened o = {};
	struct err err = {};

	buf_init(out, COMPILED_BYTES_MAX);
	if (open_with(&o, built, config_text, NULL, &err) ||
	    program_compile(&compiled, o.program, o.config, &err) || compiled_write(out, compiled, &err) ||
	    schema_id(o.program->schema, id, &err))
		fail_msg("%s", err.msg);
}

static struct compiled *read_back(const struct buf *bytes)
{
	struct compiled *compiled = NULL;
	struct err err = {};

	if (compiled_read(&compiled, bytes->data, bytes->len, &err))
		fail_msg("%s", err.msg);
	return compiled;
}

static void a_stripped_program_is_described_as_its_debug_information_did(void **state)
{
	auto_built struct built built = {};
	auto_opened struct opened by_debug = {}, o = {};
	auto_buf struct buf bytes;
	char id[SCHEMA_ID_LEN + 1], again[SCHEMA_ID_LEN + 1];
	struct err err = {};

	build_all(&built, "");
	compile(&bytes, &built, id);
	assert_int_equal(open_with(&by_debug, &built, config_text, NULL, &err), 0);
	built_run(&built, "strip -s prog lib/librate.so.2");
	if (open_with(&o, &built, config_text, read_back(&bytes), &err) ||
	    program_recordable(o.program, &err))
		fail_msg("%s", err.msg);
	/* The same recordings: the same schema, the same places, the same plans. */
	assert_int_equal(schema_id(o.program->schema, again, &err), 0);
	assert_string_equal(again, id);
	for (size_t i = 0; i < o.program->funcs_cnt; i++) {
		const struct program_func *was = &by_debug.program->funcs[i], *is = &o.program->funcs[i];

		assert_int_equal(is->module, was->module);
		assert_int_equal(is->addr, was->addr);
		assert_int_equal(is->offset, was->offset);
		assert_string_equal(is->warning, was->warning);
		assert_string_equal(is->debug.file ? is->debug.file : "",
				    was->debug.file ? was->debug.file : "");
		assert_int_equal(is->plan->ops_cnt, was->plan->ops_cnt);
		assert_memory_equal(is->plan, was->plan, sizeof(*is->plan));
	}
	/* What does not change the schema may change. */
	auto_opened struct opened other = {};
	assert_int_equal(
		open_with(
			&other, &built,
			"{ \"operations\": { \"handle\": { \"args\": { \"order->list\": { \"count\": \"order->qty\" } },"
			" \"sample\": { \"rate\": 0.5 }, \"metadata\": { \"qty\": \"order->qty\" } } },"
			" \"inputs\": { \"local\": {}, \"rate\": {}, \"libc.so.6:read\": {} } }",
			read_back(&bytes), &err),
		0);
	assert_int_equal(program_recordable(other.program, &err), 0);
}

static void another_build_or_another_configuration_is_refused_in_words(void **state)
{
	static const struct {
		const char *config, *msg;
	} cases[] = {
		{"{ \"operations\": { \"handle\": {} }, \"inputs\": { \"local\": {}, \"rate\": {}, \"libc.so.6:read\": {} } }",
		 "shop.json: 'handle' is configured otherwise than when the schema was compiled"},
		{"{ \"operations\": { \"handle\": { \"args\": { \"order->list\": { \"count\": \"order->qty\" } } } },"
		 " \"inputs\": { \"rate\": {} } }",
		 "shop.json: the schema was compiled for other functions: it has 'local' in the place of 'rate'"},
		{"{ \"operations\": { \"handle\": { \"args\": { \"order->list\": { \"count\": \"order->qty\" } } } },"
		 " \"inputs\": { \"local\": {}, \"rate\": {} } }",
		 "shop.json: 3 functions are configured, the schema was compiled for 4"},
		{"{ \"operations\": { \"handle\": { \"args\": { \"order->list\": { \"count\": \"order->qty\" } } } },"
		 " \"inputs\": { \"local\": {}, \"rate\": {}, \"libc.so.6:read\": {} },"
		 " \"types\": { \"struct order\": { \"sku\": { \"max\": 3 } } } }",
		 "shop.json: 'types' is configured otherwise than when the schema was compiled"},
	};
	auto_built struct built built = {}, other = {};
	auto_opened struct opened here = {}, library = {};
	auto_buf struct buf bytes;
	char id[SCHEMA_ID_LEN + 1];
	struct err err = {};

	build_all(&built, "");
	compile(&bytes, &built, id);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_opened struct opened o = {};

		err = (struct err){};
		assert_int_equal(open_with(&o, &built, cases[i].config, read_back(&bytes), &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.hint, "compile it again: tapedeck schema -c FILE prog -o SCHEMA");
		assert_true(err.is_usage);
	}

	build_all(&other, "-O2");
	assert_int_equal(open_with(&here, &other, config_text, read_back(&bytes), &err), -EINVAL);
	assert_non_null(strstr(err.msg, "the schema was compiled for another build of 'prog': "));

	/* Only the library is another: what it has is refused, and says so. */
	built_run(
		&built,
		"gcc -g -O0 -shared -fPIC -Wl,--build-id -Wl,-soname,librate.so.2 -o lib/librate.so.2 -x c lib/rate.src");
	assert_int_equal(open_with(&library, &built, config_text, read_back(&bytes), &err), 0);
	assert_int_equal(program_usable(library.program, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "the schema was compiled for another build of 'librate.so.2': "));
	assert_string_equal(library.program->funcs[0].refused.msg, "");
}

static void a_program_without_a_build_id_cannot_be_told_from_another(void **state)
{
	auto_compiled struct compiled *compiled = NULL;
	auto_built struct built built = {};
	auto_opened struct opened o = {};
	struct err err = {};

	build_all(&built, "-Wl,--build-id=none");
	assert_int_equal(open_with(&o, &built, config_text, NULL, &err), 0);
	assert_int_equal(program_compile(&compiled, o.program, o.config, &err), -ENOTSUP);
	assert_string_equal(err.msg, "'prog' has no build id: nothing would tell its builds apart");
	assert_string_equal(err.hint, "link it with -Wl,--build-id");
}

static void settle_checksum(uint8_t *data, size_t len)
{
	uint32_t crc;

	memset(data + 12, 0, 4);
	crc = htole32(crc32_z(0, data, len));
	memcpy(data + 12, &crc, 4);
}

static void what_is_damaged_is_refused_and_says_so(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool is_settled; /* the checksum fits again */
		size_t cut;	 /* bytes */
		const char *msg;
	} cases[] = {
		{0, 'x', false, 0, "not a compiled schema"},
		{8, 2, true, 0, "a compiled schema of version 2, this program reads version 1"},
		{40, '!', false, 0, "damaged compiled schema: its checksum differs"},
		{0, 0x89, false, 1, "damaged compiled schema: it is torn"},
		{0, 0x89, false, SIZE_MAX, "damaged compiled schema: it is torn"},
		{24, 0, true, 0, "damaged compiled schema: it is torn"},
		{32, '[', true, 0, "damaged compiled schema: what stands before the types cannot be read"},
	};
	auto_built struct built built = {};
	auto_buf struct buf bytes;
	char id[SCHEMA_ID_LEN + 1];

	build_all(&built, "");
	compile(&bytes, &built, id);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = cases[i].cut == SIZE_MAX ? 20 : bytes.len - cases[i].cut;
		autofree uint8_t *copy = malloc(len);
		struct compiled *compiled = (void *)1;
		struct err err = {};

		memcpy(copy, bytes.data, len);
		copy[cases[i].at] = cases[i].value;
		if (cases[i].is_settled)
			settle_checksum(copy, len);
		assert_true(compiled_read(&compiled, copy, len, &err) < 0);
		assert_string_equal(err.msg, cases[i].msg);
		assert_ptr_equal(compiled, (void *)1);
	}
	/* Whatever one byte becomes, with a checksum that fits: an answer, and no crash. */
	for (size_t at = 0; at < bytes.len; at += 7) {
		autofree uint8_t *copy = malloc(bytes.len);
		auto_compiled struct compiled *compiled = NULL;
		struct err err = {};

		memcpy(copy, bytes.data, bytes.len);
		copy[at] ^= 0x15;
		settle_checksum(copy, bytes.len);
		if (compiled_read(&compiled, copy, bytes.len, &err))
			assert_true(err.msg[0]);
	}
}

static void a_schema_is_shown_as_c(void **state)
{
	static const char *const wanted[] = {
		"struct order {\n\tint qty;\n\tconst char *sku;\n\tint *list;\n};\n",
		"/* operation 'handle'\n *   {\"path\":\"order->list\",\"count\":\"order->qty\"}\n */\n"
		"int handle(struct order *order);\n",
		"/* input 'local' */\nint local(struct order *o);\n",
		"/* input 'libc.so.6:read'\n *   {\"path\":\"buf\",\"direction\":\"out\",\"bytes\":\"return\"}\n */\n"
		"ssize_t read(int fd, void *buf, size_t nbytes);\n",
	};
	auto_built struct built built = {};
	auto_buf struct buf bytes, text;
	auto_compiled struct compiled *compiled = NULL;
	char id[SCHEMA_ID_LEN + 1];
	struct err err = {};

	build_all(&built, "");
	compile(&bytes, &built, id);
	compiled = read_back(&bytes);
	buf_init(&text, 1 << 20);
	assert_int_equal(schema_c(&text, compiled->schema, &err), 0);
	buf_put_u8(&text, 0);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!strstr((char *)text.data, wanted[i]))
			assert_string_equal((char *)text.data, wanted[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stripped_program_is_described_as_its_debug_information_did),
		cmocka_unit_test(another_build_or_another_configuration_is_refused_in_words),
		cmocka_unit_test(a_program_without_a_build_id_cannot_be_told_from_another),
		cmocka_unit_test(what_is_damaged_is_refused_and_says_so),
		cmocka_unit_test(a_schema_is_shown_as_c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
