// SPDX-License-Identifier: BSD-3-Clause
// Operations that let coroutines work for them, on stacks below and above their own. What coroutines call is
// not recorded, and said to be missing; what the operation itself calls is right.
// @unordered
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "case.h"

#define STACK (256 * 1024)

static ucontext_t outer, inner;
static long answer;
static char *memory;

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

static void work(void)
{
	answer = in_get(2);
	swapcontext(&inner, &outer);
	answer += in_get(3);
}

FUNC long op_ask(long number, int place)
{
	long sum = in_get(1);

	getcontext(&inner);
	inner.uc_stack.ss_sp = memory + place * STACK;
	inner.uc_stack.ss_size = STACK;
	inner.uc_link = &outer;
	makecontext(&inner, work, 0);
	swapcontext(&outer, &inner);
	sum += in_get(4);
	swapcontext(&outer, &inner);
	return sum + answer + number;
}

/* Nobody else's stack is touched. */
FUNC long op_alone(long number)
{
	return in_get(number) + 1;
}

static void *run(void *unused)
{
	long wrong = op_ask(1, 0) != 101;

	wrong += op_alone(5) != 51;
	wrong += op_ask(2, 4) != 102;
	wrong += op_alone(6) != 61;
	return (void *)wrong;
}

int main(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	void *wrong;

	memory = mmap(NULL, 5 * STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 5; i += 2)
		mprotect(memory + i * STACK, STACK, PROT_READ | PROT_WRITE);
	if (run(NULL))
		return 1;
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, memory + 2 * STACK, STACK);
	pthread_create(&thread, &attr, run, NULL);
	pthread_join(thread, &wrong);
	return wrong != NULL;
}
