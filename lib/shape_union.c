// SPDX-License-Identifier: BSD-3-Clause
/*
 * Which member of a union is live: what its rule's tag says. The cases of the rule name a value of the tag,
 * an enumerator or a number, and a member. Without cases an enumerator means the member whose name it ends
 * with: EVENT_TEXT means text. A value that has no case leaves the union its bytes.
 */
#include "lib/shape_build.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/pool.h"

#define TEXT_MAX 96 /* of a type, in messages */

struct path *union_tag(const struct build *b, const struct rule *rule, struct err *err)
{
	struct path *tag = calloc(1, sizeof(*tag));

	if (!tag) {
		err_nomem(err);
	} else if (path_parse(tag, rule->tag, err)) {
		free(tag);
		tag = NULL;
	}
	return tag;
}

/* --- the tag's values --- */

struct values {
	const struct btf *btf;
	const struct btf_type *t; /* an enum, or NULL */
	bool is_signed;
};

static size_t values_cnt(const struct values *v)
{
	return v->t ? btf_vlen(v->t) : 0;
}

static const char *value_name(const struct values *v, size_t idx)
{
	uint32_t off = btf_is_enum(v->t) ? btf_enum(v->t)[idx].name_off : btf_enum64(v->t)[idx].name_off;

	return btf__name_by_offset(v->btf, off) ?: "";
}

static int64_t value_of(const struct values *v, size_t idx)
{
	if (!btf_is_enum(v->t))
		return btf_enum64_value(&btf_enum64(v->t)[idx]);
	return v->is_signed ? btf_enum(v->t)[idx].val : (int64_t)(uint32_t)btf_enum(v->t)[idx].val;
}

static struct values values_of(const struct build *b, uint16_t tag)
{
	const struct shape_node *n = &b->shape->nodes[tag];
	const struct btf_type *t = btf__type_by_id(b->btf, schema_strip(b->schema, n->type));

	return (struct values){b->btf, btf_is_any_enum(t) ? t : NULL, n->is_signed};
}

/* --- cases --- */

struct cases {
	const struct build *b;
	struct shape_node *n; /* the union */
	const struct rule *rule;
	struct values values;
	struct shape_case *row;
	struct err *err;
};

static int unknown_value(const struct cases *c, const char *name)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (size_t i = 0; i < values_cnt(&c->values); i++)
		nearest_try(&nearest, value_name(&c->values, i));
	err_usage(c->err, -EINVAL, "case '%s' of '%s' is neither a number nor a value of its tag", name,
		  c->rule->path);
	if (nearest.best)
		err_hint(c->err, "did you mean '%s'?", nearest.best);
	return -EINVAL;
}

static int find_value(const struct cases *c, int64_t *out, const char *name)
{
	char *end;
	int64_t number = strtoll(name, &end, 0);

	for (size_t i = 0; i < values_cnt(&c->values); i++) {
		if (strcmp(value_name(&c->values, i), name))
			continue;
		*out = value_of(&c->values, i);
		return 0;
	}
	if (*end || end == name)
		return unknown_value(c, name);
	*out = number;
	return 0;
}

static int find_member(const struct cases *c, uint16_t *out, const char *name)
{
	const struct shape_node *nodes = c->b->shape->nodes;
	struct nearest nearest;

	nearest_init(&nearest, name);
	for (uint16_t i = c->n->first_child; i != SHAPE_NONE; i = nodes[i].next) {
		nearest_try(&nearest, nodes[i].name ?: "");
		if (!nodes[i].name || strcmp(nodes[i].name, name))
			continue;
		*out = i;
		return 0;
	}
	err_usage(c->err, -EINVAL, "no member '%s' in the union '%s'", name, c->rule->path);
	if (nearest.best)
		err_hint(c->err, "did you mean '%s'?", nearest.best);
	return -EINVAL;
}

static int take_written(struct cases *c)
{
	int r = 0;

	for (size_t i = 0; !r && i < c->rule->cases_cnt; i++) {
		struct shape_case *row = &c->row[c->n->cases_cnt];

		r = find_value(c, &row->value, c->rule->cases[i].value);
		if (!r)
			r = find_member(c, &row->member, c->rule->cases[i].member);
		c->n->cases_cnt += !r;
	}
	return r;
}

/* "EVENT_TEXT" ends with "text", and so does "Text"; "CONTEXT" does not. */
static bool ends_with(const char *enumerator, const char *member)
{
	size_t len = strlen(enumerator), end = strlen(member);

	return end <= len && !strcasecmp(enumerator + len - end, member) &&
	       (end == len || enumerator[len - end - 1] == '_');
}

static uint16_t member_meant(const struct cases *c, const char *enumerator)
{
	const struct shape_node *nodes = c->b->shape->nodes;
	uint16_t best = SHAPE_NONE;

	for (uint16_t i = c->n->first_child; i != SHAPE_NONE; i = nodes[i].next) {
		if (!nodes[i].name || !ends_with(enumerator, nodes[i].name))
			continue;
		if (best == SHAPE_NONE || strlen(nodes[i].name) > strlen(nodes[best].name))
			best = i;
	}
	return best;
}

static int take_meant(struct cases *c)
{
	char text[TEXT_MAX];

	for (size_t i = 0; i < values_cnt(&c->values); i++) {
		uint16_t member = member_meant(c, value_name(&c->values, i));

		if (member != SHAPE_NONE)
			c->row[c->n->cases_cnt++] = (struct shape_case){value_of(&c->values, i), member};
	}
	if (c->n->cases_cnt)
		return 0;
	schema_type_text(c->b->schema, c->n->type, text, sizeof(text));
	err_usage(c->err, -EINVAL, "no value of tag '%s' names a member of '%s'", c->rule->tag, text);
	err_hint(c->err, "say which value means which: \"cases\": {\"1\": \"member\"}");
	return -EINVAL;
}

static const struct rule *rule_of(const struct build *b, uint16_t node, struct err *err)
{
	struct said said;
	uint16_t scope;

	return rules_find(&said, b, node, err) ? NULL : said_tag(&said, &scope);
}

static int find_cases(const struct build *b, uint16_t node, const struct rule *rule, uint16_t tag,
		      struct err *err)
{
	struct shape_node *n = &b->shape->nodes[node];
	struct cases c = {.b = b, .n = n, .rule = rule, .values = values_of(b, tag), .err = err};

	c.row = pool_array(b->pool, rule->cases_cnt + values_cnt(&c.values), sizeof(*c.row));
	if (!c.row)
		return err_nomem(err);
	n->cases = c.row;
	return rule->cases_cnt ? take_written(&c) : take_meant(&c);
}

int check_tags(const struct build *b, struct err *err)
{
	for (uint16_t i = 0; i < b->shape->nodes_cnt; i++) {
		const struct rule *rule;
		uint16_t tag;
		int r;

		if (!b->shape->nodes[i].tag)
			continue;
		rule = rule_of(b, i, err);
		if (!rule)
			return err_nomem(err);
		r = check_path_of(b, i, b->shape->nodes[i].tag, &tag, err);
		if (r)
			err_wrap(err, r, "tag of '%s'", rule->path);
		if (!r)
			r = find_cases(b, i, rule, tag, err);
		if (r)
			return rules_blame(b, rule, r);
	}
	return 0;
}
