/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plug-ins of replay, equalize and studio: what is compared, how, and what stands beside it in reports,
 * decided by your code, for the operations (and inputs) whose configuration says "plugin".
 *
 * A plug-in is a shared object that has a variable `tapedeck_plugin`:
 *
 *	static char *result(void *state, const struct tapedeck_recording *recording, char **error);
 *	const struct tapedeck_plugin tapedeck_plugin = { TAPEDECK_PLUGIN, .result = result };
 *
 *	cc -shared -fPIC -o price_check.so price_check.c $(pkg-config --cflags tapedeck)
 *
 * It runs in processes of its own, one for each job and operation or input, one call at a time: a crash, a
 * hang, or whatever it says under @error is an equalizer_failure of the recording that it was asked about,
 * and of no other. What it prints goes to stderr. It may keep what it likes from one call to the next, and
 * must not count on it: the process may be started anew between two calls.
 *
 * Values are JSON text in UTF-8. A recording, and what was captured of its replay, are what `tapedeck show
 * --json` prints ("operation", "calls", ...); a replay has no metadata.
 *
 * What is passed to a function stays the caller's, and is gone when it returns. What a function returns or
 * stores through a pointer was allocated by malloc; the caller frees it. NULL in the struct: the plug-in does
 * not do that, and tapedeck does as it would without one. Structures may grow at their ends; `size` tells
 * what a plug-in was built with.
 */
#ifndef TAPEDECK_PLUGIN_H
#define TAPEDECK_PLUGIN_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TAPEDECK_PLUGIN_VERSION 1
#define TAPEDECK_PLUGIN		.version = TAPEDECK_PLUGIN_VERSION, .size = sizeof(struct tapedeck_plugin)

enum tapedeck_verdict {
	TAPEDECK_EQUAL,
	TAPEDECK_FIXED, /* the recording ended in an error, the replay does not */
	TAPEDECK_DIFFERENT,
	TAPEDECK_FAILED,	    /* the replay ended in an error, the recording did not */
	TAPEDECK_EQUALIZER_FAILURE, /* it could not be compared */
};

struct tapedeck_recording {
	const char *id, *category; /* "<category>/<yyyymmdd>/<32 hex digits>" */
	const char *json;
	int is_replay; /* what was captured of the replay of recording @id */
};

struct tapedeck_comparison {
	const char *id, *category;
	const char *recorded, *replayed; /* what `result` made of both sides, or both sides whole: JSON */
	const char *data;		 /* what `data` gave: JSON; NULL: there is no such function */
	/* What tapedeck itself makes of it: the list of `equalize --json` under "differences", its reason, ""
	 * when it is equal. */
	enum tapedeck_verdict verdict;
	const char *reason, *differences;
};

struct tapedeck_answer {
	enum tapedeck_verdict verdict;
	char *message;	   /* the verdict's reason; NULL: none */
	char *differences; /* JSON: [{"path": "total", "recorded": 1, "replayed": 2}]; NULL: those of tapedeck
			    */
};

struct tapedeck_plugin {
	unsigned version; /* TAPEDECK_PLUGIN_VERSION */
	size_t size;	  /* of this structure */

	/* Before all else: @state of the other functions. NULL with *@error set: it cannot be used. */
	void *(*open)(const char *category, char **error);
	void (*close)(void *state);

	/* The result extractor: what of a recording, and of its replay, is compared; any JSON. */
	char *(*result)(void *state, const struct tapedeck_recording *recording, char **error);
	/* The comparator. Without one, results are compared as JSON. Not 0: it failed. */
	int (*compare)(void *state, const struct tapedeck_comparison *comparison,
		       struct tapedeck_answer *answer, char **error);
	/* The comparison-data extractor: what stands beside the comparison in reports, and is given to the
	 * comparator; any JSON. @replayed is NULL when the replay did not come to its end. */
	char *(*data)(void *state, const struct tapedeck_recording *recorded,
		      const struct tapedeck_recording *replayed, char **error);
	/* The metadata extractor: an object of texts and numbers to tell comparisons by, in reports. Asked
	 * when recordings are compared; nothing is stored. */
	char *(*metadata)(void *state, const struct tapedeck_recording *recorded, char **error);
	/* The data handler, of a plug-in that an input has: before a replay, what the recorded call @call
	 * (JSON, as `show --json` prints a call) is to be served with: {"out": {name: value}, "return":
	 * value}, each where it is other than recorded. Numbers, bools, text and bytes may change, and be no
	 * longer than they were. @id: of the recording, its 32 digits. `open` is given the input's alias. */
	char *(*restore)(void *state, const char *id, const char *call, char **error);
};

extern const struct tapedeck_plugin tapedeck_plugin;

#ifdef __cplusplus
}
#endif

#endif
