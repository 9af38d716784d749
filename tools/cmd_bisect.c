// SPDX-License-Identifier: BSD-3-Clause
/* The first commit that turns equal into something else. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/util.h"
#include "replay/equalizer.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/git_clone.h"
#include "tools/host.h"
#include "tools/json_schema.h"
#include "tools/program_run.h"

#define TITLE_MAX	512
#define BUILD_TALK_MAX	(1 << 20)
#define BUILD_TALK_SHOW 600 /* bytes of the end of what a build that failed said */

struct bisect_opts {
	struct build_opts build;
	const char *command;
	bool json;
};

enum outcome { UNKNOWN, GOOD, BAD, UNTESTABLE };
static const char *const outcome_names[] = {"", "equal", "different", "cannot be tested"};

struct bisect {
	const struct bisect_opts *opts;
	const struct words *words;
	struct git_clone *clone;
	char *const *ids; /* behind the good one; the last is the bad one */
	size_t cnt;
	enum outcome *outcomes;
	struct cassette *cassette;
	struct recording_key key;
	char exe[8192 + 4096]; /* in the clone */
	size_t builds;
	struct err *err;
};

/* --- one commit --- */

/* 0: it was built; 1: it cannot be. */
static int build(struct bisect *b)
{
	auto_buf struct buf talk = {};
	int status, r;

	buf_init(&talk, BUILD_TALK_MAX);
	r = program_run((const char *const[]){"sh", "-c", b->opts->command, NULL}, git_clone_folder(b->clone),
			&talk, &talk, &status, b->err);
	if (r < 0 || !status)
		return r;
	fprintf(stderr, "the build ended with status %d: ...%.*s\n", status,
		(int)MIN(talk.len, (size_t)BUILD_TALK_SHOW),
		(const char *)talk.data + talk.len - MIN(talk.len, (size_t)BUILD_TALK_SHOW));
	return 1;
}

static int replay(struct bisect *b, struct comparison *comparison, struct err *err)
{
	struct build_opts build = b->opts->build;
	auto_config struct config *config = NULL;
	const struct equalizer_opts equalizer_opts = {.jobs = 1};
	struct equalizer *equalizer;
	struct host host;
	int r = common_build_config(&config, &build, err);

	build.exe = b->exe;
	if (r == 0)
		r = host_equalizer(&equalizer, &host, &build, b->words, &equalizer_opts, config, b->cassette,
				   err);
	if (r < 0)
		return r;
	r = equalizer_one(equalizer, &b->key, comparison, err);
	equalizer_free(equalizer);
	return r;
}

static int tell(struct bisect *b, size_t idx, const char *reason)
{
	const char *outcome = outcome_names[b->outcomes[idx]];
	char title[TITLE_MAX];
	cJSON *json;
	int r = git_clone_title(b->clone, b->ids[idx], title, sizeof(title), b->err);

	if (r < 0)
		return r;
	if (!b->opts->json) {
		printf("%s: %s%s%s\n", title, outcome, *reason ? ": " : "", reason);
		fflush(stdout);
		return 0;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "type", "commit");
	cJSON_AddStringToObject(json, "commit", b->ids[idx]);
	cJSON_AddStringToObject(json, "title", title);
	cJSON_AddStringToObject(json, "outcome", outcome);
	cJSON_AddStringToObject(json, "reason", reason);
	return common_print_json(json, b->err);
}

/* A build that fails, or that cannot play the recording, says nothing about the commit. */
static int test(struct bisect *b, size_t idx)
{
	struct comparison comparison = {};
	struct err why = {};
	int r;

	fprintf(stderr, "building %.12s, the %zu. of %zu commits\n", b->ids[idx], idx + 1, b->cnt);
	b->builds++;
	b->outcomes[idx] = UNTESTABLE;
	r = git_clone_checkout(b->clone, b->ids[idx], b->err);
	if (r == 0 && access(git_clone_folder(b->clone), X_OK))
		return tell(b, idx, "this folder is not in it");
	if (r == 0)
		r = build(b);
	if (r && common_stop)
		return err_set(b->err, -EINTR, "stopped while %.12s was built", b->ids[idx]);
	if (r < 0)
		return r;
	if (r)
		return tell(b, idx, "it does not build");
	r = replay(b, &comparison, &why);
	if (r == 0 && comparison.verdict != VERDICT_EQUALIZER_FAILURE)
		b->outcomes[idx] = comparison.verdict == VERDICT_EQUAL ? GOOD : BAD;
	r = tell(b, idx, r < 0 ? why.msg : comparison.reason);
	comparison_release(&comparison);
	return r;
}

/* --- the search --- */

/* The untried commit nearest to the middle of (@good, @bad), both left out; @cnt: none. @good may be -1. */
static size_t next(const struct bisect *b, long good, long bad)
{
	long middle = good + (bad - good) / 2;

	for (long away = 0; away < bad - good; away++) {
		if (middle - away > good && b->outcomes[middle - away] == UNKNOWN)
			return middle - away;
		if (middle + away > good && middle + away < bad && b->outcomes[middle + away] == UNKNOWN)
			return middle + away;
	}
	return b->cnt;
}

static int tell_found(struct bisect *b, long good, long bad)
{
	char title[TITLE_MAX];
	cJSON *json;
	int r = git_clone_title(b->clone, b->ids[bad], title, sizeof(title), b->err);

	if (r < 0)
		return r;
	if (!b->opts->json) {
		printf("%s %s\n%zu builds\n",
		       bad - good == 1 ? "the first that differs is" : "it is one of those before", title,
		       b->builds);
		for (long i = good + 1; i < bad; i++)
			printf("or %s, which cannot be tested\n", b->ids[i]);
		return 0;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "type", "found");
	cJSON_AddStringToObject(json, "commit", b->ids[bad]);
	cJSON_AddStringToObject(json, "title", title);
	cJSON_AddNumberToObject(json, "builds", b->builds);
	cJSON_AddNumberToObject(json, "untestable", bad - good - 1);
	return common_print_json(json, b->err);
}

static int search(struct bisect *b)
{
	long good = -1, bad = b->cnt - 1;
	int r = test(b, bad);

	if (r == 0 && b->outcomes[bad] == GOOD)
		return err_set(b->err, -EINVAL, "the recording is equal in '%s': there is nothing to find",
			       b->words->arg[1]);
	if (r == 0 && b->outcomes[bad] == UNTESTABLE)
		return err_set(b->err, -EINVAL, "'%s' cannot be tested", b->words->arg[1]);
	while (r == 0 && !common_stop) {
		size_t idx = next(b, good, bad);

		if (idx == b->cnt)
			return tell_found(b, good, bad);
		r = test(b, idx);
		if (b->outcomes[idx] == GOOD)
			good = idx;
		else if (b->outcomes[idx] == BAD)
			bad = idx;
	}
	return r < 0 ? r
		     : err_set(b->err, -EINTR, "stopped: it is behind %.12s and not behind %.12s",
			       good < 0 ? b->words->arg[0] : b->ids[good], b->ids[bad]);
}

/* --- the command --- */

static int find_recording(struct bisect *b, const char *cassette, const char *id)
{
	auto_config struct config *config = NULL;
	int r = common_build_config(&config, &b->opts->build, b->err);

	if (r < 0)
		return r;
	if (!cassette && !config->cassette)
		return err_usage(b->err, -EINVAL,
				 "no cassette: name it before the ID, or in the configuration");
	r = cassette_open(&b->cassette, cassette ?: config->cassette, false, b->err);
	return r < 0 ? r : cassette_find(b->cassette, id, &b->key, b->err);
}

static int begin(struct bisect *b)
{
	const struct words *words = b->words;
	int r = find_recording(b, words->cnt == 4 ? words->arg[2] : NULL, words->arg[words->cnt - 1]);

	if (r == 0)
		r = git_clone_new(&b->clone, b->err);
	if (r == 0)
		r = git_clone_commits(b->clone, words->arg[0], words->arg[1], &b->ids, &b->cnt, b->err);
	if (r < 0)
		return r;
	b->outcomes = calloc(b->cnt, sizeof(*b->outcomes));
	snprintf(b->exe, sizeof(b->exe), "%s%s%s", git_clone_folder(b->clone),
		 git_clone_folder(b->clone)[strlen(git_clone_folder(b->clone)) - 1] == '/' ? "" : "/",
		 b->opts->build.exe);
	return b->outcomes ? 0 : err_nomem(b->err);
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	struct bisect b = {.opts = arg, .words = words, .err = err};
	int r;

	if (!b.opts->command || !b.opts->build.exe || *b.opts->build.exe == '/')
		return err_usage(
			err, -EINVAL,
			"'bisect' needs --build COMMAND, and --exe PATH of what it builds, from here");
	common_catch_signals(2);
	r = begin(&b);
	if (r == 0)
		r = search(&b);
	free(b.outcomes);
	git_clone_free(b.clone);
	cassette_close(b.cassette);
	return r < 0 ? r : STATUS_DONE;
}

#define AT(field) offsetof(struct bisect_opts, field)
static const struct opt opts_table[] = {
	BUILD_OPTS(struct bisect_opts, build),
	{OPT_STR, 0, "build", "COMMAND", "how a commit is built: 'make -j4'", AT(command)},
	{OPT_FLAG, 0, "json", NULL, "a JSON object a commit, then what was found", AT(json)},
	{OPT_END},
};

const struct command cmd_bisect = {
	.name = "bisect",
	.words = "GOOD BAD [CASSETTE] ID",
	.summary = "find the first commit in which a recording does not replay equal",
	.words_min = 3,
	.words_max = 4,
	.rest = "ARGS of the program",
	.opts = opts_table,
	.json = lines_bisect,
	.opts_size = sizeof(struct bisect_opts),
	.run = run,
};
