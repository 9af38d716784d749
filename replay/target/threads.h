/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose threads there are. What existed at ready works for the program, and so does what such a thread
 * starts; what the operation starts works for the case.
 */
#pragma once

struct frame;

/* How many there are beside this one. */
int threads_others(void);
/* A call of pthread_create whose thread works for the case (@is_part), or does not: it will know. */
void threads_start(struct frame *frame, int is_part);
