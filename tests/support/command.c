// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/command.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#include "lib/util.h"

#define COMMANDS_MAX 64
#define POLL_US	     5000

static char folder[64];
static pid_t running[COMMANDS_MAX];

const char *command_folder(void)
{
	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "/tmp/tapedeck-test.XXXXXX");
		assert_non_null(mkdtemp(folder));
	}
	return folder;
}

const char *command_build(void)
{
	static char build[PATH_MAX];
	ssize_t len;

	if (build[0])
		return build;
	if (getenv("O")) {
		snprintf(build, sizeof(build), "%s", getenv("O"));
		return build;
	}
	len = readlink("/proc/self/exe", build, sizeof(build) - 1);
	assert_true(len > 0);
	build[len] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(build, '/') = '\0';
	return build;
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < COMMANDS_MAX; i++)
		if (running[i] == pid)
			running[i] = 0;
}

void command_cleanup(void)
{
	for (size_t i = 0; i < COMMANDS_MAX; i++) {
		if (!running[i])
			continue;
		kill(running[i], SIGKILL);
		waitpid(running[i], NULL, 0);
		running[i] = 0;
	}
	if (folder[0]) {
		struct command rm;

		command_run(&rm, ARGV("rm", "-rf", folder), 60);
		folder[0] = '\0';
	}
}

static void redirect(const char *path, int to)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(126);
	close(fd);
}

void command_start(struct command *command, const char *const argv[])
{
	static unsigned serial;
	size_t slot = 0;

	while (slot < COMMANDS_MAX && running[slot])
		slot++;
	assert_true(slot < COMMANDS_MAX);
	*command = (struct command){};
	snprintf(command->out, sizeof(command->out), "/tmp/tapedeck-test-%d-%u.out", getpid(), serial);
	snprintf(command->err, sizeof(command->err), "/tmp/tapedeck-test-%d-%u.err", getpid(), serial++);
	if (folder[0]) {
		snprintf(command->out, sizeof(command->out), "%s/%u.out", folder, serial);
		snprintf(command->err, sizeof(command->err), "%s/%u.err", folder, serial);
	}
	command->pid = fork();
	assert_true(command->pid >= 0);
	if (!command->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		redirect("/dev/null", 0);
		redirect(command->out, 1);
		redirect(command->err, 2);
		execvp(argv[0], (char *const *)argv);
		fprintf(stderr, "cannot run '%s': %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	running[slot] = command->pid;
}

static bool is_over(struct command *command)
{
	int status;

	if (command->is_over)
		return true;
	if (waitpid(command->pid, &status, WNOHANG) != command->pid)
		return false;
	command->is_over = true;
	command->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	forget(command->pid);
	return true;
}

int command_wait(struct command *command, int timeout_s)
{
	for (int64_t left = timeout_s * 1000000ll; !is_over(command); left -= POLL_US) {
		if (left <= 0) {
			kill(command->pid, SIGKILL);
			waitpid(command->pid, NULL, 0);
			forget(command->pid);
			command->is_over = true;
			return command->status = 124;
		}
		usleep(POLL_US);
	}
	return command->status;
}

bool command_runs(struct command *command)
{
	return !is_over(command);
}

void command_signal(struct command *command, int sig)
{
	if (!is_over(command))
		kill(command->pid, sig);
}

static bool holds(const char *path, const char *text)
{
	autofree char *content = command_file(path);

	return strstr(content, text) != NULL;
}

bool command_says(struct command *command, const char *text, int timeout_s)
{
	for (int64_t left = timeout_s * 1000000ll; left > 0; left -= POLL_US) {
		bool over = is_over(command);

		if (holds(command->out, text) || holds(command->err, text))
			return true;
		if (over)
			return false;
		usleep(POLL_US);
	}
	return false;
}

int command_run(struct command *command, const char *const argv[], int timeout_s)
{
	command_start(command, argv);
	return command_wait(command, timeout_s);
}

char *command_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *content = NULL;
	size_t size = 0;
	ssize_t len = file ? getdelim(&content, &size, '\0', file) : -1;

	if (file)
		fclose(file);
	if (len >= 0)
		return content;
	free(content);
	return strdup("");
}

void command_must(struct command *command, const char *const argv[], int status, int timeout_s)
{
	char *said;

	if (command_run(command, argv, timeout_s) == status)
		return;
	said = command_file(command->err);
	fail_msg("'%s' ended with %d: %s", argv[0], command->status, said);
}

const char *command_text(const char *fmt, ...)
{
	static char kept[64][2048];
	static unsigned at;
	char *out = kept[at++ % 64];
	va_list args;

	va_start(args, fmt);
	assert_in_range(vsnprintf(out, sizeof(kept[0]), fmt, args), 0, sizeof(kept[0]) - 1);
	va_end(args);
	return out;
}
