// SPDX-License-Identifier: BSD-3-Clause
#include "lib/decode.h"

#include <bpf/btf.h>
#include <inttypes.h>
#include <string.h>

#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/schema.h"
#include "lib/symbols.h"
#include "lib/util.h"

static const char in_only[] = "captured at entry only";
static const char no_length[] = "its length was not captured";
static const char out_only[] = "captured at return only";

struct value *decode_pointee(struct decoder *d, struct value *v, uint16_t node)
{
	struct value *child = decode_new(d, node, v);

	v->child = pool_alloc(d->pool, sizeof(*v->child));
	d->failed |= !child || !v->child;
	if (d->failed)
		return NULL;
	child->name = NULL;
	v->kind = VALUE_POINTER;
	v->child[0] = child;
	v->child_cnt = 1;
	return child;
}

/* What @v's child turned out not to be: then the pointer itself says why. */
static void lift_unavailable(struct value *v)
{
	if (v->child_cnt != 1 || v->child[0]->kind != VALUE_UNAVAILABLE)
		return;
	decode_unavailable(v, v->child[0]->text);
	v->child_cnt = 0;
}

static void follow_string(struct decoder *d, struct value *v)
{
	struct found found;
	bool is_own = memory_find(d->memory, v->bits, v->node, &found);
	const uint8_t *nul = NULL;
	struct value *text;

	if (is_own || memory_around(d->memory, v->bits, &found))
		nul = found.captured ? memchr(found.bytes, '\0', found.captured) : NULL;
	if (!nul && !is_own) {
		decode_unavailable(v, extent_why_absent(d, v->bits));
		return;
	}
	if (!nul && (found.status == PLAN_FRAGMENT_FAULT || !found.captured)) {
		decode_unavailable(v, extent_why(d, &(struct extent){.addr = v->bits,
								     .captured = found.captured,
								     .status = found.status}));
		return;
	}
	text = decode_pointee(d, v, v->node);
	if (!text)
		return;
	text->kind = VALUE_TEXT;
	text->bytes = found.bytes;
	text->len = nul ? (size_t)(nul - found.bytes) : found.captured;
	text->is_truncated = !nul;
}

static void set_bytes(struct decoder *d, struct value *v, const struct extent *extent, uint64_t wanted)
{
	if (extent->captured < wanted && (!extent_is_limited(extent) || !extent->captured)) {
		decode_unavailable(v, extent_why(d, extent));
		return;
	}
	v->kind = VALUE_BYTES;
	v->bytes = extent->bytes;
	v->len = MIN(extent->captured, wanted);
	v->is_truncated = extent->captured < wanted;
	v->full_len = v->is_truncated && wanted != UINT64_MAX ? wanted : 0;
}

static void follow_bytes(struct decoder *d, struct value *v)
{
	struct extent extent;
	struct found found;
	struct value *bytes;

	if (!memory_find(d->memory, v->bits, v->node, &found)) {
		decode_unavailable(v, extent_why_absent(d, v->bits));
		return;
	}
	extent = extent_of(v->bits, &found);
	bytes = decode_pointee(d, v, v->node);
	if (!bytes)
		return;
	set_bytes(d, bytes, &extent, found.wanted);
	lift_unavailable(v);
}

static bool is_last(const struct shape_node *n, const uint8_t *element, uint32_t size)
{
	size_t len = MIN(size, sizeof(uint64_t));
	uint64_t want = decode_extend(n->terminator, len * 8, false);

	if (decode_load(element, len) != want)
		return false;
	/* A struct ends its array when all of it is zero. */
	for (uint32_t i = len; i < size; i++)
		if (element[i])
			return false;
	return true;
}

/* The elements before the terminator; UINT64_MAX when it was not captured: nobody knows how many there are.
 */
static uint64_t terminated_cnt(const struct shape_node *n, const struct found *found, uint32_t size)
{
	uint64_t cnt = 0;

	for (; (cnt + 1) * size <= found->captured; cnt++)
		if (is_last(n, found->bytes + cnt * size, size))
			return cnt;
	if (found->status == PLAN_FRAGMENT_OK && found->captured >= found->wanted && cnt < n->max)
		return cnt;
	return UINT64_MAX;
}

/* An array whose extent the plan decided: fragment @found of @v's node (or of its pointer's). */
static void decode_counted(struct decoder *d, struct value *v, const struct shape_node *n, uint64_t addr,
			   const struct found *found)
{
	struct extent extent = extent_of(addr, found);
	uint32_t size = d->shape->nodes[n->first_child].size;
	uint64_t wanted = size ? found->wanted / size : 0;

	if (n->has_terminator && size)
		wanted = terminated_cnt(n, found, size);
	else if (found->wanted == UINT64_MAX)
		wanted = UINT64_MAX;
	decode_elements(d, v, n->first_child, wanted, &extent, 0);
	if (v->full_len == UINT64_MAX)
		v->full_len = 0;
}

static void follow_array(struct decoder *d, struct value *v, const struct shape_node *n)
{
	struct value *array;
	struct found found;
	struct seen object;

	if (!memory_find(d->memory, v->bits, v->node, &found)) {
		decode_unavailable(v, extent_why_absent(d, v->bits));
		return;
	}
	object = (struct seen){.addr = v->bits,
			       .len = found.wanted,
			       .type = seen_type(d, d->shape->nodes[n->first_child].type),
			       .is_array = true};
	if (found.wanted && seen_refer(d, v, seen_whole(d, &object, v->node)))
		return;
	array = decode_pointee(d, v, v->node);
	if (!array)
		return;
	object.value = array;
	if (found.wanted)
		seen_add(d, object);
	decode_counted(d, array, n, v->bits, &found);
	lift_unavailable(v);
}

/* Why an object is not there that a pointer of node @n leads to. */
static const char *why_no_object(struct decoder *d, const struct shape_node *n, uint64_t addr)
{
	if (!n->levels || d->side->budget_cut || d->side->steps_cut)
		return extent_why_absent(d, addr);
	return decode_say(d, "deeper than depth %" PRIu64, n->levels);
}

static void follow_object(struct decoder *d, struct value *v, uint16_t node)
{
	const struct shape_node *n = &d->shape->nodes[node];
	const struct shape_node *to = &d->shape->nodes[n->first_child];
	struct seen object = {.addr = v->bits, .len = to->size, .type = seen_type(d, to->type)};
	struct extent extent;
	struct value *child;

	if (to->kind == SHAPE_STRUCT && to->size && seen_refer(d, v, seen_whole(d, &object, n->first_child)))
		return;
	/* They were captured in another order than they are shown in. */
	if (n->levels)
		memory_skip(d->memory);
	if (!extent_locate(d, &extent, v->bits, node, to->size)) {
		decode_unavailable(v, why_no_object(d, n, v->bits));
		return;
	}
	if (to->size && !extent.captured) {
		decode_unavailable(v, extent_why(d, &extent));
		return;
	}
	child = decode_pointee(d, v, n->first_child);
	if (child)
		decode(d, child, &extent, 0);
}

/* The pointer type of @n, or NULL. */
static const struct btf_type *pointer_type(const struct decoder *d, const struct shape_node *n)
{
	struct btf *btf = d->shape->schema ? schema_btf(d->shape->schema) : NULL;
	const struct btf_type *t = btf ? btf__type_by_id(btf, seen_type(d, n->type)) : NULL;

	return t && btf_is_ptr(t) ? t : NULL;
}

/* A pointer that the shape cuts may still lead to what was shown. */
static const struct value *seen_by_cut(struct decoder *d, const struct value *v, const struct shape_node *n)
{
	const struct btf_type *t = pointer_type(d, n);
	struct seen object = {.addr = v->bits};

	if (!t)
		return NULL;
	object.type = seen_type(d, t->type);
	object.len = schema_size(d->shape->schema, object.type);
	return seen_find(d, &object);
}

void decode_cut(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];

	if (n->size == sizeof(uint64_t) && (pointer_type(d, n) || !d->shape->schema) &&
	    extent_has(extent, off, n->size)) {
		v->bits = decode_load(extent->bytes + off, n->size);
		v->kind = VALUE_POINTER;
		if (!v->bits || seen_refer(d, v, seen_by_cut(d, v, n)))
			return;
	}
	decode_unavailable(v, n->reason ? n->reason : "not captured");
}

/* Into what this call captured, or right behind it: a place in an object, whatever its name is. */
static bool is_captured(struct decoder *d, uint64_t addr)
{
	struct found found;

	return memory_around(d->memory, addr, &found) || memory_around(d->memory, addr - 1, &found) ||
	       (d->other &&
		(memory_around(d->other, addr, &found) || memory_around(d->other, addr - 1, &found)));
}

void decode_handle(struct decoder *d, struct value *v)
{
	char label[SYMBOL_LABEL_MAX];

	v->kind = VALUE_HANDLE;
	v->symbol = symbols_find(d->symbols, v->bits);
	if (!v->symbol || is_captured(d, v->bits)) {
		v->symbol = NULL;
		return;
	}
	symbol_label(v->symbol, label);
	v->kind = VALUE_SYMBOL;
	v->text = pool_printf(d->pool, "%s", label);
	d->failed |= !v->text;
}

void decode_pointer(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];

	v->bits = decode_load(extent->bytes + off, 8);
	v->kind = VALUE_POINTER;
	if (!v->bits)
		return;
	if (n->kind == SHAPE_HANDLE) {
		decode_handle(d, v);
		return;
	}
	if (!(n->flows & d->flow)) {
		decode_unavailable(v, d->flow == FLOW_IN ? out_only : in_only);
		v->is_elsewhere = true;
	} else if (*d->cnt >= VALUE_CNT_MAX) {
		decode_unavailable(v, "more values than one call may have");
	} else if (n->kind == SHAPE_STRING) {
		follow_string(d, v);
	} else if (n->kind == SHAPE_BYTES) {
		follow_bytes(d, v);
	} else if (n->length || n->has_terminator) {
		follow_array(d, v, n);
	} else {
		follow_object(d, v, shape_pointer(d->shape, v->node));
	}
}

/* In registers: no fragment of its own tells how long it is. */
static void decode_in_registers(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	uint32_t size = n->kind == SHAPE_BYTES ? 1 : d->shape->nodes[n->first_child].size;
	struct extent own = {.status = PLAN_FRAGMENT_OK};
	int64_t wanted;

	if (!decode_eval(d, n->scope, n->length, &wanted)) {
		decode_unavailable(v, no_length);
		return;
	}
	wanted = MAX(wanted, 0);
	own.captured = MIN(wanted, n->max) * size;
	if (!extent_has(extent, off, own.captured)) {
		decode_absent(d, v, extent);
		return;
	}
	own.bytes = extent->bytes + off;
	if (n->kind == SHAPE_BYTES)
		set_bytes(d, v, &own, wanted);
	else
		decode_elements(d, v, n->first_child, wanted, &own, 0);
}

void decode_flexible(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off)
{
	const struct shape_node *n = &d->shape->nodes[v->node];
	uint64_t addr = extent->addr + off;
	struct found found;

	if (!extent->has_addr && n->length) {
		decode_in_registers(d, v, extent, off);
		return;
	}
	if (!extent->has_addr || !memory_find(d->memory, addr, v->node, &found)) {
		decode_unavailable(v, extent_why_absent(d, addr));
		return;
	}
	if (n->kind == SHAPE_BYTES) {
		struct extent bytes = extent_of(addr, &found);

		set_bytes(d, v, &bytes, found.wanted);
		return;
	}
	decode_counted(d, v, n, addr, &found);
}
