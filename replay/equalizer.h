/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole chain: recordings of a cassette, a build, verdicts. The only file that names it. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/lookup.h"
#include "lib/serve.h"
#include "replay/verdict.h"

struct cJSON;
struct cassette;
struct config;
struct err;
struct notes;
struct program;

struct equalizer_opts {
	const char *exe, *engine, *ready, *init;
	char *const *args, *const *libs; /* NULL-terminated or NULL */
	int timeout_ms;			 /* 0: EQUALIZER_TIMEOUT_MS */
	int jobs;			 /* 0: one a core */
	unsigned recycle;		 /* a program is started anew after so many replays; 0: never */
	bool strict;			 /* refuse functions that are inlined in places */
	bool goes_on; /* what cannot be started for one operation is a failure of its recordings alone */
	bool keeps_results; /* what was compared stays in the comparison */
	bool covers;	    /* comparisons tell what the replay reached: of a build that counts it */
	bool keep;	    /* leave the programs' folders behind, and note where */
	bool is_checked;    /* under valgrind */
	bool is_debugged;   /* gdb stops in the operation: of equalizer_one */
	const volatile sig_atomic_t *stop; /* of many: what was begun still comes; of one: -EINTR at once */
};
#define EQUALIZER_TIMEOUT_MS 10000

struct equalizer_totals {
	size_t total, by_verdict[VERDICT_CNT];
	size_t found;					    /* by the lookup, so far */
	bool is_listed;					    /* there are no more */
	size_t not_compared;				    /* values that neither side captured */
	unsigned long long unrecorded[SERVE_FUNCTIONS_MAX]; /* see unrecorded.h */
};

/* All that @lookup finds or, where there are any, those of @keys. What @lookup cannot tell, for its metadata
 * cannot be read, is an equalizer failure. */
struct selection {
	const struct lookup *lookup;
	const struct recording_key *keys;
	size_t keys_cnt;
};

/* Called for each comparison, in the order of the selection; never from two threads at once. Non-zero stops.
 */
typedef int (*comparison_fn)(const struct comparison *comparison, void *ctx);

/* The summary's line of `--json`. NULL: no memory. */
struct cJSON *equalizer_totals_json(const struct equalizer_totals *totals);

struct equalizer;
/* Open the build, find its functions, say what will not be intercepted (notes). Nothing runs yet. */
int equalizer_new(struct equalizer **out, struct config *config, struct cassette *cassette,
		  const struct equalizer_opts *opts, struct err *err);
const struct notes *equalizer_notes(const struct equalizer *equalizer);
/* One recording. */
int equalizer_one(struct equalizer *equalizer, const struct recording_key *key, struct comparison *out,
		  struct err *err);
/* Many. The first are replayed while others are still looked for, which is done with the equalizer's
 * cassette.
 * @totals are kept up to date for @fn. */
int equalizer_run(struct equalizer *equalizer, const struct selection *selection, comparison_fn fn, void *ctx,
		  struct equalizer_totals *totals, struct err *err);
void equalizer_free(struct equalizer *equalizer);
