// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/util.h"
#include "replay/equalizer.h"
#include "replay/unrecorded.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/fix.h"
#include "tools/host.h"
#include "tools/json_schema.h"
#include "tools/verdicts.h"

struct replay_opts {
	struct build_opts build;
	uint64_t repeat;
	bool json, gdb, valgrind, keep, fix;
};

#define WAYS_MAX 8 /* different endings of one recording that are shown */

/* How a recording came out, each time that it was replayed. */
struct tries {
	struct equalizer_totals totals;
	struct way {
		enum verdict verdict;
		char reason[sizeof(((struct comparison *)0)->reason)];
	} ways[WAYS_MAX];
	size_t ways_cnt;
	char *advice; /* the first; NULL: none */
};

static bool is_new_way(struct tries *tries, const struct comparison *comparison)
{
	struct way *way = &tries->ways[tries->ways_cnt];

	for (size_t i = 0; i < tries->ways_cnt; i++)
		if (tries->ways[i].verdict == comparison->verdict &&
		    !strcmp(tries->ways[i].reason, comparison->reason))
			return false;
	if (tries->ways_cnt == WAYS_MAX)
		return false;
	*way = (struct way){.verdict = comparison->verdict};
	memcpy(way->reason, comparison->reason, sizeof(way->reason));
	tries->ways_cnt++;
	return true;
}

static int print(struct tries *tries, const struct comparison *comparison, bool json, struct err *err)
{
	tries->totals.total++;
	tries->totals.by_verdict[comparison->verdict]++;
	tries->totals.not_compared += comparison->differences.unavailable;
	unrecorded_sum(tries->totals.unrecorded, comparison);
	if (json)
		return common_print_json(comparison_json(comparison), err);
	if (is_new_way(tries, comparison))
		verdicts_print(comparison);
	return 0;
}

static int print_summary(const struct tries *tries, bool json, struct err *err)
{
	if (json)
		return common_print_json(equalizer_totals_json(&tries->totals), err);
	if (tries->totals.total > 1)
		verdicts_print_summary(&tries->totals);
	if (tries->ways_cnt > 1)
		printf("flaky: the same recording and the same build came out in %zu%s ways\n",
		       tries->ways_cnt, tries->ways_cnt == WAYS_MAX ? " or more" : "");
	return 0;
}

static int fix(const struct config *config, const struct tries *tries, struct err *err)
{
	if (tries->advice)
		return fix_config(config->path, tries->advice, err);
	if (tries->totals.by_verdict[VERDICT_EQUAL] != tries->totals.total)
		fprintf(stderr, "note: there is nothing that --fix knows to change\n");
	return 0;
}

static int play(struct equalizer *equalizer, const struct replay_opts *opts, const struct config *config,
		const struct recording_key *key, struct err *err)
{
	struct tries tries = {};
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < MAX(opts->repeat, 1u) && !common_stop; i++) {
		struct comparison comparison = {};

		r = equalizer_one(equalizer, key, &comparison, err);
		if (r == 0)
			r = print(&tries, &comparison, opts->json, err);
		if (!tries.advice)
			tries.advice = TAKE_PTR(comparison.advice);
		comparison_release(&comparison);
	}
	r = r == -EINTR && common_stop ? 0 : r;
	verdicts_print_notes(equalizer_notes(equalizer));
	verdicts_print_unrecorded(&tries.totals);
	if (r == 0)
		r = print_summary(&tries, opts->json, err);
	if (r == 0 && opts->fix)
		r = fix(config, &tries, err);
	free(tries.advice);
	if (r < 0)
		return r;
	if (tries.totals.by_verdict[VERDICT_EQUAL] != tries.totals.total)
		return STATUS_DIFFERS;
	if (tries.totals.total == MAX(opts->repeat, 1u))
		return STATUS_DONE;
	fprintf(stderr, "tapedeck: stopped after %zu of %llu replays\n", tries.totals.total,
		(unsigned long long)MAX(opts->repeat, 1u));
	return STATUS_FAILED;
}

static int replay(const struct replay_opts *opts, struct config *config, struct cassette *cassette,
		  const struct recording_key *key, const struct words *words, struct err *err)
{
	struct host host;
	struct equalizer_opts equalizer_opts = {
		.jobs = 1,
		.keep = opts->keep,
		.is_debugged = opts->gdb,
		.is_checked = opts->valgrind,
		.stop = &common_stop,
	};
	struct equalizer *equalizer;
	int r;

	r = host_equalizer(&equalizer, &host, &opts->build, words, &equalizer_opts, config, cassette, err);
	if (r < 0)
		return r;
	/* A debugger's are its own. */
	if (!opts->gdb)
		common_catch_signals(1);
	r = play(equalizer, opts, config, key, err);
	equalizer_free(equalizer);
	return r;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	struct replay_opts own = *(const struct replay_opts *)arg, *opts = &own;
	auto_config struct config *config = NULL;
	auto_cassette struct cassette *cassette = NULL;
	struct recording_key key;
	int r;

	if (opts->gdb && opts->json)
		return err_usage(err, -EINVAL, "--gdb and --json exclude each other");
	if (opts->gdb && opts->valgrind)
		return err_usage(err, -EINVAL, "--gdb and --valgrind exclude each other");
	r = common_build_config(&config, &opts->build, err);
	if (r < 0)
		return r;
	if (!opts->build.exe)
		opts->build.exe = config->binary;
	if (!opts->build.exe)
		return err_usage(err, -EINVAL, "'replay' needs --exe BUILD: the program to replay with");
	r = cassette_open(&cassette, words->arg[0], false, err);
	if (r == 0)
		r = cassette_find(cassette, words->arg[1], &key, err);
	if (r == 0)
		r = replay(opts, config, cassette, &key, words, err);
	common_warn(cassette);
	return r;
}

#define AT(field) offsetof(struct replay_opts, field)
static const struct opt opts_table[] = {
	BUILD_OPTS(struct replay_opts, build),
	{OPT_FLAG, 0, "gdb", NULL, "stop in the operation, in gdb", AT(gdb)},
	{OPT_FLAG, 0, "valgrind", NULL, "under valgrind, whose first error is the verdict", AT(valgrind)},
	{OPT_UINT, 0, "repeat", "N", "replay it N times, to find what is flaky", AT(repeat), 1, 1000000},
	{OPT_FLAG, 0, "keep", NULL, "leave the folder that the program ran in, and say where", AT(keep)},
	{OPT_FLAG, 0, "fix", NULL, "write into the configuration what a recording should have had", AT(fix)},
	{OPT_FLAG, 0, "json", NULL, "a JSON object, then a summary", AT(json)},
	{OPT_END},
};

const struct command cmd_replay = {
	.name = "replay",
	.words = "CASSETTE ID",
	.summary = "replay one recording with a build and compare",
	.words_min = 2,
	.words_max = 2,
	.rest = "ARGS of the program",
	.opts = opts_table,
	.json = lines_verdicts,
	.opts_size = sizeof(struct replay_opts),
	.run = run,
};
