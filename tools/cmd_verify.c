// SPDX-License-Identifier: BSD-3-Clause
/* Reads everything, and says what is not right. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/lookup.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/json_schema.h"
#include "tools/status.h"

#define TOGETHER 128 /* recordings that are read at once */

struct verify_opts {
	struct filter_opts filter;
	bool json;
};

struct verifying {
	const struct verify_opts *opts;
	struct cassette *cassette;
	struct store *store;
	struct cassette_item items[TOGETHER];
	size_t cnt;
	uint64_t checked, faults, bytes;
	struct status_line status;
	struct err *err;
};

static int fault(struct verifying *verifying, const struct recording_key *key, const char *why)
{
	char text[CATEGORY_MAX + 48];
	cJSON *line;

	recording_key_text(key, text);
	verifying->faults++;
	status_make_way(&verifying->status);
	if (!verifying->opts->json) {
		printf("%s: %s\n", text, why);
		return 0;
	}
	line = cJSON_CreateObject();
	cJSON_AddStringToObject(line, "type", "fault");
	cJSON_AddStringToObject(line, "id", text);
	cJSON_AddStringToObject(line, "reason", why);
	return common_print_json(line, verifying->err);
}

/* The document must be one, and say what the recording says. */
static const char *check_metadata(const struct blob *metadata, const struct recording *recording)
{
	auto_cjson cJSON *doc = cJSON_ParseWithLength(metadata->data, metadata->len);
	const char *schema = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc, "schema"));

	if (!cJSON_IsObject(doc))
		return "its metadata is no JSON object";
	if (!schema || strcmp(schema, recording->schema) != 0)
		return "its metadata names another schema";
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(doc, "complete")) != recording->complete)
		return "its metadata says otherwise whether it is complete";
	return NULL;
}

static int check_item(struct verifying *verifying, const struct cassette_item *item)
{
	auto_recording struct recording *recording = NULL;
	const struct schema *schema;
	struct err err = {};
	const char *why;
	int r;

	verifying->checked++;
	if (item->result)
		return fault(verifying, &item->key,
			     item->result == -ENOENT ? "its recording is missing" : strerror(-item->result));
	verifying->bytes += item->full.len + item->metadata.len;
	r = store_read(verifying->store, &item->key, &item->full, &recording, &schema, &err);
	if (r == -ENOMEM || cassette_is_away(r)) {
		*verifying->err = err;
		return r;
	}
	if (r < 0)
		return fault(verifying, &item->key, err.msg);
	why = check_metadata(&item->metadata, recording);
	return why ? fault(verifying, &item->key, why) : 0;
}

static int flush(struct verifying *verifying)
{
	int r = cassette_get_many(verifying->cassette, verifying->items, verifying->cnt, verifying->err);

	if (r != -ENOMEM && !cassette_is_away(r))
		r = 0;
	for (size_t i = 0; i < verifying->cnt; i++) {
		if (r == 0)
			r = check_item(verifying, &verifying->items[i]);
		free(verifying->items[i].full.data);
		free(verifying->items[i].metadata.data);
	}
	verifying->cnt = 0;
	status_show(&verifying->status, "%llu recordings checked, %llu not right",
		    (unsigned long long)verifying->checked, (unsigned long long)verifying->faults);
	return r;
}

static int on_key(const struct recording_key *key, void *ctx)
{
	struct verifying *verifying = ctx;

	if (common_stop)
		return err_set(verifying->err, -EINTR, "interrupted: %llu recordings were checked",
			       (unsigned long long)verifying->checked);
	verifying->items[verifying->cnt++] = (struct cassette_item){.key = *key};
	return verifying->cnt == TOGETHER ? flush(verifying) : 0;
}

static int on_found(const struct found *found, void *ctx)
{
	return on_key(&found->key, ctx);
}

/* A recording without metadata is listed nowhere. Those with are known, sorted. */
struct halves {
	struct recording_key *keys; /* with metadata */
	size_t cnt, cap;
	struct recording_key *full;
	size_t full_cnt, full_cap;
	struct err *err;
};

static int keep(struct recording_key **keys, size_t *cnt, size_t *cap, const struct recording_key *key)
{
	if (*cnt == *cap) {
		size_t more = *cap ? 2 * *cap : 1024;
		struct recording_key *grown = realloc(*keys, more * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*keys = grown;
		*cap = more;
	}
	(*keys)[(*cnt)++] = *key;
	return 0;
}

static int on_size(const char *kind, const struct recording_key *key, uint64_t size, void *ctx)
{
	struct halves *halves = ctx;
	int r = 0;

	if (common_stop)
		return err_set(halves->err, -EINTR, "interrupted");
	if (key && strcmp(kind, "full") == 0)
		r = keep(&halves->full, &halves->full_cnt, &halves->full_cap, key);
	else if (key)
		r = keep(&halves->keys, &halves->cnt, &halves->cap, key);
	return r ? err_nomem(halves->err) : 0;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct recording_key));
}

static int find_halves(struct verifying *verifying)
{
	struct halves halves = {.err = verifying->err};
	int r = cassette_sizes(verifying->cassette, on_size, &halves, verifying->err);

	if (r == 0 && halves.cnt)
		qsort(halves.keys, halves.cnt, sizeof(*halves.keys), by_key);
	for (size_t i = 0; r == 0 && i < halves.full_cnt; i++)
		if (!halves.cnt ||
		    !bsearch(&halves.full[i], halves.keys, halves.cnt, sizeof(*halves.keys), by_key))
			r = fault(verifying, &halves.full[i], "it has no metadata, and is not listed");
	free(halves.keys);
	free(halves.full);
	return r;
}

static int verify(struct verifying *verifying, const struct verify_opts *opts)
{
	struct lookup lookup = common_lookup(&opts->filter);
	bool is_all = !common_has_filter(&opts->filter);
	int r;

	lookup.with_unreadable = true;
	if (is_all)
		r = cassette_each(verifying->cassette, NULL, NULL, NULL, on_key, verifying, verifying->err);
	else
		r = lookup_each(verifying->cassette, &lookup, NULL, on_found, verifying, verifying->err);
	if (r == 0)
		r = flush(verifying);
	return r == 0 && is_all ? find_halves(verifying) : r;
}

static int report(const struct verifying *verifying, struct err *err)
{
	char size[32];
	cJSON *line;

	if (verifying->opts->json) {
		line = cJSON_CreateObject();
		cJSON_AddStringToObject(line, "type", "summary");
		cJSON_AddNumberToObject(line, "checked", verifying->checked);
		cJSON_AddNumberToObject(line, "bytes", verifying->bytes);
		cJSON_AddNumberToObject(line, "faults", verifying->faults);
		return common_print_json(line, err);
	}
	common_size(verifying->bytes, size);
	printf("%llu recordings checked (%s), %llu not right\n", (unsigned long long)verifying->checked, size,
	       (unsigned long long)verifying->faults);
	return 0;
}

static int run(const void *arg, const struct words *words, struct err *err)
{
	const struct verify_opts *opts = arg;
	struct lookup lookup = common_lookup(&opts->filter);
	autofree struct verifying *verifying = calloc(1, sizeof(*verifying));
	auto_cassette struct cassette *cassette = NULL;
	auto_store struct store *store = NULL;
	int r = verifying ? lookup_check(&lookup, err) : err_nomem(err);

	if (r == 0)
		r = cassette_open(&cassette, words->arg[0], false, err);
	if (r == 0)
		r = store_new(&store, cassette, err);
	if (r < 0)
		return r;
	verifying->opts = opts;
	verifying->cassette = cassette;
	verifying->store = store;
	verifying->err = err;
	status_init(&verifying->status);
	common_catch_signals(1);
	r = verify(verifying, opts);
	status_clear(&verifying->status);
	if (r == 0)
		r = report(verifying, err);
	common_warn(cassette);
	return r < 0 ? r : verifying->faults ? STATUS_DIFFERS : STATUS_DONE;
}

static const struct opt opts_table[] = {
	FILTER_OPTS(struct verify_opts, filter),
	{OPT_FLAG, 0, "json", NULL, "a JSON object for what is not right, then a summary",
	 offsetof(struct verify_opts, json)},
	{OPT_END},
};

const struct command cmd_verify = {
	.name = "verify",
	.words = "CASSETTE",
	.summary = "read all recordings, and check them, their schemas and metadata",
	.words_min = 1,
	.words_max = 1,
	.opts = opts_table,
	.json = lines_verify,
	.opts_size = sizeof(struct verify_opts),
	.run = run,
};
