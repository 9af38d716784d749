/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of launch share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "replay/launch.h"

#define LAUNCH_SOCKET_FD                                                                                     \
	200 /* where programs that open a few files do not come, and forks copy small tables */
#define LAUNCH_ENV_ROOM (16 + LAUNCH_ENV_MAX)

struct launch {
	char *dir;  /* 0700, the target's to write */
	char *exe;  /* as it really is called */
	char *copy; /* of it, in dir */
	char **argv;
	char **scratch; /* folders it may write to in private */
	char *env[LAUNCH_ENV_ROOM + 1];
	size_t env_cnt;
	int out_fd, err_fd, null_fd;
	int cpu;
	bool has_sanitizer, is_kept, is_linked_in;
	char *valgrind; /* NULL: not under it */
	bool reports;	/* it may have a sanitizer's reports on stderr */
	char said[LAUNCH_SAID_MAX + 1];
	char report[LAUNCH_REPORT_MAX];
};

/* A new folder, 0700: launch->dir. */
int launch_make_folder(struct launch *launch, struct err *err);
/* With all that the target left there, also what it made unsearchable. */
void launch_remove_folder(const char *dir);
/* launch->copy. */
int launch_copy_exe(struct launch *launch, struct err *err);
/* @libs: SONAME=PATH each; as links in a folder that the loader looks in first. */
int launch_link_libs(const struct launch *launch, char *const *libs, struct err *err);
/* What the loader finds for the executable itself, unless another stands in for it. */
void launch_link_found_libs(const struct launch *launch);
int launch_open_streams(struct launch *launch, struct err *err);
