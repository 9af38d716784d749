// SPDX-License-Identifier: BSD-3-Clause
/* What recordings take, by category. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"
#include "tools/status.h"

#define CATEGORIES_MAX 65536

struct du_opts {
	bool json;
};

struct share {
	char category[CATEGORY_MAX + 1], first[9], last[9];    /* days */
	uint64_t recordings, full, full_bytes, metadata_bytes; /* recordings: metadata documents */
};

struct measure {
	struct share *shares; /* by category */
	size_t cnt, cap, at;  /* at: of the last, for most follow each other */
	uint64_t schemas, schema_bytes;
	struct status_line status;
	uint64_t seen;
	struct err *err;
};

static struct share *find(struct measure *measure, const char *category)
{
	size_t low = 0, high = measure->cnt;

	if (measure->at < measure->cnt && strcmp(measure->shares[measure->at].category, category) == 0)
		return &measure->shares[measure->at];
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(measure->shares[mid].category, category) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	measure->at = low;
	if (low < measure->cnt && strcmp(measure->shares[low].category, category) == 0)
		return &measure->shares[low];
	if (measure->cnt == CATEGORIES_MAX)
		return NULL;
	if (measure->cnt == measure->cap) {
		size_t cap = measure->cap ? 2 * measure->cap : 16;
		struct share *shares = realloc(measure->shares, cap * sizeof(*shares));

		if (!shares)
			return NULL;
		measure->shares = shares;
		measure->cap = cap;
	}
	memmove(&measure->shares[low + 1], &measure->shares[low],
		(measure->cnt++ - low) * sizeof(struct share));
	measure->shares[low] = (struct share){};
	snprintf(measure->shares[low].category, sizeof(measure->shares[low].category), "%s", category);
	return &measure->shares[low];
}

static void note_day(struct share *share, const char *day)
{
	if (!*share->first || strcmp(day, share->first) < 0)
		memcpy(share->first, day, sizeof(share->first));
	if (strcmp(day, share->last) > 0)
		memcpy(share->last, day, sizeof(share->last));
}

static int on_size(const char *kind, const struct recording_key *key, uint64_t size, void *ctx)
{
	struct measure *measure = ctx;
	struct share *share;

	if (common_stop)
		return err_set(measure->err, -EINTR, "interrupted");
	if (++measure->seen % 1000 == 0)
		status_show(&measure->status, "%llu objects", (unsigned long long)measure->seen);
	if (!key) {
		measure->schemas++;
		measure->schema_bytes += size;
		return 0;
	}
	share = find(measure, key->category);
	if (!share)
		return err_set(measure->err, -EFBIG, "more than %d categories", CATEGORIES_MAX);
	note_day(share, key->day);
	if (strcmp(kind, "full") == 0) {
		share->full++;
		share->full_bytes += size;
	} else {
		share->recordings++;
		share->metadata_bytes += size;
	}
	return 0;
}

static struct share total_of(const struct measure *measure)
{
	struct share total = {};

	for (size_t i = 0; i < measure->cnt; i++) {
		total.recordings += measure->shares[i].recordings;
		total.full += measure->shares[i].full;
		total.full_bytes += measure->shares[i].full_bytes;
		total.metadata_bytes += measure->shares[i].metadata_bytes;
	}
	return total;
}

static cJSON *share_json(const char *type, const struct share *share)
{
	cJSON *line = cJSON_CreateObject();

	cJSON_AddStringToObject(line, "type", type);
	if (*share->category)
		cJSON_AddStringToObject(line, "category", share->category);
	cJSON_AddNumberToObject(line, "recordings", share->recordings);
	cJSON_AddNumberToObject(line, "full_bytes", share->full_bytes);
	cJSON_AddNumberToObject(line, "metadata_bytes", share->metadata_bytes);
	if (*share->first) {
		cJSON_AddStringToObject(line, "first_day", share->first);
		cJSON_AddStringToObject(line, "last_day", share->last);
	}
	return line;
}

static int print_json(const struct measure *measure, struct err *err)
{
	struct share total = total_of(measure);
	cJSON *summary;
	int r = 0;

	for (size_t i = 0; r == 0 && i < measure->cnt; i++)
		r = common_print_json(share_json("category", &measure->shares[i]), err);
	if (r < 0)
		return r;
	summary = share_json("summary", &total);
	cJSON_AddNumberToObject(summary, "schemas", measure->schemas);
	cJSON_AddNumberToObject(summary, "schema_bytes", measure->schema_bytes);
	cJSON_AddNumberToObject(summary, "halves",
				total.full > total.recordings ? total.full - total.recordings : 0);
	return common_print_json(summary, err);
}

static void print_row(const char *name, const struct share *share)
{
	char full[32], metadata[32];

	common_size(share->full_bytes, full);
	common_size(share->metadata_bytes, metadata);
	printf("%12llu %10s %10s  %8s  %8s  %s\n", (unsigned long long)share->recordings, full, metadata,
	       share->first, share->last, name);
}

static void print_text(const struct measure *measure)
{
	struct share total = total_of(measure);
	char size[32];

	printf("%12s %10s %10s  %8s  %8s  %s\n", "recordings", "full", "metadata", "first", "last",
	       "category");
	for (size_t i = 0; i < measure->cnt; i++)
		print_row(measure->shares[i].category, &measure->shares[i]);
	print_row("(all)", &total);
	common_size(measure->schema_bytes, size);
	printf("%llu schemas, %s\n", (unsigned long long)measure->schemas, size);
	if (total.full > total.recordings)
		printf("%llu recordings without metadata, which are not listed: 'tapedeck verify' names them\n",
		       (unsigned long long)(total.full - total.recordings));
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct du_opts *opts = arg;
	auto_cassette struct cassette *cassette = NULL;
	struct measure measure = {.err = err};
	int r = cassette_open(&cassette, words->arg[0], false, err);

	if (r < 0)
		return r;
	status_init(&measure.status);
	common_catch_signals(1);
	r = cassette_sizes(cassette, on_size, &measure, err);
	status_clear(&measure.status);
	if (r == 0 && opts->json)
		r = print_json(&measure, err);
	else if (r == 0)
		print_text(&measure);
	common_warn(cassette);
	free(measure.shares);
	return r < 0 ? r : STATUS_DONE;
}

static const struct opt opts_table[] = {
	{OPT_FLAG, 0, "json", NULL, "a JSON object a category, then a summary",
	 offsetof(struct du_opts, json)},
	{OPT_END},
};

const struct command cmd_du = {
	.name = "du",
	.words = "CASSETTE",
	.summary = "what recordings take, by category",
	.words_min = 1,
	.words_max = 1,
	.opts = opts_table,
	.json = lines_du,
	.opts_size = sizeof(struct du_opts),
	.run = run,
};
