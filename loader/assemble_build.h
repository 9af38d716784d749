/* SPDX-License-Identifier: BSD-3-Clause */
/* From an operation's events, all that there will be, to its recording. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/recording.h"

struct err;

/* What arrived of one operation. */
struct gathered {
	struct recording *recording; /* its pool owns the events */
	const struct event **events; /* by `attempted` - 1; NULL: not there */
	uint32_t events_cap;
	uint32_t seen, attempted; /* events that arrived; the highest index among them */
	uint16_t flags;		  /* enum event_flags of its end */
	bool has_end, is_cut;	  /* is_cut: events arrived that were too many to keep */
};

bool gathered_has_entry(const struct gathered *gathered);
/* Fill the recording's operation, calls and completeness. @why: the operation has not ended; NULL: it has. */
int gathered_build(struct gathered *gathered, uint64_t *started_ns, const char *why, struct err *err);
