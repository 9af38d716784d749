/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the attach module share; included by loader/attach*.c only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/event.h"
#include "bpf/tape.skel.h"
#include "lib/err.h"
#include "lib/insn.h"
#include "loader/attach.h"

#define ATTACH_WATCHES 3

/* Probes of one file. */
struct attached {
	int fd;
	size_t module;
};

struct attach {
	struct source source;
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
	struct bpf_link *watches[ATTACH_WATCHES]; /* of the life of threads and processes */
	struct fpregs *fpregs;			  /* NULL: nothing needs it, or fp_trouble */
	char fp_trouble[ERR_MSG_MAX];		  /* why floating-point registers cannot be read */
};

/* --- attach_load.c: the BPF object into the kernel --- */

/* Open the object and load the programs that attach->program needs, as is_session says; its maps are sized to
 * functions and CPUs. -EPERM and -ENOTSUP as attach_new. */
int attach_load(struct attach *attach, bool is_following, struct err *err);

/* --- attach_rings.c --- */

/* One ring a CPU, each of @bytes, or of a size that suits the machine where that is 0. */
int attach_make_rings(struct attach *attach, uint32_t bytes, struct err *err);

/* --- attach_rules.c: what probes decide by, going down --- */

int attach_hand_down(struct attach *attach, const struct process *process, const struct attach_opts *opts,
		     struct err *err);

/* --- attach_links.c --- */

/* Hook all files, and watch the life of threads and processes. What was linked before a failure is attach's
 * to unlink. */
int attach_link(struct attach *attach, bool is_following, struct err *err);
/* The kernel waits for probes that run. */
void attach_unlink(struct attach *attach);

/* --- attach_follow.c: which processes are recorded --- */

/* -ENOTSUP, with words, where children cannot be followed. */
int attach_check_following(const struct attach *attach, struct err *err);
/* The process itself. */
int attach_follow(struct attach *attach, pid_t pid, struct err *err);
/* The children that @pid has; forks must be watched by now. */
int attach_follow_family(struct attach *attach, pid_t pid, struct err *err);
