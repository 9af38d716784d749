// SPDX-License-Identifier: BSD-3-Clause
/* Where a value may be redacted: not where a replay needs it. */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/key.h"
#include "lib/program_impl.h"
#include "lib/schema.h"

/* The pointer that leads to @idx, or the parameter or result that it is part of. */
static uint16_t holder(const struct shape *shape, uint16_t idx)
{
	const struct shape_node *nodes = shape->nodes;
	uint16_t i = idx;

	while (nodes[i].parent != SHAPE_NONE) {
		i = nodes[i].parent;
		if (nodes[i].kind == SHAPE_POINTER)
			return i;
	}
	return i;
}

static uint16_t root_of(const struct shape *shape, uint16_t idx)
{
	while (shape->nodes[idx].parent != SHAPE_NONE)
		idx = shape->nodes[idx].parent;
	return idx;
}

/* FLOW_IN, FLOW_OUT */
static unsigned flow_of(const struct shape *shape, uint16_t idx)
{
	const struct shape_node *n = &shape->nodes[idx];
	uint16_t at = holder(shape, idx);

	if (n->kind == SHAPE_STRING || (n->kind == SHAPE_BYTES && !n->is_inline))
		return n->flows;
	if (shape->nodes[at].kind == SHAPE_POINTER && at != idx)
		return shape->nodes[at].flows;
	return root_of(shape, idx) == shape->result.node ? FLOW_OUT : FLOW_IN;
}

static bool is_keyed(const struct config_func *func, const char *name)
{
	bool is_named = !func->key;

	for (size_t i = 0; i < func->key_cnt && !is_named; i++) {
		auto_path struct path path = {};

		is_named = !strcmp(func->key[i], KEY_DEFAULT_PATH) ||
			   (!path_parse(&path, func->key[i], NULL) && !strcmp(path.root, name));
	}
	return is_named;
}

/* Why @idx must be as it was; NULL: it need not. */
static const char *need(const struct config_func *func, const struct shape *shape, uint16_t idx)
{
	unsigned flow = flow_of(shape, idx);

	if (func->role == ROLE_OPERATION)
		return flow & FLOW_IN ? "it flows into the operation, and a replay gives it to it" : NULL;
	if (func->role == ROLE_CALLBACK)
		return flow & FLOW_IN ? "it flows into the callback, and a replay gives it to it" : NULL;
	if (flow & FLOW_OUT)
		return "a replay serves it";
	return func->role == ROLE_INPUT && is_keyed(func, shape->nodes[root_of(shape, idx)].name)
		       ? "the call is found by it"
		       : NULL;
}

/* What cannot be taken out of the bytes without harm to what stays; NULL: it can. */
static const char *trouble(const struct shape *shape, uint16_t idx)
{
	uint16_t root = root_of(shape, idx);
	const struct shape_node *n = &shape->nodes[idx];

	for (uint16_t i = idx; i != SHAPE_NONE; i = shape->nodes[i].parent)
		if (shape->nodes[i].kind == SHAPE_UNION || shape->nodes[i].container)
			return shape->nodes[i].container ? "it is part of a container"
							 : "it is part of a union";
	if (shape->nodes[root].kind == SHAPE_STRUCT && holder(shape, idx) == root)
		return "it is part of a struct that is passed by value";
	if (n->kind == SHAPE_FLOAT && idx == root)
		return "it is passed in a floating-point register";
	return n->kind == SHAPE_VARARGS ? "variable arguments cannot be redacted" : NULL;
}

/* --- parts of what is kept as bytes --- */

static bool rules_redact(const struct schema *schema, uint32_t id)
{
	for (size_t i = 0; i < schema_type_rules_cnt(schema); i++) {
		const struct schema_type_rules *type = schema_type_rules(schema, i);

		for (size_t k = 0; type->id == id && k < type->rules_cnt; k++)
			if (type->rules[k].redact)
				return true;
	}
	return false;
}

/* Whether the rules of a type redact something that lies in a value of type @id. */
static bool hides(const struct schema *schema, uint32_t id, int depth)
{
	const struct btf *btf = schema_btf(schema);
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (; btf_is_typedef(t) || btf_is_mod(t); t = btf__type_by_id(btf, id)) {
		if (rules_redact(schema, id))
			return true;
		id = t->type;
	}
	if (btf_is_array(t) && depth < SCHEMA_DEPTH_MAX)
		return hides(schema, btf_array(t)->type, depth + 1);
	if (!btf_is_composite(t))
		return false;
	if (rules_redact(schema, id))
		return true;
	for (int i = 0; i < btf_vlen(t) && depth < SCHEMA_DEPTH_MAX; i++)
		if (hides(schema, btf_members(t)[i].type, depth + 1))
			return true;
	return false;
}

static bool is_leaking(const struct finder *f, const struct shape_node *n)
{
	return n->kind == SHAPE_UNION && !n->tag && !n->redact && hides(f->program->schema, n->type, 0);
}

static int refuse(const struct finder *f, const struct config_func *func, const struct shape *shape,
		  uint16_t idx, const char *why, bool is_needed, struct err *err)
{
	const char *name = shape->nodes[idx].name ?: shape->nodes[root_of(shape, idx)].name;

	bool is_result = root_of(shape, idx) == shape->result.node;

	err_usage(err, -EINVAL, "'redact' on '%s' of '%s': %s", name ?: "?", func->name, why);
	if (is_needed && func->role == ROLE_OUTPUT && !is_result)
		err_hint(err, "say \"direction\": \"in\" of it, where the function does not write it");
	else if (is_needed)
		err_hint(err, "redact it in the outputs that it flows to, or do not record the function");
	return config_error_at(f->config, func->place, -EINVAL, err);
}

int program_check_redaction(const struct finder *f, const struct config_func *func, const struct shape *shape,
			    struct err *err)
{
	for (uint16_t i = 0; i < shape->nodes_cnt; i++) {
		const struct shape_node *n = &shape->nodes[i];
		const char *why;

		if (is_leaking(f, n))
			return refuse(
				f, func, shape, i,
				"a rule of a type redacts a part of this union, which is kept as bytes: "
				"redact the union",
				false, err);
		if (!n->redact || n->kind == SHAPE_CUT)
			continue;
		why = trouble(shape, i);
		if (why)
			return refuse(f, func, shape, i, why, false, err);
		why = n->kind == SHAPE_POINTER || n->kind == SHAPE_HANDLE ? NULL : need(func, shape, i);
		if (why)
			return refuse(f, func, shape, i, why, true, err);
	}
	return 0;
}
