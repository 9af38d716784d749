/* SPDX-License-Identifier: BSD-3-Clause */
/* Events into the tape's rings: see lib/tape.h. */
#pragma once

#include <stdint.h>

struct event;

/* Map the tape's rings from @fd; ends in engine_fail. */
void ring_map_all(int fd);
/* Put @event, of @event->len bytes, into a ring: the same of a thread's all. Returns 0 when it found no room.
 * Async-signal-safe, but not to be interrupted by itself. */
int ring_put(const struct event *event);
/* This thread was in ring_put, and a handler has jumped out of it: what it held is free. */
void ring_let_go(void);
