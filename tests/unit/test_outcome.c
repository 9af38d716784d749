// SPDX-License-Identifier: BSD-3-Clause
#include "replay/outcome.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/recording.h"
#include "lib/util.h"
#include "replay/target/patch.h"
#include "tests/support/scene.h"

static struct scene scene;

static int setup(void **state)
{
	scene_init(&scene);
	return 0;
}

static int read_it(struct recording **out, struct outcome_call **calls, struct err *err)
{
	return outcome_recording(out, calls, scene.outcome, SCENE_OUTCOME_BYTES, err);
}

static void events_become_an_operation_and_its_calls(void **state)
{
	auto_recording struct recording *recording = NULL;
	autofree struct outcome_call *calls = NULL;
	struct outcome_event *event;

	event = scene_event(&scene, OUTCOME_ENTRY, 0, 0, PATCH_NONE);
	event->ts_ns = 1000;
	event->regs[1] = 7;
	event->regs[6] = 0x7fff0000;
	event = scene_event(&scene, OUTCOME_ENTRY, 3, 1, 5);
	event->ts_ns = 1010;
	scene_fragment(&scene, 2, 0x5000, "abc", 3);
	scene_fragment(&scene, 4, 0x6000, "12345678", 8);
	scene_event(&scene, OUTCOME_ENTRY, 4, 2, PATCH_NONE)->flags = OUTCOME_F_RAN;
	event = scene_event(&scene, OUTCOME_RETURN, 4, 2, PATCH_NONE);
	event->regs[0] = 9;
	event->regs[2] = (unsigned long long)-1;
	event = scene_event(&scene, OUTCOME_RETURN, 0, 0, PATCH_NONE);
	event->ts_ns = 1500;
	event->regs[0] = 77;
	event->flags = OUTCOME_F_BUDGET;

	assert_int_equal(read_it(&recording, &calls, NULL), 0);
	assert_int_equal(recording->operation.func, 0);
	assert_int_equal(recording->operation.left, LEFT_RETURN);
	assert_int_equal(recording->operation.left_ns, 500);
	assert_int_equal(recording->operation.args[1], 7);
	assert_int_equal(recording->operation.rax, 77);
	assert_true(recording->operation.out.budget_cut);
	assert_int_equal(recording->calls_cnt, 2);
	assert_int_equal(recording->calls[0].entered_ns, 10);
	assert_int_equal(recording->calls[0].left, LEFT_UNKNOWN);
	assert_int_equal(recording->calls[0].in.cnt, 2);
	assert_memory_equal(recording->calls[0].in.fragments[0].bytes, "abc", 3);
	assert_memory_equal(recording->calls[0].in.fragments[1].bytes, "12345678", 8);
	assert_int_equal(recording->calls[0].in.fragments[1].addr, 0x6000);
	assert_int_equal(calls[0].served, 5);
	assert_int_equal(calls[1].served, OUTCOME_NOT_SERVED);
	assert_int_equal(recording->calls[1].left, LEFT_RETURN);
	assert_int_equal(recording->calls[1].error_number, -1);
}

static void nothing_entered_is_an_operation_of_no_function(void **state)
{
	auto_recording struct recording *recording = NULL;
	autofree struct outcome_call *calls = NULL;

	assert_int_equal(read_it(&recording, &calls, NULL), 0);
	assert_int_equal(recording->operation.func, UINT32_MAX);
	assert_int_equal(recording->calls_cnt, 0);
}

/* Every way in which the program can have written over its outcome. */
static void short_header(void)
{
	scene.outcome->made.bytes = sizeof(struct outcome_header) - 1;
}

static void long_header(void)
{
	scene.outcome->made.bytes = SCENE_OUTCOME_BYTES + 8;
}

static void short_event(void)
{
	scene_event(&scene, OUTCOME_ENTRY, 0, 0, PATCH_NONE)->len = 8;
}

static void long_event(void)
{
	scene_event(&scene, OUTCOME_ENTRY, 0, 0, PATCH_NONE)->len = 0xfffffff8;
}

static void unknown_event(void)
{
	scene_event(&scene, 9, 0, 0, PATCH_NONE);
}

static void return_without_entry(void)
{
	scene_event(&scene, OUTCOME_RETURN, 0, 0, PATCH_NONE);
}

static void entry_twice(void)
{
	scene_event(&scene, OUTCOME_ENTRY, 0, 0, PATCH_NONE);
	scene_event(&scene, OUTCOME_ENTRY, 0, 0, PATCH_NONE);
}

static void calls_backwards(void)
{
	scene_event(&scene, OUTCOME_ENTRY, 1, 2, PATCH_NONE);
	scene_event(&scene, OUTCOME_ENTRY, 1, 1, PATCH_NONE);
}

static void long_fragment(void)
{
	scene_event(&scene, OUTCOME_ENTRY, 0, 0, PATCH_NONE);
	scene_fragment(&scene, 1, 0x1000, "abc", 3)->captured = 0xffffffff;
}

static void odd_fragment(void)
{
	scene_event(&scene, OUTCOME_ENTRY, 0, 0, PATCH_NONE);
	scene_fragment(&scene, 1, 0x1000, "abc", 3)->status = 77;
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		void (*spoil)(void);
		const char *want;
	} cases[] = {
		{short_header, "its length"},
		{long_header, "its length"},
		{short_event, "an event is longer than what is left"},
		{long_event, "an event is longer than what is left"},
		{unknown_event, "an event of no known kind"},
		{return_without_entry, "a call returned that was not entered"},
		{entry_twice, "the operation was entered twice"},
		{calls_backwards, "calls are out of order"},
		{long_fragment, "a piece of memory is longer than its event"},
		{odd_fragment, "a piece of memory is longer than its event"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recording *recording = (void *)1;
		struct outcome_call *calls = (void *)1;
		struct err err = {};

		scene_init(&scene);
		cases[i].spoil();
		assert_int_equal(read_it(&recording, &calls, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, cases[i].want));
		assert_ptr_equal(recording, (void *)1);
		assert_ptr_equal(calls, (void *)1);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_become_an_operation_and_its_calls),
		TEST(nothing_entered_is_an_operation_of_no_function),
		TEST(what_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
