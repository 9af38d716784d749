/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of one instant of a call: its fragments, found by address. Belongs to a pool. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory;
struct pool;
struct side;

/* What was captured from an address on. */
struct found {
	const uint8_t *bytes;
	size_t captured;
	uint64_t wanted; /* bytes; UINT64_MAX: nobody knows, but more */
	uint8_t status;	 /* enum plan_status */
};

/* @side is borrowed. NULL: no memory. */
struct memory *memory_new(const struct side *side, struct pool *pool);
/*
 * What shape node @node captured at @addr. Where it captured one address several times with different lengths
 * (two views of one buffer), they are handed out in the order of capture; once memory_skip has been called
 * that order is not known any more, and nothing is found.
 */
bool memory_find(struct memory *memory, uint64_t addr, uint16_t node, struct found *out);
void memory_skip(struct memory *memory);
/* What any fragment holds from @addr on. */
bool memory_around(const struct memory *memory, uint64_t addr, struct found *out);
/* @len bytes at @addr, from whatever fragments cover them all; NULL when they do not. */
const uint8_t *memory_read(struct memory *memory, uint64_t addr, size_t len);
/* Whether any of the above failed for want of memory. */
bool memory_failed(const struct memory *memory);
