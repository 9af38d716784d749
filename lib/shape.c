// SPDX-License-Identifier: BSD-3-Clause
#include "lib/shape.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/nearest.h"
#include "lib/pool.h"
#include "lib/shape_build.h"
#include "lib/util.h"

#define TEXT_MAX 96 /* of a type, in messages */

struct owned {
	struct shape shape;
	struct pool *pool; /* names, reasons */
};

void shape_free(struct shape *shape)
{
	if (!shape)
		return;
	for (size_t i = 0; i < shape->nodes_cnt; i++) {
		if (shape->nodes[i].is_content)
			expr_free((struct expr *)shape->nodes[i].length);
		if (shape->nodes[i].tag)
			path_release((struct path *)shape->nodes[i].tag);
		free((void *)shape->nodes[i].tag);
	}
	pool_free(container_of(shape, struct owned, shape)->pool);
	free(shape->nodes);
	free(shape);
}

void shape_freep(struct shape **shape)
{
	shape_free(*shape);
}

const char shape_unpassed[] = "the function does not use it: its callers need not pass it";

bool shape_is_unpassed(const struct shape_param *param)
{
	for (unsigned i = 0; i < param->loc.pieces_cnt; i++)
		if (param->loc.piece[i].place != ABI_UNPASSED && param->loc.piece[i].place != ABI_NONE)
			return false;
	return param->loc.pieces_cnt;
}

/* --- building --- */

/* A value on the stack is there whole or not at all. */
static void drop_unpassed(struct abi_loc *loc, const struct schema_func *func, size_t param)
{
	bool is_on_stack = loc->pieces_cnt && loc->piece[0].place == ABI_STACK;
	unsigned cnt = is_on_stack ? (loc->size + 7) / 8 : loc->pieces_cnt, dropped = 0;

	for (unsigned i = 0; i < cnt && i < ABI_PIECES_MAX && param < SCHEMA_UNPASSED; i++)
		dropped |= (func->unpassed[i] >> param & 1) << i;
	if (is_on_stack && cnt <= ABI_PIECES_MAX && dropped == (1u << cnt) - 1)
		loc->piece[0].place = ABI_UNPASSED;
	for (unsigned i = 0; !is_on_stack && i < cnt; i++)
		if (dropped >> i & 1)
			loc->piece[i].place = ABI_UNPASSED;
}

static int grow_params(struct build *b, const struct btf_type *proto, const struct abi_proto *abi,
		       struct err *err)
{
	const struct btf_param *p = btf_params(proto);
	struct shape *shape = b->shape;

	for (size_t i = 0; i < abi->params_cnt; i++) {
		const char *name = btf__name_by_offset(b->btf, p[i].name_off);
		char number[32];
		int r;

		snprintf(number, sizeof(number), "arg%zu", i);
		r = grow_root(b, name && *name ? name : number, p[i].type, false, &shape->params[i].node,
			      err);
		if (r)
			return r;
		shape->params[i].loc = abi->param[i];
		drop_unpassed(&shape->params[i].loc, b->func, i);
		shape->params_cnt++;
	}
	return 0;
}

static int grow_result(struct build *b, const struct btf_type *proto, const struct abi_proto *abi,
		       struct err *err)
{
	struct shape *shape = b->shape;

	shape->result.node = SHAPE_NONE;
	shape->result.loc = abi->result;
	if (btf_is_void(btf__type_by_id(b->btf, schema_strip(b->schema, proto->type))))
		return 0;
	return grow_root(b, "return", proto->type, true, &shape->result.node, err);
}

/* A pointer is captured whenever something beneath it is, so that a reader can come there. */
static void raise_flows(struct shape *shape)
{
	for (size_t i = shape->nodes_cnt; i-- > 0;) {
		uint16_t above = shape->nodes[i].parent;

		while (above != SHAPE_NONE && shape->nodes[above].kind != SHAPE_POINTER)
			above = shape->nodes[above].parent;
		if (above != SHAPE_NONE)
			shape->nodes[above].flows |= shape->nodes[i].flows;
	}
	for (size_t i = 0; i < shape->params_cnt; i++) {
		struct shape_node *n = &shape->nodes[shape->params[i].node];

		n->is_out_only = n->kind != SHAPE_STRUCT && n->flows == FLOW_OUT;
	}
}

static int build(struct build *b, struct err *err)
{
	const struct btf_type *func = btf__type_by_id(b->btf, b->func->id);
	const struct btf_type *proto = btf__type_by_id(b->btf, func->type);
	struct shape *shape = b->shape;
	struct abi_proto abi;
	int r = abi_classify(&abi, b->schema, b->func->id, err);

	if (!r)
		r = rules_open(b, err);
	if (!r)
		r = grow_params(b, proto, &abi, err);
	if (!r)
		r = grow_varargs(b, &abi, err);
	if (!r)
		r = grow_result(b, proto, &abi, err);
	if (!r)
		r = grow_pointees(b, err);
	if (r)
		return r;
	shape->is_variadic = abi.is_variadic;
	shape->stack_bytes = abi.stack_bytes;
	shape->reads_errno = true;
	raise_flows(shape);
	r = check_used(b, err);
	if (!r)
		r = check_tags(b, err);
	return r ? r : check_lengths(b, err);
}

static int build_in(struct owned *owned, const struct schema *schema, const struct schema_func *func,
		    struct shape_fault *fault, struct err *err)
{
	struct shape *shape = &owned->shape;
	struct build b = {
		.schema = schema,
		.btf = schema_btf(schema),
		.func = func,
		.shape = shape,
		.pool = owned->pool,
		.fault = fault,
	};
	int r;

	shape->schema = schema;
	shape->func = func->id;
	shape->varargs.node = SHAPE_NONE;
	shape->nodes = calloc(SHAPE_NODES_MAX, sizeof(*shape->nodes));
	b.drafts = calloc(SHAPE_NODES_MAX, sizeof(*b.drafts));
	r = shape->nodes && b.drafts ? build(&b, err) : err_nomem(err);
	rules_close(&b);
	free(b.drafts);
	return r;
}

int shape_build(struct shape **out, const struct schema *schema, size_t func, struct shape_fault *fault,
		struct err *err)
{
	const struct schema_func *f = schema_func(schema, func);
	struct shape_node *fit;
	struct owned *owned;
	int r;

	if (fault)
		*fault = (struct shape_fault){.rule = -1, .type_rule = -1};
	if (!f || !f->id)
		return err_set(err, -ENODATA, "'%s' has no prototype", f ? f->name : "?");
	owned = calloc(1, sizeof(*owned));
	if (!owned)
		return err_nomem(err);
	owned->pool = pool_new();
	r = owned->pool ? build_in(owned, schema, f, fault, err) : err_nomem(err);
	if (r) {
		shape_free(&owned->shape);
		return r;
	}
	fit = realloc(owned->shape.nodes, MAX(owned->shape.nodes_cnt, 1) * sizeof(*fit));
	if (fit)
		owned->shape.nodes = fit;
	*out = &owned->shape;
	return 0;
}

/* --- walking --- */

const char *shape_union_name(char text[SHAPE_UNION_NAME], unsigned before, uint32_t off)
{
	snprintf(text, SHAPE_UNION_NAME, before ? "union+%u" : "union", off);
	return text;
}

uint16_t shape_member(const struct shape *shape, uint16_t node, const char *name)
{
	for (uint16_t m = shape->nodes[node].first_child; m != SHAPE_NONE; m = shape->nodes[m].next) {
		const struct shape_node *n = &shape->nodes[m];
		uint16_t inner;

		if (n->name ? !strcmp(n->name, name) : n->kind == SHAPE_UNION && !strcmp(name, "union"))
			return m;
		if (n->name || (n->kind != SHAPE_STRUCT && n->kind != SHAPE_UNION))
			continue;
		inner = shape_member(shape, m, name);
		if (inner != SHAPE_NONE)
			return inner;
	}
	return SHAPE_NONE;
}

static void offer_members(const struct shape *shape, uint16_t node, struct nearest *nearest)
{
	for (uint16_t m = shape->nodes[node].first_child; m != SHAPE_NONE; m = shape->nodes[m].next) {
		const struct shape_node *n = &shape->nodes[m];

		if (n->name && !n->is_hidden && !n->is_content)
			nearest_try(nearest, n->name);
		else if (n->kind == SHAPE_STRUCT || n->kind == SHAPE_UNION)
			offer_members(shape, m, nearest);
	}
}

static int no_such(const struct nearest *nearest, struct err *err)
{
	if (nearest->best)
		err_hint(err, "did you mean '%s'?", nearest->best);
	return -EINVAL;
}

static int no_member(const struct shape *shape, uint16_t node, const char *name, struct err *err)
{
	char text[TEXT_MAX];
	struct nearest nearest;

	schema_type_text(shape->schema, schema_strip(shape->schema, shape->nodes[node].type), text,
			 sizeof(text));
	err_usage(err, -EINVAL, "no member '%s' in '%s'", name, text);
	nearest_init(&nearest, name);
	offer_members(shape, node, &nearest);
	return no_such(&nearest, err);
}

/* Hint at the names that there are: nothing is near what was written. */
static void list_parameters(const struct shape *shape, struct err *err)
{
	char text[sizeof(err->hint)] = "";
	size_t len = 0;

	for (size_t i = 0; i < shape->params_cnt && len < sizeof(text); i++)
		len += snprintf(text + len, sizeof(text) - len, "%s'%s'", i ? ", " : "",
				shape->nodes[shape->params[i].node].name);
	if (!shape->params_cnt)
		err_hint(err, "the function has none");
	else
		err_hint(err, "the parameters are %s", text);
}

static int no_parameter(const struct shape *shape, const char *name, struct err *err)
{
	struct nearest nearest;

	nearest_init(&nearest, name);
	err_usage(err, -EINVAL, "no parameter '%s'", name);
	for (size_t i = 0; i < shape->params_cnt; i++)
		nearest_try(&nearest, shape->nodes[shape->params[i].node].name);
	if (shape->result.node != SHAPE_NONE)
		nearest_try(&nearest, "return");
	if (!nearest.best && err)
		list_parameters(shape, err);
	return no_such(&nearest, err);
}

int shape_root(const struct shape *shape, uint16_t scope, const char *name, uint16_t *node, struct err *err)
{
	uint16_t member;

	if (scope != SHAPE_NONE) {
		member = shape_member(shape, scope, name);
		if (member == SHAPE_NONE)
			return no_member(shape, scope, name, err);
		*node = member;
		return 0;
	}
	for (size_t i = 0; i < shape->params_cnt; i++) {
		if (strcmp(shape->nodes[shape->params[i].node].name, name))
			continue;
		*node = shape->params[i].node;
		return 0;
	}
	if (strcmp(name, "return"))
		return no_parameter(shape, name, err);
	if (shape->result.node == SHAPE_NONE)
		return err_usage(err, -EINVAL, "there is no 'return': the function is void");
	*node = shape->result.node;
	return 0;
}

uint16_t shape_case_of(const struct shape *shape, uint16_t node, int64_t value)
{
	const struct shape_node *n = &shape->nodes[node];

	for (uint16_t i = 0; i < n->cases_cnt; i++)
		if (n->cases[i].value == value)
			return n->cases[i].member;
	return SHAPE_NONE;
}

/* Why nothing is known behind @node. */
static int no_way(const struct shape *shape, uint16_t node, const char *what, struct err *err)
{
	const struct shape_node *n = &shape->nodes[node];
	char text[TEXT_MAX];

	schema_type_text(shape->schema, n->type, text, sizeof(text));
	if (n->kind == SHAPE_CUT)
		return err_usage(err, -EINVAL, "what is behind '%s' is not captured: %s", n->name ?: text,
				 n->reason);
	err_usage(err, -EINVAL, "'%s' has no %s: its type is '%s'", n->name ?: "it", what, text);
	if (n->kind == SHAPE_HANDLE)
		err_hint(err, "say what it points to with \"type\"");
	return -EINVAL;
}

static int step_field(const struct shape *shape, uint16_t from, const char *name, uint16_t *node,
		      struct err *err)
{
	uint16_t at = from, member;

	at = shape_pointer(shape, at);
	if (shape->nodes[at].kind == SHAPE_POINTER)
		at = shape->nodes[at].first_child;
	if (shape->nodes[at].kind == SHAPE_UNION && !shape->nodes[at].tag) {
		err_usage(err, -EINVAL, "'%s' is a union, whose members are not told apart",
			  shape->nodes[at].name ?: "union");
		err_hint(err, "say what tells its live member with \"tag\"");
		return -EINVAL;
	}
	if (shape->nodes[at].kind != SHAPE_STRUCT && shape->nodes[at].kind != SHAPE_UNION)
		return no_way(shape, at, "members", err);
	member = shape_member(shape, at, name);
	if (member == SHAPE_NONE)
		return no_member(shape, at, name, err);
	*node = member;
	return 0;
}

static int step_element(const struct shape *shape, uint16_t at, const struct path_step *step, uint16_t *node,
			struct err *err)
{
	uint16_t from = shape->nodes[at].container ? shape->nodes[at].first_child : at;
	const struct shape_node *n = &shape->nodes[shape_pointer(shape, from)];
	bool is_sized = n->length || n->has_terminator;
	uint32_t count = n->kind == SHAPE_ARRAY && n->count ? n->count : is_sized ? n->max : 1;

	/* Only a call tells what they are. */
	if (n->kind == SHAPE_VARARGS && step->kind != STEP_DEREF) {
		*node = from;
		return 0;
	}
	if (n->kind != SHAPE_POINTER && n->kind != SHAPE_ARRAY)
		return no_way(shape, from, step->kind == STEP_DEREF ? "pointee" : "elements", err);
	if (step->kind == STEP_INDEX && (step->index < 0 || step->index >= count))
		return err_usage(err, -EINVAL, "'%s' has no element %lld: it has %u", n->name ?: "it",
				 (long long)step->index, count);
	*node = n->first_child;
	return 0;
}

int shape_step(const struct shape *shape, uint16_t from, const struct path_step *step, uint16_t *node,
	       struct err *err)
{
	if (step->kind == STEP_FIELD || step->kind == STEP_ARROW)
		return step_field(shape, from, step->name, node, err);
	return step_element(shape, from, step, node, err);
}

int shape_resolve(const struct shape *shape, uint16_t scope, const struct path *path, uint16_t *node,
		  struct err *err)
{
	uint16_t at;
	int r = shape_root(shape, scope, path->root, &at, err);

	for (size_t i = 0; i < path->cnt && !r; i++)
		r = shape_step(shape, at, &path->steps[i], &at, err);
	if (!r)
		*node = at;
	return r;
}

/* --- in words --- */

struct path_text {
	char *text;
	size_t size;
	bool is_pointer; /* what the text says is a pointer, not yet followed */
};

static void put(struct path_text *p, const char *part)
{
	size_t len = strlen(p->text);

	snprintf(p->text + len, p->size - len, "%s", part);
}

static void put_star(struct path_text *p, const char *open, const char *close)
{
	size_t len = strlen(p->text), front = strlen(open);

	if (!p->is_pointer || len + front + 1 > p->size)
		return;
	memmove(p->text + front, p->text, len + 1);
	memcpy(p->text, open, front);
	put(p, close);
	p->is_pointer = false;
}

static void put_step(struct path_text *p, const struct shape_node *parent, const char *name)
{
	if (parent->kind == SHAPE_STRUCT) {
		if (!name || parent->container)
			return;
		put(p, p->is_pointer ? "->" : ".");
		put(p, name);
		p->is_pointer = false;
		return;
	}
	put_star(p, "(*", ")");
	if (parent->kind == SHAPE_ARRAY || parent->length || parent->has_terminator)
		put(p, "[]");
	else
		p->is_pointer = true;
}

static void put_path(struct path_text *p, const struct shape *shape, uint16_t node)
{
	const struct shape_node *n = &shape->nodes[node];

	if (n->parent == SHAPE_NONE) {
		put(p, n->name ? n->name : "?");
		return;
	}
	put_path(p, shape, n->parent);
	put_step(p, &shape->nodes[n->parent], n->name);
}

void shape_path(const struct shape *shape, uint16_t node, char *text, size_t size)
{
	struct path_text p = {.text = text, .size = size};

	text[0] = '\0';
	put_path(&p, shape, node);
	put_star(&p, "*", "");
}
