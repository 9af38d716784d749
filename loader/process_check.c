// SPDX-License-Identifier: BSD-3-Clause
/*
 * What would make tracing hurt the target. A return probe replaces the return address on the stack, so
 * whatever walks the stack to unwind it (a C++ exception, a Rust panic) or moves it (Go) ends the process.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/err.h"
#include "lib/object.h"
#include "lib/util.h"
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

/* Libraries that throw, and functions that only what throws has. */
static const char *const throwing_libs[] = {"libstdc++.so.", "libc++.so.", "libc++abi.so.", "libgo.so."};
static const char *const throwing_funcs[] = {"__cxa_throw", "rust_eh_personality", "runtime.gopanic"};
static const char *const throwing_imports[] = {"__cxa_throw", "_Unwind_RaiseException"};

/* What shows that @object unwinds the stack; NULL when nothing does. */
static const char *why_unwinding(const struct object *object)
{
	const char *needed;

	for (size_t i = 0; (needed = object_needed(object, i)); i++)
		for (size_t k = 0; k < ARRAY_SIZE(throwing_libs); k++)
			if (!strncmp(needed, throwing_libs[k], strlen(throwing_libs[k])))
				return needed;
	for (size_t i = 0; i < ARRAY_SIZE(throwing_funcs); i++)
		if (object_find_func(object, throwing_funcs[i], NULL, NULL))
			return throwing_funcs[i];
	for (size_t i = 0; i < ARRAY_SIZE(throwing_imports); i++)
		if (object_import_slots(object, throwing_imports[i], NULL, 0))
			return throwing_imports[i];
	return NULL;
}

/* What brings the means to throw, but does not throw by itself: who needs it is what counts. The C runtime
 * unwinds too (pthread_exit), but by force: nothing is looked up on the way. */
static bool is_runtime(const struct object *object)
{
	static const char *const runtimes[] = {
		"libc.so.",	 "ld-linux",	"libgcc_s.so.", "libstdc++.so.", "libc++.so.",
		"libc++abi.so.", "libasan.so.", "libubsan.so.", "libtsan.so.",	 "liblsan.so.",
	};
	const char *soname = object_soname(object);

	for (size_t i = 0; soname && i < ARRAY_SIZE(runtimes); i++)
		if (!strncmp(soname, runtimes[i], strlen(runtimes[i])))
			return true;
	return false;
}

static int check_unwinding(const struct process *process, const struct program *program, struct err *err)
{
	for (size_t i = 0; i < program->files_cnt; i++) {
		const struct object *object = program->objects[i];
		const char *why = object && !is_runtime(object) ? why_unwinding(object) : NULL;

		if (!why)
			continue;
		err_set(err, -EPERM,
			"return probes break C++ exceptions, Rust panics and Go, and '%s' in process %d uses '%s'",
			program->files[i].name, process->pid, why);
		err_hint(err, "record a build that does without '%s'", why);
		return -EPERM;
	}
	return 0;
}

int process_check(const struct process *process, const struct program *program, struct err *err)
{
	int r = check_tracer(process, err);

	if (!r)
		r = check_seccomp(process, err);
	return r ? r : check_unwinding(process, program, err);
}
