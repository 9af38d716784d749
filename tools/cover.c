// SPDX-License-Identifier: BSD-3-Clause
#include "tools/cover.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"
#include "replay/verdict.h"
#include "tools/common.h"

static size_t bytes(const struct cover *cover)
{
	return (cover->counters_cnt + 7) / 8;
}

static size_t count(const unsigned char *bits, size_t len)
{
	size_t cnt = 0;

	for (size_t i = 0; i < len; i++)
		cnt += __builtin_popcount(bits[i]);
	return cnt;
}

/* What @bits has beyond @all. */
static size_t count_new(const unsigned char *bits, const unsigned char *all, size_t len)
{
	size_t cnt = 0;

	for (size_t i = 0; i < len; i++)
		cnt += __builtin_popcount(bits[i] & ~all[i]);
	return cnt;
}

static void merge(unsigned char *all, const unsigned char *bits, size_t len)
{
	for (size_t i = 0; i < len; i++)
		all[i] |= bits[i];
}

static int hold(struct cover *cover, const struct comparison *comparison, struct err *err)
{
	struct cover_one *grown;

	if ((cover->ones_cnt + 1) * (bytes(cover) + sizeof(*grown)) > COVER_BYTES_MAX)
		return err_set(err, -E2BIG,
			       "more than %zu recordings each reach something new: choose fewer by filters",
			       cover->ones_cnt);
	grown = realloc(cover->ones, (cover->ones_cnt + 1) * sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	cover->ones = grown;
	grown += cover->ones_cnt;
	*grown = (struct cover_one){comparison->key, malloc(bytes(cover))};
	if (!grown->reached)
		return err_nomem(err);
	memcpy(grown->reached, comparison->reached, bytes(cover));
	cover->ones_cnt++;
	return 0;
}

int cover_add(struct cover *cover, const struct comparison *comparison, struct err *err)
{
	int r = 0;

	cover->seen++;
	if (!cover->all && comparison->reached) {
		cover->counters_cnt = comparison->reached_cnt;
		cover->all = calloc(bytes(cover), 1);
		if (!cover->all)
			return err_nomem(err);
	}
	if (!comparison->reached || comparison->reached_cnt != cover->counters_cnt) {
		cover->unknown++;
		return 0;
	}
	if (count_new(comparison->reached, cover->all, bytes(cover)))
		r = hold(cover, comparison, err);
	merge(cover->all, comparison->reached, bytes(cover));
	return r;
}

/* --- the choice --- */

/* The one of those from @from on that adds most to @all, moved to @from; 0: none adds anything. */
static size_t choose(struct cover *cover, size_t from, const unsigned char *all)
{
	size_t best = from, best_cnt = 0;
	struct cover_one one;

	for (size_t i = from; i < cover->ones_cnt; i++) {
		size_t cnt = count_new(cover->ones[i].reached, all, bytes(cover));

		if (cnt > best_cnt) {
			best = i;
			best_cnt = cnt;
		}
	}
	if (best_cnt) {
		one = cover->ones[best];
		cover->ones[best] = cover->ones[from];
		cover->ones[from] = one;
	}
	return best_cnt;
}

static int print_one(const struct cover *cover, size_t at, size_t adds, size_t reached, bool as_json,
		     struct err *err)
{
	char id[CATEGORY_MAX + 48];
	cJSON *json;

	recording_key_text(&cover->ones[at].key, id);
	if (!as_json) {
		if (at == 0)
			printf("%10s %10s %7s  recording\n", "adds", "reached", "");
		printf("%10zu %10zu %6.1f%%  %s\n", adds, reached, 100.0 * reached / cover->counters_cnt, id);
		return 0;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "type", "chosen");
	cJSON_AddStringToObject(json, "id", id);
	cJSON_AddNumberToObject(json, "adds", adds);
	cJSON_AddNumberToObject(json, "reached", reached);
	cJSON_AddNumberToObject(json, "of", cover->counters_cnt);
	return common_print_json(json, err);
}

static int print_sum(const struct cover *cover, size_t kept, size_t reached, bool as_json, struct err *err)
{
	cJSON *json;

	if (!as_json) {
		printf("%s%zu of %zu recordings reach all that any reaches: %zu of the build's %zu counters\n",
		       kept ? "\n" : "", kept, cover->seen, reached, cover->counters_cnt);
		if (cover->unknown)
			fprintf(stderr,
				"tapedeck: %zu recordings did not come to tell what they reach: they crashed, "
				"ran too long or could not be replayed ('tapedeck equalize' without --cover "
				"says why)\n",
				cover->unknown);
		return 0;
	}
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "type", "covered");
	cJSON_AddNumberToObject(json, "recordings", cover->seen);
	cJSON_AddNumberToObject(json, "kept", kept);
	cJSON_AddNumberToObject(json, "unknown", cover->unknown);
	cJSON_AddNumberToObject(json, "reached", reached);
	cJSON_AddNumberToObject(json, "of", cover->counters_cnt);
	return common_print_json(json, err);
}

int cover_print(struct cover *cover, bool as_json, struct err *err)
{
	autofree unsigned char *all = calloc(bytes(cover) + 1, 1);
	size_t kept = 0, reached = 0, adds;
	int r = 0;

	if (!all)
		return err_nomem(err);
	for (; r == 0 && (adds = choose(cover, kept, all)); kept++) {
		merge(all, cover->ones[kept].reached, bytes(cover));
		reached = count(all, bytes(cover));
		r = print_one(cover, kept, adds, reached, as_json, err);
	}
	return r < 0 ? r : print_sum(cover, kept, reached, as_json, err);
}

void cover_release(struct cover *cover)
{
	for (size_t i = 0; i < cover->ones_cnt; i++)
		free(cover->ones[i].reached);
	free(cover->ones);
	free(cover->all);
	*cover = (struct cover){};
}
