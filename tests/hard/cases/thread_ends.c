// SPDX-License-Identifier: BSD-3-Clause
// Operations whose threads end inside them: by pthread_exit, cancelled while they wait, with the process in
// the end. Each says so; an input that was left so, too.
// What unwinds a thread is there from the beginning: where it comes later, nothing is recorded for a moment.
// @flags: -Wl,--no-as-needed -lgcc_s
// @unordered
// @replay: equal|equalizer_failure 'in_wait' cannot be served: when it was recorded it did not return (exit)
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "case.h"

static sem_t is_waiting;

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

FUNC long in_wait(void)
{
	sem_post(&is_waiting);
	for (;;)
		pause();
	return 1;
}

FUNC long op_exits(long number)
{
	USE(in_get(number));
	pthread_exit(NULL);
}

FUNC long op_cancelled(long number)
{
	return in_get(number) + in_wait();
}

FUNC long op_whole(long number)
{
	return in_get(number) + 1;
}

FUNC long op_ends_all(long number)
{
	exit(in_get(number) != 40);
}

static void *exiting(void *unused)
{
	op_whole(1);
	op_exits(2);
	return NULL;
}

static void *cancelled(void *unused)
{
	op_cancelled(3);
	return NULL;
}

int main(void)
{
	pthread_t thread;

	sem_init(&is_waiting, 0, 0);
	pthread_create(&thread, NULL, exiting, NULL);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, cancelled, NULL);
	sem_wait(&is_waiting);
	usleep(20000);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	op_ends_all(4);
	return 1;
}
