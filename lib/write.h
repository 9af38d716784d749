/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing to files. */
#pragma once

#include <stddef.h>

struct err;

/* All of @data, also where a signal came in between. Returns -errno. */
int write_all(int fd, const void *data, size_t len);
/*
 * The file @path is @data, whole, or what it was: written beside its place, synced, and renamed. A file that
 * was there keeps its permissions, and its owner where that may be; behind a link it is the file that
 * changes. What is no file, as /dev/stdout, is written to.
 */
int write_file(const char *path, const void *data, size_t len, struct err *err);
