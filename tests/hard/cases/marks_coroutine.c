// SPDX-License-Identifier: BSD-3-Clause
// What a coroutine says by marks is not recorded, and said to be missing; what its operation itself says is.
// @replay: equal|different
// @flags: -I$BUILD/include
// @check: tapedeck:output: a mark of the program's in case
#include <stdlib.h>
#include <ucontext.h>
#include <tapedeck/mark.h>

#include "case.h"

#define STACK (256 * 1024)

static ucontext_t outer, inner;

static void work(void)
{
	tapedeck_output("inner", "b", 1);
	tapedeck_discard();
}

FUNC int handle(int n)
{
	tapedeck_output("outer", "a", 1);
	if (n) {
		getcontext(&inner);
		inner.uc_stack.ss_sp = malloc(STACK);
		inner.uc_stack.ss_size = STACK;
		inner.uc_link = &outer;
		makecontext(&inner, work, 0);
		swapcontext(&outer, &inner);
		free(inner.uc_stack.ss_sp);
	}
	tapedeck_output("outer", "c", 1);
	return n + 1;
}

int main(void)
{
	for (int n = 0; n < 2; n++)
		if (handle(n) != n + 1)
			return 1;
	return 0;
}
