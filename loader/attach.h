/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BPF side's life: load, hand the plans down, attach all probes of one process, count, detach.
 * Only attach*.c and features.c know the skeleton.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/event.h"
#include "loader/source.h"

struct config;
struct err;
struct plan_gate;
struct process;
struct program;
struct sampling;
struct attach;

struct attach_opts {
	uint32_t ring_bytes; /* a CPU's ring; a power of two; 0: RING_BYTES_DEFAULT */
	bool count_only;     /* hits are counted, nothing is recorded */
	bool two_links;	     /* entry and return programs even where sessions exist */
	bool is_following;   /* children of the process, too */
	bool is_timed;	     /* count what probes cost: busy_ns, and attach_site_ns */
	bool is_starting;    /* the process has not begun: see attach_startup */
	bool is_seeded;	     /* sampling repeats itself */
	uint64_t seed;
	unsigned long long name_key[2]; /* of the names of operations: plan_name */
};

/* Load and attach, disabled: nothing is recorded until attach_enable. -EPERM and -ENOTSUP say which privilege
 * or kernel is needed. */
int attach_new(struct attach **out, const struct config *config, const struct program *program,
	       const struct process *process, const struct attach_opts *opts, struct err *err);
/* Why the floating-point registers that its functions use cannot be read; NULL: they can, or none does. */
const char *attach_fp_trouble(const struct attach *attach);
/* As a source of events; of the same life. */
struct source *attach_source(struct attach *attach);
int attach_enable(struct attach *attach, bool enabled, struct err *err);
/* While recording: decide by @sampling and @gate (NULL: none) of function @func from now on. */
int attach_sample(struct attach *attach, size_t func, const struct sampling *sampling,
		  const struct plan_gate *gate, struct err *err);
/* While recording: the share of operation @func that is taken, beside what attach_sample said. */
void attach_rate(struct attach *attach, size_t func, double rate);
/* Take the probes of @func off. Those in the same file are off for a moment, too: recording must be disabled,
 * and no operation open. */
int attach_unprobe(struct attach *attach, size_t func, struct err *err);
/* Where is_timed: ns of a hit that leaves at once, by enum site_kind. */
const uint32_t *attach_site_ns(const struct attach *attach);

/* How often libraries came or went; where something came that may unwind the stack no return is hooked any
 * more. */
uint64_t attach_loads(const struct attach *attach);
/* What had come at attach_loads() of @loads does not unwind: returns are hooked again, unless more has come.
 */
void attach_trust(struct attach *attach, uint64_t loads);
/* Let processes go on that what came has stopped: returns are no longer hooked, or may be. */
void attach_resume(const struct attach *attach, const pid_t *pids, size_t cnt);
/* All that were followed: one may have stopped itself when nobody looked any more. */
void attach_resume_all(const struct attach *attach);
/* The processes that are recorded, at most @max of them. */
size_t attach_followed(const struct attach *attach, pid_t *pids, size_t max);
void attach_processes(const struct attach *attach, struct source_processes *out);
/* Where is_starting, calls of inputs before the first operation are events of operation STARTUP_OP, behind
 * its entry, which is the caller's to make; the first operation is its end. How many calls it had beyond
 * STARTUP_CALLS_MAX, which are not there. */
uint64_t attach_startup_cut(const struct attach *attach);
/* One row per function, summed over CPUs. */
int attach_counts(const struct attach *attach, struct func_count *counts, struct err *err);
/* Unhook the process; rings can still be drained and counts read. Waits for running probes. */
void attach_detach(struct attach *attach);
void attach_free(struct attach *attach);
/* The rings, one per CPU; for drain. */
int attach_rings_cnt(const struct attach *attach);
int attach_ring_fd(const struct attach *attach, int idx);
/* An empty one in place of ring @idx, which nobody reads any more. */
int attach_renew_ring(struct attach *attach, int idx, struct err *err);
