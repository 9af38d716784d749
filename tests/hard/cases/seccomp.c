// SPDX-License-Identifier: BSD-3-Clause
// A program that puts itself under seccomp when its probes are there: the filter kills whatever system call
// the program does not make itself, and the probes are none. One that may only write, and end, after it.
// @inside: less
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

FUNC long op_ask(long number)
{
	return in_get(number) + in_get(number + 1);
}

static int filter(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(__NR_write),
		ALLOW(__NR_exit),
		ALLOW(__NR_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = {sizeof(rules) / sizeof(*rules), rules};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int run(void)
{
	int wrong = 0;

	for (long i = 2; i < 1000; i++)
		wrong += op_ask(i) != 20 * i + 10;
	return wrong != 0;
}

int main(void)
{
	int status = 1;

	if (op_ask(1) != 30)
		return 1;
	if (!fork()) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			_exit(2);
		syscall(__NR_exit, run());
	}
	wait(&status);
	return status || filter() || run();
}
