/* SPDX-License-Identifier: BSD-3-Clause */
/* The processes that one has forked before. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct err;

#define FAMILY_MAX 65536 /* processes looked at */

/* The children of @pid, and theirs, that run the same image of the same program: those that only forked.
 * *@out is the caller's to free. */
int family_of(pid_t **out, size_t *cnt, pid_t pid, struct err *err);
