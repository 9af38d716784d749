/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the patch file's writer share; included by replay/patchfile*.c only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/program.h"
#include "replay/target/patch.h"

#define PATCHFILE_SLOTS_MAX 4096

struct patchfile_writer {
	const struct config *config;
	const struct program *program;
	struct patch_func funcs[PATCH_FUNCS_MAX];
	size_t funcs_cnt;
	struct patch_slot slots[PATCHFILE_SLOTS_MAX];
	size_t slots_cnt;
	struct buf sites; /* struct patch_site */
};

/* libc or ld.so, by its name. */
bool patchfile_is_system(const char *name);
/* All slots of the program's files that hold the imported @name lead to function @func of the patch file. */
int patchfile_add_slots(struct patchfile_writer *writer, const char *name, size_t func, struct err *err);
/* Registers that carry the result: enum patch_result. */
unsigned patchfile_results(const struct shape *shape);
/* A jump to be put at the function's entry. */
void patchfile_set_entry(struct patch_func *out, const struct prologue *prologue);

/* What stands for libc's function @name in the executable itself: a static program has libc in it, and a
 * sanitizer that is linked in has its own, where all calls go. NULL: libc's own. */
const struct symbol *patchfile_interceptor(const struct patchfile_writer *writer, const char *name);
/* Every call of libc's function @name leads to @out, the function that comes next. */
int patchfile_set_import(struct patchfile_writer *writer, struct patch_func *out, const char *name,
			 struct err *err);
/* A mark: its sites that @use (enum mark_use) listens to; the others stay nops. */
void patchfile_set_sites(struct patchfile_writer *writer, struct patch_func *out, enum plan_mark mark,
			 unsigned use);

/* --- patchfile_besides.c --- */

/* @ready: "auto", "main", "end", or a function's name. */
int patchfile_add_besides(struct patchfile_writer *writer, const char *ready, struct err *err);

/* --- patchfile_recording.c --- */

/* Every way into every function of the program. Refuses by name what cannot be recorded from inside. */
int patchfile_add_ways(struct patchfile_writer *writer, struct err *err);
