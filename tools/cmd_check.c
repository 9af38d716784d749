// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/features.h"
#include "loader/process.h"
#include "loader/recorder.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"
#include "tools/sites.h"

#define RATE_NS 1000000000ull

struct check_opts {
	const char *config, *schema;
	uint64_t pid;
	bool rate, json;
};

static int check_process(const struct check_opts *opts, struct config *config, struct err *err)
{
	auto_process struct process *process = NULL;
	auto_program struct program *program = NULL;
	autofree double *rates = NULL;
	struct program_file *files;
	size_t cnt;
	int r;

	r = process_open(&process, opts->pid, err);
	if (r == 0)
		r = process_files(process, &files, &cnt, err);
	if (r == 0)
		r = common_program(&program, config, files, cnt, opts->schema, err);
	if (r == 0 && features_hook_all(false))
		r = program_spare_stacks(program, err);
	if (r < 0)
		return r;
	if (opts->rate && program_recordable(program, NULL) == 0) {
		rates = calloc(program->funcs_cnt, sizeof(*rates));
		r = process_layout(process, program, err);
		if (r == 0)
			r = process_check(process, program, err);
		if (r == 0)
			r = recorder_rates(rates, config, program, process, RATE_NS, err);
		if (r < 0)
			return r;
	}
	r = sites_print(program, rates, opts->json, err);
	if (r == 0 && process_check(process, program, err) < 0)
		return err_wrap(err, -EPERM, "cannot record process %d", (int)opts->pid);
	return r;
}

static int check_file(const struct check_opts *opts, struct config *config, const char *path,
		      struct err *err)
{
	auto_program struct program *program = NULL;
	struct program_file *files;
	size_t cnt;
	int r;

	r = program_files(&files, &cnt, path, err);
	if (r == 0)
		r = common_program(&program, config, files, cnt, opts->schema, err);
	return r < 0 ? r : sites_print(program, NULL, opts->json, err);
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct check_opts *opts = arg;
	auto_config struct config *config = NULL;
	const char *path;
	int r;

	r = common_config(&config, opts->config, err);
	if (r < 0)
		return r;
	if (opts->pid && words->cnt)
		return err_usage(err, -EINVAL, "-p and a binary exclude each other");
	if (opts->pid)
		return check_process(opts, config, err);
	if (opts->rate)
		return err_usage(err, -EINVAL, "--rate needs a running process: give -p PID");
	path = words->cnt ? words->arg[0] : config->binary;
	if (!path) {
		err_usage(err, -EINVAL, "nothing to check");
		err_hint(err, "give a binary, -p PID, or \"binary\" in the configuration");
		return -EINVAL;
	}
	return check_file(opts, config, path, err);
}

#define AT(field) offsetof(struct check_opts, field)
static const struct opt opts_table[] = {
	{OPT_STR, 'c', "config", "FILE", "what would be recorded; default " CONFIG_DEFAULT, AT(config)},
	{OPT_UINT, 'p', "pid", "PID", "look at a running process", AT(pid), 1, INT32_MAX},
	{OPT_STR, 0, "schema", "FILE", "by a compiled schema rather than debug information", AT(schema)},
	{OPT_FLAG, 0, "rate", NULL, "count hits for a second first", AT(rate)},
	{OPT_FLAG, 0, "json", NULL, "a JSON object a function", AT(json)},
	{OPT_END},
};

const struct command cmd_check = {
	.name = "check",
	.words = "[BINARY]",
	.summary = "each function: where it was found, its probe and its cost, what cannot be captured",
	.words_min = 0,
	.words_max = 1,
	.opts = opts_table,
	.json = lines_check,
	.opts_size = sizeof(struct check_opts),
	.run = run,
};
