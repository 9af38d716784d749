// SPDX-License-Identifier: BSD-3-Clause
/* Cases made by hand, in the engine in a real program: what is served, and what is not recorded. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"
#include "tests/engine/fixture.h"
#include "tests/engine/victim.h"

#define HUGE_CASE 200000
#define RAX	  PATCH_RESULT_RAX

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
		fixture_run(&shared, &table[i].made);
		if (shared.outcome->end != OUTCOME_DONE ||
		    (long)fixture_last(&shared)->regs[0] != table[i].want)
			fail_msg("%s: end %u, result %ld, not %ld; %s; said %s", table[i].name,
				 shared.outcome->end, (long)fixture_last(&shared)->regs[0], table[i].want,
				 shared.outcome->text, shared.result.said);
		fixture_assert_nothing_real(&shared);
	}
}

static void memory_is_built_for_an_out_parameter(void **state)
{
	/* {total = 5, lines = {7, 9}} */
	fixture_run(&shared,
		    CASE(.args = {DO_REPLY, 3}, .data = "\5\0\0\0\0\0\0\0\7\0\0\0\11\0\0", .data_len = 16,
			 .calls = {{"get_reply", .key = {3}, .rax = 1,
				    .ops = {{.kind = SERVE_WRITE, .dst = 1, .len = 8, .data = KIT_DATA},
					    {.kind = SERVE_ALLOC, .dst = 10, .len = 8},
					    {.kind = SERVE_WRITE, .dst = 10, .len = 8, .data = KIT_DATA + 8},
					    {.kind = SERVE_POINTER, .dst = 1, .off = 8, .src = 10}}}}));
	fixture_assert_done(&shared, 1000 + 5 + 9);
	fixture_assert_nothing_real(&shared);
}

static void arguments_are_built_and_results_reported(void **state)
{
	const struct outcome_event *entry, *left;
	const struct plan_fragment *fragment;

	fixture_run(&shared, CASE(.args = {DO_OUT, 21}, .data = "\6\0\0", .data_len = 4,
				  .ops = {{.kind = SERVE_ALLOC, .dst = 8, .len = 16},
					  {.kind = SERVE_ALLOC, .dst = 9, .len = 4},
					  {.kind = SERVE_WRITE, .dst = 9, .len = 4, .data = KIT_DATA},
					  {.kind = SERVE_POINTER, .dst = 8, .off = 8, .src = 9},
					  {.kind = SERVE_ARG, .off = 2, .src = 8}}));
	fixture_assert_done(&shared, 6);
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
	fixture_run(&shared, CASE(.args = {what, idx}, .data = "\6\0\0", .data_len = 4,
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
	fixture_assert_done(&shared, 0x4d4d4d4d);
	run_beyond(PATCH_RUN_OTHERS, DO_BEYOND, 1);
	fixture_assert_done(&shared, 0x4b4b4b4b);
}

static void a_fenced_object_is_itself_and_beyond_it_there_is_nothing(void **state)
{
	run_beyond(PATCH_RUN_FENCED, DO_BEYOND, 0);
	fixture_assert_done(&shared, 6);
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
	fixture_assert_done(&shared, 6);
	run_beyond(PATCH_RUN_FENCED, DO_FREED, 0);
	fixture_assert_done(&shared, 6);
}

static void calls_are_numbered_and_name_what_they_were_served(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_SEQUENCE}, .calls = {{"price_of", .key = {2}, .rax = 3},
								   {"price_of", .key = {1}, .rax = 1},
								   {"price_of", .key = {1}, .rax = 2}}));
	fixture_assert_done(&shared, 123);
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

	fixture_run(&shared, CASE(.args = {DO_LOOP, 1000, forbids_files}));
	fixture_assert_done(&shared, 3 * 999 * 1000 / 2);
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
		fixture_run(&shared,
			    CASE(.args = {DO_OUT}, .data = data, .data_len = HUGE_CASE - KIT_DATA,
				 .ops = {{.kind = SERVE_ALLOC, .dst = 8, .len = 16},
					 {.kind = SERVE_ALLOC, .dst = 9, .len = 4},
					 {.kind = SERVE_WRITE, .dst = 9, .len = 4, .data = KIT_DATA + at},
					 {.kind = SERVE_POINTER, .dst = 8, .off = 8, .src = 9},
					 {.kind = SERVE_ARG, .off = 2, .src = 8}}));
		fixture_assert_done(&shared, i);
		if (i % 3 == 0)
			fixture_run(&shared,
				    CASE(.args = {DO_FORK}, .data = data, .data_len = HUGE_CASE - KIT_DATA));
	}
	free(data);
}

static long mapped_address(const char *data, size_t len)
{
	fixture_run(&shared, CASE(.args = {DO_ADDRESS, 1 << 20}, .data = data, .data_len = len));
	return fixture_last(&shared)->regs[0];
}

/* In a server of its own, which has copied nothing yet. */
static void which_cases_came_before_changes_no_address(void **state)
{
	char *data = calloc(1, HUGE_CASE);
	struct fixture f = shared;
	long first;

	fixture_start_or_fail(&shared, "accept");
	first = mapped_address("", 0);
	assert_int_equal(mapped_address(data, HUGE_CASE - KIT_DATA), first);
	fixture_run(&shared, CASE(.args = {DO_FORK}, .data = data, .data_len = HUGE_CASE - KIT_DATA));
	assert_int_equal(mapped_address(data, HUGE_CASE - KIT_DATA), first);
	assert_int_equal(mapped_address("", 0), first);
	fixture_stop(&shared);
	shared = f;
	free(data);
}

static void threads_of_the_operation_are_served(void **state)
{
	unsigned seen = 0;

	fixture_run(&shared, CASE(.args = {DO_THREADS}, .calls = {{"price_of", .key = {3}, .rax = 1000},
								  {"price_of", .key = {2}, .rax = 100},
								  {"price_of", .key = {1}, .rax = 10},
								  {"price_of", .key = {0}, .rax = 1}}));
	fixture_assert_done(&shared, 1111);
	for (unsigned i = 1; i <= 4; i++)
		seen |= 1 << kit_event(shared.outcome, i)->thread;
	assert_int_equal(seen, 0x1e);
	fixture_assert_nothing_real(&shared);
}

static void every_replay_has_the_same_addresses(void **state)
{
	long first;

	fixture_run(&shared, CASE(.args = {DO_ADDRESS}));
	first = fixture_last(&shared)->regs[0];
	fixture_run(&shared, CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}}}));
	fixture_run(&shared, CASE(.args = {DO_ADDRESS}));
	assert_int_equal(fixture_last(&shared)->regs[0], first);
}

/* --- what is not recorded --- */

static void a_call_without_its_like_ends_the_case(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {6}, .rax = 1}}));
	assert_int_equal(shared.outcome->end, OUTCOME_UNMATCHED);
	assert_int_equal(shared.outcome->func, 1);
	assert_int_equal(shared.outcome->events_cnt, 2);
	assert_int_equal(fixture_last(&shared)->regs[0], 5);
	assert_int_equal(fixture_last(&shared)->served, PATCH_NONE);
	fixture_assert_nothing_real(&shared);

	fixture_run(&shared, CASE(.args = {DO_OUTPUTS}, .calls = {{"emit", PATCH_OUTPUT, .rax = 4}}));
	assert_int_equal(shared.outcome->end, OUTCOME_UNMATCHED);
	assert_int_equal(shared.outcome->func, 6);
	assert_int_equal(fixture_last(&shared)->regs[0], 22);
	fixture_assert_nothing_real(&shared);
}

static void a_call_that_cannot_be_served_says_why(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_STATIC, 5},
				  .calls = {{"price_of", .key = {5}, .unserved = "it never returned"}}));
	assert_int_equal(shared.outcome->end, OUTCOME_UNSERVED);
	assert_string_equal(shared.outcome->text, "it never returned");

	fixture_run(&shared,
		    CASE(.args = {DO_BAD_POINTER, 5}, .data = "12345678", .data_len = 8,
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
		{{.kind = SERVE_SHARED, .len = SERVE_MUST_BE_SHARED, .data = 9},
		 "a callback needs a pointer that an earlier call was given, and was not given in this "
		 "replay"},
		{{.kind = SERVE_ARG, .off = 6 + PATCH_STACK_WORDS}, "the case makes no sense: argument 70"},
		{{.kind = SERVE_ARGS, .len = 8}, "the case makes no sense: arguments beyond its end"},
		{{.kind = SERVE_ARGS, .len = 112, .data = 1 << 20},
		 "the case makes no sense: arguments beyond its end"},
		{{.kind = SERVE_CALL, .off = 999}, "the case makes no sense: callback 999"},
		{{.kind = SERVE_CALL, .off = 1}, "'price_of' cannot be called back here"},
		{{.kind = SERVE_FOLLOW, .src = 3, .off = 24}, "the pointer at 0x18 cannot be followed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		fixture_run(&shared, CASE(.args = {DO_OUT}, .ops = {table[i].op}));
		assert_int_equal(shared.outcome->end, OUTCOME_TROUBLE);
		assert_string_equal(shared.outcome->text, table[i].want);
	}
}

static void missing_run_runs_the_real_function_and_nothing_of_it_is_served(void **state)
{
	const struct outcome_event *entry, *left;

	/* price_of inside through is real: 3 times the item. */
	fixture_run(&shared, CASE(.args = {DO_THROUGH, 50}));
	fixture_assert_done(&shared, 150 + 2 + 3 + 4 + 5 + 6 + 70 + 800);
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

	fixture_run(&shared, CASE(.args = {DO_DOUBLES}));
	fixture_assert_done(&shared, 1530);
	assert_memory_equal(fp_of(kit_event(shared.outcome, 1), 1), &three, sizeof(three));
	assert_memory_equal(fp_of(kit_event(shared.outcome, 2), 1), &half, sizeof(half));
	assert_memory_equal(fp_of(kit_event(shared.outcome, 4), PLAN_FP_ST0 + 1) +
				    PLAN_FP_ST0 * PLAN_FP_BYTES,
			    &third, 10);
}

static void floating_point_results_are_served_and_arguments_keyed(void **state)
{
	const double args[][2] = {{1.5}, {-0.25}};

	fixture_run(&shared, CASE(.args = {DO_SERVED_DOUBLES, 4},
				  .calls = {{"blend", .key = {4}, .key_fp = {1.5, 0.25}, .fp = {66}},
					    {"widen", .st = {2}},
					    {"turn", .fp = {3, 4}},
					    {"turn_wide", .st = {5, 6}}}));
	assert_int_equal(shared.outcome->end, OUTCOME_UNMATCHED);
	fixture_run(&shared, CASE(.args = {DO_SERVED_DOUBLES, 4},
				  .calls = {{"blend", .key = {4}, .key_fp = {1.5, 0.25}, .fp = {77}},
					    {"blend", .key = {4}, .key_fp = {1.5, -0.25}, .fp = {1}},
					    {"widen", .st = {2}},
					    {"turn", .fp = {3, 4}},
					    {"turn_wide", .st = {5, 6}}}));
	fixture_assert_done(&shared, 654321);
	assert_memory_equal(fp_of(kit_event(shared.outcome, 1), 2), args, sizeof(args));
}

static void the_stack_can_be_walked_through_the_engine(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_UNWIND}));
	fixture_assert_done(&shared, 1);
}

static void a_real_function_may_be_left_by_longjmp(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_JUMP}, .calls = {{"price_of", .key = {1}, .rax = 30}}));
	fixture_assert_done(&shared, 35);
}

static void what_the_operation_forks_is_plain(void **state)
{
	fixture_run(&shared, CASE(.args = {DO_FORK}));
	fixture_assert_done(&shared, 12);
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

	if (fixture_start(&f, with_policies, ARRAY_SIZE(with_policies), 0, "accept", &err))
		fail_msg("%s", err.msg);
	fixture_run(&f, CASE(.args = {DO_STATIC, 5}));
	fixture_assert_done(&f, -6);
	fixture_run(&f, CASE(.args = {DO_STATIC, 5}, .calls = {{"price_of", .key = {5}, .rax = 1}}));
	fixture_assert_done(&f, 2);
	fixture_stop(&f);
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

	if (fixture_start(&f, in_library, ARRAY_SIZE(in_library), 0, "accept", &err))
		fail_msg("%s (%s)", err.msg, err.hint);
	fixture_run(&f, CASE(.args = {DO_SHOP, 3}, .calls = {{"shop_price", .key = {2}, .rax = 20},
							     {"shop_price", .key = {3}, .rax = 30},
							     {"time", .rax = 5}}));
	fixture_assert_done(&f, 51);
	/* One of them for real. */
	fixture_run(&f, CASE(.args = {DO_SHOP, 3},
			     .calls = {{"shop_price", .key = {2}, .rax = 20}, {"time", .rax = 6}}));
	fixture_assert_done(&f, 320);
	fixture_stop(&f);
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
	struct server_opts opts = {.exe = fixture_victim, .engine = fixture_engine, .cpu = -1, .libs = libs};
	struct err err = {};

	assert_true(asprintf(&lib, "libvictim.so=%.*s/newer/libvictim.so",
			     (int)(strrchr(fixture_victim, '/') - fixture_victim), fixture_victim) > 0);
	libs[0] = lib;
	buf_init(&f.data, FIXTURE_CASE_MAX);
	kit_patch_init(&f.patch, fixture_victim, table, ARRAY_SIZE(table), 0);
	opts.patch = f.patch.file.data;
	opts.patch_len = f.patch.file.len;
	if (server_start(&f.server, &opts, &err))
		fail_msg("%s (%s)", err.msg, err.hint);
	fixture_run(&f, CASE(.args = {DO_SHOP, 3}, .calls = {{"time", .rax = 6}}));
	fixture_assert_done(&f, 5000);
	server_stop(f.server);
	f.server = NULL;
	libs[0] = "libvictim.so";
	assert_int_equal(server_start(&f.server, &opts, &err), -EINVAL);
	assert_string_equal(err.msg, "'libvictim.so' is not SONAME=PATH");
	fixture_stop(&f);
	free(lib);
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
		cmocka_unit_test(which_cases_came_before_changes_no_address),
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
	};

	fixture_init(argc, argv);
	return cmocka_run_group_tests_name("engine: served", tests, fixture_setup, fixture_teardown);
}
