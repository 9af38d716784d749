/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which recorded call stands opposite which replayed one: by alias, through fallback aliases too, and by
 * ordinal; inputs by which call was served.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/schema.h"

struct err;
struct outcome_call;
struct program;
struct recording;

#define PAIRING_NONE	 SIZE_MAX
#define PAIRING_TEXT_MAX 320 /* "calls[alias#n]"; longer aliases are cut */

struct paired_call {
	size_t func; /* index of the program's functions, or PAIRING_NONE: the configuration has none for it
		      */
	enum role role;
	const char *alias; /* borrowed: the function's, else the recorded one */
	unsigned ordinal;  /* among the calls of that alias, from 1 */
	size_t other;	   /* index of the call opposite, on the other side, or PAIRING_NONE */
};

struct pairing {
	struct paired_call *recorded, *replayed; /* beside the calls of either recording */
	size_t recorded_cnt, replayed_cnt;
};

/* @replayed: function numbers are the program's; one out of range is -EBADMSG. @served is beside its calls.
 */
int pairing_make(struct pairing *out, const struct recording *recorded, const struct schema *schema,
		 const struct recording *replayed, const struct outcome_call *served,
		 const struct program *program, struct err *err);
void pairing_release(struct pairing *pairing);
/* "calls[orders.notify#2]" */
void pairing_text(const struct paired_call *call, char text[PAIRING_TEXT_MAX]);
