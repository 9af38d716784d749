// SPDX-License-Identifier: BSD-3-Clause
/* From a fork to the target's first instruction, in its sandbox. */
#include "replay/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/err.h"
#include "lib/util.h"
#include "replay/launch_impl.h"
#include "replay/sandbox.h"
#include "replay/valgrind.h"

#define EXIT_NOT_STARTED 127
#define BUSY_TRIES	 400
#define BUSY_PAUSE_NS	 5000000
#define CLOSE_RANGE	 436

/* --- between fork and exec: async-signal-safe --- */

struct started {
	int layers; /* as sandbox_enter says; negative: it failed */
	int exec_errno;
};

/* Moves the descriptors to their numbers, by way of others, and closes all else: also what other threads
 * write, which could not be run until it is closed here. */
static void place_fds(const struct launch *launch, const int fds[LAUNCH_FDS], int *status_fd)
{
	const int streams[] = {launch->null_fd, launch->out_fd, launch->err_fd};
	int away[LAUNCH_FDS], streams_away[3];

	for (int i = 0; i < 3; i++) /* they may have one of those numbers, too */
		streams_away[i] = fcntl(streams[i], F_DUPFD_CLOEXEC, LAUNCH_SOCKET_FD + 1);
	*status_fd = fcntl(*status_fd, F_DUPFD_CLOEXEC, LAUNCH_SOCKET_FD + 1);
	for (int i = 0; i < LAUNCH_FDS; i++)
		away[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, LAUNCH_SOCKET_FD + 1);
	for (int i = 0; i < LAUNCH_FDS; i++)
		dup2(away[i], LAUNCH_SOCKET_FD - 3 + i);
	for (int i = 0; i < 3; i++)
		dup2(streams_away[i], i);
	syscall(CLOSE_RANGE, 3, LAUNCH_SOCKET_FD - LAUNCH_FDS, 0);
	if (*status_fd > LAUNCH_SOCKET_FD + 1)
		syscall(CLOSE_RANGE, LAUNCH_SOCKET_FD + 1, *status_fd - 1, 0);
	syscall(CLOSE_RANGE, *status_fd + 1, ~0u, 0);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Another thread's fork may hold the copy open for writing until its own exec. Returns an errno. */
static int run(const struct launch *launch, const char *path)
{
	const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};

	if (launch->valgrind) {
		launch->argv[VALGRIND_ARGS] = (char *)path;
		path = launch->valgrind;
	}
	for (int i = 0; i < BUSY_TRIES; i++) {
		execve(path, launch->argv, launch->env);
		if (errno != ETXTBSY)
			break;
		nanosleep(&pause, NULL);
	}
	return errno;
}

_Noreturn static void become_target(const struct launch *launch, const int fds[LAUNCH_FDS], int status_fd)
{
	const struct sandbox_opts sandbox = {
		.work_dir = launch->dir,
		.scratch = launch->scratch,
		.memory_max = launch->has_sanitizer || launch->valgrind ? SANDBOX_MEMORY_UNLIMITED : 0,
		.exe = launch->exe,
		.copy = launch->copy,
		.kept_from = LAUNCH_SOCKET_FD - 1,
		.kept_to = LAUNCH_SOCKET_FD,
	};
	struct started started = {};

	setsid();
	reset_signals();
	place_fds(launch, fds, &status_fd);
	pin(launch->cpu);
	/* The same addresses in every run. */
	personality(ADDR_NO_RANDOMIZE);
	started.layers = sandbox_enter(&sandbox);
	if (write(status_fd, &started, sizeof(started)) < 0 || started.layers < 0)
		_exit(EXIT_NOT_STARTED);
	started.exec_errno = run(launch, started.layers & SANDBOX_COVERED ? launch->exe : launch->copy);
	if (write(status_fd, &started, sizeof(started)) < 0)
		_exit(EXIT_NOT_STARTED);
	_exit(EXIT_NOT_STARTED);
}

/* The last record says how far it came; an exec that works closes the pipe. */
static int read_started(struct started *started, int fd)
{
	struct started record;
	ssize_t n;
	int r = -EPIPE;

	for (;;) {
		n = read(fd, &record, sizeof(record));
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(record))
			return r;
		*started = record;
		r = 0;
	}
}

static int check_started(const struct launch *launch, int fd, int *layers, struct err *err)
{
	struct started started = {};
	int r = read_started(&started, fd);

	if (r)
		return err_set(err, r, "the process for '%s' ended before it was started", launch->exe);
	if (started.layers < 0) {
		r = err_set(err, started.layers, "no sandbox can be put up: %s", strerror(-started.layers));
		err_hint(err,
			 "allow user namespaces or seccomp filters; 'tapedeck doctor' shows what is there");
		return r;
	}
	if (started.exec_errno == EACCES && !access(launch->copy, R_OK)) {
		r = err_set(err, -EACCES, "cannot run the copy of '%s' in '%s'", launch->exe, launch->dir);
		err_hint(err, "set TMPDIR to a folder on a file system that is not mounted noexec");
		return r;
	}
	if (started.exec_errno)
		return err_set(err, -started.exec_errno, "cannot run '%s': %s", launch->exe,
			       strerror(started.exec_errno));
	*layers = started.layers & ~SANDBOX_COVERED;
	return 0;
}

int launch_start(pid_t *pid, int *layers, struct launch *launch, const int fds[LAUNCH_FDS], struct err *err)
{
	autoclose int from_child = -1, to_parent = -1;
	int ends[2], status, r;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	from_child = ends[0];
	to_parent = ends[1];
	launch_clear_said(launch);
	child = fork();
	if (child < 0)
		return err_set(err, -errno, "cannot fork: %s", strerror(errno));
	if (child == 0)
		become_target(launch, fds, to_parent);
	close(TAKE_FD(to_parent));
	r = check_started(launch, from_child, layers, err);
	if (r) {
		kill(child, SIGKILL);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	*pid = child;
	return 0;
}
