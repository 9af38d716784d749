// SPDX-License-Identifier: BSD-3-Clause
/*
 * The kernel's uprobe_multi and session links are newer than the libbpf of many systems, so links are made
 * with bpf(2) itself. One link hooks all functions of one file, in one process only.
 */
#include "loader/attach.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/tape.skel.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/util.h"
#include "loader/cost.h"
#include "loader/family.h"
#include "loader/features.h"
#include "loader/fpregs.h"
#include "loader/frames.h"
#include "loader/process.h"
#include "loader/uprobe_link.h"

#define PROBES_MAX	(64 * FUNC_MAX)	       /* of one file */
#define FILE_LINKS	6		       /* at most, of one file */
#define SLOTS_PER_CPU	4		       /* as in bpf/maps.bpf.h */
#define RINGS_BYTES_MAX (512ull * 1024 * 1024) /* of all rings, when the caller does not choose */
#define NS_PER_S	1000000000.0
#define INIT_PID_NS	0xeffffffcu /* PROC_PID_INIT_INO of include/linux/proc_ns.h */

/* Probes of one file. */
struct attached {
	int fd;
	size_t module;
};

struct attach {
	struct tape_bpf *skel;
	size_t funcs_cnt;
	int *rings;
	int rings_cnt;
	uint32_t ring_bytes;
	struct attached *links;
	size_t links_cnt;
	const struct program *program; /* borrowed */
	pid_t pid;		       /* whose probes; 0: of everyone who maps the file */
	bool is_session;
	bool is_unprobed[FUNC_MAX];
	uint32_t site_ns[SITE_CNT];
	struct bpf_link *watches[3];  /* of the life of threads and processes */
	struct fpregs *fpregs;	      /* NULL: nothing needs it, or fp_trouble */
	char fp_trouble[ERR_MSG_MAX]; /* why floating-point registers cannot be read */
};

/* --- loading --- */

static int load_error(int r, const char *log, struct err *err)
{
	struct feature_state missing;
	enum feature feature = features_missing(&missing);

	if (feature != FEATURE_CNT) {
		r = feature == FEATURE_BPF ? -EPERM : -ENOTSUP;
		err_set(err, r, "%s", missing.cost);
		err_hint(err, "'tapedeck doctor' shows what this machine allows");
		return r;
	}
	return err_set(err, r, "the kernel refused the probes: %s: %.300s", strerror(-r), log);
}

static bool has_at_rets(const struct program *program)
{
	for (size_t i = 0; i < program->funcs_cnt; i++)
		if (program->funcs[i].is_at_rets)
			return true;
	return false;
}

#define FLAVOUR_MAX 8

/* The programs of one attach flavour; the verifier's words about each. */
struct flavour {
	struct bpf_program *prog[FLAVOUR_MAX];
	char *log[FLAVOUR_MAX];
	size_t cnt;
};

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

static int load_programs(struct tape_bpf *skel, bool is_session, bool at_rets, bool is_following,
			 struct err *err)
{
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
	    bpf_map__set_max_entries(skel->maps.slots, attach->rings_cnt * SLOTS_PER_CPU))
		return err_set(err, -EINVAL, "cannot size the BPF maps");
	return 0;
}

int attach_renew_ring(struct attach *attach, int idx, struct err *err)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, attach->ring_bytes, NULL);
	uint32_t key = idx;

	if (fd < 0)
		return err_set(err, -errno, "cannot make a ring of %u bytes: %s", attach->ring_bytes,
			       strerror(errno));
	closep(&attach->rings[idx]);
	attach->rings[idx] = fd;
	if (bpf_map_update_elem(bpf_map__fd(attach->skel->maps.rings), &key, &fd, 0))
		return err_set(err, -errno, "cannot hand down a ring: %s", strerror(errno));
	return 0;
}

static int make_rings(struct attach *attach, uint32_t bytes, struct err *err)
{
	uint32_t size = bytes ? bytes : RING_BYTES_DEFAULT;

	if (size > RING_BYTES_MAX || (size & (size - 1)) || size < (uint32_t)getpagesize())
		return err_set(err, -EINVAL, "a ring of %u bytes: not a power of two from %d to %d", size,
			       getpagesize(), RING_BYTES_MAX);
	while (!bytes && (uint64_t)size * attach->rings_cnt > RINGS_BYTES_MAX &&
	       size > RING_BYTES_DEFAULT / 16)
		size /= 2;
	attach->rings = malloc(attach->rings_cnt * sizeof(*attach->rings));
	if (!attach->rings)
		return err_nomem(err);
	for (int i = 0; i < attach->rings_cnt; i++)
		attach->rings[i] = -1;
	attach->ring_bytes = size;
	for (int i = 0; i < attach->rings_cnt; i++) {
		int r = attach_renew_ring(attach, i, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- rules and plans, going down --- */

/* Bits of the threshold below which so large a share of 32-bit numbers lies. */
static uint32_t threshold_of(double rate)
{
	return rate >= 1 ? UINT32_MAX : rate * UINT32_MAX;
}

static void set_sampling(struct func_rule *rule, const struct sampling *sampling)
{
	double max = sampling->max_per_second;

	rule->is_off = sampling->is_off;
	rule->sample_threshold = threshold_of(sampling->rate);
	rule->window_max = 0;
	rule->window_ns = 0;
	if (max > 0) {
		rule->window_max = max < 1 ? 1 : max < UINT32_MAX ? max : UINT32_MAX;
		rule->window_ns = rule->window_max / max * NS_PER_S;
	}
}

static int put_gate(struct attach *attach, uint32_t row, const struct plan_gate *gate, struct err *err)
{
	if (!gate || !bpf_map_update_elem(bpf_map__fd(attach->skel->maps.gates), &row, gate, 0))
		return 0;
	return err_set(err, -errno, "cannot hand down what decides at a function's entry: %s",
		       strerror(errno));
}

static int hand_down_func(struct attach *attach, uint32_t i, const struct program_func *func, struct err *err)
{
	struct func_rule *rule = &attach->skel->bss->rules[i];

	*rule = (struct func_rule){
		.is_operation = func->config->role == ROLE_OPERATION,
		.plan_flags = func->plan->flags,
		.fp_in = func->plan->fp_in,
		.fp_out = func->plan->fp_out,
		.gate_flags = func->gate ? func->gate->flags : 0,
		.gate = i * GATE_ROWS,
		.is_at_rets = func->is_at_rets,
	};
	set_sampling(rule, &func->config->sampling);
	if (bpf_map_update_elem(bpf_map__fd(attach->skel->maps.plans), &i, func->plan, 0))
		return err_set(err, -errno, "cannot hand down the plan of '%s': %s", func->config->name,
			       strerror(errno));
	return put_gate(attach, rule->gate, func->gate, err);
}

static int follow(struct attach *attach, uint32_t tgid, struct err *err)
{
	const uint32_t one = 1;

	if (bpf_map_update_elem(bpf_map__fd(attach->skel->maps.followed), &tgid, &one, 0))
		return err_set(err, -errno, "cannot hand down the process's number: %s", strerror(errno));
	attach->skel->bss->followed_cnt = 1;
	return 0;
}

static int hand_down(struct attach *attach, const struct program *program, const struct process *process,
		     const struct attach_opts *opts, struct err *err)
{
	struct control *control = &attach->skel->bss->control;
	int r = 0;

	control->count_only = opts->count_only;
	control->is_following = opts->is_following;
	control->is_timed = opts->is_timed;
	control->is_seeded = opts->is_seeded;
	control->seed = opts->seed;
	control->errno_off = process->errno_off;
	memcpy(control->exclude[0], process->libc, sizeof(process->libc));
	memcpy(control->exclude[1], process->loader, sizeof(process->loader));
	r = follow(attach, process->pid, err);
	for (uint32_t i = 0; r == 0 && i < program->funcs_cnt; i++)
		r = hand_down_func(attach, i, &program->funcs[i], err);
	return r;
}

void attach_rate(struct attach *attach, size_t func, double rate)
{
	attach->skel->bss->rules[func].sample_threshold = threshold_of(rate);
}

/* Probes may be running the gate that is in use: the new one goes into the other row. Flags that only one of
 * them has are never in force with the other. */
int attach_sample(struct attach *attach, size_t func, const struct sampling *sampling,
		  const struct plan_gate *gate, struct err *err)
{
	struct func_rule *rule = &attach->skel->bss->rules[func];
	uint32_t first = func * GATE_ROWS, row = rule->gate == first ? first + 1 : first;
	uint32_t flags = gate ? gate->flags : 0;
	int r = put_gate(attach, row, gate, err);

	if (r < 0)
		return r;
	__atomic_store_n(&rule->gate_flags, rule->gate_flags & flags, __ATOMIC_SEQ_CST);
	__atomic_store_n(&rule->gate, row, __ATOMIC_SEQ_CST);
	__atomic_store_n(&rule->gate_flags, flags, __ATOMIC_SEQ_CST);
	set_sampling(rule, sampling);
	return 0;
}

/* --- floating-point registers --- */

static bool wants_fpregs(const struct program *program)
{
	for (size_t i = 0; i < program->funcs_cnt; i++)
		if (program->funcs[i].plan->fp_in || program->funcs[i].plan->fp_out)
			return true;
	return false;
}

/* Where they cannot be read, probes say so of each value; all else is recorded. */
static int prepare_fpregs(struct attach *attach, const struct program *program, struct err *err)
{
	struct err why = {};

	if (!wants_fpregs(program))
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

/* --- links --- */

static int link_error(int r, const struct program_file *file, pid_t pid, struct err *err)
{
	switch (r) {
	case -ESRCH:
		return err_set(err, r, "no process %d", pid);
	case -EPERM:
	case -EACCES:
		err_set(err, -EPERM, "no permission to probe process %d", pid);
		err_hint(err, "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE");
		return -EPERM;
	default:
		return err_set(err, r, "cannot probe '%s': %s", file->path, strerror(-r));
	}
}

static int link_file(struct attach *attach, const struct uprobe_link *probes, struct bpf_program *prog,
		     int attach_type, bool is_return, const struct program_file *file, struct err *err)
{
	int fd = uprobe_link_create(probes, bpf_program__fd(prog), attach_type, is_return);

	if (fd < 0)
		return link_error(fd, file, probes->pid, err);
	attach->links[attach->links_cnt++] = (struct attached){fd, file - attach->program->files};
	return 0;
}

/* Places in one file, for one program. */
struct places {
	uint64_t *offsets, *cookies;
	uint32_t cnt;
};

static void places_release(struct places *places)
{
	free(places->offsets);
	free(places->cookies);
}

static int places_add(struct places *places, uint64_t offset, uint64_t cookie, struct err *err)
{
	uint64_t *offsets = reallocarray(places->offsets, places->cnt + 1, sizeof(*offsets)), *cookies;

	if (offsets)
		places->offsets = offsets;
	cookies = reallocarray(places->cookies, places->cnt + 1, sizeof(*cookies));
	if (cookies)
		places->cookies = cookies;
	if (!offsets || !cookies)
		return err_nomem(err);
	if (places->cnt == PROBES_MAX)
		return err_set(err, -E2BIG, "more than %d places to probe in one file", PROBES_MAX);
	places->offsets[places->cnt] = offset;
	places->cookies[places->cnt++] = cookie;
	return 0;
}

/* What is to be hooked, entry and return; what is probed at entry alone, and at each `ret`. */
struct module_places {
	struct places hooked, entries, rets, catches;
};

static int add_at_rets(struct module_places *places, const struct program_func *func, size_t idx,
		       struct err *err)
{
	uint64_t cookie = idx;
	int r = 0;

	for (size_t i = 0; i < func->rets_cnt && !r; i++) {
		if (func->rets[i] == func->offset)
			cookie |= COOKIE_IS_RET;
		else
			r = places_add(&places->rets, func->rets[i], idx, err);
	}
	return r ? r : places_add(&places->entries, func->offset, cookie, err);
}

static int add_func(struct module_places *places, const struct program_func *func, size_t idx, size_t module,
		    struct err *err)
{
	int r = 0;

	if (func->module == module && func->is_at_rets)
		return add_at_rets(places, func, idx, err);
	if (func->module == module && !func->is_ifunc)
		r = places_add(&places->hooked, func->offset, idx, err);
	for (size_t k = 0; k < func->stubs_cnt && !r; k++)
		if (func->stubs[k].module == module)
			r = places_add(&places->hooked, func->stubs[k].offset, idx, err);
	return r;
}

static int find_places(struct module_places *places, const struct attach *attach, size_t module,
		       struct err *err)
{
	const struct program *program = attach->program;
	int r = 0;

	for (size_t i = 0; i < program->funcs_cnt && !r; i++)
		r = attach->is_unprobed[i] ? 0 : add_func(places, &program->funcs[i], i, module, err);
	if (!r && has_at_rets(program) && program->catches[module])
		r = places_add(&places->catches, program->catches[module], 0, err);
	return r;
}

/* Returns before entries: no entry may be seen whose return is not. */
static int link_places(struct attach *attach, const struct module_places *places,
		       const struct program_file *file, struct err *err)
{
	const struct tape_bpf *skel = attach->skel;
	bool is_session = attach->is_session;
	const struct link {
		const struct places *places;
		struct bpf_program *prog;
		int type;
		bool is_return, is_wanted;
	} links[] = {
		{&places->catches, skel->progs.at_catch, UPROBE_MULTI, false, true},
		{&places->rets, skel->progs.at_ret, UPROBE_MULTI, false, true},
		{&places->hooked, skel->progs.leave, UPROBE_MULTI, true, !is_session},
		{&places->hooked, skel->progs.enter, UPROBE_MULTI, false, !is_session},
		{&places->hooked, skel->progs.session, UPROBE_SESSION, false, is_session},
		{&places->entries, skel->progs.enter, UPROBE_MULTI, false, true},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(links) && !r; i++) {
		const struct places *at = links[i].places;
		const struct uprobe_link probes = {file->path, at->offsets, at->cookies, at->cnt,
						   attach->pid};

		if (at->cnt && links[i].is_wanted)
			r = link_file(attach, &probes, links[i].prog, links[i].type, links[i].is_return, file,
				      err);
	}
	return r;
}

static int link_module(struct attach *attach, size_t module, struct err *err)
{
	const struct program_file *file = &attach->program->files[module];
	struct module_places places = {};
	int r = find_places(&places, attach, module, err);

	if (!r)
		r = link_places(attach, &places, file, err);
	places_release(&places.hooked);
	places_release(&places.entries);
	places_release(&places.rets);
	places_release(&places.catches);
	return r;
}

static int watch(struct attach *attach, bool is_following, struct err *err)
{
	struct bpf_program *const progs[] = {attach->skel->progs.thread_exit,
					     attach->skel->progs.process_exec,
					     is_following ? attach->skel->progs.process_fork : NULL};

	_Static_assert(ARRAY_SIZE(progs) == ARRAY_SIZE(attach->watches), "one for each");
	for (size_t i = 0; i < ARRAY_SIZE(progs) && progs[i]; i++) {
		attach->watches[i] = bpf_program__attach(progs[i]);
		if (!attach->watches[i])
			return err_set(err, -errno, "cannot watch for ending threads and processes: %s",
				       strerror(errno));
	}
	return 0;
}

/* A child is probed from its first instruction on because the file is, in every process that maps it; those
 * that are not followed leave at once. */
static int link_all(struct attach *attach, bool is_following, struct err *err)
{
	int r;

	attach->links = malloc(FILE_LINKS * attach->program->files_cnt * sizeof(*attach->links));
	if (!attach->links)
		return err_nomem(err);
	r = watch(attach, is_following, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < attach->program->files_cnt; i++) {
		r = link_module(attach, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_in(const struct program_func *func, size_t module)
{
	if (func->module == module && !func->is_ifunc)
		return true;
	for (size_t i = 0; i < func->stubs_cnt; i++)
		if (func->stubs[i].module == module)
			return true;
	return false;
}

int attach_unprobe(struct attach *attach, size_t func, struct err *err)
{
	int r = 0;

	attach->is_unprobed[func] = true;
	for (size_t module = 0; r == 0 && module < attach->program->files_cnt; module++) {
		size_t kept = 0;

		if (!is_in(&attach->program->funcs[func], module))
			continue;
		for (size_t i = 0; i < attach->links_cnt; i++) {
			if (attach->links[i].module == module)
				close(attach->links[i].fd);
			else
				attach->links[kept++] = attach->links[i];
		}
		attach->links_cnt = kept;
		r = link_module(attach, module, err);
	}
	return r;
}

/* One that ended meanwhile ended before it was followed, and is not alive. */
static int follow_child(struct attach *attach, uint32_t tgid, struct err *err)
{
	struct tape_bpf__bss *bss = attach->skel->bss;
	int fd = bpf_map__fd(attach->skel->maps.followed);
	const uint32_t one = 1;

	if (bpf_map_update_elem(fd, &tgid, &one, BPF_NOEXIST)) {
		if (errno == E2BIG)
			__atomic_add_fetch(&bss->unfollowed_cnt, 1, __ATOMIC_RELAXED);
		return errno == EEXIST || errno == E2BIG
			       ? 0
			       : err_set(err, -errno, "cannot follow process %u: %s", tgid, strerror(errno));
	}
	__atomic_add_fetch(&bss->followed_cnt, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&bss->processes_cnt, 1, __ATOMIC_RELAXED);
	if (kill(tgid, 0) && errno == ESRCH && !bpf_map_delete_elem(fd, &tgid))
		__atomic_sub_fetch(&bss->followed_cnt, 1, __ATOMIC_RELAXED);
	return 0;
}

/* Forks are watched by now: whoever is not among these yet comes by himself. */
static int follow_family(struct attach *attach, pid_t pid, struct err *err)
{
	autofree pid_t *pids = NULL;
	size_t cnt = 0;
	int r = family_of(&pids, &cnt, pid, err);

	for (size_t i = 0; i < cnt && r == 0; i++)
		r = follow_child(attach, pids[i], err);
	return r;
}

/* --- life --- */

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

/* Without sessions every process that maps the file would have its returns hooked, which some do not bear.
 * And the kernel tells children by its own numbers, not by those of a namespace. */
static int check_following(bool is_session, struct err *err)
{
	struct stat ns;

	if (!is_session)
		return err_set(err, -ENOTSUP, "--follow needs Linux 6.13 or newer, and not --two-links");
	if (!stat("/proc/self/ns/pid", &ns) && ns.st_ino != INIT_PID_NS)
		return err_set(err, -ENOTSUP,
			       "--follow works only outside containers, in the first PID namespace");
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
	bool is_session = !opts->two_links && feature_is_there(FEATURE_UPROBE_SESSION);
	int r = check_funcs(program, err);

	if (r == 0 && opts->is_following)
		r = check_following(is_session, err);
	if (r < 0)
		return r;
	if (!attach)
		return err_nomem(err);
	libbpf_set_print(NULL);
	attach->funcs_cnt = program->funcs_cnt;
	attach->program = program;
	attach->is_session = is_session;
	attach->pid = opts->is_following ? 0 : process->pid;
	attach->skel = tape_bpf__open();
	if (!attach->skel)
		return err_set(err, -errno, "cannot open the BPF object: %s", strerror(errno));
	r = size_maps(attach, err);
	if (r == 0)
		r = load_programs(attach->skel, is_session, has_at_rets(program), opts->is_following, err);
	if (r == 0)
		r = make_rings(attach, opts->ring_bytes, err);
	if (r == 0)
		r = hand_down(attach, program, process, opts, err);
	if (r == 0 && !opts->count_only)
		r = prepare_fpregs(attach, program, err);
	if (r == 0 && opts->is_timed)
		r = measure(attach, err);
	if (r == 0)
		r = link_all(attach, opts->is_following, err);
	if (r == 0 && opts->is_following)
		r = follow_family(attach, process->pid, err);
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

void attach_processes(const struct attach *attach, struct attach_processes *out)
{
	const struct tape_bpf__bss *bss = attach->skel->bss;

	*out = (struct attach_processes){
		.alive = __atomic_load_n(&bss->followed_cnt, __ATOMIC_RELAXED),
		.seen = __atomic_load_n(&bss->processes_cnt, __ATOMIC_RELAXED),
		.execs = __atomic_load_n(&bss->execs_cnt, __ATOMIC_RELAXED),
		.unfollowed = __atomic_load_n(&bss->unfollowed_cnt, __ATOMIC_RELAXED),
	};
}

int attach_counts(const struct attach *attach, struct func_count *counts, struct err *err)
{
	size_t cpus = attach->rings_cnt, fields = sizeof(*counts) / sizeof(uint64_t);
	autofree struct func_count *row = calloc(cpus, sizeof(*row));

	_Static_assert(sizeof(struct func_count) % sizeof(uint64_t) == 0, "summed as 64-bit numbers");
	if (!row)
		return err_nomem(err);
	memset(counts, 0, attach->funcs_cnt * sizeof(*counts));
	for (uint32_t i = 0; i < attach->funcs_cnt; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(attach->skel->maps.counts), &i, row))
			return err_set(err, -errno, "cannot read the counters: %s", strerror(errno));
		for (size_t k = 0; k < cpus * fields; k++)
			((uint64_t *)&counts[i])[k % fields] += ((uint64_t *)row)[k];
	}
	return 0;
}

/* Probes go one by one, and an operation that ended meanwhile would lack calls and look whole: so first no
 * probe may emit any more. */
void attach_detach(struct attach *attach)
{
	if (!attach->links)
		return;
	set_state(attach, CONTROL_STOPPED);
	for (size_t i = 0; i < ARRAY_SIZE(attach->watches); i++)
		bpf_link__destroy(TAKE_PTR(attach->watches[i]));
	while (attach->links_cnt)
		close(attach->links[--attach->links_cnt].fd);
	free(TAKE_PTR(attach->links));
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

int attach_rings_cnt(const struct attach *attach)
{
	return attach->rings_cnt;
}

int attach_ring_fd(const struct attach *attach, int idx)
{
	return attach->rings[idx];
}
