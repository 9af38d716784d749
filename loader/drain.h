/* SPDX-License-Identifier: BSD-3-Clause */
/* From rings to checked events: every event's lengths are verified before anyone looks inside. */
#pragma once

#include <stddef.h>

#include "lib/event.h"

struct drain;
struct err;
struct source;

/* @event is borrowed for the call. A non-zero return stops the pass with it. */
typedef int (*drain_fn)(const struct event *event, void *ctx);

int drain_new(struct drain **out, struct source *source, drain_fn fn, void *ctx, struct err *err);
/* Everything that is in the rings now, one pass over all. Returns how many events, or -errno. */
int drain_pass(struct drain *drain, struct err *err);
/* Events whose lengths made no sense; always 0 unless there is a bug. */
unsigned long drain_malformed(const struct drain *drain);
/* How long a pass waits for an event that is being written; by default 10 s. Then its ring is dead. */
void drain_set_patience(struct drain *drain, unsigned ms);
/* Dead rings that were replaced. What was in them is lost: events that the probes have counted as handed
 * over, and that never come. */
unsigned long drain_abandoned(const struct drain *drain);
void drain_free(struct drain *drain);
