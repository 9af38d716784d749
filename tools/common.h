/* SPDX-License-Identifier: BSD-3-Clause */
/* What several commands do alike. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/lookup.h"
#include "tools/opts.h"

struct cJSON;
struct config;
struct program;
struct program_file;
struct err;

#define CONFIG_DEFAULT "tapedeck.json"

/* The -c option, or CONFIG_DEFAULT. */
int common_config(struct config **out, const char *path, struct err *err);

/* The configuration of a command that replays, with the plug-ins of its command line. */
struct build_opts;
int common_build_config(struct config **out, const struct build_opts *opts, struct err *err);

/* The program of @files, which are taken over: by the compiled schema @schema, or by debug information when
 * it is NULL. */
int common_program(struct program **out, struct config *config, struct program_file *files, size_t cnt,
		   const char *schema, struct err *err);

/* The options that select recordings; the same in every command that has them. */
struct filter_opts {
	const char *category, *since, *until;
	struct opt_list where;
	uint64_t limit, seed;
	bool random, spread, incomplete, distinct;
};
/* clang-format off */
#define FILTER_OPTS(type, field)                                                                        \
	{ OPT_STR, 0, "category", "C", "only this category", offsetof(type, field.category) },          \
	{ OPT_STR, 0, "since", "WHEN", "recorded since: 7d, 12h, 2026-11-25, 2026-11-25T10:00:00Z",     \
	  offsetof(type, field.since) },                                                                \
	{ OPT_STR, 0, "until", "WHEN", "recorded until", offsetof(type, field.until) },                 \
	{ OPT_LIST, 0, "where", "FILTER", "metadata: customer=acme*, total>=100, a=x,y; repeated: and", \
	  offsetof(type, field.where) },                                                                \
	{ OPT_UINT, 0, "limit", "N", "at most N", offsetof(type, field.limit), 1, UINT32_MAX },         \
	{ OPT_FLAG, 0, "random", NULL, "in random order", offsetof(type, field.random) },               \
	{ OPT_FLAG, 0, "spread", NULL, "of each day in turn", offsetof(type, field.spread) },               \
	{ OPT_UINT, 0, "seed", "N", "of --random", offsetof(type, field.seed), 1, UINT64_MAX },         \
	{ OPT_FLAG, 0, "incomplete", NULL, "incomplete ones too", offsetof(type, field.incomplete) }
/* Where one of those that are alike will do. */
#define DISTINCT_OPT(type, field)                                                                       \
	{ OPT_FLAG, 0, "distinct", NULL, "of recordings that are alike one; reads all", offsetof(type, field.distinct) }
/* clang-format on */

/* The options that say which build is replayed, and how; the same in every command that replays. */
struct build_opts {
	const char *config, *exe, *ready, *init;
	struct opt_list libs, plugins;
	uint64_t timeout_ns;
	bool strict;
};
/* clang-format off */
#define BUILD_OPTS(type, field)                                                                         \
	{ OPT_STR, 'c', "config", "FILE", "the configuration; default " CONFIG_DEFAULT,                 \
	  offsetof(type, field.config) },                                                               \
	{ OPT_STR, 0, "exe", "BUILD", "the build to replay with", offsetof(type, field.exe) },          \
	{ OPT_LIST, 0, "lib", "SONAME=PATH", "replay with this library instead",                        \
	  offsetof(type, field.libs) },                                                                 \
	{ OPT_LIST, 0, "plugin", "CATEGORY=PATH", "who has a say in what is compared: X.so, or a program",   \
	  offsetof(type, field.plugins) },                                                              \
	{ OPT_STR, 0, "ready", "WHERE",                                                                 \
	  "where start-up ends: main, end, or a function; default: accept, epoll_wait...",              \
	  offsetof(type, field.ready) },                                                                \
	{ OPT_STR, 0, "init", "FUNCTION", "call this one in place of main: void FUNCTION(void)",        \
	  offsetof(type, field.init) },                                                                 \
	{ OPT_DURATION, 0, "timeout", "TIME", "for one replay; default 10s",                            \
	  offsetof(type, field.timeout_ns), 1000000 },                                                  \
	{ OPT_FLAG, 0, "strict", NULL, "refuse functions that are inlined in places",                   \
	  offsetof(type, field.strict) }
/* clang-format on */

struct lookup common_lookup(const struct filter_opts *filter);
/* Whether any of them was given. */
bool common_has_filter(const struct filter_opts *filter);

/* "spool:DIR?size=BYTES+URL"; @dir NULL: the default one; @bytes 0: the default. The caller's to free. */
int common_spool_url(char **out, const char *dir, uint64_t bytes, const char *url, struct err *err);
/* "/var/lib/tapedeck/spool" for root, else below the user's home. */
void common_spool_dir(char dir[2048]);

struct cassette;
/* Say on stderr what is not as it should be with @cassette, though nothing failed. NULL is fine. */
void common_warn(const struct cassette *cassette);

/* One line of NDJSON on stdout; takes @json over. */
int common_print_json(struct cJSON *json, struct err *err);

/* Counts SIGHUP after common_catch_hangup, as long as the terminal is still there. */
extern volatile sig_atomic_t common_hangups;
void common_catch_hangup(void);

/* Counts Ctrl-C, SIGTERM and SIGHUP after common_catch_signals; beyond @max they end the program the ordinary
 * way. */
extern volatile sig_atomic_t common_stop;
void common_catch_signals(int max);

/* A file of ours: beside the program, or where `make install` puts it. */
int common_beside(char *path, size_t len, const char *name, struct err *err);
/* libtapedeck-replay.so: beside the program, or where `make install` puts it. */
int common_engine(char *path, size_t len, struct err *err);

/* Say on stderr that so many recordings were passed over; of none nothing. */
void common_unreadable(size_t cnt);
/* The same of those that are like others, with --distinct. */
void common_alike(size_t cnt);

/* How long something took: 0 is not known, "?". */
void common_took(double ns, char text[32]);
/* "1.2 ms"; "3.4 MiB" */
void common_duration(double ns, char text[32]);
void common_size(uint64_t bytes, char text[32]);
