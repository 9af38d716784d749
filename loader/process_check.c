// SPDX-License-Identifier: BSD-3-Clause
/* What would make tracing hurt the target, whatever is probed. */
#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "lib/err.h"
#include "loader/process.h"
#include "loader/procfs.h"

static int check_tracer(const struct process *process, struct err *err)
{
	long tracer = procfs_status(process->pid, "TracerPid");

	if (process->is_held || tracer <= 0)
		return 0;
	err_set(err, -EPERM,
		"process %d is traced by process %ld (a debugger or strace), which would see our probes",
		process->pid, tracer);
	err_hint(err, "end process %ld first", tracer);
	return -EPERM;
}

/* 6.11 brought a system call for return probes, which seccomp filters kill until 6.14 exempts it. */
static int check_seccomp(const struct process *process, struct err *err)
{
	unsigned version, patch;
	struct utsname name;

	if (procfs_status(process->pid, "Seccomp") <= 0 || uname(&name) ||
	    sscanf(name.release, "%u.%u", &version, &patch) != 2 || version != 6 || patch < 11 || patch > 13)
		return 0;
	err_set(err, -EPERM, "process %d is under seccomp, which kills return probes on Linux %u.%u",
		process->pid, version, patch);
	err_hint(err, "run it without a seccomp filter, or on Linux 6.14 or later");
	return -EPERM;
}

static int check_stacks(const struct process *process, const struct program *program, struct err *err)
{
	const char *name = program_moves_stacks(program);

	if (!name)
		return 0;
	err_set(err, -EPERM, "probes on returns break Go, and '%s' in process %d is written in it", name,
		process->pid);
	err_hint(err, "record a build that does without it");
	return -EPERM;
}

int process_check(const struct process *process, const struct program *program, struct err *err)
{
	int r = check_tracer(process, err);

	if (!r)
		r = check_seccomp(process, err);
	return r ? r : check_stacks(process, program, err);
}
