/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MemorySanitizer keeps for each byte of the program whether it was ever written, and sees only what the
 * program's own code writes. What we write or pass has to be told; in programs without it all of this does
 * nothing.
 */
#pragma once

#include <stddef.h>

struct frame;

/* @frame: of the call that is served; NULL: there is none. */
void shadow_written(struct frame *frame, void *at, size_t len);
/* A call that we make: its arguments are known, as far as they are passed at all. */
void shadow_passed(void);
/* A call that we answer. */
void shadow_returned(void);
