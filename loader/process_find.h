/* SPDX-License-Identifier: BSD-3-Clause */
/* The process that runs a program. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct err;

#define PROCESS_FIND_MAX 4096 /* processes of one program */

/*
 * The one process whose executable is the file @path. Where several run it: with @with_children the one that
 * the others descend from. -ESRCH: none does; -EEXIST: several do, with their numbers.
 */
int process_find(pid_t *out, const char *path, bool with_children, struct err *err);
