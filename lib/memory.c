// SPDX-License-Identifier: BSD-3-Clause
#include "lib/memory.h"

#include <stdlib.h>
#include <string.h>

#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/util.h"

/* Entries looked at backwards for one that covers an address. */
#define BACK_MAX 64
/* Bytes joined from several fragments, of one instant: an honest one has PLAN_TOTAL_MAX in all. */
#define JOINED_MAX (4 * PLAN_TOTAL_MAX)

struct entry {
	const struct fragment *fragment;
	uint32_t order; /* of capture */
	bool is_used;
	struct found joined; /* bytes NULL until asked for */
};

struct memory {
	struct pool *pool;
	struct entry *entries; /* by address, node, order */
	size_t cnt;
	size_t joined; /* bytes so far */
	bool has_skipped, failed;
};

static int cmp_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int cmp_place(const struct entry *entry, uint64_t addr, uint16_t node)
{
	int r = cmp_u64(entry->fragment->addr, addr);

	return r ? r : cmp_u64(entry->fragment->node, node);
}

static int cmp_entry(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = cmp_place(x, y->fragment->addr, y->fragment->node);

	return r ? r : cmp_u64(x->order, y->order);
}

struct memory *memory_new(const struct side *side, struct pool *pool)
{
	struct memory *memory = pool_alloc(pool, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->pool = pool;
	memory->entries = pool_array(pool, side->cnt, sizeof(*memory->entries));
	if (!memory->entries)
		return NULL;
	for (size_t i = 0; i < side->cnt; i++)
		if (side->fragments[i].node != PLAN_NODE_FPREGS)
			memory->entries[memory->cnt++] =
				(struct entry){.fragment = &side->fragments[i], .order = i};
	if (memory->cnt > 1)
		qsort(memory->entries, memory->cnt, sizeof(*memory->entries), cmp_entry);
	return memory;
}

void memory_skip(struct memory *memory)
{
	memory->has_skipped = true;
}

bool memory_failed(const struct memory *memory)
{
	return memory->failed;
}

/* The first entry not before (@addr, @node). */
static size_t lower(const struct memory *memory, uint64_t addr, uint16_t node)
{
	size_t from = 0, to = memory->cnt;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (cmp_place(&memory->entries[mid], addr, node) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* Room for @bytes joined ones; NULL: past JOINED_MAX, or no memory. */
static uint8_t *join_room(struct memory *memory, size_t bytes)
{
	uint8_t *room;

	if (bytes > JOINED_MAX - memory->joined)
		return NULL;
	room = pool_alloc(memory->pool, bytes);
	if (!room)
		memory->failed = true;
	else
		memory->joined += bytes;
	return room;
}

/* The fragment in which @entry's data goes on, or NULL: captured next, by the same node, right behind it. */
static const struct entry *continuation(const struct memory *memory, const struct entry *entry)
{
	const struct fragment *f = entry->fragment;

	if (f->status != PLAN_FRAGMENT_OK || f->captured != PLAN_FRAGMENT_MAX || f->len <= f->captured)
		return NULL;
	for (size_t i = lower(memory, f->addr + f->captured, f->node); i < memory->cnt; i++) {
		const struct entry *next = &memory->entries[i];

		if (cmp_place(next, f->addr + f->captured, f->node))
			return NULL;
		if (next->order == entry->order + 1)
			return f->len == UINT32_MAX || next->fragment->len == f->len - f->captured ? next
												   : NULL;
	}
	return NULL;
}

static void join(struct memory *memory, struct entry *first)
{
	const struct entry *last = first;
	struct found found = {};
	uint8_t *room;

	for (const struct entry *e = first; e; e = continuation(memory, e)) {
		found.captured += e->fragment->captured;
		last = e;
	}
	found.wanted = found.captured - last->fragment->captured + last->fragment->len;
	if (last->fragment->len == UINT32_MAX)
		found.wanted = UINT64_MAX;
	found.status = last->fragment->status;
	found.bytes = first->fragment->bytes;
	first->joined = found;
	if (first == last)
		return;

	room = join_room(memory, found.captured);
	if (!room) {
		first->joined.captured = first->fragment->captured;
		first->joined.status = PLAN_FRAGMENT_BUDGET;
		return;
	}
	first->joined.bytes = room;
	for (const struct entry *e = first; e; e = continuation(memory, e)) {
		if (e->fragment->captured)
			memcpy(room, e->fragment->bytes, e->fragment->captured);
		room += e->fragment->captured;
	}
}

static bool same_extent(const struct entry *a, const struct entry *b)
{
	return a->fragment->len == b->fragment->len && a->fragment->captured == b->fragment->captured;
}

bool memory_find(struct memory *memory, uint64_t addr, uint16_t node, struct found *out)
{
	size_t first = lower(memory, addr, node), pick = first;
	bool differ = false;

	if (first == memory->cnt || cmp_place(&memory->entries[first], addr, node))
		return false;
	for (size_t i = first; i < memory->cnt && !cmp_place(&memory->entries[i], addr, node); i++) {
		differ |= !same_extent(&memory->entries[first], &memory->entries[i]);
		if (memory->entries[pick].is_used)
			pick = i;
	}
	if (differ && memory->has_skipped)
		return false;
	memory->entries[pick].is_used = true;
	if (!memory->entries[pick].joined.bytes)
		join(memory, &memory->entries[pick]);
	*out = memory->entries[pick].joined;
	return true;
}

bool memory_around(const struct memory *memory, uint64_t addr, struct found *out)
{
	size_t after = addr == UINT64_MAX ? memory->cnt : lower(memory, addr + 1, 0);
	const struct fragment *best = NULL;

	for (size_t i = after; i > 0 && after - i < BACK_MAX; i--) {
		const struct fragment *f = memory->entries[i - 1].fragment;

		if (addr - f->addr >= f->captured)
			continue;
		if (!best || f->addr + f->captured > best->addr + best->captured)
			best = f;
	}
	if (!best)
		return false;
	out->bytes = best->bytes + (addr - best->addr);
	out->captured = best->captured - (addr - best->addr);
	out->wanted = out->captured;
	out->status = PLAN_FRAGMENT_OK;
	return true;
}

const uint8_t *memory_read(struct memory *memory, uint64_t addr, size_t len)
{
	struct found found;
	uint8_t *room;

	if (!memory_around(memory, addr, &found))
		return NULL;
	if (found.captured >= len)
		return found.bytes;
	for (size_t done = found.captured; done < len; done += found.captured)
		if (!memory_around(memory, addr + done, &found))
			return NULL;
	room = join_room(memory, len);
	for (size_t done = 0; room && done < len; done += found.captured) {
		memory_around(memory, addr + done, &found);
		memcpy(room + done, found.bytes, MIN(found.captured, len - done));
	}
	return room;
}
