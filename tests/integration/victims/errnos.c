// SPDX-License-Identifier: BSD-3-Clause
/* Sets errno in threads of its own, and finds it again: errnos OPERATIONS. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define PROBED	__attribute__((noipa))
#define THREADS 8

static atomic_long wrong;
static int operations;

PROBED int in_fail(int number)
{
	errno = number % 97 + 1;
	return -1;
}

/* By a system call of libc's. */
PROBED int in_libc(int number)
{
	return close(number | 1 << 30);
}

PROBED int op_errno(int number)
{
	int sum;

	errno = 0;
	in_fail(number);
	sum = errno;
	in_libc(number);
	sum += 1000 * errno;
	errno = number % 89;
	return sum;
}

static void *work(void *arg)
{
	int thread = (int)(intptr_t)arg;

	for (int i = 0; i < operations; i++) {
		int number = thread * operations + i;

		if (op_errno(number) != number % 97 + 1 + 1000 * EBADF || errno != number % 89)
			wrong++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread[THREADS];

	operations = argc > 1 ? atoi(argv[1]) : 1;
	if (argc > 2) { /* in main alone */
		work(NULL);
		return wrong != 0;
	}
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return wrong != 0;
}
