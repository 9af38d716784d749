/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From events to operations: sorts a thread's events by their number, pairs entries with returns, finds gaps,
 * and hands on each operation when it has ended or can no longer be completed. Pure: no clock, no I/O; a test
 * feeds it events.
 *
 * An operation is complete when its end arrived, as many events arrived as were attempted, and nothing says
 * that one could not be observed. An operation that ended by a jump or by exit() is as complete as one that
 * returned; one that was killed is not. A gap that outlives one more full pass over all rings is loss.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/recording.h"

struct assemble;
struct err;

#define ASSEMBLE_OPEN_MAX  65536 /* operations open at once; past it new ones are counted as overflow */
#define ASSEMBLE_BYTES_MAX (1024ull * 1024 * 1024) /* of all open operations; past it calls are left out */

/* What is known of an operation beside its recording. */
struct assembled {
	uint64_t number;     /* unique in a session */
	uint64_t started_ns; /* CLOCK_MONOTONIC at its entry */
	uint32_t tgid, tid;
	bool is_kept; /* a mark asks for it to be kept */
};

/* The recording's operation, calls and completeness are set; id, schema and metadata are not. Taken over by
 * the callee. */
typedef int (*assemble_fn)(struct recording *recording, const struct assembled *about, void *ctx);

struct assemble_counts {
	uint64_t complete, incomplete; /* handed on */
	uint64_t discarded;	       /* by a mark: not handed on */
	uint64_t lost_events;	       /* gaps; those behind a thread's last event only the probes know of */
	uint64_t overflow;	       /* operations past ASSEMBLE_OPEN_MAX: not handed on */
	uint64_t no_entry;	       /* operations whose own entry was lost: nothing to hand on */
};

int assemble_new(struct assemble **out, assemble_fn fn, void *ctx, struct err *err);
int assemble_event(struct assemble *assemble, const struct event *event, struct err *err);
/* One full pass over all rings has ended: what was missing before it and still is, is lost. */
int assemble_pass_done(struct assemble *assemble, struct err *err);
/* Say of all operations that are open why they will be incomplete. */
int assemble_mark(struct assemble *assemble, const char *why, struct err *err);
/* Nothing more will come: hand on what is open as incomplete, with @why ("recording stopped", "the process
 * ended"). */
int assemble_finish(struct assemble *assemble, const char *why, struct err *err);
void assemble_counts(const struct assemble *assemble, struct assemble_counts *out);
size_t assemble_open_cnt(const struct assemble *assemble); /* operations that have begun and not ended */
void assemble_free(struct assemble *assemble);
