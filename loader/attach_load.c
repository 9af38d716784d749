// SPDX-License-Identifier: BSD-3-Clause
#include "loader/attach_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lib/program.h"
#include "loader/features.h"
#include "loader/frames.h"
#include "loader/places.h"
#include "loader/uprobe_link.h"

#define FLAVOUR_MAX   11
#define SLOTS_PER_CPU 4 /* as in bpf/maps.bpf.h */

/* The programs of one attach flavour; the verifier's words about each. */
struct flavour {
	struct bpf_program *prog[FLAVOUR_MAX];
	char *log[FLAVOUR_MAX];
	size_t cnt;
};

static int load_error(int r, const char *log, struct err *err)
{
	struct feature_state missing;
	enum feature feature = features_missing(&missing);

	if (feature != FEATURE_CNT) {
		r = feature == FEATURE_BPF ? -EPERM : -ENOTSUP;
		err_set(err, r, "%s", missing.cost);
		err_hint(err, "record a command from inside, with --engine preload; 'tapedeck doctor' shows "
			      "what this machine allows");
		return r;
	}
	return err_set(err, r, "the kernel refused the probes: %s: %.300s", strerror(-r), log);
}

static int flavour_add(struct flavour *flavour, struct bpf_program *prog, int attach_type, struct err *err)
{
	char *log = calloc(1, FRAMES_LOG_BYTES);

	if (!log)
		return err_nomem(err);
	bpf_program__set_autoload(prog, true);
	if (attach_type)
		bpf_program__set_expected_attach_type(prog, attach_type);
	bpf_program__set_log_level(prog, FRAMES_LOG_LEVEL);
	bpf_program__set_log_buf(prog, log, FRAMES_LOG_BYTES);
	flavour->prog[flavour->cnt] = prog;
	flavour->log[flavour->cnt++] = log;
	return 0;
}

static int flavour_load(struct flavour *flavour, struct tape_bpf *skel, struct err *err)
{
	int r = tape_bpf__load(skel);

	for (size_t i = 0; r < 0 && i < flavour->cnt; i++)
		if (flavour->log[i][0])
			return load_error(r, flavour->log[i], err);
	if (r < 0)
		return load_error(r, "", err);
	for (size_t i = 0; r == 0 && i < flavour->cnt; i++)
		r = frames_check(bpf_program__name(flavour->prog[i]), flavour->log[i], err);
	return r;
}

static int load_programs(const struct attach *attach, bool is_following, struct err *err)
{
	struct tape_bpf *skel = attach->skel;
	bool is_session = attach->is_session, at_rets = places_any_rets(attach->program);
	bool has_marks = attach->program->marks_cnt > 0;
	const struct {
		struct bpf_program *prog;
		int type;
		bool is_wanted;
	} progs[FLAVOUR_MAX] = {
		{skel->progs.session, UPROBE_SESSION, is_session},
		{skel->progs.enter, UPROBE_MULTI, !is_session || at_rets},
		{skel->progs.leave, UPROBE_MULTI, !is_session},
		{skel->progs.at_ret, UPROBE_MULTI, at_rets},
		{skel->progs.at_catch, UPROBE_MULTI, at_rets},
		{skel->progs.at_load, UPROBE_MULTI, attach->program->hooks_returns},
		{skel->progs.at_mark, UPROBE_MULTI, has_marks},
		{skel->progs.at_ask, UPROBE_SESSION, has_marks && is_session},
		{skel->progs.thread_exit, 0, true},
		{skel->progs.process_exec, 0, true},
		{skel->progs.process_fork, 0, is_following},
	};
	struct flavour flavour = {};
	struct bpf_program *prog;
	int r = 0;

	bpf_object__for_each_program(prog, skel->obj) bpf_program__set_autoload(prog, false);
	for (size_t i = 0; i < FLAVOUR_MAX && r == 0; i++)
		if (progs[i].is_wanted)
			r = flavour_add(&flavour, progs[i].prog, progs[i].type, err);
	if (r == 0)
		r = flavour_load(&flavour, skel, err);
	for (size_t i = 0; i < flavour.cnt; i++) {
		bpf_program__set_log_buf(flavour.prog[i], NULL, 0);
		free(flavour.log[i]);
	}
	return r;
}

static bool is_deep(const struct attach *attach)
{
	for (size_t i = 0; i < attach->program->funcs_cnt; i++)
		if (attach->program->funcs[i].plan && attach->program->funcs[i].plan->flags & PLAN_F_DEEP)
			return true;
	return false;
}

static int size_maps(struct attach *attach, struct err *err)
{
	struct tape_bpf *skel = attach->skel;

	attach->rings_cnt = libbpf_num_possible_cpus();
	if (attach->rings_cnt < 0)
		return err_set(err, attach->rings_cnt, "cannot count the CPUs");
	if (bpf_map__set_max_entries(skel->maps.plans, attach->funcs_cnt) ||
	    bpf_map__set_max_entries(skel->maps.gates, attach->funcs_cnt * GATE_ROWS) ||
	    bpf_map__set_max_entries(skel->maps.counts, attach->funcs_cnt) ||
	    bpf_map__set_max_entries(skel->maps.rings, attach->rings_cnt) ||
	    bpf_map__set_max_entries(skel->maps.kicks, attach->rings_cnt) ||
	    bpf_map__set_max_entries(skel->maps.slots, attach->rings_cnt * SLOTS_PER_CPU) ||
	    (is_deep(attach) &&
	     bpf_map__set_max_entries(skel->maps.works, attach->rings_cnt * SLOTS_PER_CPU)))
		return err_set(err, -EINVAL, "cannot size the BPF maps");
	return 0;
}

int attach_load(struct attach *attach, bool is_following, struct err *err)
{
	int r;

	libbpf_set_print(NULL);
	attach->skel = tape_bpf__open();
	if (!attach->skel)
		return err_set(err, -errno, "cannot open the BPF object: %s", strerror(errno));
	r = size_maps(attach, err);
	return r < 0 ? r : load_programs(attach, is_following, err);
}
