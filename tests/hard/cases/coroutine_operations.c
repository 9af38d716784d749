// SPDX-License-Identifier: BSD-3-Clause
// Operations that run on stacks of coroutines, and take turns there: none is taken, and it is said. One on
// the thread's own stack is.
// @says: op_ask: 6 calls were not recorded: they ran on a stack that is not their thread's own (a coroutine)
#include <stdlib.h>
#include <ucontext.h>

#include "case.h"

#define STACK (256 * 1024)

static ucontext_t scheduler, coroutine[2];
static int turn, wrong;

FUNC long in_get(long key)
{
	USE(key);
	return key * 10;
}

FUNC long op_ask(long number)
{
	long sum = in_get(number);

	if (number < 100)
		swapcontext(&coroutine[turn], &scheduler);
	return sum + in_get(number + 1);
}

static void work(void)
{
	int self = turn;

	for (int i = 0; i < 3; i++)
		wrong += op_ask(self * 10 + i) != (2 * (self * 10 + i) + 1) * 10;
	for (;;)
		swapcontext(&coroutine[turn], &scheduler);
}

int main(void)
{
	for (int i = 0; i < 2; i++) {
		getcontext(&coroutine[i]);
		coroutine[i].uc_stack.ss_sp = malloc(STACK);
		coroutine[i].uc_stack.ss_size = STACK;
		makecontext(&coroutine[i], work, 0);
	}
	for (int i = 0; i < 10; i++) {
		turn = i % 2;
		swapcontext(&scheduler, &coroutine[turn]);
		if (i == 4)
			wrong += op_ask(100) != 2010;
	}
	return wrong;
}
