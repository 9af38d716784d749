// SPDX-License-Identifier: BSD-3-Clause
/*
 * Which rules speak of a node, and whether they can.
 *
 * A rule's path is compared with the way from the root to the node, link by link; anonymous members are no
 * step of that way. `.` and `->` are taken for each other, and one `[]` or `*` before a member may be left
 * out: `items->name` and `items[].name` name the same.
 */
#include "lib/shape_build.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/plan.h"

#define WAY_MAX	 (2 * (PATH_STEPS_MAX + 1)) /* a longer way has no rule */
#define TEXT_MAX 96			    /* of a type, in messages */

/* The way from the root (the parameter, or below a struct) to a node. */
struct way {
	struct {
		uint8_t link;
		const char *name;
	} at[WAY_MAX + 1]; /* one more for a pointee that is not there yet */
	size_t cnt;
};

bool is_char(const struct build *b, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(b->btf, schema_strip(b->schema, type));

	return btf_is_int(t) && t->size == 1 && btf_int_encoding(t) & BTF_INT_CHAR;
}

/* --- matching --- */

static bool is_union(const struct build *b, uint16_t node)
{
	return btf_kind(btf__type_by_id(b->btf, schema_strip(b->schema, b->shape->nodes[node].type))) ==
	       BTF_KIND_UNION;
}

/* From just below @from (SHAPE_NONE: from the root) down to @node. False: too long to have a rule. */
static bool way_to(struct way *way, const struct build *b, uint16_t from, uint16_t node)
{
	const struct shape_node *nodes = b->shape->nodes;
	/* Itself an anonymous union: values call it so. */
	bool is_nameless = b->drafts[node].link == LINK_ANONYMOUS;
	size_t cnt = 0;

	for (uint16_t i = node; i != from && i != SHAPE_NONE; i = nodes[i].parent)
		cnt += b->drafts[i].link != LINK_ANONYMOUS;
	cnt += is_nameless;
	if (cnt > WAY_MAX)
		return false;
	way->cnt = cnt;
	if (is_nameless) {
		way->at[--cnt].link = LINK_MEMBER;
		way->at[cnt].name = "union";
	}
	for (uint16_t i = node; i != from && i != SHAPE_NONE; i = nodes[i].parent) {
		if (b->drafts[i].link == LINK_ANONYMOUS)
			continue;
		way->at[--cnt].link = b->drafts[i].link;
		way->at[cnt].name = nodes[i].name;
	}
	return true;
}

static bool is_hop(const struct way *way, size_t i)
{
	return i < way->cnt && (way->at[i].link == LINK_POINTEE || way->at[i].link == LINK_ELEMENT);
}

enum match { MATCH_NO, MATCH_BEYOND, MATCH_HERE };

/* BEYOND: the path goes on beneath the way's end. */
static enum match match(const struct way *way, const struct path *path)
{
	size_t at = 1;

	if (!way->cnt || !way->at[0].name || strcmp(way->at[0].name, path->root))
		return MATCH_NO;
	for (size_t i = 0; i < path->cnt; i++) {
		const struct path_step *step = &path->steps[i];
		bool is_field = step->kind == STEP_FIELD || step->kind == STEP_ARROW;

		if (is_field && is_hop(way, at))
			at++;
		if (at >= way->cnt)
			return MATCH_BEYOND;
		if (is_field ? way->at[at].link != LINK_MEMBER || strcmp(way->at[at].name, step->name)
			     : !is_hop(way, at))
			return MATCH_NO;
		at++;
	}
	return at == way->cnt ? MATCH_HERE : MATCH_NO;
}

static void find_func_rule(struct said *said, const struct build *b, const struct way *way)
{
	for (size_t i = 0; i < b->func->rules_cnt; i++) {
		enum match m = match(way, &b->paths[i]);

		said->leads_on |= m == MATCH_BEYOND;
		if (m != MATCH_HERE)
			continue;
		b->used[i] = true;
		if (!said->rule[0])
			said->rule[0] = &b->func->rules[i];
	}
}

/* Whether the rules of @type hold for the struct @node. */
static bool is_of_type(const struct build *b, const struct schema_type_rules *type, uint16_t node)
{
	const struct shape_node *n = &b->shape->nodes[node];

	return n->kind == SHAPE_STRUCT &&
	       schema_strip(b->schema, type->id) == schema_strip(b->schema, n->type);
}

static int find_in_type(struct said *said, const struct build *b, const struct schema_type_rules *type,
			uint16_t owner, const struct way *way, struct err *err)
{
	for (size_t i = 0; i < type->rules_cnt && !said->rule[1]; i++) {
		auto_path struct path path = {};
		int r = path_parse(&path, type->rules[i].path, err);

		if (r)
			return rules_blame(b, &type->rules[i], r);
		if (match(way, &path) != MATCH_HERE)
			continue;
		said->rule[1] = &type->rules[i];
		said->scope[1] = owner;
	}
	return 0;
}

/* The rules of the nearest struct around @node that has any for it. */
static int find_type_rule(struct said *said, const struct build *b, uint16_t node, struct err *err)
{
	for (uint16_t owner = b->shape->nodes[node].parent; owner != SHAPE_NONE && !said->rule[1];
	     owner = b->shape->nodes[owner].parent) {
		for (size_t i = 0; i < schema_type_rules_cnt(b->schema); i++) {
			const struct schema_type_rules *type = schema_type_rules(b->schema, i);
			struct way way;
			int r;

			if (!is_of_type(b, type, owner) || !way_to(&way, b, owner, node))
				continue;
			r = find_in_type(said, b, type, owner, &way, err);
			if (r)
				return r;
		}
	}
	return 0;
}

/* A direction may be written on what a pointer points to: on `*out` as well as on `out`. */
static void find_direction_below(struct said *said, const struct build *b, struct way *way)
{
	way->at[way->cnt].link = LINK_POINTEE;
	way->at[way->cnt].name = NULL;
	way->cnt++;
	for (size_t i = 0; i < b->func->rules_cnt && !said->rule[0]; i++) {
		const struct rule *rule = &b->func->rules[i];

		if (rule->direction && match(way, &b->paths[i]) == MATCH_HERE)
			said->rule[0] = rule;
	}
}

/* Whether @type is a pointer to what is no pointer itself. */
static bool points_to_plain(const struct build *b, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(b->btf, schema_strip(b->schema, type));

	return btf_is_ptr(t) && !btf_is_ptr(btf__type_by_id(b->btf, schema_strip(b->schema, t->type)));
}

int rules_open(struct build *b, struct err *err)
{
	b->paths = calloc(b->func->rules_cnt + 1, sizeof(*b->paths));
	b->used = calloc(b->func->rules_cnt + 1, sizeof(*b->used));
	if (!b->paths || !b->used)
		return err_nomem(err);
	for (size_t i = 0; i < b->func->rules_cnt; i++) {
		int r = path_parse(&b->paths[i], b->func->rules[i].path, err);

		if (!r && strpbrk(b->paths[i].root, "(."))
			r = err_usage(err, -EINVAL,
				      "'%s' can have no rule: the parameter that it hangs on has",
				      b->func->rules[i].path);

		for (size_t k = 0; k < b->paths[i].cnt && !r; k++)
			if (b->paths[i].steps[k].kind == STEP_INDEX)
				r = err_usage(err, -EINVAL,
					      "'%s' names one element: a rule holds for each, '[]'",
					      b->func->rules[i].path);
		if (r)
			return rules_blame(b, &b->func->rules[i], r);
	}
	return 0;
}

void rules_close(struct build *b)
{
	for (size_t i = 0; b->paths && i < b->func->rules_cnt; i++)
		path_release(&b->paths[i]);
	free(b->paths);
	free(b->used);
}

int rules_find(struct said *out, const struct build *b, uint16_t node, struct err *err)
{
	struct said said = {.scope = {SHAPE_NONE, SHAPE_NONE}};
	struct way way;
	int r = 0;

	if (b->drafts[node].link != LINK_ANONYMOUS || is_union(b, node)) {
		if (way_to(&way, b, SHAPE_NONE, node)) {
			find_func_rule(&said, b, &way);
			if (!said.rule[0] && points_to_plain(b, b->shape->nodes[node].type))
				find_direction_below(&said, b, &way);
		}
		r = find_type_rule(&said, b, node, err);
	}
	if (!r)
		*out = said;
	return r;
}

/* --- what was said --- */

static bool has_layout(const struct rule *rule)
{
	return rule->is_string || rule->is_opaque || rule->has_terminator || rule->bytes || rule->count;
}

const struct rule *said_layout(const struct said *said, uint16_t *scope)
{
	for (int i = 0; i < 2; i++) {
		if (!said->rule[i] || !has_layout(said->rule[i]))
			continue;
		*scope = said->scope[i];
		return said->rule[i];
	}
	*scope = SHAPE_NONE;
	return NULL;
}

const struct rule *said_tag(const struct said *said, uint16_t *scope)
{
	for (int i = 0; i < 2; i++) {
		if (!said->rule[i] || !said->rule[i]->tag)
			continue;
		*scope = said->scope[i];
		return said->rule[i];
	}
	return NULL;
}

const struct rule *said_type(const struct said *said)
{
	for (int i = 0; i < 2; i++)
		if (said->rule[i] && said->rule[i]->type)
			return said->rule[i];
	return NULL;
}

const struct rule *said_direction(const struct said *said)
{
	for (int i = 0; i < 2; i++)
		if (said->rule[i] && said->rule[i]->direction && !said->rule[i]->is_file)
			return said->rule[i];
	return NULL;
}

uint32_t said_max(const struct said *said)
{
	for (int i = 0; i < 2; i++)
		if (said->rule[i] && said->rule[i]->max)
			return said->rule[i]->max;
	return 0;
}

enum redact said_redact(const struct said *said)
{
	for (int i = 0; i < 2; i++)
		if (said->rule[i] && said->rule[i]->redact)
			return said->rule[i]->redact;
	return REDACT_NONE;
}

int said_depth(const struct said *said)
{
	for (int i = 0; i < 2; i++)
		if (said->rule[i] && said->rule[i]->depth > 0)
			return said->rule[i]->depth;
	return 0;
}

int rules_blame(const struct build *b, const struct rule *rule, int code)
{
	if (!b->fault)
		return code;
	for (size_t i = 0; i < b->func->rules_cnt; i++)
		if (rule == &b->func->rules[i])
			b->fault->rule = i;
	for (size_t i = 0; i < schema_type_rules_cnt(b->schema); i++) {
		const struct schema_type_rules *type = schema_type_rules(b->schema, i);

		if (rule >= type->rules && rule < type->rules + type->rules_cnt)
			b->fault->type_rule = i;
	}
	return code;
}

/* --- can it be so --- */

static const char *layout_key(const struct rule *rule)
{
	return rule->is_format	      ? "format"
	       : rule->is_file	      ? "file"
	       : rule->is_string      ? "string"
	       : rule->is_opaque      ? "opaque"
	       : rule->bytes	      ? "bytes"
	       : rule->count	      ? "count"
	       : rule->has_terminator ? "terminator"
				      : NULL;
}

/* One rule alone: keys that exclude each other. */
static int check_alone(const struct build *b, const struct rule *rule, struct err *err)
{
	const char *keys[5];
	int cnt = 0;

	if (rule->is_string)
		keys[cnt++] = "string";
	if (rule->is_opaque)
		keys[cnt++] = "opaque";
	if (rule->bytes)
		keys[cnt++] = "bytes";
	if (rule->count)
		keys[cnt++] = "count";
	if (rule->has_terminator)
		keys[cnt++] = "terminator";
	if (cnt < 2)
		return 0;
	err_usage(err, -EINVAL, "'%s' has both '%s' and '%s'", rule->path, keys[0], keys[1]);
	err_hint(err, "keep the one that says what '%s' points to", rule->path);
	return rules_blame(b, rule, -EINVAL);
}

static int misfit(const struct build *b, const struct rule *rule, const char *key, uint32_t type,
		  struct err *err)
{
	char text[TEXT_MAX];

	schema_type_text(b->schema, type, text, sizeof(text));
	err_usage(err, -EINVAL, "'%s' on '%s', which is no pointer: its type is '%s'", key, rule->path, text);
	return rules_blame(b, rule, -EINVAL);
}

static int no_union(const struct build *b, const struct rule *rule, uint32_t type, struct err *err)
{
	char text[TEXT_MAX];

	schema_type_text(b->schema, type, text, sizeof(text));
	err_usage(err, -EINVAL, "'tag' on '%s', which is no union: its type is '%s'", rule->path, text);
	return rules_blame(b, rule, -EINVAL);
}

int rules_fit_plain(const struct build *b, const struct said *said, uint16_t node, struct err *err)
{
	const struct shape_node *n = &b->shape->nodes[node];
	bool is_pointee = b->drafts[node].link == LINK_POINTEE;
	bool is_array = btf_is_array(btf__type_by_id(b->btf, schema_strip(b->schema, n->type)));
	int r;

	for (int i = 0; i < 2; i++) {
		const struct rule *rule = said->rule[i];

		if (!rule)
			continue;
		r = check_alone(b, rule, err);
		if (r)
			return r;
		if (rule->is_opaque || (rule->is_string && n->kind != SHAPE_CHARS) ||
		    (!is_array && has_layout(rule)))
			return misfit(b, rule, layout_key(rule), n->type, err);
		if (rule->type)
			return misfit(b, rule, "type", n->type, err);
		if (rule->tag && n->kind != SHAPE_UNION)
			return no_union(b, rule, n->type, err);
		if (rule->max && !n->length && !n->has_terminator && !n->container)
			return misfit(b, rule, "max", n->type, err);
		if (rule->direction && !is_pointee)
			return misfit(b, rule, "direction", n->type, err);
	}
	return 0;
}

/* -- pointers -- */

static bool is_byte_like(const struct build *b, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(b->btf, schema_strip(b->schema, type));

	return btf_is_void(t) || (btf_is_int(t) && t->size == 1);
}

static bool can_end(const struct build *b, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(b->btf, schema_strip(b->schema, type));

	return btf_is_ptr(t) || (btf_is_int(t) && t->size <= 8) || btf_is_any_enum(t);
}

static int fit_layout(const struct build *b, const struct rule *rule, uint32_t max, uint32_t pointee,
		      struct err *err)
{
	uint32_t size = schema_size(b->schema, pointee);
	char text[TEXT_MAX];

	schema_type_text(b->schema, pointee, text, sizeof(text));
	if (rule->is_string && !is_byte_like(b, pointee))
		return err_usage(err, -EINVAL, "'%s' on '%s', which points to '%s', not to characters",
				 layout_key(rule), rule->path, text);
	if (rule->is_string && !rule->is_file && max > PLAN_FRAGMENT_MAX)
		return err_usage(err, -EINVAL, "'max' of '%s' is %u, and a string's is at most %d",
				 rule->path, max, PLAN_FRAGMENT_MAX);
	if (rule->has_terminator && is_char(b, pointee)) {
		err_usage(err, -EINVAL, "'terminator' on '%s', which points to characters", rule->path);
		err_hint(err, "\"string\": true is text up to its NUL");
		return -EINVAL;
	}
	if ((rule->count || rule->has_terminator) && !size) {
		err_usage(err, -EINVAL, "'%s' on '%s', whose elements '%s' have no size", layout_key(rule),
			  rule->path, text);
		err_hint(err, "say what they are with \"type\", or how many bytes with \"bytes\"");
		return -EINVAL;
	}
	if (rule->has_terminator && !can_end(b, pointee))
		return err_usage(err, -EINVAL,
				 "'terminator' on '%s', whose elements '%s' are neither numbers nor pointers",
				 rule->path, text);
	if ((rule->count || rule->has_terminator) &&
	    (uint64_t)(max ? max : RULE_ELEMENTS_DEFAULT) * size > INT32_MAX)
		return err_usage(err, -EINVAL, "'max' of '%s' is too much: %u elements of %u bytes",
				 rule->path, max ? max : RULE_ELEMENTS_DEFAULT, size);
	return 0;
}

int rules_fit_pointer(const struct build *b, const struct said *said, uint32_t pointee, struct err *err)
{
	uint16_t scope;
	const struct rule *layout = said_layout(said, &scope);
	int r = 0;

	for (int i = 0; i < 2 && !r; i++) {
		const struct rule *rule = said->rule[i];

		if (rule && rule->tag)
			r = no_union(b, rule, pointee, err);
		else if (rule)
			r = check_alone(b, rule, err);
	}
	if (r)
		return r;
	if (layout) {
		r = fit_layout(b, layout, said_max(said), pointee, err);
		return r ? rules_blame(b, layout, r) : 0;
	}
	for (int i = 0; i < 2; i++) {
		const struct rule *rule = said->rule[i];

		if (!rule || !rule->max || (is_char(b, pointee) && rule->max <= PLAN_FRAGMENT_MAX))
			continue;
		if (is_char(b, pointee)) {
			err_usage(err, -EINVAL, "'max' of '%s' is %u, and a string's is at most %d",
				  rule->path, rule->max, PLAN_FRAGMENT_MAX);
		} else {
			err_usage(err, -EINVAL, "'max' on '%s', which points to one value", rule->path);
			err_hint(err, "add \"count\", \"bytes\" or \"terminator\"");
		}
		return rules_blame(b, rule, -EINVAL);
	}
	return 0;
}
