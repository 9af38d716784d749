/* SPDX-License-Identifier: BSD-3-Clause */
/* A victim under probes: start it, describe its functions, record what it does, and hold that it all adds up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/event.h"
#include "lib/config.h"
#include "lib/plan.h"
#include "lib/recording.h"
#include "loader/assemble.h"
#include "loader/attach.h"

struct rig;

/* A function of the victim and the ops of its plan. */
struct probe {
	const char *symbol;
	enum role role;
	unsigned flags; /* of the plan */
	const struct plan_op *in, *out;
	unsigned short in_cnt, out_cnt;
};

/* @recording is borrowed. */
typedef void (*rig_fn)(const struct recording *recording, void *ctx);

struct rig_opts {
	struct attach_opts attach;
	double rate; /* of operations; 0: 1 */
	double max_per_second;
};

/* Start the victim and attach; recording is on. Any failure fails the test. */
struct rig *rig_start(const struct probe *probes, size_t cnt, const struct rig_opts *opts, rig_fn fn,
		      void *ctx);
void rig_attach(struct rig *rig);
/* Attaching to a process that does not exist fails with @message. */
void rig_attach_to_nobody(struct rig *rig, const char *message);
/* Attaching as a user with these capabilities only (a mask) fails with @message; NULL: it succeeds. */
void rig_attach_with(struct rig *rig, uint64_t capabilities, const char *message);
/* Stop recording, take the probes off and drain; the victim runs on. */
void rig_detach(struct rig *rig);
/* Send @command and record until the victim answers; fails unless it says "done". */
void rig_do(struct rig *rig, const char *command);
/* Send @command and record until the victim says @answer. */
void rig_ask(struct rig *rig, const char *command, const char *answer);
/* Like rig_do, but read no ring meanwhile. */
void rig_do_blind(struct rig *rig, const char *command);
/* Record for so long. */
void rig_run(struct rig *rig, unsigned ms);
void rig_kill(struct rig *rig);
/* Detach, drain, and hold that what was emitted was drained and nothing was malformed. Sums over functions.
 */
void rig_finish(struct rig *rig, struct func_count *sum, struct assemble_counts *assembled);
/* What a test of the rings needs. */
struct drain *rig_drain(struct rig *rig);
int rig_ring(const struct rig *rig, int cpu);
uint64_t rig_drained(const struct rig *rig); /* events */
const struct func_count *rig_count(const struct rig *rig, const char *symbol);
/* End the victim, which must have found nothing wrong, and free everything. */
void rig_end(struct rig *rig);
