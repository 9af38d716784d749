// SPDX-License-Identifier: BSD-3-Clause
#include "tools/tally.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"
#include "replay/cause.h"

void tally_release(struct tally *tally)
{
	for (size_t i = 0; i < tally->causes_cnt; i++) {
		free(tally->causes[i].text);
		for (size_t k = 0; k <= TALLY_ALSO_MAX; k++)
			free(tally->causes[i].also[k]);
	}
	free(tally->causes);
	free(tally->categories);
	*tally = (struct tally){};
}

/* Room for one more row; NULL: no memory. */
static void *grow(void *rows, size_t cnt, size_t size)
{
	return cnt & (cnt - 1) ? rows : realloc(rows, (cnt ? cnt * 2 : 1) * size);
}

static struct tally_category *category_of(struct tally *tally, const char *name)
{
	struct tally_category *rows;

	for (size_t i = 0; i < tally->categories_cnt; i++)
		if (!strcmp(tally->categories[i].name, name))
			return &tally->categories[i];
	if (tally->categories_cnt == TALLY_CATEGORIES_MAX)
		return &tally->categories[TALLY_CATEGORIES_MAX - 1];
	rows = grow(tally->categories, tally->categories_cnt, sizeof(*rows));
	if (!rows)
		return NULL;
	tally->categories = rows;
	rows += tally->categories_cnt++;
	*rows = (struct tally_category){};
	snprintf(rows->name, sizeof(rows->name), "%s", name);
	return rows;
}

/* NULL: there is no room. */
static struct tally_cause *cause_of(struct tally *tally, const char *text, const struct recording_key *key)
{
	struct tally_cause *rows;

	for (size_t i = 0; i < tally->causes_cnt; i++)
		if (!strcmp(tally->causes[i].text, text))
			return &tally->causes[i];
	if (tally->causes_cnt == TALLY_CAUSES_MAX)
		return NULL;
	rows = grow(tally->causes, tally->causes_cnt, sizeof(*rows));
	if (!rows)
		return NULL;
	tally->causes = rows;
	rows += tally->causes_cnt;
	*rows = (struct tally_cause){.text = strdup(text), .first = *key};
	if (!rows->text)
		return NULL;
	tally->causes_cnt++;
	return rows;
}

/* @text is taken over. */
static void add_also(struct tally_cause *cause, char *text)
{
	autofree char *owned = text;

	for (size_t i = 0; i <= TALLY_ALSO_MAX; i++) {
		if (cause->also[i] && strcmp(cause->also[i], text))
			continue;
		if (!cause->also[i])
			cause->also[i] = TAKE_PTR(owned);
		return;
	}
}

int tally_add(struct tally *tally, const struct comparison *comparison, bool is_accepted, struct err *err)
{
	struct tally_category *category = category_of(tally, comparison->key.category);
	auto_causes struct causes causes = {};
	struct tally_cause *cause;
	int r = category ? causes_find(&causes, comparison, err) : err_nomem(err);

	if (r < 0)
		return r;
	category->by_verdict[comparison->verdict]++;
	category->accepted += is_accepted;
	cause = causes.cnt ? cause_of(tally, causes.text[0], &comparison->key) : NULL;
	if (!cause)
		return 0;
	cause->cnt++;
	for (size_t i = 1; i < causes.cnt; i++)
		add_also(cause, TAKE_PTR(causes.text[i]));
	return 0;
}

static int by_count(const void *a, const void *b)
{
	const struct tally_cause *x = a, *y = b;

	if (x->cnt != y->cnt)
		return x->cnt < y->cnt ? 1 : -1;
	return strcmp(x->text, y->text);
}

static void print_also(const struct tally_cause *cause)
{
	for (size_t i = 0; i <= TALLY_ALSO_MAX && cause->also[i]; i++)
		if (i == TALLY_ALSO_MAX)
			printf("%12sand more\n", "");
		else
			printf("%12sthen %s\n", "", cause->also[i]);
}

void tally_print_causes(struct tally *tally)
{
	char id[CATEGORY_MAX + 48];

	if (tally->causes_cnt)
		qsort(tally->causes, tally->causes_cnt, sizeof(*tally->causes), by_count);
	for (size_t i = 0; i < MIN(tally->causes_cnt, (size_t)TALLY_CAUSES_SHOWN); i++) {
		if (!i)
			printf("\n%10s  %s\n", "recordings", "what differs first (for example)");
		recording_key_text(&tally->causes[i].first, id);
		printf("%10zu  %s (%s)\n", tally->causes[i].cnt, tally->causes[i].text, id);
		print_also(&tally->causes[i]);
	}
	if (tally->causes_cnt > TALLY_CAUSES_SHOWN)
		printf("%12sand %zu more\n", "", tally->causes_cnt - TALLY_CAUSES_SHOWN);
}

void tally_print_categories(const struct tally *tally)
{
	printf("\n%-32s", "category");
	for (int v = 0; v < VERDICT_CNT; v++)
		printf(" %*s", v == VERDICT_EQUALIZER_FAILURE ? 17 : 9, verdict_name(v));
	printf(" %9s\n", "accepted");
	for (size_t i = 0; i < tally->categories_cnt; i++) {
		const struct tally_category *category = &tally->categories[i];

		printf("%-32s", category->name);
		for (int v = 0; v < VERDICT_CNT; v++)
			printf(" %*zu", v == VERDICT_EQUALIZER_FAILURE ? 17 : 9, category->by_verdict[v]);
		printf(" %9zu\n", category->accepted);
	}
}

struct cJSON *tally_category_json(const struct tally_category *category)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "type", "category");
	cJSON_AddStringToObject(json, "category", category->name);
	for (int v = 0; v < VERDICT_CNT; v++)
		cJSON_AddNumberToObject(json, verdict_name(v), category->by_verdict[v]);
	cJSON_AddNumberToObject(json, "accepted", category->accepted);
	return json;
}
