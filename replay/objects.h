/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The objects of a call by the addresses where they lay when it was recorded. Of those that lie inside one
 * another only the outermost is kept: what is known of it is known of all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct value;

struct object_at {
	uint64_t addr;
	size_t len;
	size_t order;
	const struct value *value; /* what a POINTER's child is: STRUCT, ARRAY, TEXT, BYTES... */
};

struct objects {
	struct object_at *at;
	size_t cnt, cap;
	bool is_sorted;
};

void objects_release(struct objects *objects);
/* What @root, a parameter or a result, leads to; NULL: nothing. Values must outlive @objects. Of two objects
 * in the same place the first is kept. */
int objects_add(struct objects *objects, const struct value *root, struct err *err);
/* The object in which all of @len bytes at @addr lie, or, when @len is 0, the text, buffer or array at whose
 * end
 * @addr is. NULL: none. */
const struct object_at *objects_around(struct objects *objects, uint64_t addr, size_t len);
/* Bytes of a POINTER's child where it lay; 0: not known. */
size_t objects_extent(const struct value *object);
