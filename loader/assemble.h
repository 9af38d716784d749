/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From events to operations: sorts a thread's events by their number, pairs entries with returns, finds gaps,
 * and hands on each operation when it has ended or can no longer be completed. Pure: no clock, no I/O; a test
 * feeds it events.
 *
 * An operation is complete when its return arrived and as many events arrived as were attempted. A gap in a
 * thread's numbers that outlives one more full pass over all rings is loss: every operation of the thread
 * open across it is incomplete.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "lib/recording.h"

struct assemble;
struct err;

#define ASSEMBLE_OPEN_MAX 65536 /* operations open at once; past it new ones are counted as lost */

/* The recording's operation, calls and completeness are set; id, schema and metadata are not. Taken over by
 * the callee.
 * @started_ns: CLOCK_MONOTONIC at the operation's entry. */
typedef int (*assemble_fn)(struct recording *recording, uint64_t started_ns, uint32_t tid, void *ctx);

struct assemble_counts {
	uint64_t complete, incomplete, lost_events, overflow;
};

int assemble_new(struct assemble **out, assemble_fn fn, void *ctx, struct err *err);
int assemble_event(struct assemble *assemble, const struct event *event, struct err *err);
/* One full pass over all rings has ended: what was missing before it and still is, is lost. */
int assemble_pass_done(struct assemble *assemble, struct err *err);
/* Nothing more will come: hand on what is open as incomplete, with @why ("recording stopped", "the process
 * ended"). */
int assemble_finish(struct assemble *assemble, const char *why, struct err *err);
void assemble_counts(const struct assemble *assemble, struct assemble_counts *out);
size_t assemble_open_cnt(const struct assemble *assemble); /* operations that have begun and not ended */
void assemble_free(struct assemble *assemble);
