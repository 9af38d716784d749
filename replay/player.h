/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays recordings, one at a time, each operation in a server of its own. Belongs to one thread. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/cassette.h"

struct comparison;
struct config;
struct err;
struct notes;
struct player;
struct program;

struct player_opts {
	const struct config *config;
	const struct program *program; /* of the build */
	const char *exe, *engine, *ready, *init;
	char *const *args, *const *libs; /* NULL-terminated or NULL */
	int timeout_ms;
	int cpu;	  /* -1: not pinned */
	unsigned recycle; /* replays that a server is for; 0: any number */
	bool keep, is_debugged, is_checked;
	bool covers;	    /* comparisons tell what was reached */
	bool keeps_results; /* what was compared stays in the comparison */
	bool goes_on; /* a build that cannot be started for an operation is a verdict on its recordings */
	const volatile sig_atomic_t *interrupt; /* ends a replay in its middle: -EINTR; NULL: nothing does */
	struct notes *notes;
};

/* @opts and @cassette are borrowed. */
int player_new(struct player **out, const struct player_opts *opts, struct cassette *cassette,
	       struct err *err);
/* Whatever is wrong with the recording is a verdict; -errno is a build that cannot be started at all, or an
 * interrupt. */
int player_play(struct player *player, const struct recording_key *key, struct comparison *out,
		struct err *err);
void player_free(struct player *player);
