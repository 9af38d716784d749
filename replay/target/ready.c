// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/ready.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "replay/target/engine.h"
#include "replay/target/forkserver.h"
#include "replay/target/syscalls.h"
#include "replay/target/thunk.h"

#define FIRST_MS 300 /* the main thread is given to wait for work itself; others, while it waits for them */
#define LOOK_MS	 5

static volatile int is_main_joining;

static int is_operation(const struct func *func)
{
	return func == &engine.funcs[engine.patch->operation];
}

/* How long a program sleeps says nothing of its being ready. */
static int sleeps(const struct func *func, const struct frame *frame)
{
	static const struct {
		const char *name;
		int descriptors; /* the argument that says how many */
	} waits[] = {{"select", 0}, {"pselect", 0}, {"poll", 1}, {"ppoll", 1}, {"__poll_chk", 1}};

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		if (!strcmp(func->patch->name, waits[i].name))
			return !frame->gpr[waits[i].descriptors];
	return 0;
}

static int is_ready(const struct func *func, const struct frame *frame)
{
	if (engine.patch->ready_main)
		return 0;
	return is_operation(func) || (func->patch->role & PATCH_READY && !sleeps(func, frame));
}

static int is_main(void)
{
	return syscalls_gettid() == syscalls_getpid();
}

/*
 * Another thread may wait for work long before the main thread is ready, which would go on, and perhaps end
 * the program. So it is given time to be ready first; it may be waiting for this one.
 */
static int is_turn(const struct func *func)
{
	if (is_operation(func) || is_main())
		return 1;
	for (int ms = 0; ms < FIRST_MS && engine.state == ENGINE_STARTING && !is_main_joining; ms += LOOK_MS)
		syscalls_poll(NULL, 0, LOOK_MS);
	return engine.state == ENGINE_STARTING;
}

/* Who waits for a thread waits for work only when that thread does not end, and is not ready itself. */
static int joins(struct frame *frame)
{
	struct timespec until;
	int r;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += FIRST_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	if (is_main())
		is_main_joining = 1;
	r = pthread_timedjoin_np((pthread_t)frame->gpr[0], (void **)frame->gpr[1], &until);
	if (is_main())
		is_main_joining = 0;
	if (r == ETIMEDOUT)
		return 0;
	frame->rax = r;
	frame->fp = 0;
	return 1;
}

int ready_reached(const struct func *func, struct frame *frame)
{
	if (!is_ready(func, frame))
		return 0;
	if (!strcmp(func->patch->name, "pthread_join") && joins(frame))
		return 1;
	if (engine.state == ENGINE_STARTING && is_turn(func))
		forkserver_run(func->patch->name);
	return 0;
}
