// SPDX-License-Identifier: BSD-3-Clause
/*
 * The kernel's uprobe_multi and session links are newer than the libbpf of many systems, so links are made
 * with bpf(2) itself. One link hooks all functions of one file, in one process only.
 */
#include "loader/attach_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "lib/program.h"
#include "lib/util.h"
#include "loader/newcomers.h"
#include "loader/places.h"
#include "loader/uprobe_link.h"

#define FILE_LINKS 8	    /* at most, of one file */
#define NO_MODULE  SIZE_MAX /* of a link that stays when the probes of a file are renewed */

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

/* Returns before entries: no entry may be seen whose return is not. */
static int link_places(struct attach *attach, const struct file_places *places,
		       const struct program_file *file, struct err *err)
{
	const struct tape_bpf *skel = attach->skel;
	bool is_session = attach->is_session, is_counting = skel->bss->control.count_only;
	const struct link {
		const struct places *places;
		struct bpf_program *prog;
		int type;
		bool is_return, is_wanted;
	} links[] = {
		{&places->catches, skel->progs.at_catch, UPROBE_MULTI, false, true},
		{&places->rets, skel->progs.at_ret, UPROBE_MULTI, false, true},
		{&places->hooked, skel->progs.leave, UPROBE_MULTI, true, !is_session && !is_counting},
		{&places->hooked, skel->progs.enter, UPROBE_MULTI, false, !is_session},
		{&places->hooked, skel->progs.session, UPROBE_SESSION, false, is_session},
		{&places->entries, skel->progs.enter, UPROBE_MULTI, false, true},
		{&places->marks, skel->progs.at_mark, UPROBE_MULTI, false, true},
		{&places->asks, skel->progs.at_ask, UPROBE_SESSION, false, is_session},
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
	struct file_places places = {};
	int r = places_find(&places, attach->program, module, attach->is_unprobed, err);

	if (!r)
		r = link_places(attach, &places, &attach->program->files[module], err);
	places_release(&places);
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

/* Where libraries that are not there yet show that they have come. */
static int link_newcomers(struct attach *attach, struct err *err)
{
	struct newcomer_place places[NEWCOMER_PLACES_MAX];
	size_t cnt = attach->program->hooks_returns ? newcomers_places(places, attach->program) : 0;
	int r = 0;

	for (size_t i = 0; i < cnt; i++) {
		const uint64_t cookie = places[i].is_runtime;
		const struct uprobe_link probe = {places[i].path, &places[i].offset, &cookie, 1, attach->pid};

		if (r == 0)
			r = link_file(attach, &probe, attach->skel->progs.at_load, UPROBE_MULTI, false,
				      attach->program->files, err);
		if (r == 0)
			attach->links[attach->links_cnt - 1].module = NO_MODULE;
		free(places[i].path);
	}
	return r;
}

/* A child is probed from its first instruction on because the file is, in every process that maps it; those
 * that are not followed leave at once. */
int attach_link(struct attach *attach, bool is_following, struct err *err)
{
	int r;

	attach->links = malloc((FILE_LINKS * attach->program->files_cnt + NEWCOMER_PLACES_MAX) *
			       sizeof(*attach->links));
	if (!attach->links)
		return err_nomem(err);
	r = watch(attach, is_following, err);
	if (r == 0)
		r = link_newcomers(attach, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < attach->program->files_cnt; i++) {
		r = link_module(attach, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int attach_unprobe(struct attach *attach, size_t func, struct err *err)
{
	int r = 0;

	attach->is_unprobed[func] = true;
	for (size_t module = 0; r == 0 && module < attach->program->files_cnt; module++) {
		size_t kept = 0;

		if (!places_has(&attach->program->funcs[func], module))
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

/* In the reverse order: what watches for newcomers was linked first. */
void attach_unlink(struct attach *attach)
{
	for (size_t i = 0; i < ARRAY_SIZE(attach->watches); i++)
		bpf_link__destroy(TAKE_PTR(attach->watches[i]));
	while (attach->links_cnt)
		close(attach->links[--attach->links_cnt].fd);
	free(TAKE_PTR(attach->links));
}
