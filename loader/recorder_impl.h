/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of recorder share. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "loader/package.h"
#include "loader/recorder.h"

#define POLL_IDLE_US 1000
#define PROGRESS_NS  200000000ull /* between two calls of progress */

struct recorder {
	const struct recorder_opts *opts;
	struct config *config;
	sig_atomic_t reloads; /* that were done */
	const struct program *program;
	struct process *process;
	struct package_context context;
	struct attach *attach; /* the kernel's side; where that is the source */
	struct source *source;
	bool has_said_end;
	struct drain *drain;
	struct assemble *assemble;
	struct files *files; /* NULL: nothing names any */
	struct upload *upload;
	struct startup *startup; /* NULL: nothing is stored, or the schema has no room for it */
	struct budget *budget;	 /* NULL: there is none */
	uint64_t weighed_ns;
	uint64_t loads;		    /* libraries that came or went, as far as they were looked at */
	bool is_unprobed[FUNC_MAX]; /* over budget */
	struct cassette *cassette;  /* NULL: nothing is stored */
	struct recorder_summary *summary;
	uint64_t drained;
	struct err *err;
};

void recorder_say(const struct recorder *recorder, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* One pass over all rings; how many events there were. */
int recorder_pass(struct recorder *recorder);
/* Operations that have begun and not ended; the start-up ends with the first. */
size_t recorder_open_operations(const struct recorder *recorder);

/* Hold what probes cost against the budget, now and then, and do what is advised. */
int recorder_weigh(struct recorder *recorder);
/* Returns that are hooked, and something that unwinds the stack, do not go together: when it was loaded,
 * probes are off and the summary says so. */
int recorder_look_at_newcomers(struct recorder *recorder);

/* Until all is stored, or the caller has enough of waiting. */
void recorder_store_queued(struct recorder *recorder, recorder_progress_fn progress, void *ctx);
void recorder_close_upload(struct recorder *recorder);
/* What waits in a spool is passed on, for as long as some of it arrives now and then; the rest stays there.
 */
void recorder_pass_on_waiting(struct recorder *recorder, struct cassette *cassette,
			      recorder_progress_fn progress, void *ctx);
/* Every event handed to a ring must have been drained; what probes could not hand over they counted. */
int recorder_account(struct recorder *recorder);
