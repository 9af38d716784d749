// SPDX-License-Identifier: BSD-3-Clause
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/util.h"
#include "replay/equalizer.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"
#include "tools/verdicts.h"

struct replay_opts {
	const char *config, *exe, *ready;
	struct opt_list libs;
	uint64_t timeout_ns;
	bool json, strict;
};

static int print(const struct comparison *comparison, bool json, struct err *err)
{
	struct equalizer_totals totals = {.total = 1, .not_compared = comparison->differences.unavailable};
	int r;

	totals.by_verdict[comparison->verdict] = 1;
	if (!json) {
		verdicts_print(comparison);
		return 0;
	}
	r = common_print_json(comparison_json(comparison), err);
	return r < 0 ? r : common_print_json(verdicts_summary_json(&totals), err);
}

static int replay(const struct replay_opts *opts, const struct config *config, struct cassette *cassette,
		  const struct recording_key *key, const struct words *words, struct err *err)
{
	char engine[4096];
	struct equalizer_opts equalizer_opts = {
		.exe = opts->exe,
		.engine = engine,
		.ready = opts->ready,
		.args = words->rest,
		.libs = (char *const *)opts->libs.item,
		.timeout_ms = opts->timeout_ns / 1000000,
		.jobs = 1,
		.strict = opts->strict,
	};
	struct comparison comparison = {};
	struct equalizer *equalizer;
	int r;

	r = common_engine(engine, sizeof(engine), err);
	if (r == 0)
		r = equalizer_new(&equalizer, config, cassette, &equalizer_opts, err);
	if (r < 0)
		return r;
	r = equalizer_one(equalizer, key, &comparison, err);
	verdicts_print_notes(equalizer_notes(equalizer));
	if (r == 0) {
		r = print(&comparison, opts->json, err);
		if (r == 0)
			r = comparison.verdict == VERDICT_EQUAL ? STATUS_DONE : STATUS_DIFFERS;
		comparison_release(&comparison);
	}
	equalizer_free(equalizer);
	return r;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct replay_opts *opts = arg;
	auto_config struct config *config = NULL;
	auto_cassette struct cassette *cassette = NULL;
	struct recording_key key;
	int r;

	r = common_config(&config, opts->config, err);
	if (r < 0)
		return r;
	if (!opts->exe)
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
	{OPT_STR, 'c', "config", "FILE", "the configuration; default " CONFIG_DEFAULT, AT(config)},
	{OPT_STR, 0, "exe", "BUILD", "the build to replay with", AT(exe)},
	{OPT_LIST, 0, "lib", "SONAME=PATH", "replay with this library instead", AT(libs)},
	{OPT_STR, 0, "ready", "WHERE",
	 "where start-up ends: main, end, or a function; default: accept, epoll_wait...", AT(ready)},
	{OPT_DURATION, 0, "timeout", "TIME", "for the replay; default 10s", AT(timeout_ns), 1000000},
	{OPT_FLAG, 0, "strict", NULL, "refuse functions that are inlined in places", AT(strict)},
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
