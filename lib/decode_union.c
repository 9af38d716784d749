// SPDX-License-Identifier: BSD-3-Clause
/* Numbers that tell about other values (a union's live member, a length), read from the bytes: their values
 * may not be decoded yet. As put_path of the planner. */
#include "lib/decode.h"
#include "lib/expr.h"

struct place {
	struct extent extent;
	uint64_t off;
	uint16_t node;
};

/* From the pointer at @p to what it points to. */
static bool follow(struct decoder *d, struct place *p, const struct path_step *step)
{
	const struct shape_node *n = &d->shape->nodes[p->node], *to;
	const struct at *at = d->at && n->first_child != SHAPE_NONE ? &d->at[n->first_child] : NULL;
	uint16_t pointer = p->node;
	uint64_t addr, idx = step->kind == STEP_INDEX ? step->index : 0;

	if (n->kind != SHAPE_POINTER || n->first_child == SHAPE_NONE)
		return false;
	to = &d->shape->nodes[n->first_child];
	p->node = n->first_child;
	/* The element or object that is being decoded. */
	if (at->is_there && step->kind != STEP_INDEX) {
		p->extent = at->extent;
		p->off = at->off;
		return true;
	}
	if (!extent_has(&p->extent, p->off, 8))
		return false;
	addr = decode_load(p->extent.bytes + p->off, 8);
	p->off = idx * to->size;
	return addr && extent_locate(d, &p->extent, addr, pointer, p->off + to->size);
}

static bool element(struct decoder *d, struct place *p, const struct path_step *step)
{
	const struct shape_node *n = &d->shape->nodes[p->node];
	const struct at *at = &d->at[n->first_child];

	p->node = n->first_child;
	if (at->is_there && step->kind == STEP_EACH) {
		p->extent = at->extent;
		p->off = at->off;
	} else {
		p->off += (step->kind == STEP_INDEX ? step->index : 0) * d->shape->nodes[p->node].size;
	}
	return true;
}

/* Down to @to, through anonymous structs and unions. */
static void descend(struct decoder *d, struct place *p, uint16_t to)
{
	for (uint16_t i = to; i != p->node && i != SHAPE_NONE; i = d->shape->nodes[i].parent)
		p->off += d->shape->nodes[i].offset;
	p->node = to;
}

static bool take_step(struct decoder *d, struct place *p, const struct path_step *step)
{
	bool is_field = step->kind == STEP_FIELD || step->kind == STEP_ARROW;
	uint16_t to;

	if (shape_step(d->shape, p->node, step, &to, NULL))
		return false;
	if (d->shape->nodes[p->node].kind == SHAPE_POINTER && !follow(d, p, step))
		return false;
	if (is_field)
		descend(d, p, to);
	else if (d->shape->nodes[p->node].kind == SHAPE_ARRAY && p->node != to)
		return element(d, p, step);
	return true;
}

static bool root(struct decoder *d, struct place *p, uint16_t scope, const char *name)
{
	uint16_t to;

	if (shape_root(d->shape, scope, name, &to, NULL))
		return false;
	if (scope != SHAPE_NONE) {
		if (!d->at[scope].is_there)
			return false;
		*p = (struct place){d->at[scope].extent, d->at[scope].off, scope};
		descend(d, p, to);
		return true;
	}
	for (size_t i = 0; i < d->shape->params_cnt; i++)
		if (d->shape->params[i].node == to) {
			p->node = to;
			p->off = 0;
			return decode_param_extent(d, &p->extent, &d->shape->params[i]);
		}
	if (!d->at[to].is_there)
		return false;
	*p = (struct place){d->at[to].extent, d->at[to].off, to};
	return true;
}

static bool load(struct decoder *d, const struct place *p, int64_t *out)
{
	const struct shape_node *n = &d->shape->nodes[p->node];
	uint64_t len = n->bit_size ? (n->bit_offset + n->bit_size + 7u) / 8 : n->size;

	if (!len || len > 8 || !extent_has(&p->extent, p->off, len))
		return false;
	*out = decode_load(p->extent.bytes + p->off, len) >> n->bit_offset;
	*out = decode_extend(*out, n->bit_size ? n->bit_size : n->size * 8, n->is_signed);
	return true;
}

bool decode_number_at(struct decoder *d, uint16_t scope, const struct path *path, int64_t *out)
{
	struct place place;

	if (!root(d, &place, scope, path->root))
		return false;
	for (size_t i = 0; i < path->cnt; i++)
		if (!take_step(d, &place, &path->steps[i]))
			return false;
	return load(d, &place, out);
}

uint16_t decode_live(struct decoder *d, uint16_t node)
{
	const struct shape_node *n = &d->shape->nodes[node];
	int64_t value;

	return decode_number_at(d, n->scope, n->tag, &value) ? shape_case_of(d->shape, node, value)
							     : SHAPE_NONE;
}
