// SPDX-License-Identifier: BSD-3-Clause
/*
 * An event carries its operation's number and its own index in it (`attempted`), so an operation's events
 * sort themselves whatever order the rings give them in, and from whichever threads; what is missing is known
 * as soon as the end has arrived. The thread's running number (`rseq`) serves to count what was lost, also
 * where whole operations were. That an operation whose end was lost must be over shows when its own thread,
 * its home, begins another.
 */
#include "loader/assemble.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pool.h"
#include "lib/util.h"
#include "loader/assemble_build.h"

#define EVENTS_MAX  (2 * RECORDING_CALLS_MAX + 2) /* of one operation */
#define EVENTS_MIN  8
#define THREADS_MAX (1u << 23) /* twice the kernel's PID_MAX_LIMIT: the table is at most half full */
#define THREADS_MIN 256
#define PASSES	    2 /* the one in which a gap was seen, and one more in full */

#define OPERATIONS_CAP (2 * ASSEMBLE_OPEN_MAX) /* of the table: at most half full */

struct thread {
	uint32_t tid;	   /* 0: free. Used again by later threads, */
	uint32_t number;   /* which are told apart by this */
	uint64_t rseq, op; /* the highest seen; op: of operations whose home it is */
	struct operation *operations;
};

struct operation {
	struct gathered gathered;
	uint64_t number;
	uint32_t home, tgid, tid;
	size_t bytes;
	bool is_waiting; /* it has ended: what is missing is late or lost */
	unsigned passes; /* since then */
	struct operation *next_of_thread, *prev, *next;
};

struct assemble {
	assemble_fn fn;
	void *ctx;
	struct assemble_counts counts;
	struct thread *threads; /* a hash table with linear probing, at most half full */
	size_t threads_cap, threads_cnt;
	struct operation **operations;	/* another one, by number */
	struct operation *first, *last; /* open ones, in the order in which they were met */
	size_t open_cnt, waiting_cnt;
	uint64_t attempted, seen; /* events */
	size_t bytes;
};

int assemble_new(struct assemble **out, assemble_fn fn, void *ctx, struct err *err)
{
	struct assemble *assemble = calloc(1, sizeof(*assemble));

	if (!assemble)
		return err_nomem(err);
	assemble->threads_cap = THREADS_MIN;
	assemble->threads = calloc(assemble->threads_cap, sizeof(*assemble->threads));
	assemble->operations = calloc(OPERATIONS_CAP, sizeof(struct operation *));
	if (!assemble->threads || !assemble->operations) {
		assemble_free(assemble);
		return err_nomem(err);
	}
	assemble->fn = fn;
	assemble->ctx = ctx;
	*out = assemble;
	return 0;
}

/* --- threads --- */

static struct thread *slot_of(struct thread *threads, size_t cap, uint32_t tid)
{
	size_t i = tid * 2654435761u & (cap - 1);

	while (threads[i].tid && threads[i].tid != tid)
		i = (i + 1) & (cap - 1);
	return &threads[i];
}

static int threads_grow(struct assemble *assemble, struct err *err)
{
	size_t cap = assemble->threads_cap * 2;
	struct thread *threads;

	if (assemble->threads_cnt * 2 < assemble->threads_cap)
		return 0;
	if (cap > THREADS_MAX)
		return err_set(err, -E2BIG, "more thread numbers than there can be");
	threads = calloc(cap, sizeof(*threads));
	if (!threads)
		return err_nomem(err);
	for (size_t i = 0; i < assemble->threads_cap; i++)
		if (assemble->threads[i].tid)
			*slot_of(threads, cap, assemble->threads[i].tid) = assemble->threads[i];
	free(assemble->threads);
	assemble->threads = threads;
	assemble->threads_cap = cap;
	return 0;
}

static void start_waiting(struct assemble *assemble, struct operation *operation)
{
	if (operation->is_waiting)
		return;
	operation->is_waiting = true;
	assemble->waiting_cnt++;
}

static int thread_find(struct thread **out, struct assemble *assemble, uint32_t tid, struct err *err)
{
	int r = threads_grow(assemble, err);

	if (r < 0)
		return r;
	*out = slot_of(assemble->threads, assemble->threads_cap, tid);
	assemble->threads_cnt += !(*out)->tid;
	(*out)->tid = tid;
	return 0;
}

static void count_event(struct assemble *assemble, struct thread *thread, const struct event *event)
{
	assemble->seen++;
	if (event->thread <
	    thread->number) { /* late, of a thread whose number is used again: its gaps are not known */
		assemble->attempted++;
		return;
	}
	if (event->thread > thread->number) {
		thread->number = event->thread;
		thread->rseq = 0;
	}
	if (event->rseq > thread->rseq) {
		assemble->attempted += event->rseq - thread->rseq;
		thread->rseq = event->rseq;
	}
}

/* End what must have ended before the event: its home works for one operation at a time. */
static void home_meet(struct assemble *assemble, struct thread *home, const struct event *event)
{
	if (event->op <= home->op)
		return;
	home->op = event->op;
	for (struct operation *o = home->operations; o; o = o->next_of_thread)
		start_waiting(assemble, o);
}

/* --- operations --- */

static struct operation **place_of(const struct assemble *assemble, uint64_t number)
{
	size_t i = number * 2654435761u & (OPERATIONS_CAP - 1);

	while (assemble->operations[i] && assemble->operations[i]->number != number)
		i = (i + 1) & (OPERATIONS_CAP - 1);
	return &assemble->operations[i];
}

/* Linear probing without marks: what lies behind the hole moves up when the hole is on its way. */
static void place_clear(struct assemble *assemble, struct operation **place)
{
	size_t hole = place - assemble->operations, i = hole;

	assemble->operations[hole] = NULL;
	for (;;) {
		size_t wanted;

		i = (i + 1) & (OPERATIONS_CAP - 1);
		if (!assemble->operations[i])
			return;
		wanted = assemble->operations[i]->number * 2654435761u & (OPERATIONS_CAP - 1);
		if (((i - wanted) & (OPERATIONS_CAP - 1)) < ((i - hole) & (OPERATIONS_CAP - 1)))
			continue;
		assemble->operations[hole] = assemble->operations[i];
		assemble->operations[i] = NULL;
		hole = i;
	}
}

static void operation_free(struct operation *operation)
{
	recording_free(operation->gathered.recording);
	free(operation->gathered.events);
	free(operation);
}

static int operation_add(struct operation **out, struct assemble *assemble, struct thread *home,
			 const struct event *event, struct err *err)
{
	struct operation *operation = calloc(1, sizeof(*operation));
	int r;

	if (!operation)
		return err_nomem(err);
	r = recording_new(&operation->gathered.recording, err);
	if (r < 0) {
		free(operation);
		return r;
	}
	operation->number = event->op;
	operation->home = event->home;
	operation->tgid = event->tgid;
	operation->next_of_thread = home->operations;
	home->operations = operation;
	*place_of(assemble, event->op) = operation;
	operation->prev = assemble->last;
	*(assemble->last ? &assemble->last->next : &assemble->first) = operation;
	assemble->last = operation;
	assemble->open_cnt++;
	if (event->op < home->op)
		start_waiting(assemble, operation);
	*out = operation;
	return 0;
}

static void operation_remove(struct assemble *assemble, struct operation *operation)
{
	struct operation **at =
		&slot_of(assemble->threads, assemble->threads_cap, operation->home)->operations;

	while (*at != operation)
		at = &(*at)->next_of_thread;
	*at = operation->next_of_thread;
	place_clear(assemble, place_of(assemble, operation->number));
	*(operation->prev ? &operation->prev->next : &assemble->first) = operation->next;
	*(operation->next ? &operation->next->prev : &assemble->last) = operation->prev;
	assemble->open_cnt--;
	assemble->waiting_cnt -= operation->is_waiting;
	assemble->bytes -= operation->bytes;
	operation_free(operation);
}

/* Hand on what there is, or count it where its own entry was lost. @why: it has not ended; NULL: it has. */
static int operation_finish(struct assemble *assemble, struct operation *operation, const char *why,
			    struct err *err)
{
	struct recording *recording = NULL;
	struct assembled about = {.number = operation->number,
				  .tgid = operation->tgid,
				  .tid = operation->tid,
				  .is_kept = operation->gathered.flags & EVENT_F_KEPT};
	int r = 0;

	if (operation->gathered.flags & EVENT_F_DISCARDED) {
		assemble->counts.discarded++;
	} else if (gathered_has_entry(&operation->gathered)) {
		r = gathered_build(&operation->gathered, &about.started_ns, why, err);
		if (r == 0)
			recording = TAKE_PTR(operation->gathered.recording);
	} else {
		assemble->counts.no_entry++;
	}
	operation_remove(assemble, operation);
	if (!recording)
		return r;
	if (recording->complete)
		assemble->counts.complete++;
	else
		assemble->counts.incomplete++;
	return assemble->fn(recording, &about, assemble->ctx);
}

static int events_grow(struct gathered *gathered, uint32_t cnt, struct err *err)
{
	uint32_t cap = MAX(gathered->events_cap, (uint32_t)EVENTS_MIN);
	const struct event **events;

	while (cap < cnt)
		cap *= 2;
	if (cap == gathered->events_cap)
		return 0;
	events = realloc(gathered->events, cap * sizeof(*events));
	if (!events)
		return err_nomem(err);
	memset(events + gathered->events_cap, 0, (cap - gathered->events_cap) * sizeof(*events));
	gathered->events = events;
	gathered->events_cap = cap;
	return 0;
}

static int keep_event(struct assemble *assemble, struct operation *operation, const struct event *event,
		      struct err *err)
{
	struct gathered *gathered = &operation->gathered;
	struct event *copy;
	int r;

	if (event->attempted > EVENTS_MAX || operation->bytes + event->len > RECORDING_BYTES_MAX ||
	    assemble->bytes + event->len > ASSEMBLE_BYTES_MAX) {
		gathered->is_cut = true;
		return 0;
	}
	r = events_grow(gathered, event->attempted, err);
	if (r < 0)
		return r;
	if (gathered->events[event->attempted - 1])
		return err_set(err, -EBADMSG, "the event number %u of operation %llu came twice",
			       event->attempted, (unsigned long long)event->op);
	copy = pool_alloc(gathered->recording->pool, event->len);
	if (!copy)
		return err_nomem(err);
	memcpy(copy, event, event->len);
	gathered->events[event->attempted - 1] = copy;
	operation->bytes += event->len;
	assemble->bytes += event->len;
	return 0;
}

/* Its operation; NULL: there are too many, and it is left out. */
static int find_operation(struct operation **out, struct assemble *assemble, const struct event *event,
			  struct err *err)
{
	struct thread *thread;
	int r = thread_find(&thread, assemble, event->tid, err);

	if (r < 0)
		return r;
	count_event(assemble, thread, event);
	r = thread_find(&thread, assemble, event->home, err);
	if (r < 0)
		return r;
	home_meet(assemble, thread, event);
	*out = *place_of(assemble, event->op);
	if (*out)
		return 0;
	if (assemble->open_cnt < ASSEMBLE_OPEN_MAX)
		return operation_add(out, assemble, thread, event, err);
	assemble->counts.overflow += event->attempted == 1;
	return 0;
}

int assemble_event(struct assemble *assemble, const struct event *event, struct err *err)
{
	struct operation *operation = NULL;
	struct gathered *gathered;
	int r = find_operation(&operation, assemble, event, err);

	if (r < 0 || !operation)
		return r;
	r = keep_event(assemble, operation, event, err);
	if (r < 0)
		return r;
	if (!event->seq)
		operation->tid = event->tid;
	gathered = &operation->gathered;
	gathered->seen++;
	gathered->attempted = MAX(gathered->attempted, event->attempted);
	if (event->seq == 0 && event->kind != EVENT_ENTRY)
		gathered->flags |= event->flags;
	if (event->seq == 0 && event->kind != EVENT_ENTRY && !(event->flags & EVENT_F_MORE)) {
		gathered->has_end = true;
		start_waiting(assemble, operation);
	}
	if (gathered->has_end && gathered->seen == gathered->attempted)
		return operation_finish(assemble, operation, NULL, err);
	return 0;
}

int assemble_pass_done(struct assemble *assemble, struct err *err)
{
	struct operation *operation = assemble->first, *next;

	for (; assemble->waiting_cnt && operation; operation = next) {
		int r;

		next = operation->next;
		if (!operation->is_waiting || ++operation->passes < PASSES)
			continue;
		r = operation_finish(assemble, operation, NULL, err);
		if (r)
			return r;
	}
	return 0;
}

int assemble_mark(struct assemble *assemble, const char *why, struct err *err)
{
	int r = 0;

	for (struct operation *operation = assemble->first; r == 0 && operation; operation = operation->next)
		r = recording_add_incomplete(operation->gathered.recording, err, "%s", why);
	return r;
}

int assemble_finish(struct assemble *assemble, const char *why, struct err *err)
{
	while (assemble->first) {
		struct operation *operation = assemble->first;
		int r = operation_finish(assemble, operation, operation->is_waiting ? NULL : why, err);

		if (r)
			return r;
	}
	return 0;
}

void assemble_counts(const struct assemble *assemble, struct assemble_counts *out)
{
	*out = assemble->counts;
	out->lost_events = assemble->attempted - assemble->seen;
}

size_t assemble_open_cnt(const struct assemble *assemble)
{
	return assemble->open_cnt;
}

void assemble_free(struct assemble *assemble)
{
	if (!assemble)
		return;
	while (assemble->first)
		operation_remove(assemble, assemble->first);
	free(assemble->threads);
	free(assemble->operations);
	free(assemble);
}
