// SPDX-License-Identifier: BSD-3-Clause
/*
 * Says things about its own recording. KEY, LEN, SUM and SILENT are what builds differ in. Prints each operation's
 * number, its result and the recording's name.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapedeck/mark.h>

#ifndef KEY
#define KEY "chance"
#endif
#ifndef LEN
#define LEN sizeof(long)
#endif
#ifndef SUM
#define SUM(n) ((n)*3L)
#endif

struct job {
	int n;
};

/* In a worker thread, for the operation that has the job. */
__attribute__((noinline, noclone)) int step(struct job *job)
{
	char id[TAPEDECK_ID_BYTES];

	if (job->n == 6)
		tapedeck_discard();
	if (job->n == 7)
		tapedeck_keep();
	return tapedeck_mode() == TAPEDECK_RECORDING && job->n != 6 &&
	       strlen(tapedeck_recording_id(id)) == 32;
}

static void *work(void *job)
{
	return (void *)(long)step(job);
}

__attribute__((noinline, noclone)) void *submit(struct job *job)
{
	pthread_t thread;
	void *result = NULL;

	if (pthread_create(&thread, NULL, work, job) || pthread_join(thread, &result))
		abort();
	return result;
}

__attribute__((noinline, noclone)) long handle(int n)
{
	struct job job = {n};
	char id[TAPEDECK_ID_BYTES], number[16];
	long chance[2] = {(long)&job, random()}, sum = SUM(n);

	snprintf(number, sizeof(number), "%d", n);
	tapedeck_metadata("customer", "nobody");
	tapedeck_metadata("customer", n % 2 ? "odd" : "even");
	tapedeck_metadata("number", number);
	tapedeck_metadata("state", "said by the program");
	if (n == 3)
		tapedeck_discard();
	if (n == 4)
		tapedeck_keep();
	tapedeck_data(KEY, chance, LEN);
#ifndef SILENT
	tapedeck_output("sum", &sum, sizeof(sum));
#endif
	if (n >= 5)
		submit(&job);
	printf("%d %s\n", n, tapedeck_recording_id(id));
	return chance[0] + sum;
}

int main(int argc, char **argv)
{
	int cnt = argc > 1 ? atoi(argv[1]) : 5;

	for (int n = 0; n < cnt; n++)
		handle(n);
	printf("%s\n", tapedeck_mode() == TAPEDECK_OFF ? "done" : "not off");
	return 0;
}
