/* SPDX-License-Identifier: BSD-3-Clause */
/* Where in a file probes go, by what is to be seen there. Pure: nothing is hooked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

struct err;
struct program;
struct program_func;

#define PLACES_MAX (64 * FUNC_MAX) /* in one file, of one kind */

struct places {
	uint64_t *offsets; /* in the file */
	uint64_t *cookies; /* what the probe is told: the function's index, and COOKIE_* */
	uint32_t cnt;
};

/* Of one file. */
struct file_places {
	struct places hooked;  /* entry and return */
	struct places entries; /* entry alone: of functions whose returns are seen at each `ret` */
	struct places rets;    /* of those */
	struct places marks;   /* where the program says something, */
	struct places asks;    /* or asks: its answer is whether the return is hooked */
	struct places catches; /* where exceptions that pass them land */
};

/* Those in file @module of @program; functions that are in @is_unprobed are left out. @out is to be released
 * on failure, too. */
int places_find(struct file_places *out, const struct program *program, size_t module,
		const bool *is_unprobed, struct err *err);
void places_release(struct file_places *places);
/* Whether there are functions whose returns are seen at each `ret`. */
bool places_any_rets(const struct program *program);
/* Whether @func has a place in file @module. */
bool places_has(const struct program_func *func, size_t module);
