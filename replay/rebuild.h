/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From recorded values to programs that rebuild them in a running process: see SERVE_* of patch.h.
 *
 * An object is encoded in the build's layout, field by field and by name; then each pointer in it is built in
 * turn, in the next address register. Objects that are met again are shared by number; a pointer into the
 * middle of one is put when all objects are there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/shape.h"
#include "replay/objects.h"

struct displaced;
struct err;
struct notes;
struct program;
struct value;

#define REBUILD_FIRST	  8	      /* address registers below are the live arguments'; see SERVE_* */
#define REBUILD_OUT_BYTES (64 * 1024) /* room behind an out-buffer whose capacity is not known */

struct rebuild {
	struct buf ops,
		data; /* struct serve_op; bytes that SERVE_WRITE copies, by offset from the start of `data` */
	size_t ops_done; /* ops that belong to earlier programs */
	struct built {
		const struct value *value;
		uint32_t shared;
		uint16_t node; /* of the build's shape: the object's, of an array its pointer's */
		const struct shape *shape, *recorded;
	} * built;
	size_t built_cnt, built_cap, built_kept;
	uint32_t shared_cnt;
	struct objects objects, kept; /* of this call; of the operation */
	struct known {
		const struct value *root;
		uint16_t node;
	} known[3 * ABI_PARAMS_MAX];
	size_t known_cnt;
	struct waiting {
		uint32_t shared; /* the object that holds the pointer */
		uint32_t off;
		uint16_t node;
		const struct value *value;
		bool is_raw;
	} * waiting;
	size_t waiting_cnt, waiting_cap;
	bool is_kept;	  /* the op that follows writes what the call left as it was */
	bool is_optional; /* the ops that follow write what the call did not change */
	/* The args and the out of the call being served, where a VALUE_REF may lead; NULL: none. */
	const struct value *const *live, *const *live_out;
	const struct shape *shape, *recorded; /* of the function in the build and in the recording */
	const struct program *program;	      /* the build: where symbols are */
	struct displaced *displaced; /* where addresses go that nothing was captured behind; NULL: nowhere */
	struct notes *notes;
	struct err *err;
};

void rebuild_init(struct rebuild *rebuild, const struct program *program, size_t bytes_max,
		  struct notes *notes, struct err *err);
void rebuild_release(struct rebuild *rebuild);

/* Objects built for one call are not met again from another. */
void rebuild_begin(struct rebuild *rebuild, const struct shape *shape, const struct shape *recorded,
		   const struct value *const *live, const struct value *const *live_out);
/* @root, a parameter or the result of node @node, belongs to the call: pointers may lead into what it leads
 * to. Before any of it is rebuilt; NULL: nothing. */
int rebuild_know(struct rebuild *rebuild, const struct value *root, uint16_t node);
/* Whether @value is, or holds, a pointer into what another parameter leads to: rebuild it after that one. */
bool rebuild_is_inside(struct rebuild *rebuild, const struct value *value);
/* Put what waits for an object that was not there. */
int rebuild_settle(struct rebuild *rebuild);
/* Opaque pointers of later calls may lead into what was built up to now. */
void rebuild_keep(struct rebuild *rebuild);

/* A value as it lies in registers or on the stack: its bytes, and where pointers in it are to be put. */
struct rebuild_slot {
	uint32_t off; /* in the value */
	uint8_t reg;  /* address register that holds the pointer */
};
#define REBUILD_VALUE_MAX 512
#define REBUILD_SLOTS_MAX 16
struct rebuild_value {
	uint8_t bytes[REBUILD_VALUE_MAX];
	size_t len;
	struct rebuild_slot slots[REBUILD_SLOTS_MAX];
	size_t slots_cnt;
};

/* All return -EUNATCH with words when the value cannot be rebuilt. */

/* An argument or a result; what its pointers lead to is built new. Small integers are extended to 8 bytes. */
int rebuild_value(struct rebuild *rebuild, struct rebuild_value *out, const struct value *value,
		  uint16_t node);
/* @value is what lies at the address in register @reg, and is written there, by way of the registers behind
 * it; @before is what lay there at entry (NULL: unknown). A pointer that did not change is followed, one that
 * did leads to new memory. */
int rebuild_through(struct rebuild *rebuild, uint8_t reg, const struct value *value,
		    const struct value *before, uint16_t node);
/* @value, which was passed by value as @loc says, holds live pointers: each is followed as above. */
int rebuild_passed(struct rebuild *rebuild, const struct abi_loc *loc, const struct value *value,
		   const struct value *before, uint16_t node);
/* @value itself lies at the address in register @reg. */
int rebuild_at(struct rebuild *rebuild, uint8_t reg, const struct value *value, uint16_t node);
/* Empty memory for what the pointer node @node leads to, at least @len bytes; its address in register @reg.
 */
int rebuild_room(struct rebuild *rebuild, uint8_t reg, uint16_t node, size_t len);
/* One op. */
int rebuild_op(struct rebuild *rebuild, uint8_t kind, uint8_t dst, uint8_t src, uint32_t off, uint32_t len,
	       uint64_t data);
