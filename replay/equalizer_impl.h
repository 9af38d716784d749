/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the equalizer share. */
#pragma once

#include "replay/equalizer.h"
#include "replay/notes.h"
#include "replay/player.h"

struct equalizer {
	struct config *config;
	struct cassette *cassette;
	struct equalizer_opts opts;
	struct program *program;
	struct notes notes;
	struct player *player; /* of equalizer_one */
};

/* @cpu: what its servers are pinned to; -1: nothing. */
struct player_opts equalizer_player_opts(struct equalizer *equalizer, int cpu);
