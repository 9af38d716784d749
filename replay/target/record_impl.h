/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the recording engine share; included by replay/target/record*.c only. */
#pragma once

#include <stdint.h>

#include "replay/target/emit.h"
#include "replay/target/thunk.h"

extern __thread struct thread record_me;
extern int record_pid; /* of the process that is recorded */

static inline uint64_t record_sp(const struct frame *frame)
{
	return (uint64_t)&frame->ret;
}

/* Something is open in the thread. */
int record_is_busy(void);
/* Let go of what was abandoned before a function is entered at @sp. */
void record_settle(uint64_t sp);
/* Open a call inside the thread's operation, or in a callback; NULL: what it lies in is recorded without its
 * insides. */
struct call *record_inner(const struct func *func, const struct frame *frame);

/* --- record_mark.c: what the program says of its own recording --- */

void record_mark(const struct func *func, enum plan_mark mark, struct frame *frame);

/* --- record_start.c --- */

/* Whether @ret lies in libc or ld.so. */
int record_is_outside(uint64_t ret);
/* In record.c: before the first call. */
void record_prepare(void);
