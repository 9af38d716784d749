// SPDX-License-Identifier: BSD-3-Clause
#include "loader/attach_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "lib/config.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/cost.h"
#include "loader/features.h"
#include "loader/fpregs.h"
#include "loader/process.h"
#include "loader/uprobe_link.h"

static bool wants_fpregs(const struct program *program)
{
	for (size_t i = 0; i < program->funcs_cnt; i++)
		if (program->funcs[i].plan->fp_in || program->funcs[i].plan->fp_out)
			return true;
	return false;
}

/* Where they cannot be read, probes say so of each value; all else is recorded. */
static int prepare_fpregs(struct attach *attach, struct err *err)
{
	struct err why = {};

	if (!wants_fpregs(attach->program))
		return 0;
	if (fpregs_start(&attach->fpregs, &why) < 0) {
		snprintf(attach->fp_trouble, sizeof(attach->fp_trouble), "%s", why.msg);
		return 0;
	}
	attach->skel->bss->fp_flag = fpregs_flag(attach->fpregs);
	return fpregs_hand_down(attach->fpregs, bpf_map__fd(attach->skel->maps.kicks), err);
}

const char *attach_fp_trouble(const struct attach *attach)
{
	return attach->fp_trouble[0] ? attach->fp_trouble : NULL;
}

static int check_funcs(const struct program *program, struct err *err)
{
	const struct program_func *funcs = program->funcs;

	if (!program->funcs_cnt || program->funcs_cnt > FUNC_MAX)
		return err_set(err, -E2BIG, "%zu functions configured: there must be 1 to %d",
			       program->funcs_cnt, FUNC_MAX);
	for (size_t i = 0; i < program->funcs_cnt; i++) {
		for (size_t j = 0; j < i; j++) {
			if (funcs[i].module != funcs[j].module || funcs[i].offset != funcs[j].offset ||
			    funcs[i].is_ifunc)
				continue;
			err_set(err, -EEXIST, "'%s' and '%s' are the same code in '%s'",
				funcs[j].config->name, funcs[i].config->name,
				program->files[funcs[i].module].name);
			err_hint(err, "remove one of them from the configuration");
			return -EEXIST;
		}
	}
	return 0;
}

/* Probes are stopped as yet, and leave at once. */
static int measure(struct attach *attach, struct err *err)
{
	const struct tape_bpf *skel = attach->skel;

	if (attach->is_session)
		return cost_measure(attach->site_ns, bpf_program__fd(skel->progs.session), UPROBE_SESSION,
				    err);
	return cost_measure(attach->site_ns, bpf_program__fd(skel->progs.enter), UPROBE_MULTI, err);
}

const uint32_t *attach_site_ns(const struct attach *attach)
{
	return attach->site_ns;
}

static const struct source_ops attach_ops;

static void attach_freep(struct attach **attach)
{
	attach_free(*attach);
}

int attach_new(struct attach **out, const struct config *config, const struct program *program,
	       const struct process *process, const struct attach_opts *opts, struct err *err)
{
	__attribute__((cleanup(attach_freep))) struct attach *attach = calloc(1, sizeof(*attach));
	int r;

	if (!attach)
		return err_nomem(err);
	attach->source.ops = &attach_ops;
	attach->funcs_cnt = program->funcs_cnt;
	attach->program = program;
	attach->is_session = !opts->two_links && feature_is_there(FEATURE_UPROBE_SESSION);
	attach->pid = opts->is_following ? 0 : process->pid;
	r = check_funcs(program, err);
	if (r == 0 && opts->is_following)
		r = attach_check_following(attach, err);
	if (r == 0)
		r = attach_load(attach, opts->is_following, err);
	if (r == 0)
		r = attach_make_rings(attach, opts->ring_bytes, err);
	if (r == 0)
		r = attach_hand_down(attach, process, opts, err);
	if (r == 0 && !opts->count_only)
		r = prepare_fpregs(attach, err);
	if (r == 0 && opts->is_timed)
		r = measure(attach, err);
	if (r == 0)
		r = attach_link(attach, opts->is_following, err);
	if (r == 0 && opts->is_following)
		r = attach_follow_family(attach, process->pid, err);
	if (r < 0)
		return r;
	*out = TAKE_PTR(attach);
	return 0;
}

static void set_state(struct attach *attach, enum control_state state)
{
	__atomic_store_n(&attach->skel->bss->control.state, state, __ATOMIC_SEQ_CST);
}

int attach_enable(struct attach *attach, bool enabled, struct err *err)
{
	if (!attach->links)
		return err_set(err, -EINVAL, "the probes have been taken off");
	set_state(attach, enabled ? CONTROL_RECORDING : CONTROL_FINISHING);
	return 0;
}

/* Probes go one by one, and an operation that ended meanwhile would lack calls and look whole: so first no
 * probe may emit any more. */
void attach_detach(struct attach *attach)
{
	if (!attach->links)
		return;
	set_state(attach, CONTROL_STOPPED);
	attach_unlink(attach);
	if (attach->skel->bss->control.is_wary)
		attach_resume_all(attach);
}

void attach_free(struct attach *attach)
{
	if (!attach)
		return;
	if (attach->skel && attach->links)
		attach_detach(attach);
	for (int i = 0; attach->rings && i < attach->rings_cnt; i++)
		closep(&attach->rings[i]);
	free(attach->rings);
	tape_bpf__destroy(attach->skel);
	fpregs_stop(attach->fpregs);
	free(attach);
}

/* --- as a source of events --- */

static struct attach *of(const struct source *source)
{
	return container_of(source, struct attach, source);
}

static int source_enable(struct source *source, bool enabled, struct err *err)
{
	return attach_enable(of(source), enabled, err);
}

static int source_sample(struct source *source, size_t func, const struct sampling *sampling,
			 const struct plan_gate *gate, struct err *err)
{
	return attach_sample(of(source), func, sampling, gate, err);
}

static void processes(const struct source *source, struct source_processes *out)
{
	attach_processes(of(source), out);
}

static int counts(const struct source *source, struct func_count *out, struct err *err)
{
	return attach_counts(of(source), out, err);
}

static void detach(struct source *source)
{
	attach_detach(of(source));
}

static int rings_cnt(const struct source *source)
{
	return attach_rings_cnt(of(source));
}

static int ring(struct source_ring *out, const struct source *source, int idx, struct err *err)
{
	*out = (struct source_ring){
		.fd = attach_ring_fd(of(source), idx), .bytes = of(source)->ring_bytes, .is_doubled = true};
	return 0;
}

static int renew_ring(struct source *source, int idx, struct err *err)
{
	return attach_renew_ring(of(source), idx, err);
}

static uint64_t startup_cut(const struct source *source)
{
	return attach_startup_cut(of(source));
}

static const struct source_ops attach_ops = {
	.startup_cut = startup_cut,
	.enable = source_enable,
	.sample = source_sample,
	.processes = processes,
	.counts = counts,
	.detach = detach,
	.rings_cnt = rings_cnt,
	.ring = ring,
	.renew_ring = renew_ring,
};

struct source *attach_source(struct attach *attach)
{
	return &attach->source;
}
