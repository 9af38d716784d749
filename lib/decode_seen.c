// SPDX-License-Identifier: BSD-3-Clause
#include "lib/decode.h"

#include <string.h>

#include "lib/pool.h"
#include "lib/schema.h"
#include "lib/util.h"

#define SEEN_FIRST 64 /* slots; a power of two */

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

void seen_add(struct decoder *d, struct seen object)
{
	struct seen *slot;

	if (!seen_grow(d)) {
		d->failed = true;
		return;
	}
	slot = seen_slot(d, &object);
	if (slot->value)
		return;
	*slot = object;
	d->seen_cnt++;
}

const struct value *seen_find(struct decoder *d, const struct seen *object)
{
	return d->seen_cap ? seen_slot(d, object)->value : NULL;
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
	v->path = path ? pool_printf(d->pool, "%s%s", strcmp(path, "return") ? d->prefix : "", path) : NULL;
	d->failed |= !v->path;
	return true;
}
