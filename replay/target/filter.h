/* SPDX-License-Identifier: BSD-3-Clause */
/* From ready on: system calls that would leave the sandbox raise SIGSYS, so that their caller can be named.
 */
#pragma once

/* Without a seccomp filter the sandbox's own walls remain: no failure. */
void filter_install(int has_threads);

/* Which argument names the file that this system call changes; -1: it changes none. The handler of SIGSYS
 * makes such a call itself, and sees what became of it. */
int filter_path(int number);
