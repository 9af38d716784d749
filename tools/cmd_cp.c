// SPDX-License-Identifier: BSD-3-Clause
/* Recordings from one cassette to another, as they are, with what they name. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/lookup.h"
#include "lib/schema.h"
#include "lib/util.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"
#include "tools/status.h"

#define TOGETHER     128 /* recordings that are on their way at once */
#define STARTUPS_MAX 64
#define SCHEMAS_MAX  65536 /* that are remembered as copied */

struct cp_opts {
	struct filter_opts filter;
	bool json;
};

struct copying {
	struct cassette *from, *to;
	struct cassette_item items[TOGETHER];
	size_t cnt;
	char (*schemas)[SCHEMA_ID_LEN + 1]; /* that are there */
	size_t schemas_cnt;
	struct recording_key startups[STARTUPS_MAX]; /* that were copied last, round and round */
	size_t startups_cnt;
	uint64_t copied, bytes, failed;
	struct status_line status;
	struct err *err;
};

static int copy_schema(struct copying *copying, const char *id)
{
	struct blob blob;
	void *grown;
	int r;

	for (size_t i = 0; i < copying->schemas_cnt; i++)
		if (strcmp(copying->schemas[i], id) == 0)
			return 0;
	r = cassette_get_schema(copying->from, id, &blob, copying->err);
	if (r < 0)
		return r;
	r = cassette_put_schema(copying->to, id, blob.data, blob.len, copying->err);
	free(blob.data);
	if (r < 0 || copying->schemas_cnt == SCHEMAS_MAX)
		return r;
	grown = realloc(copying->schemas, (copying->schemas_cnt + 1) * sizeof(*copying->schemas));
	if (!grown)
		return err_nomem(copying->err);
	copying->schemas = grown;
	snprintf(copying->schemas[copying->schemas_cnt++], SCHEMA_ID_LEN + 1, "%s", id);
	return 0;
}

/* Before the recording that names it. */
static int copy_schema_of(struct copying *copying, const struct blob *metadata)
{
	auto_cjson cJSON *doc = cJSON_ParseWithLength(metadata->data, metadata->len);
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc, "schema"));

	if (!id)
		return err_set(copying->err, -EBADMSG, "its metadata names no schema");
	return copy_schema(copying, id);
}

static void complain(struct copying *copying, const struct recording_key *key, const char *why)
{
	char text[CATEGORY_MAX + 48];

	recording_key_text(key, text);
	status_clear(&copying->status);
	fprintf(stderr, "tapedeck: cannot copy '%s': %s\n", text, why);
	copying->failed++;
}

/* What one recording is like is its own matter; cassettes that do not answer end it all. */
static int read_items(struct copying *copying)
{
	int r = cassette_get_many(copying->from, copying->items, copying->cnt, copying->err);

	if (r == -ENOMEM || cassette_is_away(r))
		return r;
	for (size_t i = 0; i < copying->cnt; i++) {
		struct cassette_item *item = &copying->items[i];

		if (item->result) {
			complain(copying, &item->key,
				 item->result == -ENOENT ? "it is gone, or only half there"
							 : strerror(-item->result));
			continue;
		}
		r = copy_schema_of(copying, &item->metadata);
		if (r == -ENOMEM || cassette_is_away(r) || r == -EROFS)
			return r;
		if (r < 0)
			complain(copying, &item->key, copying->err->msg);
		item->result = r;
	}
	return 0;
}

static int write_items(struct copying *copying)
{
	struct cassette_item ready[TOGETHER];
	size_t cnt = 0;
	int r;

	for (size_t i = 0; i < copying->cnt; i++)
		if (!copying->items[i].result)
			ready[cnt++] = copying->items[i];
	r = cassette_put_many(copying->to, ready, cnt, copying->err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < cnt; i++)
		copying->bytes += ready[i].full.len + ready[i].metadata.len;
	copying->copied += cnt;
	return 0;
}

static int flush(struct copying *copying)
{
	int r = read_items(copying);

	if (r == 0)
		r = write_items(copying);
	for (size_t i = 0; i < copying->cnt; i++) {
		free(copying->items[i].full.data);
		free(copying->items[i].metadata.data);
	}
	copying->cnt = 0;
	status_show(&copying->status, "%llu recordings copied", (unsigned long long)copying->copied);
	return r;
}

static int add(struct copying *copying, const struct recording_key *key)
{
	if (common_stop)
		return err_set(copying->err, -EINTR, "interrupted: %llu recordings were copied",
			       (unsigned long long)copying->copied);
	copying->items[copying->cnt++] = (struct cassette_item){.key = *key};
	return copying->cnt == TOGETHER ? flush(copying) : 0;
}

static int on_key(const struct recording_key *key, void *ctx)
{
	return add(ctx, key);
}

/* All recordings of a process name the same one. */
static int add_startup(struct copying *copying, const char *startup)
{
	struct recording_key key;

	if (cassette_find(copying->from, startup, &key, NULL))
		return 0;
	for (size_t i = 0; i < MIN(copying->startups_cnt, (size_t)STARTUPS_MAX); i++)
		if (!strcmp(copying->startups[i].id, key.id))
			return 0;
	copying->startups[copying->startups_cnt++ % STARTUPS_MAX] = key;
	return add(copying, &key);
}

/* What start-up recorded is needed to replay the others. */
static int on_found(const struct found *found, void *ctx)
{
	struct copying *copying = ctx;
	const char *startup =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(found->metadata, "startup"));
	int r = add(copying, &found->key);

	return r == 0 && startup ? add_startup(copying, startup) : r;
}

static int copy_all(struct copying *copying, const struct cp_opts *opts)
{
	struct lookup lookup = common_lookup(&opts->filter);
	size_t alike = 0, unreadable = 0;
	int r;

	lookup.alike = &alike;
	if (common_has_filter(&opts->filter))
		r = lookup_each(copying->from, &lookup, &unreadable, on_found, copying, copying->err);
	else
		r = cassette_each(copying->from, NULL, NULL, NULL, on_key, copying, copying->err);
	common_alike(alike);
	copying->failed += unreadable;
	common_unreadable(unreadable);
	return r < 0 ? r : flush(copying);
}

static int report(const struct copying *copying, bool json, struct err *err)
{
	char size[32];
	cJSON *line;

	if (json) {
		line = cJSON_CreateObject();
		cJSON_AddStringToObject(line, "type", "summary");
		cJSON_AddNumberToObject(line, "copied", copying->copied);
		cJSON_AddNumberToObject(line, "schemas", copying->schemas_cnt);
		cJSON_AddNumberToObject(line, "bytes", copying->bytes);
		cJSON_AddNumberToObject(line, "failed", copying->failed);
		return common_print_json(line, err);
	}
	common_size(copying->bytes, size);
	printf("%llu recordings copied (%s), with %zu schemas", (unsigned long long)copying->copied, size,
	       copying->schemas_cnt);
	if (copying->failed)
		printf("; %llu could not be", (unsigned long long)copying->failed);
	puts("");
	return 0;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct cp_opts *opts = arg;
	struct lookup lookup = common_lookup(&opts->filter);
	autofree struct copying *copying = calloc(1, sizeof(*copying));
	auto_cassette struct cassette *from = NULL, *to = NULL;
	int r = copying ? lookup_check(&lookup, err) : err_nomem(err);

	if (r == 0)
		r = cassette_open(&from, words->arg[0], false, err);
	if (r == 0)
		r = cassette_open(&to, words->arg[1], true, err);
	if (r < 0)
		return r;
	copying->from = from;
	copying->to = to;
	copying->err = err;
	status_init(&copying->status);
	common_catch_signals(1);
	r = copy_all(copying, opts);
	status_clear(&copying->status);
	if (r == 0)
		r = report(copying, opts->json, err);
	common_warn(from);
	common_warn(to);
	free(copying->schemas);
	return r < 0 ? r : copying->failed ? STATUS_FAILED : STATUS_DONE;
}

static const struct opt opts_table[] = {
	FILTER_OPTS(struct cp_opts, filter),
	DISTINCT_OPT(struct cp_opts, filter),
	{OPT_FLAG, 0, "json", NULL, "the summary as a JSON object", offsetof(struct cp_opts, json)},
	{OPT_END},
};

const struct command cmd_cp = {
	.name = "cp",
	.words = "FROM TO",
	.summary = "copy recordings, with their schemas, from one cassette to another",
	.words_min = 2,
	.words_max = 2,
	.opts = opts_table,
	.json = lines_cp,
	.opts_size = sizeof(struct cp_opts),
	.run = run,
};
