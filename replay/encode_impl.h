/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of encode share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "replay/encode.h"

struct encoder {
	struct encoding *out;
	const struct shape *shape;
	struct notes *notes;
	struct err *err;
};

/* All return 0, -ENOMEM, or -EUNATCH with words when it cannot be. */

/* Room for the object: @len bytes, all unset. */
int encode_reserve(struct encoder *encoder, size_t len);
/* Everything written to an object passes here. */
int encode_store(struct encoder *encoder, uint32_t off, const void *bytes, size_t len);
int encode_add_pointer(struct encoder *encoder, struct encode_pointer pointer);

const char *encode_name_of(const struct value *value);
/* -EUNATCH: "'NAME' @why". */
int encode_refuse(struct encoder *encoder, const struct value *value, const char *why);
/* Refused when a limit cut it. */
int encode_whole(struct encoder *encoder, const struct value *value);
/* A hole in what a parameter itself leads to is refused. One that the types cut out further away is a note:
 * few functions look there. */
int encode_uncaptured(struct encoder *encoder, const struct value *value, uint16_t idx);

/* @value as a node of each kind, at byte @off of the object. */
int encode_number(struct encoder *encoder, uint32_t off, const struct value *value,
		  const struct shape_node *node);
/* It keeps its name: its number may be another one in this build. */
int encode_enumerator(struct encoder *encoder, uint32_t off, const struct value *value,
		      const struct shape_node *node);
int encode_real(struct encoder *encoder, uint32_t off, const struct value *value,
		const struct shape_node *node);
int encode_chars(struct encoder *encoder, uint32_t off, const struct value *value,
		 const struct shape_node *node);
int encode_raw(struct encoder *encoder, uint32_t off, const struct value *value,
	       const struct shape_node *node);
int encode_inline_bytes(struct encoder *encoder, uint32_t off, const struct value *value);
/* @before: what it was at entry; NULL: unknown. */
int encode_address(struct encoder *encoder, uint32_t off, const struct value *value,
		   const struct value *before, uint16_t node);
/* A container, by what it holds. */
int encode_held(struct encoder *encoder, uint32_t off, const struct value *value, const struct value *before,
		uint16_t idx);
