// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cassette.h"
#include "lib/compiled.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "lib/write.h"
#include "tools/commands.h"
#include "tools/common.h"

#define TEXT_MAX (256u << 20)

struct schema_opts {
	const char *config, *out;
};

/* --- showing --- */

static int show(const struct schema *schema, struct err *err)
{
	auto_buf struct buf text;
	int r;

	buf_init(&text, TEXT_MAX);
	r = schema_c(&text, schema, err);
	if (!r)
		fwrite(text.data, 1, text.len, stdout);
	return r;
}

static int show_compiled(const struct compiled *compiled, struct err *err)
{
	printf("/* compiled for '%s', build %s\n", compiled->program, compiled->build_id);
	for (size_t i = 0; i < compiled->funcs_cnt; i++) {
		const struct compiled_func *func = &compiled->funcs[i];

		printf(" *   %s: ", func->name);
		if (func->build_id[0])
			printf("at 0x%lx in '%s', build %.12s\n", (unsigned long)func->addr,
			       func->module[0] ? func->module : compiled->program, func->build_id);
		else
			printf("in any build of '%s'\n", func->module);
	}
	printf(" */\n\n");
	return show(compiled->schema, err);
}

struct showing {
	struct cassette *cassette;
	size_t failed;
};

static int show_stored(const char *sha256, void *ctx)
{
	struct showing *showing = ctx;
	auto_schema struct schema *schema = NULL;
	struct blob blob = {};
	struct err err = {};
	int r = cassette_get_schema(showing->cassette, sha256, &blob, &err);

	if (!r)
		r = schema_load(&schema, blob.data, blob.len, &err);
	free(blob.data);
	printf("/* schema %s */\n\n", sha256);
	if (!r)
		r = show(schema, &err);
	showing->failed += r != 0;
	if (r)
		fprintf(stderr, "tapedeck: %s\n", err.msg);
	printf("\n");
	return 0;
}

static int show_cassette(const char *url, struct err *err)
{
	auto_cassette struct cassette *cassette = NULL;
	struct showing showing = {};
	int r = cassette_open(&cassette, url, false, err);

	showing.cassette = cassette;
	if (r == 0)
		r = cassette_each_schema(cassette, show_stored, &showing, err);
	if (r == 0 && showing.failed)
		r = err_set(err, -EBADMSG, "%zu schemas could not be shown", showing.failed);
	return r;
}

/* --- compiling --- */

static int compile(struct compiled **out, const struct schema_opts *opts, const char *binary, struct err *err)
{
	auto_config struct config *config = NULL;
	auto_program struct program *program = NULL;
	struct program_file *files;
	size_t cnt;
	int r = common_config(&config, opts->config, err);

	if (r < 0)
		return r;
	binary = binary ? binary : config->binary;
	if (!binary) {
		err_usage(err, -EINVAL, "nothing to compile a schema of");
		err_hint(err, "give a binary, or \"binary\" in the configuration");
		return -EINVAL;
	}
	r = program_files(&files, &cnt, binary, err);
	if (r == 0)
		r = program_open(&program, config, files, cnt, err);
	return r < 0 ? r : program_compile(out, program, config, err);
}

static int compile_to(const struct schema_opts *opts, const char *binary, struct err *err)
{
	auto_compiled struct compiled *compiled = NULL;
	auto_buf struct buf bytes;
	int r;

	buf_init(&bytes, COMPILED_BYTES_MAX);
	r = compile(&compiled, opts, binary, err);
	if (r == 0)
		r = compiled_write(&bytes, compiled, err);
	if (r == 0)
		r = write_file(opts->out, bytes.data, bytes.len, err);
	if (r == 0)
		fprintf(stderr, "tapedeck: %zu functions of '%s', build %.12s\n", compiled->funcs_cnt,
			compiled->program, compiled->build_id);
	return r;
}

/* --- which of them --- */

static bool is_compiled(const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char bytes[16];
	ssize_t len = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	return len > 0 && compiled_is_one(bytes, len);
}

static bool is_cassette(const char *what)
{
	const char *colon = strchr(what, ':');

	return colon && colon != what && !memchr(what, '/', colon - what);
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct schema_opts *opts = arg;
	const char *what = words->cnt ? words->arg[0] : NULL;
	auto_compiled struct compiled *compiled = NULL;
	int r;

	if (opts->out)
		return compile_to(opts, what, err);
	if (what && is_compiled(what))
		r = compiled_load(&compiled, what, err);
	else if (what && is_cassette(what))
		return show_cassette(what, err);
	else
		r = compile(&compiled, opts, what, err);
	return r < 0 ? r : show_compiled(compiled, err);
}

#define AT(field) offsetof(struct schema_opts, field)
static const struct opt opts_table[] = {
	{OPT_STR, 'c', "config", "FILE", "whose functions; default " CONFIG_DEFAULT, AT(config)},
	{OPT_STR, 'o', "output", "FILE", "compile the binary's schema into this file, for --schema", AT(out)},
	{OPT_END},
};

const struct command cmd_schema = {
	.name = "schema",
	.words = "[BINARY | SCHEMA | CASSETTE]",
	.summary = "the types of a program's functions as C, or compiled for hosts without debug information",
	.words_min = 0,
	.words_max = 1,
	.opts = opts_table,
	.opts_size = sizeof(struct schema_opts),
	.run = run,
};
