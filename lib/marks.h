/* SPDX-License-Identifier: BSD-3-Clause */
/* The marks that lib/tapedeck/mark.h left in an ELF file: where they are, and what each is for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/plan.h"

struct err;
struct object;

#define MARK_PROVIDER	"tapedeck"
#define MARK_SITES_MAX	65536 /* in one file */
#define MARK_SITE_BYTES 5     /* of the nop */

/* When a site is listened to. */
enum mark_use {
	MARK_RECORD = 1 << 0,
	MARK_REPLAY = 1 << 1,
};

struct mark_site {
	enum plan_mark mark;
	unsigned use;  /* enum mark_use */
	uint64_t addr; /* of the nop, in the file */
	bool is_stale; /* there is no nop: something moved the code, and not its notes */
};

/* "data"; the name behind "tapedeck:" in the configuration and in recordings. */
const char *mark_name(enum plan_mark mark);
/* The one of that name, or PLAN_MARK_NONE. */
enum plan_mark mark_named(const char *name);
/* The one whose calls have the alias @alias ("tapedeck.data"), or PLAN_MARK_NONE. */
enum plan_mark mark_of_alias(const char *alias);
/* All of @object, by the notes that describe them. Notes that make no sense are passed over, as are those of
 * code that the linker left out. *@out is the caller's to free; NULL when there are none. */
int marks_find(struct mark_site **out, size_t *cnt, const struct object *object, struct err *err);
