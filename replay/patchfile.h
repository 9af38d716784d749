/* SPDX-License-Identifier: BSD-3-Clause */
/* From a program to its patch file: what is intercepted, how, and with which plans. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct config;
struct err;
struct program;

struct patchfile_opts {
	size_t operation;  /* index of the program's functions */
	const char *init;  /* a function without parameters that is called in place of main; NULL: main */
	const char *ready; /* NULL: auto; "main", "end", or a function's name */
	bool covers;	   /* cases tell which of the build's counters they reach (coverage.h) */
	bool is_recording; /* by the engine, rather than a replay: the other options say nothing */
};

/* Fills @out. Functions are numbered as the program's are; READY functions follow. Aliases are numbered by
 * patchfile_alias. For recording several may be ways into one function, as their number says. */
int patchfile_write(struct buf *out, const struct config *config, const struct program *program,
		    const struct patchfile_opts *opts, struct err *err);
/* Whether the engine is linked into the program. */
bool patchfile_has_engine(const struct program *program);
/* The number of @alias in this configuration; 0xffffffff when nothing has it. */
unsigned patchfile_alias(const struct config *config, const char *alias);
