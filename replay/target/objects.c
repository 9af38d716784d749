// SPDX-License-Identifier: BSD-3-Clause
/*
 * What lies where, by live address; freed ones have no length. And by where they lay when they were recorded,
 * what was made of it last: an object is there as long as both agree. Both only grow, for a case ends with
 * its process, and from few pages on: each page that a case writes to is copied for it.
 */
#include "replay/target/objects.h"

#include <stddef.h>
#include <string.h>

#include "replay/target/engine.h"
#include "replay/target/lock.h"

#define OBJECTS_MAX (1u << 16)
#define TABLE_MIN   64 /* powers of two */
#define TABLE_MAX   (2 * OBJECTS_MAX)
#define MIX	    0x9e3779b97f4a7c15ull
#define MIX_SHIFT   44

struct range {
	uint64_t live, lay_at; /* lay_at 0: freed */
	uint32_t len, is_early;
};

struct entry {
	uint64_t lay_at, live; /* lay_at 0: empty */
	uint32_t len;
};

/* Few objects lie on one page. */
static struct {
	struct entry table[TABLE_MIN];
	struct range ranges[OBJECTS_MAX];
} first __attribute__((aligned(4096)));
static struct range *const ranges = first.ranges;
static ENGINE_WRITTEN unsigned ranges_cnt;

static struct entry tables[2 * TABLE_MAX]; /* the table of n entries, more than the first, from n on */
static ENGINE_WRITTEN unsigned table_size = TABLE_MIN, entries_cnt;

static struct entry *table(void)
{
	return table_size == TABLE_MIN ? first.table : &tables[table_size];
}

static ENGINE_WRITTEN unsigned lock;

/* The entry of @lay_at, or an empty one that may become it. At most half of them are taken. */
static struct entry *entry_of(uint64_t lay_at)
{
	unsigned at = lay_at / 16 * MIX >> MIX_SHIFT;
	struct entry *entry;

	do
		entry = &table()[at++ % table_size];
	while (entry->lay_at && entry->lay_at != lay_at);
	return entry;
}

static void double_table(void)
{
	const struct entry *old = table();
	unsigned cnt = table_size;

	table_size *= 2;
	for (unsigned i = 0; i < cnt; i++)
		if (old[i].lay_at)
			*entry_of(old[i].lay_at) = old[i];
}

/* How many begin at or below @addr. */
static unsigned ranges_below(uint64_t addr)
{
	unsigned low = 0, high = ranges_cnt;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (ranges[mid].live <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The one that begins at @live; NULL: none does. */
static struct range *range_at(uint64_t live)
{
	unsigned at = ranges_below(live);

	return at && ranges[at - 1].live == live ? &ranges[at - 1] : NULL;
}

uint64_t objects_find(uint64_t lay_at, uint32_t len, int *is_early)
{
	const struct entry *entry;
	const struct range *range;
	uint64_t found = 0;

	if (!lay_at)
		return 0;
	lock_take(&lock);
	entry = entry_of(lay_at);
	range = entry->lay_at && entry->len == len ? range_at(entry->live) : NULL;
	if (range && range->lay_at == lay_at) {
		found = range->live;
		*is_early = range->is_early;
	}
	lock_give(&lock);
	return found;
}

/* Where @live may begin; NULL: there are too many. */
static struct range *make_range(uint64_t live)
{
	unsigned at = ranges_below(live);

	if (at && ranges[at - 1].live == live)
		return &ranges[at - 1];
	if (ranges_cnt == OBJECTS_MAX)
		return NULL;
	memmove(&ranges[at + 1], &ranges[at], (ranges_cnt - at) * sizeof(ranges[0]));
	ranges_cnt++;
	return &ranges[at];
}

int objects_hold(uint64_t addr, uint32_t len)
{
	unsigned at;
	int hold;

	lock_take(&lock);
	at = ranges_below(addr);
	hold = at && len <= ranges[at - 1].len && addr - ranges[at - 1].live <= ranges[at - 1].len - len;
	lock_give(&lock);
	return hold;
}

uint64_t objects_behind(uint64_t addr, uint32_t *len)
{
	uint64_t live = 0;
	unsigned at;

	lock_take(&lock);
	at = ranges_below(addr);
	if (at < ranges_cnt && ranges[at].live - addr <= OBJECTS_HEADER) {
		live = ranges[at].live;
		*len = ranges[at].len;
	}
	lock_give(&lock);
	return live;
}

void objects_add(uint64_t lay_at, uint32_t len, uint64_t live)
{
	struct entry *entry;
	struct range *range;

	if (!lay_at)
		return;
	lock_take(&lock);
	entry = entry_of(lay_at);
	range = entry->lay_at || entries_cnt < OBJECTS_MAX ? make_range(live) : NULL;
	if (range) {
		entries_cnt += !entry->lay_at;
		*range = (struct range){live, lay_at, len, engine.state == ENGINE_STARTING};
		*entry = (struct entry){lay_at, live, len};
	}
	if (entries_cnt > table_size / 2)
		double_table();
	lock_give(&lock);
}

void objects_forget(uint64_t live)
{
	struct range *range;

	if (!live)
		return;
	lock_take(&lock);
	range = range_at(live);
	if (range)
		range->lay_at = range->len = 0;
	lock_give(&lock);
}
