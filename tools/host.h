/* SPDX-License-Identifier: BSD-3-Clause */
/* A library as the build that is replayed: it is played in a host that loads it. */
#pragma once

#include "replay/equalizer.h"
#include "tools/opts.h"

struct host {
	char path[4096 + 64];
	char library[4096], name[256]; /* where it is, and the name by which the host loads it */
	char mapping[8192];	       /* SONAME=PATH */
	char *libs[OPT_LIST_MAX + 2], *args[2];
};

/* Where opts->exe is a library: make it one of opts->libs, and the host the program, ready when it has loaded
 * it. @host must live as long as @opts. */
int host_use(struct host *host, struct equalizer_opts *opts, struct err *err);
