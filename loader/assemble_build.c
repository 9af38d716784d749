// SPDX-License-Identifier: BSD-3-Clause
/* A call is there when its entry is: without it nothing is known of its arguments. */
#include "loader/assemble_build.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/util.h"

static const enum left lefts[EVENT_LEFT_CNT] = {
	[0] = LEFT_UNKNOWN,
	[EVENT_LEFT_UNWOUND] = LEFT_UNWOUND,
	[EVENT_LEFT_EXIT] = LEFT_EXIT,
	[EVENT_LEFT_UNKNOWN] = LEFT_UNKNOWN,
	[EVENT_LEFT_STARTED] = LEFT_RETURN,
};

bool gathered_has_entry(const struct gathered *gathered)
{
	return gathered->events && gathered->events[0];
}

static const struct plan_fragment *fragment_next(const struct plan_fragment *fragment)
{
	return (const void *)((const uint8_t *)(fragment + 1) + ALIGN_UP(fragment->captured, 8u));
}

/* Behind what is there already. */
static int side_fill(struct side *side, const struct event *event, struct pool *pool, struct err *err)
{
	const struct plan_fragment *first = (const void *)(event + 1);
	const void *end = (const uint8_t *)event + event->len;
	struct fragment *fragment;
	size_t cnt = 0;

	side->steps_cut |= !!(event->flags & EVENT_F_STEPS);
	side->budget_cut |= !!(event->flags & EVENT_F_BUDGET);
	for (const struct plan_fragment *f = first; (const void *)f < end; f = fragment_next(f))
		cnt++;
	if (!cnt)
		return 0;
	fragment = pool_array(pool, side->cnt + cnt, sizeof(*fragment));
	if (!fragment)
		return err_nomem(err);
	if (side->cnt)
		memcpy(fragment, side->fragments, side->cnt * sizeof(*fragment));
	side->fragments = fragment;
	fragment += side->cnt;
	side->cnt += cnt;
	for (const struct plan_fragment *f = first; (const void *)f < end; f = fragment_next(f))
		*fragment++ = (struct fragment){.addr = f->addr,
						.len = f->len,
						.captured = f->captured,
						.node = f->node,
						.status = f->status,
						.bytes = (const uint8_t *)(f + 1)};
	return 0;
}

static uint64_t since(const struct event *event, uint64_t started_ns)
{
	return event->ts_ns > started_ns ? event->ts_ns - started_ns : 0;
}

static int on_entry(struct recording *recording, struct call *call, const struct event *event,
		    uint64_t started_ns, struct err *err)
{
	call->func = event->func;
	call->seq = event->seq;
	call->left = LEFT_UNKNOWN;
	call->entered_ns = since(event, started_ns);
	for (int i = 0; i < ARG_REGS; i++)
		call->args[i] = event->regs[i];
	call->rsp = event->regs[6];
	return side_fill(&call->in, event, recording->pool, err);
}

static int on_return(struct recording *recording, struct call *call, const struct event *event,
		     uint64_t started_ns, struct err *err)
{
	call->left = LEFT_RETURN;
	call->left_ns = since(event, started_ns);
	call->rax = event->regs[0];
	call->rdx = event->regs[1];
	call->error_number = event->regs[2];
	call->has_errno = event->regs[3];
	return side_fill(&call->out, event, recording->pool, err);
}

/* What the way it was left says of the recording as a whole. */
static int on_left(struct recording *recording, struct call *call, const struct event *event,
		   uint64_t started_ns, struct err *err)
{
	uint64_t left = event->regs[0], passed_over = event->regs[1];
	bool is_by_itself = event->regs[2];

	call->left = left < EVENT_LEFT_CNT ? lefts[left] : LEFT_UNKNOWN;
	if (left == EVENT_LEFT_STARTED)
		call->left_ns = since(event, started_ns);
	if (call->left == LEFT_UNKNOWN)
		return call->seq ? recording_add_incomplete(recording, err,
							    "the return of call %u could not be observed",
							    call->seq)
				 : recording_add_incomplete(recording, err,
							    "the operation's return could not be observed");
	if (call->left == LEFT_EXIT && !is_by_itself && !call->seq)
		return recording_add_incomplete(recording, err, "its thread was killed inside the operation");
	if (call->left == LEFT_UNWOUND && passed_over)
		return recording_add_incomplete(
			recording, err, "calls after call %u, which was left by a jump, may be missing",
			call->seq);
	return 0;
}

static int by_seq(const void *key, const void *element)
{
	uint32_t a = *(const uint32_t *)key, b = ((const struct call *)element)->seq;

	return a < b ? -1 : a > b;
}

/* The call that the event is about: calls are in the order of their entries, whose numbers rise. */
static struct call *call_of(struct recording *recording, const struct event *event)
{
	if (!event->seq)
		return &recording->operation;
	if (!recording->calls_cnt)
		return NULL;
	return bsearch(&event->seq, recording->calls, recording->calls_cnt, sizeof(*recording->calls),
		       by_seq);
}

/* What the operation's end says of it as a whole. */
static void add_flags(struct recording *recording, const struct event *end, struct err *err)
{
	if (end->flags & EVENT_F_SHARED)
		recording_add_incomplete(recording, err,
					 "another operation carried the same value at the same time: its "
					 "calls in other threads may be here, or there");
	if (end->flags & EVENT_F_UNCARRIED)
		recording_add_incomplete(recording, err,
					 "what it carried found no room: calls in other threads are missing");
	if (end->flags & EVENT_F_WARY)
		recording_add_incomplete(recording, err,
					 "calls are missing: what may unwind the stack was loaded meanwhile");
	if (end->flags & EVENT_F_ELSEWHERE)
		recording_add_incomplete(recording, err,
					 "calls on a stack that is not their thread's own (a coroutine) are "
					 "missing");
}

/* --- threads --- */

/* Threads of one operation, by number; the operation's own is the first. Past THREADS_MAX an index is
 * searched for no more: they share the last. */
#define THREADS_MAX 1024

struct threads {
	uint32_t number[THREADS_MAX];
	uint32_t cnt;
};

static uint32_t thread_index(struct threads *threads, uint32_t number)
{
	uint32_t i = 0;

	while (i < threads->cnt && threads->number[i] != number)
		i++;
	if (i == threads->cnt && i < THREADS_MAX)
		threads->number[threads->cnt++] = number;
	return i;
}

/* More fragments of a call: without its first event nobody knows what they are. */
static int go_on(struct recording *recording, const struct event *event, struct err *err)
{
	struct call *call = call_of(recording, event);

	if (!call)
		return 0;
	return side_fill(event->kind == EVENT_ENTRY ? &call->in : &call->out, event, recording->pool, err);
}

static int apply(struct recording *recording, struct threads *threads, const struct event *event,
		 uint64_t started_ns, struct err *err)
{
	struct call *call;

	if (event->flags & EVENT_F_AGAIN)
		return go_on(recording, event, err);
	if (event->kind == EVENT_ENTRY) {
		call = event->seq ? &recording->calls[recording->calls_cnt++] : &recording->operation;
		call->thread = thread_index(threads, event->thread);
		return on_entry(recording, call, event, started_ns, err);
	}
	call = call_of(recording, event);
	if (!call)
		return 0;
	if (!event->seq)
		add_flags(recording, event, err);
	if (event->kind == EVENT_RETURN)
		return on_return(recording, call, event, started_ns, err);
	return on_left(recording, call, event, started_ns, err);
}

static int add_reasons(const struct gathered *gathered, const char *why, struct err *err)
{
	struct recording *recording = gathered->recording;
	uint32_t lost = gathered->attempted - gathered->seen;
	int r = 0;

	if (lost)
		r = recording_add_incomplete(recording, err, "%u of %u events were lost", lost,
					     gathered->attempted);
	if (r == 0 && gathered->is_cut)
		r = recording_add_incomplete(recording, err, "too many calls or bytes: not all were kept");
	if (r == 0 && !gathered->has_end && !why)
		r = recording_add_incomplete(recording, err, "its end was lost");
	if (r == 0 && why)
		r = recording_add_incomplete(recording, err, "%s", why);
	return r;
}

/* Calls in other threads that go on when the operation is over. */
static int add_unended(struct recording *recording, struct err *err)
{
	int r = 0;

	if (recording->incomplete_cnt)
		return 0;
	for (size_t i = 0; r == 0 && i < recording->calls_cnt; i++)
		if (recording->calls[i].left == LEFT_UNKNOWN)
			r = recording_add_incomplete(recording, err,
						     "call %u had not ended when the operation did",
						     recording->calls[i].seq);
	return r;
}

int gathered_build(struct gathered *gathered, uint64_t *started_ns, const char *why, struct err *err)
{
	struct recording *recording = gathered->recording;
	const struct event **events = gathered->events;
	uint32_t cnt = MIN(gathered->attempted, gathered->events_cap);
	struct threads threads = {};
	size_t calls = 0;
	int r = add_reasons(gathered, why, err);

	*started_ns = events[0]->ts_ns;
	for (uint32_t i = 0; i < cnt; i++)
		calls += events[i] && events[i]->kind == EVENT_ENTRY && events[i]->seq &&
			 !(events[i]->flags & EVENT_F_AGAIN);
	if (r == 0 && calls) {
		recording->calls = pool_array(recording->pool, calls, sizeof(*recording->calls));
		if (!recording->calls)
			return err_nomem(err);
	}
	for (uint32_t i = 0; r == 0 && i < cnt; i++)
		if (events[i])
			r = apply(recording, &threads, events[i], *started_ns, err);
	if (r == 0)
		r = add_unended(recording, err);
	recording->complete = r == 0 && !recording->incomplete_cnt;
	return r;
}
