/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays the case: builds the operation's arguments, calls it, and reports. */
#pragma once

/* Once, in the process that is ready. */
void play_prepare(void);
/* In that process: a case comes, by a fork unless it is to be played here. */
void play_comes_next(void);
_Noreturn void play_case(void);
/* This process plays, rather than being one that the operation forked. */
int play_is_here(void);
