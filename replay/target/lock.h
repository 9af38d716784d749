/* SPDX-License-Identifier: BSD-3-Clause */
/* A mutex without libc, whose own may use vector registers and may be a function that the program configures.
 */
#pragma once

#include <linux/futex.h>
#include <sys/single_threaded.h>

#include "replay/target/syscalls.h"

/* 0: free, 1: taken, 2: taken, and somebody may sleep. A thread that libc knows to be alone pays for no
 * atomic instruction; one that libc does not know has no thread-local memory for the engine either. */
static inline void lock_take(unsigned *lock)
{
	unsigned state = 0;

	if (__libc_single_threaded) {
		*lock = 1;
		return;
	}
	if (__atomic_compare_exchange_n(lock, &state, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(lock, 2, __ATOMIC_ACQUIRE))
		SYSCALL(SYS_futex, lock, FUTEX_WAIT_PRIVATE, 2, 0);
}

static inline void lock_give(unsigned *lock)
{
	if (__libc_single_threaded)
		*lock = 0;
	else if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) == 2)
		SYSCALL(SYS_futex, lock, FUTEX_WAKE_PRIVATE, 1, 0);
}
