/* SPDX-License-Identifier: BSD-3-Clause */
/* The interpreter of plans inside a replayed program; the kernel's is bpf/capture.bpf.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/plan.h"

enum capture_section { CAPTURE_IN, CAPTURE_OUT, CAPTURE_KEY };
enum capture_flags {
	CAPTURE_STEPS = 1,  /* PLAN_STEPS_MAX (PLAN_KEY_STEPS) ended the section */
	CAPTURE_BUDGET = 2, /* the plan's bytes or @room did */
};

/* Room for a plan's list of work, which is too much for the target's stack. */
struct capture_work {
	unsigned number;
	struct {
		uint64_t addr;
		int pc;
		unsigned level;
	} row[PLAN_WORK_MAX];
	struct {
		uint64_t addr;
		int pc;
		unsigned number;
	} seen[2 * PLAN_WORK_MAX]; /* by hash; of other runs are those of another number */
};

struct capture {
	uint64_t v[PLAN_VALUES];  /* the caller sets the arguments, rsp, and for OUT the results and errno */
	const uint64_t (*xmm)[2]; /* the eight at entry, for KEY */
	uint64_t keep[PLAN_KEEP_MAX]; /* the caller zeroes it before IN and hands it on to OUT */
	/* Copies from the target's memory; returns how many bytes were copied before a fault. */
	size_t (*read)(void *to, uint64_t from, size_t len);
	/* NULL, or the number that stands for an address in a key. */
	uint64_t (*address)(uint64_t addr);
	/* NULL, or asked when a fragment of full length has no room left in PLAN_BYTES_MAX: it may take away
	 * what there is, set len to 0, and return 1. */
	int (*more)(struct capture *capture);
	/* As files_read; NULL: files are not read. */
	int (*file)(const char *name, uint64_t off, void *to, size_t most, size_t *len, uint64_t *size);
	struct capture_work *work; /* NULL: none; nobody else uses it meanwhile */
	uint8_t *out;		   /* receives fragments, or the bytes of the key */
	size_t room, len;
	unsigned flags; /* enum capture_flags, or'ed to */
};

/* Run one section of @plan; appends at out + len. No allocation, no libc beyond memcpy, no global state. */
void capture_run(struct capture *capture, const struct plan *plan, enum capture_section section);
/* Run a gate on values that are in place: PLAN_V_WANTED, PLAN_V_BY and PLAN_V_CARRIER are its answers. */
void capture_gate(struct capture *capture, const struct plan_gate *gate);
