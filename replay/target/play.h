/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays the case: builds the operation's arguments, calls it, and reports. */
#pragma once

/* In the process that will fork the one which plays. */
void play_before_fork(void);
_Noreturn void play_case(void);
/* This process plays, rather than being one that the operation forked. */
int play_is_here(void);
