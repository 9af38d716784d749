// SPDX-License-Identifier: BSD-3-Clause
#include "tools/baseline.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/write.h"
#include "replay/cause.h"
#include "replay/verdict.h"

#define FILE_MAX (16 << 20) /* bytes */

struct baseline {
	char *path;
	cJSON *json, *accepted; /* the document, and its list */
	bool is_changed;
};

void baseline_free(struct baseline *baseline)
{
	if (!baseline)
		return;
	cJSON_Delete(baseline->json);
	free(baseline->path);
	free(baseline);
}

static bool is_sound(const cJSON *list)
{
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach(
		item,
		list) if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "category")) ||
			  !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "cause"))) return false;
	return true;
}

static int parse(struct baseline *baseline, FILE *file, struct err *err)
{
	autofree char *text = malloc(FILE_MAX + 1);
	size_t len = text ? fread(text, 1, FILE_MAX, file) : 0;

	if (!text)
		return err_nomem(err);
	text[len] = '\0';
	baseline->json = cJSON_Parse(text);
	baseline->accepted = cJSON_GetObjectItemCaseSensitive(baseline->json, "accepted");
	if (is_sound(baseline->accepted))
		return 0;
	err_usage(err, -EINVAL, "'%s' is no list of accepted differences", baseline->path);
	err_hint(
		err,
		"write {\"accepted\": [{\"category\": \"NAME\", \"cause\": \"reply->total differs\"}]}, or let "
		"--accept ID write it");
	return -EINVAL;
}

static int make(struct baseline *baseline, struct err *err)
{
	baseline->json = cJSON_CreateObject();
	baseline->accepted = cJSON_AddArrayToObject(baseline->json, "accepted");
	return baseline->accepted ? 0 : err_nomem(err);
}

int baseline_open(struct baseline **out, const char *path, bool may_create, struct err *err)
{
	struct baseline *baseline = calloc(1, sizeof(*baseline));
	FILE *file;
	int r;

	if (!baseline)
		return err_nomem(err);
	baseline->path = strdup(path ? path : BASELINE_DEFAULT);
	if (!baseline->path) {
		free(baseline);
		return err_nomem(err);
	}
	file = fopen(baseline->path, "re");
	if (file)
		r = parse(baseline, file, err);
	else if (errno == ENOENT && (may_create || !path))
		r = make(baseline, err);
	else
		r = err_usage(err, -errno, "cannot read '%s': %s", baseline->path, strerror(errno));
	if (file)
		fclose(file);
	if (r < 0)
		baseline_free(baseline);
	else
		*out = baseline;
	return r;
}

static bool has(const struct baseline *baseline, const char *category, const char *cause)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, baseline->accepted)
	{
		const char *of = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "category"));
		const char *what = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "cause"));

		if (!strcmp(of, category) && !strcmp(what, cause))
			return true;
	}
	return false;
}

bool baseline_accepts(const struct baseline *baseline, const struct comparison *comparison)
{
	auto_causes struct causes causes = {};

	if (causes_find(&causes, comparison, NULL) < 0 || !causes.cnt || causes.cnt == CAUSES_MAX)
		return false;
	for (size_t i = 0; i < causes.cnt; i++)
		if (!has(baseline, comparison->key.category, causes.text[i]))
			return false;
	return true;
}

int baseline_add(struct baseline *baseline, const struct comparison *comparison, struct err *err)
{
	auto_causes struct causes causes = {};
	int r = causes_find(&causes, comparison, err);

	for (size_t i = 0; i < causes.cnt && r == 0; i++) {
		cJSON *item;

		if (has(baseline, comparison->key.category, causes.text[i]))
			continue;
		item = cJSON_CreateObject();
		if (!cJSON_AddStringToObject(item, "category", comparison->key.category) ||
		    !cJSON_AddStringToObject(item, "cause", causes.text[i]) ||
		    !cJSON_AddItemToArray(baseline->accepted, item)) {
			cJSON_Delete(item);
			return err_nomem(err);
		}
		baseline->is_changed = true;
	}
	return r;
}

int baseline_save(struct baseline *baseline, struct err *err)
{
	autofree char *text = NULL, *lines = NULL;
	int len;

	if (!baseline->is_changed)
		return 0;
	text = cJSON_Print(baseline->json);
	len = text ? asprintf(&lines, "%s\n", text) : -1;
	if (len < 0) {
		lines = NULL;
		return err_nomem(err);
	}
	return write_file(baseline->path, lines, len, err);
}
