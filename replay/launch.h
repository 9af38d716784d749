/* SPDX-License-Identifier: BSD-3-Clause */
/* How a target is started: its private copy, its folder, its environment. Prepared once, started as often as
 * wanted. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct err;
struct launch;
struct server_opts;

#define LAUNCH_ENV_MAX 256 /* variables beside the fixed ones; further ones are left out */

int launch_new(struct launch **out, const struct server_opts *opts, struct err *err);
void launch_free(struct launch *launch); /* removes the folder and all that the target left there */
void launch_freep(struct launch **launch);
#define auto_launch __attribute__((cleanup(launch_freep)))

const char *launch_folder(const struct launch *launch);
const char *launch_exe(const struct launch *launch);

#define LAUNCH_FDS 4 /* as TAPEDECK_REPLAY names them: patch, case, outcome, socket */
/* Start the target with these descriptors, which stay the caller's. *@layers is as sandbox_enter says. */
int launch_start(pid_t *pid, int *layers, struct launch *launch, const int fds[LAUNCH_FDS], struct err *err);

/* Forget what targets wrote to stderr and stdout up to now. */
void launch_clear_said(struct launch *launch);
/* The end of what they wrote since to stderr, or if nothing then to stdout; borrowed until the next call. */
const char *launch_said(struct launch *launch);
#define LAUNCH_SAID_MAX 2048
/* What a sanitizer that the build has in it, or valgrind, reported since; "": nothing. Borrowed likewise. */
const char *launch_report(struct launch *launch);
#define LAUNCH_REPORT_MAX 320
