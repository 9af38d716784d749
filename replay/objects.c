// SPDX-License-Identifier: BSD-3-Clause
#include "replay/objects.h"

#include <stdlib.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/value.h"

#define OBJECTS_FIRST 64

void objects_release(struct objects *objects)
{
	free(objects->at);
	*objects = (struct objects){};
}

size_t objects_extent(const struct value *object)
{
	switch (object->kind) {
	case VALUE_TEXT:
		return MAX(object->len + !object->is_truncated, object->extent);
	case VALUE_BYTES:
		return object->len;
	case VALUE_STRUCT:
	case VALUE_ARRAY:
		return object->extent;
	default:
		return object->size;
	}
}

static int append(struct objects *objects, const struct object_at *one, struct err *err)
{
	if (objects->cnt == objects->cap) {
		size_t cap = objects->cap ? 2 * objects->cap : OBJECTS_FIRST;
		struct object_at *more = realloc(objects->at, cap * sizeof(*more));

		if (!more)
			return err_nomem(err);
		objects->at = more;
		objects->cap = cap;
	}
	objects->at[objects->cnt++] = *one;
	objects->is_sorted = false;
	return 0;
}

int objects_add(struct objects *objects, const struct value *root, struct err *err)
{
	struct object_at one = {};
	int r = 0;

	if (!root)
		return 0;
	if (root->kind == VALUE_POINTER && root->child_cnt) {
		one = (struct object_at){root->bits, objects_extent(root->child[0]), objects->cnt,
					 root->child[0]};
		if (one.len)
			r = append(objects, &one, err);
	}
	for (size_t i = 0; r == 0 && i < root->child_cnt; i++)
		r = objects_add(objects, root->child[i], err);
	return r;
}

/* The outermost of those that start together comes first. */
static int compare(const void *a, const void *b)
{
	const struct object_at *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->len != y->len)
		return x->len > y->len ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void sort(struct objects *objects)
{
	uint64_t end = 0;
	size_t kept = 0;

	if (objects->cnt)
		qsort(objects->at, objects->cnt, sizeof(*objects->at), compare);
	for (size_t i = 0; i < objects->cnt; i++) {
		const struct object_at *one = &objects->at[i];

		if (kept && one->addr + one->len <= end)
			continue;
		end = one->addr + one->len;
		objects->at[kept++] = *one;
	}
	objects->cnt = kept;
	objects->is_sorted = true;
}

/* The last that starts at or before @addr. */
static const struct object_at *last_before(const struct objects *objects, uint64_t addr)
{
	size_t low = 0, high = objects->cnt;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (objects->at[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &objects->at[low - 1] : NULL;
}

const struct object_at *objects_around(struct objects *objects, uint64_t addr, size_t len)
{
	const struct object_at *found;

	if (!objects->is_sorted)
		sort(objects);
	found = last_before(objects, addr);
	if (!found || addr - found->addr > found->len || len > found->len - (addr - found->addr))
		return NULL;
	/* Right behind a struct lies something else. */
	return addr - found->addr < found->len || found->value->kind != VALUE_STRUCT ? found : NULL;
}
