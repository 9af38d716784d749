/* SPDX-License-Identifier: BSD-3-Clause */
/* Which stack a thread is on: its own, its alternate signal stack, or another, as coroutines have. */
#pragma once

#include <stdint.h>

struct thread;

/* @top: somewhere above all frames of the first thread. */
void stack_init(const void *top);
/* In a child that forked: its first thread is on the stack of the thread that forked it. */
void stack_forked(void);
int stack_is_alternate(uint64_t sp);
/* Whether @sp lies on a stack that is neither the thread's own nor its alternate signal stack, or may. */
int stack_is_elsewhere(struct thread *thread, uint64_t sp);
