// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/fence.h"

#include <stddef.h>
#include <sys/mman.h>

#include "replay/target/engine.h"

#define PAGE 4096ull

static struct fenced objects[FENCE_OBJECTS_MAX]; /* by address */
static ENGINE_WRITTEN unsigned objects_cnt;
static ENGINE_WRITTEN uint64_t start, next; /* of the reservation; behind the last gap */

static int reserve(void)
{
	void *at;

	if (start)
		return 0;
	at = mmap(NULL, FENCE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -1;
	start = (uint64_t)at;
	next = start + FENCE_GAP;
	return 0;
}

uint64_t fence_alloc(uint32_t len, uint64_t lay_at, uint32_t call)
{
	uint64_t room = (len + PAGE - 1) & -PAGE, live;

	if (!len || objects_cnt == FENCE_OBJECTS_MAX || reserve() ||
	    room + FENCE_GAP > start + FENCE_BYTES - next)
		return 0;
	if (mprotect((void *)next, room, PROT_READ | PROT_WRITE))
		return 0;
	live = next + room - len;
	objects[objects_cnt++] = (struct fenced){live, lay_at, len, call};
	next += room + FENCE_GAP;
	return live;
}

const struct fenced *fence_find(uint64_t addr)
{
	unsigned low = 0, high = objects_cnt;

	if (!start || addr < start || addr >= next)
		return NULL;
	while (low < high) {
		unsigned mid = (low + high) / 2;

		if ((objects[mid].live & -PAGE) <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return objects_cnt ? &objects[low ? low - 1 : 0] : NULL;
}
