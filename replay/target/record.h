/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recording from inside: which calls belong to an operation that is recorded, as bpf/thread.bpf.h and
 * bpf/gate.bpf.h decide it in the kernel. Everything runs for real; the program keeps its signal handlers,
 * and nothing that it does is waited for.
 *
 * A call that is recorded is made by the thunk itself, so its return is seen there. What is left by an
 * exception the unwinder tells of, and what is left by longjmp is found as the kernel's side finds it: by the
 * stack pointer, and by whether the thunk's return address still lies where it was.
 *
 * Children that fork are recorded where the tape's control says so: each enters itself in the tape.
 */
#pragma once

#include <stdint.h>

struct frame;
struct func;

/* From the recorder's tape in @fd on; @fd is closed. Ends in engine_fail. */
void record_map(int fd);
/* The patch file is in use, its functions are patched: recording goes by the tape's control from here on.
 * @stack_top: somewhere above all frames of this thread. */
void record_start(const void *stack_top);

/* As dispatch_call and dispatch_returned. */
int record_call(const struct func *func, struct frame *frame);
void record_returned(struct frame *frame);
/* The unwinder has left the innermost function that the thunk called, for good. */
void record_unwound(void);
/* The calling thread is about to end. */
void record_ends(void);

/* Nothing more is recorded, and no system call is made for it any more. */
void record_give_up(const char *why);
