// SPDX-License-Identifier: BSD-3-Clause
#include "lib/lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/recording.h"
#include "lib/signature.h"
#include "lib/store.h"
#include "lib/timestamp.h"
#include "lib/util.h"
#include "lib/where.h"

#define DAY_S	       (24 * 60 * 60)
#define AGE_DIGITS_MAX 6

/* Keys that a random or spread lookup holds; of more, as many are drawn evenly from all. */
#define RANDOM_KEYS_MAX (1 << 20)

/* Documents that are read together: at first few, for the first match may be all that is wanted. */
#define AHEAD_MIN 8
#define AHEAD_MAX 1024

/* A lookup, its words understood. */
struct query {
	const struct lookup *lookup;
	struct where *where;
	int64_t since_ns, until_ns; /* until is exclusive */
	char since_day[9], until_day[9];
};

struct scan {
	struct query query;
	struct cassette *cassette;
	int (*fn)(const struct found *found, void *ctx);
	void *ctx;
	size_t unreadable, matches;
	bool is_over;		    /* the limit is reached, or @fn said so */
	int result;		    /* of @fn */
	struct recording_key *keys; /* random */
	size_t keys_cnt, keys_cap, keys_seen;
	uint64_t random;
	struct store *store; /* distinct */
	struct signatures seen;
	struct cassette_item *ahead; /* whose documents are to be read */
	size_t ahead_cnt, ahead_max;
	struct err *err;
};

/* --- words --- */

static int64_t unit_s(char unit)
{
	static const struct {
		char unit;
		int64_t s;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 60 * 60}, {'d', DAY_S}, {'w', 7 * DAY_S}};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (units[i].unit == unit)
			return units[i].s;
	return 0;
}

/* "7d": that long before now. */
static bool parse_age(const char *text, int64_t now_s, int64_t *ns)
{
	size_t len = strspn(text, "0123456789");
	int64_t unit = text[len] ? unit_s(text[len]) : 0;
	int64_t age_s;

	if (!len || len > AGE_DIGITS_MAX || !unit || text[len + 1])
		return false;
	age_s = strtoll(text, NULL, 10) * unit;
	*ns = MAX(now_s - age_s, 0) * TIMESTAMP_S;
	return true;
}

/* @day_s: what a day alone means, counted from where it begins. */
static int parse_time(const char *what, const char *text, int64_t now_s, int64_t day_s, int64_t *ns,
		      struct err *err)
{
	if (parse_age(text, now_s, ns) || timestamp_parse(text, ns))
		return 0;
	if (timestamp_parse_day(text, ns)) {
		*ns += day_s * TIMESTAMP_S;
		return 0;
	}
	err_usage(err, -EINVAL, "%s '%s' is no point of time", what, text);
	err_hint(err, "write 7d, 12h or 30m for so long ago, 2026-11-25, or 2026-11-25T10:00:00Z, in UTC");
	return -EINVAL;
}

static int parse_times(struct query *query, struct err *err)
{
	const struct lookup *lookup = query->lookup;
	int r = 0;

	query->since_ns = 0;
	query->until_ns = INT64_MAX;
	if (lookup->since)
		r = parse_time("since", lookup->since, lookup->now_s, 0, &query->since_ns, err);
	if (!r && lookup->until)
		r = parse_time("until", lookup->until, lookup->now_s, DAY_S, &query->until_ns, err);
	if (r)
		return r;
	if (lookup->since && lookup->until && query->until_ns <= query->since_ns) {
		err_usage(err, -EINVAL, "until '%s' is not later than since '%s'", lookup->until,
			  lookup->since);
		err_hint(err, "give the earlier one to since");
		return -EINVAL;
	}
	if (lookup->since)
		timestamp_day(query->since_ns, query->since_day);
	if (lookup->until)
		timestamp_day(query->until_ns - 1, query->until_day);
	return 0;
}

static int query_init(struct query *query, const struct lookup *lookup, struct err *err)
{
	int r = 0;

	*query = (struct query){.lookup = lookup};
	if (lookup->category && !category_is_valid(lookup->category))
		return err_usage(err, -EINVAL, "'%s' cannot be a category", lookup->category);
	if (lookup->where_cnt > LOOKUP_WHERE_MAX)
		return err_usage(err, -EINVAL, "more than %d conditions", LOOKUP_WHERE_MAX);
	query->where = calloc(lookup->where_cnt + 1, sizeof(*query->where));
	if (!query->where)
		return err_nomem(err);
	for (size_t i = 0; !r && i < lookup->where_cnt; i++)
		r = where_parse(&query->where[i], lookup->where[i], err);
	return r ? r : parse_times(query, err);
}

static void query_release(struct query *query)
{
	free(query->where);
}

int lookup_check(const struct lookup *lookup, struct err *err)
{
	__attribute__((cleanup(query_release))) struct query query;

	return query_init(&query, lookup, err);
}

/* --- matching --- */

/* -EBADMSG when it is no document. */
static int parse_metadata(const struct blob *blob, cJSON **out)
{
	const char *end;
	cJSON *doc = cJSON_ParseWithLengthOpts(blob->data, blob->len, &end, false);

	if (!cJSON_IsObject(doc)) {
		cJSON_Delete(doc);
		return -EBADMSG;
	}
	*out = doc;
	return 0;
}

/* -EBADMSG when the document does not say when, and that is asked. */
static int matches_time(const struct query *query, const cJSON *metadata, bool *out)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metadata, "recorded_at"));
	int64_t ns;

	if (!query->lookup->since && !query->lookup->until) {
		*out = true;
		return 0;
	}
	if (!text || !timestamp_parse(text, &ns))
		return -EBADMSG;
	*out = ns >= query->since_ns && ns < query->until_ns;
	return 0;
}

static int matches(const struct query *query, const cJSON *metadata, bool *out)
{
	int r = matches_time(query, metadata, out);

	if (r || !*out)
		return r;
	*out = query->lookup->with_incomplete ||
	       cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(metadata, "complete"));
	for (size_t i = 0; *out && i < query->lookup->where_cnt; i++)
		*out = where_matches(&query->where[i], metadata);
	return 0;
}

/* Whether nothing like it was met before. */
static int is_new(struct scan *scan, const struct recording_key *key, bool *out)
{
	auto_recording struct recording *recording = NULL;
	const struct schema *schema;
	uint64_t signature;
	int r = scan->store ? 0 : store_new(&scan->store, scan->cassette, scan->err);

	if (!r)
		r = store_get(scan->store, key, &recording, &schema, NULL);
	if (!r)
		r = signature_of(&signature, recording, schema, scan->store, NULL);
	if (!r)
		r = signatures_add(&scan->seen, signature);
	if (r < 0)
		return r;
	*out = r;
	if (!r && scan->query.lookup->alike)
		++*scan->query.lookup->alike;
	return 0;
}

/* Returns non-zero when the scan is over. */
static int visit(struct scan *scan, const struct cassette_item *item)
{
	auto_cjson cJSON *metadata = NULL;
	struct found found = {.key = item->key};
	bool is_match = false;
	int r = item->result ? item->result : parse_metadata(&item->metadata, &metadata);

	if (!r)
		r = matches(&scan->query, metadata, &is_match);
	if (r == -ENOMEM)
		return err_nomem(scan->err);
	if (!r)
		found.metadata = metadata;
	if (!r && is_match && scan->query.lookup->distinct)
		r = is_new(scan, &item->key, &is_match);
	if (r == -ENOMEM)
		return r;
	if (r)
		scan->unreadable++;
	if (r ? !scan->query.lookup->with_unreadable : !is_match)
		return 0;
	scan->result = scan->fn(&found, scan->ctx);
	scan->is_over = scan->result || ++scan->matches == scan->query.lookup->limit;
	return scan->is_over;
}

/* What one recording's document is like is its own matter; a store that cannot be asked is everybody's. */
static int read_ahead(struct scan *scan)
{
	struct err err = {};
	int r = cassette_get_metadata_many(scan->cassette, scan->ahead, scan->ahead_cnt, &err);

	if (r == -ENOMEM || cassette_is_away(r)) {
		if (scan->err)
			*scan->err = err;
		return r;
	}
	return 0;
}

/* Read what waits together and visit it; the next time more, for nobody knows how few will match. */
static int flush(struct scan *scan)
{
	int r = read_ahead(scan);

	for (size_t i = 0; i < scan->ahead_cnt; i++) {
		if (!r)
			r = visit(scan, &scan->ahead[i]);
		if (!scan->ahead[i].result)
			free(scan->ahead[i].metadata.data);
	}
	scan->ahead_cnt = 0;
	scan->ahead_max = MIN(2 * scan->ahead_max, AHEAD_MAX);
	return r;
}

static int visit_later(struct scan *scan, const struct recording_key *key)
{
	scan->ahead[scan->ahead_cnt++] = (struct cassette_item){.key = *key};
	return scan->ahead_cnt < scan->ahead_max ? 0 : flush(scan);
}

static bool is_asked_for(const struct scan *scan, const struct recording_key *key)
{
	const struct lookup *lookup = scan->query.lookup;

	return lookup->category || lookup->with_internal || key->category[0] != '_';
}

static int visit_in_order(const struct recording_key *key, void *ctx)
{
	struct scan *scan = ctx;

	return is_asked_for(scan, key) ? visit_later(scan, key) : 0;
}

/* --- random --- */

/* splitmix64: any seed is as good as another. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Below @n, which is not 0. */
static uint64_t random_below(uint64_t *state, uint64_t n)
{
	return (unsigned __int128)random_next(state) * n >> 64;
}

static uint64_t seed_of(const struct lookup *lookup)
{
	return lookup->seed ? lookup->seed : (uint64_t)clock_wall_ns();
}

static int keys_add(struct scan *scan, const struct recording_key *key)
{
	if (scan->keys_cnt == scan->keys_cap) {
		size_t cap = scan->keys_cap ? 2 * scan->keys_cap : 1024;
		struct recording_key *keys = realloc(scan->keys, cap * sizeof(*keys));

		if (!keys)
			return err_nomem(scan->err);
		scan->keys = keys;
		scan->keys_cap = cap;
	}
	scan->keys[scan->keys_cnt++] = *key;
	return 0;
}

static int collect(const struct recording_key *key, void *ctx)
{
	struct scan *scan = ctx;
	uint64_t at;

	if (!is_asked_for(scan, key))
		return 0;
	scan->keys_seen++;
	if (scan->keys_cnt < RANDOM_KEYS_MAX)
		return keys_add(scan, key);
	at = random_below(&scan->random, scan->keys_seen);
	if (at < RANDOM_KEYS_MAX)
		scan->keys[at] = *key;
	return 0;
}

/* --- of each day in turn --- */

/* Where a key stands: the how manyth of its day it is. */
struct turn {
	struct recording_key key;
	size_t round, order; /* order: among those of a round, before their days; 0 where these say */
};

static int by_day(const void *a, const void *b)
{
	const struct turn *one = a, *other = b;
	int r = strcmp(one->key.day, other->key.day);

	return r ? r : (one->round > other->round) - (one->round < other->round);
}

static int by_turn(const void *a, const void *b)
{
	const struct turn *one = a, *other = b;
	int r = (one->round > other->round) - (one->round < other->round);

	r = r ? r : (one->order > other->order) - (one->order < other->order);
	return r ? r : strcmp(one->key.day, other->key.day);
}

/* By day first, each day's in the order that they had, and then by the place in the day. */
static int visit_spread(struct scan *scan)
{
	autofree struct turn *turns = calloc(scan->keys_cnt + 1, sizeof(*turns));
	int r = 0;

	if (!turns)
		return err_nomem(scan->err);
	for (size_t i = 0; i < scan->keys_cnt; i++) {
		size_t j =
			scan->query.lookup->random ? i + random_below(&scan->random, scan->keys_cnt - i) : i;

		turns[i] = (struct turn){scan->keys[j], i, scan->query.lookup->random ? i : 0};
		scan->keys[j] = scan->keys[i];
	}
	qsort(turns, scan->keys_cnt, sizeof(*turns), by_day);
	for (size_t i = 0, first = 0; i < scan->keys_cnt; i++) {
		if (strcmp(turns[i].key.day, turns[first].key.day) != 0)
			first = i;
		turns[i].round = i - first;
	}
	qsort(turns, scan->keys_cnt, sizeof(*turns), by_turn);
	for (size_t i = 0; !r && i < scan->keys_cnt; i++)
		r = visit_later(scan, &turns[i].key);
	return r;
}

/* Shuffles as far as the limit makes it go. */
static int visit_shuffled(struct scan *scan)
{
	int r = 0;

	for (size_t i = 0; !r && i < scan->keys_cnt; i++) {
		size_t j = i + random_below(&scan->random, scan->keys_cnt - i);
		struct recording_key key = scan->keys[j];

		scan->keys[j] = scan->keys[i];
		r = visit_later(scan, &key);
	}
	return r;
}

/* --- the whole --- */

static int scan_all(struct scan *scan)
{
	const struct query *query = &scan->query;
	const struct lookup *lookup = query->lookup;
	bool is_collected = lookup->random || lookup->spread;
	int r = cassette_each(scan->cassette, lookup->category, query->since_day, query->until_day,
			      is_collected ? collect : visit_in_order, scan, scan->err);

	if (!r && is_collected)
		r = lookup->spread ? visit_spread(scan) : visit_shuffled(scan);
	if (!r)
		r = flush(scan);
	return scan->is_over ? scan->result : r;
}

int lookup_each(struct cassette *cassette, const struct lookup *lookup, size_t *unreadable,
		int (*fn)(const struct found *found, void *ctx), void *ctx, struct err *err)
{
	struct scan scan = {
		.cassette = cassette, .fn = fn, .ctx = ctx, .random = seed_of(lookup), .err = err};
	int r = query_init(&scan.query, lookup, err);

	scan.ahead_max = AHEAD_MIN;
	scan.ahead = calloc(AHEAD_MAX, sizeof(*scan.ahead));
	if (!r)
		r = scan.ahead ? scan_all(&scan) : err_nomem(err);
	if (unreadable)
		*unreadable = scan.unreadable;
	free(scan.keys);
	free(scan.ahead);
	signatures_release(&scan.seen);
	store_free(scan.store);
	query_release(&scan.query);
	return r;
}
