// SPDX-License-Identifier: BSD-3-Clause
/* Where the rules of a comparison hold. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/compare_impl.h"

static bool is_index(const struct path_step *step, const struct value *array, const struct value *element)
{
	if (step->kind == STEP_EACH)
		return true;
	if (step->kind == STEP_DEREF)
		return array->child[0] == element;
	return step->kind == STEP_INDEX && step->index >= 0 && (uint64_t)step->index < array->child_cnt &&
	       array->child[step->index] == element;
}

/* Whether @v stands where the first @cnt steps of @path lead. Text, bytes and arrays behind a pointer stand
 * where the pointer does; `.` and `->` are taken for each other, as everywhere in a configuration. */
static bool stands_at(const struct value *v, const struct path *path, size_t cnt)
{
	const struct value *parent = v->parent;
	const struct path_step *step = cnt ? &path->steps[cnt - 1] : NULL;

	if (!parent)
		return !cnt && v->name && !strcmp(v->name, path->root);
	if (v->is_content)
		return stands_at(parent, path, cnt);
	if (parent->kind == VALUE_STRUCT)
		return step && (step->kind == STEP_FIELD || step->kind == STEP_ARROW) && v->name &&
		       !strcmp(v->name, step->name) &&
		       (stands_at(parent, path, cnt - 1) ||
			(parent->parent && stands_at(parent->parent, path, cnt - 1)));
	if (parent->kind == VALUE_ARRAY)
		return step && is_index(step, parent, v) && stands_at(parent, path, cnt - 1);
	if (v->kind == VALUE_TEXT || v->kind == VALUE_BYTES || v->kind == VALUE_ARRAY)
		return stands_at(parent, path, cnt);
	return step &&
	       (step->kind == STEP_DEREF || step->kind == STEP_EACH ||
		(step->kind == STEP_INDEX && !step->index)) &&
	       stands_at(parent, path, cnt - 1);
}

/* Whether the place of @v, as it is reported, looks like @pattern. */
static bool is_placed_like(const struct value *v, const struct pattern *pattern)
{
	autofree char *place = value_path(v);

	return place && !regexec(&pattern->regex, place, 0, NULL, 0);
}

const struct pattern *patterns_find(const struct patterns *patterns, enum compare_kind kind,
				    const struct value *v)
{
	for (size_t i = 0; i < patterns->cnt; i++) {
		const struct pattern *pattern = &patterns->row[i];

		if (pattern->rule->kind != kind)
			continue;
		if (pattern->rule->path ? stands_at(v, &pattern->path, pattern->path.cnt)
					: is_placed_like(v, pattern))
			return pattern;
	}
	return NULL;
}

bool pattern_is_like(const struct pattern *pattern, const char *text, size_t len)
{
	regmatch_t whole = {.rm_so = 0, .rm_eo = len};

	return !regexec(&pattern->regex, text, 1, &whole, REG_STARTEND);
}

void patterns_release(struct patterns *patterns)
{
	for (size_t i = 0; i < patterns->cnt; i++) {
		path_release(&patterns->row[i].path);
		path_release(&patterns->row[i].key);
		if (patterns->row[i].rule->pattern)
			regfree(&patterns->row[i].regex);
	}
	free(patterns->row);
	*patterns = (struct patterns){};
}

static int parse(struct pattern *out, const struct compare_rule *rule, struct err *err)
{
	int r = rule->path ? path_parse(&out->path, rule->path, err) : 0;

	if (r < 0)
		return err_wrap(err, r, "in the path '%s'", rule->path);
	r = rule->key ? path_parse(&out->key, rule->key, err) : 0;
	if (r < 0)
		return err_wrap(err, r, "in the path '%s'", rule->key);
	if ((rule->kind == COMPARE_UNORDERED || rule->kind == COMPARE_KEYED) && out->path.cnt &&
	    out->path.steps[out->path.cnt - 1].kind == STEP_EACH)
		out->path.cnt--;
	if (rule->pattern && regcomp(&out->regex, rule->pattern, REG_EXTENDED))
		return err_set(err, -EINVAL, "'%s' is no regular expression", rule->pattern);
	out->rule = rule;
	return 0;
}

int patterns_parse(struct patterns *out, const struct compare_rules *rules, struct err *err)
{
	*out = (struct patterns){.row = calloc(rules->cnt + 1, sizeof(*out->row))};
	if (!out->row)
		return err_nomem(err);
	for (size_t i = 0; i < rules->cnt; i++) {
		struct pattern pattern = {};
		int r = parse(&pattern, &rules->row[i], err);

		if (r < 0) {
			path_release(&pattern.path);
			path_release(&pattern.key);
			return r;
		}
		out->row[out->cnt++] = pattern;
	}
	return 0;
}
