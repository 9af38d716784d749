/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands and options as data: one table parses, checks and prints help.
 *
 * Words before `--` are options and arguments in any order; what follows it belongs to someone else (a
 * command to run, the replayed program's arguments).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct json_line;

enum opt_kind {
	OPT_END,
	OPT_FLAG,     /* bool */
	OPT_STR,      /* const char * */
	OPT_UINT,     /* uint64_t, between min and max */
	OPT_DURATION, /* uint64_t ns; "250ms", "10s", "5m", "2h"; bare numbers are seconds */
	OPT_BYTES,    /* uint64_t; "64K", "16M" */
	OPT_LIST,     /* struct opt_list */
};

#define OPT_LIST_MAX  32
#define OPT_TABLE_MAX 32

struct opt_list {
	const char *item[OPT_LIST_MAX + 1]; /* NULL-terminated */
	size_t cnt;
};

struct opt {
	enum opt_kind kind;
	char letter; /* 0: none */
	const char *name, *value, *help;
	size_t offset; /* into the command's options struct */
	uint64_t min, max;
};

struct words {
	char **arg; /* before `--` */
	int cnt;
	char **rest; /* behind `--`, NULL-terminated; NULL when there was no `--` */
};

/* Exit statuses of every command. */
enum status { STATUS_DONE = 0, STATUS_DIFFERS = 1, STATUS_USAGE = 2, STATUS_FAILED = 3 };

struct command {
	const char *name, *words, *summary;
	int words_min, words_max;
	const char *rest; /* what may follow `--`, for help; NULL: nothing may */
	const struct opt *opts;
	size_t opts_size;
	const struct json_line *json; /* what --json prints, and --json-schema describes; NULL: it has none */
	/* Returns a status, or -errno with @err: 2 when it is a usage error, else 3. */
	int (*run)(const void *opts, const struct words *words, struct err *err);
};

/* Fill @opts (zeroed by the caller) from @argv[1..]. Usage errors name the nearest option. */
int opts_parse(const struct command *command, void *opts, struct words *words, int argc, char **argv,
	       struct err *err);
void opts_help(const struct command *command);
