/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key of an input's call: bytes that are equal when the identifying arguments are. The driver makes them
 * from recorded values, the target makes them from live memory by a plan's KEY section; both must agree byte
 * for byte, across layouts.
 *
 * Parts in the order of the paths, or of the parameters. Each is:
 *	integer, bool, enum	8 bytes, little-endian, extended by its sign; 16-byte integers 16 bytes
 *	float			its own bytes, without padding
 *	char[N]			its bytes up to the NUL or N, then one zero byte
 *	struct			its members in the order of the build's declaration
 *	union			its bytes; with a tag 8 bytes: which member is live, in the order of the
 *				build's declaration, and that member, or -1 and its bytes
 *	fixed array		its elements
 *	pointer			one byte: 0 NULL, 1 and what it points to:
 *		text		as char[N], up to the limit
 *		bytes		8 bytes length as captured, then the bytes
 *		array		8 bytes count as captured, then the elements
 *	handle			one byte: 0 NULL, 1 not; where a path of the key names it, its 8 bytes, or
 *				those of PLAN_IMAGE where it leads into an image
 *	variable arguments	what each conversion of the format takes: integers 8 bytes, a double 8 and a
 *				long double 10, text as a pointer to it, other pointers as handles, what %n
 *				stores nothing; KEY_CUT where nobody knows what follows
 *	unavailable, a fault	KEY_FAULT in its place
 *	cut by the shape	KEY_CUT in its place; 0 for a NULL pointer. So are all objects of a list, tree
 *				or graph (AGAIN of shape.h) but the first
 *
 * The default key: of the parameters that the function uses, those that are numbers, strings, structs, and
 * pointers to const or with a written direction, as far as they flow in. Beneath a pointer all that flows in
 * takes part.
 */
#pragma once

#include <stddef.h>

#include "lib/plan.h"

struct buf;
struct err;
struct program;
struct shape;
struct values;

#define KEY_DEFAULT_PATH "*"	      /* among the paths of a key: here stands the default key */
#define KEY_BYTES_MAX	 PLAN_KEY_MAX /* of a key as it is: a longer one is hashed, see plan.h */
#define KEY_FAULT	 0xfa
#define KEY_CUT		 0xfc

/* Put the key of @values (decoded by another shape perhaps: members are found by name, missing ones are zero)
 * in the order and widths of @shape. Same @key as planner_compile's. -ENODATA: a part of it lay in a register
 * that could not be read, so that no key is the one that the program's call would have. @program is the
 * build, which has recorded symbols elsewhere; NULL: none. */
int key_put(struct buf *out, const struct shape *shape, const struct values *values, const char *const *key,
	    unsigned key_cnt, const struct program *program, struct err *err);
