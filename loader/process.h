/* SPDX-License-Identifier: BSD-3-Clause */
/* The traced process: its files, whether it may be traced, and commands held at their entry. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/program.h"

struct config;
struct err;

struct process {
	pid_t pid;
	bool is_ours; /* we started it, and reap it */
	bool is_held;
	int pidfd;		     /* readable when it has ended */
	int32_t errno_off;	     /* of errno from the thread pointer; 0: unknown */
	uint64_t libc[2], loader[2]; /* text of libc and ld.so: [from, to); 0 when absent */
};

/* A running process. "no process 4242", "no permission ..." */
int process_open(struct process **out, pid_t pid, struct err *err);
/* Start @argv and hold it at the executable's entry: its libraries are mapped and their constructors have
 * run. */
int process_spawn(struct process **out, char *const argv[], struct err *err);
/* The same with more: variables of the environment, and descriptors that it gets as @first_fd and on, where
 * programs that open a few files do not come. */
struct process_setup {
	char *const *env; /* NAME=VALUE..., NULL-terminated */
	const int *fds;
	size_t fds_cnt;
	int first_fd;
};
int process_spawn_with(struct process **out, char *const argv[], const struct process_setup *setup,
		       struct err *err);
int process_release(struct process *process, struct err *err); /* let a held one go */
/* The files it maps executable, from /proc/PID/maps, opened through /proc/PID/root; the executable
 * (/proc/PID/exe) first. */
int process_files(const struct process *process, struct program_file **files, size_t *cnt, struct err *err);
/* What makes tracing it dangerous, -EPERM with the reason and the way out: C++ unwinding through return
 * probes, seccomp on 6.11 to 6.13, already traced by ptrace. Checked before anything is attached. */
int process_check(const struct process *process, const struct program *program, struct err *err);
/* The same on a kernel whose release is @release: "6.12.4". */
int process_check_on(const struct process *process, const struct program *program, const char *release,
		     struct err *err);
/* After process_files: fill errno_off, libc and loader. */
int process_layout(struct process *process, const struct program *program, struct err *err);
bool process_has_ended(const struct process *process);
/* Of one we started, once it has ended: its wait status. */
int process_status(struct process *process);
/* Never ends a process that it did not start; one still held is killed. */
void process_close(struct process *process);
void process_closep(struct process **process);
#define auto_process __attribute__((cleanup(process_closep)))
