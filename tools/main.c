// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/util.h"
#include "tools/commands.h"
#include "tools/json_schema.h"

static const struct command *const commands[] = {
	&cmd_doctor, &cmd_init,	  &cmd_check,	 &cmd_schema, &cmd_record, &cmd_ls,
	&cmd_show,   &cmd_replay, &cmd_equalize, &cmd_studio, &cmd_bisect, &cmd_export,
	&cmd_cp,     &cmd_rm,	  &cmd_du,	 &cmd_verify, &cmd_flush,  &cmd_compact,
};

static void help(FILE *to)
{
	fprintf(to, "usage: tapedeck COMMAND [options]\n\n"
		    "Records what a native service did in production and plays it back at a desk.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to,
		"\n'tapedeck COMMAND --help' shows a command's options, 'tapedeck --version' the version.\n"
		"Exit status: 0 done and nothing differs, 1 done and something differs, 2 usage, "
		"3 could not be done.\n");
}

static const struct command *find_command(const char *name, struct err *err)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
		nearest_try(&nearest, commands[i]->name);
	}
	err_usage(err, -EINVAL, "there is no command '%s'", name);
	if (nearest.best)
		err_hint(err, "did you mean '%s'? 'tapedeck help' lists them all", nearest.best);
	else
		err_hint(err, "'tapedeck help' lists them all");
	return NULL;
}

static int complain(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, "tapedeck: %s\n", err->msg);
	if (err->hint[0])
		fprintf(stderr, "hint: %s\n", err->hint);
	return err->is_usage ? STATUS_USAGE : STATUS_FAILED;
}

/* Asked for anywhere before `--`, it stands alone: nothing else need be given. */
static bool wants(int argc, char **argv, const char *name, const char *letter)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], name) || (letter && !strcmp(argv[i], letter)))
			return true;
	return false;
}

static int run(const struct command *command, int argc, char **argv, struct err *err)
{
	autofree void *opts = calloc(1, command->opts_size);
	struct words words = {};
	int r;

	if (!opts)
		return err_nomem(err);
	if (wants(argc, argv, "--help", "-h")) {
		opts_help(command);
		return STATUS_DONE;
	}
	if (command->json && wants(argc, argv, "--json-schema", NULL))
		return json_schema_print(command->name, command->json, err);
	r = opts_parse(command, opts, &words, argc, argv, err);
	return r < 0 ? r : command->run(opts, &words, err);
}

/* `tapedeck help [COMMAND]` and --help. */
static int run_help(const char *name, struct err *err)
{
	const struct command *command = name ? find_command(name, err) : NULL;

	if (name && !command)
		return -EINVAL;
	if (command)
		opts_help(command);
	else
		help(stdout);
	return STATUS_DONE;
}

static bool is_one_of(const char *word, const char *const names[3])
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(word, names[i]))
			return true;
	return false;
}

static int dispatch(int argc, char **argv, struct err *err)
{
	static const char *const helps[] = {"help", "--help", "-h"};
	static const char *const versions[] = {"version", "--version", "-V"};
	const struct command *command;

	if (is_one_of(argv[1], helps))
		return run_help(argc > 2 ? argv[2] : NULL, err);
	if (is_one_of(argv[1], versions)) {
		printf("tapedeck %s\n", VERSION);
		return STATUS_DONE;
	}
	command = find_command(argv[1], err);
	return command ? run(command, argc - 1, argv + 1, err) : -EINVAL;
}

/* A closed pipe is an error of write. Caught, not ignored: a command that we start gets what we got. */
static void on_pipe(int sig)
{
}

int main(int argc, char **argv)
{
	struct err err = {};
	int r;

	if (signal(SIGPIPE, on_pipe) == SIG_IGN)
		signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		help(stderr);
		return STATUS_USAGE;
	}
	r = dispatch(argc, argv, &err);
	if (r >= 0 && (fflush(stdout) || ferror(stdout)))
		r = err_set(&err, -EIO, "cannot write the answer: %s", strerror(errno));
	return r < 0 ? complain(&err) : r;
}
