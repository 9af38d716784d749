/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of image share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "replay/image.h"
#include "replay/rebuild.h"
#include "replay/target/patch.h"

struct call;
struct pool;
struct values;

#define IMAGE_UNSET 0xffffffffu /* of a call's offset into data: 0 is a place, too */

#define IMAGE_GIVEN_MAX 64

struct image {
	const struct recording *recording;
	const struct schema *schema;
	struct store *store;
	const struct config *config;
	const struct program *program;
	struct notes *notes;
	struct err *err;
	struct rebuild rebuild;
	struct case_header header;
	struct case_call *calls;
	struct pool *pool;
	/* Where arguments that are no addresses go: the header, or those of a callback. */
	unsigned long long *args, *xmm, *stack;
	/* By call: the first callback that it made, and, of a callback, the next one; numbers from 1, 0:
	 * none. */
	struct image_callbacks {
		uint32_t first, next;
		bool is_inside; /* of a call: in a callback, where its own were not recorded */
	} * callbacks;
	/* Pointers that callbacks got and an earlier call had been given: the live one, which that call hands
	 * on under
	 * @number. */
	struct image_given {
		uint64_t bits;
		uint32_t call, number; /* IMAGE_UNSET: no call had it; it has not handed it on yet */
		uint8_t reg;	       /* in which it was recorded */
	} given[IMAGE_GIVEN_MAX];
	size_t given_cnt;
	/* The call of an input that makes the callback; NULL: there is none. */
	const struct values *caller;
	const struct shape *caller_shape; /* in the build */
};

/* The values of @call, and the shape that they were recorded with. */
int image_decode(struct image *image, struct values *out, const struct shape **shape,
		 const struct call *call);
/* The build's parameter of that name, for a recording whose parameters may stand in another order. */
ssize_t image_param_named(const struct shape *shape, const char *name, size_t at);
/* The file @node has, before the operation begins or when a call has been served (@is_live), what it had. */
int image_put_file(struct image *image, const struct shape *shape, uint16_t node, const struct values *values,
		   const struct value *content, bool is_live);
/* Whether the result lies in memory of the caller's. */
bool image_is_in_memory(const struct shape *shape);
/* The @i-th recorded parameter may be pointed into: see rebuild_know. */
int image_know(struct image *image, const struct shape *shape, const char *name, size_t i,
	       const struct value *value);
/* The build's function for a recorded alias; NULL: none. */
const struct program_func *image_func(const struct image *image, const char *alias);
/* Whether @node is a pointer to a function. */
bool image_is_function(const struct shape *shape, uint16_t node);
/* The arguments of the operation, or of a callback, whose registers image's args, xmm and stack are. */
int image_put_arguments(struct image *image, const struct program_func *func, const struct values *values);
/* Who made which callbacks. */
int image_find_callbacks(struct image *image);
/* What the call number @idx was given, and callbacks get later: part of its program. */
int image_hand_on(struct image *image, size_t idx, const struct shape *shape, const struct shape *recorded);
/* The live pointer that stands for the recorded @bits, as an argument of a callback: -ENOENT when there is
 * none. */
int image_put_given(struct image *image, uint64_t bits, unsigned arg);
/* The callbacks that the call number @idx, of @func, made: they are made again in its program. */
int image_put_callbacks(struct image *image, size_t idx, const struct program_func *func,
			const struct values *values);
/* What answers call number @idx, or why it cannot be served. */
int image_put_call(struct image *image, size_t idx);
