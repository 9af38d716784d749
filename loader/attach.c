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
