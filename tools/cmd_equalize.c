// SPDX-License-Identifier: BSD-3-Clause
#include "tools/commands.h"
#include "tools/equalizing.h"
#include "tools/json_schema.h"

static int run(const void *arg, const struct words *words, struct err *err)
{
	return equalizing_run(arg, "equalize", words, err);
}

#define AT(field) offsetof(struct equalizing_opts, field)
static const struct opt opts_table[] = {
	EQUALIZING_OPTS(struct equalizing_opts),
	{OPT_FLAG, 0, "learn-noise", NULL,
	 "with the recorded build: replay all twice, and propose what to ignore", AT(learn_noise)},
	{OPT_FLAG, 0, "write", NULL, "with --learn-noise: write it into the configuration", AT(write)},
	{OPT_FLAG, 0, "cover", NULL,
	 "with a build that counts it (--coverage): name the recordings that together reach all its code "
	 "that any reaches",
	 AT(cover)},
	{OPT_END},
};

const struct command cmd_equalize = {
	.name = "equalize",
	.words = "CASSETTE [ID...]",
	.summary = "replay many recordings with a build and compare",
	.words_min = 1,
	.words_max = 1000,
	.rest = "ARGS of the program",
	.opts = opts_table,
	.json = lines_verdicts,
	.opts_size = sizeof(struct equalizing_opts),
	.run = run,
};
