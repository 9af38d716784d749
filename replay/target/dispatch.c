// SPDX-License-Identifier: BSD-3-Clause
/*
 * An intercepted call runs for real before ready, outside the operation, inside a function that really runs,
 * and inside the engine; else it is answered from the case. Threads that the operation starts take part,
 * one at a time; the others are held where they begin an operation. Calm: what is not comes
 * behind thunk_keep.
 */
#include "replay/target/dispatch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "replay/target/carrier.h"
#include "replay/target/engine.h"
#include "replay/target/fence.h"
#include "replay/target/guard.h"
#include "replay/target/install.h"
#include "replay/target/invoke.h"
#include "replay/target/lock.h"
#include "replay/target/match.h"
#include "replay/target/objects.h"
#include "replay/target/ready.h"
#include "replay/target/record.h"
#include "replay/target/report.h"
#include "replay/target/serve.h"
#include "replay/target/shadow.h"
#include "replay/target/syscalls.h"
#include "replay/target/threads.h"
#include "replay/target/thunk.h"

static ENGINE_WRITTEN unsigned lock;

extern void *__libc_stack_end; /* of ld.so; the first thread's */

static ENGINE_WRITTEN uint64_t operation_sp;

static __thread struct {
	unsigned engine_depth;
	int is_operations; /* the operation itself runs in it */
	int takes_part;	   /* 1: yes, -1: no, 0: not asked yet */
	/* While a real function runs: its frame, where its return address stands, and what its return will
	 * need. */
	uint64_t real_sp, real_ret;
	struct report real;
} me;

void dispatch_enter(void)
{
	me.engine_depth++;
}

void dispatch_leave(void)
{
	me.engine_depth--;
}

void dispatch_play(uint64_t sp)
{
	operation_sp = sp;
	me.takes_part = me.is_operations = 1;
}

void dispatch_take_part(int is_part)
{
	me.takes_part = is_part ? 1 : -1;
}

static uint64_t sp_of(const struct frame *frame)
{
	return (uint64_t)&frame->ret;
}

static int takes_part(void)
{
	if (!me.takes_part)
		me.takes_part = engine.has_others ? -1 : 1;
	return me.takes_part > 0;
}

int dispatch_is_playing(void)
{
	return engine.state == ENGINE_PLAYING && takes_part();
}

/* A frame not beneath the real function's: that one was left by longjmp. So it was when its return address
 * has been written over. */
static int is_nested(const struct frame *frame)
{
	uint64_t word = 0;

	if (!me.real_sp)
		return 0;
	guard_read(&word, me.real_ret, sizeof(word));
	if (sp_of(frame) >= me.real_sp || word != (uint64_t)thunk_called)
		me.real_sp = 0;
	return me.real_sp != 0;
}

#define UNWIND_CLEANUP 2 /* of enum _Unwind_Action */
#define UNWIND_FORCED  8 /* the thread ends */
#define UNWIND_GO_ON   8 /* of enum _Unwind_Reason_Code */

/* The function that the thunk called is left by an exception. */
int thunk_passed(int version, int actions, uint64_t exception_class, void *exception, void *context)
{
	if (engine.state == ENGINE_RECORDING && actions & UNWIND_CLEANUP && !(actions & UNWIND_FORCED))
		record_unwound();
	if (actions & UNWIND_CLEANUP)
		me.real_sp = 0;
	return UNWIND_GO_ON;
}

static int tail(const struct func *func, struct frame *frame)
{
	if (func->original) {
		frame->target = (uint64_t)func->original;
		return THUNK_TAIL;
	}
	if (engine.state == ENGINE_STARTING)
		engine_fail("'%s' is called before ready, and its code cannot be moved to run for real",
			    func->patch->name);
	report_trouble(OUTCOME_TROUBLE, func, "'%s' must run for real here, but its code cannot be moved",
		       func->patch->name);
}

static void set_result(const struct func *func, struct frame *frame, const struct patch_registers *result)
{
	unsigned results = func->patch->results;

	if (results & PATCH_RESULT_RAX)
		frame->rax = result->rax;
	if (results & PATCH_RESULT_RDX)
		frame->gpr[2] = result->rdx;
	frame->fp = results & ~(PATCH_RESULT_RAX | PATCH_RESULT_RDX);
	for (int i = 0; frame->fp && i < 2; i++) {
		frame->xmm[i][0] = result->xmm[i];
		frame->xmm[i][1] = 0;
	}
	if (results & PATCH_RESULT_ST0)
		memcpy(frame->st, result->st, sizeof(frame->st));
}

/* What a real function left in its registers. */
static struct patch_registers result_of(const struct frame *frame)
{
	struct patch_registers result = {
		.rax = frame->rax, .rdx = frame->gpr[2], .xmm = {frame->xmm[0][0], frame->xmm[1][0]}};

	if (frame->fp & PATCH_RESULT_ST0)
		memcpy(result.st, frame->st, sizeof(result.st));
	return result;
}

/* Words of stack arguments that can be passed on: its caller's frame may be the last of its stack. */
static uint64_t stack_words(const struct frame *frame)
{
	uint64_t words[PATCH_STACK_WORDS];

	return guard_read(words, (uint64_t)frame->stack, sizeof(words)) / sizeof(words[0]) & ~1ull;
}

static int run_real(struct frame *frame, struct report *report)
{
	const struct func *func = report->func;

	if (!func->original)
		return tail(func, frame);
	report->flags |= OUTCOME_F_RAN;
	report_entry(report);
	me.real = *report;
	me.real_sp = sp_of(frame);
	frame->stack_words = stack_words(frame);
	me.real_ret = frame->xsave - 8 * frame->stack_words - 8;
	frame->fp = func->patch->results & (PATCH_RESULT_ST0 | PATCH_RESULT_ST1);
	frame->target = (uint64_t)func->original;
	return THUNK_CALL;
}

/* As the configuration wants it where no recorded call can answer. */
static int answer_missing(struct frame *frame, struct report *report)
{
	const struct func *func = report->func;

	switch (func->patch->missing) {
	case PATCH_MISSING_RUN:
		return run_real(frame, report);
	case PATCH_MISSING_RETURN:
		report_entry(report);
		set_result(func, frame, &func->patch->missing_return);
		return THUNK_RETURN;
	default:
		report_entry(report);
		report_end(OUTCOME_UNMATCHED, func, 0);
	}
}

static int text_max(unsigned offset)
{
	unsigned bytes = engine.played->bytes;

	return offset < bytes ? bytes - offset : 0;
}

/* The program's own code, as if the input had called it: its calls are answered, too. Before ready nobody
 * compares what it did. */
static void call_back(struct serve *serve, const struct serve_op *op, uint64_t target)
{
	struct invocation back = {.report = {.func = &engine.funcs[op->off], .served = op->data}};
	int is_reported = engine.state == ENGINE_PLAYING, error_number;

	memcpy(back.report.args, serve->args, sizeof(back.report.args));
	memcpy(back.stack + 1, serve->args + 6, op->len * sizeof(back.stack[0]));
	invoke_prepare(&back, serve->xmm, op->len);
	if (is_reported) {
		back.report.seq = ++engine.outcome->calls_cnt;
		report_entry(&back.report);
	}
	thunk_keep(serve->frame);
	lock_give(&lock);
	error_number = invoke_call(&back, (void *)target);
	lock_take(&lock);
	if (is_reported)
		invoke_report_return(&back, error_number);
}

/* Writes recorded memory; of the result, the pointers. */
static void rebuild(struct patch_registers *result, struct frame *frame, const struct report *report)
{
	const struct case_call *call = match_call(report->served);
	struct serve serve = {.result = {result->rax, result->rdx},
			      .call = report->served,
			      .frame = frame,
			      .call_back = call_back};
	int is_done;

	memcpy(serve.v, frame->gpr, sizeof(frame->gpr));
	serve.v[6] = (uint64_t)frame->stack;
	is_done = !serve_run(&serve, call->ops, call->ops_cnt);
	if (!is_done && engine.state == ENGINE_STARTING)
		engine_fail("what '%s' gave before ready cannot be served: %s", report->func->patch->name,
			    serve.trouble);
	if (!is_done)
		report_trouble(OUTCOME_UNSERVED, report->func, "%s", serve.trouble);
	result->rax = serve.result[0];
	result->rdx = serve.result[1];
}

/* What the recorded call left in errno, where that is known. */
static void set_errno(struct frame *frame, const struct case_call *call)
{
	if (!call->has_errno)
		return;
	frame->error_number = call->error_number;
	frame->has_errno = 1;
}

static int serve(struct frame *frame, struct report *report)
{
	const struct case_call *call = match_call(report->served);
	struct patch_registers result = call->result;

	if (call->did_not_return && report->func->patch->missing != PATCH_MISSING_FAIL)
		return answer_missing(frame, report);
	report_entry(report);
	if (call->ops_cnt)
		rebuild(&result, frame, report);
	/* Behind its callbacks: one of them may have been what it did not return from. */
	if (call->unserved)
		report_trouble(OUTCOME_UNSERVED, report->func, "%.*s", text_max(call->unserved),
			       (const char *)engine.played + call->unserved);
	set_result(report->func, frame, &result);
	set_errno(frame, call);
	return THUNK_RETURN;
}

/* Its length. */
static size_t make_key(void *key, const struct report *report)
{
	struct capture capture;

	if (!report->func->plan)
		return 0;
	report_values(&capture, report);
	capture.out = key;
	capture.room = REPORT_SCRATCH;
	capture_run(&capture, report->func->plan, CAPTURE_KEY);
	return capture.len;
}

static int play(const struct func *func, struct frame *frame)
{
	unsigned role = func->patch->role & ~(PATCH_READY | PATCH_JOINS);
	struct report report = {.func = func, .rsp = sp_of(frame), .xmm = frame->xmm};
	void *key = report_scratch();

	memcpy(report.args, frame->gpr, sizeof(report.args));
	/* A thread that was there before may work for others: what nothing answers is theirs, too. */
	if (!takes_part() && !carrier_is_joined(func, frame->gpr, report.rsp))
		return tail(func, frame);
	report.served = match_take(func, role, key, role == PATCH_INPUT ? make_key(key, &report) : 0);
	if (report.served == PATCH_NONE && !takes_part())
		return tail(func, frame);
	carrier_add(func, frame->gpr, report.rsp);
	report.seq = ++engine.outcome->calls_cnt;
	if (report.served == PATCH_NONE)
		return answer_missing(frame, &report);
	return serve(frame, &report);
}

/* Before ready: what the recorded process got. What it did not ask for, and what cannot be served, runs for
 * real. */
static int play_startup(const struct func *func, struct frame *frame)
{
	struct report report = {.func = func, .rsp = sp_of(frame), .xmm = frame->xmm};
	const struct case_call *call = NULL;
	struct patch_registers result;
	void *key = report_scratch();

	memcpy(report.args, frame->gpr, sizeof(report.args));
	report.served = match_take(func, PATCH_INPUT, key, make_key(key, &report));
	if (report.served != PATCH_NONE)
		call = match_call(report.served);
	if (!call || call->unserved) {
		if (func->patch->missing != PATCH_MISSING_RETURN)
			return tail(func, frame);
		set_result(func, frame, &func->patch->missing_return);
		return THUNK_RETURN;
	}
	result = call->result;
	if (call->ops_cnt)
		rebuild(&result, frame, &report);
	set_result(func, frame, &result);
	set_errno(frame, call);
	return THUNK_RETURN;
}

/* From where on the recorder saw calls, up to the process that is first to be ready: then the case takes the
 * start-up's place. */
static int is_startup(const struct func *func)
{
	return engine.state == ENGINE_STARTING && engine.has_entered && engine.played->calls_cnt &&
	       (func->patch->role & ~(PATCH_READY | PATCH_JOINS)) == PATCH_INPUT &&
	       !__atomic_load_n(engine.server, __ATOMIC_ACQUIRE);
}

static int is_played(const struct func *func, const struct frame *frame)
{
	unsigned role = func->patch->role & ~(PATCH_READY | PATCH_JOINS);

	if (role != PATCH_INPUT && role != PATCH_OUTPUT)
		return 0;
	return !is_nested(frame) && (takes_part() || func->patch->role & PATCH_JOINS);
}

/* Where the stack ends that holds the operation: what the thread pointer leads to lies on top of a thread's.
 */
static uint64_t stack_end(void)
{
	uint64_t main_end = (uint64_t)__libc_stack_end, end = (uint64_t)pthread_self();

	return end > operation_sp && end < main_end ? end : main_end;
}

/* The program goes on above the operation, which should have returned: it jumped. */
static int has_left(struct frame *frame)
{
	uint64_t sp = sp_of(frame);

	if (!me.is_operations || sp <= operation_sp)
		return 0;
	thunk_keep(frame);
	return sp < stack_end();
}

/* What the allocator does not know: @held bytes. It stays where it is; a bigger one is the allocator's. */
static void leave_there(const struct func *func, struct frame *frame, size_t held)
{
	size_t len = frame->gpr[1];
	void *bigger;

	thunk_keep(frame);
	if (strncmp(func->patch->name, "realloc", strlen("realloc")))
		return;
	if (!strcmp(func->patch->name, "reallocarray"))
		len *= frame->gpr[2];
	bigger = malloc(len);
	if (bigger)
		memcpy(bigger, (void *)frame->gpr[0], len < held ? len : held);
	frame->rax = (uint64_t)bigger;
}

static int free_unknown(const struct func *func, struct frame *frame)
{
	uint64_t addr = frame->gpr[0], live;
	const struct fenced *object = fence_find(addr);
	uint32_t len;

	if (object && object->live == addr) {
		leave_there(func, frame, object->len);
		return 1;
	}
	live = addr ? objects_behind(addr, &len) : 0;
	if (!live)
		return 0;
	objects_forget(live);
	leave_there(func, frame, live - addr + len);
	return 1;
}

/* The program asks about its own recording. */
static int answer(const struct func *func, struct frame *frame)
{
	uint64_t question = frame->gpr[0];

	if (!takes_part())
		return tail(func, frame);
	frame->rax = question == PLAN_ASK_STATE
			     ? PLAN_ASK_REPLAYING
			     : plan_answer(engine.played->name, question, frame->gpr[1], frame->gpr[2]);
	frame->fp = 0;
	return THUNK_RETURN;
}

/* A thread that was there at ready runs an operation of its own, not the case's. */
static int is_anothers_operation(const struct func *func)
{
	if (func != &engine.funcs[engine.patch->operation])
		return 0;
	return engine.state == ENGINE_SERVING || (engine.state == ENGINE_PLAYING && !takes_part());
}

/* It would reach its real inputs, or take the case's, and change what the case sees: it never goes on. */
static void hold_anothers_operation(const struct func *func)
{
	if (!is_anothers_operation(func))
		return;
	for (;;)
		syscalls_pause();
}

static int decide_start(const struct func *func, struct frame *frame)
{
	int action;

	if (engine.state == ENGINE_STARTING && ready_reached(func, frame))
		return THUNK_RETURN;
	hold_anothers_operation(func);
	if (func->patch->role == PATCH_STARTS && engine.state == ENGINE_SERVING)
		threads_start(frame, 0);
	if (!is_startup(func))
		return tail(func, frame);
	lock_take(&lock);
	action = play_startup(func, frame);
	lock_give(&lock);
	return action;
}

static int decide(const struct func *func, struct frame *frame)
{
	int action;

	if (engine.state != ENGINE_PLAYING) {
		thunk_keep(frame);
		return decide_start(func, frame);
	}
	if (!me.takes_part)
		thunk_keep(frame);
	hold_anothers_operation(func);
	if (func->patch->role == PATCH_ASKS)
		return answer(func, frame);
	if (func->patch->role == PATCH_FREES) {
		objects_forget(frame->gpr[0]);
		return free_unknown(func, frame) ? THUNK_RETURN : tail(func, frame);
	}
	if (func->patch->role == PATCH_STARTS && engine.has_others) {
		thunk_keep(frame);
		threads_start(frame, takes_part());
		return tail(func, frame);
	}
	if (func->patch->role == PATCH_WATCHED) {
		if (takes_part())
			__atomic_add_fetch(&engine.outcome->watched[frame->index], 1, __ATOMIC_RELAXED);
		return tail(func, frame);
	}
	if (has_left(frame))
		report_end(OUTCOME_LEFT, NULL, 0);
	if (!is_played(func, frame))
		return tail(func, frame);
	lock_take(&lock);
	action = play(func, frame);
	lock_give(&lock);
	return action;
}

int dispatch_call(struct frame *frame)
{
	const struct func *func = &engine.funcs[frame->index];
	int action;

	if (engine.tape) {
		thunk_keep(frame);
		return record_call(func, frame);
	}
	if (me.engine_depth)
		return tail(func, frame);
	dispatch_enter();
	if (engine.has_new_imports) {
		thunk_keep(frame);
		install_imports();
	}
	action = decide(func, frame);
	if (action == THUNK_RETURN)
		shadow_returned();
	dispatch_leave();
	if (frame->is_kept || frame->has_errno)
		errno = frame->error_number;
	return action;
}

void dispatch_returned(struct frame *frame)
{
	const struct patch_registers result = result_of(frame);

	if (engine.tape) {
		thunk_keep(frame);
		record_returned(frame);
		return;
	}
	dispatch_enter();
	me.real_sp = 0;
	lock_take(&lock);
	report_return(&me.real, &result, errno);
	lock_give(&lock);
	dispatch_leave();
}
