/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Folders that a replayed program may write to without anybody seeing it: over each lies a file system of its
 * own, which shows what is there and keeps what is written in memory, until the program ends. Start-up code
 * that opens a log, a pid file, a data base or a socket goes on as it did where it was recorded.
 */
#pragma once

struct err;

#define SCRATCH_MAX 24 /* folders; their mask has 32 bits */

/*
 * Where a program with these arguments, started here, is likely to write: here, beside what its arguments
 * name, and where services keep their files. The outer before the inner ones, for one that lies in another's
 * folder of somebody else can be written all the same; none has something mounted in it. *@dirs is
 * NULL-terminated and the caller's, to be freed by scratch_free.
 */
int scratch_choose(char ***dirs, char *const *args, struct err *err);
void scratch_free(char **dirs);

/* In a mount namespace of one's own: lay them over, with what is written kept below @store, which is no part
 * of them. Returns a mask of those that now can be written; where the kernel refuses, 0. Async-signal-safe.
 */
unsigned scratch_mount(char *const *dirs, const char *store);
