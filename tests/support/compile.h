/* SPDX-License-Identifier: BSD-3-Clause */
/* Small programs, compiled while a test runs. */
#pragma once

#include <stddef.h>

struct source {
	const char *name; /* "a.c", "a.h"; a name of NULL ends a list */
	const char *text;
};

struct built {
	char dir[64];  /* everything lies here */
	char path[96]; /* the program */
};

/* Compile every .c of @sources with "@cc @flags" and link them with @link_flags. Fails the test when the
 * compiler does. */
void build(struct built *out, const char *cc, const char *flags, const char *link_flags,
	   const struct source *sources);
/* Run a command in the folder of @built: its files are named without a path. */
void built_run(const struct built *built, const char *command);
void built_release(struct built *built);
#define auto_built __attribute__((cleanup(built_release)))
