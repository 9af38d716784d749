// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/emit.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/tape.h"
#include "replay/target/capture.h"
#include "replay/target/clock.h"
#include "replay/target/engine.h"
#include "replay/target/files.h"
#include "replay/target/guard.h"
#include "replay/target/ring.h"
#include "replay/target/syscalls.h"

#define SLOTS_CNT 64 /* events that are made at once */

/* An event while it is made. */
struct slot {
	uint32_t is_taken;
	uint32_t more; /* bytes that further events may hold */
	int is_startup;
	struct capture_work work; /* pages that no plan needs are never touched */
	struct capture capture;
	struct event event;
	uint8_t bytes[PLAN_BYTES_MAX];
};
_Static_assert(offsetof(struct slot, bytes) == offsetof(struct slot, event) + sizeof(struct event),
	       "an event and its fragments go out in one piece");

static struct slot *slots;

void emit_init(void)
{
	slots = mmap(NULL, SLOTS_CNT * sizeof(*slots), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (slots == MAP_FAILED)
		engine_fail("out of memory");
}

static void slot_put(struct slot *slot)
{
	__atomic_store_n(&slot->is_taken, 0, __ATOMIC_RELEASE);
}

void emit_forget(void)
{
	for (int i = 0; i < SLOTS_CNT; i++)
		slot_put(&slots[i]);
}

static struct slot *slot_take(void)
{
	for (int i = 0; i < SLOTS_CNT; i++)
		if (!__atomic_exchange_n(&slots[i].is_taken, 1, __ATOMIC_ACQUIRE))
			return &slots[i];
	return NULL;
}

/* --- one event --- */

/* Of the start-up; 0: it is over. A call that begins gets its own number with it. */
static uint32_t startup_number(struct call *call, enum event_kind kind)
{
	__u64 *at = &engine.tape->startup.state, step = 1, state = __atomic_load_n(at, __ATOMIC_RELAXED);

	if (state & JOINT_ENDED || (state & (JOINT_SEQ - 1)) == JOINT_SEQ - 2)
		return 0;
	if (call->is_call && kind == EVENT_ENTRY)
		step += JOINT_SEQ;
	else if (!call->is_call)
		step += JOINT_ENDED;
	state = __atomic_fetch_add(at, step, __ATOMIC_SEQ_CST);
	if (state & JOINT_ENDED)
		return 0;
	if (call->is_call && kind == EVENT_ENTRY)
		call->seq = ((state >> 24) & (JOINT_SEQ - 1)) + 1;
	return (state & (JOINT_SEQ - 1)) + 1;
}

static uint32_t event_number(struct thread *thread, struct call *call, enum event_kind kind)
{
	if (call->is_startup)
		return startup_number(call, kind);
	if (kind == EVENT_ENTRY && call->is_call)
		call->seq = ++thread->seq;
	return ++thread->attempted;
}

/* A slot with the event's head; NULL: lost, and counted. */
static struct slot *event_begin(struct thread *thread, struct call *call, enum event_kind kind)
{
	uint32_t number = event_number(thread, call, kind);
	struct slot *slot;

	if (!number) {
		call->is_open = 0;
		COUNT(call->func->patch->number, late, 1);
		return NULL;
	}
	thread->rseq++;
	slot = slot_take();
	if (!slot) {
		COUNT(call->func->patch->number, no_slot, 1);
		return NULL;
	}
	slot->event = (struct event){
		.func = call->func->patch->number,
		.kind = kind,
		.tgid = syscalls_getpid(),
		.tid = thread->tid,
		.ts_ns = clock_exact_ns(),
		.rseq = thread->rseq,
		.op = call->op,
		.thread = thread->number,
		.home = call->home,
		.seq = call->seq,
		.attempted = number,
		.flags = !call->is_call && kind != EVENT_ENTRY ? call->flags : 0,
	};
	slot->is_startup = call->is_startup;
	slot->more = 0;
	slot->capture.out = slot->bytes;
	slot->capture.room = sizeof(slot->bytes);
	slot->capture.len = slot->capture.flags = 0;
	return slot;
}

/* Fragments with a fault, and those that were cut. */
static void count_fragments(const struct slot *slot)
{
	const uint8_t *at = slot->bytes, *end = at + slot->capture.len;
	unsigned faults = 0, truncated = 0;

	while (at < end) {
		const struct plan_fragment *fragment = (const void *)at;

		if (fragment->status == PLAN_FRAGMENT_FAULT)
			faults++;
		else if (fragment->captured < fragment->len)
			truncated++;
		at += sizeof(*fragment) + ((fragment->captured + 7u) & ~7u);
	}
	if (faults)
		COUNT(slot->event.func, faults, faults);
	if (truncated)
		COUNT(slot->event.func, truncated, truncated);
}

/* When nobody reads any more, it is not the program's business either. */
static void look_for_recorder(void)
{
	if (syscalls_kill(engine.tape->recorder, 0) == -ESRCH)
		__atomic_store_n(&engine.tape->control.state, CONTROL_STOPPED, __ATOMIC_RELAXED);
}

static void event_output(struct slot *slot)
{
	slot->event.len = sizeof(slot->event) + slot->capture.len;
	count_fragments(slot);
	if (ring_put(&slot->event))
		return;
	COUNT(slot->event.func, dropped, 1);
	look_for_recorder();
}

static void event_end(struct slot *slot, struct thread *thread)
{
	if (slot->capture.flags & CAPTURE_STEPS)
		slot->event.flags |= EVENT_F_STEPS;
	if (slot->capture.flags & CAPTURE_BUDGET)
		slot->event.flags |= EVENT_F_BUDGET;
	if (slot->capture.flags)
		COUNT(slot->event.func, limited, 1);
	thread->rseq = slot->event.rseq;
	if (!slot->is_startup)
		thread->attempted = slot->event.attempted;
	event_output(slot);
	slot_put(slot);
}

/* The next number of an event that goes on; 0: its start-up is over. */
static uint32_t number_again(const struct slot *slot)
{
	__u64 *at = &engine.tape->startup.state, state;

	if (!slot->is_startup)
		return slot->event.attempted + 1;
	state = __atomic_load_n(at, __ATOMIC_RELAXED);
	if (state & JOINT_ENDED || (state & (JOINT_SEQ - 1)) == JOINT_SEQ - 2)
		return 0;
	state = __atomic_fetch_add(at, 1, __ATOMIC_SEQ_CST);
	return state & JOINT_ENDED ? 0 : (state & (JOINT_SEQ - 1)) + 1;
}

/* The slot is full, and its plan has more to copy: go on in another event. */
static int event_more(struct capture *capture)
{
	struct slot *slot = (void *)((char *)capture - offsetof(struct slot, capture));
	uint32_t number = slot->more ? number_again(slot) : 0;

	if (!number)
		return 0;
	slot->more -= slot->more < capture->len ? slot->more : capture->len;
	slot->event.flags |= EVENT_F_MORE;
	event_output(slot);
	slot->event.rseq++;
	slot->event.attempted = number;
	slot->event.flags = EVENT_F_AGAIN;
	capture->len = 0;
	return 1;
}

/* --- what is in it --- */

/* The first fragment. */
static void put_registers(struct slot *slot, unsigned cnt, const uint64_t (*xmm)[2], unsigned xmms,
			  const uint8_t (*st)[PLAN_FP_BYTES])
{
	struct plan_fragment f = {.addr = PLAN_FP_ADDR,
				  .len = cnt * PLAN_FP_BYTES,
				  .captured = cnt * PLAN_FP_BYTES,
				  .node = PLAN_NODE_FPREGS};
	uint8_t *regs = slot->bytes + sizeof(f);

	if (!cnt || cnt > PLAN_FP_CNT)
		return;
	memcpy(slot->bytes, &f, sizeof(f));
	memset(regs, 0, f.captured);
	memcpy(regs, xmm, (cnt < xmms ? cnt : xmms) * PLAN_FP_BYTES);
	if (cnt > PLAN_FP_ST0 && st)
		memcpy(regs + PLAN_FP_ST0 * PLAN_FP_BYTES, st, (cnt - PLAN_FP_ST0) * PLAN_FP_BYTES);
	slot->capture.len = sizeof(f) + f.captured;
}

static void capture(struct slot *slot, struct call *call, enum capture_section section)
{
	const struct plan *plan = call->func->plan;

	memcpy(slot->capture.v, call->args, sizeof(call->args));
	slot->capture.v[PLAN_V_RSP] = call->rsp;
	slot->capture.read = guard_peek;
	slot->capture.more = event_more;
	slot->capture.work = &slot->work;
	slot->capture.file = files_read;
	memcpy(slot->capture.keep, call->keep, sizeof(call->keep));
	slot->more = section == CAPTURE_IN ? plan->more_in : plan->more_out;
	capture_run(&slot->capture, plan, section);
	memcpy(call->keep, slot->capture.keep, sizeof(call->keep));
}

static unsigned fp_at_entry(const struct call *call)
{
	const struct plan *plan = call->func->plan;

	return plan->flags & PLAN_F_FP_BY_AL && !call->vectors ? 0 : plan->fp_in;
}

void emit_entry(struct thread *thread, struct call *call, const uint64_t (*xmm)[2])
{
	struct slot *slot = event_begin(thread, call, EVENT_ENTRY);

	if (!slot)
		return;
	memcpy(slot->event.regs, call->args, sizeof(call->args));
	slot->event.regs[6] = call->rsp;
	slot->event.regs[7] = call->ret;
	put_registers(slot, fp_at_entry(call), xmm, PLAN_FP_ST0, NULL);
	capture(slot, call, CAPTURE_IN);
	event_end(slot, thread);
}

void emit_return(struct thread *thread, struct call *call, const struct emit_result *result)
{
	struct slot *slot = event_begin(thread, call, EVENT_RETURN);

	if (!slot)
		return;
	slot->event.regs[0] = result->rax;
	slot->event.regs[1] = result->rdx;
	if (call->func->plan->flags & PLAN_F_ERRNO) {
		slot->event.regs[2] = (int64_t)result->error_number;
		slot->event.regs[3] = 1;
	}
	put_registers(slot, call->func->plan->fp_out, result->xmm, 2, result->st);
	slot->capture.v[PLAN_V_RAX] = result->rax;
	slot->capture.v[PLAN_V_RDX] = result->rdx;
	slot->capture.v[PLAN_V_ERRNO] = slot->event.regs[2];
	capture(slot, call, CAPTURE_OUT);
	event_end(slot, thread);
}

void emit_left(struct thread *thread, struct call *call, enum event_left left, int by_itself)
{
	struct slot *slot = event_begin(thread, call, EVENT_LEFT);

	if (!slot)
		return;
	slot->event.regs[0] = left;
	slot->event.regs[1] = call->passed_over;
	slot->event.regs[2] = by_itself;
	event_end(slot, thread);
}
