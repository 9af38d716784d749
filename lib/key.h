/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key of an input's call: bytes that are equal when the identifying arguments are. The driver makes them
 *from recorded values, the target makes them from live memory by a plan's KEY section; both must agree byte
 *for byte, across layouts.
 *
 * Parts in the order of the paths (or parameters). Each leaf is:
 *	integer, bool, enum, handle   8 bytes, little-endian, extended by its sign (16-byte integers: 16
 *bytes) float                         its own bytes text (pointer or char[N])     its bytes up to the NUL or
 *the limit, then one zero byte bytes                         8 bytes length as captured, then the bytes
 *	struct                        its members in the order of the build's declaration; unions: their bytes
 *	fixed array                   its elements
 *	counted array                 8 bytes count as captured, then the elements
 *	pointer                       one byte: 0 NULL, 1 then what it points to
 *	unavailable, or a fault       KEY_FAULT
 *	cut pointer                   KEY_CUT: does not take part
 */
#pragma once

#include <stddef.h>

struct buf;
struct err;
struct shape;
struct values;

#define KEY_BYTES_MAX (64 * 1024)
#define KEY_FAULT     0xfa
#define KEY_CUT	      0xfc

/* Put the key of @values (decoded by another shape perhaps: members are found by name, missing ones are zero)
 * in the order and widths of @shape. Same @key as planner_compile's. */
int key_put(struct buf *out, const struct shape *shape, const struct values *values, const char *const *key,
	    unsigned key_cnt, struct err *err);
