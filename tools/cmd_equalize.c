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
#include "tools/status.h"
#include "tools/verdicts.h"

struct equalize_opts {
	struct build_opts build;
	struct filter_opts filter;
	uint64_t jobs;
	bool json;
};

struct progress {
	const struct equalize_opts *opts;
	const struct equalizer_totals *totals; /* as they grow */
	struct status_line status;
	uint64_t first_ns; /* when the first comparison came */
};

/* "120 of 300 replayed, 2900 a second, 62 ms left; 3 not equal". Starting the program is not part of the
 * rate. */
static void show_progress(struct progress *progress)
{
	const struct equalizer_totals *totals = progress->totals;
	size_t not_equal = totals->total - totals->by_verdict[VERDICT_EQUAL];
	double elapsed_ns = status_now_ns() - progress->first_ns;
	char left[32];

	if (totals->total < 2 || elapsed_ns <= 0) {
		status_show(&progress->status, "%zu of %zu replayed; %zu not equal", totals->total,
			    totals->found, not_equal);
		return;
	}
	elapsed_ns /= totals->total - 1;
	common_duration(elapsed_ns * (totals->found - totals->total), left);
	status_show(&progress->status, "%zu of %zu replayed, %.0f a second, %s left; %zu not equal",
		    totals->total, totals->found, 1e9 / elapsed_ns, left, not_equal);
}

#define STOPPED 1 /* nobody reads on */

static int on_comparison(const struct comparison *comparison, void *ctx)
{
	struct progress *progress = ctx;
	int r = 0;

	if (!progress->first_ns)
		progress->first_ns = status_now_ns();
	if (progress->opts->json || comparison->verdict != VERDICT_EQUAL)
		status_make_way(&progress->status);
	if (progress->opts->json)
		r = common_print_json(comparison_json(comparison), NULL);
	else if (comparison->verdict != VERDICT_EQUAL)
		verdicts_print(comparison);
	if (status_is_due(&progress->status))
		show_progress(progress);
	return r == 0 && ferror(stdout) ? STOPPED : r;
}

static int nothing_matches(const char *cassette, struct err *err)
{
	err_set(err, -ENOENT, "no recording in '%s' matches", cassette);
	err_hint(err, "'tapedeck ls %s' lists what is there; --incomplete takes in incomplete ones",
		 cassette);
	return -ENOENT;
}

static int finish(const struct equalize_opts *opts, const struct equalizer_totals *totals,
		  const char *cassette, struct err *err)
{
	int r = 0;

	if (opts->json)
		r = common_print_json(verdicts_summary_json(totals), err);
	else
		verdicts_print_summary(totals);
	common_unreadable(totals->unreadable);
	if (r < 0)
		return r;
	if (!totals->found)
		return nothing_matches(cassette, err);
	if (totals->total < totals->found)
		fprintf(stderr, "tapedeck: stopped after %zu of %zu recordings\n", totals->total,
			totals->found);
	if (totals->by_verdict[VERDICT_EQUAL] < totals->total)
		return STATUS_DIFFERS;
	return totals->total < totals->found ? STATUS_FAILED : STATUS_DONE;
}

static int equalize(const struct equalize_opts *opts, struct config *config, struct cassette *cassette,
		    const struct words *words, struct err *err)
{
	struct equalizer_totals totals = {};
	struct progress progress = {.opts = opts, .totals = &totals};
	struct lookup lookup = common_lookup(&opts->filter);
	char engine[4096];
	struct equalizer_opts equalizer_opts = {
		.exe = opts->build.exe,
		.engine = engine,
		.ready = opts->build.ready,
		.init = opts->build.init,
		.args = words->rest,
		.libs = (char *const *)opts->build.libs.item,
		.timeout_ms = opts->build.timeout_ns / 1000000,
		.jobs = opts->jobs,
		.strict = opts->build.strict,
		.stop = &common_stop,
	};
	struct equalizer *equalizer;
	int r;

	r = common_engine(engine, sizeof(engine), err);
	if (r == 0)
		r = equalizer_new(&equalizer, config, cassette, &equalizer_opts, err);
	if (r < 0)
		return r;
	status_init(&progress.status);
	common_catch_signals(1);
	r = equalizer_run(equalizer, &lookup, on_comparison, &progress, &totals, err);
	status_clear(&progress.status);
	verdicts_print_notes(equalizer_notes(equalizer));
	if (r >= 0)
		r = finish(opts, &totals, words->arg[0], err);
	equalizer_free(equalizer);
	return r;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct equalize_opts *opts = arg;
	struct lookup lookup = common_lookup(&opts->filter);
	auto_config struct config *config = NULL;
	auto_cassette struct cassette *cassette = NULL;
	int r;

	r = lookup_check(&lookup, err);
	if (r == 0)
		r = common_config(&config, opts->build.config, err);
	if (r < 0)
		return r;
	if (!opts->build.exe)
		return err_usage(err, -EINVAL, "'equalize' needs --exe BUILD: the program to replay with");
	r = cassette_open(&cassette, words->arg[0], false, err);
	if (r == 0)
		r = equalize(opts, config, cassette, words, err);
	common_warn(cassette);
	return r;
}

#define AT(field) offsetof(struct equalize_opts, field)
static const struct opt opts_table[] = {
	BUILD_OPTS(struct equalize_opts, build),
	FILTER_OPTS(struct equalize_opts, filter),
	{OPT_UINT, 0, "jobs", "N", "replay N at once; default: one a core", AT(jobs), 1, 256},
	{OPT_FLAG, 0, "json", NULL, "a JSON object a comparison, then a summary", AT(json)},
	{OPT_END},
};

const struct command cmd_equalize = {
	.name = "equalize",
	.words = "CASSETTE",
	.summary = "replay many recordings with a build and compare",
	.words_min = 1,
	.words_max = 1,
	.rest = "ARGS of the program",
	.opts = opts_table,
	.json = lines_verdicts,
	.opts_size = sizeof(struct equalize_opts),
	.run = run,
};
