/* SPDX-License-Identifier: BSD-3-Clause */
/* The start-up that recordings name, as a server is started with it. */
#pragma once

#include <stddef.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "replay/displaced.h"

struct config;
struct err;
struct notes;
struct program;
struct store;

struct startup {
	char *id;			 /* as recordings name it; NULL: they name none */
	char **args;			 /* of main, behind its name; NULL: not known. NULL-terminated */
	char **env;			 /* NAME=VALUE; NULL-terminated */
	struct buf calls;		 /* a case without an operation; empty: no call was recorded */
	struct displaced displaced;	 /* what its calls gave that leads nowhere */
	char digest[DIGEST_HEX_LEN + 1]; /* equal for start-ups that are alike */
};

void startup_init(struct startup *startup);
/* What @id (NULL: none) names. One that is not in the cassette, or cannot be used, is noted, and is as none.
 */
int startup_load(struct startup *out, const char *id, struct store *store, const struct config *config,
		 const struct program *program, struct notes *notes, struct err *err);
void startup_release(struct startup *startup);
