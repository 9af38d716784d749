// SPDX-License-Identifier: BSD-3-Clause
/*
 * A command is held at its entry by ptrace: it stops at exec, gets an int3 at AT_ENTRY, runs to it, and gets
 * its byte back. There it has its libraries mapped and their constructors run, and not one instruction of its
 * own. The thread that spawned it is its tracer: only that thread can release it.
 */
#include "loader/process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "lib/err.h"
#include "lib/util.h"
#include "loader/procfs.h"

#define AUXV_MAX 65536 /* bytes */
#define INT3	 0xcc

struct owned {
	struct process process;
	bool is_reaped;
	int status;
	int stop_signal; /* came while it was on its way to the entry; 0: none */
};

static struct owned *to_owned(struct process *process)
{
	return container_of(process, struct owned, process);
}

/* --- a running process --- */

static int no_process(pid_t pid, bool has_ended, struct err *err)
{
	err_set(err, -ESRCH, has_ended ? "process %d has ended" : "no process %d", pid);
	err_hint(err, "'pgrep -a NAME' lists the processes of that name");
	return -ESRCH;
}

static int explain_no_pidfd(pid_t pid, int error, struct err *err)
{
	long tgid = procfs_status(pid, "Tgid");

	if (tgid > 0 && tgid != pid) {
		err_set(err, -ESRCH, "%d is a thread, not a process", pid);
		err_hint(err, "give its process, %ld", tgid);
		return -ESRCH;
	}
	if (error == ESRCH)
		return no_process(pid, false, err);
	return err_set(err, -error, "cannot open process %d: %s", pid, strerror(error));
}

static int explain_no_exe(pid_t pid, int error, struct err *err)
{
	autofree char *stat = NULL;
	const char *state;
	size_t len;

	if (error == EACCES || error == EPERM) {
		err_set(err, -EPERM, "no permission to look into process %d", pid);
		err_hint(err, "run as root, or with CAP_SYS_PTRACE");
		return -EPERM;
	}
	if (procfs_read(&stat, &len, AUXV_MAX, pid, "stat", NULL))
		return no_process(pid, false, err);
	/* "pid (name) state ...": the name may hold anything. */
	state = strrchr(stat, ')');
	if (state && (state[2] == 'Z' || state[2] == 'X'))
		return no_process(pid, true, err);
	err_set(err, -ENOTSUP, "process %d is a kernel thread", pid);
	err_hint(err, "give a process that runs a program: 'pgrep -a NAME' lists those of a name");
	return -ENOTSUP;
}

static int check_exe(pid_t pid, struct err *err)
{
	char path[PROCFS_PATH_MAX], ident[EI_NIDENT] = "";
	autoclose int fd = -1;

	procfs_path(path, pid, "exe");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return explain_no_exe(pid, errno, err);
	if (read(fd, ident, sizeof(ident)) != sizeof(ident))
		return err_set(err, -EIO, "cannot read '%s'", path);
	if (ident[EI_CLASS] == ELFCLASS32)
		return err_set(err, -ENOTSUP, "process %d is a 32-bit program", pid);
	return 0;
}

int process_open(struct process **out, pid_t pid, struct err *err)
{
	auto_process struct process *process = NULL;
	struct owned *owned;
	int r;

	if (pid == getpid())
		return err_usage(err, -EINVAL, "process %d is tapedeck itself", pid);
	owned = calloc(1, sizeof(*owned));
	if (!owned)
		return err_nomem(err);
	process = &owned->process;
	process->pid = pid;
	process->pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (process->pidfd < 0)
		return explain_no_pidfd(pid, pid > 0 ? errno : ESRCH, err);
	r = check_exe(pid, err);
	if (r)
		return r;
	*out = TAKE_PTR(process);
	return 0;
}

/* --- a command, held at its entry --- */

struct hold {
	pid_t pid;
	const char *name;
	uint64_t entry;
	long word; /* what lay at the entry */
	int stop_signal;
};

static int fail_ptrace(const struct hold *hold, struct err *err)
{
	return err_set(err, -errno, "cannot hold '%s' at its entry: %s", hold->name, strerror(errno));
}

/* By way of others, which none of them is to be moved to. Returns whether all are in their places. */
static bool set_up(const struct process_setup *setup)
{
	int end = setup->first_fd + (int)setup->fds_cnt;

	for (size_t i = 0; i < setup->fds_cnt; i++) {
		int away = fcntl(setup->fds[i], F_DUPFD_CLOEXEC, end);

		if (away < 0 || dup2(away, setup->first_fd + (int)i) < 0)
			return false;
	}
	for (size_t i = 0; setup->env[i]; i++)
		if (putenv(setup->env[i]))
			return false;
	return true;
}

/* In the child. Reports errno through @fd, which exec closes. */
static _Noreturn void run(char *const argv[], const struct process_setup *setup, int fd)
{
	int error;

	if ((!setup || set_up(setup)) && !ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		execvp(argv[0], argv);
	error = errno;
	if (write(fd, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

static bool wait_for(pid_t pid, int *status)
{
	pid_t got;

	do {
		got = waitpid(pid, status, __WALL);
	} while (got < 0 && errno == EINTR);
	return got == pid;
}

static int explain_exec(const char *name, int error, struct err *err)
{
	static const struct {
		int code;
		const char *hint;
	} hints[] = {
		{ENOENT, "give its path, or put its folder in PATH"},
		{EACCES, "make it executable: chmod +x"},
		{ENOEXEC, "give a program, or a script that begins with #!"},
	};

	err_set(err, -error, "cannot run '%s': %s", name, strerror(error));
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].code == error)
			err_hint(err, "%s", hints[i].hint);
	return -error;
}

static int explain_end(const struct hold *hold, int status, int fd, struct err *err)
{
	int error = 0;

	/* Non-blocking: after exec a grandchild cannot hold it open. */
	if (read(fd, &error, sizeof(error)) == sizeof(error))
		return explain_exec(hold->name, error, err);
	if (WIFSIGNALED(status))
		return err_set(err, -ECHILD,
			       "'%s' ended before its main program began: killed by signal %d (%s)",
			       hold->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
	return err_set(err, -ECHILD, "'%s' ended before its main program began: exit status %d", hold->name,
		       WEXITSTATUS(status));
}

static int read_entry(struct hold *hold, struct err *err)
{
	autofree char *auxv = NULL;
	size_t len;
	int r = procfs_read(&auxv, &len, AUXV_MAX, hold->pid, "auxv", err);

	if (r)
		return r;
	for (size_t pos = 0; pos + sizeof(Elf64_auxv_t) <= len; pos += sizeof(Elf64_auxv_t)) {
		Elf64_auxv_t aux;

		memcpy(&aux, auxv + pos, sizeof(aux));
		if (aux.a_type == AT_ENTRY) {
			hold->entry = aux.a_un.a_val;
			return 0;
		}
	}
	return err_set(err, -ENODATA, "cannot hold '%s' at its entry: the kernel does not tell it",
		       hold->name);
}

/* Put the int3 where the program that was just executed begins. */
static int plant(struct hold *hold, struct err *err)
{
	int r = check_exe(hold->pid, NULL);

	if (r)
		return err_set(err, r, "'%s' is a 32-bit program, or not to be read", hold->name);
	r = read_entry(hold, err);
	if (r)
		return r;
	errno = 0;
	hold->word = ptrace(PTRACE_PEEKTEXT, hold->pid, hold->entry, NULL);
	if (errno || ptrace(PTRACE_POKETEXT, hold->pid, hold->entry, (hold->word & ~0xffl) | INT3))
		return fail_ptrace(hold, err);
	return 0;
}

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* A constructor forked: its child has the int3 too, and is none of ours. */
static int free_child(const struct hold *hold, struct err *err)
{
	unsigned long child = 0;
	int status;

	if (ptrace(PTRACE_GETEVENTMSG, hold->pid, NULL, &child) || !wait_for((pid_t)child, &status))
		return fail_ptrace(hold, err);
	if (ptrace(PTRACE_POKETEXT, (pid_t)child, hold->entry, hold->word) ||
	    ptrace(PTRACE_DETACH, (pid_t)child, NULL, NULL))
		return errno == ESRCH ? 0 : fail_ptrace(hold, err);
	return 0;
}

/* At the int3: put the byte back, and step back before it. *@is_there is false when this is another trap. */
static int arrive(struct hold *hold, bool *is_there, struct err *err)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, hold->pid, NULL, &regs))
		return fail_ptrace(hold, err);
	*is_there = regs.rip == hold->entry + 1;
	if (!*is_there)
		return 0;
	regs.rip = hold->entry;
	if (ptrace(PTRACE_POKETEXT, hold->pid, hold->entry, hold->word) ||
	    ptrace(PTRACE_SETREGS, hold->pid, NULL, &regs))
		return fail_ptrace(hold, err);
	return 0;
}

/* One stop on the way. *@sig is what to deliver when it goes on. */
static int pass_stop(struct hold *hold, int status, int *sig, bool *is_there, struct err *err)
{
	int event = status >> 16;

	*sig = 0;
	if (event == PTRACE_EVENT_FORK)
		return free_child(hold, err);
	if (event == PTRACE_EVENT_EXEC)
		return plant(hold, err);
	if (WSTOPSIG(status) == SIGTRAP) {
		*sig = SIGTRAP;
		return arrive(hold, is_there, err);
	}
	/* Delivered when it is let go: a stop would end the wait for the entry only by a SIGCONT. */
	if (is_stop_signal(WSTOPSIG(status)))
		hold->stop_signal = WSTOPSIG(status);
	else
		*sig = WSTOPSIG(status);
	return 0;
}

/* From exec to the entry. */
static int run_to_entry(struct hold *hold, int fd, struct err *err)
{
	bool is_there = false;
	int status, sig = 0, r;

	/* Signals may come first: only exec stops by SIGTRAP. */
	do {
		if (!wait_for(hold->pid, &status))
			return fail_ptrace(hold, err);
		if (!WIFSTOPPED(status))
			return explain_end(hold, status, fd, err);
		if (WSTOPSIG(status) != SIGTRAP && ptrace(PTRACE_CONT, hold->pid, NULL, WSTOPSIG(status)))
			return fail_ptrace(hold, err);
	} while (WSTOPSIG(status) != SIGTRAP);
	if (ptrace(PTRACE_SETOPTIONS, hold->pid, NULL,
		   PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC))
		return fail_ptrace(hold, err);
	r = plant(hold, err);
	while (!r && !is_there) {
		if (ptrace(PTRACE_CONT, hold->pid, NULL, sig) && errno != ESRCH)
			return fail_ptrace(hold, err);
		if (!wait_for(hold->pid, &status))
			return fail_ptrace(hold, err);
		if (!WIFSTOPPED(status))
			return explain_end(hold, status, fd, err);
		r = pass_stop(hold, status, &sig, &is_there, err);
	}
	return r;
}

/* False when it is gone and reaped. */
static bool is_child(pid_t pid)
{
	siginfo_t info = {};

	return !waitid(P_PID, pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT);
}

static int spawn(struct owned *owned, char *const argv[], const struct process_setup *setup, struct err *err)
{
	struct hold hold = {.name = argv[0]};
	autoclose int in = -1, out = -1;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return err_set(err, -errno, "cannot run '%s': %s", argv[0], strerror(errno));
	in = fds[0];
	out = fds[1];
	hold.pid = fork();
	if (hold.pid < 0)
		return err_set(err, -errno, "cannot run '%s': %s", argv[0], strerror(errno));
	if (!hold.pid)
		run(argv, setup, out);
	closep(&out);
	out = -1;
	owned->process.pid = hold.pid;
	r = run_to_entry(&hold, in, err);
	owned->process.is_held = r == 0 || is_child(hold.pid); /* so that closing ends and reaps it */
	owned->is_reaped = !owned->process.is_held;
	owned->stop_signal = hold.stop_signal;
	return r;
}

int process_spawn(struct process **out, char *const argv[], struct err *err)
{
	return process_spawn_with(out, argv, NULL, err);
}

int process_spawn_with(struct process **out, char *const argv[], const struct process_setup *setup,
		       struct err *err)
{
	auto_process struct process *process = NULL;
	struct owned *owned = calloc(1, sizeof(*owned));
	int r;

	if (!owned)
		return err_nomem(err);
	process = &owned->process;
	process->pidfd = -1;
	process->is_ours = true;
	if (!argv[0]) {
		owned->is_reaped = true;
		return err_usage(err, -EINVAL, "no command to run");
	}
	r = spawn(owned, argv, setup, err);
	if (r)
		return r;
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pidfd < 0)
		return err_set(err, -errno, "cannot open process %d: %s", process->pid, strerror(errno));
	*out = TAKE_PTR(process);
	return 0;
}

int process_release(struct process *process, struct err *err)
{
	if (!process->is_held)
		return 0;
	if (ptrace(PTRACE_DETACH, process->pid, NULL, to_owned(process)->stop_signal))
		return err_set(err, -errno, "cannot let process %d go: %s", process->pid,
			       errno == ESRCH ? "it has ended" : strerror(errno));
	process->is_held = false;
	return 0;
}

/* --- its end --- */

bool process_has_ended(const struct process *process)
{
	struct pollfd poll_fd = {.fd = process->pidfd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

int process_status(struct process *process)
{
	struct owned *owned = to_owned(process);

	if (!owned->is_reaped)
		owned->is_reaped = wait_for(process->pid, &owned->status);
	return owned->status;
}

void process_close(struct process *process)
{
	struct owned *owned;

	if (!process)
		return;
	owned = to_owned(process);
	if (process->is_ours && !owned->is_reaped) {
		if (process->is_held)
			kill(process->pid, SIGKILL);
		/* A released one may go on; it is reaped if it has ended. */
		if (process->is_held)
			process_status(process);
		else
			waitpid(process->pid, &owned->status, WNOHANG);
	}
	closep(&process->pidfd);
	free(owned);
}

void process_closep(struct process **process)
{
	process_close(*process);
}
