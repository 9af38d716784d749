/* SPDX-License-Identifier: BSD-3-Clause */
/* A command that is recorded from inside: `record --engine preload`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct err;
struct preload;
struct process;
struct program;

struct inside_opts {
	const char *schema; /* compiled before; NULL: debug information */
	uint64_t ring_bytes, seed;
	bool follow; /* children, too */
};

/* The program that @argv runs; what cannot be recorded from inside is refused. */
int inside_open(struct program **out, struct config *config, char *const argv[],
		const struct inside_opts *opts, struct err *err);
/* Start it, held at its entry, the engine in it. */
int inside_start(struct preload **out, struct process **process, const struct config *config,
		 struct program *program, char *const argv[], const struct inside_opts *opts,
		 struct err *err);
