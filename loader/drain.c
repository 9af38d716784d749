// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reads the rings by the kernel's own protocol (kernel/bpf/ringbuf.c): a page with the reader's position, a
 * page with the writer's, then the data, mapped twice in a row so that no record is broken at the end.
 *
 * A record may be busy: its writer was preempted between reserving and committing. What lies behind it cannot
 * be read until it is done, so a pass waits for it: else "one full pass over all rings" would mean nothing.
 * The other rings are read on meanwhile. A writer that never comes back leaves its ring dead: it is abandoned
 * with all that is in it, which the probes have counted, and another takes its place.
 */
#include "loader/drain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/plan.h"
#include "lib/util.h"
#include "loader/source.h"

#define RECORD_HEADER	 8 /* u32 length and flags, u32 page offset */
#define RECORD_BUSY	 (1u << 31)
#define RECORD_DISCARD	 (1u << 30)
#define BUSY_WAIT_US	 50
#define BUSY_WAIT_MAX_MS 10000
#define GIVE_BACK	 (128 * 1024) /* bytes read after which the writer is told */
#define EVENT_LEN_MAX	 (sizeof(struct event) + PLAN_BYTES_MAX)

struct ring {
	uint64_t *consumer; /* page that is written to */
	const uint64_t *producer;
	const uint8_t *data;
	uint64_t size, end; /* bytes; where this pass ends */
	void *readable;
	bool is_busy;
};

struct drain {
	drain_fn fn;
	void *ctx;
	struct ring *rings;
	size_t rings_cnt, page;
	struct source *source;
	unsigned patience_ms;
	unsigned long malformed, abandoned;
};

/* The data twice, one behind the other. */
static void *map_data(const struct source_ring *at, size_t page)
{
	size_t len = page + 2 * at->bytes, once = page + at->bytes;
	uint8_t *p = mmap(NULL, len, PROT_READ, MAP_SHARED, at->fd, at->offset + page);

	if (p == MAP_FAILED || at->is_doubled)
		return p;
	if (mmap(p + once, at->bytes, PROT_READ, MAP_SHARED | MAP_FIXED, at->fd, at->offset + 2 * page) !=
	    MAP_FAILED)
		return p;
	munmap(p, len);
	return MAP_FAILED;
}

static int ring_map(struct ring *ring, const struct source *source, int idx, size_t page, struct err *err)
{
	struct source_ring at;
	void *p;
	int r = source->ops->ring(&at, source, idx, err);

	if (r < 0)
		return r;
	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, at.fd, at.offset);
	if (p == MAP_FAILED)
		return err_set(err, -errno, "cannot map a ring: %s", strerror(errno));
	ring->consumer = p;
	ring->size = at.bytes;
	p = map_data(&at, page);
	if (p == MAP_FAILED)
		return err_set(err, -errno, "cannot map a ring: %s", strerror(errno));
	ring->readable = p;
	ring->producer = p;
	ring->data = (const uint8_t *)p + page;
	return 0;
}

static void ring_unmap(struct ring *ring, size_t page)
{
	if (ring->consumer)
		munmap(ring->consumer, page);
	if (ring->readable)
		munmap(ring->readable, page + 2 * ring->size);
	*ring = (struct ring){};
}

static void drain_freep(struct drain **drain)
{
	drain_free(*drain);
}

int drain_new(struct drain **out, struct source *source, drain_fn fn, void *ctx, struct err *err)
{
	__attribute__((cleanup(drain_freep))) struct drain *drain = calloc(1, sizeof(*drain));
	int r;

	if (!drain)
		return err_nomem(err);
	drain->fn = fn;
	drain->ctx = ctx;
	drain->source = source;
	drain->patience_ms = BUSY_WAIT_MAX_MS;
	drain->page = getpagesize();
	drain->rings = calloc(source->ops->rings_cnt(source), sizeof(*drain->rings));
	if (!drain->rings)
		return err_nomem(err);
	drain->rings_cnt = source->ops->rings_cnt(source);
	for (size_t i = 0; i < drain->rings_cnt; i++) {
		r = ring_map(&drain->rings[i], source, i, drain->page, err);
		if (r < 0)
			return r;
	}
	*out = TAKE_PTR(drain);
	return 0;
}

/* Whether the event's fragments fill it exactly. */
static bool fragments_fit(const uint8_t *p, size_t len)
{
	while (len) {
		const struct plan_fragment *fragment = (const void *)p;
		size_t step;

		if (len < sizeof(*fragment) || fragment->captured > PLAN_FRAGMENT_MAX ||
		    fragment->captured > fragment->len)
			return false;
		step = sizeof(*fragment) + ALIGN_UP(fragment->captured, 8u);
		if (step > len)
			return false;
		p += step;
		len -= step;
	}
	return true;
}

static bool is_event(const void *data, size_t len)
{
	const struct event *event = data;

	return len >= sizeof(*event) && len <= EVENT_LEN_MAX && event->len == len && event->func < FUNC_MAX &&
	       event->kind >= EVENT_ENTRY && event->kind < EVENT_KIND_CNT && event->op && event->rseq &&
	       event->thread && event->attempted &&
	       fragments_fit((const uint8_t *)data + sizeof(*event), len - sizeof(*event));
}

static void give_back(struct ring *ring, uint64_t pos)
{
	__atomic_store_n(ring->consumer, pos, __ATOMIC_RELEASE);
}

/* Read @ring up to its end or to a busy record. Returns what the callback did. */
static int ring_read(struct drain *drain, struct ring *ring, int *events)
{
	uint64_t pos = *ring->consumer, told = pos;
	int r = 0;

	ring->is_busy = false;
	while (r == 0 && pos < ring->end) {
		const uint8_t *record = ring->data + (pos & (ring->size - 1));
		uint32_t head = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		uint32_t len = head & ~(RECORD_BUSY | RECORD_DISCARD);

		if (head & RECORD_BUSY) {
			ring->is_busy = true;
			break;
		}
		if (!(head & RECORD_DISCARD) && is_event(record + RECORD_HEADER, len)) {
			r = drain->fn((const void *)(record + RECORD_HEADER), drain->ctx);
			(*events)++;
		} else if (!(head & RECORD_DISCARD)) {
			drain->malformed++;
		}
		pos += ALIGN_UP(len + RECORD_HEADER, 8u);
		if (pos - told >= GIVE_BACK) {
			give_back(ring, pos);
			told = pos;
		}
	}
	give_back(ring, pos);
	return r;
}

static void set_end(struct ring *ring)
{
	ring->end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
}

/* What a busy ring holds counts as of the beginning of the pass; the others must not fill up meanwhile. */
static int read_rings(struct drain *drain, int *events, bool *is_any_busy)
{
	*is_any_busy = false;
	for (size_t i = 0; i < drain->rings_cnt; i++) {
		struct ring *ring = &drain->rings[i];
		int r = ring_read(drain, ring, events);

		if (r)
			return r;
		if (ring->is_busy)
			*is_any_busy = true;
		else
			set_end(ring);
	}
	return 0;
}

static bool has_waited_enough(const struct drain *drain, const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000 >=
	       drain->patience_ms;
}

/* New events go to another ring from here on. */
static int abandon_busy(struct drain *drain, struct err *err)
{
	for (size_t i = 0; i < drain->rings_cnt; i++) {
		struct ring *ring = &drain->rings[i];
		int r;

		if (!ring->is_busy)
			continue;
		r = drain->source->ops->renew_ring(drain->source, i, err);
		if (r < 0)
			return r;
		ring_unmap(ring, drain->page);
		drain->abandoned++;
		r = ring_map(ring, drain->source, i, drain->page, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int drain_pass(struct drain *drain, struct err *err)
{
	struct timespec begun;
	bool is_any_busy;
	int events = 0;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (size_t i = 0; i < drain->rings_cnt; i++)
		set_end(&drain->rings[i]);
	for (;;) {
		int r = read_rings(drain, &events, &is_any_busy);

		if (r)
			return r;
		if (!is_any_busy)
			return events;
		if (has_waited_enough(drain, &begun)) {
			r = abandon_busy(drain, err);
			return r < 0 ? r : events;
		}
		usleep(BUSY_WAIT_US);
	}
}

void drain_set_patience(struct drain *drain, unsigned ms)
{
	drain->patience_ms = ms;
}

unsigned long drain_abandoned(const struct drain *drain)
{
	return drain->abandoned;
}

unsigned long drain_malformed(const struct drain *drain)
{
	return drain->malformed;
}

void drain_free(struct drain *drain)
{
	if (!drain)
		return;
	for (size_t i = 0; drain->rings && i < drain->rings_cnt; i++)
		ring_unmap(&drain->rings[i], drain->page);
	free(drain->rings);
	free(drain);
}
