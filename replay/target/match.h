/* SPDX-License-Identifier: BSD-3-Clause */
/* Which recorded call answers a call of the replay. Each is used once. Under the dispatch lock. */
#pragma once

#include <stddef.h>

struct case_call;
struct func;

/* Before the first call; the patch file is there. Ends in engine_fail. */
void match_prepare(void);
/* The next unused call of the function's aliases, in their order, with this role, and for inputs this key.
 * Marks it used. Returns its index, or PATCH_NONE. */
unsigned match_take(const struct func *func, unsigned role, const void *key, size_t key_len);
const struct case_call *match_call(unsigned idx);
/* In a process that plays more than one case: forget what was used. */
void match_reset(void);
