/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two makers of a key agree on beyond key.h: which parts take part, and their widths. Included by
 * lib/key.c and lib/planner_key.c only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/shape.h"

struct err;
struct path;

/* Why a value takes part. */
enum key_why {
	KEY_DEFAULT, /* a parameter, or what lies in one, when no path names it */
	KEY_NAMED,   /* a path of the key ends here */
	KEY_WITHIN,  /* beneath a pointer, or beneath what a path names */
};

/* Whether the pointer, string, bytes or handle @n takes part. */
bool key_takes(const struct shape_node *n, enum key_why why);
/* Bytes of a float without its padding. */
uint32_t key_float_len(const struct shape *shape, const struct shape_node *n);
bool key_is_pointer(const struct shape *shape, const struct shape_node *n);

/* Parse @text and find the node it names. -EINVAL, a usage error, for what is not known at entry, names many
 * elements, or only flows out. */
int key_path(struct path *path, uint16_t *node, const struct shape *shape, const char *text, struct err *err);
