/* SPDX-License-Identifier: BSD-3-Clause */
/* When the program has started: which call is the first to wait for work, and in which thread. */
#pragma once

struct frame;
struct func;

/* A call before ready. It serves cases when this is where the program is ready, and does not return in the
 * process that plays one. 1: the call has been made meanwhile, and its result is in @frame; 0: it goes on. */
int ready_reached(const struct func *func, struct frame *frame);
