// SPDX-License-Identifier: BSD-3-Clause
#include "replay/outcome.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/util.h"
#include "replay/target/patch.h"

#define FRAGMENT_ALIGN 8

struct parser {
	struct recording *recording;
	struct outcome_call *calls;
	size_t calls_max;
	uint64_t started_ns;
	bool is_started;
	struct err *err;
};

static int bad(struct parser *p, const char *why)
{
	return err_set(p->err, -EBADMSG, "what the replayed program left behind makes no sense: %s", why);
}

/* The next event and, in *@rest, what belongs to it. False at the end, or when its length makes no sense. */
static bool next(struct reader *r, struct outcome_event *event, struct reader *rest)
{
	const void *head = reader_bytes(r, sizeof(*event)), *body;

	if (!head)
		return false;
	memcpy(event, head, sizeof(*event));
	if (event->len < sizeof(*event) || event->len % FRAGMENT_ALIGN)
		r->failed = true;
	body = reader_bytes(r, event->len - sizeof(*event));
	if (!body)
		return false;
	reader_init(rest, body, event->len - sizeof(*event));
	return true;
}

static bool next_fragment(struct reader *r, struct fragment *out)
{
	struct plan_fragment head;
	const void *at = reader_bytes(r, sizeof(head));

	if (!at)
		return false;
	memcpy(&head, at, sizeof(head));
	*out = (struct fragment){.addr = head.addr,
				 .len = head.len,
				 .captured = head.captured,
				 .node = head.node,
				 .status = head.status};
	if (head.captured > head.len || head.status > PLAN_FRAGMENT_BUDGET)
		r->failed = true;
	out->bytes = reader_bytes(r, ALIGN_UP((size_t)head.captured, FRAGMENT_ALIGN));
	return out->bytes;
}

static size_t count_fragments(struct reader r)
{
	struct fragment fragment;
	size_t cnt = 0;

	while (next_fragment(&r, &fragment))
		cnt++;
	return cnt;
}

/* The outcome is written again by the next case: its bytes are copied. */
static int read_side(struct parser *p, struct side *side, struct reader rest, unsigned flags)
{
	size_t cnt = count_fragments(rest), len = reader_left(&rest);
	uint8_t *bytes = pool_alloc(p->recording->pool, len);

	side->fragments = pool_array(p->recording->pool, cnt, sizeof(*side->fragments));
	if (!bytes || !side->fragments)
		return err_nomem(p->err);
	if (len)
		memcpy(bytes, rest.pos, len);
	reader_init(&rest, bytes, len);
	for (side->cnt = 0; side->cnt < cnt; side->cnt++)
		next_fragment(&rest, &side->fragments[side->cnt]);
	side->steps_cut = flags & OUTCOME_F_STEPS;
	side->budget_cut = flags & OUTCOME_F_BUDGET;
	return reader_left(&rest) ? bad(p, "a piece of memory is longer than its event") : 0;
}

static int enter(struct parser *p, struct call *call, const struct outcome_event *event, struct reader rest)
{
	*call = (struct call){.func = event->func,
			      .seq = event->seq,
			      .thread = event->thread,
			      .left = LEFT_UNKNOWN,
			      .rsp = event->regs[6]};
	if (p->is_started && event->ts_ns >= p->started_ns)
		call->entered_ns = event->ts_ns - p->started_ns;
	memcpy(call->args, event->regs, sizeof(call->args));
	return read_side(p, &call->in, rest, event->flags);
}

static int enter_operation(struct parser *p, const struct outcome_event *event, struct reader rest)
{
	if (p->is_started)
		return bad(p, "the operation was entered twice");
	p->is_started = true;
	p->started_ns = event->ts_ns;
	return enter(p, &p->recording->operation, event, rest);
}

static int enter_call(struct parser *p, const struct outcome_event *event, struct reader rest)
{
	size_t cnt = p->recording->calls_cnt;

	if (cnt == p->calls_max)
		return bad(p, "more calls than events");
	if (cnt && p->recording->calls[cnt - 1].seq >= event->seq)
		return bad(p, "calls are out of order");
	p->calls[cnt].served = event->served == PATCH_NONE ? OUTCOME_NOT_SERVED : event->served;
	p->recording->calls_cnt++;
	return enter(p, &p->recording->calls[cnt], event, rest);
}

static struct call *call_of(struct parser *p, uint32_t seq)
{
	size_t from = 0, to = p->recording->calls_cnt;

	if (!seq)
		return p->is_started ? &p->recording->operation : NULL;
	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (p->recording->calls[mid].seq == seq)
			return &p->recording->calls[mid];
		if (p->recording->calls[mid].seq < seq)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

static int leave(struct parser *p, const struct outcome_event *event, struct reader rest)
{
	struct call *call = call_of(p, event->seq);

	if (!call || call->func != event->func || call->left == LEFT_RETURN)
		return bad(p, "a call returned that was not entered");
	call->left = LEFT_RETURN;
	call->left_ns = event->ts_ns >= p->started_ns ? event->ts_ns - p->started_ns : 0;
	call->rax = event->regs[0];
	call->rdx = event->regs[1];
	call->has_errno = true;
	call->error_number = (int32_t)event->regs[2];
	return read_side(p, &call->out, rest, event->flags);
}

static int read_event(struct parser *p, const struct outcome_event *event, struct reader rest)
{
	if (event->kind == OUTCOME_RETURN)
		return leave(p, event, rest);
	if (event->kind != OUTCOME_ENTRY)
		return bad(p, "an event of no known kind");
	return event->seq ? enter_call(p, event, rest) : enter_operation(p, event, rest);
}

static int read_events(struct parser *p, struct reader events)
{
	struct outcome_event event;
	struct reader rest;
	int r = 0;

	while (!r && reader_left(&events)) {
		if (!next(&events, &event, &rest))
			return bad(p, "an event is longer than what is left");
		r = read_event(p, &event, rest);
	}
	return r;
}

static size_t count_events(struct reader events)
{
	struct outcome_event event;
	struct reader rest;
	size_t cnt = 0;

	while (next(&events, &event, &rest))
		cnt++;
	return cnt;
}

int outcome_recording(struct recording **out, struct outcome_call **calls,
		      const struct outcome_header *outcome, size_t len, struct err *err)
{
	auto_recording struct recording *recording = NULL;
	autofree struct outcome_call *served = NULL;
	struct parser p = {.err = err};
	struct reader events;
	/* Read once: the program may still be writing. */
	size_t bytes = len >= sizeof(*outcome) ? *(const volatile unsigned *)&outcome->made.bytes : 0;
	int r;

	if (bytes < sizeof(*outcome) || bytes > len)
		return bad(&p, "its length");
	reader_init(&events, outcome + 1, bytes - sizeof(*outcome));
	r = recording_new(&recording, err);
	if (r)
		return r;
	recording->operation.func = UINT32_MAX;
	recording->operation.left = LEFT_UNKNOWN;
	p.recording = recording;
	p.calls_max = MIN(count_events(events), (size_t)RECORDING_CALLS_MAX);
	p.calls = served = calloc(p.calls_max + 1, sizeof(*served));
	recording->calls = pool_array(recording->pool, p.calls_max, sizeof(*recording->calls));
	if (!served || !recording->calls)
		return err_nomem(err);
	r = read_events(&p, events);
	if (r)
		return r;
	*out = TAKE_PTR(recording);
	*calls = TAKE_PTR(served);
	return 0;
}
