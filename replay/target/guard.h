/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that may not be there. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Each returns how many bytes were copied before a fault. */
size_t guard_read(void *to, uint64_t from, size_t len);
size_t guard_write(uint64_t to, const void *from, size_t len);

/* The handlers of traps.c are there: from now on a fault is theirs to catch, and the kernel is asked no more.
 */
void guard_is_watched(void);

/* As guard_read, by a system call: it needs no handler, and a system that allows it. */
size_t guard_peek(void *to, uint64_t from, size_t len);

/* In the handler of SIGSEGV or SIGBUS: a fault of ours at @ip goes on at the returned address; else 0. */
uint64_t guard_resume(uint64_t ip);
