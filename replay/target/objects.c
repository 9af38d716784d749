// SPDX-License-Identifier: BSD-3-Clause
/*
 * Two tables that only grow, for a case ends with its process: an object is there as long as both agree. And
 * a list by live address, of what lies where; freed ones have no length.
 */
#include "replay/target/objects.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define SIZE	   (1u << 16) /* a power of two */
#define PROBES_MAX 128
#define MIX	   0x9e3779b97f4a7c15ull
#define MIX_SHIFT  44

struct entry {
	uint64_t from, to;
	uint32_t len;
};

static struct entry by_old[SIZE], by_live[SIZE]; /* from 0: empty */
static struct range {
	uint64_t live;
	uint32_t len;
} ranges[SIZE];
static unsigned ranges_cnt;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The entry of @from, or an empty one that may become it; NULL: neither is near. */
static struct entry *at(struct entry *table, uint64_t from)
{
	unsigned start = from / 16 * MIX >> MIX_SHIFT;

	for (unsigned i = 0; i < PROBES_MAX; i++) {
		struct entry *entry = &table[(start + i) % SIZE];

		if (entry->from == from || !entry->from)
			return entry;
	}
	return NULL;
}

uint64_t objects_find(uint64_t lay_at, uint32_t len)
{
	const struct entry *old, *live;
	uint64_t found = 0;

	if (!lay_at)
		return 0;
	pthread_mutex_lock(&lock);
	old = at(by_old, lay_at);
	live = old && old->from && old->len == len ? at(by_live, old->to) : NULL;
	if (live && live->to == lay_at)
		found = live->from;
	pthread_mutex_unlock(&lock);
	return found;
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

static void put_range(uint64_t live, uint32_t len)
{
	unsigned at = ranges_below(live);

	if (at && ranges[at - 1].live == live) {
		ranges[at - 1].len = len;
		return;
	}
	if (ranges_cnt == SIZE)
		return;
	memmove(&ranges[at + 1], &ranges[at], (ranges_cnt - at) * sizeof(ranges[0]));
	ranges[at] = (struct range){live, len};
	ranges_cnt++;
}

int objects_hold(uint64_t addr, uint32_t len)
{
	unsigned at;
	int hold;

	pthread_mutex_lock(&lock);
	at = ranges_below(addr);
	hold = at && len <= ranges[at - 1].len && addr - ranges[at - 1].live <= ranges[at - 1].len - len;
	pthread_mutex_unlock(&lock);
	return hold;
}

void objects_add(uint64_t lay_at, uint32_t len, uint64_t live)
{
	struct entry *old, *now;

	if (!lay_at)
		return;
	pthread_mutex_lock(&lock);
	old = at(by_old, lay_at);
	now = at(by_live, live);
	if (old && now) {
		*old = (struct entry){lay_at, live, len};
		*now = (struct entry){live, lay_at, len};
		put_range(live, len);
	}
	pthread_mutex_unlock(&lock);
}

void objects_forget(uint64_t live)
{
	struct entry *entry;

	if (!live)
		return;
	pthread_mutex_lock(&lock);
	entry = at(by_live, live);
	if (entry && entry->from) {
		entry->to = 0;
		put_range(live, 0);
	}
	pthread_mutex_unlock(&lock);
}
