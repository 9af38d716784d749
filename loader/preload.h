/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source of events that needs nothing of the kernel: the engine inside a command that we start, by way of
 * the memory of lib/tape.h. What is patched there, the caller says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct preload;
struct process;
struct process_setup;
struct program;
struct source;

struct preload_opts {
	const void *patch; /* the patch file, for recording */
	size_t patch_len;
	const char *library; /* the engine; NULL: it is linked into the program */
	uint32_t ring_bytes; /* as attach_opts */
	bool is_seeded;
	bool is_following; /* children of the process, too */
	uint64_t seed;
};

/* All is made, and nothing started. @program must outlive it: its files get the load biases that the process
 * has. */
int preload_new(struct preload **out, struct program *program, const struct preload_opts *opts,
		struct err *err);
/* For process_spawn_with; borrowed. */
const struct process_setup *preload_setup(const struct preload *preload);
/* Whether the engine has said that it cannot record: -ENOTSUP with its words. */
int preload_check(struct preload *preload, struct err *err);
/* Once @process is held, or has run: whether the engine is there. "'x' did not load the engine..." */
int preload_arrive(struct preload *preload, const struct process *process, struct err *err);
struct source *preload_source(struct preload *preload);
void preload_free(struct preload *preload);
void preload_freep(struct preload **preload);
#define auto_preload __attribute__((cleanup(preload_freep)))
