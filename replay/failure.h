/* SPDX-License-Identifier: BSD-3-Clause */
/* How a replay ended, in words: signal, place, what it wrote last. */
#pragma once

#include <stddef.h>

struct outcome_header;
struct program;
struct server_result;

/*
 * Why the operation did not return: "SIGSEGV at address 0x0 in 'price_of+0x1c'; the last call served was
 * 'calls[orders.db_get#3]'". @last_call may be NULL. For OUTCOME_DONE: "".
 */
void failure_text(char *out, size_t len, const struct server_result *result, const struct program *program,
		  const char *last_call);
/* Which function of the build it was in, libc looked through: "db_ping"; without a symbol its file and
 * address, "0x..." outside of all. */
void failure_function(char *out, size_t len, const struct outcome_header *outcome,
		      const struct program *program);
/* Append what memory the operation was refused, which may be why it went another way: nothing, or "; the
 * sandbox has no ...". */
void failure_memory(char *reason, size_t len, const struct outcome_header *outcome);
