// SPDX-License-Identifier: BSD-3-Clause
/* Parameters that C does not see: variable arguments, by a rule's "format", and what files hold, by "file".
 */
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pool.h"
#include "lib/shape_build.h"
#include "lib/util.h"

/* Whether the parameter @node is a va_list: an array of one, as parameters are. */
static bool is_va_list(const struct build *b, uint16_t node)
{
	const struct btf_type *t =
		btf__type_by_id(b->btf, schema_strip(b->schema, b->shape->nodes[node].type));

	if (!btf_is_ptr(t))
		return false;
	t = btf__type_by_id(b->btf, schema_strip(b->schema, t->type));
	return (btf_is_struct(t) || btf_is_fwd(t)) &&
	       !strcmp(btf__name_by_offset(b->btf, t->name_off), "__va_list_tag");
}

static int not_format(const struct build *b, const struct rule *rule, const char *why, struct err *err)
{
	err_usage(err, -EINVAL, "'format' on '%s', %s", rule->path, why);
	return rules_blame(b, rule, -EINVAL);
}

/* The parameter that the rule's path names. */
static uint16_t param_of(const struct build *b, const struct path *path)
{
	const struct shape *shape = b->shape;

	for (size_t i = 0; i < shape->params_cnt && !path->cnt; i++)
		if (!strcmp(shape->nodes[shape->params[i].node].name, path->root))
			return shape->params[i].node;
	return SHAPE_NONE;
}

/* Registers that the parameters and the place of a result in memory take. */
static void count_registers(struct shape_varargs *out, const struct abi_proto *abi)
{
	out->gprs = abi->result.pieces_cnt && abi->result.piece[0].place == ABI_SRET;
	for (size_t i = 0; i < abi->params_cnt; i++)
		for (unsigned k = 0; k < abi->param[i].pieces_cnt; k++) {
			const struct abi_piece *piece = &abi->param[i].piece[k];

			if (piece->place == ABI_GPR)
				out->gprs = MAX(out->gprs, piece->number + 1);
			else if (piece->place == ABI_XMM)
				out->xmms = MAX(out->xmms, piece->number + 1);
		}
	out->words = abi->stack_bytes / 8;
}

static void become_varargs(struct build *b, uint16_t node, uint16_t format)
{
	struct shape_node *n = &b->shape->nodes[node];

	n->kind = SHAPE_VARARGS;
	n->flows = FLOW_IN;
	n->is_const = true;
	n->format = format;
	n->max = b->shape->nodes[format].max;
	b->shape->varargs.node = node;
}

static int too_many(const struct build *b, const struct rule *rule, struct err *err)
{
	err_usage(err, -EINVAL, "'%s' has a rule that makes too many parameters", rule->path);
	return rules_blame(b, rule, -EINVAL);
}

/* One more, called @name, which lies nowhere; owned by the pool. */
static int add_param(struct build *b, const struct rule *rule, char *name, uint16_t *node, struct err *err)
{
	struct shape *shape = b->shape;

	*node = shape->nodes_cnt;
	if (!name)
		return err_nomem(err);
	if (shape->params_cnt == ABI_PARAMS_MAX || *node == SHAPE_NODES_MAX)
		return too_many(b, rule, err);
	shape->nodes_cnt++;
	shape->nodes[*node] = (struct shape_node){
		.name = name,
		.scope = SHAPE_NONE,
		.parent = SHAPE_NONE,
		.first_child = SHAPE_NONE,
		.next = SHAPE_NONE,
	};
	b->drafts[*node] = (struct draft){.link = LINK_ROOT};
	shape->params[shape->params_cnt++].node = *node;
	return 0;
}

static int add_ellipsis(struct build *b, const struct rule *rule, const struct abi_proto *abi,
			uint16_t format, struct err *err)
{
	uint16_t node;
	int r;

	count_registers(&b->shape->varargs, abi);
	if (b->shape->varargs.words >= 512)
		return too_many(b, rule, err);
	r = add_param(b, rule, pool_printf(b->pool, "..."), &node, err);
	if (!r)
		become_varargs(b, node, format);
	return r;
}

static int grow_one(struct build *b, const struct rule *rule, const struct path *path,
		    const struct abi_proto *abi, struct err *err)
{
	struct shape *shape = b->shape;
	uint16_t format = param_of(b, path);

	if (format == SHAPE_NONE)
		return not_format(b, rule, "which is no parameter", err);
	if (shape->varargs.node != SHAPE_NONE)
		return not_format(b, rule, "and on another parameter", err);
	if (!(shape->nodes[format].flows & FLOW_IN))
		return not_format(b, rule, "which only flows out", err);
	if (abi->is_variadic)
		return add_ellipsis(b, rule, abi, format, err);
	for (size_t i = shape->params_cnt; i-- > 0;) {
		if (!is_va_list(b, shape->params[i].node))
			continue;
		shape->varargs.is_list = true;
		become_varargs(b, shape->params[i].node, format);
		return 0;
	}
	return not_format(b, rule, "whose function has neither variable arguments nor a va_list", err);
}

/* --- files --- */

static int grow_file(struct build *b, const struct rule *rule, const struct path *path, struct err *err)
{
	static const uint8_t flows[DIRECTION_CNT] = {
		[DIRECTION_DEFAULT] = FLOW_IN,
		[DIRECTION_IN] = FLOW_IN,
		[DIRECTION_OUT] = FLOW_OUT,
		[DIRECTION_INOUT] = FLOW_IN | FLOW_OUT,
	};
	uint16_t named = param_of(b, path), node;
	struct shape_node *n;
	int r;

	if (named == SHAPE_NONE) {
		err_usage(err, -EINVAL, "'file' on '%s', which is no parameter", rule->path);
		return rules_blame(b, rule, -EINVAL);
	}
	r = add_param(b, rule, pool_printf(b->pool, "file(%s)", path->root), &node, err);
	if (r)
		return r;
	n = &b->shape->nodes[node];
	n->kind = SHAPE_FILE;
	n->flows = flows[rule->direction];
	n->format = named;
	n->max = rule->max ? rule->max : RULE_FILE_DEFAULT;
	/* Whoever reads it at return needs its name. */
	b->shape->nodes[named].flows |= n->flows;
	return 0;
}

int grow_varargs(struct build *b, const struct abi_proto *abi, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < b->func->rules_cnt && !r; i++)
		if (b->func->rules[i].is_format)
			r = grow_one(b, &b->func->rules[i], &b->paths[i], abi, err);
	for (size_t i = 0; i < b->func->rules_cnt && !r; i++)
		if (b->func->rules[i].is_file)
			r = grow_file(b, &b->func->rules[i], &b->paths[i], err);
	return r;
}
