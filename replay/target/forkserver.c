// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/forkserver.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "replay/target/engine.h"
#include "replay/target/filter.h"
#include "replay/target/guard.h"
#include "replay/target/huge.h"
#include "replay/target/install.h"
#include "replay/target/match.h"
#include "replay/target/module.h"
#include "replay/target/play.h"
#include "replay/target/serve.h"
#include "replay/target/spans.h"
#include "replay/target/syscalls.h"
#include "replay/target/threads.h"
#include "replay/target/traps.h"

#define ANSWER_MS  100
#define HUGE_AFTER 8 /* cases: for fewer it does not pay */

#define SIGSET_BYTES 8 /* the kernel's */

static sigset_t program_mask;
static struct sigaction program_sigchld;

/* The program's handlers must not run between cases, nor reap what we wait for. */
static void quiet_signals(void)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
	static const int timers[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	struct itimerval off = {};
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &program_mask);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&program_mask, faults[i]);
	sigaction(SIGCHLD, &by_default, &program_sigchld);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		setitimer(timers[i], &off, NULL);
}

static void send_message(unsigned kind, int number, unsigned flags, const char *text)
{
	struct patch_message message = {.kind = kind, .number = number, .flags = flags};

	snprintf(message.text, sizeof(message.text), "%s", text);
	if (kind == MESSAGE_READY)
		message.spans_cnt = spans_read(message.spans);
	if (syscalls_write(engine.socket, &message, sizeof(message)) != sizeof(message))
		engine_exit(1);
}

/* Without libc, here and in a child: each of its pages that a child runs is one more to be mapped. */
_Noreturn static void play_here(void)
{
	if (program_sigchld.sa_handler != SIG_DFL || program_sigchld.sa_flags & (SA_NOCLDWAIT | SA_NOCLDSTOP))
		sigaction(SIGCHLD, &program_sigchld, NULL);
	SYSCALL(SYS_rt_sigprocmask, SIG_SETMASK, &program_mask, NULL, SIGSET_BYTES);
	play_case();
}

_Noreturn static void be_child(void)
{
	syscalls_setpgid(0, 0);
	SYSCALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	play_here();
}

/* 1 when @pid ended within the limit; without pidfds (before 5.3) looks every millisecond. */
static int ends_in_time(pid_t pid, int limit_ms)
{
	int fd = syscalls_pidfd_open(pid), r;
	siginfo_t info = {};

	if (fd >= 0) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};

		do
			r = syscalls_poll(&ready, 1, limit_ms);
		while (r == -EINTR);
		syscalls_close(fd);
		return r != 0;
	}
	for (int ms = 0; ms < limit_ms; ms++) {
		syscalls_waitid(P_PID, pid, &info, WEXITED | WNOWAIT | WNOHANG);
		if (info.si_pid)
			return 1;
		syscalls_poll(NULL, 0, 1);
	}
	return 0;
}

static void run_forked(int limit_ms)
{
	unsigned is_late = 0;
	int status = 0;
	pid_t pid;

	pid = fork();
	if (pid == 0)
		be_child();
	if (pid < 0) {
		snprintf(engine.outcome->text, sizeof(engine.outcome->text), "cannot fork: %s",
			 strerror(errno));
		engine.outcome->end = OUTCOME_TROUBLE;
		send_message(MESSAGE_ENDED, 0, 0, "");
		return;
	}
	if (!ends_in_time(pid, limit_ms)) {
		is_late = 1;
		/* Where is it? on_blocked of traps.c answers. */
		syscalls_kill(pid, SIGSYS);
		if (!ends_in_time(pid, ANSWER_MS))
			syscalls_kill(pid, SIGKILL);
	}
	/* What it started and left behind goes with it. Before it is reaped, for until then its number is its
	 * own. */
	syscalls_kill(-pid, SIGKILL);
	while (syscalls_wait4(pid, &status) == -EINTR)
		;
	send_message(MESSAGE_ENDED, status, is_late, "");
}

/* A program that forks its workers before ready reaches it in each of them. */
static int is_first(void)
{
	int none = 0, self = syscalls_getpid();

	if (__atomic_compare_exchange_n(engine.server, &none, self, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return 1;
	while (none != self)
		syscalls_pause();
	return 0;
}

static void check_operation(const char *where)
{
	const struct patch_func *operation = engine.funcs[engine.patch->operation].patch;

	if (!module_is_loaded(operation->module))
		engine_fail("'%s' is not loaded when the program is ready (at '%s'), and '%s' is in it",
			    engine.modules[operation->module].name, where, operation->name);
}

void forkserver_run(const char *where)
{
	const struct case_header *given = engine.played;
	struct patch_message message;
	unsigned cases_cnt = 0;
	int threads_cnt;

	if (!is_first()) {
		while (engine.state == ENGINE_STARTING)
			syscalls_poll(NULL, 0, 1);
		return;
	}
	install_imports();
	check_operation(where);
	engine.state = ENGINE_SERVING;
	play_prepare();
	huge_prepare();
	threads_cnt = threads_others();
	engine.has_others = threads_cnt > 0;
	quiet_signals();
	traps_install();
	guard_is_watched();
	match_reset();
	serve_forget();
	filter_install(threads_cnt > 0);
	send_message(MESSAGE_READY, threads_cnt + 1, 0, where);
	for (;;) {
		long n = syscalls_read(engine.socket, &message, sizeof(message));

		if (n == -EINTR)
			continue;
		if (n != sizeof(message) || message.kind != MESSAGE_RUN)
			engine_exit(0);
		engine.how = message.flags;
		play_comes_next();
		if (engine.how & PATCH_RUN_HERE) {
			engine.end_status = PATCH_STATUS_PLAYED;
			play_here();
		}
		if (++cases_cnt == HUGE_AFTER)
			huge_collapse();
		engine.played = huge_copy(given, given->bytes);
		run_forked(message.number);
		if (engine.outcome->forks_cnt)
			huge_leave_copy();
	}
}
