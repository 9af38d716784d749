/* SPDX-License-Identifier: BSD-3-Clause */
/* Replaying many recordings with one build: what equalize and studio have in common. */
#pragma once

#include "tools/common.h"

struct baseline;
struct err;
struct words;

struct equalizing_opts {
	struct build_opts build;
	struct filter_opts filter;
	uint64_t jobs, recycle;
	bool json, keep_results;
	struct opt_list reports;
	/* equalize's alone */
	bool learn_noise; /* what differs though the build is the same: proposed as rules */
	bool cover;	  /* those that reach more of the build's code than others are named, not judged */
	bool write;	  /* and written into the configuration */
	/* studio's alone */
	bool by_category; /* a category that cannot be replayed does not stop the others; totals of each */
	const char *baseline;	/* file of accepted differences */
	struct opt_list accept; /* ids whose differences are accepted from now on */
	const char *allow;	/* "3" or "0.5%": how many may differ beyond that */
};
/* clang-format off */
#define EQUALIZING_OPTS(type)                                                                           \
	BUILD_OPTS(type, build),                                                                        \
	FILTER_OPTS(type, filter), DISTINCT_OPT(type, filter),                                                                      \
	{ OPT_UINT, 0, "jobs", "N", "replay N at once; default: one a core", offsetof(type, jobs), 1, 256 },  \
	{ OPT_UINT, 0, "recycle", "N", "start a replayed program anew after N replays; default: never", \
	  offsetof(type, recycle), 1, UINT32_MAX },                                                     \
	{ OPT_FLAG, 0, "keep-results", NULL, "both sides of what was compared, in --json and reports",  \
	  offsetof(type, keep_results) },                                                               \
	{ OPT_LIST, 0, "report", "KIND:FILE", "write a report: html:FILE, junit:FILE or json:FILE",     \
	  offsetof(type, reports) },                                                                    \
	{ OPT_FLAG, 0, "json", NULL, "a JSON object a comparison, then a summary", offsetof(type, json) }
/* clang-format on */

/* The whole command @name. Returns a status, or -errno. */
int equalizing_run(const struct equalizing_opts *opts, const char *name, const struct words *words,
		   struct err *err);
