// SPDX-License-Identifier: BSD-3-Clause
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/lookup.h"
#include "lib/util.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"
#include "tools/status.h"

#define TOGETHER 1000 /* recordings that are removed by one request, where the cassette can */

struct rm_opts {
	struct filter_opts filter;
	bool all, dry_run, json;
};

struct removing {
	struct cassette *cassette;
	const struct rm_opts *opts;
	struct cassette_item items[TOGETHER];
	size_t cnt;
	uint64_t removed;
	struct status_line status;
	struct err *err;
};

static int flush(struct removing *removing)
{
	int r = 0;

	if (!removing->opts->dry_run)
		r = cassette_remove_many(removing->cassette, removing->items, removing->cnt, removing->err);
	for (size_t i = 0; i < removing->cnt; i++)
		removing->removed += !removing->items[i].result;
	removing->cnt = 0;
	status_show(&removing->status, "%llu recordings removed", (unsigned long long)removing->removed);
	return r;
}

static int on_key(const struct recording_key *key, void *ctx)
{
	struct removing *removing = ctx;
	char text[CATEGORY_MAX + 48];

	if (common_stop)
		return err_set(removing->err, -EINTR, "interrupted: %llu recordings were removed",
			       (unsigned long long)removing->removed);
	if (removing->opts->dry_run && !removing->opts->json) {
		recording_key_text(key, text);
		puts(text);
	}
	removing->items[removing->cnt++] = (struct cassette_item){.key = *key};
	return removing->cnt == TOGETHER ? flush(removing) : 0;
}

static int on_found(const struct found *found, void *ctx)
{
	return on_key(&found->key, ctx);
}

static int remove_named(struct removing *removing, const struct words *words)
{
	struct recording_key key;
	int r = 0;

	for (int i = 1; r == 0 && i < words->cnt; i++) {
		r = cassette_find(removing->cassette, words->arg[i], &key, removing->err);
		if (r == 0)
			r = on_key(&key, removing);
	}
	return r;
}

static int remove_chosen(struct removing *removing, const struct rm_opts *opts, const struct words *words)
{
	struct lookup lookup = common_lookup(&opts->filter);
	int r;

	if (words->cnt > 1)
		r = remove_named(removing, words);
	else if (opts->all)
		r = cassette_each(removing->cassette, NULL, NULL, NULL, on_key, removing, removing->err);
	else
		r = lookup_each(removing->cassette, &lookup, NULL, on_found, removing, removing->err);
	return r < 0 ? r : flush(removing);
}

static int report(const struct removing *removing, const struct rm_opts *opts, struct err *err)
{
	cJSON *line;

	if (opts->json) {
		line = cJSON_CreateObject();
		cJSON_AddStringToObject(line, "type", "summary");
		cJSON_AddNumberToObject(line, opts->dry_run ? "found" : "removed", removing->removed);
		return common_print_json(line, err);
	}
	if (!opts->dry_run)
		printf("%llu recordings removed\n", (unsigned long long)removing->removed);
	return 0;
}

/* Exactly one of the three ways to say which. */
static int check_choice(const struct rm_opts *opts, const struct words *words, struct err *err)
{
	int ways = (words->cnt > 1) + opts->all + common_has_filter(&opts->filter);

	if (ways == 1)
		return 0;
	err_usage(err, -EINVAL,
		  ways ? "ids, filters and --all exclude each other" : "'rm' needs to know what to remove");
	err_hint(err, "give ids, or filters as for ls, or --all; --dry-run shows what would go");
	return -EINVAL;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct rm_opts *opts = arg;
	struct lookup lookup = common_lookup(&opts->filter);
	autofree struct removing *removing = calloc(1, sizeof(*removing));
	auto_cassette struct cassette *cassette = NULL;
	int r = removing ? check_choice(opts, words, err) : err_nomem(err);

	if (r == 0)
		r = lookup_check(&lookup, err);
	if (r == 0)
		r = cassette_open(&cassette, words->arg[0], false, err);
	if (r < 0)
		return r;
	removing->cassette = cassette;
	removing->opts = opts;
	removing->err = err;
	status_init(&removing->status);
	common_catch_signals(1);
	r = remove_chosen(removing, opts, words);
	status_clear(&removing->status);
	if (r == 0)
		r = report(removing, opts, err);
	common_warn(cassette);
	return r < 0 ? r : STATUS_DONE;
}

static const struct opt opts_table[] = {
	FILTER_OPTS(struct rm_opts, filter),
	{OPT_FLAG, 0, "all", NULL, "all recordings, incomplete ones and start-ups too",
	 offsetof(struct rm_opts, all)},
	{OPT_FLAG, 0, "dry-run", NULL, "show which, and remove nothing", offsetof(struct rm_opts, dry_run)},
	{OPT_FLAG, 0, "json", NULL, "the summary as a JSON object", offsetof(struct rm_opts, json)},
	{OPT_END},
};

const struct command cmd_rm = {
	.name = "rm",
	.words = "CASSETTE [ID...]",
	.summary = "remove recordings",
	.words_min = 1,
	.words_max = 1000,
	.opts = opts_table,
	.json = lines_rm,
	.opts_size = sizeof(struct rm_opts),
	.run = run,
};
