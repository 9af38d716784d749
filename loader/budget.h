/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What probes may cost, as a share of one core, and what is to be done when they cost more: first the
 * operation that costs most is sampled more rarely; where the probes alone are too much, the dearest is taken
 * off. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/insn.h"

struct budget;
struct err;
struct program;

enum budget_kind { BUDGET_KEEP, BUDGET_RATE, BUDGET_UNPROBE };

struct budget_advice {
	enum budget_kind kind;
	size_t func;
	double rate;  /* of the operation from here on */
	double share; /* what probes cost in the time since the last weighing */
	double hits;  /* UNPROBE: a second */
	double cost;  /* UNPROBE: of this probe alone, as a share */
};

/* @share: of one core, 0.02. @site_ns: cost of a hit by the kind of its instruction. @program is borrowed. */
int budget_new(struct budget **out, const struct program *program, double share,
	       const uint32_t site_ns[SITE_CNT], struct err *err);
void budget_free(struct budget *budget);
/* @counts: so far, with busy_ns. Follow the advice, and weigh again when its effect shows. */
void budget_weigh(struct budget *budget, const struct func_count *counts, uint64_t now_ns,
		  struct budget_advice *out);
/* The rates are those of the configuration again. */
void budget_forget(struct budget *budget);
double budget_share(const struct budget *budget); /* of the whole time */
double budget_allowed(const struct budget *budget);
