/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of an intercepted call. The thunk calls dispatch_call and dispatch_returned of thunk.h. */
#pragma once

#include <stdint.h>

struct func;

/* The engine calls something of the program's or libc's: until the matching leave, this thread's calls run
 * for real. Nests. */
void dispatch_enter(void);
void dispatch_leave(void);

/* From now on this thread runs the operation, whose frames lie beneath @sp. Threads that exist already take
 * no part. */
void dispatch_play(uint64_t sp);
/* A thread that begins: whether it works for the case. */
void dispatch_take_part(int is_part);
/* This thread's intercepted calls belong to the case. Async-signal-safe. */
int dispatch_is_playing(void);
