/* SPDX-License-Identifier: BSD-3-Clause */
/* Where in a cassette things lie; included by lib/cassette*.c only. */
#pragma once

#include "lib/cassette.h"

#define CASSETTE_ROOT "tape_recorder_recordings"

/* The object of @kind ("full" or "metadata") of @key. -EINVAL when there cannot be such a key. */
int recording_path(char path[CASSETTE_KEY_MAX], const struct cassette *cassette, const char *kind,
		   const struct recording_key *key, struct err *err);
/* What all keys of @kind begin with, "…/metadata/". */
void recording_root(char path[CASSETTE_KEY_MAX], const struct cassette *cassette, const char *kind);
int schema_path(char path[CASSETTE_KEY_MAX], const char *sha256, struct err *err);
bool recording_day_is_valid(const char *day);
bool recording_id_is_valid(const char *id);
