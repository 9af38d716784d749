// SPDX-License-Identifier: BSD-3-Clause
#include "tools/equalizing.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "replay/equalizer.h"
#include "replay/report.h"
#include "tools/baseline.h"
#include "tools/cover.h"
#include "tools/host.h"
#include "tools/noise.h"
#include "tools/status.h"
#include "tools/tally.h"
#include "tools/verdicts.h"

#define PROGRESS_MAX 512

struct equalizing {
	const struct equalizing_opts *opts;
	const char *cassette;
	struct recording_key *keys; /* those that were asked for by name; NULL: the filters choose */
	size_t keys_cnt;
	struct equalizer_totals totals; /* as they grow */
	struct tally tally;
	struct noise noise;
	struct cover cover;
	const struct config *config;
	struct baseline *baseline; /* NULL: nothing is accepted */
	struct report *reports[OPT_LIST_MAX];
	size_t reports_cnt;
	size_t alike;	 /* left out, with --distinct */
	size_t accepted; /* of those that are not equal */
	size_t met;	 /* of --accept */
	struct status_line status;
	uint64_t first_ns; /* when the first comparison came */
	struct err *err;
};

/* ", 2900 a second, 62 ms left". Starting the program is not part of the rate; what is left is known when all
 * are found. */
static void put_rate(struct buf *out, const struct equalizing *e)
{
	const struct equalizer_totals *totals = &e->totals;
	double elapsed_ns = status_now_ns() - e->first_ns;
	char left[32];

	if (totals->total < 2 || elapsed_ns <= 0)
		return;
	elapsed_ns /= totals->total - 1;
	buf_printf(out, ", %.0f a second", 1e9 / elapsed_ns);
	if (!totals->is_listed)
		return;
	common_duration(elapsed_ns * (totals->found - totals->total), left);
	buf_printf(out, ", %s left", left);
}

/* "120 of 300 replayed, 2900 a second, 62 ms left: 117 equal, 3 different" */
static void show_progress(struct equalizing *e)
{
	const struct equalizer_totals *totals = &e->totals;
	const char *before = ": ";
	auto_buf struct buf line = {};

	buf_init(&line, PROGRESS_MAX);
	buf_printf(&line, "%zu of %zu%s replayed", totals->total, totals->found,
		   totals->is_listed ? "" : "+");
	put_rate(&line, e);
	for (int i = 0; i < VERDICT_CNT; i++) {
		if (!totals->by_verdict[i])
			continue;
		buf_printf(&line, "%s%zu %s", before, totals->by_verdict[i], verdict_name(i));
		before = ", ";
	}
	if (!line.failed)
		status_show(&e->status, "%.*s", (int)line.len, (const char *)line.data);
}

/* --- one comparison --- */

static bool is_to_be_accepted(const struct equalizing *e, const struct comparison *comparison)
{
	char id[CATEGORY_MAX + 48];

	recording_key_text(&comparison->key, id);
	for (size_t i = 0; i < e->opts->accept.cnt; i++)
		if (!strcmp(e->opts->accept.item[i], id) ||
		    !strcmp(e->opts->accept.item[i], comparison->key.id))
			return true;
	return false;
}

static int put_in_reports(struct equalizing *e, const struct comparison *comparison)
{
	int r = 0;

	for (size_t i = 0; i < e->reports_cnt && r == 0; i++)
		r = report_add(e->reports[i], comparison, e->err);
	return r;
}

static int print(struct equalizing *e, const struct comparison *comparison, bool is_accepted)
{
	if (e->opts->json) {
		status_make_way(&e->status);
		return common_print_json(comparison_json(comparison), e->err);
	}
	if (comparison->verdict != VERDICT_EQUAL && !is_accepted) {
		status_make_way(&e->status);
		verdicts_print(comparison);
	}
	return 0;
}

#define STOPPED 1 /* nobody reads on */

static int on_comparison(const struct comparison *comparison, void *ctx)
{
	struct equalizing *e = ctx;
	bool is_accepted;
	int r = 0;

	if (!e->first_ns)
		e->first_ns = status_now_ns();
	if (is_to_be_accepted(e, comparison)) {
		e->met++;
		r = baseline_add(e->baseline, comparison, e->err);
	}
	is_accepted = e->baseline && baseline_accepts(e->baseline, comparison);
	e->accepted += is_accepted;
	if (r == 0)
		r = tally_add(&e->tally, comparison, is_accepted, e->err);
	if (r == 0)
		r = put_in_reports(e, comparison);
	if (r == 0)
		r = print(e, comparison, is_accepted);
	if (status_is_due(&e->status))
		show_progress(e);
	return r == 0 && ferror(stdout) ? STOPPED : r;
}

/* Ctrl-C has not ended it before; says so when it has. */
static bool is_whole(const struct equalizing *e)
{
	const struct equalizer_totals *totals = &e->totals;

	if (totals->is_listed && totals->total == totals->found)
		return true;
	fprintf(stderr, "tapedeck: stopped after %zu of %s%zu recordings\n", totals->total,
		totals->is_listed ? "" : "at least ", totals->found);
	return false;
}

/* --- noise --- */

static int on_noise(const struct comparison *comparison, void *ctx)
{
	struct equalizing *e = ctx;

	if (!e->first_ns)
		e->first_ns = status_now_ns();
	if (status_is_due(&e->status))
		show_progress(e);
	return noise_add(&e->noise, e->config, comparison, e->err);
}

static int nothing_matches(const char *cassette, struct err *err);

/* Twice: what the replays of one build differ in among themselves differs from the recording in one of them.
 */
static int learn_noise(struct equalizing *e, struct equalizer *equalizer, const struct selection *selection)
{
	int r = 0, runs = 0;

	for (; runs < 2 && r == 0 && !common_stop; runs++)
		r = equalizer_run(equalizer, selection, on_noise, e, &e->totals, e->err);
	status_clear(&e->status);
	verdicts_print_notes(equalizer_notes(equalizer));
	if (r == 0 && !e->totals.found && e->totals.is_listed)
		return nothing_matches(e->cassette, e->err);
	if (r == 0 && (runs < 2 || !is_whole(e)))
		return err_set(e->err, -EINTR,
			       "stopped: nothing is proposed, for not all was replayed twice");
	if (r == 0)
		r = noise_print(&e->noise, e->opts->json, e->err);
	if (r == 0 && e->opts->write)
		r = noise_write(&e->noise, e->config, e->err);
	return r < 0 || !e->noise.rules_cnt || e->opts->write ? r : STATUS_DIFFERS;
}

/* --- what is reached --- */

static int on_reached(const struct comparison *comparison, void *ctx)
{
	struct equalizing *e = ctx;

	if (!e->first_ns)
		e->first_ns = status_now_ns();
	if (status_is_due(&e->status))
		show_progress(e);
	return cover_add(&e->cover, comparison, e->err);
}

static int choose_cover(struct equalizing *e, struct equalizer *equalizer, const struct selection *selection)
{
	int r = equalizer_run(equalizer, selection, on_reached, e, &e->totals, e->err);

	status_clear(&e->status);
	verdicts_print_notes(equalizer_notes(equalizer));
	common_alike(e->alike);
	if (r == 0 && !e->totals.found && e->totals.is_listed)
		return nothing_matches(e->cassette, e->err);
	r = r < 0 ? r : cover_print(&e->cover, e->opts->json, e->err);
	return r < 0 ? r : !is_whole(e) ? STATUS_FAILED : STATUS_DONE;
}

/* --- the end --- */

static int nothing_matches(const char *cassette, struct err *err)
{
	err_set(err, -ENOENT, "no recording in '%s' matches", cassette);
	err_hint(err, "'tapedeck ls %s' lists what is there; --incomplete takes in incomplete ones",
		 cassette);
	return -ENOENT;
}

static int print_json(const struct equalizing *e)
{
	cJSON *json = equalizer_totals_json(&e->totals);
	int r = 0;

	for (size_t i = 0; e->opts->by_category && i < e->tally.categories_cnt && r == 0; i++)
		r = common_print_json(tally_category_json(&e->tally.categories[i]), e->err);
	if (json && e->opts->by_category)
		cJSON_AddNumberToObject(json, "accepted", e->accepted);
	return r < 0 ? r : common_print_json(json, e->err);
}

static void print_text(struct equalizing *e)
{
	verdicts_print_summary(&e->totals);
	tally_print_causes(&e->tally);
	if (e->opts->by_category)
		tally_print_categories(&e->tally);
}

/* "3", or "0.5%" of @total. */
static int read_allowed(size_t *out, const char *text, size_t total, struct err *err)
{
	char *end;
	double number;

	*out = 0;
	if (!text)
		return 0;
	number = strtod(text, &end);
	if (end == text || number < 0 || (strcmp(end, "%") && *end) || (*end && number > 100))
		return err_usage(err, -EINVAL, "--allow: '%s' is neither a number nor a share as 0.5%%",
				 text);
	*out = *end ? number / 100 * total : number;
	return 0;
}

static int close_reports(struct equalizing *e)
{
	int r = 0;

	for (size_t i = 0; i < e->reports_cnt; i++) {
		int closed = report_close(e->reports[i], &e->totals, r ? NULL : e->err);

		r = r ? r : closed;
	}
	e->reports_cnt = 0;
	return r;
}

static int finish(struct equalizing *e)
{
	const struct equalizer_totals *totals = &e->totals;
	size_t unequal = totals->total - totals->by_verdict[VERDICT_EQUAL] - e->accepted, allowed;
	bool is_all;
	int r = close_reports(e);

	if (r == 0 && e->baseline)
		r = baseline_save(e->baseline, e->err);
	if (e->opts->json)
		r = print_json(e) ?: r;
	else
		print_text(e);
	common_alike(e->alike);
	if (r == 0)
		r = read_allowed(&allowed, e->opts->allow, totals->total, e->err);
	if (r < 0)
		return r;
	if (!totals->found && totals->is_listed)
		return nothing_matches(e->cassette, e->err);
	if (e->met < e->opts->accept.cnt)
		fprintf(stderr,
			"tapedeck: %zu of the recordings to accept were not among those that were replayed\n",
			e->opts->accept.cnt - e->met);
	is_all = is_whole(e);
	if (unequal > allowed)
		return STATUS_DIFFERS;
	return is_all ? STATUS_DONE : STATUS_FAILED;
}

/* --- the beginning --- */

static int open_reports(struct equalizing *e)
{
	const struct report_head head = {.build = e->opts->build.exe, .cassette = e->cassette};
	int r = 0;

	for (size_t i = 0; i < e->opts->reports.cnt && r == 0; i++) {
		r = report_open(&e->reports[i], e->opts->reports.item[i], &head, e->err);
		e->reports_cnt += r == 0;
	}
	return r;
}

static int play(struct equalizing *e, struct config *config, struct cassette *cassette,
		const struct words *words)
{
	const struct equalizing_opts *opts = e->opts;
	struct lookup lookup = common_lookup(&opts->filter);
	const struct selection selection = {&lookup, e->keys, e->keys_cnt};
	struct host host;
	struct equalizer_opts equalizer_opts = {
		.jobs = opts->jobs,
		.recycle = opts->recycle,
		.keeps_results = opts->keep_results,
		.covers = opts->cover,
		.goes_on = opts->by_category,
		.stop = &common_stop,
	};
	struct equalizer *equalizer;
	int r;

	r = host_equalizer(&equalizer, &host, &opts->build, words, &equalizer_opts, config, cassette, e->err);
	if (r < 0)
		return r;
	status_init(&e->status);
	common_catch_signals(1);
	e->config = config;
	lookup.alike = &e->alike;
	if (opts->learn_noise || opts->cover) {
		r = (opts->cover ? choose_cover : learn_noise)(e, equalizer, &selection);
		equalizer_free(equalizer);
		return r;
	}
	r = equalizer_run(equalizer, &selection, on_comparison, e, &e->totals, e->err);
	status_clear(&e->status);
	verdicts_print_notes(equalizer_notes(equalizer));
	verdicts_print_unrecorded(&e->totals);
	if (r >= 0)
		r = finish(e);
	equalizer_free(equalizer);
	return r;
}

static int by_category(const void *a, const void *b)
{
	const struct recording_key *one = a, *other = b;
	int r = strcmp(one->category, other->category);

	r = r ?: strcmp(one->day, other->day);
	return r ?: strcmp(one->id, other->id);
}

/* The recordings that are named; those of a category together where the categories stand apart. */
static int find_keys(struct equalizing *e, struct cassette *cassette, const struct words *words)
{
	int r = 0;

	if (words->cnt == 1)
		return 0;
	if (common_has_filter(&e->opts->filter))
		return err_usage(e->err, -EINVAL, "recordings are named, or chosen by filters; not both");
	e->keys = calloc(words->cnt, sizeof(*e->keys));
	if (!e->keys)
		return err_nomem(e->err);
	for (int i = 1; i < words->cnt && r == 0; i++) {
		r = cassette_find(cassette, words->arg[i], &e->keys[e->keys_cnt], e->err);
		e->keys_cnt += r == 0;
	}
	if (e->opts->by_category)
		qsort(e->keys, e->keys_cnt, sizeof(*e->keys), by_category);
	return r;
}

static void release(struct equalizing *e)
{
	free(e->keys);
	for (size_t i = 0; i < e->reports_cnt; i++)
		report_abandon(e->reports[i]);
	baseline_free(e->baseline);
	tally_release(&e->tally);
	noise_release(&e->noise);
	cover_release(&e->cover);
}

int equalizing_run(const struct equalizing_opts *opts, const char *name, const struct words *words,
		   struct err *err)
{
	struct lookup lookup = common_lookup(&opts->filter);
	struct equalizing_opts own = *opts;
	struct equalizing e = {.opts = &own, .cassette = words->arg[0], .err = err};
	auto_config struct config *config = NULL;
	auto_cassette struct cassette *cassette = NULL;
	size_t allowed;
	int r;

	r = lookup_check(&lookup, err);
	if (r == 0)
		r = read_allowed(&allowed, opts->allow, 0, err);
	if (r == 0)
		r = common_build_config(&config, &opts->build, err);
	if (r < 0)
		return r;
	if (opts->write && !opts->learn_noise)
		return err_usage(err, -EINVAL, "--write goes with --learn-noise");
	if (opts->learn_noise && opts->reports.cnt)
		return err_usage(err, -EINVAL, "--learn-noise judges no build: it does not go with --report");
	if (opts->cover && (opts->learn_noise || opts->reports.cnt))
		return err_usage(err, -EINVAL,
				 "--cover chooses recordings and judges none: it goes with neither "
				 "--learn-noise nor --report");
	if (!own.build.exe)
		own.build.exe = config->binary;
	if (!own.build.exe)
		return err_usage(err, -EINVAL, "'%s' needs --exe BUILD: the program to replay with", name);
	r = cassette_open(&cassette, words->arg[0], false, err);
	if (r == 0 && opts->by_category)
		r = baseline_open(&e.baseline, opts->baseline, opts->accept.cnt, err);
	if (r == 0)
		r = find_keys(&e, cassette, words);
	if (r == 0)
		r = open_reports(&e);
	if (r == 0)
		r = play(&e, config, cassette, words);
	release(&e);
	common_warn(cassette);
	return r;
}
