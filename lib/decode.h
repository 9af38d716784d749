/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decoding walks the shape over the memory of one instant. Every value is first an `extent`: bytes of which
 * some were captured and the rest has a reason. A small value is there whole or unavailable; an aggregate is
 * shown as far as it goes.
 *
 * An object that was shown before, same address, same type, same length, becomes a REF to where it was:
 * cycles end, and shared data shows that it is shared. Unless it was shown less far there than it is to be
 * here (cut by depth, or by other rules): then it is shown again, so that whoever walks it from here finds
 * all that the shape says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/memory.h"
#include "lib/shape.h"
#include "lib/value.h"

struct call;
struct expr;
struct path;

/* Where a value's bytes are. */
struct extent {
	const uint8_t *bytes;
	size_t captured;
	uint8_t missing; /* a bit for each of the first eightbytes that is in no recorded register */
	bool has_addr;
	uint64_t addr;
	uint8_t status;	    /* enum plan_status */
	const char *reason; /* of what was not captured, instead of the status; or NULL */
};

/* An object shown. */
struct seen {
	uint64_t addr, len;
	uint32_t type; /* of the object, or of an array's element */
	bool is_array;
	const struct value *value; /* NULL: an empty slot */
};

struct decoder {
	const struct shape *shape;
	const struct side *side;
	const struct symbols *symbols; /* NULL: none */
	const struct memory *other;    /* of the call's other instant */
	struct memory *memory;
	struct pool *pool;
	const char *prefix; /* of the paths in REFs */
	uint8_t flow;
	/* By node, where the value that is being decoded lies: what tags, and lengths of arrays in registers,
	 * are looked up from. NULL: there are none. */
	struct at {
		struct extent extent;
		uint64_t off;
		bool is_there;
	} * at;
	const struct call *call;
	struct memory *entry; /* what stack arguments lie in */
	unsigned depth;
	size_t *cnt; /* of all values of the call */
	struct seen *seen;
	size_t seen_cnt, seen_cap;
	bool failed; /* no memory */
};

/* -ENOMEM. @cnt counts the values of a whole call. */
int decoder_init(struct decoder *d, const struct shape *shape, const struct side *side, uint8_t flow,
		 size_t *cnt, struct pool *pool);
bool decoder_failed(const struct decoder *d);

/* --- decode.c --- */

struct value *decode_new(struct decoder *d, uint16_t node, const struct value *parent);
/* Decode @v, made by decode_new, from @extent at @off. */
void decode(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off);
/*
 * @wanted elements of node @element from @off on, as far as @extent and the bounds of a call allow. What a
 * fault cut is unavailable: an array that is shorter than it was would be a wrong value.
 */
void decode_elements(struct decoder *d, struct value *v, uint16_t element, uint64_t wanted,
		     const struct extent *extent, uint64_t off);
uint64_t decode_load(const uint8_t *bytes, size_t size); /* at most 8, little-endian */
/* The low @bits of @v, 1 to 64. */
uint64_t decode_extend(uint64_t v, unsigned bits, bool is_signed);
void decode_unavailable(struct value *v, const char *reason);
/* What of @extent was not captured. */
void decode_absent(struct decoder *d, struct value *v, const struct extent *extent);

/* --- decode_extent.c --- */

struct extent extent_of(uint64_t addr, const struct found *found);
bool extent_has(const struct extent *extent, uint64_t off, uint64_t len);
/* What was not captured is beyond a limit, and what was captured is right as far as it goes. */
bool extent_is_limited(const struct extent *extent);
/* Why the rest of @extent was not captured. */
const char *extent_why(struct decoder *d, const struct extent *extent);
/* Why nothing of @addr is among the fragments. */
/* That the reason is a limit of a call, and not the program's memory. */
bool extent_is_limit(const char *reason);
const char *extent_why_absent(struct decoder *d, uint64_t addr);
/* An object of @size bytes at @addr: from the fragment of @node, else from any that cover it. */
bool extent_locate(struct decoder *d, struct extent *out, uint64_t addr, uint16_t node, size_t size);
/* Text that belongs to the pool. */
const char *decode_say(struct decoder *d, const char *fmt, uint64_t number);

/* --- decode_union.c --- */

/* The live member of UNION node @node; SHAPE_NONE: it cannot be told, or no case says. */
uint16_t decode_live(struct decoder *d, uint16_t node);
/* The number at @path, read from the bytes. */
bool decode_number_at(struct decoder *d, uint16_t scope, const struct path *path, int64_t *out);
/* Where a parameter's own bytes are: value.c. False: no memory. */
bool decode_param_extent(struct decoder *d, struct extent *out, const struct shape_param *param);

/* The low half of xmm register @number at entry, or NULL; then why. value.c. */
const uint8_t *decode_xmm(const struct decoder *d, unsigned number);
const char *decode_no_xmm(const struct decoder *d);

/* --- decode_length.c --- */

/* What @expr comes to; false: something that it needs was not captured. */
bool decode_eval(struct decoder *d, uint16_t scope, const struct expr *expr, int64_t *out);

/* --- decode_format.c --- */

/* What a file held. */
void decode_file(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off);
void decode_varargs(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off);

/* --- decode_container.c --- */

/* The content @v of the container that lies at @off. */
void decode_content(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off);

/* --- decode_seen.c --- */

/* The first showing of an object keeps its place, until one that goes further. */
void seen_add(struct decoder *d, struct seen object);
const struct value *seen_find(struct decoder *d, const struct seen *object);
/* The same, of a showing that has all that node @node would show; NULL: there is none. */
const struct value *seen_whole(struct decoder *d, const struct seen *object, uint16_t node);
/* Make @v a REF to @target; false when that is NULL. */
bool seen_refer(struct decoder *d, struct value *v, const struct value *target);
/* The type that two spellings of one object share. */
uint32_t seen_type(const struct decoder *d, uint32_t type);

/* --- decode_pointer.c --- */

/* A child of @v, which becomes a POINTER, for what it leads to; NULL: no memory. */
struct value *decode_pointee(struct decoder *d, struct value *v, uint16_t node);
/* @v, whose bits are an opaque address. */
void decode_handle(struct decoder *d, struct value *v);
void decode_pointer(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off);
void decode_cut(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off);
/* A flexible array: the fragment of this node at the member's own address. */
void decode_flexible(struct decoder *d, struct value *v, const struct extent *extent, uint64_t off);
