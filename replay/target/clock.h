/* SPDX-License-Identifier: BSD-3-Clause */
/* CLOCK_MONOTONIC, past libc, whose clock may be a function that is configured. */
#pragma once

#include <stdint.h>

/* By a system call. */
uint64_t clock_exact_ns(void);

/* By the processor's counter, where that runs at one rate and clock_look was called twice: what passed since
 * the last time is off by as many parts of it as a system call's duration is of the time between the two. */
uint64_t clock_now_ns(void);
void clock_look(void);
