// SPDX-License-Identifier: BSD-3-Clause
/*
 * Nodes from types. A value is grown with all that lies in it (members, elements); what its pointers point to
 * waits until every value before it is there, so nodes are numbered breadth first, and when there are too
 * many it is the deepest that are missing.
 */
#include "lib/shape_build.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/pool.h"
#include "lib/util.h"

#define TEXT_MAX       96 /* of a type, in messages */
#define CONST_WALK_MAX 64 /* typedefs and qualifiers of one type */

/* A value to be grown. */
struct spot {
	uint16_t parent;
	uint8_t link;
	const char *name;
	uint32_t type, offset;
	uint8_t bit_offset, bit_size;
	bool is_returned; /* of a root */
};

static int grow(struct build *b, const struct spot *spot, uint16_t *node, struct err *err);

void grow_cut(struct shape_node *n, const char *reason)
{
	n->kind = SHAPE_CUT;
	n->reason = reason;
	if (n->is_content)
		expr_free((struct expr *)n->length);
	n->length = NULL;
	n->has_terminator = false;
	n->flows = 0;
}

/* --- what lies in a value --- */

static int grow_int(struct build *b, uint16_t node, const struct btf_type *t, const struct said *said,
		    struct err *err)
{
	struct shape_node *n = &b->shape->nodes[node];

	n->kind = btf_int_encoding(t) & BTF_INT_BOOL ? SHAPE_BOOL : SHAPE_INT;
	n->is_signed = btf_int_encoding(t) & BTF_INT_SIGNED;
	return rules_fit_plain(b, said, node, err);
}

static int grow_enum(struct build *b, uint16_t node, const struct btf_type *t, const struct said *said,
		     struct err *err)
{
	struct shape_node *n = &b->shape->nodes[node];

	n->kind = SHAPE_ENUM;
	n->is_signed = btf_kflag(t);
	return rules_fit_plain(b, said, node, err);
}

static int grow_float(struct build *b, uint16_t node, const struct btf_type *t, const struct said *said,
		      struct err *err)
{
	b->shape->nodes[node].kind = SHAPE_FLOAT;
	return rules_fit_plain(b, said, node, err);
}

static int grow_incomplete(struct build *b, uint16_t node, const struct btf_type *t, const struct said *said,
			   struct err *err)
{
	grow_cut(&b->shape->nodes[node], "its type is incomplete");
	return rules_fit_plain(b, said, node, err);
}

static void adopt(struct shape *shape, uint16_t parent, uint16_t *last, uint16_t child)
{
	if (*last == SHAPE_NONE)
		shape->nodes[parent].first_child = child;
	else
		shape->nodes[*last].next = child;
	*last = child;
}

static int grow_members(struct build *b, uint16_t node, const struct btf_type *t, struct err *err)
{
	const struct btf_member *m = btf_members(t);
	uint16_t child, last = SHAPE_NONE;
	int r = 0;

	for (uint32_t i = 0; i < btf_vlen(t) && !r; i++) {
		const char *name = btf__name_by_offset(b->btf, m[i].name_off);
		uint32_t bit = btf_member_bit_offset(t, i);
		struct spot spot = {
			.parent = node,
			.link = name && *name ? LINK_MEMBER : LINK_ANONYMOUS,
			.name = name && *name ? name : NULL,
			.type = m[i].type,
			.offset = bit / 8,
			.bit_offset = bit % 8,
			.bit_size = btf_member_bitfield_size(t, i),
		};

		r = grow(b, &spot, &child, err);
		if (!r)
			adopt(b->shape, node, &last, child);
	}
	return r;
}

static int grow_struct(struct build *b, uint16_t node, const struct btf_type *t, const struct said *said,
		       struct err *err)
{
	int r;

	b->shape->nodes[node].kind = SHAPE_STRUCT;
	b->shape->nodes[node].container = schema_container(b->schema, b->shape->nodes[node].type);
	r = rules_fit_plain(b, said, node, err);
	if (r)
		return r;
	if (b->shape->nodes[node].container)
		return container_grow(b, node, said, err);
	return grow_members(b, node, t, err);
}

static int grow_union(struct build *b, uint16_t node, const struct btf_type *t, const struct said *said,
		      struct err *err)
{
	struct shape_node *n = &b->shape->nodes[node];
	uint16_t scope;
	const struct rule *tag = said_tag(said, &scope);
	int r;

	n->kind = SHAPE_UNION;
	r = rules_fit_plain(b, said, node, err);
	if (r || !tag)
		return r;
	n->tag = union_tag(b, tag, err);
	if (!n->tag)
		return rules_blame(b, tag, -EINVAL);
	n->scope = scope;
	return grow_members(b, node, t, err);
}

/* Elements counted by a rule, or ended by one: they are read apart from what they lie in. */
static int grow_sized_array(struct build *b, uint16_t node, const struct rule *rule, uint16_t scope,
			    const struct said *said, struct err *err)
{
	struct shape_node *n = &b->shape->nodes[node];
	const struct btf_array *array = btf_array(btf__type_by_id(b->btf, schema_strip(b->schema, n->type)));
	struct spot spot = {.parent = node, .link = LINK_ELEMENT, .type = array->type};
	bool is_text = is_char(b, array->type);
	uint32_t unit = schema_size(b->schema, array->type);
	uint32_t max = said_max(said);
	int r;

	if (rule->bytes && unit != 1)
		r = err_usage(err, -EINVAL, "'bytes' on '%s', whose elements are of %u bytes", rule->path,
			      unit);
	else if (!unit || (uint64_t)(max ?: RULE_ELEMENTS_DEFAULT) * unit > INT32_MAX)
		r = err_usage(err, -EINVAL, "'%s' has elements of %u bytes: no size, or too much", rule->path,
			      unit);
	else
		r = 0;
	if (r)
		return rules_blame(b, rule, r);
	n->is_inline = rule->bytes || (rule->count && is_text);
	n->kind = n->is_inline ? SHAPE_BYTES : SHAPE_ARRAY;
	n->length = rule->bytes ? rule->bytes : rule->count;
	n->scope = scope;
	n->has_terminator = rule->has_terminator;
	n->terminator = rule->terminator;
	n->count = array->nelems;
	n->max = max ? max : n->is_inline ? RULE_BYTES_DEFAULT : RULE_ELEMENTS_DEFAULT;
	if (n->count)
		n->max = MIN(n->max, n->count);
	n->flows = b->drafts[node].flows ?: FLOW_IN;
	r = rules_fit_plain(b, said, node, err);
	if (r || n->is_inline)
		return r;
	return grow(b, &spot, &n->first_child, err);
}

static int grow_array(struct build *b, uint16_t node, const struct btf_type *t, const struct said *said,
		      struct err *err)
{
	struct shape_node *n = &b->shape->nodes[node];
	struct spot spot = {.parent = node, .link = LINK_ELEMENT, .type = btf_array(t)->type};
	uint16_t scope;
	const struct rule *rule = said_layout(said, &scope);
	int r;

	if (rule && (rule->bytes || rule->count || rule->has_terminator))
		return grow_sized_array(b, node, rule, scope, said, err);
	n->kind = is_char(b, spot.type) ? SHAPE_CHARS : SHAPE_ARRAY;
	n->count = btf_array(t)->nelems;
	if (!n->count)
		grow_cut(n, "a flexible array needs a \"count\"");
	r = rules_fit_plain(b, said, node, err);
	if (r || n->kind != SHAPE_ARRAY)
		return r;
	return grow(b, &spot, &n->first_child, err);
}

/* --- pointers --- */

static bool is_const(const struct build *b, uint32_t type)
{
	for (int i = 0; i < CONST_WALK_MAX; i++) {
		const struct btf_type *t = btf__type_by_id(b->btf, type);

		if (btf_is_const(t))
			return true;
		if (btf_is_array(t))
			type = btf_array(t)->type;
		else if (btf_is_mod(t) || btf_is_typedef(t))
			type = t->type;
		else
			break;
	}
	return false;
}

static const struct {
	const char *word;
	uint16_t kind;
} named_kinds[] = {
	{"struct ", BTF_KIND_STRUCT}, {"union ", BTF_KIND_UNION}, {"enum ", BTF_KIND_ENUM},
	{"enum ", BTF_KIND_ENUM64},   {"", BTF_KIND_TYPEDEF},	  {"", BTF_KIND_INT},
	{"", BTF_KIND_FLOAT},
};

static int unknown_type(const struct build *b, const struct rule *rule, struct err *err)
{
	struct nearest nearest;

	nearest_init(&nearest, rule->type);
	for (uint32_t id = 1; id < btf__type_cnt(b->btf); id++) {
		const struct btf_type *t = btf__type_by_id(b->btf, id);
		const char *name = btf__name_by_offset(b->btf, t->name_off);

		for (size_t i = 0; i < ARRAY_SIZE(named_kinds); i++) {
			if (btf_kind(t) != named_kinds[i].kind || !name || !*name)
				continue;
			nearest_try(&nearest, pool_printf(b->pool, "%s%s", named_kinds[i].word, name) ?: "");
		}
	}
	err_usage(err, -EINVAL, "no type '%s' for '%s'", rule->type, rule->path);
	if (nearest.best)
		err_hint(err, "did you mean '%s'?", nearest.best);
	return rules_blame(b, rule, -EINVAL);
}

static int find_type(const struct build *b, const struct rule *rule, uint32_t *type, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(named_kinds); i++) {
		size_t len = strlen(named_kinds[i].word);
		int id;

		if (strncmp(rule->type, named_kinds[i].word, len))
			continue;
		id = btf__find_by_name_kind(b->btf, rule->type + len, named_kinds[i].kind);
		if (id <= 0)
			continue;
		*type = id;
		return 0;
	}
	return unknown_type(b, rule, err);
}

/* The flows of pointer @node, given what it is beneath and what was said. */
static int direct(struct build *b, uint16_t node, const struct said *said, struct err *err)
{
	static const uint8_t flows[DIRECTION_CNT] = {
		[DIRECTION_IN] = FLOW_IN,
		[DIRECTION_OUT] = FLOW_OUT,
		[DIRECTION_INOUT] = FLOW_IN | FLOW_OUT,
	};
	struct shape_node *n = &b->shape->nodes[node];
	struct draft *d = &b->drafts[node];
	const struct rule *rule = said_direction(said);
	int r;

	if (!rule) {
		if (!d->flows)
			d->flows = n->is_const				  ? FLOW_IN
				   : n->length && needs_return(n->length) ? FLOW_OUT
									  : FLOW_IN | FLOW_OUT;
		return 0;
	}
	n->is_explicit = true;
	if (n->kind == SHAPE_HANDLE) {
		r = err_usage(err, -EINVAL, "'direction' on '%s', which is an opaque pointer", rule->path);
		err_hint(err, "say what it points to: \"string\", \"bytes\", \"count\" or \"type\"");
	} else if (d->is_returned && rule->direction != DIRECTION_OUT) {
		r = err_usage(err, -EINVAL, "'direction' on '%s', which a result always flows out of",
			      rule->path);
	} else if (d->link == LINK_ROOT && n->is_const && rule->direction != DIRECTION_IN) {
		r = err_usage(err, -EINVAL, "'%s' points to const: nothing flows out through it", rule->path);
	} else {
		d->flows = flows[rule->direction];
		return 0;
	}
	return rules_blame(b, rule, r);
}

static bool is_opaque(const struct build *b, uint32_t pointee)
{
	const struct btf_type *t = btf__type_by_id(b->btf, schema_strip(b->schema, pointee));

	return btf_is_void(t) || btf_is_fwd(t) || btf_is_func_proto(t);
}

/* What a pointer is that no rule describes. */
static enum shape_kind default_pointer(const struct build *b, uint16_t node, uint32_t pointee)
{
	const struct draft *d = &b->drafts[node];

	if (is_opaque(b, pointee))
		return SHAPE_HANDLE;
	if (!is_char(b, pointee))
		return SHAPE_POINTER;
	return is_const(b, pointee) || (d->is_returned && d->link == LINK_ROOT) ? SHAPE_STRING : SHAPE_HANDLE;
}

static void lay_out(struct build *b, uint16_t node, uint32_t pointee, const struct rule *rule, uint16_t scope,
		    uint32_t max)
{
	struct shape_node *n = &b->shape->nodes[node];
	bool is_text;

	if (!rule) {
		n->kind = default_pointer(b, node, pointee);
	} else if (rule->is_opaque) {
		n->kind = SHAPE_HANDLE;
	} else if (rule->is_string) {
		n->kind = SHAPE_STRING;
	} else {
		is_text = rule->bytes || (rule->count && is_char(b, pointee));
		n->kind = is_text ? SHAPE_BYTES : SHAPE_POINTER;
		n->length = rule->bytes ? rule->bytes : rule->count;
		n->scope = scope;
		n->has_terminator = rule->has_terminator;
		n->terminator = rule->terminator;
	}
	if (n->kind == SHAPE_STRING || n->kind == SHAPE_BYTES)
		n->max = max ? max : RULE_BYTES_DEFAULT;
	else if (n->length || n->has_terminator)
		n->max = max ? max : RULE_ELEMENTS_DEFAULT;
}

/* A pointer to a struct like one that a pointer above leads to, which was told to be followed far. */
static bool become_again(struct build *b, uint16_t node)
{
	struct shape_node *nodes = b->shape->nodes;
	uint32_t type = schema_strip(b->schema, b->drafts[node].pointee);

	if (!btf_is_struct(btf__type_by_id(b->btf, type)))
		return false;
	for (uint16_t i = nodes[node].parent; i != SHAPE_NONE && b->drafts[i].deep; i = nodes[i].parent) {
		if (nodes[i].kind != SHAPE_POINTER || nodes[i].length || nodes[i].has_terminator ||
		    b->drafts[i].flows != b->drafts[node].flows ||
		    schema_strip(b->schema, b->drafts[i].pointee) != type)
			continue;
		nodes[node].kind = SHAPE_AGAIN;
		nodes[node].again = i;
		nodes[i].levels = b->drafts[i].deep;
		return true;
	}
	return false;
}

static int format_misfit(const struct build *b, const struct rule *rule, struct err *err)
{
	err_usage(err, -EINVAL, "'%s' on '%s', which is no parameter", rule->is_format ? "format" : "file",
		  rule->path);
	return rules_blame(b, rule, -EINVAL);
}

static int grow_pointer(struct build *b, uint16_t node, const struct btf_type *t, const struct said *said,
			struct err *err)
{
	struct shape_node *n = &b->shape->nodes[node];
	struct draft *d = &b->drafts[node];
	const struct rule *type = said_type(said);
	uint32_t pointee = t->type;
	uint16_t scope;
	const struct rule *layout = said_layout(said, &scope);
	int r = type ? find_type(b, type, &pointee, err) : 0;

	if (!r)
		r = rules_fit_pointer(b, said, pointee, err);
	if (!r && d->link != LINK_ROOT && layout && (layout->is_format || layout->is_file))
		r = format_misfit(b, layout, err);
	if (r)
		return r;
	n->is_const = is_const(b, t->type);
	lay_out(b, node, pointee, layout, scope, layout && layout->is_file ? 0 : said_max(said));
	r = direct(b, node, said, err);
	if (r || n->kind == SHAPE_HANDLE)
		return r;
	n->flows = d->flows;
	d->pointee = pointee;
	if (d->deep && !layout && !said->leads_on && n->kind == SHAPE_POINTER && become_again(b, node))
		return 0;
	if (n->depth >= d->limit && !layout && !type && !said->leads_on)
		grow_cut(n, pool_printf(b->pool, "deeper than depth %u", d->limit) ?: "too deep");
	return 0;
}

/* --- any value --- */

typedef int (*grow_fn)(struct build *b, uint16_t node, const struct btf_type *t, const struct said *said,
		       struct err *err);

static const grow_fn growers[] = {
	[BTF_KIND_INT] = grow_int,     [BTF_KIND_FLOAT] = grow_float,	[BTF_KIND_ENUM] = grow_enum,
	[BTF_KIND_ENUM64] = grow_enum, [BTF_KIND_STRUCT] = grow_struct, [BTF_KIND_UNION] = grow_union,
	[BTF_KIND_ARRAY] = grow_array, [BTF_KIND_PTR] = grow_pointer,	[BTF_KIND_FWD] = grow_incomplete,
};

static void start(struct build *b, uint16_t node, const struct spot *spot)
{
	struct shape_node *n = &b->shape->nodes[node];
	struct draft *d = &b->drafts[node];

	*n = (struct shape_node){
		.kind = SHAPE_CUT,
		.type = spot->type,
		.offset = spot->offset,
		.bit_offset = spot->bit_size ? spot->bit_offset : 0,
		.bit_size = spot->bit_size,
		.size = schema_size(b->schema, spot->type),
		.scope = SHAPE_NONE,
		.parent = spot->parent,
		.first_child = SHAPE_NONE,
		.next = SHAPE_NONE,
	};
	if (spot->parent == SHAPE_NONE) {
		*d = (struct draft){
			.link = spot->link,
			.limit = RULE_DEPTH_DEFAULT,
			.is_returned = spot->is_returned,
			.flows = spot->is_returned ? FLOW_OUT : 0,
		};
		return;
	}
	*d = b->drafts[spot->parent];
	d->link = spot->link;
	d->pointee = 0;
	n->depth = b->shape->nodes[spot->parent].depth + (spot->link == LINK_POINTEE);
}

int grow_bare(struct build *b, uint16_t parent, const char *name, uint32_t type, uint32_t offset,
	      uint16_t *last, uint16_t *node, struct err *err)
{
	struct spot spot = {
		.parent = parent, .link = LINK_ANONYMOUS, .name = name, .type = type, .offset = offset};

	if (b->shape->nodes_cnt == SHAPE_NODES_MAX)
		return err_set(err, -E2BIG, "more than %d values", SHAPE_NODES_MAX);
	*node = b->shape->nodes_cnt++;
	start(b, *node, &spot);
	b->shape->nodes[*node].size = sizeof(uint64_t);
	b->shape->nodes[*node].name = pool_printf(b->pool, "%s", name);
	if (!b->shape->nodes[*node].name)
		return err_nomem(err);
	adopt(b->shape, parent, last, *node);
	return 0;
}

static bool is_virtual_base(const struct build *b, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(b->btf, type);

	return btf_is_typedef(t) && !strcmp(btf__name_by_offset(b->btf, t->name_off), SCHEMA_VIRTUAL_BASE);
}

static int grow(struct build *b, const struct spot *spot, uint16_t *node, struct err *err)
{
	const struct btf_type *t = btf__type_by_id(b->btf, schema_strip(b->schema, spot->type));
	uint16_t idx = b->shape->nodes_cnt;
	struct shape_node *n = &b->shape->nodes[idx];
	struct said said;
	int r;

	if (idx == SHAPE_NODES_MAX)
		return err_set(err, -E2BIG, "more than %d values", SHAPE_NODES_MAX);
	b->shape->nodes_cnt++;
	start(b, idx, spot);
	if (spot->name) {
		n->name = pool_printf(b->pool, "%s", spot->name);
		if (!n->name)
			return err_nomem(err);
	}
	r = rules_find(&said, b, idx, err);
	if (r)
		return r;
	n->redact = said_redact(&said);
	if (!n->redact && spot->parent != SHAPE_NONE)
		n->redact = b->shape->nodes[spot->parent].redact;
	if (said_depth(&said)) {
		b->drafts[idx].limit = MIN(n->depth + MIN(said_depth(&said), RULE_DEPTH_TREE), UINT8_MAX);
		b->drafts[idx].deep = said_depth(&said) > RULE_DEPTH_TREE ? said_depth(&said) : 0;
	}
	*node = idx;
	if (is_virtual_base(b, spot->type)) {
		grow_cut(n, "a virtual base class: where it lies is known at run time only");
		return 0;
	}
	if (!t || btf_kind(t) >= ARRAY_SIZE(growers) || !growers[btf_kind(t)]) {
		grow_cut(n, "its type is not known");
		return 0;
	}
	return growers[btf_kind(t)](b, idx, t, &said, err);
}

int grow_root(struct build *b, const char *name, uint32_t type, bool is_returned, uint16_t *node,
	      struct err *err)
{
	struct spot spot = {
		.parent = SHAPE_NONE,
		.link = LINK_ROOT,
		.name = name,
		.type = type,
		.is_returned = is_returned,
	};
	int r = grow(b, &spot, node, err);

	if (r == -E2BIG)
		err_wrap(err, r, "'%s'", name);
	return r;
}

int grow_pointees(struct build *b, struct err *err)
{
	for (uint32_t i = 0; i < b->shape->nodes_cnt; i++) {
		struct shape_node *n = &b->shape->nodes[i];
		struct spot spot = {.parent = i, .link = LINK_POINTEE, .type = b->drafts[i].pointee};
		uint16_t cnt = b->shape->nodes_cnt;
		int r;

		if (n->kind != SHAPE_POINTER)
			continue;
		r = grow(b, &spot, &n->first_child, err);
		if (r && r != -E2BIG)
			return r;
		if (!r)
			continue;
		b->shape->nodes_cnt = cnt;
		b->shape->is_cut = true;
		n->first_child = SHAPE_NONE;
		grow_cut(n, "the shape of this function has too many values");
	}
	return 0;
}
