/* SPDX-License-Identifier: BSD-3-Clause */
/* From a case's outcome to a recording in the build's layout, so that comparing is comparing two recordings.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct outcome_header;
struct recording;

struct outcome_call {	 /* beside the recording's call of the same index */
	uint32_t served; /* seq of the recorded call that was served; 0: none */
};

/* *@calls (calls_cnt entries, the caller's to free). Function numbers are those of the patch file and of the
 * program's schema. */
int outcome_recording(struct recording **out, struct outcome_call **calls,
		      const struct outcome_header *outcome, size_t len, struct err *err);
