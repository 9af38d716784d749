// SPDX-License-Identifier: BSD-3-Clause
#include "loader/attach_impl.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "lib/util.h"
#include "loader/family.h"

#define INIT_PID_NS 0xeffffffcu /* PROC_PID_INIT_INO of include/linux/proc_ns.h */

/* Without sessions every process that maps the file would have its returns hooked, which some do not bear.
 * And the kernel tells children by its own numbers, not by those of a namespace. */
int attach_check_following(const struct attach *attach, struct err *err)
{
	struct stat ns;

	if (!attach->is_session)
		return err_set(err, -ENOTSUP, "--follow needs Linux 6.13 or newer, and not --two-links");
	if (!stat("/proc/self/ns/pid", &ns) && ns.st_ino != INIT_PID_NS)
		return err_set(err, -ENOTSUP,
			       "--follow works only outside containers, in the first PID namespace");
	return 0;
}

int attach_follow(struct attach *attach, pid_t pid, struct err *err)
{
	const uint32_t tgid = pid, first = FIRST_STACK_MAIN;

	if (bpf_map_update_elem(bpf_map__fd(attach->skel->maps.followed), &tgid, &first, 0))
		return err_set(err, -errno, "cannot hand down the process's number: %s", strerror(errno));
	attach->skel->bss->followed_cnt = 1;
	return 0;
}

/* One that ended meanwhile ended before it was followed, and is not alive. */
static int follow_child(struct attach *attach, uint32_t tgid, struct err *err)
{
	struct tape_bpf__bss *bss = attach->skel->bss;
	int fd = bpf_map__fd(attach->skel->maps.followed);
	const uint32_t first = FIRST_STACK_MAIN;

	if (bpf_map_update_elem(fd, &tgid, &first, BPF_NOEXIST)) {
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
int attach_follow_family(struct attach *attach, pid_t pid, struct err *err)
{
	autofree pid_t *pids = NULL;
	size_t cnt = 0;
	int r = family_of(&pids, &cnt, pid, err);

	for (size_t i = 0; i < cnt && r == 0; i++)
		r = follow_child(attach, pids[i], err);
	return r;
}

void attach_processes(const struct attach *attach, struct source_processes *out)
{
	const struct tape_bpf__bss *bss = attach->skel->bss;

	*out = (struct source_processes){
		.alive = __atomic_load_n(&bss->followed_cnt, __ATOMIC_RELAXED),
		.seen = __atomic_load_n(&bss->processes_cnt, __ATOMIC_RELAXED),
		.execs = __atomic_load_n(&bss->execs_cnt, __ATOMIC_RELAXED),
		.unfollowed = __atomic_load_n(&bss->unfollowed_cnt, __ATOMIC_RELAXED),
	};
}

uint64_t attach_loads(const struct attach *attach)
{
	return __atomic_load_n(&attach->skel->bss->loads_cnt, __ATOMIC_SEQ_CST);
}

/* A probe becomes wary after it has counted, too. */
void attach_trust(struct attach *attach, uint64_t loads)
{
	__atomic_store_n(&attach->skel->bss->control.is_wary, 0, __ATOMIC_SEQ_CST);
	if (attach_loads(attach) != loads)
		__atomic_store_n(&attach->skel->bss->control.is_wary, 1, __ATOMIC_SEQ_CST);
}

void attach_resume(const struct attach *attach, const pid_t *pids, size_t cnt)
{
	for (size_t i = 0; i < cnt && attach->skel->bss->control.is_stopping; i++)
		kill(pids[i], SIGCONT);
}

size_t attach_followed(const struct attach *attach, pid_t *pids, size_t max)
{
	int fd = bpf_map__fd(attach->skel->maps.followed);
	uint32_t tgid, *last = NULL;
	size_t cnt = 0;

	while (cnt < max && !bpf_map_get_next_key(fd, last, &tgid)) {
		pids[cnt++] = tgid;
		last = &tgid;
	}
	return cnt;
}

void attach_resume_all(const struct attach *attach)
{
	int fd = bpf_map__fd(attach->skel->maps.followed);
	uint32_t tgid, *last = NULL;

	for (; !bpf_map_get_next_key(fd, last, &tgid); last = &tgid)
		attach_resume(attach, (const pid_t[]){tgid}, 1);
}
