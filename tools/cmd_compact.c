// SPDX-License-Identifier: BSD-3-Clause
#include <cjson/cJSON.h>
#include <stdio.h>
#include <time.h>

#include "lib/cassette.h"
#include "lib/compact.h"
#include "lib/err.h"
#include "lib/timestamp.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"

struct compact_words {
	uint64_t keep_ns, segment_bytes;
	bool schemas, json;
};

static int report(const struct compact_counts *counts, bool json, struct err *err)
{
	cJSON *line;

	if (json) {
		line = cJSON_CreateObject();
		cJSON_AddStringToObject(line, "type", "summary");
		cJSON_AddNumberToObject(line, "expired", counts->expired);
		cJSON_AddNumberToObject(line, "moved", counts->moved);
		cJSON_AddNumberToObject(line, "merged", counts->merged);
		cJSON_AddNumberToObject(line, "made", counts->made);
		cJSON_AddNumberToObject(line, "orphans", counts->orphans);
		cJSON_AddNumberToObject(line, "schemas", counts->schemas);
		return common_print_json(line, err);
	}
	printf("%llu recordings were too old, %llu were moved into segments, %llu segments became %llu\n",
	       (unsigned long long)counts->expired, (unsigned long long)counts->moved,
	       (unsigned long long)counts->merged, (unsigned long long)counts->made);
	if (counts->orphans)
		printf("%llu segments that nobody ended were removed\n", (unsigned long long)counts->orphans);
	if (counts->schemas)
		printf("%llu schemas that nothing needs were removed\n", (unsigned long long)counts->schemas);
	return 0;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct compact_words *said = arg;
	struct compact_opts opts = {
		.segment_bytes = said->segment_bytes, .schemas = said->schemas, .stop = &common_stop};
	auto_cassette struct cassette *cassette = NULL;
	struct compact_counts counts;
	int r;

	opts.now_ns = time(NULL) * TIMESTAMP_S;
	if (said->keep_ns)
		timestamp_day(opts.now_ns - (int64_t)said->keep_ns, opts.keep_since);
	r = cassette_open(&cassette, words->arg[0], false, err);
	if (r < 0)
		return r;
	common_catch_signals(1);
	r = compact(cassette, &opts, &counts, err);
	if (r == 0)
		r = report(&counts, said->json, err);
	common_warn(cassette);
	return r < 0 ? r : STATUS_DONE;
}

#define KEEP_MAX_NS (50ull * 365 * 24 * 60 * 60 * TIMESTAMP_S)
#define AT(field)   offsetof(struct compact_words, field)
static const struct opt opts_table[] = {
	{OPT_DURATION, 0, "keep", "TIME", "remove what was recorded on days before so long ago: 90d",
	 AT(keep_ns), 1, KEEP_MAX_NS},
	{OPT_BYTES, 0, "segment-size", "SIZE", "of what small segments become; default 64M",
	 AT(segment_bytes), 1 << 10, 128 << 20},
	{OPT_FLAG, 0, "schemas", NULL,
	 "remove schemas that no recording names; nothing may be recorded meanwhile", AT(schemas)},
	{OPT_FLAG, 0, "json", NULL, "the summary as a JSON object", AT(json)},
	{OPT_END},
};

const struct command cmd_compact = {
	.name = "compact",
	.words = "CASSETTE",
	.summary = "merge segments, and remove what is too old",
	.words_min = 1,
	.words_max = 1,
	.opts = opts_table,
	.json = lines_compact,
	.opts_size = sizeof(struct compact_words),
	.run = run,
};
