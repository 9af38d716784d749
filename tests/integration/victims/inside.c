// SPDX-License-Identifier: BSD-3-Clause
/* What is peculiar to being recorded from inside: how the process ends, what it forbids itself, what it
 * finds. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBED __attribute__((noipa))

struct wide {
	char bytes[600];
};

PROBED int in_get(int key)
{
	return key * 2;
}

PROBED int op_work(int key)
{
	return in_get(key) + 1;
}

PROBED int op_exit(int status)
{
	in_get(status);
	exit(status);
}

PROBED int op_quick(int status)
{
	in_get(status);
	quick_exit(status);
}

PROBED int op_wide(struct wide wide)
{
	return wide.bytes[0];
}

static void at_exit(void)
{
	in_get(77);
}

/* Whoever makes another system call than these dies. */
static void confine(int by_syscall)
{
#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		ALLOW(SYS_write),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_newfstatat),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};
	long r;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	r = by_syscall ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter)
		       : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
	if (r)
		_exit(5);
}

static int confined(int by_syscall)
{
	int sum = op_work(1);

	confine(by_syscall);
	for (int i = 0; i < 5; i++)
		sum += op_work(i);
	return sum == 3 + 25 ? 0 : 1;
}

static void *forks(void *unused)
{
	pid_t child = fork();
	long sum = 0;
	int status;

	for (int i = 0; !child && i < 10; i++)
		sum += op_work(i);
	if (!child)
		exit(sum != 100);
	waitpid(child, &status, 0);
	return (void *)(long)status;
}

/* A child of a thread works, then the one that is left in the background. */
static int serve(void)
{
	pthread_t thread;
	void *status;

	pthread_create(&thread, NULL, forks, NULL);
	pthread_join(thread, &status);
	if (status || fork())
		_exit(status != NULL);
	setsid();
	if (fork())
		_exit(0);
	usleep(100000);
	for (int i = 20; i < 25; i++)
		op_work(i);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	static struct wide wide;

	if (errno)
		return 3;
	if (!strcmp(what, "exit"))
		return atexit(at_exit) + op_exit(0);
	if (!strcmp(what, "quick"))
		return op_quick(0);
	if (!strcmp(what, "prctl"))
		return confined(0);
	if (!strcmp(what, "syscall"))
		return confined(1);
	if (!strcmp(what, "daemon"))
		return serve();
	if (!strcmp(what, "wide"))
		return op_wide(wide);
	op_work(4);
	printf("preloaded: %s\n", getenv("LD_PRELOAD") ?: "nothing");
	return system("echo \"child: ${LD_PRELOAD:-nothing}\"");
}
