// SPDX-License-Identifier: BSD-3-Clause
// A server that forks for each request, from a thread in half of the cases: its children are followed, and
// theirs.
// @record: --follow
// @unordered
#include <pthread.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

FUNC long op_serve(long request)
{
	return in_get(request) + in_get(request + 1);
}

static int serve(long request)
{
	return op_serve(request) != 20 * request + 10;
}

static void *listen_once(void *arg)
{
	long request = (long)arg;
	int status = 1;
	pid_t child = fork();

	if (!child) {
		if (!fork())
			_exit(serve(request + 100));
		wait(&status);
		_exit(status || serve(request));
	}
	waitpid(child, &status, 0);
	return (void *)(long)status;
}

int main(void)
{
	long wrong = serve(0);

	for (long i = 1; i < 9; i++) {
		pthread_t thread;
		void *status = NULL;

		if (i % 2) {
			pthread_create(&thread, NULL, listen_once, (void *)i);
			pthread_join(thread, &status);
		} else {
			status = listen_once((void *)i);
		}
		wrong += status != NULL;
	}
	return wrong != 0;
}
