/* SPDX-License-Identifier: BSD-3-Clause */
/* From a case's outcome to a recording in the build's layout, so that comparing is comparing two recordings.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct outcome_header;
struct recording;

#define OUTCOME_NOT_SERVED UINT32_MAX

struct outcome_call {	 /* beside the recording's call of the same index */
	uint32_t served; /* index of the recorded call that answered it; OUTCOME_NOT_SERVED: none did */
};

/*
 * @outcome is memory that the replayed program could write: @len bytes, whatever it says. *@calls (calls_cnt
 * entries) is the caller's to free. Function numbers are those of the patch file and of the program's schema,
 * unchecked. A call that did not really run has `left` unknown and no result; an operation that was not
 * entered has function number UINT32_MAX. -EBADMSG with what makes no sense.
 */
int outcome_recording(struct recording **out, struct outcome_call **calls,
		      const struct outcome_header *outcome, size_t len, struct err *err);
