/* SPDX-License-Identifier: BSD-3-Clause */
/* From an assembled operation to a recording worth keeping: id, metadata document, keep_if, configured
 * metadata. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct config;
struct err;
struct program;
struct recording;

struct package_context {
	const struct config *config;
	const struct program *program;
	const char *schema_id, *host, *build_id;
	const char *startup;		/* the ID of the start-up that recordings name; NULL: none */
	unsigned long long name_key[2]; /* of the names of operations: plan_name */
	int64_t realtime_offset_ns;	/* CLOCK_REALTIME - CLOCK_MONOTONIC */
};

struct package_source {
	uint32_t pid;
	uint64_t number;     /* of the operation, in this session */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint32_t draw;	     /* by chance: a rate that decides at the end takes what lies below it */
	bool is_kept;	     /* whatever keep_if or such a rate says */
};

/* Complete @recording; what its metadata marks say moves into the document. *@keep is false when keep_if or
 * such a rate says no (an undecidable keep_if keeps, and says so under "incomplete" never: in the metadata as "keep_if":
 * "unavailable"). */
int package_recording(struct recording *recording, const struct package_context *context,
		      const struct package_source *source, bool *keep, struct err *err);
/* Take out of @recording's calls what must not be stored; package_recording does so of all. */
void package_redact(struct recording *recording, const struct package_context *context);
/* Name the addresses in @recording that lie in the program's files. */
int package_symbolize(struct recording *recording, const struct program *program, struct err *err);
