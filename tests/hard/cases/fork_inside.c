// SPDX-License-Identifier: BSD-3-Clause
// A child that is forked inside an operation returns through the same frames, and is not in it; nor is one
// that is forked by posix_spawn or vfork, and runs something else.
// @replay: equal
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

extern char **environ;

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

/* At replay it is served. */
FUNC int in_child(pid_t child)
{
	int status = 1;

	waitpid(child, &status, 0);
	return status;
}

FUNC pid_t in_spawn(void)
{
	char *argv[] = {"true", NULL};
	pid_t child = -1;

	return posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ) ? -1 : child;
}

FUNC pid_t in_vfork(void)
{
	pid_t child = vfork();

	if (!child) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	return child;
}

FUNC long op_forks(long number)
{
	pid_t child = fork();
	long value = in_get(child ? number : number + 1);

	return child ? value + in_child(child) : -value;
}

FUNC long op_spawns(long number)
{
	return in_child(in_spawn()) + in_child(in_vfork()) + in_get(number);
}

int main(void)
{
	for (long i = 1; i < 3; i++) {
		long value = op_forks(i);

		if (value < 0)
			_exit(value != -10 * (i + 1));
		if (value != 10 * i || op_spawns(i) != 10 * i)
			return 1;
	}
	return 0;
}
