// SPDX-License-Identifier: BSD-3-Clause
#include "loader/recorder.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/attach.h"
#include "loader/process.h"
#include "loader/recorder_impl.h"

#define NS_PER_S 1e9

int recorder_rates(double *rates, const struct config *config, struct program *program,
		   struct process *process, uint64_t duration_ns, struct err *err)
{
	const struct attach_opts opts = {.count_only = true};
	autofree struct func_count *counts = calloc(program->funcs_cnt, sizeof(*counts));
	struct attach *attach = NULL;
	uint64_t begun;
	int r;

	if (!counts)
		return err_nomem(err);
	r = attach_new(&attach, config, program, process, &opts, err);
	if (r < 0)
		return r;
	r = attach_enable(attach, true, err);
	begun = clock_ns();
	while (r == 0 && clock_ns() - begun < duration_ns && !process_has_ended(process))
		usleep(POLL_IDLE_US);
	if (r == 0)
		r = attach_counts(attach, counts, err);
	for (size_t i = 0; r == 0 && i < program->funcs_cnt; i++)
		rates[i] = counts[i].hits / ((clock_ns() - begun) / NS_PER_S);
	attach_detach(attach);
	attach_free(attach);
	return r;
}
