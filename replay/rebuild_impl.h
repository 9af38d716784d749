/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of rebuild share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "replay/rebuild.h"

/* An object of the build: its node (of an array behind a pointer the pointer's) in its function's shape. */
struct spot {
	const struct shape *shape, *recorded;
	uint16_t node;
};

/* @value was built as @node; its address is in @reg. */
int locate_remember(struct rebuild *rebuild, const struct value *value, uint16_t node, uint8_t reg);
/* The node of what the pointer node @node leads to: of an array its own, else the object's. */
uint16_t locate_pointee(const struct shape *shape, uint16_t node);

/* All -ENOENT, without words, when it cannot be found (yet). */

/* The node of @value in the build's shape. */
int locate_node(const struct rebuild *rebuild, const struct value *value, struct spot *spot);
/* The address of @value, an object that was built or is among the live arguments, in register @reg. */
int locate(struct rebuild *rebuild, const struct value *value, uint8_t reg, struct spot *spot);
/* The address that @len bytes at the recorded @addr have inside an object that is there, in register @reg. */
int locate_inside(struct rebuild *rebuild, uint64_t addr, size_t len, uint8_t reg);
bool locate_is_built(const struct rebuild *rebuild, const struct value *value);
/* Whether @pointer leads into an object that something else leads to: then it is no object of its own. */
bool locate_is_inside(struct rebuild *rebuild, const struct value *pointer);
