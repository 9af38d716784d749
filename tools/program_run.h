/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs that a command of ours starts and waits for. */
#pragma once

#include <stddef.h>

struct buf;
struct err;

/*
 * Run @argv in @folder (NULL: here) with no input; what it prints goes to @out and what it complains of to
 * @talk, each NULL to let it through to our stderr, the same buf to have both. Of what does not fit its buf
 * the beginning is left out of @talk, the end out of another @out. *@status is its exit status as a shell
 * gives it. -errno when it cannot be run at all.
 */
int program_run(const char *const argv[], const char *folder, struct buf *out, struct buf *talk, int *status,
		struct err *err);
