// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/tape.h"
#include "replay/target/engine.h"
#include "replay/target/syscalls.h"

/* Before the holder of a lock is let run, before it is waited for, and before it is given up: on a busy
 * machine it may not have run for long. */
#define SPINS	 200
#define YIELDS	 1000
#define SLEEPS	 2000
#define SLEEP_NS 100000

static struct {
	const uint64_t *reader;
	uint64_t *writer;
	uint8_t *data; /* twice */
} rings[TAPE_RINGS_MAX];

static void map_ring(unsigned idx, int fd)
{
	const struct tape *tape = engine.tape;
	uint64_t offset = tape->rings + idx * tape_ring_stride(tape);
	size_t once = 2 * TAPE_PAGE + tape->ring_bytes;
	uint8_t *at = mmap(NULL, once + tape->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (at == MAP_FAILED || mmap(at + once, tape->ring_bytes, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_FIXED, fd, offset + 2 * TAPE_PAGE) == MAP_FAILED)
		engine_fail("cannot map a ring: %s", strerror(errno));
	rings[idx].reader = (void *)at;
	rings[idx].writer = (void *)(at + TAPE_PAGE);
	rings[idx].data = at + 2 * TAPE_PAGE;
}

void ring_map_all(int fd)
{
	for (unsigned i = 0; i < engine.tape->rings_cnt; i++)
		map_ring(i, fd);
}

/* What a writer that was killed may not have come to. */
static void repair(unsigned idx, struct tape_ring *ring)
{
	if (ring->end == *rings[idx].writer)
		ring->emitted[ring->func] = ring->emitted_after;
}

static int take_from_dead(unsigned idx, struct tape_ring *ring, uint32_t self)
{
	uint32_t owner = __atomic_load_n(&ring->lock, __ATOMIC_RELAXED);

	if (!owner || owner == self || syscalls_kill(owner, 0) != -ESRCH ||
	    !__atomic_compare_exchange_n(&ring->lock, &owner, self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return 0;
	repair(idx, ring);
	return 1;
}

static int take(uint32_t *lock, uint32_t self)
{
	const struct timespec pause = {.tv_nsec = SLEEP_NS};

	for (int i = 0; i < SPINS + YIELDS + SLEEPS; i++) {
		uint32_t none = 0;

		if (__atomic_compare_exchange_n(lock, &none, self, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return 1;
		if (i >= SPINS + YIELDS)
			SYSCALL(SYS_nanosleep, &pause, NULL, 0, 0);
		else if (i >= SPINS)
			SYSCALL(SYS_sched_yield, 0, 0, 0, 0);
		else
			__builtin_ia32_pause();
	}
	return 0;
}

static void give(uint32_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

/* Under the ring's lock. */
static int put(unsigned idx, struct tape_ring *ring, const struct event *event)
{
	uint64_t size = engine.tape->ring_bytes, pos = *rings[idx].writer;
	uint64_t len = (event->len + TAPE_RECORD + 7ull) & ~7ull;
	uint8_t *at = rings[idx].data + (pos & (size - 1));
	const uint64_t head = event->len;

	if (pos + len - __atomic_load_n(rings[idx].reader, __ATOMIC_ACQUIRE) > size)
		return 0;
	memcpy(at, &head, sizeof(head));
	memcpy(at + TAPE_RECORD, event, event->len);
	ring->func = event->func;
	ring->emitted_after = ring->emitted[event->func] + 1;
	__atomic_store_n(&ring->end, pos + len, __ATOMIC_RELEASE);
	__atomic_store_n(rings[idx].writer, pos + len, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->emitted[event->func], ring->emitted_after, __ATOMIC_RELEASE);
	return 1;
}

static __thread unsigned held; /* the ring that this thread writes to, from 1; 0: none */

int ring_put(const struct event *event)
{
	unsigned idx = event->thread % engine.tape->rings_cnt;
	struct tape_ring *ring = &engine.tape->ring[idx];
	int is_in;

	if (!take(&ring->lock, event->tgid) && !take_from_dead(idx, ring, event->tgid))
		return 0;
	__atomic_store_n(&held, idx + 1, __ATOMIC_SEQ_CST);
	is_in = put(idx, ring, event);
	__atomic_store_n(&held, 0, __ATOMIC_SEQ_CST);
	give(&ring->lock);
	return is_in;
}

void ring_let_go(void)
{
	unsigned idx = held - 1;

	if (!held)
		return;
	repair(idx, &engine.tape->ring[idx]);
	held = 0;
	give(&engine.tape->ring[idx].lock);
}
