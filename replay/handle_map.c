// SPDX-License-Identifier: BSD-3-Clause
#include <stdlib.h>

#include "lib/value.h"
#include "replay/compare.h"

#define SLOTS_FIRST 64 /* a power of two */

/* From the handles of one side to those of the other. Open addressing; 0 is no handle. */
struct direction_map {
	uint64_t *from, *to;
	size_t cap, cnt;
};

struct handle_map {
	struct direction_map recorded, replayed;
	struct handles *numbers[2];
};

static void release(struct direction_map *map)
{
	free(map->from);
	free(map->to);
}

void handle_map_free(struct handle_map *map)
{
	if (!map)
		return;
	release(&map->recorded);
	release(&map->replayed);
	handles_free(map->numbers[0]);
	handles_free(map->numbers[1]);
	free(map);
}

static bool grow(struct direction_map *map);

struct handle_map *handle_map_new(void)
{
	struct handle_map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->numbers[0] = handles_new();
	map->numbers[1] = handles_new();
	if (map->numbers[0] && map->numbers[1] && grow(&map->recorded) && grow(&map->replayed))
		return map;
	handle_map_free(map);
	return NULL;
}

struct handles *handle_map_numbers(struct handle_map *map, bool of_replayed)
{
	return map->numbers[of_replayed];
}

static size_t slot_of(const struct direction_map *map, uint64_t from)
{
	size_t i = (from * 0x9e3779b97f4a7c15) >> 32 & (map->cap - 1);

	while (map->from[i] && map->from[i] != from)
		i = (i + 1) & (map->cap - 1);
	return i;
}

static bool grow(struct direction_map *map)
{
	struct direction_map bigger = {.cap = map->cap ? map->cap * 2 : SLOTS_FIRST, .cnt = map->cnt};

	bigger.from = calloc(bigger.cap, sizeof(*bigger.from));
	bigger.to = calloc(bigger.cap, sizeof(*bigger.to));
	if (!bigger.from || !bigger.to) {
		release(&bigger);
		return false;
	}
	for (size_t i = 0; i < map->cap; i++) {
		size_t slot;

		if (!map->from[i])
			continue;
		slot = slot_of(&bigger, map->from[i]);
		bigger.from[slot] = map->from[i];
		bigger.to[slot] = map->to[i];
	}
	release(map);
	*map = bigger;
	return true;
}

static uint64_t lookup(const struct direction_map *map, uint64_t from)
{
	return map->to[slot_of(map, from)];
}

static bool insert(struct direction_map *map, uint64_t from, uint64_t to)
{
	size_t slot;

	if (map->cnt >= map->cap / 2 && !grow(map))
		return false;
	slot = slot_of(map, from);
	map->from[slot] = from;
	map->to[slot] = to;
	map->cnt++;
	return true;
}

bool handle_map_agrees(struct handle_map *map, uint64_t recorded, uint64_t replayed, bool learn)
{
	uint64_t there = lookup(&map->recorded, recorded), back = lookup(&map->replayed, replayed);

	if (there || back)
		return there == replayed && back == recorded;
	if (!learn)
		return true;
	return insert(&map->recorded, recorded, replayed) && insert(&map->replayed, replayed, recorded);
}
