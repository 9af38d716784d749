// SPDX-License-Identifier: BSD-3-Clause
/* A starter configuration: what debug information tells of the functions named, and guesses of what it does
 * not. Guesses that the checks refuse become comments, so what is printed passes `check`. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/config_func.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/program.h"
#include "lib/util.h"
#include "tools/commands.h"
#include "tools/guess.h"

#define TEXT_MAX      (1 << 20)
#define PROTOTYPE_MAX 1024
#define PSEUDO_FILE   "init" /* stands for the file in messages about our own text */

struct init_opts {
	struct opt_list names[ROLE_CNT];
};

struct starter {
	const struct init_opts *opts;
	const char *binary;
	struct program *program; /* with no rules at all */
	struct config *config;
	bool quiet[SCHEMA_FUNCS_MAX]; /* by function: guesses are comments */
	bool no_types;
};

static void starter_release(struct starter *starter)
{
	program_free(starter->program);
	config_free(starter->config);
}

static void put_string(struct buf *out, const char *text)
{
	auto_cjson cJSON *json = cJSON_CreateString(text);
	autofree char *quoted = json ? json_print(json) : NULL;

	buf_printf(out, "%s", quoted ? quoted : "\"\"");
}

/* --- without rules, to look at the functions --- */

static void put_bare(struct buf *out, const struct init_opts *opts)
{
	buf_printf(out, "{");
	for (int role = 0; role < ROLE_CNT; role++) {
		buf_printf(out, "%s\"%s\": {", role ? ", " : "", config_role_key(role));
		for (size_t i = 0; i < opts->names[role].cnt; i++) {
			buf_printf(out, "%s", i ? ", " : "");
			put_string(out, opts->names[role].item[i]);
			buf_printf(out, ": {}");
		}
		buf_printf(out, "}");
	}
	buf_printf(out, "}");
}

/* "init:1:20: unknown function": the place is in a text that nobody has seen. */
static int without_place(struct err *err, int code)
{
	int at = 0;

	if (sscanf(err->msg, PSEUDO_FILE ":%*d:%*d: %n", &at) == 0 && at)
		memmove(err->msg, err->msg + at, strlen(err->msg + at) + 1);
	return code;
}

static int open_with(struct program **program, struct config **config, const struct buf *text,
		     const char *binary, struct err *err)
{
	struct program_file *files;
	size_t cnt;
	int r;

	r = config_parse(config, PSEUDO_FILE, (const char *)text->data, text->len, err);
	if (r == 0)
		r = program_files(&files, &cnt, binary, err);
	if (r == 0)
		r = program_open(program, *config, files, cnt, err);
	return r;
}

static int look(struct starter *starter, struct err *err)
{
	auto_buf struct buf text = {};
	int r;

	buf_init(&text, TEXT_MAX);
	put_bare(&text, starter->opts);
	if (text.failed)
		return err_set(err, text.failed, "the names are too long");
	r = open_with(&starter->program, &starter->config, &text, starter->binary, err);
	if (r == 0)
		r = program_usable(starter->program, err);
	return r < 0 ? without_place(err, r) : 0;
}

/* --- the text --- */

/* One line a guess; commas stand before all but the first rule, so a comment may be anywhere. */
static void put_guesses(struct buf *out, const struct guesses *guesses, const char *indent, bool quiet)
{
	size_t rules = 0, done = 0;

	for (size_t i = 0; i < guesses->cnt; i++)
		rules += !guesses->row[i].is_comment && !quiet;
	for (size_t i = 0; i < guesses->cnt; i++) {
		const struct guess *guess = &guesses->row[i];
		bool is_comment = guess->is_comment || quiet;

		buf_printf(out, "%s%s", indent, is_comment ? "// " : "");
		put_string(out, guess->path);
		buf_printf(out, ": %s", guess->rule);
		if (!is_comment && ++done < rules)
			buf_printf(out, ",");
		buf_printf(out, "%s%s\n", !guess->note[0] ? "" : is_comment ? "  " : "  // ", guess->note);
	}
}

static void put_func(struct buf *out, const struct starter *starter, size_t idx, bool is_last)
{
	const struct program_func *func = &starter->program->funcs[idx];
	struct guesses guesses;
	char prototype[PROTOTYPE_MAX];

	schema_type_text(starter->program->schema, func->shape->func, prototype, sizeof(prototype));
	guess_args(&guesses, starter->program->schema, func->shape->func, func->config->role);
	buf_printf(out, "    // %s\n    ", prototype);
	put_string(out, func->config->name);
	if (guesses.cnt) {
		buf_printf(out, ": {\n      \"args\": {\n");
		put_guesses(out, &guesses, "        ", starter->quiet[idx]);
		buf_printf(out, "      }\n    }");
	} else {
		buf_printf(out, ": {}");
	}
	buf_printf(out, "%s\n", is_last ? "" : ",");
}

static void put_funcs(struct buf *out, const struct starter *starter, enum role role)
{
	const struct program *program = starter->program;
	size_t left = starter->opts->names[role].cnt;

	buf_printf(out, ",\n  \"%s\": {\n", config_role_key(role));
	for (size_t i = 0; i < program->funcs_cnt; i++)
		if (program->funcs[i].config->role == role && !program->funcs[i].config->mark)
			put_func(out, starter, i, !--left);
	buf_printf(out, "  }");
}

/* What holds for a struct wherever it is met. */
static void put_types(struct buf *out, const struct starter *starter)
{
	const struct program *program = starter->program;
	struct guess_structs structs = {};
	bool is_first = true;

	for (size_t i = 0; i < program->funcs_cnt && !program->funcs[i].config->mark; i++)
		guess_structs(&structs, program->schema, program->funcs[i].shape->func);
	for (size_t i = 0; i < structs.cnt; i++) {
		struct guesses guesses;
		char name[PROTOTYPE_MAX];

		guess_members(&guesses, program->schema, structs.id[i]);
		if (!guesses.cnt)
			continue;
		schema_type_text(program->schema, structs.id[i], name, sizeof(name));
		buf_printf(out, is_first ? ",\n  \"types\": {\n    " : ",\n    ");
		put_string(out, name);
		buf_printf(out, ": {\n");
		put_guesses(out, &guesses, "      ", false);
		buf_printf(out, "    }");
		is_first = false;
	}
	if (!is_first)
		buf_printf(out, "\n  }");
}

static void put_starter(struct buf *out, const struct starter *starter)
{
	const char *base = strrchr(starter->binary, '/');

	buf_printf(out, "// Guessed from the debug information and the names in it: read it, then see what\n"
			"// 'tapedeck check -c FILE' makes of it. docs/MANUAL.md has every key.\n"
			"{\n  \"service\": ");
	put_string(out, base ? base + 1 : starter->binary);
	buf_printf(out, ",\n  \"binary\": ");
	put_string(out, starter->binary);
	for (int role = 0; role < ROLE_CNT; role++)
		if (starter->opts->names[role].cnt)
			put_funcs(out, starter, role);
	if (!starter->no_types)
		put_types(out, starter);
	buf_printf(out, "\n}\n");
}

/* --- holding it against the checks --- */

/* How many functions are refused with the guesses; they become quiet. -errno: the text as a whole does not
 * do. */
static int try(struct starter *starter, const struct buf *text)
{
	auto_program struct program *program = NULL;
	auto_config struct config *config = NULL;
	struct err err = {};
	int refused = 0, r;

	r = open_with(&program, &config, text, starter->binary, &err);
	for (size_t i = 0; r == 0 && i < program->funcs_cnt; i++) {
		if (!program->funcs[i].refused.msg[0])
			continue;
		starter->quiet[i] = true;
		refused++;
	}
	return r < 0 ? r : refused;
}

static int write_starter(struct buf *out, struct starter *starter, struct err *err)
{
	int r = 1;

	/* With all guesses; without those refused; without those of types; without any. */
	for (int pass = 0; r && pass < 4; pass++) {
		starter->no_types |= pass >= 2 || r < 0;
		if (pass == 3)
			memset(starter->quiet, true, sizeof(starter->quiet));
		out->len = 0;
		put_starter(out, starter);
		if (out->failed)
			return err_set(err, out->failed, "the configuration is too long");
		r = try(starter, out);
	}
	return r ? err_set(err, -ENOTSUP, "no configuration of these functions passes the checks") : 0;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	__attribute__((cleanup(starter_release))) struct starter starter = {.opts = arg};
	auto_buf struct buf text = {};
	char binary[PATH_MAX];
	int r;

	if (!starter.opts->names[ROLE_OPERATION].cnt) {
		err_usage(err, -EINVAL, "'init' needs --operation FUNCTION");
		err_hint(err,
			 "name the function whose calls you want on tape; --input and --output name others");
		return -EINVAL;
	}
	if (!realpath(words->arg[0], binary))
		return err_set(err, -errno, "cannot open '%s': %s", words->arg[0], strerror(errno));
	starter.binary = binary;
	r = look(&starter, err);
	if (r < 0)
		return r;
	buf_init(&text, TEXT_MAX);
	r = write_starter(&text, &starter, err);
	if (r < 0)
		return r;
	fwrite(text.data, 1, text.len, stdout);
	return STATUS_DONE;
}

#define AT(role) offsetof(struct init_opts, names[role])
static const struct opt opts_table[] = {
	{OPT_LIST, 0, "operation", "FUNCTION", "a function whose calls become recordings; repeated: more",
	 AT(ROLE_OPERATION)},
	{OPT_LIST, 0, "input", "FUNCTION", "a function whose result flows in; repeated: more",
	 AT(ROLE_INPUT)},
	{OPT_LIST, 0, "output", "FUNCTION", "a function whose arguments flow out; repeated: more",
	 AT(ROLE_OUTPUT)},
	{OPT_END},
};

const struct command cmd_init = {
	.name = "init",
	.words = "BINARY",
	.summary = "print a starter configuration for these functions of a program",
	.words_min = 1,
	.words_max = 1,
	.opts = opts_table,
	.opts_size = sizeof(struct init_opts),
	.run = run,
};
