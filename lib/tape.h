/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the recorder and the engine inside the recorded program share: one memfd, mapped by both. It begins
 * with struct tape; gates and rings lie at the offsets that it gives. Both sides are of one build. Includes
 * event.h alone.
 *
 * A ring is a page with the reader's position, a page with the writer's, and the data, of which both sides
 * map a second copy behind the first. A record is its length (u32), four bytes of nothing, the event, and
 * zeros up to a multiple of 8. A writer holds the ring's lock, and moves the position when its record is
 * whole: so whoever is killed in the middle leaves nothing behind.
 */
#pragma once

#include "lib/event.h"

#define TAPE_MAGIC 0x6570617464657461ull
#define TAPE_ENV   "TAPEDECK_RECORD" /* "PATCH_FD TAPE_FD", decimal; of a patch file for recording */
/* Before the LD_PRELOAD that the program itself, and its children, are to find. */
#define TAPE_PRELOAD_ENV  "TAPEDECK_LD_PRELOAD="
#define TAPE_RINGS_MAX	  64
#define TAPE_MODULES_MAX  256
#define TAPE_CHILDREN_MAX 4096 /* that are followed; more are counted, and recorded all the same */
#define TAPE_TEXT_MAX	  480
#define TAPE_PAGE	  4096u
#define TAPE_RECORD	  8u /* bytes before an event */

enum tape_state {
	TAPE_EMPTY = 0, /* the engine has not come up */
	TAPE_READY,	/* it has, before main: calls are seen from main's entry on */
	TAPE_FAILED,	/* it cannot record; text says why, and the process ends */
	TAPE_ENDED,	/* it gave up recording later; text says why, and the program runs on */
};

/*
 * The writer's side of a ring. Its lock guards all of it: a process that was killed meanwhile leaves it held,
 * and then @end and @emitted_after tell whether the last event was put in, which @emitted may not count yet.
 */
struct tape_ring {
	__u32 lock, func; /* pid of the writer, 0: none; of the event that is being put in */
	__u64 end, emitted_after;
	__u64 emitted[FUNC_MAX];
};

struct tape {
	__u64 magic, bytes; /* of the whole memfd */
	__u32 state;	    /* enum tape_state; the engine's */
	__u32 recorder;	    /* its pid: when it is gone, recording ends */
	__u64 rings, ring_bytes;
	__u32 rings_cnt, gates_cnt;
	__u64 gates; /* struct plan_gate each */
	__u64 operations_cnt;
	__u32 threads_cnt;
	__u32 busy; /* threads that may be making events: none begins once control says stopped */
	__u32 children_cnt,
		children[TAPE_CHILDREN_MAX]; /* by pid, 0: not written yet; where they are followed */
	struct control control;		     /* exclude and errno_off are the engine's own business */
	struct joint startup;		     /* what start-up's calls draw their numbers from */
	__u32 startup_over, startup_calls;
	struct func_rule rules[FUNC_MAX];
	__u64 windows[FUNC_MAX]; /* window number << 32 | operations taken in it */
	__u64 draws[FUNC_MAX];	 /* seeded sampling: operations decided on */
	struct func_count counts[FUNC_MAX];
	__u64 bases[TAPE_MODULES_MAX]; /* load biases, by the patch file's modules; the engine's */
	__u8 is_loaded[TAPE_MODULES_MAX];
	struct tape_ring ring[TAPE_RINGS_MAX];
	char text[TAPE_TEXT_MAX];
};

/* Bytes of one ring with its pages. */
static inline __u64 tape_ring_stride(const struct tape *tape)
{
	return 2 * TAPE_PAGE + tape->ring_bytes;
}
