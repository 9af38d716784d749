/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole chain: process, program, probes, rings, operations, recordings, cassette. The only file that
 * names it. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/cassette.h"

struct cassette;
struct config;
struct source;
struct err;
struct process;
struct program;

/* What happens while recording and is worth a line. */
typedef void (*recorder_say_fn)(const char *text, void *ctx);

struct recorder_opts {
	uint64_t duration_ns; /* 0: until told, or the process ends */
	uint64_t count;	      /* stop after so many operations were taken; 0: no limit */
	uint32_t ring_bytes;
	double budget; /* share of a core that probes may cost; 0: whatever they do */
	bool two_links;
	struct source *source; /* of events, not enabled yet; NULL: the kernel's probes */
	bool follow;	       /* children, too */
	bool is_seeded;	       /* sampling repeats itself */
	uint64_t seed;
	uint64_t flush_ns; /* how long the end waits for a cassette that takes nothing; 0: 30 s */
	bool discard;	   /* overhead only: nothing is stored */
	/* Set by the caller's signal handler: 1 stops recording, 2 also gives up what is still to be stored.
	 */
	const volatile sig_atomic_t *stop;
	/* Rises when the configuration's file is to be read again: what decides what is sampled takes effect.
	 */
	const volatile sig_atomic_t *reload;
	recorder_say_fn say;
	void *say_ctx;
};

struct recorder_summary {
	struct func_count *counts; /* per function; the caller's to free */
	uint64_t taken, stored, incomplete, kept_out, dropped, failed;
	uint64_t discarded;			  /* by a mark of the program's */
	uint64_t lost_events, unaccounted_events; /* unaccounted: counters disagree; must be 0 */
	uint64_t abandoned_rings;		  /* lost with all that was in them; in lost_events */
	uint64_t lost_operations; /* too many open at once, or their own entry was lost: no recordings */
	uint64_t duration_ns, bytes;
	uint64_t queued; /* taken, and not stored yet */
	bool is_over;	 /* recording has ended, what is queued is being stored */
	double overhead,
		overhead_now; /* where there is a budget: shares of a core, of the whole time and lately */
	bool over_budget;     /* no operation is left to record */
	bool is_unwinding;    /* what may throw was loaded: recording ended, for returns were hooked */
	uint64_t processes;   /* children that were followed */
	uint64_t unfollowed;  /* children that were too many */
	uint64_t execs;	      /* processes that run another program by now, and are not recorded any more */
	bool process_ended;   /* and its children, if they are followed; or another program runs in it */
	bool loss_unknown;    /* loss could not be counted */
	struct cassette_progress storage; /* of a cassette behind a spool */
	char storage_error[512];
	const char *
		fp_trouble; /* why floating-point registers cannot be read, while recording; NULL: they can */
};

/* Called first when all probes are live, with a duration of 0, then now and then. */
typedef void (*recorder_progress_fn)(const struct recorder_summary *so_far, void *ctx);

/* Attach, release a held process, record until a limit, @stop or the process's end, detach, drain, account.
 * @config's sampling changes as it is read again. */
int recorder_run(struct recorder_summary *out, struct config *config, struct program *program,
		 struct process *process, struct cassette *cassette, const struct recorder_opts *opts,
		 recorder_progress_fn progress, void *ctx, struct err *err);
/* Count hits for @duration_ns: hits a second per function into @rates. */
int recorder_rates(double *rates, const struct config *config, struct program *program,
		   struct process *process, uint64_t duration_ns, struct err *err);
