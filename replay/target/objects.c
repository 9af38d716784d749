// SPDX-License-Identifier: BSD-3-Clause
/* Two tables that only grow, for a case ends with its process: an object is there as long as both agree. */
#include "replay/target/objects.h"

#include <pthread.h>
#include <stddef.h>

#define SIZE	   (1u << 16) /* a power of two */
#define PROBES_MAX 128
#define MIX	   0x9e3779b97f4a7c15ull
#define MIX_SHIFT  44

struct entry {
	uint64_t from, to;
	uint32_t len;
};

static struct entry by_old[SIZE], by_live[SIZE]; /* from 0: empty */
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
	if (entry && entry->from)
		entry->to = 0;
	pthread_mutex_unlock(&lock);
}
