// SPDX-License-Identifier: BSD-3-Clause
// 64 operations at once, each in a thread of its own, whose inputs are called by the eight threads of a pool:
// they belong to the operation that carries their job.
// @unordered
// @inside: calls in other threads join an operation ("carrier", "joins") with --engine bpf alone
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "case.h"

#define CLIENTS 64
#define WORKERS 8

struct job {
	long id, result;
	int is_done;
	struct job *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t all_there, all_open;
static struct job *queue;

/* At replay nobody waits. */
FUNC int in_all_are_there(struct job *job)
{
	USE(job);
	pthread_barrier_wait(&all_open);
	return 1;
}

FUNC long in_fetch(struct job *job, long key)
{
	return job->id * 10 + key;
}

FUNC void out_store(long id, long value)
{
	USE(id + value);
}

static void *work(void *unused)
{
	for (;;) {
		struct job *job;

		pthread_mutex_lock(&lock);
		while (!queue)
			pthread_cond_wait(&more, &lock);
		job = queue;
		queue = job->next;
		job->next = NULL;
		pthread_mutex_unlock(&lock);
		job->result = in_fetch(job, 1) + in_fetch(job, 2);
		pthread_mutex_lock(&lock);
		job->is_done = 1;
		pthread_cond_broadcast(&done);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

FUNC long op_handle(struct job *job)
{
	in_all_are_there(job);
	pthread_mutex_lock(&lock);
	job->next = queue;
	queue = job;
	pthread_cond_signal(&more);
	while (!job->is_done)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
	out_store(job->id, job->result);
	return job->result;
}

static void *serve(void *arg)
{
	struct job job = {.id = (long)arg};

	pthread_barrier_wait(&all_there);
	return (void *)(op_handle(&job) - job.id * 20 - 3);
}

int main(void)
{
	pthread_t worker, client[CLIENTS];
	long wrong = 0;

	pthread_barrier_init(&all_there, NULL, CLIENTS);
	pthread_barrier_init(&all_open, NULL, CLIENTS);
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&worker, NULL, work, NULL);
	for (long i = 0; i < CLIENTS; i++)
		pthread_create(&client[i], NULL, serve, (void *)i);
	for (int i = 0; i < CLIENTS; i++) {
		void *result;

		pthread_join(client[i], &result);
		wrong += result != NULL;
	}
	return wrong != 0;
}
