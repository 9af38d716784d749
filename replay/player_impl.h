/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the player share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "replay/displaced.h"
#include "replay/player.h"
#include "replay/startup.h"

struct cJSON;
struct plugin;
struct recording;
struct schema;
struct server;
struct store;

#define STARTUPS_MAX 4 /* processes that started in different ways, and have a server at once */

struct player {
	struct player_opts opts;
	struct store *store;
	char *folder;  /* of the configuration */
	struct stage { /* an operation's; of an input its plug-in alone */
		struct buf patch;
		struct plugin *plugin; /* NULL: none, or not yet */
		struct slot {
			struct startup startup;
			struct server *server; /* started with it; NULL: not yet */
			unsigned age;	       /* replays of the server */
			struct err *trouble;   /* why it cannot be started; NULL: not known */
			uint64_t used;	       /* when last; 0: the slot is free */
		} slots[STARTUPS_MAX], *slot;  /* slot: of the recording that is played */
	} * stages;			       /* by the program's functions */
	uint64_t clock;
};

/* What one recording is played with. */
struct play {
	struct player *player;
	size_t operation;
	struct recording *recording;
	const struct schema *schema;
	struct displaced displaced;
	struct buf data;
};

/* --- player_plugins.c --- */

/* Inputs are served with what their plug-ins make of what was recorded: play->recording changes. */
int player_restore_inputs(struct play *play, struct err *err);
/* Whether the replay is wanted as JSON: there is a plug-in, or results are kept. */
bool player_wants_say(const struct play *play);
/* @replayed: NULL when the replay did not come to its end. */
int player_let_say(struct play *play, struct comparison *out, const struct cJSON *replayed, struct err *err);
