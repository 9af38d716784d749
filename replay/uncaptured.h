/* SPDX-License-Identifier: BSD-3-Clause */
/* A pointer of which only the address was recorded leads nowhere at replay: which of them a crash followed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct value;

#define UNCAPTURED_REACH (64u * 1024) /* bytes behind a recorded address that an access is laid to it for */

struct uncaptured {
	const struct value *value; /* NULL: none was found yet */
	uint64_t distance;	   /* of the access from the address */
	unsigned place;		   /* the caller's, of the root in which it was found */
};

/* Keep the nearest below @addr among the pointers in @root (NULL: none) that nothing was captured behind. */
void uncaptured_look(struct uncaptured *nearest, const struct value *root, unsigned place, uint64_t addr);
/* "; it followed 'calls[get#1].return', and nothing was captured there: it is opaque"; @place stands before
 * the path of the value. */
int uncaptured_text(char *out, size_t len, const struct uncaptured *found, const char *place,
		    struct err *err);
