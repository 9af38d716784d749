// SPDX-License-Identifier: BSD-3-Clause
#include "replay/target/record.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "lib/tape.h"
#include "replay/target/engine.h"
#include "replay/target/gate.h"
#include "replay/target/guard.h"
#include "replay/target/record_impl.h"
#include "replay/target/ring.h"
#include "replay/target/stack.h"
#include "replay/target/syscalls.h"

__thread struct thread record_me;
static __thread uint64_t engine_sp; /* where the engine was entered, while record_me.depth is not 0 */

int record_pid;
static volatile int *is_here; /* 0 in a child that forked, until it is followed */
static pthread_key_t ends_key;

/* --- the engine's own frames: nothing that it does is recorded --- */

/* What interrupted us and was not recorded is a gap in the numbers. */
static void leave_engine(void)
{
	uint32_t missed;

	__atomic_fetch_sub(&engine.tape->busy, 1, __ATOMIC_SEQ_CST);
	/* From here on handlers' calls are recorded, and none is missed. */
	__atomic_store_n(&record_me.depth, 0, __ATOMIC_SEQ_CST);
	missed = record_me.missed;
	record_me.missed = 0;
	if (!missed || !record_me.call[CALL_OPERATION].is_open)
		return;
	record_me.attempted += missed;
	record_me.rseq += missed;
}

/* Returns 0, and leaves, when recording has stopped. */
static int enter_engine(uint64_t sp)
{
	record_me.depth = 1;
	engine_sp = sp;
	__atomic_fetch_add(&engine.tape->busy, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&engine.tape->control.state, __ATOMIC_SEQ_CST) != CONTROL_STOPPED)
		return 1;
	leave_engine();
	return 0;
}

/* A signal handler's call while the engine is at work. One that jumped out of it has left it for good; one
 * whose own stack merely lies above has not. */
static int is_interrupting(uint64_t sp)
{
	int is_above = sp > engine_sp && (!stack_is_alternate(sp) || stack_is_alternate(engine_sp));

	if (record_me.depth && is_above) {
		ring_let_go();
		leave_engine();
	}
	return record_me.depth;
}

/* Where a call that is entered may open; NULL: what it lies in is recorded without its insides. */
static struct call *room_for_call(void)
{
	struct call *call = record_me.call;

	if (!call[CALL_OUTER].is_open)
		return &call[CALL_OUTER];
	return call[CALL_BACK].is_open && !call[CALL_INNER].is_open ? &call[CALL_INNER] : NULL;
}

static void miss(const struct func_rule *rule, unsigned number)
{
	if (record_me.call[CALL_OPERATION].is_open && room_for_call() && !rule->is_operation) {
		record_me.missed++;
		COUNT(number, no_slot, 1);
	} else if (rule->is_operation && !record_me.call[CALL_OPERATION].is_open) {
		COUNT(number, no_state, 1);
	}
}

/* --- children that fork --- */

/* In one that is followed; its thread is the only one. */
static void adopt(void)
{
	uint32_t idx = __atomic_fetch_add(&engine.tape->children_cnt, 1, __ATOMIC_SEQ_CST);

	record_pid = syscalls_getpid();
	if (idx < TAPE_CHILDREN_MAX)
		__atomic_store_n(&engine.tape->children[idx], record_pid, __ATOMIC_SEQ_CST);
	record_me = (struct thread){};
	emit_forget();
	stack_forked();
	*is_here = 1;
}

static void on_fork(void)
{
	if (engine.state == ENGINE_RECORDING && engine.tape->control.is_following && !*is_here)
		adopt();
}

/* Whether this process is recorded; one that forked past libc is known by its first call. */
static int is_recorded(void)
{
	if (engine.state != ENGINE_RECORDING)
		return 0;
	on_fork();
	return *is_here;
}

/* --- open calls --- */

int record_is_busy(void)
{
	return record_me.call[CALL_OPERATION].is_open || record_me.call[CALL_OUTER].is_open;
}

static void call_leave(struct call *call, enum event_left left)
{
	if (!call->is_open)
		return;
	if (!call->is_muted)
		emit_left(&record_me, call, left, 1);
	call->is_open = 0;
}

/* What is open from @outermost inwards is over without a return. */
static void calls_leave(int outermost, enum event_left left)
{
	for (int i = CALL_CNT - 1; i >= outermost; i--)
		call_leave(&record_me.call[i], left);
}

static void thread_leave(enum event_left left)
{
	calls_leave(CALL_OPERATION, left);
}

/* Whether @call was abandoned by the look of a stack pointer alone. What lies on the main stack waits for a
 * handler on the alternate one, wherever the two lie. */
static int is_passed(const struct call *call, uint64_t sp)
{
	int is_alternate = stack_is_alternate(sp);

	if (is_alternate != call->is_alternate)
		return !is_alternate;
	return call->rsp <= sp;
}

/* In the thunk's frame lies room for it behind a result that is not there yet. */
#define COOKIE_AT    10
#define COOKIE_BYTES 6

static void put_cookie(struct call *call, struct frame *frame)
{
	call->cookie = plan_mix((uint64_t)record_me.number << 40 ^ record_me.rseq) >> 16;
	call->cookie_at = (uint64_t)&frame->st[0][COOKIE_AT];
	memcpy(&frame->st[0][COOKIE_AT], &call->cookie, COOKIE_BYTES);
}

static int lies_at(uint64_t at, uint64_t want)
{
	uint64_t word;

	return guard_peek(&word, at, sizeof(word)) == sizeof(word) && word == want;
}

/* Whether @call is still there when a function is entered at @sp: neither its return address nor the thunk's
 * frame beneath was written over. */
static int is_alive(const struct call *call, uint64_t sp)
{
	uint64_t cookie = 0;

	return !is_passed(call, sp) && lies_at(call->rsp, call->word) &&
	       guard_peek(&cookie, call->cookie_at, COOKIE_BYTES) == COOKIE_BYTES && cookie == call->cookie;
}

void record_settle(uint64_t sp)
{
	for (int i = 0; i < CALL_CNT; i++) {
		if (!record_me.call[i].is_open || is_alive(&record_me.call[i], sp))
			continue;
		calls_leave(i, EVENT_LEFT_UNWOUND);
		return;
	}
}

/* Who called the function that is entered at @sp: behind a jump at the end of one that the thunk called, its
 * caller. */
static uint64_t caller_of(uint64_t sp, uint64_t ret)
{
	for (int i = CALL_CNT - 1; ret == (uint64_t)thunk_called && i >= 0; i--)
		if (record_me.call[i].is_open && record_me.call[i].called == sp)
			return record_me.call[i].ret;
	return ret;
}

static void make_thread(void)
{
	if (record_me.number)
		return;
	record_me.number = __atomic_add_fetch(&engine.tape->threads_cnt, 1, __ATOMIC_RELAXED);
	record_me.tid = syscalls_gettid();
	for (int i = CALL_OUTER; i < CALL_CNT; i++)
		record_me.call[i].is_call = 1;
	pthread_setspecific(ends_key, (void *)1);
}

static struct call *call_open(struct call *call, const struct func *func, const struct frame *frame)
{
	memcpy(call->args, frame->gpr, sizeof(call->args));
	memset(call->keep, 0, sizeof(call->keep));
	call->func = func;
	call->rsp = record_sp(frame);
	call->word = frame->ret;
	call->ret = caller_of(call->rsp, frame->ret);
	call->seq = 0;
	call->flags = call->is_muted = 0;
	call->passed_over = 0;
	call->vectors = frame->rax;
	call->is_open = 1;
	call->is_alternate = stack_is_alternate(call->rsp);
	COUNT(func->patch->number, taken, 1);
	return call;
}

/* --- start-up --- */

static int is_starting(void)
{
	return engine.tape->control.is_starting &&
	       !__atomic_load_n(&engine.tape->startup_over, __ATOMIC_RELAXED);
}

/* A call before the first operation; NULL: there are too many, which is counted. */
static struct call *startup_enter(const struct func *func, const struct frame *frame)
{
	struct call *inner = &record_me.call[CALL_OUTER];

	if (__atomic_fetch_add(&engine.tape->startup_calls, 1, __ATOMIC_RELAXED) >= STARTUP_CALLS_MAX)
		return NULL;
	make_thread();
	inner->op = STARTUP_OP;
	inner->home = STARTUP_HOME;
	inner->is_startup = 1;
	return call_open(inner, func, frame);
}

/* The first operation begins, taken or not. */
static void startup_end(const struct func *func)
{
	struct call startup = {.func = func, .op = STARTUP_OP, .home = STARTUP_HOME, .is_startup = 1};

	if (__atomic_exchange_n(&engine.tape->startup_over, 1, __ATOMIC_SEQ_CST))
		return;
	make_thread();
	emit_left(&record_me, &startup, EVENT_LEFT_STARTED, 0);
}

/* What waits for work may call the operation itself: when all that is open in the thread is a call before the
 * first operation, it is let go of. */
static int leave_startup(void)
{
	if (record_me.call[CALL_OPERATION].is_open || !record_me.call[CALL_OUTER].is_startup)
		return 0;
	call_leave(&record_me.call[CALL_OUTER], EVENT_LEFT_UNKNOWN);
	return 1;
}

/* --- operations and their calls --- */

static struct call *operation_enter(const struct func *func, const struct frame *frame)
{
	struct call *call = &record_me.call[CALL_OPERATION];

	if (is_starting())
		startup_end(func);
	if (engine.tape->control.state != CONTROL_RECORDING || !gate_takes(func, frame))
		return NULL;
	make_thread();
	if (stack_is_elsewhere(&record_me, record_sp(frame))) {
		COUNT(func->patch->number, elsewhere, 1);
		return NULL;
	}
	record_me.attempted = record_me.seq = 0;
	call->op = __atomic_add_fetch(&engine.tape->operations_cnt, 1, __ATOMIC_RELAXED);
	call->home = record_me.tid;
	return call_open(call, func, frame);
}

/* Inside @outer, of whose operation it is. */
static struct call *open_inside(struct call *outer, struct call *call, const struct func *func,
				const struct frame *frame)
{
	call->op = outer->op;
	call->home = outer->home;
	call->is_startup = outer->is_startup;
	return call_open(call, func, frame);
}

struct call *record_inner(const struct func *func, const struct frame *frame)
{
	struct call *call = record_me.call, *room = room_for_call();

	if (room)
		return open_inside(room == &call[CALL_OUTER] ? &call[CALL_OPERATION] : &call[CALL_BACK], room,
				   func, frame);
	call[call[CALL_INNER].is_open ? CALL_INNER : CALL_OUTER].passed_over++;
	return NULL;
}

/* A call of the thread's input, back into the program. */
static struct call *back_enter(const struct func *func, const struct frame *frame)
{
	struct call *outer = &record_me.call[CALL_OUTER], *back = &record_me.call[CALL_BACK];

	if (!outer->is_open || !engine.tape->rules[outer->func->patch->number].is_input || back->is_open)
		return NULL;
	return open_inside(outer, back, func, frame);
}

/* A call on another stack, of the operation that the thread works for, is not recorded. */
static void lack(const struct func_rule *rule, unsigned number)
{
	if (rule->is_operation)
		return;
	if (record_me.call[CALL_OPERATION].is_open)
		record_me.call[CALL_OPERATION].flags |= EVENT_F_ELSEWHERE;
	COUNT(number, elsewhere, 1);
}

/* Whether @rule's function may be of interest where nothing is open in the thread. */
static int may_begin(const struct func_rule *rule)
{
	return rule->is_operation || (rule->is_input && is_starting());
}

/* What of @func, which is being entered, is recorded; NULL: nothing. */
static struct call *enter(const struct func *func, const struct func_rule *rule, const struct frame *frame)
{
	uint64_t sp = record_sp(frame);

	if (!record_is_busy() && !may_begin(rule))
		return NULL;
	if (rule->plan_flags & PLAN_F_OUTSIDE_LIBC && record_is_outside(caller_of(sp, frame->ret)))
		return NULL;
	/* A child that shares our memory, by vfork. */
	if (syscalls_getpid() != record_pid)
		return NULL;
	if (record_is_busy() && stack_is_elsewhere(&record_me, sp)) {
		lack(rule, func->patch->number);
		return NULL;
	}
	if (record_is_busy())
		record_settle(sp);
	if (record_me.call[CALL_OPERATION].is_open && record_me.call[CALL_OPERATION].is_muted)
		return NULL;
	if (rule->is_operation)
		return record_is_busy() && !leave_startup() ? NULL : operation_enter(func, frame);
	if (rule->is_callback)
		return back_enter(func, frame);
	if (record_is_busy())
		return record_inner(func, frame);
	return rule->is_input && is_starting() ? startup_enter(func, frame) : NULL;
}

/* Words of stack arguments that can be passed on: its caller's frame may be the last of its stack. */
static uint64_t stack_words(const struct frame *frame)
{
	uint64_t at = (uint64_t)frame->stack, end = at + 8 * PATCH_STACK_WORDS;
	uint64_t page = (at + TAPE_PAGE - 1) & -(uint64_t)TAPE_PAGE;
	uint8_t byte;

	if (end > page && guard_peek(&byte, page, 1) != 1)
		end = page;
	return (end - at) / 8 & ~1ull;
}

static void set_call(struct frame *frame, struct call *call)
{
	frame->stack_words = stack_words(frame);
	frame->fp = call->func->patch->results & (PATCH_RESULT_ST0 | PATCH_RESULT_ST1);
	call->called = frame->xsave - 8 * frame->stack_words - 8;
	put_cookie(call, frame);
}

/* prctl, or syscall with its number before. */
static int is_confining(const struct func *func, const struct frame *frame)
{
	const uint64_t *args = frame->gpr;
	uint64_t number = SYS_prctl;

	if (func->patch->name[0] == 's')
		number = *args++;
	return number == SYS_seccomp || (number == SYS_prctl && args[0] == PR_SET_SECCOMP);
}

/* Our own system calls would be the program's crimes. */
static void hear_of(const struct func *func, const struct frame *frame)
{
	if (func->patch->role == PATCH_ENDS)
		record_ends();
	else if (is_confining(func, frame) && syscalls_getpid() == record_pid)
		record_give_up("the program confines itself (seccomp): it is not recorded from there on");
}

int record_call(const struct func *func, struct frame *frame)
{
	unsigned number = func->patch->number;
	const struct func_rule *rule = &engine.tape->rules[number];
	const struct control *control = &engine.tape->control;
	int error_number = errno;
	struct call *call;

	frame->target = (uint64_t)func->original;
	if (!is_recorded())
		return THUNK_TAIL;
	if (func->patch->number == PATCH_NONE) {
		hear_of(func, frame);
		return THUNK_TAIL;
	}
	if (control->state == CONTROL_STOPPED)
		return THUNK_TAIL;
	if (control->state == CONTROL_RECORDING || !rule->is_operation)
		COUNT(number, hits, 1);
	if (is_interrupting(record_sp(frame))) {
		miss(rule, number);
		return THUNK_TAIL;
	}
	if (!enter_engine(record_sp(frame)))
		return THUNK_TAIL;
	call = rule->mark ? NULL : enter(func, rule, frame);
	if (rule->mark)
		record_mark(func, rule->mark, frame);
	if (call) {
		set_call(frame, call);
		emit_entry(&record_me, call, frame->xmm);
	}
	leave_engine();
	errno = error_number;
	if (rule->mark) {
		frame->fp = 0;
		return THUNK_RETURN;
	}
	return call ? THUNK_CALL : THUNK_TAIL;
}

static struct call *returning(uint64_t sp)
{
	for (int i = CALL_CNT - 1; i >= 0; i--) {
		struct call *call = &record_me.call[i];

		if (!call->is_open || call->rsp != sp)
			continue;
		calls_leave(i + 1, EVENT_LEFT_UNWOUND);
		return call;
	}
	return NULL;
}

void record_returned(struct frame *frame)
{
	const struct emit_result result = {
		.rax = frame->rax,
		.rdx = frame->gpr[2],
		.error_number = errno,
		.xmm = frame->xmm,
		.st = frame->st,
	};
	struct call *call;

	if (engine.state != ENGINE_RECORDING || !*is_here || is_interrupting(record_sp(frame)) ||
	    !enter_engine(record_sp(frame)))
		return;
	call = returning(record_sp(frame));
	if (call) {
		if (!call->is_muted)
			emit_return(&record_me, call, &result);
		call->is_open = 0;
	}
	leave_engine();
	errno = result.error_number;
}

void record_unwound(void)
{
	int i = CALL_CNT - 1;

	if (!*is_here || record_me.depth || !enter_engine((uint64_t)__builtin_frame_address(0)))
		return;
	while (i > CALL_OPERATION && !record_me.call[i].is_open)
		i--;
	call_leave(&record_me.call[i], EVENT_LEFT_UNWOUND);
	leave_engine();
}

void record_ends(void)
{
	int error_number = errno;

	if (!is_here || !*is_here || record_me.depth || syscalls_getpid() != record_pid ||
	    !enter_engine((uint64_t)__builtin_frame_address(0)))
		return;
	thread_leave(EVENT_LEFT_EXIT);
	leave_engine();
	errno = error_number;
}

/* Called again as often as it sets its value: what other destructors call is recorded, too. */
static void on_thread_end(void *round)
{
	if ((uintptr_t)round < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(ends_key, (void *)((uintptr_t)round + 1));
	else
		record_ends();
}

void record_prepare(void)
{
	int *marker = mmap(NULL, TAPE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (marker == MAP_FAILED || madvise(marker, TAPE_PAGE, MADV_WIPEONFORK) ||
	    pthread_key_create(&ends_key, on_thread_end) || pthread_atfork(NULL, NULL, on_fork))
		engine_fail("cannot prepare for recording: %s", strerror(errno));
	*marker = 1;
	is_here = marker;
	record_pid = syscalls_getpid();
}
