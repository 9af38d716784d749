/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rebuilt objects with nothing around them: each ends where a page ends that nobody can touch, so that an
 * access beyond what was recorded is a fault and can be laid to its object. For a case that is played again
 * to find out why it did not come out equal; else objects are the allocator's, with a pattern behind them.
 */
#pragma once

#include <stdint.h>

#define FENCE_BYTES	  (1ull << 30) /* of address space */
#define FENCE_GAP	  (64u * 1024) /* behind an object, and before the first */
#define FENCE_OBJECTS_MAX 4096

/* Memory of zeros, as aligned as its length is. 0 when there is no more room: then it is the allocator's. */
uint64_t fence_alloc(uint32_t len, uint64_t lay_at, uint32_t call);

struct fenced {
	uint64_t live, lay_at; /* where it is, and was recorded */
	uint32_t len, call;    /* index of the case's call that it was made for; PATCH_NONE: the operation */
};
/* The object that @addr is in, behind, or (the first) before; NULL. Async-signal-safe. */
const struct fenced *fence_find(uint64_t addr);
