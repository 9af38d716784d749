/* SPDX-License-Identifier: BSD-3-Clause */
/* From an assembled operation to a recording worth keeping: id, metadata document, keep_if, configured
 * metadata. Pure but for ids. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct config;
struct err;
struct package;
struct program;
struct recording;

struct package_context {
	const struct config *config;
	const struct program *program;
	const char *schema_id, *host, *build_id;
	int64_t realtime_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
};

/* Complete @recording. *@keep is false when keep_if says no (an undecidable keep_if keeps, and says so under
 * "incomplete" never: in the metadata as "keep_if": "unavailable"). */
int package_recording(struct recording *recording, const struct package_context *context, uint32_t pid,
		      uint64_t started_ns, bool *keep, struct err *err);
