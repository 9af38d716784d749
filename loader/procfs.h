/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of /proc/PID. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

#define PROCFS_PATH_MAX 64

/* "/proc/PID/NAME". */
void procfs_path(char path[PROCFS_PATH_MAX], pid_t pid, const char *name);
/* The whole of /proc/PID/@name, NUL-terminated behind *@len bytes; more than @max is -EFBIG. */
int procfs_read(char **out, size_t *len, size_t max, pid_t pid, const char *name, struct err *err);
/* The number behind "@field:" in /proc/PID/status; -errno when it cannot be read. */
long procfs_status(pid_t pid, const char *field);
