/* SPDX-License-Identifier: BSD-3-Clause */
/* The build that is replayed. A library is played in a host that loads it. */
#pragma once

#include "replay/equalizer.h"
#include "tools/opts.h"

struct build_opts;
struct words;

struct host {
	char engine[4096];
	char path[4096 + 64];
	char library[4096], name[256]; /* where it is, and the name by which the host loads it */
	char mapping[8192];	       /* SONAME=PATH */
	char *libs[OPT_LIST_MAX + 2], *args[2];
};

/* An equalizer for @build, with the arguments of @words; what these do not say is in @opts. A library becomes
 * one of its libraries, and the host its program, ready when it has loaded it. @host must live as long. */
int host_equalizer(struct equalizer **out, struct host *host, const struct build_opts *build,
		   const struct words *words, const struct equalizer_opts *opts, struct config *config,
		   struct cassette *cassette, struct err *err);
