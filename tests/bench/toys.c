// SPDX-License-Identifier: BSD-3-Clause
/* Reads lines "TOY COUNT" or "TOY COUNT alone" and answers with the nanoseconds that so many calls took:
 * inside one call of the operation, or outside any. "TOY COUNT one TIMES" is so many such operations, "both"
 * the same in each of two threads at once. */
#include "tests/bench/toys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct toy_struct {
	int id;
	short kind, flags;
	long price;
	double weight;
	char name[8];
};

/* The arguments are the same for all, so that the calls cost the same. */
typedef long toy_fn(const char *block, char *out, const struct toy_struct *item, const char *text, long e,
		    long f);

/* The first instruction is the probe's: a five-byte nop, or one that the kernel emulates. */
#define DEFINE_TOY(name)                                                                                     \
	toy_fn toy_##name##_nop5, toy_##name##_push;                                                         \
	asm(".pushsection .text, \"ax\", @progbits\n"                                                        \
	    ".globl toy_" #name "_nop5, toy_" #name "_push\n"                                                \
	    ".type toy_" #name "_nop5, @function\n"                                                          \
	    ".p2align 6\n"                                                                                   \
	    "toy_" #name "_nop5:\n"                                                                          \
	    "	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"                                                          \
	    "	mov $7, %eax\n"                                                                                \
	    "	ret\n"                                                                                         \
	    ".size toy_" #name "_nop5, . - toy_" #name "_nop5\n"                                             \
	    ".type toy_" #name "_push, @function\n"                                                          \
	    ".p2align 6\n"                                                                                   \
	    "toy_" #name "_push:\n"                                                                          \
	    "	push %rbp\n"                                                                                   \
	    "	mov $7, %eax\n"                                                                                \
	    "	pop %rbp\n"                                                                                    \
	    "	ret\n"                                                                                         \
	    ".size toy_" #name "_push, . - toy_" #name "_push\n"                                             \
	    ".popsection\n");
TOYS(DEFINE_TOY)

static const struct toy {
	const char *name;
	toy_fn *call;
} toys[] = {
#define LIST_TOY(name) {#name "_nop5", toy_##name##_nop5}, {#name "_push", toy_##name##_push},
	TOYS(LIST_TOY)};

static long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000l + ts.tv_nsec;
}

static long time_calls(toy_fn *call, long count)
{
	static const struct toy_struct item = {.id = 42, .price = 1999, .weight = 1.5, .name = "widget"};
	static char block[4096], out[4096];
	long begun;

	memset(block, 'b', sizeof(block));
	memset(out, 'o', sizeof(out));
	begun = now_ns();
	for (long i = 0; i < count; i++)
		call(block, out, &item, "a text of thirty-one characters", i, i);
	return now_ns() - begun;
}

static long spent_ns; /* no result of the operation: it differs each time */

__attribute__((noinline)) int toy_operation(long idx, long count)
{
	spent_ns = time_calls(toys[idx].call, count);
	return 0;
}

struct job {
	long idx, count, times;
};

static void *do_job(void *arg)
{
	const struct job *job = arg;

	for (long i = 0; i < job->times; i++)
		toy_operation(job->idx, job->count);
	return NULL;
}

static long time_job(struct job *job, int is_both)
{
	long begun = now_ns();
	pthread_t other;

	if (is_both && pthread_create(&other, NULL, do_job, job))
		return -1;
	do_job(job);
	if (is_both)
		pthread_join(other, NULL);
	return now_ns() - begun;
}

int main(int argc, char *argv[])
{
	size_t ballast = argc > 1 ? strtoul(argv[1], NULL, 10) << 20 : 0;
	char line[128], name[64], how[8];
	long count, times, ns;

	if (ballast)
		memset(malloc(ballast), 1, ballast);
	toy_operation(0, 0);

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		int words = sscanf(line, "%63s %ld %7s %ld", name, &count, how, &times);
		long idx = 0;

		while (idx < (long)(sizeof(toys) / sizeof(toys[0])) && strcmp(toys[idx].name, name))
			idx++;
		if (words < 2 || idx == sizeof(toys) / sizeof(toys[0]))
			return 1;
		if (words == 3)
			spent_ns = time_calls(toys[idx].call, count);
		else if (words == 2)
			toy_operation(idx, count);
		ns = words < 4 ? spent_ns : time_job(&(struct job){idx, count, times}, !strcmp(how, "both"));
		printf("%ld\n", ns);
	}
	return 0;
}
