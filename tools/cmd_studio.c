// SPDX-License-Identifier: BSD-3-Clause
#include "tools/commands.h"
#include "tools/equalizing.h"
#include "tools/json_schema.h"

static int run(const void *arg, const struct words *words, struct err *err)
{
	struct equalizing_opts opts = *(const struct equalizing_opts *)arg;

	opts.by_category = true;
	return equalizing_run(&opts, "studio", words, err);
}

#define AT(field) offsetof(struct equalizing_opts, field)
static const struct opt opts_table[] = {
	EQUALIZING_OPTS(struct equalizing_opts),
	{OPT_STR, 0, "baseline", "FILE",
	 "accepted differences; default tapedeck.baseline.json, if it is there", AT(baseline)},
	{OPT_LIST, 0, "accept", "ID", "accept what differs in this recording: written to the baseline",
	 AT(accept)},
	{OPT_STR, 0, "allow", "N", "so many may differ beyond what is accepted: a number, or a share as 0.5%",
	 AT(allow)},
	{OPT_END},
};

const struct command cmd_studio = {
	.name = "studio",
	.words = "CASSETTE [ID...]",
	.summary = "replay every category with a build, against a baseline of accepted differences",
	.words_min = 1,
	.words_max = 1000,
	.rest = "ARGS of the program",
	.opts = opts_table,
	.json = lines_studio,
	.opts_size = sizeof(struct equalizing_opts),
	.run = run,
};
