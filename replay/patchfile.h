/* SPDX-License-Identifier: BSD-3-Clause */
/* From a program to its patch file: what is intercepted, how, and with which plans. Pure. */
#pragma once

#include <stddef.h>

struct buf;
struct config;
struct err;
struct program;

struct patchfile_opts {
	size_t operation;  /* index of the program's functions */
	const char *init;  /* a function without parameters that is called in place of main; NULL: main */
	const char *ready; /* NULL: auto; "main", "end", or a function's name */
};

/* Fills @out. Functions are numbered as the program's are; READY functions follow. Aliases are numbered by
 * patchfile_alias. */
int patchfile_write(struct buf *out, const struct config *config, const struct program *program,
		    const struct patchfile_opts *opts, struct err *err);
/* The number of @alias in this configuration; 0xffffffff when nothing has it. */
unsigned patchfile_alias(const struct config *config, const char *alias);
