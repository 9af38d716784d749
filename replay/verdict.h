/* SPDX-License-Identifier: BSD-3-Clause */
/* What a replay of one recording came to. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/cassette.h"
#include "replay/compare.h"
#include "replay/timeline.h"

enum verdict {
	VERDICT_EQUAL,
	VERDICT_FIXED,
	VERDICT_DIFFERENT,
	VERDICT_FAILED,
	VERDICT_EQUALIZER_FAILURE,
	VERDICT_CNT
};
const char *verdict_name(enum verdict verdict); /* "equal", ... "equalizer_failure" */

struct cJSON;
struct serve_function;

/* What went wrong first, in the order of the recording; what the operation itself put out comes last. */
enum first { FIRST_DIFFERENCE, FIRST_MISSING, FIRST_EXTRA };

struct comparison {
	struct recording_key key;
	enum verdict verdict;
	char reason[512]; /* "" when equal */
	char *advice;	  /* what the configuration should say, to be laid over it: JSON; NULL: none */
	struct differences differences;
	char **missing, **extra; /* "calls[alias#n]" recorded but never made; made but never recorded */
	char **reordered; /* outputs made in another order, where one thread makes all; of no weight for the
			     verdict */
	size_t missing_cnt, extra_cnt, reordered_cnt;
	enum first first; /* where there are differences, missing or extra calls */
	uint64_t recorded_ns, replayed_ns;
	/* Functions no two runs get the same from, that the replay called and nothing had recorded. */
	struct unrecorded {
		const struct serve_function *function;
		unsigned calls;
	} * unrecorded;
	size_t unrecorded_cnt;
	struct timeline timeline; /* empty when equal */
	/* Of a plug-in: what stands beside the comparison, and what tells comparisons apart; and, where they
	 * are kept, both sides of what was compared: {"recorded", "replayed"}. NULL: none. */
	struct cJSON *data, *metadata, *results;
	/* Where coverage is asked for: a bit for each of the build's reached_cnt counters that the replay
	 * reached. NULL: not known. */
	unsigned char *reached;
	size_t reached_cnt;
};
void comparison_release(struct comparison *comparison);
/* Drop what differs: differences, calls of one side, and the order. */
void comparison_forget(struct comparison *comparison);
/* Fill the reason of a comparison that has differences, missing or extra calls. */
void comparison_explain(struct comparison *comparison);

/* A line of `--json`; what one side lacks is {"unavailable": "not there"}, what both lack is counted in
 * "not_compared". NULL: no memory. */
struct cJSON *comparison_json(const struct comparison *comparison);
