// SPDX-License-Identifier: BSD-3-Clause
/* What a container of C++ holds. One that was not constructed yet, or is being changed by another thread, is
 * told by numbers that no container has. */
#include "lib/decode.h"
#include "lib/pool.h"
#include "lib/schema.h"

#define LOCAL_OFF 16 /* libstdc++: a short text lies in the string itself, where a long one's capacity is */
#define LOCAL_MAX 15

static const char senseless[] = "it holds no value: its numbers do not fit each other";

static bool is_string(const struct extent *extent, uint64_t off, uint64_t text, uint64_t len)
{
	uint64_t capacity = decode_load(extent->bytes + off + LOCAL_OFF, 8);

	if (!text)
		return !len; /* not constructed */
	if (extent->has_addr && text == extent->addr + off + LOCAL_OFF)
		return len <= LOCAL_MAX;
	return len <= capacity;
}

static bool is_vector(const uint8_t *bytes, uint32_t size)
{
	uint64_t begin = decode_load(bytes, 8), end = decode_load(bytes + 8, 8),
		 room = decode_load(bytes + 16, 8);

	return begin <= end && end <= room && (begin || !room) && size && !((end - begin) % size);
}

static bool makes_sense(const struct decoder *d, const struct shape_node *container,
			const struct extent *extent, uint64_t off)
{
	const struct shape_node *content = &d->shape->nodes[container->first_child];
	const uint8_t *bytes = extent->bytes + off;

	switch (container->container) {
	case CONTAINER_STRING:
		return is_string(extent, off, decode_load(bytes, 8), decode_load(bytes + 8, 8));
	case CONTAINER_VECTOR:
		return is_vector(bytes, content->first_child == SHAPE_NONE
						? 1
						: d->shape->nodes[content->first_child].size);
	default:
		return true;
	}
}

/* No elements need no memory. */
static void hold_nothing(struct decoder *d, struct value *v, enum value_kind kind)
{
	struct value *nothing = decode_new(d, v->node, v);

	v->child = pool_alloc(d->pool, sizeof(*v->child));
	d->failed |= !nothing || !v->child;
	if (d->failed)
		return;
	nothing->name = NULL;
	nothing->kind = kind;
	v->child[v->child_cnt++] = nothing;
}

void decode_content(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *content = &d->shape->nodes[v->node];
	const struct shape_node *container = &d->shape->nodes[content->parent];
	enum value_kind kind = container->container != CONTAINER_VECTOR ? VALUE_TEXT
			       : content->kind == SHAPE_BYTES		? VALUE_BYTES
									: VALUE_ARRAY;

	v->is_content = true;
	if (extent_has(extent, off, container->size) && !makes_sense(d, container, extent, off)) {
		decode_unavailable(v, senseless);
		return;
	}
	decode(d, v, extent, off + content->offset);
	if (v->kind != VALUE_POINTER)
		return;
	if (!v->bits && container->container != CONTAINER_STRING)
		hold_nothing(d, v, kind);
	else if (v->child_cnt && v->child[0]->kind == VALUE_BYTES)
		v->child[0]->kind = kind;
}
