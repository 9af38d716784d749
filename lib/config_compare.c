// SPDX-License-Identifier: BSD-3-Clause
#include "lib/config_compare.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json_keys.h"
#include "lib/util.h"

static const char *const kind_keys[] = {
	[COMPARE_IGNORE] = "ignore", [COMPARE_TOLERANCE] = "tolerance", [COMPARE_UNORDERED] = "unordered",
	[COMPARE_KEYED] = "keyed",   [COMPARE_MATCH] = "match",
};
_Static_assert(ARRAY_SIZE(kind_keys) == COMPARE_KIND_CNT, "every kind has a key");

const char *config_compare_key(enum compare_kind kind)
{
	return kind_keys[kind];
}

static void release(struct compare_rule *rule)
{
	free(rule->path);
	free(rule->pattern);
	free(rule->key);
}

void compare_rules_release(struct compare_rules *rules)
{
	for (size_t i = 0; i < rules->cnt; i++)
		release(&rules->row[i]);
	free(rules->row);
	*rules = (struct compare_rules){};
}

/* --- what a rule is made of --- */

/* A canonical path; the elements of an array where @is_each. */
static int read_path(char **out, const char *text, bool is_each, struct err *err)
{
	auto_path struct path path = {};
	autofree char *canonical = NULL;
	int r = path_parse(&path, text, err);

	if (r)
		return r;
	canonical = path_text(&path);
	if (!canonical)
		return err_nomem(err);
	if (is_each && (!path.cnt || path.steps[path.cnt - 1].kind != STEP_EACH)) {
		err_usage(err, -EINVAL, "'%s' does not end with '[]'", canonical);
		err_hint(err, "write '%s[]' for the elements whose order does not matter", canonical);
		return -EINVAL;
	}
	*out = TAKE_PTR(canonical);
	return 0;
}

static int read_pattern(char **out, const char *text, size_t len, struct err *err)
{
	char *copy = strndup(text, len), why[128];
	regex_t regex;
	int r;

	if (!copy)
		return err_nomem(err);
	r = regcomp(&regex, copy, REG_EXTENDED | REG_NOSUB);
	if (r) {
		regerror(r, &regex, why, sizeof(why));
		err_usage(err, -EINVAL, "'%s' is no regular expression: %s", copy, why);
		free(copy);
		return -EINVAL;
	}
	regfree(&regex);
	*out = copy;
	return 0;
}

static int read_near(double *out, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	int r = json_read_number(out, item, reading, err);

	if (!r && *out < 0)
		return err_usage(err, -EINVAL, "a tolerance is not negative");
	return r;
}

static int read_near_key(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	return read_near(field, item, reading, err);
}

static int read_ignore(struct compare_rule *rule, const struct cJSON *item, struct json_reading *reading,
		       struct err *err)
{
	const char *text = item->valuestring;
	size_t len;

	if (!cJSON_IsString(item))
		return json_expected(item, "a path in quotes", err);
	len = strlen(text);
	if (*text != '/')
		return read_path(&rule->path, text, false, err);
	if (len < 3 || text[len - 1] != '/') {
		err_usage(err, -EINVAL, "'%s' does not end with '/'", text);
		err_hint(err, "a pattern of paths is a regular expression between slashes: \"/_at$/\"");
		return -EINVAL;
	}
	return read_pattern(&rule->pattern, text + 1, len - 2, err);
}

static int read_unordered(struct compare_rule *rule, const struct cJSON *item, struct json_reading *reading,
			  struct err *err)
{
	if (!cJSON_IsString(item))
		return json_expected(item, "a path in quotes", err);
	return read_path(&rule->path, item->valuestring, true, err);
}

static int read_tolerance(struct compare_rule *rule, const struct cJSON *item, struct json_reading *reading,
			  struct err *err)
{
	static const struct json_key keys[] = {
		{"absolute", read_near_key, offsetof(struct compare_rule, absolute)},
		{"relative", read_near_key, offsetof(struct compare_rule, relative)},
		{"ulp", read_near_key, offsetof(struct compare_rule, ulp)},
	};
	int r = read_path(&rule->path, item->string, false, err);

	if (r)
		return r;
	return cJSON_IsObject(item) ? json_read_keys(rule, item, keys, ARRAY_SIZE(keys), reading, err)
				    : read_near(&rule->absolute, item, reading, err);
}

static int read_keyed(struct compare_rule *rule, const struct cJSON *item, struct json_reading *reading,
		      struct err *err)
{
	int r = read_path(&rule->path, item->string, true, err);

	if (r)
		return r;
	if (!cJSON_IsString(item))
		return json_expected(item, "a path within the element, in quotes", err);
	return read_path(&rule->key, item->valuestring, false, err);
}

static int read_match(struct compare_rule *rule, const struct cJSON *item, struct json_reading *reading,
		      struct err *err)
{
	int r = read_path(&rule->path, item->string, false, err);

	if (r)
		return r;
	if (!cJSON_IsString(item))
		return json_expected(item, "a regular expression in quotes", err);
	return read_pattern(&rule->pattern, item->valuestring, strlen(item->valuestring), err);
}

/* --- lists of rules --- */

static int read_rules(struct compare_rules *rules, enum compare_kind kind, const struct cJSON *list,
		      struct json_reading *reading, struct err *err)
{
	static int (*const readers[COMPARE_KIND_CNT])(struct compare_rule *, const struct cJSON *,
						      struct json_reading *, struct err *) = {
		[COMPARE_IGNORE] = read_ignore,	      [COMPARE_TOLERANCE] = read_tolerance,
		[COMPARE_UNORDERED] = read_unordered, [COMPARE_KEYED] = read_keyed,
		[COMPARE_MATCH] = read_match,
	};
	size_t cnt = rules->cnt + cJSON_GetArraySize(list);
	struct compare_rule *row;
	const struct cJSON *child;

	if (cnt > COMPARE_RULES_MAX)
		return err_usage(err, -EINVAL, "%zu entries, at most %d are allowed", cnt, COMPARE_RULES_MAX);
	row = realloc(rules->row, (cnt + 1) * sizeof(*row));
	if (!row)
		return err_nomem(err);
	rules->row = row;
	cJSON_ArrayForEach(child, list)
	{
		struct compare_rule rule = {.kind = kind, .place = json_place(reading->doc, child)};
		int r = readers[kind](&rule, child, reading, err);

		if (r) {
			release(&rule);
			if (!reading->at)
				reading->at = child;
			return r;
		}
		row[rules->cnt++] = rule;
	}
	return 0;
}

/* As the kind's key is written: a list of paths, or an object by path. */
#define READER(name, kind, is_right, what)                                                                   \
	static int name(void *field, const struct cJSON *item, struct json_reading *reading,                 \
			struct err *err)                                                                     \
	{                                                                                                    \
		if (!is_right(item))                                                                         \
			return json_expected(item, what, err);                                               \
		return read_rules(field, kind, item, reading, err);                                          \
	}
READER(read_ignores, COMPARE_IGNORE, cJSON_IsArray, "an array")
READER(read_tolerances, COMPARE_TOLERANCE, cJSON_IsObject, "an object of paths and numbers")
READER(read_unordereds, COMPARE_UNORDERED, cJSON_IsArray, "an array")
READER(read_keyeds, COMPARE_KEYED, cJSON_IsObject, "an object of paths and keys")
READER(read_matches, COMPARE_MATCH, cJSON_IsObject, "an object of paths and regular expressions")

int config_read_compare(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	static const struct json_key keys[] = {
		{"ignore", read_ignores}, {"tolerance", read_tolerances}, {"unordered", read_unordereds},
		{"keyed", read_keyeds},	  {"match", read_matches},
	};

	return json_read_keys(field, item, keys, ARRAY_SIZE(keys), reading, err);
}
