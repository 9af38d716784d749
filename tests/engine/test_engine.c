// SPDX-License-Identifier: BSD-3-Clause
/* The engine in a real program, in its sandbox, with patch files and cases made by hand. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"
#include "replay/sandbox.h"
#include "tests/engine/kit.h"
#include "tests/engine/victim.h"

#define CASE_MAX   (1u << 20)
#define HUGE_CASE  200000
#define TIMEOUT_MS 3000
#define RAX	   PATCH_RESULT_RAX

static char victim[PATH_MAX], engine[PATH_MAX];

static const struct kit_func funcs[] = {
	{"operation", PATCH_OPERATION, .results = RAX, .out_arg = 3},
	{"price_of", PATCH_INPUT, .results = RAX, .key_args = 1},
	{"fetch", PATCH_INPUT, .results = RAX, .key_string = 1},
	{"get_reply", PATCH_INPUT, .results = RAX, .key_args = 1},
	{"make_big", PATCH_INPUT, .results = RAX},
	{"many", PATCH_INPUT, .results = RAX, .key_args = 6},
	{"emit", PATCH_OUTPUT, .results = RAX},
	{"note", PATCH_OUTPUT},
	{"through", PATCH_INPUT, PATCH_MISSING_RUN, RAX, .key_args = 1},
	{"half", PATCH_INPUT, PATCH_MISSING_RUN, PATCH_RESULT_XMM0, .key_xmm = 1, .fp_in = 1, .fp_out = 1},
	{"third", PATCH_INPUT, PATCH_MISSING_RUN, PATCH_RESULT_ST0, .fp_out = PLAN_FP_ST0 + 1},
	{"blend", PATCH_INPUT, .results = PATCH_RESULT_XMM0, .key_args = 1, .key_xmm = 2, .fp_in = 2},
	{"widen", PATCH_INPUT, .results = PATCH_RESULT_ST0},
	{"turn", PATCH_INPUT, .results = PATCH_RESULT_XMM0 | PATCH_RESULT_XMM1},
	{"turn_wide", PATCH_INPUT, .results = PATCH_RESULT_ST0 | PATCH_RESULT_ST1},
	{"look_up", PATCH_INPUT, PATCH_MISSING_RUN, RAX},
	{"quit_there", PATCH_INPUT, PATCH_MISSING_RUN, RAX},
	{"tiny", PATCH_INPUT, .results = RAX, .key_args = 1},
	{"time", PATCH_INPUT, .results = RAX, .is_import = 1},
	{"read", PATCH_INPUT, .results = RAX, .is_import = 1, .key_args = 1},
	{"accept", PATCH_READY, .is_import = 1},
	{"free", PATCH_FREES, .is_import = 1},
	{"realloc", PATCH_FREES, .is_import = 1},
};

/* --- one server for all cases that need no other --- */

struct fixture {
	struct kit_patch patch;
	struct server *server;
	struct buf data;
	struct server_result result;
	const struct outcome_header *outcome;
	unsigned how; /* PATCH_RUN_ */
};

static struct fixture shared;

static int start(struct fixture *f, const struct kit_func *table, size_t cnt, unsigned ready_main,
		 const char *how, struct err *err)
{
	char *const args[] = {(char *)how, "/tmp", NULL};
	const struct server_opts opts = {
		.exe = victim,
		.engine = engine,
		.args = args,
		.ready_timeout_ms = strcmp(how, "hang") ? 0 : 300,
		.cpu = -1,
	};
	struct server_opts with_patch = opts;

	memset(f, 0, sizeof(*f));
	buf_init(&f->data, CASE_MAX);
	kit_patch_init(&f->patch, victim, table, cnt, ready_main);
	with_patch.patch = f->patch.file.data;
	with_patch.patch_len = f->patch.file.len;
	return server_start(&f->server, &with_patch, err);
}

static void stop(struct fixture *f)
{
	server_stop(f->server);
	kit_patch_release(&f->patch);
	buf_release(&f->data);
}

static void start_or_fail(struct fixture *f, const char *how)
{
	struct err err = {};

	if (start(f, funcs, ARRAY_SIZE(funcs), 0, how, &err))
		fail_msg("%s (%s)", err.msg, err.hint);
}

static void run(struct fixture *f, const struct kit_case *made)
{
	struct err err = {};

	kit_case_write(&f->data, made, &f->patch);
	if (server_run(f->server, f->data.data, f->data.len, TIMEOUT_MS, f->how, &f->result, &err))
		fail_msg("%s (%s)", err.msg, err.hint);
	f->outcome = f->result.outcome;
}

static const struct outcome_event *last_event(const struct fixture *f)
{
	return kit_event(f->outcome, f->outcome->events_cnt - 1);
}

static void assert_done(const struct fixture *f, long result)
{
	if (f->outcome->end != OUTCOME_DONE)
		fail_msg("ended with %u, number %d, func %d: %s; said: %s", f->outcome->end,
			 f->outcome->number, f->outcome->func, f->outcome->text, f->result.said);
	assert_int_equal(f->result.wait_status, 0);
	assert_int_equal(last_event(f)->kind, OUTCOME_RETURN);
	assert_int_equal((long)last_event(f)->regs[0], result);
}

static void assert_nothing_real(const struct fixture *f)
{
	assert_string_equal(f->result.said, "");
}

#define CASE(...) (&(const struct kit_case){__VA_ARGS__})

/* --- what is served --- */

static void simple_cases_are_served(void **state)
{
	static const struct {
		const char *name;
		struct kit_case made;
		long want;
	} table[] = {
		{"a static function called from its own file",
		 {.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 1000}}},
		 1001},
		{"a caller that keeps values in registers the real function leaves alone",
		 {.args = {DO_LIVE, 5}, .calls = {{"price_of", .key = {5}, .rax = 1000}}},
		 1000 + 5 * 7 + 2 * 11 + 3 * 13 + 4 * 17 + 5 + 2 + 3 + 4},
		{"and in vector registers",
		 {.args = {DO_FLOAT, 5}, .calls = {{"price_of", .key = {5}, .rax = 1000}}},
		 101500},
		{"libc's functions, in the order of another recording",
		 {.args = {DO_LIBC},
		  .data = "xyz",
		  .data_len = 2,
		  .calls = {{"read", .key = {99}, .rax = 2,
			     .ops = {{.kind = SERVE_WRITE, .dst = 1, .len = 2, .data = KIT_DATA}}},
			    {"time", .rax = 1000}}},
		 1000 + 'y'},
		{"errno",
		 {.args = {DO_ERRNO},
		  .calls = {{"fetch", .key_text = "key", .rax = -1, .error_number = EAGAIN}}},
		 -EAGAIN},
		{"no errno", {.args = {DO_ERRNO}, .calls = {{"fetch", .key_text = "key", .rax = -1}}}, 0},
		{"equal keys in their order, whatever lies between",
		 {.args = {DO_SEQUENCE},
		  .calls = {{"price_of", .key = {2}, .rax = 3},
			    {"price_of", .key = {1}, .rax = 1},
			    {"price_of", .key = {1}, .rax = 2}}},
		 123},
		{"outputs by their order alone",
		 {.args = {DO_OUTPUTS},
		  .calls = {{"emit", PATCH_OUTPUT, .rax = 4}, {"emit", PATCH_OUTPUT, .rax = 2}}},
		 42},
		{"a struct through a hidden pointer",
		 {.args = {DO_BIG, 3},
		  .data = "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0",
		  .data_len = 32,
		  .calls = {{"make_big", .ops = {{.kind = SERVE_WRITE, .dst = 0, .len = 32, .data = KIT_DATA},
						 {.kind = SERVE_RESULT, .src = 0}}}}},
		 10},
		{"nine arguments",
		 {.args = {DO_MANY}, .calls = {{"many", .key = {1, 2, 3, 4, 5, 6}, .rax = 77}}},
		 77},
		{"a function of four bytes",
		 {.args = {DO_TINY, 3}, .calls = {{"tiny", .key = {3}, .rax = 88}}},
		 88},
		{"no register but the result is touched",
		 {.args = {DO_REGISTERS}, .calls = {{"note", PATCH_OUTPUT}}},
		 0},
		{"nor when memory is made for it",
		 {.args = {DO_REGISTERS},
		  .calls = {{"note", PATCH_OUTPUT, .ops = {{.kind = SERVE_ALLOC, .dst = 8, .len = 9000}}}}},
		 0},
		{"a void function", {.args = {DO_VOID}, .calls = {{"note", PATCH_OUTPUT, .rax = 5}}}, 1},
		{"the operation inside itself is plain code",
		 {.args = {DO_NESTED, 2},
		  .calls = {{"price_of", .key = {1}, .rax = 10}, {"price_of", .key = {2}, .rax = 20}}},
		 30},
		{"a signal to itself", {.args = {DO_SIGNAL}}, 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		run(&shared, &table[i].made);
		if (shared.outcome->end != OUTCOME_DONE ||
		    (long)last_event(&shared)->regs[0] != table[i].want)
			fail_msg("%s: end %u, result %ld, not %ld; %s; said %s", table[i].name,
				 shared.outcome->end, (long)last_event(&shared)->regs[0], table[i].want,
				 shared.outcome->text, shared.result.said);
		assert_nothing_real(&shared);
	}
}

static void memory_is_built_for_an_out_parameter(void **state)
{
	/* {total = 5, lines = {7, 9}} */
	run(&shared, CASE(.args = {DO_REPLY, 3}, .data = "\5\0\0\0\0\0\0\0\7\0\0\0\11\0\0", .data_len = 16,
			  .calls = {{"get_reply", .key = {3}, .rax = 1,
				     .ops = {{.kind = SERVE_WRITE, .dst = 1, .len = 8, .data = KIT_DATA},
					     {.kind = SERVE_ALLOC, .dst = 10, .len = 8},
					     {.kind = SERVE_WRITE, .dst = 10, .len = 8, .data = KIT_DATA + 8},
					     {.kind = SERVE_POINTER, .dst = 1, .off = 8, .src = 10}}}}));
	assert_done(&shared, 1000 + 5 + 9);
	assert_nothing_real(&shared);
}

static void arguments_are_built_and_results_reported(void **state)
{
	const struct outcome_event *entry, *left;
	const struct plan_fragment *fragment;

	run(&shared, CASE(.args = {DO_OUT, 21}, .data = "\6\0\0", .data_len = 4,
			  .ops = {{.kind = SERVE_ALLOC, .dst = 8, .len = 16},
				  {.kind = SERVE_ALLOC, .dst = 9, .len = 4},
				  {.kind = SERVE_WRITE, .dst = 9, .len = 4, .data = KIT_DATA},
				  {.kind = SERVE_POINTER, .dst = 8, .off = 8, .src = 9},
				  {.kind = SERVE_ARG, .off = 2, .src = 8}}));
	assert_done(&shared, 6);
	assert_int_equal(shared.outcome->events_cnt, 2);
	entry = kit_event(shared.outcome, 0);
	left = kit_event(shared.outcome, 1);
	assert_int_equal(entry->kind, OUTCOME_ENTRY);
	assert_int_equal(entry->regs[0], DO_OUT);
	assert_int_equal(entry->regs[1], 21);
	assert_int_equal(left->regs[2], ENOENT);
	fragment = (const void *)(left + 1);
	assert_int_equal(left->len, sizeof(*left) + sizeof(*fragment) + 16);
	assert_int_equal(fragment->addr, entry->regs[2]);
	assert_int_equal(fragment->node, 7);
	assert_int_equal(*(const long *)(fragment + 1), 42);
}

static void run_beyond(unsigned how, long what, long idx)
{
	shared.how = how;
	run(&shared, CASE(.args = {what, idx}, .data = "\6\0\0", .data_len = 4,
			  .ops = {{.kind = SERVE_ALLOC, .dst = 8, .len = 16},
				  {.kind = SERVE_ALLOC, .dst = 9, .len = 4, .data = 0x1234},
				  {.kind = SERVE_WRITE, .dst = 9, .len = 4, .data = KIT_DATA},
				  {.kind = SERVE_POINTER, .dst = 8, .off = 8, .src = 9},
				  {.kind = SERVE_ARG, .off = 2, .src = 8}}));
	shared.how = 0;
}

static void behind_an_object_lies_a_pattern(void **state)
{
	run_beyond(0, DO_BEYOND, 1);
	assert_done(&shared, 0x4d4d4d4d);
	run_beyond(PATCH_RUN_OTHERS, DO_BEYOND, 1);
	assert_done(&shared, 0x4b4b4b4b);
}

static void a_fenced_object_is_itself_and_beyond_it_there_is_nothing(void **state)
{
	run_beyond(PATCH_RUN_FENCED, DO_BEYOND, 0);
	assert_done(&shared, 6);
	for (long idx = 1; idx < 10000; idx *= 10) {
		run_beyond(PATCH_RUN_FENCED, DO_BEYOND, idx);
		assert_int_equal(shared.outcome->end, OUTCOME_SIGNAL);
		assert_int_equal(shared.outcome->number, SIGSEGV);
		assert_int_equal(shared.outcome->object, 0x1234);
		assert_int_equal(shared.outcome->object_call, PATCH_NONE);
		assert_int_equal(shared.outcome->distance, 4 * idx);
		assert_false(shared.outcome->is_write);
	}
}

static void a_fenced_object_may_be_grown_and_freed(void **state)
{
	run_beyond(0, DO_FREED, 0);
	assert_done(&shared, 6);
	run_beyond(PATCH_RUN_FENCED, DO_FREED, 0);
	assert_done(&shared, 6);
}

static void calls_are_numbered_and_name_what_they_were_served(void **state)
{
	run(&shared, CASE(.args = {DO_SEQUENCE}, .calls = {{"price_of", .key = {2}, .rax = 3},
							   {"price_of", .key = {1}, .rax = 1},
							   {"price_of", .key = {1}, .rax = 2}}));
	assert_done(&shared, 123);
	assert_int_equal(shared.outcome->calls_cnt, 3);
	assert_int_equal(kit_event(shared.outcome, 0)->seq, 0);
	for (unsigned i = 1; i <= 3; i++) {
		const struct outcome_event *event = kit_event(shared.outcome, i);

		assert_int_equal(event->kind, OUTCOME_ENTRY);
		assert_int_equal(event->seq, i);
		assert_int_equal(event->func, 1);
		assert_int_equal(event->thread, 0);
		assert_int_equal(event->served, i == 1 ? 1 : i == 2 ? 2 : 0);
	}
	assert_null(kit_event(shared.outcome, 5));
}

/* A thousand calls that run for real: an entry and a return each, far more than the window holds. */
static void run_loop(long forbids_files)
{
	size_t cnt = 0;

	run(&shared, CASE(.args = {DO_LOOP, 1000, forbids_files}));
	assert_done(&shared, 3 * 999 * 1000 / 2);
	assert_int_equal(shared.outcome->events_cnt, 2 + 2 * 1000);
	for (const struct outcome_event *event = kit_event(shared.outcome, 1); cnt < 2000; cnt++) {
		assert_int_equal(event->seq, cnt / 2 + 1);
		assert_int_equal(event->kind, cnt % 2 ? OUTCOME_RETURN : OUTCOME_ENTRY);
		assert_int_equal(event->regs[0], cnt % 2 ? cnt / 2 * 3 : cnt / 2);
		event = (const void *)((const char *)event + event->len);
	}
}

static void many_events_come_whole_and_in_order(void **state)
{
	run_loop(0);
}

static void a_program_that_may_not_write_files_loses_no_event(void **state)
{
	run_loop(1);
}

/* As many bytes as are copied for the child, and what the case writes is at their end. */
static void a_large_case_is_played_to_its_end_again_and_again(void **state)
{
	const size_t at = HUGE_CASE - KIT_DATA - sizeof(int);
	char *data = calloc(1, HUGE_CASE);

	for (int i = 1; i < 10; i++) {
		memcpy(data + at, &i, sizeof(i));
		run(&shared, CASE(.args = {DO_OUT}, .data = data, .data_len = HUGE_CASE - KIT_DATA,
				  .ops = {{.kind = SERVE_ALLOC, .dst = 8, .len = 16},
					  {.kind = SERVE_ALLOC, .dst = 9, .len = 4},
					  {.kind = SERVE_WRITE, .dst = 9, .len = 4, .data = KIT_DATA + at},
					  {.kind = SERVE_POINTER, .dst = 8, .off = 8, .src = 9},
					  {.kind = SERVE_ARG, .off = 2, .src = 8}}));
		assert_done(&shared, i);
		if (i % 3 == 0)
			run(&shared, CASE(.args = {DO_FORK}, .data = data, .data_len = HUGE_CASE - KIT_DATA));
	}
	free(data);
}

static void threads_of_the_operation_are_served(void **state)
{
	unsigned seen = 0;

	run(&shared, CASE(.args = {DO_THREADS}, .calls = {{"price_of", .key = {3}, .rax = 1000},
							  {"price_of", .key = {2}, .rax = 100},
							  {"price_of", .key = {1}, .rax = 10},
							  {"price_of", .key = {0}, .rax = 1}}));
	assert_done(&shared, 1111);
	for (unsigned i = 1; i <= 4; i++)
		seen |= 1 << kit_event(shared.outcome, i)->thread;
	assert_int_equal(seen, 0x1e);
	assert_nothing_real(&shared);
}

static void every_replay_has_the_same_addresses(void **state)
{
	long first;

	run(&shared, CASE(.args = {DO_ADDRESS}));
	first = last_event(&shared)->regs[0];
	run(&shared, CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}}}));
	run(&shared, CASE(.args = {DO_ADDRESS}));
	assert_int_equal(last_event(&shared)->regs[0], first);
}

/* --- what is not recorded --- */

static void a_call_without_its_like_ends_the_case(void **state)
{
	run(&shared, CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {6}, .rax = 1}}));
	assert_int_equal(shared.outcome->end, OUTCOME_UNMATCHED);
	assert_int_equal(shared.outcome->func, 1);
	assert_int_equal(shared.outcome->events_cnt, 2);
	assert_int_equal(last_event(&shared)->regs[0], 5);
	assert_int_equal(last_event(&shared)->served, PATCH_NONE);
	assert_nothing_real(&shared);

	run(&shared, CASE(.args = {DO_OUTPUTS}, .calls = {{"emit", PATCH_OUTPUT, .rax = 4}}));
	assert_int_equal(shared.outcome->end, OUTCOME_UNMATCHED);
	assert_int_equal(shared.outcome->func, 6);
	assert_int_equal(last_event(&shared)->regs[0], 22);
	assert_nothing_real(&shared);
}

static void a_call_that_cannot_be_served_says_why(void **state)
{
	run(&shared, CASE(.args = {DO_STATIC, 5},
			  .calls = {{"price_of", .key = {5}, .unserved = "it never returned"}}));
	assert_int_equal(shared.outcome->end, OUTCOME_UNSERVED);
	assert_string_equal(shared.outcome->text, "it never returned");

	run(&shared, CASE(.args = {DO_BAD_POINTER, 5}, .data = "12345678", .data_len = 8,
			  .calls = {{"get_reply", .key = {5},
				     .ops = {{.kind = SERVE_WRITE, .dst = 1, .len = 8, .data = KIT_DATA}}}}));
	assert_int_equal(shared.outcome->end, OUTCOME_UNSERVED);
	assert_string_equal(shared.outcome->text, "8 recorded bytes cannot be written to 0x10");
}

static void nonsense_cases_are_refused(void **state)
{
	static const struct {
		struct serve_op op;
		const char *want;
	} table[] = {
		{{.kind = SERVE_WRITE, .dst = 3, .len = 8, .data = 1 << 20},
		 "the case makes no sense: data beyond its end"},
		{{.kind = SERVE_WRITE, .dst = 99}, "the case makes no sense: register 99, 0"},
		{{.kind = 77}, "the case makes no sense: op 77"},
		{{.kind = SERVE_SHARE, .data = PATCH_SHARED_MAX},
		 "the case makes no sense: shared value 65536"},
		{{.kind = SERVE_ARG, .off = 6 + PATCH_STACK_WORDS}, "the case makes no sense: argument 70"},
		{{.kind = SERVE_FOLLOW, .src = 3, .off = 24}, "the pointer at 0x18 cannot be followed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		run(&shared, CASE(.args = {DO_OUT}, .ops = {table[i].op}));
		assert_int_equal(shared.outcome->end, OUTCOME_TROUBLE);
		assert_string_equal(shared.outcome->text, table[i].want);
	}
}

static void missing_run_runs_the_real_function_and_nothing_of_it_is_served(void **state)
{
	const struct outcome_event *entry, *left;

	/* price_of inside through is real: 3 times the item. */
	run(&shared, CASE(.args = {DO_THROUGH, 50}));
	assert_done(&shared, 150 + 2 + 3 + 4 + 5 + 6 + 70 + 800);
	assert_int_equal(shared.outcome->events_cnt, 4);
	entry = kit_event(shared.outcome, 1);
	left = kit_event(shared.outcome, 2);
	assert_int_equal(entry->flags & OUTCOME_F_RAN, OUTCOME_F_RAN);
	assert_int_equal(entry->served, PATCH_NONE);
	assert_int_equal(left->kind, OUTCOME_RETURN);
	assert_int_equal(left->seq, 1);
	assert_int_equal(left->regs[0], 150 + 20 + 870);
}

/* The registers of an event, when they are its first fragment. */
static const uint8_t *fp_of(const struct outcome_event *event, unsigned cnt)
{
	const struct plan_fragment *f = (const void *)(event + 1);

	assert_true(event->len >= sizeof(*event) + sizeof(*f) + cnt * PLAN_FP_BYTES);
	assert_int_equal(f->node, PLAN_NODE_FPREGS);
	assert_true(f->addr == PLAN_FP_ADDR);
	assert_int_equal(f->status, PLAN_FRAGMENT_OK);
	assert_int_equal(f->captured, cnt * PLAN_FP_BYTES);
	return (const void *)(f + 1);
}

static void floating_point_results_of_real_functions_pass(void **state)
{
	const double three = 3.0, half = 1.5;
	const long double third = 3.0L;

	run(&shared, CASE(.args = {DO_DOUBLES}));
	assert_done(&shared, 1530);
	assert_memory_equal(fp_of(kit_event(shared.outcome, 1), 1), &three, sizeof(three));
	assert_memory_equal(fp_of(kit_event(shared.outcome, 2), 1), &half, sizeof(half));
	assert_memory_equal(fp_of(kit_event(shared.outcome, 4), PLAN_FP_ST0 + 1) +
				    PLAN_FP_ST0 * PLAN_FP_BYTES,
			    &third, 10);
}

static void floating_point_results_are_served_and_arguments_keyed(void **state)
{
	const double args[][2] = {{1.5}, {-0.25}};

	run(&shared, CASE(.args = {DO_SERVED_DOUBLES, 4},
			  .calls = {{"blend", .key = {4}, .key_fp = {1.5, 0.25}, .fp = {66}},
				    {"widen", .st = {2}},
				    {"turn", .fp = {3, 4}},
				    {"turn_wide", .st = {5, 6}}}));
	assert_int_equal(shared.outcome->end, OUTCOME_UNMATCHED);
	run(&shared, CASE(.args = {DO_SERVED_DOUBLES, 4},
			  .calls = {{"blend", .key = {4}, .key_fp = {1.5, 0.25}, .fp = {77}},
				    {"blend", .key = {4}, .key_fp = {1.5, -0.25}, .fp = {1}},
				    {"widen", .st = {2}},
				    {"turn", .fp = {3, 4}},
				    {"turn_wide", .st = {5, 6}}}));
	assert_done(&shared, 654321);
	assert_memory_equal(fp_of(kit_event(shared.outcome, 1), 2), args, sizeof(args));
}

static void the_stack_can_be_walked_through_the_engine(void **state)
{
	run(&shared, CASE(.args = {DO_UNWIND}));
	assert_done(&shared, 1);
}

static void a_real_function_may_be_left_by_longjmp(void **state)
{
	run(&shared, CASE(.args = {DO_JUMP}, .calls = {{"price_of", .key = {1}, .rax = 30}}));
	assert_done(&shared, 35);
}

static void what_the_operation_forks_is_plain(void **state)
{
	run(&shared, CASE(.args = {DO_FORK}));
	assert_done(&shared, 12);
	assert_int_equal(shared.outcome->events_cnt, 2);
}

static const struct kit_func with_policies[] = {
	{"operation", PATCH_OPERATION, .results = RAX},
	{"price_of", PATCH_INPUT, PATCH_MISSING_RETURN, RAX, -7, .key_args = 1, .fallback = "old_price"},
	{"emit", PATCH_OUTPUT, .results = RAX, .alias = "old_price"},
	{"accept", PATCH_READY, .is_import = 1},
};

static void fallback_aliases_and_returned_values_work(void **state)
{
	struct fixture f;
	struct err err = {};

	if (start(&f, with_policies, ARRAY_SIZE(with_policies), 0, "accept", &err))
		fail_msg("%s", err.msg);
	run(&f, CASE(.args = {DO_STATIC, 5}));
	assert_done(&f, -6);
	run(&f, CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 1}}));
	assert_done(&f, 2);
	stop(&f);
}

static const struct kit_func in_library[] = {
	{"operation", PATCH_OPERATION, .results = RAX},
	{"shop_price", PATCH_INPUT, PATCH_MISSING_RUN, RAX, .is_library = 1, .key_args = 1},
	{"time", PATCH_INPUT, .results = RAX, .is_import = 1},
	{"accept", PATCH_READY, .is_import = 1},
};

static void functions_of_libraries_are_served(void **state)
{
	struct fixture f;
	struct err err = {};

	if (start(&f, in_library, ARRAY_SIZE(in_library), 0, "accept", &err))
		fail_msg("%s (%s)", err.msg, err.hint);
	run(&f, CASE(.args = {DO_SHOP, 3}, .calls = {{"shop_price", .key = {2}, .rax = 20},
						     {"shop_price", .key = {3}, .rax = 30},
						     {"time", .rax = 5}}));
	assert_done(&f, 51);
	/* One of them for real. */
	run(&f,
	    CASE(.args = {DO_SHOP, 3}, .calls = {{"shop_price", .key = {2}, .rax = 20}, {"time", .rax = 6}}));
	assert_done(&f, 320);
	stop(&f);
}

static void another_library_may_stand_in(void **state)
{
	static const struct kit_func table[] = {
		{"operation", PATCH_OPERATION, .results = RAX},
		{"time", PATCH_INPUT, .results = RAX, .is_import = 1},
		{"accept", PATCH_READY, .is_import = 1},
	};
	char *lib = NULL;
	char *libs[] = {NULL, NULL};
	struct fixture f = {};
	struct server_opts opts = {.exe = victim, .engine = engine, .cpu = -1, .libs = libs};
	struct err err = {};

	assert_true(asprintf(&lib, "libvictim.so=%.*s/newer/libvictim.so",
			     (int)(strrchr(victim, '/') - victim), victim) > 0);
	libs[0] = lib;
	buf_init(&f.data, CASE_MAX);
	kit_patch_init(&f.patch, victim, table, ARRAY_SIZE(table), 0);
	opts.patch = f.patch.file.data;
	opts.patch_len = f.patch.file.len;
	if (server_start(&f.server, &opts, &err))
		fail_msg("%s (%s)", err.msg, err.hint);
	run(&f, CASE(.args = {DO_SHOP, 3}, .calls = {{"time", .rax = 6}}));
	assert_done(&f, 5000);
	server_stop(f.server);
	f.server = NULL;
	libs[0] = "libvictim.so";
	assert_int_equal(server_start(&f.server, &opts, &err), -EINVAL);
	assert_string_equal(err.msg, "'libvictim.so' is not SONAME=PATH");
	stop(&f);
	free(lib);
}

/* --- ends --- */

static void a_crash_is_an_outcome_with_its_place(void **state)
{
	run(&shared, CASE(.args = {DO_CRASH}));
	assert_int_equal(shared.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(shared.outcome->number, SIGSEGV);
	assert_int_equal(shared.outcome->addr, 8);
	assert_int_equal(shared.outcome->pc_module, 0);
	assert_true(WIFSIGNALED(shared.result.wait_status));
	assert_int_equal(WTERMSIG(shared.result.wait_status), SIGSEGV);

	run(&shared, CASE(.args = {DO_LIBC_CRASH}));
	assert_int_equal(shared.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(shared.outcome->pc_module, 1);
	assert_int_equal(shared.outcome->caller_module, 0);

	run(&shared, CASE(.args = {DO_ABORT}));
	assert_int_equal(shared.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(shared.outcome->number, SIGABRT);
	assert_int_equal(shared.outcome->caller_module, 0);

	run(&shared, CASE(.args = {DO_OVERFLOW}));
	assert_int_equal(shared.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(shared.outcome->number, SIGSEGV);
}

static void a_hang_is_killed_at_the_limit(void **state)
{
	struct err err = {};

	kit_case_write(&shared.data, CASE(.args = {DO_HANG}), &shared.patch);
	assert_int_equal(
		server_run(shared.server, shared.data.data, shared.data.len, 100, 0, &shared.result, &err),
		0);
	assert_true(shared.result.timed_out);
	assert_int_equal(shared.result.outcome->end, OUTCOME_NONE);
	assert_int_equal(shared.result.outcome->events_cnt, 1);
}

static void exits_are_outcomes_with_their_status(void **state)
{
	run(&shared, CASE(.args = {DO_EXIT}));
	assert_int_equal(shared.outcome->end, OUTCOME_EXIT);
	assert_int_equal(shared.outcome->number, 3);
	run(&shared, CASE(.args = {DO_UNDERSCORE_EXIT}));
	assert_int_equal(shared.outcome->end, OUTCOME_EXIT);
	assert_int_equal(shared.outcome->number, 4);
}

static void leaving_by_longjmp_is_an_outcome(void **state)
{
	run(&shared, CASE(.args = {DO_LONGJMP}));
	assert_int_equal(shared.outcome->end, OUTCOME_LEFT);
	assert_false(shared.result.timed_out);
}

static void a_blocked_call_names_its_caller(void **state)
{
	run(&shared, CASE(.args = {DO_CONNECT}));
	assert_int_equal(shared.outcome->end, OUTCOME_BLOCKED);
	assert_int_equal(shared.outcome->number, SYS_connect);
	assert_int_equal(shared.outcome->pc_module, 1);
	assert_int_equal(shared.outcome->caller_module, 0);
}

/* --- becoming ready --- */

static void ready_is_where_the_program_waits(void **state)
{
	assert_string_equal(server_ready_at(shared.server), "accept");
	assert_false(server_has_threads(shared.server));
}

static void start_up_runs_for_real(void **state)
{
	struct fixture f;

	start_or_fail(&f, "real");
	run(&f, CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 1}}));
	assert_done(&f, 2);
	stop(&f);
}

static void other_ways_to_be_ready_work(void **state)
{
	static const struct {
		const char *how, *want;
		unsigned ready_main;
	} table[] = {
		{"call", "operation", 0},	   {"nothing", "main", 1},
		{"nothing", "the end of main", 2}, {"closes", "accept", 0},
		{"workers", "accept", 0},	   {"background", "accept", 0},
		{"idle", "the end of main", 0},	   {"leaves", "the end of main", 0},
		{"leaves", "the end of main", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixture f;
		struct err err = {};

		if (start(&f, funcs, ARRAY_SIZE(funcs), table[i].ready_main, table[i].how, &err))
			fail_msg("%s: %s", table[i].how, err.msg);
		assert_string_equal(server_ready_at(f.server), table[i].want);
		for (int k = 0; k < 2; k++) {
			run(&f,
			    CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 10 + k}}));
			assert_done(&f, 11 + k);
		}
		stop(&f);
	}
}

static void failing_to_be_ready_is_said_in_words(void **state)
{
	static const struct {
		const char *how, *msg, *hint;
	} table[] = {
		{"early", "main returned 7 before 'operation' or accept was reached",
		 "give it the arguments that it needs behind --; 'main' or 'end' of --ready replay at the "
		 "start of main or at its end"},
		{"exit", "the program exited with status 9 before 'operation' or accept was reached",
		 "it wrote: cannot read victim.conf"},
		{"crash", "the program was killed by Aborted before it was ready",
		 "it wrote: no configuration"},
		{"hang", "the program was not ready within 300 ms",
		 "say with --ready where it waits for work, or 'main' to replay at its start"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixture f;
		struct err err = {};

		assert_true(start(&f, funcs, ARRAY_SIZE(funcs), 0, table[i].how, &err) < 0);
		assert_string_equal(err.msg, table[i].msg);
		assert_string_equal(err.hint, table[i].hint);
		stop(&f);
	}
}

/* Opens the copy in the folder @arg for writing as soon as it is there, and holds it for a while. */
static void *hold_copy(void *arg)
{
	char pattern[PATH_MAX];
	glob_t found = {};
	int fd = -1;

	snprintf(pattern, sizeof(pattern), "%s/tapedeck-replay-*/victim", (char *)arg);
	for (int tries = 0; fd < 0 && tries < 20000; tries++) {
		if (!glob(pattern, 0, NULL, &found))
			fd = open(found.gl_pathv[0], O_WRONLY | O_CLOEXEC);
		globfree(&found);
	}
	if (fd < 0)
		return NULL;
	usleep(100 * 1000);
	close(fd);
	return arg;
}

/* As a fork of another thread does, which has not come to its exec: the kernel runs no file that is written.
 */
static void a_copy_that_somebody_still_holds_is_waited_for(void **state)
{
	char dir[] = "/tmp/test-engine-XXXXXX";
	void *was_held = NULL;

	assert_non_null(mkdtemp(dir));
	setenv("TMPDIR", dir, 1);
	for (int i = 0; i < 20 && !was_held; i++) {
		struct fixture f;
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, hold_copy, dir), 0);
		start_or_fail(&f, "accept");
		assert_int_equal(pthread_join(thread, &was_held), 0);
		stop(&f);
	}
	unsetenv("TMPDIR");
	rmdir(dir);
	assert_non_null(was_held);
}

static void another_file_than_the_examined_is_refused(void **state)
{
	const struct server_opts base = {.exe = victim, .engine = engine, .cpu = -1};
	struct server_opts opts = base;
	struct kit_patch patch;
	struct server *server = NULL;
	struct patch_module *module;
	struct err err = {};

	kit_patch_init(&patch, victim, funcs, ARRAY_SIZE(funcs), 0);
	module = (void *)(patch.file.data + ((struct patch_header *)patch.file.data)->modules);
	module->build_id[0] ^= 0xff;
	opts.patch = patch.file.data;
	opts.patch_len = patch.file.len;
	assert_int_equal(server_start(&server, &opts, &err), -ECANCELED);
	assert_non_null(strstr(err.msg, "the executable is not the file that was examined: build id "));
	((struct patch_header *)patch.file.data)->version = 99;
	assert_int_equal(server_start(&server, &opts, &err), -ECANCELED);
	assert_string_equal(err.msg, "the patch file has version 99, this library plays version 4");
	((struct patch_header *)patch.file.data)->version = PATCH_VERSION;
	((struct patch_header *)patch.file.data)->funcs = 1 << 30;
	assert_int_equal(server_start(&server, &opts, &err), -ECANCELED);
	assert_string_equal(err.msg, "the patch file makes no sense");
	assert_null(server);
	kit_patch_release(&patch);
}

static void threads_at_ready_get_a_process_each(void **state)
{
	struct fixture f;

	start_or_fail(&f, "threads");
	assert_true(server_has_threads(f.server));
	for (int i = 0; i < 3; i++) {
		run(&f, CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 10 + i}}));
		assert_done(&f, 11 + i);
	}
	run(&f, CASE(.args = {DO_CRASH}));
	assert_int_equal(f.outcome->end, OUTCOME_SIGNAL);
	assert_int_equal(WTERMSIG(f.result.wait_status), SIGSEGV);
	kit_case_write(&f.data, CASE(.args = {DO_HANG}), &f.patch);
	assert_int_equal(server_run(f.server, f.data.data, f.data.len, 100, 0, &f.result, NULL), 0);
	assert_true(f.result.timed_out);
	run(&f, CASE(.args = {DO_CONNECT}));
	assert_int_equal(f.outcome->end, OUTCOME_BLOCKED);
	stop(&f);
}

/* What the victim says of its walls; false when it did not get that far. */
static bool try_walls(struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/test-engine-XXXXXX";
	char *args[] = {"walls", dir, NULL};
	struct server_opts opts = {.exe = victim, .engine = engine, .args = args, .cpu = -1};
	struct server *server = NULL;
	struct kit_patch patch;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	assert_non_null(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	kit_patch_init(&patch, victim, funcs, ARRAY_SIZE(funcs), 0);
	opts.patch = patch.file.data;
	opts.patch_len = patch.file.len;
	r = server_start(&server, &opts, err);
	server_stop(server);
	kit_patch_release(&patch);
	close(fd);
	unlink(at.sun_path);
	/* What it wrote there is not there. */
	assert_int_equal(rmdir(dir), 0);
	return r == -ECANCELED &&
	       !strcmp(err->msg, "main returned 5 before 'operation' or accept was reached");
}

static void start_up_reaches_nothing_outside(void **state)
{
	struct err err = {};

	assert_true(try_walls(&err));
	assert_string_equal(
		err.hint,
		"it wrote: unix 13; datagram 13; pair 13; stream pair 0; bluetooth 97; inet 13; "
		"udp 0; outside 13; argument 0; inside 0; null 0; read 0; preload 2; parent 1; host 1; self 0; ");
}

static void refuse_namespaces(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(9);
}

/* 0, or the number of the claim that is wrong. */
static int look_without_namespaces(void)
{
	struct kit_case made = {.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 1}}};
	struct err err = {};
	struct fixture f;

	refuse_namespaces();
	if (!try_walls(&err)) {
		print_error("%s (%s)\n", err.msg, err.hint);
		return 1;
	}
	/* No socket for datagrams at all; that it is the parent of another group is Landlock's to hide. */
	if (!strstr(err.hint, "unix 13; datagram 13; pair 13; stream pair 0; bluetooth 97; inet 13; udp 13; "
			      "outside 13; argument 13; inside 0;"))
		return 2;
	if (start(&f, funcs, ARRAY_SIZE(funcs), 0, "accept", &err))
		return 3;
	if (server_layers(f.server) != (1 << SANDBOX_LANDLOCK | 1 << SANDBOX_SECCOMP))
		return 4;
	kit_case_write(&f.data, &made, &f.patch);
	if (server_run(f.server, f.data.data, f.data.len, TIMEOUT_MS, 0, &f.result, &err) ||
	    f.result.outcome->end != OUTCOME_DONE)
		return 5;
	stop(&f);
	return 0;
}

static void without_namespaces_the_network_is_closed_by_the_other_walls(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(look_without_namespaces());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void the_sandbox_has_all_its_layers_here(void **state)
{
	const unsigned all = (1 << SANDBOX_CNT) - 1;

	assert_int_equal(sandbox_probe(), all);
	assert_int_equal(server_layers(shared.server), all);
}

static int setup(void **state)
{
	start_or_fail(&shared, "accept");
	return 0;
}

static int teardown(void **state)
{
	stop(&shared);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_cases_are_served),
		cmocka_unit_test(memory_is_built_for_an_out_parameter),
		cmocka_unit_test(arguments_are_built_and_results_reported),
		cmocka_unit_test(behind_an_object_lies_a_pattern),
		cmocka_unit_test(a_fenced_object_is_itself_and_beyond_it_there_is_nothing),
		cmocka_unit_test(a_fenced_object_may_be_grown_and_freed),
		cmocka_unit_test(calls_are_numbered_and_name_what_they_were_served),
		cmocka_unit_test(many_events_come_whole_and_in_order),
		cmocka_unit_test(a_program_that_may_not_write_files_loses_no_event),
		cmocka_unit_test(a_large_case_is_played_to_its_end_again_and_again),
		cmocka_unit_test(threads_of_the_operation_are_served),
		cmocka_unit_test(every_replay_has_the_same_addresses),
		cmocka_unit_test(a_call_without_its_like_ends_the_case),
		cmocka_unit_test(a_call_that_cannot_be_served_says_why),
		cmocka_unit_test(nonsense_cases_are_refused),
		cmocka_unit_test(missing_run_runs_the_real_function_and_nothing_of_it_is_served),
		cmocka_unit_test(floating_point_results_of_real_functions_pass),
		cmocka_unit_test(floating_point_results_are_served_and_arguments_keyed),
		cmocka_unit_test(the_stack_can_be_walked_through_the_engine),
		cmocka_unit_test(a_real_function_may_be_left_by_longjmp),
		cmocka_unit_test(what_the_operation_forks_is_plain),
		cmocka_unit_test(fallback_aliases_and_returned_values_work),
		cmocka_unit_test(functions_of_libraries_are_served),
		cmocka_unit_test(another_library_may_stand_in),
		cmocka_unit_test(a_crash_is_an_outcome_with_its_place),
		cmocka_unit_test(a_hang_is_killed_at_the_limit),
		cmocka_unit_test(exits_are_outcomes_with_their_status),
		cmocka_unit_test(leaving_by_longjmp_is_an_outcome),
		cmocka_unit_test(a_blocked_call_names_its_caller),
		cmocka_unit_test(ready_is_where_the_program_waits),
		cmocka_unit_test(start_up_runs_for_real),
		cmocka_unit_test(other_ways_to_be_ready_work),
		cmocka_unit_test(failing_to_be_ready_is_said_in_words),
		cmocka_unit_test(another_file_than_the_examined_is_refused),
		cmocka_unit_test(threads_at_ready_get_a_process_each),
		cmocka_unit_test(a_copy_that_somebody_still_holds_is_waited_for),
		cmocka_unit_test(start_up_reaches_nothing_outside),
		cmocka_unit_test(without_namespaces_the_network_is_closed_by_the_other_walls),
		cmocka_unit_test(the_sandbox_has_all_its_layers_here),
	};

	assert_int_equal(argc, 3);
	snprintf(victim, sizeof(victim), "%s", argv[1]);
	snprintf(engine, sizeof(engine), "%s", argv[2]);
	return cmocka_run_group_tests_name("engine", tests, setup, teardown);
}
