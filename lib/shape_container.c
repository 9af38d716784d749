// SPDX-License-Identifier: BSD-3-Clause
/*
 * Classes of libstdc++ whose value is what they hold. Of their members only the places matter: one pointer,
 * and the numbers from which its length comes.
 */
#include <bpf/btf.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/pool.h"
#include "lib/shape_build.h"
#include "lib/util.h"

#define WALK_MAX 16 /* structs within each other before the pointer */

/* Names that no path can write. */
#define LENGTH "(length)"
#define BEGIN  "(begin)"
#define END    "(end)"

static const struct {
	uint32_t pointer; /* bytes from the start */
	struct {
		const char *name;
		uint32_t offset;
	} numbers[2];
} layouts[CONTAINER_CNT] = {
	[CONTAINER_STRING] = {0, {{LENGTH, 8}}},
	[CONTAINER_VECTOR] = {0, {{BEGIN, 0}, {END, 8}}},
	[CONTAINER_VIEW] = {8, {{LENGTH, 0}}},
};

/* The pointer type at byte @off of type @type, whatever it lies in; 0: none. Base classes without members of
 * their own take bytes that are another's, too. */
static uint32_t pointer_at(const struct build *b, uint32_t type, uint32_t off, int depth)
{
	const struct btf_type *t = btf__type_by_id(b->btf, schema_strip(b->schema, type));
	uint32_t found = 0;

	if (btf_is_ptr(t))
		return off ? 0 : type;
	for (uint32_t i = 0; btf_is_struct(t) && i < btf_vlen(t) && depth < WALK_MAX && !found; i++) {
		uint32_t at = btf_member_bit_offset(t, i) / 8;

		if (off >= at && off - at < schema_size(b->schema, btf_members(t)[i].type))
			found = pointer_at(b, btf_members(t)[i].type, off - at, depth + 1);
	}
	return found;
}

static struct expr *new_path(const char *root)
{
	struct expr *expr = calloc(1, sizeof(*expr));

	if (!expr)
		return NULL;
	expr->kind = EXPR_PATH;
	expr->path.root = strdup(root);
	if (expr->path.root)
		return expr;
	free(expr);
	return NULL;
}

static struct expr *new_binary(enum expr_kind kind, struct expr *a, struct expr *b)
{
	struct expr *expr = calloc(1, sizeof(*expr));

	if (!expr || !a || !b) {
		free(expr);
		expr_free(a);
		expr_free(b);
		return NULL;
	}
	expr->kind = kind;
	expr->a = a;
	expr->b = b;
	return expr;
}

static struct expr *new_number(int64_t number)
{
	struct expr *expr = calloc(1, sizeof(*expr));

	if (!expr)
		return NULL;
	expr->kind = EXPR_NUM;
	expr->num = number;
	return expr;
}

static struct expr *length_of(enum container container, uint32_t size)
{
	if (container != CONTAINER_VECTOR)
		return new_path(LENGTH);
	return new_binary(EXPR_DIV, new_binary(EXPR_SUB, new_path(END), new_path(BEGIN)), new_number(size));
}

/* Elements of one byte that have no sign are bytes. */
static bool is_byte(const struct build *b, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(b->btf, schema_strip(b->schema, type));

	return btf_is_int(t) && t->size == 1 && !(btf_int_encoding(t) & BTF_INT_BOOL) &&
	       (!(btf_int_encoding(t) & BTF_INT_SIGNED) || btf_int_encoding(t) & BTF_INT_CHAR);
}

static int grow_content(struct build *b, uint16_t node, uint16_t content, const struct said *said,
			struct err *err)
{
	struct shape_node *n = &b->shape->nodes[content];
	struct draft *d = &b->drafts[content];
	enum container container = b->shape->nodes[node].container;
	bool is_text = container != CONTAINER_VECTOR;
	uint32_t type = is_text ? 0 : btf__type_by_id(b->btf, schema_strip(b->schema, n->type))->type;
	uint32_t size = schema_size(b->schema, type), max = said_max(said);
	bool is_bytes = is_text || is_byte(b, type);

	n->is_content = true;
	n->scope = node;
	n->kind = is_bytes ? SHAPE_BYTES : SHAPE_POINTER;
	n->max = max ? max : is_bytes ? RULE_BYTES_DEFAULT : RULE_ELEMENTS_DEFAULT;
	d->flows = d->flows ?: FLOW_IN;
	if (!is_bytes && !size) {
		grow_cut(n, "its elements have no size");
		return 0;
	}
	if (!is_bytes && n->depth >= d->limit && !max && !said->leads_on) {
		grow_cut(n, pool_printf(b->pool, "deeper than depth %u", d->limit) ?: "too deep");
		return 0;
	}
	n->length = length_of(container, size);
	if (!n->length)
		return err_nomem(err);
	n->flows = d->flows;
	d->pointee = type;
	return 0;
}

int container_grow(struct build *b, uint16_t node, const struct said *said, struct err *err)
{
	const struct shape_node *n = &b->shape->nodes[node];
	__typeof__(&layouts[0]) layout = &layouts[n->container];
	/* Text needs no type, and clang may not describe the member that has the pointer. */
	uint32_t type =
		n->container == CONTAINER_VECTOR ? pointer_at(b, n->type, layout->pointer, 0) : n->type;
	uint16_t last = SHAPE_NONE, child;
	int r;

	if (!type) {
		grow_cut(&b->shape->nodes[node], "it is not laid out as known");
		return 0;
	}
	r = grow_bare(b, node, SHAPE_CONTENT, type, layout->pointer, &last, &child, err);
	if (!r)
		r = grow_content(b, node, child, said, err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(layout->numbers) && layout->numbers[i].name; i++) {
		r = grow_bare(b, node, layout->numbers[i].name, type, layout->numbers[i].offset, &last,
			      &child, err);
		if (r)
			break;
		b->shape->nodes[child].kind = SHAPE_INT;
		b->shape->nodes[child].is_hidden = true;
	}
	return r;
}
