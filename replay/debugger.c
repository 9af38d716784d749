// SPDX-License-Identifier: BSD-3-Clause
#include "replay/debugger.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"

#define PAUSE_MS       5
#define EXIT_NOT_FOUND 127
#define LOCATION_MAX   512

/* 'T' of "PID (NAME) T ..." */
static bool is_stopped(pid_t pid)
{
	char path[64], text[512], *end;
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	end = strrchr(text, ')');
	return end && !strncmp(end, ") T", 3);
}

int debugger_await(pid_t pid, int timeout_ms, struct err *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};

	for (int waited = 0; waited < timeout_ms; waited += PAUSE_MS) {
		if (is_stopped(pid))
			return 0;
		nanosleep(&pause, NULL);
	}
	return err_set(err, -ETIMEDOUT, "the program did not come to its operation within %d ms", timeout_ms);
}

/* The stop that gdb found it in is over; SIGSYS and, where functions too short for a jump are intercepted,
 * SIGILL are the engine's to answer. */
_Noreturn static void be_gdb(pid_t pid, const char *exe, const char *location)
{
	char number[16];
	const char *const argv[] = {"gdb",  "-q",
				    "-iex", "set sysroot /",
				    "-iex", "set breakpoint pending off",
				    "-p",   number,
				    "-ex",  "handle SIGSYS nostop noprint pass",
				    "-ex",  "handle SIGILL nostop noprint pass",
				    "-ex",  "handle SIGSTOP nostop noprint nopass",
				    "-ex",  location,
				    "-ex",  "continue",
				    exe,    NULL};

	snprintf(number, sizeof(number), "%d", pid);
	execvp(argv[0], (char *const *)argv);
	_exit(EXIT_NOT_FOUND);
}

/* Ctrl-C is for gdb alone. */
static int wait_for(pid_t gdb)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	int status = 0;

	sigaction(SIGINT, &ignore, &before);
	while (waitpid(gdb, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &before, NULL);
	return status;
}

int debugger_run(pid_t pid, const char *exe, const struct debugger_stop *stop, struct err *err)
{
	char location[LOCATION_MAX];
	int status;
	pid_t gdb;

	if (stop->symbol)
		snprintf(location, sizeof(location), "tbreak %s", stop->symbol);
	else
		snprintf(location, sizeof(location), "tbreak *0x%" PRIx64, stop->addr);
	fflush(NULL);
	gdb = fork();
	if (gdb < 0)
		return err_set(err, -errno, "cannot fork: %s", strerror(errno));
	if (gdb == 0)
		be_gdb(pid, exe, location);
	status = wait_for(gdb);
	kill(pid, SIGCONT);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_NOT_FOUND)
		return 0;
	err_set(err, -ENOENT, "cannot run 'gdb'");
	err_hint(err, "install it, or replay without --gdb");
	return -ENOENT;
}
