// SPDX-License-Identifier: BSD-3-Clause
#include "lib/decode.h"

#include <string.h>

#include "lib/pool.h"
#include "lib/schema.h"
#include "lib/util.h"

#define SEEN_FIRST 64	/* slots; a power of two */
#define LOOK_MAX   1000 /* values that are looked at before an object is shown again */

uint32_t seen_type(const struct decoder *d, uint32_t type)
{
	return d->shape->schema ? schema_strip(d->shape->schema, type) : type;
}

static struct seen *seen_slot(struct decoder *d, const struct seen *want)
{
	uint64_t hash = (want->addr ^ want->type ^ want->len << 7 ^ want->is_array) * 0x9e3779b97f4a7c15;
	size_t i = hash >> 32 & (d->seen_cap - 1);

	while (d->seen[i].value && (d->seen[i].addr != want->addr || d->seen[i].len != want->len ||
				    d->seen[i].type != want->type || d->seen[i].is_array != want->is_array))
		i = (i + 1) & (d->seen_cap - 1);
	return &d->seen[i];
}

static bool seen_grow(struct decoder *d)
{
	struct decoder bigger = *d;

	if (d->seen_cnt < d->seen_cap / 2)
		return true;
	bigger.seen_cap = d->seen_cap ? d->seen_cap * 2 : SEEN_FIRST;
	bigger.seen = pool_array(d->pool, bigger.seen_cap, sizeof(*bigger.seen));
	if (!bigger.seen)
		return false;
	for (size_t i = 0; i < d->seen_cap; i++)
		if (d->seen[i].value)
			*seen_slot(&bigger, &d->seen[i]) = d->seen[i];
	d->seen = bigger.seen;
	d->seen_cap = bigger.seen_cap;
	return true;
}

static bool is_pointer(const struct shape_node *n)
{
	return n->kind == SHAPE_POINTER || n->kind == SHAPE_STRING ||
	       (n->kind == SHAPE_BYTES && !n->is_inline);
}

/* A container's own numbers tell its length: the expression is another for each, and says the same. */
static bool is_as_long(const struct shape_node *a, const struct shape_node *b)
{
	bool is_content = a->is_content && b->is_content;

	return (a->length == b->length || is_content) && a->max == b->max &&
	       a->has_terminator == b->has_terminator;
}

/* Whether what node @a captures of an object is all that @b, a node of the same type, captures. */
static bool covers(const struct decoder *d, uint16_t a, uint16_t b)
{
	const struct shape_node *x = &d->shape->nodes[a], *y = &d->shape->nodes[b];
	uint16_t i = x->first_child, k = y->first_child;

	if (a == b || y->kind == SHAPE_CUT || y->kind == SHAPE_HANDLE)
		return true;
	if ((is_pointer(y) || y->kind == SHAPE_AGAIN) && !(y->flows & d->flow))
		return true;
	/* Objects of one list are shown alike, and so are those of two lists of one type. */
	if (y->kind == SHAPE_AGAIN && (x->kind == SHAPE_AGAIN || x->levels))
		return true;
	if (x->kind == SHAPE_AGAIN)
		return covers(d, x->again, b);
	if (x->kind != y->kind || (is_pointer(x) && !(x->flows & d->flow)))
		return false;
	if (!is_as_long(x, y) || !x->tag != !y->tag)
		return false;
	for (; i != SHAPE_NONE && k != SHAPE_NONE; i = d->shape->nodes[i].next, k = d->shape->nodes[k].next)
		if (!covers(d, i, k))
			return false;
	return i == k;
}

/* --- whether a showing has all that a node would show, though its own node did not say so --- */

struct look {
	struct decoder *d;
	unsigned left; /* values that may be looked at */
};

static bool has_all(struct look *look, const struct value *v, uint16_t node);

/* Members of @node are @v's children from *@at on, those of anonymous structs among them. */
static bool has_members(struct look *look, const struct value *v, uint16_t node, size_t *at)
{
	const struct shape_node *nodes = look->d->shape->nodes;

	for (uint16_t i = nodes[node].first_child; i != SHAPE_NONE; i = nodes[i].next) {
		if (!nodes[i].name && nodes[i].kind == SHAPE_STRUCT) {
			if (!has_members(look, v, i, at))
				return false;
			continue;
		}
		/* It may be being decoded: not all is there. */
		if (*at == v->child_cnt || !has_all(look, v->child[(*at)++], i))
			return false;
	}
	return true;
}

static bool has_elements(struct look *look, const struct value *v, const struct shape_node *n)
{
	for (size_t i = 0; i < v->child_cnt; i++)
		if (!has_all(look, v->child[i], n->first_child))
			return false;
	return true;
}

static bool has_pointee(struct look *look, const struct value *v, uint16_t node)
{
	const struct shape_node *n = &look->d->shape->nodes[node], *own = &look->d->shape->nodes[v->node];
	const struct value *to = value_pointee(v);

	if (!v->bits || (v->kind == VALUE_UNAVAILABLE && own->kind == n->kind && own->flows & look->d->flow))
		return true;
	if (!to || !is_as_long(own, n))
		return false;
	if (n->kind != SHAPE_POINTER)
		return own->kind == n->kind;
	if (n->length || n->has_terminator)
		return to->kind == VALUE_ARRAY && has_elements(look, to, n);
	return has_all(look, to, n->first_child);
}

static bool has_all(struct look *look, const struct value *v, uint16_t node)
{
	const struct shape_node *n = &look->d->shape->nodes[node];
	size_t at = 0;

	if (n->kind == SHAPE_CUT || n->kind == SHAPE_HANDLE ||
	    (is_pointer(n) && !(n->flows & look->d->flow)) || covers(look->d, v->node, node))
		return true;
	if (!look->left--) {
		look->left = 0;
		return false;
	}
	if (is_pointer(n))
		return has_pointee(look, v, node);
	if (n->kind == SHAPE_STRUCT)
		return v->kind == VALUE_STRUCT && has_members(look, v, node, &at);
	if (n->kind == SHAPE_ARRAY && !n->length && !n->has_terminator)
		return v->kind == VALUE_ARRAY && has_elements(look, v, n);
	return false;
}

void seen_add(struct decoder *d, struct seen object)
{
	struct seen *slot;

	if (!seen_grow(d)) {
		d->failed = true;
		return;
	}
	slot = seen_slot(d, &object);
	if (slot->value && covers(d, slot->value->node, object.value->node))
		return;
	d->seen_cnt += !slot->value;
	*slot = object;
}

const struct value *seen_find(struct decoder *d, const struct seen *object)
{
	return d->seen_cap ? seen_slot(d, object)->value : NULL;
}

const struct value *seen_whole(struct decoder *d, const struct seen *object, uint16_t node)
{
	const struct value *value = seen_find(d, object);
	const struct shape_node *n = &d->shape->nodes[node];
	struct look look = {d, LOOK_MAX};

	if (!value || covers(d, value->node, node))
		return value;
	if (object->is_array)
		return is_as_long(&d->shape->nodes[value->node], n) && has_elements(&look, value, n) ? value
												     : NULL;
	return has_all(&look, value, node) ? value : NULL;
}

bool seen_refer(struct decoder *d, struct value *v, const struct value *target)
{
	autofree char *path = NULL;

	if (!target)
		return false;
	memory_skip(d->memory);
	path = value_path(target);
	v->kind = VALUE_REF;
	v->target = target;
	if (!path)
		path = strdup("?"); /* too long to be written */
	v->path = path ? pool_printf(d->pool, "%s%s", strcmp(path, "return") ? d->prefix : "", path) : NULL;
	d->failed |= !v->path;
	return true;
}
