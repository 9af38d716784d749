// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/stack.h"

#include <signal.h>
#include <stddef.h>

#include "replay/target/emit.h"
#include "replay/target/maps.h"
#include "replay/target/syscalls.h"

/* As bpf/thread.bpf.h: what surely belongs to the first thread's stack, and to another's. */
#define NEAR_MAIN   (128 * 1024)
#define NEAR_THREAD (16 * 1024)

static uint64_t main_top, main_near = NEAR_MAIN, main_pointer;

static uint64_t thread_pointer(void)
{
	return (uint64_t)__builtin_thread_pointer();
}

void stack_init(const void *top)
{
	main_top = (uint64_t)top;
	main_pointer = thread_pointer();
}

void stack_forked(void)
{
	if (thread_pointer() == main_pointer)
		return;
	main_top = main_pointer = thread_pointer();
	main_near = NEAR_THREAD;
}

int stack_is_alternate(uint64_t sp)
{
	stack_t stack = {};

	if (SYSCALL(SYS_sigaltstack, NULL, &stack, 0, 0) || stack.ss_flags & SS_DISABLE)
		return 0;
	return sp > (uint64_t)stack.ss_sp && sp - (uint64_t)stack.ss_sp <= stack.ss_size;
}

/* The C library keeps what the thread pointer leads to on top of a thread's stack. */
static uint64_t top_of(int tid)
{
	return tid == syscalls_getpid() ? main_top : thread_pointer();
}

struct looking {
	uint64_t sp, from, to;
};

static void look(const struct maps_line *line, void *ctx)
{
	struct looking *looking = ctx;

	if (looking->sp < line->from || looking->sp >= line->to)
		return;
	looking->from = line->from;
	looking->to = line->to;
}

static int is_known(const struct thread *thread, uint64_t sp)
{
	return sp >= thread->stack_from && sp < thread->stack_to;
}

int stack_is_elsewhere(struct thread *thread, uint64_t sp)
{
	struct looking looking = {.sp = sp};

	if (is_known(thread, sp))
		return 0;
	if (!thread->stack_to) {
		thread->stack_to = top_of(thread->tid);
		thread->stack_from =
			thread->stack_to - (thread->stack_to == main_top ? main_near : NEAR_THREAD);
	}
	if (is_known(thread, sp) || stack_is_alternate(sp))
		return 0;
	maps_each(look, &looking);
	if (thread->stack_to < looking.from || thread->stack_to >= looking.to || sp >= thread->stack_to)
		return 1;
	thread->stack_from = looking.from;
	return 0;
}
