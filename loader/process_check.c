// SPDX-License-Identifier: BSD-3-Clause
/* What would make tracing hurt the target, whatever is probed. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "lib/err.h"
#include "lib/object.h"
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

/* A filter may hold for some threads only. */
static bool is_filtered(pid_t pid)
{
	char path[PROCFS_PATH_MAX];
	struct dirent *entry;
	bool is_found = false;
	DIR *dir;

	procfs_path(path, pid, "task");
	dir = opendir(path);
	while (dir && !is_found && (entry = readdir(dir)))
		is_found = entry->d_name[0] != '.' && procfs_status(atoi(entry->d_name), "Seccomp") > 0;
	if (dir)
		closedir(dir);
	return is_found;
}

/* What installs a filter while it runs, and says so by what it imports. */
static const char *filters_itself(const struct program *program)
{
	for (size_t i = 0; i < program->files_cnt; i++)
		if (program->objects[i] && object_import_slots(program->objects[i], "seccomp_load", NULL, 0))
			return program->files[i].name;
	return NULL;
}

/* 6.11 brought a system call for return probes, which seccomp filters kill until 6.14 exempts it. */
static int check_seccomp(const struct process *process, const struct program *program, const char *release,
			 struct err *err)
{
	const char *name = filters_itself(program);
	unsigned version, patch;
	bool is_now;

	if (sscanf(release, "%u.%u", &version, &patch) != 2 || version != 6 || patch < 11 || patch > 13)
		return 0;
	is_now = is_filtered(process->pid);
	if (is_now)
		err_set(err, -EPERM, "process %d is under seccomp, which kills return probes on Linux %u.%u",
			process->pid, version, patch);
	else if (name)
		err_set(err, -EPERM,
			"'%s' in process %d puts it under seccomp (seccomp_load), which kills return probes on "
			"Linux %u.%u",
			name, process->pid, version, patch);
	else
		return 0;
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

int process_check_on(const struct process *process, const struct program *program, const char *release,
		     struct err *err)
{
	int r = check_tracer(process, err);

	if (!r)
		r = check_seccomp(process, program, release, err);
	return r ? r : check_stacks(process, program, err);
}

int process_check(const struct process *process, const struct program *program, struct err *err)
{
	struct utsname name = {};

	uname(&name);
	return process_check_on(process, program, name.release, err);
}
