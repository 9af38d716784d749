// SPDX-License-Identifier: BSD-3-Clause
#include "lib/rule.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/json_keys.h"
#include "lib/nearest.h"
#include "lib/util.h"

static const char *const direction_names[DIRECTION_CNT] = {
	[DIRECTION_IN] = "in",
	[DIRECTION_OUT] = "out",
	[DIRECTION_INOUT] = "inout",
};

#define auto_rule __attribute__((cleanup(rule_release)))

void rule_release(struct rule *rule)
{
	free(rule->path);
	expr_free(rule->bytes);
	expr_free(rule->count);
	free(rule->bytes_text);
	free(rule->count_text);
	free(rule->type);
	free(rule->tag);
	for (size_t i = 0; i < rule->cases_cnt; i++) {
		free(rule->cases[i].value);
		free(rule->cases[i].member);
	}
	free(rule->cases);
	*rule = (struct rule){};
}

/* --- reading --- */

static int read_direction(void *field, const struct cJSON *item, struct json_reading *reading,
			  struct err *err)
{
	struct nearest nearest;

	if (!cJSON_IsString(item))
		return json_expected(item, "'in', 'out' or 'inout'", err);
	nearest_init(&nearest, item->valuestring);
	for (int i = DIRECTION_IN; i < DIRECTION_CNT; i++) {
		nearest_try(&nearest, direction_names[i]);
		if (strcmp(direction_names[i], item->valuestring))
			continue;
		*(enum direction *)field = i;
		return 0;
	}
	err_usage(err, -EINVAL, "expected 'in', 'out' or 'inout', found '%s'", item->valuestring);
	if (nearest.best)
		err_hint(err, "did you mean '%s'?", nearest.best);
	return -EINVAL;
}

/* An expression as text, or a number. */
static int read_length(struct expr **out, char **text, const struct cJSON *item, struct err *err)
{
	autofree char *copy = NULL;
	int64_t n;
	int r;

	if (cJSON_IsNumber(item)) {
		if (json_integer(&n, item) || n < 0)
			return err_usage(err, -EINVAL,
					 "expected a length: a positive integer or an expression");
		if (asprintf(&copy, "%" PRId64, n) < 0)
			return err_nomem(err);
	} else {
		r = json_read_string(&copy, item, NULL, err);
		if (r)
			return r;
	}
	r = expr_parse(out, copy, err);
	if (!r)
		*text = TAKE_PTR(copy);
	return r;
}

static int read_bytes(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct rule *rule = field;

	return read_length(&rule->bytes, &rule->bytes_text, item, err);
}

static int read_count(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct rule *rule = field;

	return read_length(&rule->count, &rule->count_text, item, err);
}

static int read_terminator(void *field, const struct cJSON *item, struct json_reading *reading,
			   struct err *err)
{
	struct rule *rule = field;
	int r = json_read_integer(&rule->terminator, item, reading, err);

	if (!r)
		rule->has_terminator = true;
	return r;
}

static int read_between(int64_t *out, const struct cJSON *item, int64_t least, int64_t most, struct err *err)
{
	int64_t n = 0;
	int r = json_read_integer(&n, item, NULL, err);

	if (r)
		return r;
	if (n < least || n > most)
		return err_usage(err, -EINVAL, "%" PRId64 " is not between %" PRId64 " and %" PRId64, n,
				 least, most);
	*out = n;
	return 0;
}

static int read_depth(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	int64_t n = 0;
	int r = read_between(&n, item, 1, RULE_DEPTH_MAX, err);

	if (!r)
		*(int *)field = n;
	return r;
}

static int read_max(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	int64_t n = 0;
	int r = read_between(&n, item, 1, RULE_MAX_MAX, err);

	if (!r)
		*(uint32_t *)field = n;
	return r;
}

static int read_tag(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	auto_path struct path path = {};
	autofree char *text = NULL;
	int r = json_read_string(&text, item, reading, err);

	if (!r)
		r = path_parse(&path, text, err);
	if (r)
		return r;
	*(char **)field = path_text(&path);
	return *(char **)field ? 0 : err_nomem(err);
}

/* {"KIND_TEXT": "text", "7": "number"} */
static int read_cases(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	struct rule *rule = field;
	const struct cJSON *one;

	if (!cJSON_IsObject(item) || !item->child)
		return json_expected(item, "an object of the tag's values and their members", err);
	if (cJSON_GetArraySize(item) > RULE_CASES_MAX)
		return err_usage(err, -EINVAL, "more than %d cases", RULE_CASES_MAX);
	rule->cases = calloc(cJSON_GetArraySize(item), sizeof(*rule->cases));
	if (!rule->cases)
		return err_nomem(err);
	cJSON_ArrayForEach(one, item)
	{
		struct rule_case *out = &rule->cases[rule->cases_cnt];
		int r = json_read_string(&out->member, one, reading, err);

		if (r) {
			reading->at = one;
			return r;
		}
		rule->cases_cnt++;
		out->value = strdup(one->string);
		if (!out->value)
			return err_nomem(err);
	}
	return 0;
}

static const char *const redact_names[REDACT_CNT] = {
	[REDACT_DROP] = "drop", [REDACT_MASK] = "mask", [REDACT_HMAC] = "hmac"};

static int read_redact(void *field, const struct cJSON *item, struct json_reading *reading, struct err *err)
{
	static const char expected[] = "'drop', 'mask' or 'hmac'";

	if (!cJSON_IsString(item))
		return json_expected(item, expected, err);
	for (int i = REDACT_DROP; i < REDACT_CNT; i++)
		if (!strcmp(item->valuestring, redact_names[i])) {
			*(enum redact *)field = i;
			return 0;
		}
	return err_usage(err, -EINVAL, "expected %s, found '%s'", expected, item->valuestring);
}

static const struct json_key keys[] = {
	{"path", json_read_string, offsetof(struct rule, path)}, /* first: not a key of the configuration */
	{"direction", read_direction, offsetof(struct rule, direction)},
	{"string", json_read_true, offsetof(struct rule, is_string)},
	{"bytes", read_bytes},
	{"count", read_count},
	{"terminator", read_terminator},
	{"opaque", json_read_true, offsetof(struct rule, is_opaque)},
	{"type", json_read_string, offsetof(struct rule, type)},
	{"depth", read_depth, offsetof(struct rule, depth)},
	{"max", read_max, offsetof(struct rule, max)},
	{"tag", read_tag, offsetof(struct rule, tag)},
	{"cases", read_cases},
	{"format", json_read_true, offsetof(struct rule, is_format)},
	{"file", json_read_true, offsetof(struct rule, is_file)},
	{"callback", json_read_true, offsetof(struct rule, is_callback)},
	{"redact", read_redact, offsetof(struct rule, redact)},
	{"if"},
};

/* --- what belongs together --- */

/* Each says what a pointer is; two of them contradict each other. */
static int check_kind(const struct rule *rule, struct err *err)
{
	const struct {
		bool is_said;
		const char *name;
	} kinds[] = {
		{rule->is_string || rule->is_format || rule->is_file, rule->is_format ? "format"
								      : rule->is_file ? "file"
										      : "string"},
		{rule->bytes, "bytes"},
		{rule->count, "count"},
		{rule->has_terminator, "terminator"},
		{rule->is_opaque, "opaque"},
		{rule->is_callback, "callback"},
	};
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kinds[i].is_said)
			continue;
		if (first)
			return err_usage(err, -EINVAL, "'%s' and '%s' exclude each other", first,
					 kinds[i].name);
		first = kinds[i].name;
	}
	return 0;
}

/* Put the canonical text in the place of what was written. */
static int settle_path(struct rule *rule, struct err *err)
{
	auto_path struct path path = {};
	char *text;
	int r = path_parse(&path, rule->path, err);

	if (r)
		return r;
	if (!strcmp(path.root, "errno"))
		return err_usage(err, -EINVAL, "'errno' is recorded without a rule");
	if (!strcmp(path.root, "return") &&
	    (rule->direction == DIRECTION_IN || rule->direction == DIRECTION_INOUT))
		return err_usage(err, -EINVAL, "'return' flows out only");
	text = path_text(&path);
	if (!text)
		return err_nomem(err);
	free(rule->path);
	rule->path = text;
	return 0;
}

static int settle(struct rule *rule, struct err *err)
{
	int r = check_kind(rule, err);

	/* What it leads to would stay. */
	if (!r && rule->redact && (rule->is_format || rule->is_file))
		r = err_usage(err, -EINVAL, "'redact' beside '%s': %s cannot be redacted",
			      rule->is_format ? "format" : "file",
			      rule->is_format ? "the variable arguments" : "the content of a file");
	rule->is_string |= rule->is_format || rule->is_file;
	if (!r && rule->cases_cnt && !rule->tag)
		r = err_usage(err, -EINVAL, "'cases' without a 'tag'");
	return r ? r : settle_path(rule, err);
}

int rule_parse(struct rule *out, const char *path, const struct cJSON *json, const struct cJSON **at,
	       struct err *err)
{
	auto_rule struct rule rule = {.path = strdup(path)};
	struct json_reading reading = {};
	int r;

	if (!rule.path)
		return err_nomem(err);
	r = json_read_keys(&rule, json, keys + 1, ARRAY_SIZE(keys) - 1, &reading, err);
	if (r) {
		*at = reading.at ? reading.at : json;
		return r;
	}
	r = settle(&rule, err);
	if (r) {
		*at = json;
		return r;
	}
	*out = rule;
	rule = (struct rule){};
	return 0;
}

int rule_from_text(struct rule *out, const char *text, struct err *err)
{
	auto_rule struct rule rule = {};
	auto_json struct json_doc *doc = NULL;
	struct json_reading reading = {};
	int r = json_parse(&doc, "rule", text, strlen(text), err);

	if (!r)
		r = json_read_keys(&rule, json_root(doc), keys, ARRAY_SIZE(keys), &reading, err);
	if (!r && !rule.path)
		r = err_usage(err, -EINVAL, "a rule without a path");
	if (!r)
		r = settle(&rule, err);
	if (r)
		return r;
	*out = rule;
	rule = (struct rule){};
	return 0;
}

/* --- writing --- */

static bool put_string(struct cJSON *json, const char *key, const char *text)
{
	return !text || cJSON_AddStringToObject(json, key, text);
}

static bool put_true(struct cJSON *json, const char *key, bool is_said)
{
	return !is_said || cJSON_AddTrueToObject(json, key);
}

/* As a string past 32 bits: cJSON rounds such numbers when somebody prints them again. */
static bool put_integer(struct cJSON *json, const char *key, bool is_said, int64_t n)
{
	char text[24];

	if (!is_said)
		return true;
	if (n >= INT_MIN && n <= INT_MAX)
		return cJSON_AddNumberToObject(json, key, n);
	snprintf(text, sizeof(text), "%" PRId64, n);
	return cJSON_AddStringToObject(json, key, text);
}

static bool put_cases(struct cJSON *json, const struct rule *rule)
{
	struct cJSON *cases = rule->cases_cnt ? cJSON_AddObjectToObject(json, "cases") : NULL;
	bool is_whole = cases || !rule->cases_cnt;

	for (size_t i = 0; is_whole && i < rule->cases_cnt; i++)
		is_whole = put_string(cases, rule->cases[i].value, rule->cases[i].member);
	return is_whole;
}

char *rule_text(const struct rule *rule)
{
	auto_cjson struct cJSON *json = cJSON_CreateObject();
	bool is_whole =
		json && put_string(json, "path", rule->path) &&
		put_string(json, "direction", direction_names[rule->direction]) &&
		put_true(json, "string", rule->is_string) && put_string(json, "bytes", rule->bytes_text) &&
		put_string(json, "count", rule->count_text) &&
		put_integer(json, "terminator", rule->has_terminator, rule->terminator) &&
		put_true(json, "opaque", rule->is_opaque) && put_true(json, "format", rule->is_format) &&
		put_true(json, "file", rule->is_file) && put_string(json, "type", rule->type) &&
		put_integer(json, "depth", rule->depth, rule->depth) &&
		put_integer(json, "max", rule->max, rule->max) &&
		put_string(json, "redact", redact_names[rule->redact]) &&
		put_string(json, "tag", rule->tag) && put_cases(json, rule);

	return is_whole ? cJSON_PrintUnformatted(json) : NULL;
}

static int copy_text(char **out, const char *text)
{
	*out = text ? strdup(text) : NULL;
	return text && !*out ? -ENOMEM : 0;
}

static int copy_length(struct expr **out, char **text, const char *from)
{
	int r = copy_text(text, from);

	return r || !from ? r : expr_parse(out, from, NULL);
}

static int copy_cases(struct rule *out, const struct rule *from)
{
	if (!from->cases_cnt)
		return 0;
	out->cases = calloc(from->cases_cnt, sizeof(*out->cases));
	if (!out->cases)
		return -ENOMEM;
	out->cases_cnt = from->cases_cnt;
	for (size_t i = 0; i < from->cases_cnt; i++)
		if (copy_text(&out->cases[i].value, from->cases[i].value) ||
		    copy_text(&out->cases[i].member, from->cases[i].member))
			return -ENOMEM;
	return 0;
}

int rule_copy(struct rule *out, const struct rule *rule)
{
	auto_rule struct rule copy = {
		.direction = rule->direction,
		.is_string = rule->is_string,
		.is_opaque = rule->is_opaque,
		.is_format = rule->is_format,
		.is_file = rule->is_file,
		.is_callback = rule->is_callback,
		.has_terminator = rule->has_terminator,
		.terminator = rule->terminator,
		.depth = rule->depth,
		.max = rule->max,
		.redact = rule->redact,
	};

	if (copy_text(&copy.path, rule->path) || copy_text(&copy.type, rule->type) ||
	    copy_text(&copy.tag, rule->tag) || copy_cases(&copy, rule) ||
	    copy_length(&copy.bytes, &copy.bytes_text, rule->bytes_text) ||
	    copy_length(&copy.count, &copy.count_text, rule->count_text))
		return -ENOMEM;
	*out = copy;
	copy = (struct rule){};
	return 0;
}
