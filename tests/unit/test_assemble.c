// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/plan.h"
#include "lib/util.h"
#include "loader/assemble.h"

#define STEPS_MAX 24
#define TAKEN_MAX 8

/* A step of a story: an event, the end of a pass, or the end of everything. */
enum { STEP_NONE, IN = EVENT_ENTRY, OUT = EVENT_RETURN, LEFT = EVENT_LEFT, PASS, FINISH };

struct step {
	int kind;
	uint32_t tid, op, rseq, attempted, seq;
	uint64_t left, passed_over, by_itself;
	uint32_t thread, home; /* 0: as tid */
	uint16_t flags;
};

struct want {
	uint32_t op;
	bool complete;
	size_t calls_cnt;
	enum left left;
	const char *reason; /* the first; NULL: none */
};

struct story {
	const char *name;
	struct step steps[STEPS_MAX];
	struct want want[TAKEN_MAX];
	uint64_t lost, no_entry, open;
};

struct taken {
	struct recording *recording[TAKEN_MAX];
	uint32_t tid[TAKEN_MAX];
	size_t cnt;
	bool is_kept[TAKEN_MAX];
};

static int take(struct recording *recording, const struct assembled *about, void *ctx)
{
	struct taken *taken = ctx;

	assert_in_range(taken->cnt, 0, TAKEN_MAX - 1);
	taken->tid[taken->cnt] = about->tid;
	taken->is_kept[taken->cnt] = about->is_kept;
	taken->recording[taken->cnt++] = recording;
	return 0;
}

static void release(struct taken *taken)
{
	for (size_t i = 0; i < taken->cnt; i++)
		recording_free(taken->recording[i]);
}

/* args[0] of an entry is the operation's number, so that a recording shows what it was made of. */
static struct event event_of(const struct step *step)
{
	struct event event = {.len = sizeof(event),
			      .func = step->seq ? 1 : 0,
			      .kind = step->kind,
			      .tgid = 7,
			      .tid = step->tid,
			      .thread = step->thread ? step->thread : step->tid,
			      .home = step->home ? step->home : step->tid,
			      .flags = step->flags,
			      .ts_ns = 1000 + step->rseq,
			      .rseq = step->rseq,
			      .op = step->op,
			      .seq = step->seq,
			      .attempted = step->attempted};

	if (step->kind == IN)
		event.regs[0] = step->op;
	if (step->kind == LEFT) {
		event.regs[0] = step->left;
		event.regs[1] = step->passed_over;
		event.regs[2] = step->by_itself;
	}
	return event;
}

static void play(struct assemble *assemble, const struct step *step)
{
	struct event event;
	struct err err = {};

	for (; step->kind; step++) {
		if (step->kind == PASS) {
			assert_int_equal(assemble_pass_done(assemble, &err), 0);
		} else if (step->kind == FINISH) {
			assert_int_equal(assemble_finish(assemble, "recording stopped", &err), 0);
		} else {
			event = event_of(step);
			assert_int_equal(assemble_event(assemble, &event, &err), 0);
		}
	}
}

static void check_story(const struct story *story)
{
	struct assemble *assemble = NULL;
	struct assemble_counts counts;
	struct taken taken = {};
	size_t complete = 0, cnt = 0;

	print_message("  %s\n", story->name);
	assert_int_equal(assemble_new(&assemble, take, &taken, NULL), 0);
	play(assemble, story->steps);
	for (; cnt < TAKEN_MAX && story->want[cnt].op; cnt++) {
		const struct want *want = &story->want[cnt];
		const struct recording *got = taken.recording[cnt];

		assert_in_range(cnt, 0, taken.cnt - 1);
		assert_int_equal(got->operation.args[0], want->op);
		assert_int_equal(got->complete, want->complete);
		assert_int_equal(got->calls_cnt, want->calls_cnt);
		assert_int_equal(got->operation.left, want->left);
		assert_int_equal(got->incomplete_cnt > 0, want->reason != NULL);
		if (want->reason)
			assert_string_equal(got->incomplete[0], want->reason);
		complete += want->complete;
	}
	assert_int_equal(taken.cnt, cnt);
	assemble_counts(assemble, &counts);
	assert_int_equal(counts.complete, complete);
	assert_int_equal(counts.incomplete, cnt - complete);
	assert_int_equal(counts.lost_events, story->lost);
	assert_int_equal(counts.no_entry, story->no_entry);
	assert_int_equal(assemble_open_cnt(assemble), story->open);
	release(&taken);
	assemble_free(assemble);
}

/* kind, tid, op, rseq, attempted, seq */
static const struct story stories[] = {
	{.name = "a whole operation is handed on at once",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {IN, 1, 1, 2, 2, 1}, {OUT, 1, 1, 3, 3, 1}, {OUT, 1, 1, 4, 4, 0}},
	 .want = {{1, true, 1, LEFT_RETURN}}},
	{.name = "events from two rings in the wrong order",
	 .steps = {{OUT, 1, 1, 4, 4, 0},
		   {IN, 1, 1, 2, 2, 1},
		   {OUT, 1, 1, 3, 3, 1},
		   {PASS},
		   {IN, 1, 1, 1, 1, 0}},
	 .want = {{1, true, 1, LEFT_RETURN}}},
	{.name = "a gap is not loss before one more full pass",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {OUT, 1, 1, 3, 3, 0}, {PASS}},
	 .lost = 1,
	 .open = 1},
	{.name = "a gap that outlives one more pass is loss",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {OUT, 1, 1, 3, 3, 0}, {PASS}, {PASS}},
	 .want = {{1, false, 0, LEFT_RETURN, "1 of 3 events were lost"}},
	 .lost = 1},
	{.name = "a call whose entry was lost is not shown with made-up arguments",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {OUT, 1, 1, 3, 3, 1}, {OUT, 1, 1, 4, 4, 0}, {PASS}, {PASS}},
	 .want = {{1, false, 0, LEFT_RETURN, "1 of 4 events were lost"}},
	 .lost = 1},
	{.name = "an operation whose end was lost ends when its thread goes on",
	 .steps = {{IN, 1, 1, 1, 1, 0},
		   {PASS},
		   {PASS},
		   {PASS},
		   {IN, 1, 2, 3, 1, 0},
		   {OUT, 1, 2, 4, 2, 0},
		   {PASS},
		   {PASS}},
	 .want = {{2, true, 0, LEFT_RETURN}, {1, false, 0, LEFT_UNKNOWN, "its end was lost"}},
	 .lost = 1},
	{.name = "an operation whose entry was lost is counted, not made up",
	 .steps = {{IN, 1, 1, 2, 2, 1}, {OUT, 1, 1, 3, 3, 1}, {OUT, 1, 1, 4, 4, 0}, {PASS}, {PASS}},
	 .lost = 1,
	 .no_entry = 1},
	{.name = "operations lost whole show as a gap of their thread",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {OUT, 1, 1, 2, 2, 0}, {IN, 1, 5, 13, 1, 0}, {OUT, 1, 5, 14, 2, 0}},
	 .want = {{1, true, 0, LEFT_RETURN}, {5, true, 0, LEFT_RETURN}},
	 .lost = 10},
	{.name = "an operation left by a jump is whole",
	 .steps = {{IN, 1, 1, 1, 1, 0},
		   {IN, 1, 1, 2, 2, 1},
		   {LEFT, 1, 1, 3, 3, 1, EVENT_LEFT_UNWOUND},
		   {LEFT, 1, 1, 4, 4, 0, EVENT_LEFT_UNWOUND}},
	 .want = {{1, true, 1, LEFT_UNWOUND}}},
	{.name = "calls passed over inside one that was left by a jump may have been real ones",
	 .steps = {{IN, 1, 1, 1, 1, 0},
		   {IN, 1, 1, 2, 2, 1},
		   {LEFT, 1, 1, 3, 3, 1, EVENT_LEFT_UNWOUND, 2},
		   {OUT, 1, 1, 4, 4, 0}},
	 .want = {{1, false, 1, LEFT_RETURN,
		   "calls after call 1, which was left by a jump, may be missing"}}},
	{.name = "a thread that exits inside its operation",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {LEFT, 1, 1, 2, 2, 0, EVENT_LEFT_EXIT, 0, 1}},
	 .want = {{1, true, 0, LEFT_EXIT}}},
	{.name = "a thread that is killed inside its operation",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {LEFT, 1, 1, 2, 2, 0, EVENT_LEFT_EXIT, 0, 0}},
	 .want = {{1, false, 0, LEFT_EXIT, "its thread was killed inside the operation"}}},
	{.name = "a return that could not be observed",
	 .steps = {{IN, 1, 1, 1, 1, 0},
		   {IN, 1, 1, 2, 2, 1},
		   {LEFT, 1, 1, 3, 3, 1, EVENT_LEFT_UNKNOWN},
		   {OUT, 1, 1, 4, 4, 0}},
	 .want = {{1, false, 1, LEFT_RETURN, "the return of call 1 could not be observed"}}},
	{.name = "an operation that never ends",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {IN, 1, 1, 2, 2, 1}, {PASS}, {PASS}, {PASS}, {FINISH}},
	 .want = {{1, false, 1, LEFT_UNKNOWN, "recording stopped"}}},
	{.name = "loss behind the last event leaves the operation open to the end",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {IN, 1, 1, 3, 3, 2}, {PASS}, {PASS}, {FINISH}},
	 .want = {{1, false, 1, LEFT_UNKNOWN, "1 of 3 events were lost"}},
	 .lost = 1},
	{.name = "two threads interleaved",
	 .steps = {{IN, 1, 1, 1, 1, 0},
		   {IN, 2, 2, 1, 1, 0},
		   {IN, 1, 1, 2, 2, 1},
		   {IN, 2, 2, 2, 2, 1},
		   {OUT, 2, 2, 3, 3, 1},
		   {OUT, 1, 1, 3, 3, 1},
		   {OUT, 2, 2, 4, 4, 0},
		   {OUT, 1, 1, 4, 4, 0}},
	 .want = {{2, true, 1, LEFT_RETURN}, {1, true, 1, LEFT_RETURN}}},
	{.name = "calls of two threads are one operation's",
	 .steps = {{IN, 1, 1, 1, 1, 0},
		   {IN, 2, 1, 1, 2, 1, .home = 1},
		   {OUT, 2, 1, 2, 4, 1, .home = 1},
		   {IN, 1, 1, 2, 3, 2},
		   {OUT, 1, 1, 4, 6, 0},
		   {OUT, 1, 1, 3, 5, 2}},
	 .want = {{1, true, 2, LEFT_RETURN}}},
	{.name = "a thread works for an older operation after a newer one",
	 .steps = {{IN, 1, 1, 1, 1, 0},
		   {IN, 2, 2, 1, 1, 0},
		   {IN, 3, 2, 1, 2, 1, .home = 2},
		   {OUT, 3, 2, 2, 3, 1, .home = 2},
		   {IN, 3, 1, 3, 2, 1, .home = 1},
		   {OUT, 3, 1, 4, 3, 1, .home = 1},
		   {PASS},
		   {PASS},
		   {PASS},
		   {OUT, 1, 1, 2, 4, 0},
		   {OUT, 2, 2, 2, 4, 0}},
	 .want = {{1, true, 1, LEFT_RETURN}, {2, true, 1, LEFT_RETURN}}},
	{.name = "a call that goes on in another thread when the operation is over",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {IN, 2, 1, 1, 2, 1, .home = 1}, {OUT, 1, 1, 2, 3, 0}},
	 .want = {{1, false, 1, LEFT_RETURN, "call 1 had not ended when the operation did"}}},
	{.name = "an operation whose value another one carried too",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {OUT, 1, 1, 2, 2, 0, .flags = EVENT_F_SHARED}},
	 .want = {{1, false, 0, LEFT_RETURN,
		   "another operation carried the same value at the same time: its calls in other threads may "
		   "be here, or there"}}},
	{.name = "an operation whose value found no room",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {OUT, 1, 1, 2, 2, 0, .flags = EVENT_F_UNCARRIED}},
	 .want = {{1, false, 0, LEFT_RETURN,
		   "what it carried found no room: calls in other threads are missing"}}},
	{.name = "an operation that let a coroutine work for it",
	 .steps = {{IN, 1, 1, 1, 1, 0}, {OUT, 1, 1, 2, 2, 0, .flags = EVENT_F_ELSEWHERE}},
	 .want = {{1, false, 0, LEFT_RETURN,
		   "calls on a stack that is not their thread's own (a coroutine) are missing"}}},
	{.name = "a thread's number used again begins at 1 again",
	 .steps = {{IN, 1, 1, 1, 1, 0},
		   {OUT, 1, 1, 2, 2, 0},
		   {IN, 1, 2, 1, 1, 0, .thread = 9},
		   {OUT, 1, 2, 3, 3, 0, .thread = 9},
		   {PASS},
		   {PASS}},
	 .want = {{1, true, 0, LEFT_RETURN}, {2, false, 0, LEFT_RETURN, "1 of 3 events were lost"}},
	 .lost = 1},
};

static void every_story_ends_as_it_should(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
		check_story(&stories[i]);
}

static void a_call_keeps_its_registers_and_fragments(void **state)
{
	struct {
		struct event event;
		struct plan_fragment fragment[2];
		uint8_t bytes[8];
	} in = {.event = {.len = sizeof(in),
			  .func = 3,
			  .kind = EVENT_ENTRY,
			  .flags = EVENT_F_BUDGET,
			  .tid = 1,
			  .thread = 1,
			  .home = 1,
			  .ts_ns = 500,
			  .rseq = 2,
			  .op = 1,
			  .seq = 1,
			  .attempted = 2,
			  .regs = {11, 12, 13, 14, 15, 16, 0x7000, 0x4000}},
		.fragment = {{.addr = 0x100, .node = 4, .status = PLAN_FRAGMENT_FAULT, .len = 9},
			     {.addr = 0x200, .node = 5, .len = 3, .captured = 3}},
		.bytes = "ab"};
	struct event out = {.len = sizeof(out),
			    .func = 3,
			    .kind = EVENT_RETURN,
			    .tid = 1,
			    .thread = 1,
			    .home = 1,
			    .ts_ns = 700,
			    .rseq = 3,
			    .op = 1,
			    .seq = 1,
			    .attempted = 3,
			    .regs = {21, 22, -1, 1}};
	const struct step begin[] = {{IN, 1, 1, 1, 1, 0}, {}}, end[] = {{OUT, 1, 1, 4, 4, 0}, {}};
	struct assemble *assemble = NULL;
	struct taken taken = {};
	const struct call *call;

	assert_int_equal(assemble_new(&assemble, take, &taken, NULL), 0);
	play(assemble, begin);
	assert_int_equal(assemble_event(assemble, &in.event, NULL), 0);
	memset(in.bytes, 0, sizeof(in.bytes)); /* the ring's memory is used again */
	assert_int_equal(assemble_event(assemble, &out, NULL), 0);
	play(assemble, end);
	assert_int_equal(taken.cnt, 1);
	call = &taken.recording[0]->calls[0];
	assert_int_equal(call->func, 3);
	assert_int_equal(call->args[5], 16);
	assert_int_equal(call->rsp, 0x7000);
	assert_int_equal(call->rax, 21);
	assert_int_equal(call->rdx, 22);
	assert_true(call->has_errno);
	assert_int_equal(call->error_number, -1);
	assert_true(call->in.budget_cut && !call->in.steps_cut && !call->out.budget_cut);
	assert_int_equal(call->in.cnt, 2);
	assert_int_equal(call->in.fragments[0].status, PLAN_FRAGMENT_FAULT);
	assert_int_equal(call->in.fragments[0].len, 9);
	assert_int_equal(call->in.fragments[1].node, 5);
	assert_memory_equal(call->in.fragments[1].bytes, "ab", 3);
	assert_int_equal(call->out.cnt, 0);
	release(&taken);
	assemble_free(assemble);
}

/* An event of one fragment of eight bytes, the @idx-th of the operation. */
struct piece {
	struct event event;
	struct plan_fragment fragment;
	uint8_t bytes[8];
};

static struct piece piece_of(uint8_t kind, uint16_t flags, uint32_t seq, uint32_t idx, uint8_t byte)
{
	struct piece piece = {.event = {.len = sizeof(piece),
					.func = seq,
					.kind = kind,
					.flags = flags,
					.tid = 1,
					.thread = 1,
					.home = 1,
					.ts_ns = 500 + idx,
					.rseq = idx,
					.op = 1,
					.seq = seq,
					.attempted = idx},
			      .fragment = {.addr = 0x1000 + 8 * byte, .len = 8, .captured = 8}};

	memset(piece.bytes, byte, sizeof(piece.bytes));
	return piece;
}

static void what_one_event_cannot_hold_goes_on_in_the_next(void **state)
{
	const struct piece pieces[] = {
		piece_of(EVENT_ENTRY, EVENT_F_MORE, 0, 1, 1),
		piece_of(EVENT_ENTRY, EVENT_F_AGAIN, 0, 2, 2),
		piece_of(EVENT_ENTRY, EVENT_F_MORE, 1, 3, 3),
		piece_of(EVENT_ENTRY, EVENT_F_AGAIN | EVENT_F_MORE, 1, 4, 4),
		piece_of(EVENT_ENTRY, EVENT_F_AGAIN | EVENT_F_BUDGET, 1, 5, 5),
		piece_of(EVENT_RETURN, 0, 1, 6, 6),
		piece_of(EVENT_RETURN, EVENT_F_MORE, 0, 7, 7),
		piece_of(EVENT_RETURN, EVENT_F_AGAIN, 0, 8, 8),
	};
	struct assemble *assemble = NULL;
	struct taken taken = {};
	const struct recording *r;

	/* In the order of one ring, then with the operation's end first. */
	for (size_t from = 0; from < 2; from++) {
		assert_int_equal(assemble_new(&assemble, take, &taken, NULL), 0);
		for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
			assert_int_equal(assemble_event(assemble, &pieces[(i + from * 6) % 8].event, NULL),
					 0);
		assert_int_equal(taken.cnt, 1);
		r = taken.recording[0];
		assert_true(r->complete);
		assert_int_equal(r->calls_cnt, 1);
		assert_int_equal(r->operation.in.cnt, 2);
		assert_int_equal(r->operation.out.cnt, 2);
		assert_int_equal(r->calls[0].in.cnt, 3);
		for (uint8_t i = 0; i < 3; i++)
			assert_int_equal(r->calls[0].in.fragments[i].bytes[7], 3 + i);
		assert_true(r->calls[0].in.budget_cut && !r->operation.in.budget_cut);
		release(&taken);
		taken = (struct taken){};
		assemble_free(assemble);
	}
}

static void a_lost_piece_makes_the_operation_incomplete(void **state)
{
	const struct piece first = piece_of(EVENT_ENTRY, EVENT_F_MORE, 0, 1, 1);
	const struct piece last = piece_of(EVENT_RETURN, 0, 0, 3, 3);
	struct assemble *assemble = NULL;
	struct taken taken = {};

	assert_int_equal(assemble_new(&assemble, take, &taken, NULL), 0);
	assert_int_equal(assemble_event(assemble, &first.event, NULL), 0);
	assert_int_equal(assemble_event(assemble, &last.event, NULL), 0);
	assert_int_equal(assemble_finish(assemble, "recording stopped", NULL), 0);
	assert_int_equal(taken.cnt, 1);
	assert_false(taken.recording[0]->complete);
	assert_string_equal(taken.recording[0]->incomplete[0], "1 of 3 events were lost");
	release(&taken);
	assemble_free(assemble);
}

static int check_thread(struct recording *recording, const struct assembled *about, void *ctx)
{
	assert_int_equal(recording->operation.args[0], about->tid);
	recording_free(recording);
	return 0;
}

static void many_threads_are_told_apart(void **state)
{
	struct assemble *assemble = NULL;
	struct assemble_counts counts;

	assert_int_equal(assemble_new(&assemble, check_thread, NULL, NULL), 0);
	for (uint32_t tid = 1; tid <= 5000; tid++)
		play(assemble, (struct step[]){{IN, tid, tid, 1, 1, 0}, {}});
	assert_int_equal(assemble_open_cnt(assemble), 5000);
	for (uint32_t tid = 5000; tid; tid--)
		play(assemble, (struct step[]){{OUT, tid, tid, 2, 2, 0}, {}});
	assemble_counts(assemble, &counts);
	assert_int_equal(counts.complete, 5000);
	assert_int_equal(counts.lost_events, 0);
	assemble_free(assemble);
}

static void operations_past_the_limit_are_counted(void **state)
{
	struct assemble *assemble = NULL;
	struct assemble_counts counts;
	struct taken taken = {};

	assert_int_equal(assemble_new(&assemble, take, &taken, NULL), 0);
	for (uint32_t op = 1; op <= ASSEMBLE_OPEN_MAX + 3; op++)
		play(assemble, (struct step[]){{IN, op, op, 1, 1, 0}, {}});
	play(assemble, (struct step[]){{OUT, ASSEMBLE_OPEN_MAX + 1, ASSEMBLE_OPEN_MAX + 1, 2, 2, 0}, {}});
	assemble_counts(assemble, &counts);
	assert_int_equal(counts.overflow, 3);
	assert_int_equal(assemble_open_cnt(assemble), ASSEMBLE_OPEN_MAX);
	assert_int_equal(taken.cnt, 0);
	assemble_free(assemble);
}

static void what_is_discarded_is_counted_and_not_handed_on_and_what_is_kept_says_so(void **state)
{
	const struct step steps[] = {
		{IN, 1, 1, 1, 1, 0},
		{IN, 1, 1, 2, 2, 1},
		{LEFT, 1, 1, 3, 3, 0, .flags = EVENT_F_DISCARDED},
		/* One event of it lost. */
		{IN, 1, 2, 4, 1, 0},
		{LEFT, 1, 2, 6, 3, 0, .flags = EVENT_F_DISCARDED},
		{PASS},
		{PASS},
		{IN, 1, 3, 7, 1, 0},
		{OUT, 1, 3, 8, 2, 0, .flags = EVENT_F_KEPT},
		{IN, 1, 4, 9, 1, 0},
		{OUT, 1, 4, 10, 2, 0},
		/* Kept and discarded. */
		{IN, 1, 5, 11, 1, 0},
		{OUT, 1, 5, 12, 2, 0, .flags = EVENT_F_KEPT | EVENT_F_DISCARDED},
		{},
	};
	struct assemble *assemble = NULL;
	struct assemble_counts counts;
	struct taken taken = {};

	assert_int_equal(assemble_new(&assemble, take, &taken, NULL), 0);
	play(assemble, steps);
	assemble_counts(assemble, &counts);
	assert_int_equal(counts.discarded, 3);
	assert_int_equal(counts.complete, 2);
	assert_int_equal(counts.incomplete, 0);
	assert_int_equal(counts.lost_events, 1);
	assert_int_equal(taken.cnt, 2);
	assert_true(taken.is_kept[0] && !taken.is_kept[1]);
	release(&taken);
	assemble_free(assemble);
}

/* Whatever the order, as long as the passes come after it, nothing is lost. */
static void any_order_gives_the_same_operations(void **state)
{
	struct step steps[40];

	for (uint32_t i = 0; i < ARRAY_SIZE(steps); i++) {
		uint32_t op = i / 10 + 1, at = i % 10;

		steps[i] = (struct step){at % 2 == 0 && at < 8 ? IN : OUT, 1, op, i + 1, at + 1, 0};
		steps[i].kind = at == 0 ? IN : at == 9 ? OUT : at % 2 ? IN : OUT;
		steps[i].seq = at == 0 || at == 9 ? 0 : (at + 1) / 2;
	}
	srand(1);
	for (int round = 0; round < 200; round++) {
		struct assemble *assemble = NULL;
		struct assemble_counts counts;
		struct taken taken = {};

		for (size_t i = ARRAY_SIZE(steps) - 1; i; i--) {
			size_t k = rand() % (i + 1);
			struct step step = steps[i];

			steps[i] = steps[k];
			steps[k] = step;
		}
		assert_int_equal(assemble_new(&assemble, take, &taken, NULL), 0);
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
			play(assemble, (struct step[]){steps[i], {}});
		play(assemble, (struct step[]){{PASS}, {PASS}, {}});
		assemble_counts(assemble, &counts);
		assert_int_equal(counts.complete, 4);
		assert_int_equal(counts.lost_events, 0);
		for (size_t i = 0; i < taken.cnt; i++) {
			assert_int_equal(taken.recording[i]->calls_cnt, 4);
			for (uint32_t c = 0; c < 4; c++) {
				assert_int_equal(taken.recording[i]->calls[c].seq, c + 1);
				assert_int_equal(taken.recording[i]->calls[c].left, LEFT_RETURN);
			}
		}
		release(&taken);
		assemble_free(assemble);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_story_ends_as_it_should),
		cmocka_unit_test(a_call_keeps_its_registers_and_fragments),
		cmocka_unit_test(what_one_event_cannot_hold_goes_on_in_the_next),
		cmocka_unit_test(a_lost_piece_makes_the_operation_incomplete),
		cmocka_unit_test(many_threads_are_told_apart),
		cmocka_unit_test(operations_past_the_limit_are_counted),
		cmocka_unit_test(what_is_discarded_is_counted_and_not_handed_on_and_what_is_kept_says_so),
		cmocka_unit_test(any_order_gives_the_same_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
