/* SPDX-License-Identifier: BSD-3-Clause */
/* Shapes, calls and values made by hand, for tests of what reads them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/shape.h"
#include "lib/value.h"

#define MADE_NODES     64
#define MADE_FRAGMENTS 64

/* A shape and one call of it. Zero it, then add. */
struct made {
	struct shape shape;
	struct shape_node nodes[MADE_NODES];
	struct call call;
	struct fragment in[MADE_FRAGMENTS], out[MADE_FRAGMENTS];
};

void made_init(struct made *m);
/* A node under @parent (SHAPE_NONE: none), of @size bytes; pointers flow both ways. */
uint16_t made_node(struct made *m, uint16_t parent, enum shape_kind kind, const char *name, uint32_t size,
		   uint32_t offset);
/* @node becomes the next parameter, in the next register, which holds @reg. */
void made_param(struct made *m, uint16_t node, uint64_t reg);
/* @node becomes the result, in rax. */
void made_result(struct made *m, uint16_t node, uint64_t rax);
struct fragment *made_in(struct made *m, uint16_t node, uint64_t addr, const void *bytes, uint32_t len);
struct fragment *made_out(struct made *m, uint16_t node, uint64_t addr, const void *bytes, uint32_t len);
/* Decode the call; asserts that it works. */
struct values made_values(struct made *m, struct pool *pool);

/* The value as unformatted JSON, handles numbered from 1; the caller's to free. "absent" for NULL. */
char *json_text(const struct value *value);

/* Values by hand; all belong to @pool. */
struct value *made_int(struct pool *pool, const char *name, int64_t v);
struct value *made_text(struct pool *pool, const char *name, const char *text);
struct value *made_pointer(struct pool *pool, const char *name, uint64_t addr, struct value *to);
struct value *made_unavailable(struct pool *pool, const char *name, const char *why);
/* A STRUCT or ARRAY of the values that follow, to a NULL. */
struct value *made_group(struct pool *pool, enum value_kind kind, const char *name, ...);
