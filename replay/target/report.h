/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing the outcome. Events under the dispatch lock; endings from anywhere. */
#pragma once

#include <stdint.h>

#include "replay/target/capture.h"
#include "replay/target/patch.h"

struct func;

/* A call as its plan sees it, from entry to return. */
struct report {
	const struct func *func;
	unsigned seq, served, flags;
	uint64_t args[6], rsp;
	const uint64_t (*xmm)[2]; /* the eight at entry; not looked at afterwards */
	uint64_t keep[PLAN_KEEP_MAX];
};

/* One event each, with the fragments of the plan's IN or OUT section. */
void report_entry(struct report *report);
void report_return(struct report *report, const struct patch_registers *result, int error_number);

/* The case is over: say how, and end the process. The first to say it is believed. */
_Noreturn void report_end(enum outcome_end end, const struct func *func, int number);
_Noreturn void report_trouble(enum outcome_end end, const struct func *func, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Async-signal-safe, and the process is not ended: where it is; which file it was about to change, by the
 * address of its name; where a fault or a system call was. */
void report_place(uint64_t pc, uint64_t sp);
void report_path(uint64_t path);
void report_fault(enum outcome_end end, int number, uint64_t pc, uint64_t sp, uint64_t addr);

/* Memory that the next event overwrites, so that it takes no page of its own. */
#define REPORT_SCRATCH PATCH_KEY_MAX
void *report_scratch(void);

/* The index of this thread among those of the case, from 0 in order of appearance. */
unsigned report_thread(void);
/* The value file of a call at its entry. */
void report_values(struct capture *capture, const struct report *report);
