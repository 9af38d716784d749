// SPDX-License-Identifier: BSD-3-Clause
#include "replay/displaced.h"

#include <stdbool.h>

#include "lib/util.h"

#define SMALLEST 0x10000ull	   /* below lie NULL and numbers that pose as pointers */
#define END	 0x800000000000ull /* of what user space can map */
#define ROOM	 (DISPLACED_ZONES_MAX * DISPLACED_ZONE)

/* The kernel maps from the top and above the executable; sanitizers keep their shadows elsewhere. */
static const uint64_t homes[] = {0x400000000000, 0x300000000000, 0x200000000000, 0x600000000000};

/* A fixed executable with its heap; any other with its heap; libraries and the stack. */
static const struct patch_span layout[DISPLACED_LAYOUT] = {
	{0x400000, 0x40000000}, {0x555555554000, 0x555595554000}, {0x7fff80000000, 0x7ffffffff000}};

static bool is_near(const struct displaced *d, uint64_t from, uint64_t to, uint64_t margin)
{
	for (size_t i = 0; i < d->spans_cnt; i++)
		if (from < d->spans[i].to + margin && to + margin > d->spans[i].from)
			return true;
	return false;
}

void displaced_init(struct displaced *d, const struct patch_span *spans, size_t cnt)
{
	*d = (struct displaced){.spans_cnt = MIN(cnt, ARRAY_SIZE(d->spans))};
	for (size_t i = 0; i < d->spans_cnt; i++)
		d->spans[i] = spans[i];
	for (size_t i = 0; i < ARRAY_SIZE(homes) && !d->home; i++)
		if (!is_near(d, homes[i], homes[i] + ROOM, DISPLACED_MARGIN))
			d->home = homes[i];
}

void displaced_init_early(struct displaced *d)
{
	displaced_init(d, layout, ARRAY_SIZE(layout));
}

void displaced_inherit(struct displaced *d, const struct displaced *early)
{
	if (!early->zones_cnt)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(layout) && d->spans_cnt < ARRAY_SIZE(d->spans); i++)
		d->spans[d->spans_cnt++] = layout[i];
	d->home = early->home;
	d->zones_cnt = early->zones_cnt;
	for (size_t i = 0; i < early->zones_cnt; i++)
		d->centres[i] = early->centres[i];
}

static uint64_t start_of(const struct displaced *d, size_t zone)
{
	return d->home + zone * DISPLACED_ZONE;
}

/* Zones may overlap in what they cover of the recorded: the first one counts, and none is ever taken away. */
static size_t zone_of(const struct displaced *d, uint64_t addr)
{
	size_t i = 0;

	while (i < d->zones_cnt && addr - d->centres[i] + DISPLACED_ZONE / 2 >= DISPLACED_ZONE)
		i++;
	return i;
}

uint64_t displaced_to(struct displaced *d, uint64_t addr)
{
	size_t zone;

	if (addr < SMALLEST || addr >= END)
		return addr;
	if (!is_near(d, addr, addr + 1, DISPLACED_MARGIN) &&
	    (addr < d->home || addr - d->home >= ROOM || !d->home))
		return addr;
	zone = zone_of(d, addr);
	if (!d->home || zone == DISPLACED_ZONES_MAX)
		return 0;
	if (zone == d->zones_cnt)
		d->centres[d->zones_cnt++] = addr & -4096ull;
	return start_of(d, zone) + DISPLACED_ZONE / 2 + addr - d->centres[zone];
}

uint64_t displaced_from(const struct displaced *d, uint64_t addr)
{
	uint64_t zone = (addr - d->home) / DISPLACED_ZONE;

	if (!d->home || addr < d->home || zone >= d->zones_cnt)
		return addr;
	return addr - start_of(d, zone) - DISPLACED_ZONE / 2 + d->centres[zone];
}
