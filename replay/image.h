/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a recording to a case: its values converted, field by field and by name, to the layout of the build
 * that will replay it.
 *
 * What changed is noted once: "struct order: 'priority' is new in this build and zero". A served field that
 * the build no longer has, and a value that does not fit its new type, are refused.
 */
#pragma once

#include <stddef.h>

struct buf;
struct config;
struct displaced;
struct err;
struct notes;
struct program;
struct recording;
struct schema;
struct store;

#define IMAGE_NO_OPERATION ((size_t)-1) /* calls alone */

/*
 * Fills @out (struct case_header first). @operation: index of the program's functions. -EUNATCH: this
 * recording cannot be replayed, with the reason (a value it would have to serve is unavailable); it becomes
 * equalizer_failure. @displaced: where addresses go that nothing was captured behind.
 */
int image_write(struct buf *out, const struct recording *recording, const struct schema *schema,
		struct store *store, const struct config *config, const struct program *program,
		size_t operation, struct displaced *displaced, struct notes *notes, struct err *err);
