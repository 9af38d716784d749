// SPDX-License-Identifier: BSD-3-Clause
/* What is looked at while recording: what probes cost, and libraries that come. */
#include "loader/recorder_impl.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/assemble.h"
#include "loader/attach.h"
#include "loader/budget.h"
#include "loader/newcomers.h"
#include "loader/source.h"

#define WEIGH_NS      1000000000ull /* between looks at what probes cost */
#define PAUSE_NS      300000000ull  /* how long operations may take to end when a probe is taken off */
#define PROCESSES_MAX 4096	    /* that are looked at */

/* --- the budget --- */

static void change_rate(struct recorder *recorder, const struct budget_advice *advice)
{
	const struct config_func *func = recorder->program->funcs[advice->func].config;
	double allowed = budget_allowed(recorder->budget);

	attach_rate(recorder->attach, advice->func, advice->rate);
	if (advice->share > allowed)
		recorder_say(
			recorder,
			"over budget: probes take %.2f%% of a core, %.2f%% is allowed; '%s' is sampled at %.2g "
			"from here on",
			advice->share * 100, allowed * 100, func->name, advice->rate);
	else if (advice->rate >= func->sampling.rate)
		recorder_say(recorder, "'%s' is sampled at its configured rate of %.2g again", func->name,
			     advice->rate);
}

/* Let what is open end; what does not will lack calls. */
static int pause_recording(struct recorder *recorder)
{
	uint64_t deadline = clock_ns() + PAUSE_NS;
	int r = recorder->source->ops->enable(recorder->source, false, recorder->err);

	while (r >= 0 && recorder_open_operations(recorder) && clock_ns() < deadline) {
		r = recorder_pass(recorder);
		if (r == 0)
			usleep(POLL_IDLE_US);
	}
	return r < 0 ? r
		     : assemble_mark(recorder->assemble, "a probe was taken off meanwhile: over budget",
				     recorder->err);
}

static bool is_an_operation_left(const struct recorder *recorder)
{
	for (size_t i = 0; i < recorder->program->funcs_cnt; i++)
		if (recorder->program->funcs[i].config->role == ROLE_OPERATION && !recorder->is_unprobed[i])
			return true;
	return false;
}

static int take_probe_off(struct recorder *recorder, const struct budget_advice *advice)
{
	const struct config_func *func = recorder->program->funcs[advice->func].config;
	bool is_operation = func->role == ROLE_OPERATION;
	int r = pause_recording(recorder);

	if (r == 0)
		r = attach_unprobe(recorder->attach, advice->func, recorder->err);
	if (r == 0)
		r = recorder->source->ops->enable(recorder->source, true, recorder->err);
	if (r < 0)
		return r;
	recorder->is_unprobed[advice->func] = true;
	recorder->summary->over_budget = !is_an_operation_left(recorder);
	recorder_say(
		recorder,
		"over budget: probes take %.2f%% of a core, %.2f%% is allowed; the probe on '%s' is taken off, %.0f "
		"hits a second cost %.2f%%%s",
		advice->share * 100, budget_allowed(recorder->budget) * 100, func->name, advice->hits,
		advice->cost * 100,
		is_operation ? "" : "; recordings lack its calls from here on, and are incomplete");
	return 0;
}

int recorder_weigh(struct recorder *recorder)
{
	struct budget_advice advice;
	uint64_t now = clock_ns();
	int r;

	if (!recorder->budget || now - recorder->weighed_ns < WEIGH_NS)
		return 0;
	recorder->weighed_ns = now;
	r = recorder->source->ops->counts(recorder->source, recorder->summary->counts, recorder->err);
	if (r < 0)
		return r;
	budget_weigh(recorder->budget, recorder->summary->counts, now, &advice);
	recorder->summary->overhead_now = advice.share;
	recorder->summary->overhead = budget_share(recorder->budget);
	if (advice.kind == BUDGET_RATE)
		change_rate(recorder, &advice);
	return advice.kind == BUDGET_UNPROBE ? take_probe_off(recorder, &advice) : 0;
}

/* --- libraries that come while it runs --- */

int recorder_look_at_newcomers(struct recorder *recorder)
{
	uint64_t loads = recorder->attach ? attach_loads(recorder->attach) : recorder->loads;
	autofree pid_t *pids = NULL;
	char name[NEWCOMER_NAME_MAX];
	size_t cnt;
	int r = 0;

	if (loads == recorder->loads)
		return 0;
	pids = calloc(PROCESSES_MAX, sizeof(*pids));
	if (!pids)
		return err_nomem(recorder->err);
	recorder->loads = loads;
	cnt = attach_followed(recorder->attach, pids, PROCESSES_MAX);
	for (size_t i = 0; i < cnt && !r; i++)
		r = newcomers_look(name, recorder->process, pids[i], recorder->program, recorder->err);
	if (r == 0)
		attach_trust(recorder->attach, loads);
	else
		recorder->source->ops->detach(recorder->source);
	attach_resume(recorder->attach, pids, cnt);
	if (r <= 0)
		return r;
	recorder->summary->is_unwinding = true;
	recorder_say(
		recorder,
		"'%s' was loaded, which may throw: exceptions would not pass functions whose return is hooked, so "
		"recording ends; record again, and returns are seen at 'ret' instructions",
		name);
	return 0;
}
