/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where events come from: the kernel's probes (attach.h), or the engine inside the program (preload.h). What
 * the chain behind needs of either.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

struct err;
struct plan_gate;
struct sampling;
struct source;

struct source_processes {
	uint64_t alive;	     /* of those that are recorded */
	uint64_t seen;	     /* children that were followed */
	uint64_t execs;	     /* that run another program by now, and are not recorded any more */
	uint64_t unfollowed; /* children that were too many to follow */
	const char *ended;   /* why nothing more will come, though the process runs on; NULL */
};

/* By the kernel's protocol: a page with the reader's position, a page with the writer's, then the data. */
struct source_ring {
	int fd;
	uint64_t offset, bytes; /* where its pages begin; of its data */
	bool is_doubled;	/* a mapping of twice its data has it twice in a row by itself */
};

#define RING_BYTES_DEFAULT (16 * 1024 * 1024)
#define RING_BYTES_MAX	   (256 * 1024 * 1024)
#define RINGS_BYTES_MAX	   (512ull * 1024 * 1024) /* of all rings, when nobody chooses */

struct source_ops {
	/* NULL, or whether it works as yet: -errno with words when it does not. */
	int (*check)(struct source *source, struct err *err);
	/* Before it is enabled, where it was not told: whether calls before the first operation are a
	 * start-up's, and the key of operations' names. */
	void (*begin)(struct source *source, bool is_starting, const unsigned long long name_key[2]);
	/* Calls of the start-up that were too many. */
	uint64_t (*startup_cut)(const struct source *source);
	/* Until it is enabled nothing is recorded; disabled again, what has begun is recorded to its end. */
	int (*enable)(struct source *source, bool enabled, struct err *err);
	/* Decide by @sampling and @gate (NULL: none) of function @func from now on. */
	int (*sample)(struct source *source, size_t func, const struct sampling *sampling,
		      const struct plan_gate *gate, struct err *err);
	void (*processes)(const struct source *source, struct source_processes *out);
	/* One row per function. */
	int (*counts)(const struct source *source, struct func_count *counts, struct err *err);
	/* Nothing is emitted any more; rings can still be drained and counts read. */
	void (*detach)(struct source *source);
	int (*rings_cnt)(const struct source *source);
	int (*ring)(struct source_ring *out, const struct source *source, int idx, struct err *err);
	/* An empty one in place of ring @idx, which nobody reads any more. */
	int (*renew_ring)(struct source *source, int idx, struct err *err);
};

struct source {
	const struct source_ops *ops;
};

/* The size of each of @cnt rings: @bytes, or when it is 0 one that suits the machine. */
int source_ring_bytes(uint32_t *out, uint32_t bytes, int cnt, struct err *err);

/* --- what decides at a function's entry, going down --- */

struct program_func;

/* Bits of the threshold below which so large a share of 32-bit numbers lies. */
uint32_t source_threshold(double rate);
/* The share of calls that is taken at entry: what decides at the end needs all of them. */
double source_entry_rate(const struct sampling *sampling);
/* The rule of function @idx, whose gates have the rows GATE_ROWS * @idx and on. */
void source_rule(struct func_rule *out, size_t idx, const struct program_func *func);
/* Row for a gate that shall take the place of the one in use, which may be running. */
uint32_t source_next_gate(const struct func_rule *rule, size_t idx);
/* Behind it: let the gate in @row, which has @flags, decide, and @sampling. */
void source_resample(struct func_rule *rule, const struct sampling *sampling, uint32_t row, uint32_t flags);
