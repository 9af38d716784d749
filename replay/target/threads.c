// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/threads.h"

#include <dirent.h>
#include <stdlib.h>

#include "replay/target/dispatch.h"
#include "replay/target/thunk.h"

/* What pthread_create was given. */
struct start {
	void *(*run)(void *);
	void *arg;
	int is_part;
};

int threads_others(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int cnt = 0;

	while (dir && (entry = readdir(dir)))
		cnt += atoi(entry->d_name) > 0;
	if (dir)
		closedir(dir);
	return cnt ? cnt - 1 : 0;
}

static void *run(void *given)
{
	struct start start = *(struct start *)given;

	dispatch_enter();
	free(given);
	dispatch_take_part(start.is_part);
	dispatch_leave();
	return start.run(start.arg);
}

void threads_start(struct frame *frame, int is_part)
{
	struct start *start = malloc(sizeof(*start));

	/* Without it the thread is taken for the program's. */
	if (!start)
		return;
	*start = (struct start){(void *(*)(void *))frame->gpr[2], (void *)frame->gpr[3], is_part};
	frame->gpr[2] = (uint64_t)run;
	frame->gpr[3] = (uint64_t)start;
}
