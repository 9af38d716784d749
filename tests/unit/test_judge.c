// SPDX-License-Identifier: BSD-3-Clause
#include "replay/judge.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/object.h"
#include "lib/pool.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "lib/store.h"
#include "lib/util.h"
#include "replay/displaced.h"
#include "replay/server.h"
#include "replay/verdict.h"
#include "tests/support/scene.h"
#include "tests/support/shop.h"

/*
 * int handle(const char *who, int *total)	the operation; total flows both ways
 * int get(const char *key, int flags)		an input
 * void notify(const char *text, int *scratch)	an output
 */
enum { HANDLE, GET, NOTIFY, FUNCS };

#define TOTAL_AT   0x3000
#define SCRATCH_AT 0x4000

static struct shop build, past; /* the types of the build, and of what was recorded */
static struct config *config;
static struct program program;
static struct program_func funcs[FUNCS];
static struct cassette *cassette;
static struct store *store;
static struct recording *recording;
static struct scene scene;
static struct server_result result;
static struct comparison comparison;
static struct displaced displaced;
static char report[64];

static void add_funcs(struct shop *s, const char *input)
{
	struct shop_param handle[] = {{"who"}, {"total"}, {}}, get[] = {{"key"}, {"flags"}, {}};
	struct shop_param text[] = {{"text"}, {"scratch"}, {}};

	shop_init(s);
	handle[0].type = get[0].type = text[0].type = s->cptr;
	handle[1].type = text[1].type = shop_ptr(s, s->i32);
	get[1].type = s->i32;
	shop_func(s, "handle", s->i32, handle, NULL, 0);
	shop_func(s, input, s->i32, get, NULL, 0);
	shop_func(s, "notify", 0, text, NULL, 0);
}

static const char plain[] = "{\"operations\": {\"handle\": {\"error_if\": \"return < 0\"}},"
			    " \"inputs\": {\"get\": {}}, \"outputs\": {\"notify\": {}}}";

static void use_config(const char *text)
{
	struct err err = {};

	config_free(config);
	config = NULL;
	if (config_parse(&config, "t.json", text, strlen(text), &err))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < FUNCS; i++)
		funcs[i].config = &config->funcs[i];
}

static int setup(void **state)
{
	add_funcs(&build, "get");
	add_funcs(&past, "get");
	use_config(plain);
	for (size_t i = 0; i < FUNCS; i++)
		assert_int_equal(shape_build(&funcs[i].shape, build.schema, i, NULL, NULL), 0);
	program = (struct program){.schema = build.schema, .funcs = funcs, .funcs_cnt = FUNCS};
	assert_int_equal(cassette_open(&cassette, "mem:", true, NULL), 0);
	assert_int_equal(store_new(&store, cassette, NULL), 0);
	assert_int_equal(recording_new(&recording, NULL), 0);
	recording->calls = pool_array(recording->pool, 16, sizeof(*recording->calls));
	scene_init(&scene);
	result = (struct server_result){.outcome = scene.outcome, .said = "", .report = report};
	comparison = (struct comparison){};
	return 0;
}

static int teardown(void **state)
{
	comparison_release(&comparison);
	recording_free(recording);
	store_free(store);
	cassette_close(cassette);
	for (size_t i = 0; i < FUNCS; i++)
		shape_free(funcs[i].shape);
	config_free(config);
	config = NULL;
	shop_release(&build);
	shop_release(&past);
	return 0;
}

static uint16_t node(int func, int param)
{
	return funcs[func].shape->params[param].node;
}

/* --- what was recorded --- */

static void keep(struct side *side, uint16_t n, uint64_t addr, const void *bytes, size_t len)
{
	uint8_t *copy = pool_alloc(recording->pool, len);

	if (!side->fragments)
		side->fragments = pool_array(recording->pool, 8, sizeof(*side->fragments));
	memcpy(copy, bytes, len);
	side->fragments[side->cnt++] = (struct fragment){addr, len, len, n, 0, copy};
}

static void record_operation(int before, int after, int ret)
{
	struct call *call = &recording->operation;

	*call = (struct call){.func = HANDLE,
			      .args = {0x1000, TOTAL_AT},
			      .rax = (uint64_t)ret,
			      .left = LEFT_RETURN,
			      .left_ns = 100};
	keep(&call->in, node(HANDLE, 0), 0x1000, "acme", 5);
	keep(&call->in, node(HANDLE, 1), TOTAL_AT, &before, 4);
	keep(&call->out, node(HANDLE, 1), TOTAL_AT, &after, 4);
}

static void record_call(int func, const char *text, int second)
{
	struct call *call = &recording->calls[recording->calls_cnt++];

	*call = (struct call){.func = func,
			      .seq = recording->calls_cnt,
			      .left = LEFT_RETURN,
			      .args = {0x2000, func == GET ? (uint64_t)second : SCRATCH_AT}};
	keep(&call->in, node(func, 0), 0x2000, text, strlen(text) + 1);
	if (func == NOTIFY)
		keep(&call->in, node(func, 1), SCRATCH_AT, &second, 4);
}

/* --- what the replay did; its memory lies elsewhere --- */

static void replay_operation(int before, int after, int ret)
{
	struct outcome_event *event = scene_event(&scene, OUTCOME_ENTRY, HANDLE, 0, PATCH_NONE);

	event->regs[0] = 0x91000;
	event->regs[1] = 0x90000 + TOTAL_AT;
	scene_fragment(&scene, node(HANDLE, 0), 0x91000, "acme", 5);
	scene_fragment(&scene, node(HANDLE, 1), 0x90000 + TOTAL_AT, &before, 4);
	scene_event(&scene, OUTCOME_RETURN, HANDLE, 0, PATCH_NONE)->regs[0] = (unsigned)ret;
	scene.last->ts_ns = 55;
	scene_fragment(&scene, node(HANDLE, 1), 0x90000 + TOTAL_AT, &after, 4);
}

static void replay_call(int func, const char *text, int second, unsigned served)
{
	struct outcome_event *event =
		scene_event(&scene, OUTCOME_ENTRY, func, ++scene.outcome->calls_cnt, served);

	event->regs[0] = 0x92000;
	event->regs[1] = func == GET ? (uint64_t)second : 0x90000 + SCRATCH_AT;
	scene_fragment(&scene, node(func, 0), 0x92000, text, strlen(text) + 1);
	if (func == NOTIFY)
		scene_fragment(&scene, node(func, 1), 0x90000 + SCRATCH_AT, &second, 4);
}

/* The verdict, and all that stands beside it, as JSON. */
static void expect(enum verdict verdict, const char *reason, const char *rest)
{
	auto_cjson cJSON *json = NULL;
	autofree char *text = NULL;
	struct err err = {};

	comparison_release(&comparison);
	comparison = (struct comparison){};
	if (judge(&comparison, recording, past.schema, store, config, &program, HANDLE, &result, &displaced,
		  NULL, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(comparison.reason, reason);
	assert_string_equal(verdict_name(comparison.verdict), verdict_name(verdict));
	json = comparison_json(&comparison);
	cJSON_DeleteItemFromObject(json, "type");
	cJSON_DeleteItemFromObject(json, "id");
	cJSON_DeleteItemFromObject(json, "category");
	cJSON_DeleteItemFromObject(json, "verdict");
	cJSON_DeleteItemFromObject(json, "reason");
	cJSON_DeleteItemFromObject(json, "first");
	cJSON_DeleteItemFromObject(json, "recorded_ns");
	cJSON_DeleteItemFromObject(json, "replayed_ns");
	text = json_print(json);
	assert_string_equal(text, rest);
}

#define NOTHING "{\"differences\":[],\"missing\":[],\"extra\":[]}"
#define ROW(path, recorded, replayed)                                                                        \
	"{\"path\":\"" path "\",\"recorded\":" recorded ",\"replayed\":" replayed "}"

static void the_same_again_is_equal(void **state)
{
	record_operation(1, 2, 0);
	record_call(GET, "a", 1);
	record_call(NOTIFY, "hello", 7);
	replay_operation(1, 2, 0);
	replay_call(GET, "a", 1, 0);
	/* What a pointer to non-const reaches at entry is not compared. */
	replay_call(NOTIFY, "hello", 8, 1);
	expect(VERDICT_EQUAL, "", NOTHING);
	assert_int_equal(comparison.recorded_ns, 100);
	assert_int_equal(comparison.replayed_ns, 55);
}

static void what_flows_out_of_the_operation_is_compared(void **state)
{
	record_operation(1, 2, 0);
	/* What flowed in is not. */
	replay_operation(5, 3, 4);
	expect(VERDICT_DIFFERENT, "'*total' and 1 more differ",
	       "{\"differences\":[" ROW("*total", "2", "3") "," ROW("return", "0",
								    "4") "],"
									 "\"missing\":[],\"extra\":[]}");
}

static void what_flows_into_an_output_is_compared_by_ordinal(void **state)
{
	record_operation(1, 2, 0);
	record_call(NOTIFY, "one", 0);
	record_call(NOTIFY, "two", 0);
	replay_operation(1, 2, 0);
	replay_call(NOTIFY, "one", 0, 0);
	replay_call(NOTIFY, "2", 0, 1);
	expect(VERDICT_DIFFERENT, "'calls[notify#2].text' differs",
	       "{\"differences\":[" ROW("calls[notify#2].text", "\"two\"",
					"\"2\"") "],"
						 "\"missing\":[],\"extra\":[]}");
}

static void a_written_direction_makes_a_pointee_compared(void **state)
{
	record_operation(1, 2, 0);
	record_call(NOTIFY, "one", 7);
	replay_operation(1, 2, 0);
	replay_call(NOTIFY, "one", 8, 0);
	funcs[NOTIFY].shape->nodes[node(NOTIFY, 1)].is_explicit = true;
	expect(VERDICT_DIFFERENT, "'calls[notify#1].*scratch' differs",
	       "{\"differences\":[" ROW("calls[notify#1].*scratch", "7", "8") "],"
									      "\"missing\":[],\"extra\":[]}");
}

static void calls_not_made_are_missing_and_new_ones_are_extra(void **state)
{
	record_operation(1, 2, 0);
	record_call(GET, "a", 1);
	record_call(NOTIFY, "one", 0);
	record_call(NOTIFY, "two", 0);
	replay_operation(1, 2, 0);
	replay_call(NOTIFY, "one", 0, 1);
	expect(VERDICT_DIFFERENT, "'calls[get#1]' and 1 more recorded but not made",
	       "{\"differences\":[],\"missing\":[\"calls[get#1]\",\"calls[notify#2]\"],\"extra\":[]}");
}

static void expect_first(const char *reason, const char *first)
{
	auto_cjson cJSON *json = NULL;

	scene.outcome->end = OUTCOME_DONE;
	assert_int_equal(judge(&comparison, recording, past.schema, store, config, &program, HANDLE, &result,
			       &displaced, NULL, NULL),
			 0);
	assert_string_equal(comparison.reason, reason);
	json = comparison_json(&comparison);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "first")), first);
}

static void a_missing_call_goes_before_what_differs_later(void **state)
{
	record_operation(1, 2, 0);
	record_call(GET, "a", 1);
	record_call(NOTIFY, "one", 0);
	replay_operation(1, 3, 0);
	replay_call(NOTIFY, "2", 0, 1);
	expect_first("'calls[get#1]' recorded but not made; 'calls[notify#1].text' and 1 more differ",
		     "calls[get#1]");
}

static void an_output_that_differs_goes_before_what_is_missing_later(void **state)
{
	record_operation(1, 2, 0);
	record_call(NOTIFY, "one", 0);
	record_call(NOTIFY, "two", 0);
	replay_operation(1, 3, 0);
	replay_call(NOTIFY, "1", 0, 0);
	expect_first("'calls[notify#1].text' and 1 more differ; 'calls[notify#2]' recorded but not made",
		     "calls[notify#1].text");
}

static const char two_outputs[] =
	"{\"operations\": {\"handle\": {}}, \"outputs\": {\"get\": {}, \"notify\": {}}}";

static void an_extra_call_goes_before_the_call_that_it_was_made_before(void **state)
{
	use_config(two_outputs);
	record_operation(1, 2, 0);
	record_call(NOTIFY, "one", 0);
	replay_operation(1, 3, 0);
	replay_call(GET, "a", 1, PATCH_NONE);
	replay_call(NOTIFY, "1", 0, 0);
	expect_first("'calls[get#1]' made but not recorded; 'calls[notify#1].text' and 1 more differ",
		     "calls[get#1]");
}

static void outputs_made_in_another_order_are_told_and_equal(void **state)
{
	use_config(two_outputs);
	record_operation(1, 2, 0);
	record_call(GET, "a", 1);
	record_call(NOTIFY, "one", 0);
	record_call(NOTIFY, "two", 0);
	replay_operation(1, 2, 0);
	replay_call(NOTIFY, "one", 0, 1);
	replay_call(NOTIFY, "two", 0, 2);
	replay_call(GET, "a", 1, 0);
	expect(VERDICT_EQUAL, "",
	       "{\"differences\":[],\"missing\":[],\"extra\":[],\"reordered\":[\"calls[get#1]\"]}");
}

static void what_several_threads_put_out_has_no_order(void **state)
{
	use_config(two_outputs);
	record_operation(1, 2, 0);
	record_call(GET, "a", 1);
	record_call(NOTIFY, "one", 0);
	recording->calls[1].thread = 1;
	replay_operation(1, 2, 0);
	replay_call(NOTIFY, "one", 0, 1);
	replay_call(GET, "a", 1, 0);
	expect(VERDICT_EQUAL, "", NOTHING);
}

static void an_output_beyond_those_recorded_is_extra(void **state)
{
	record_operation(1, 2, 0);
	record_call(NOTIFY, "one", 0);
	replay_operation(1, 2, 0);
	replay_call(NOTIFY, "one", 0, 0);
	replay_call(NOTIFY, "two", 0, PATCH_NONE);
	scene.outcome->end = OUTCOME_UNMATCHED;
	scene.outcome->func = NOTIFY;
	expect(VERDICT_DIFFERENT, "calls[notify#2]: it was called more often than it was recorded",
	       "{\"differences\":[],\"missing\":[],\"extra\":[\"calls[notify#2]\"]}");
}

static void a_new_output_that_has_an_answer_is_no_difference(void **state)
{
	use_config("{\"operations\": {\"handle\": {}}, \"inputs\": {\"get\": {}},"
		   " \"outputs\": {\"notify\": {\"when_missing\": {\"return\": 0}}}}");
	record_operation(1, 2, 0);
	record_call(NOTIFY, "one", 0);
	replay_operation(1, 2, 0);
	replay_call(NOTIFY, "one", 0, 0);
	replay_call(NOTIFY, "two", 0, PATCH_NONE);
	expect(VERDICT_EQUAL, "", NOTHING);
}

static void an_input_that_may_be_missing_may_also_not_be_made(void **state)
{
	use_config(
		"{\"operations\": {\"handle\": {}}, \"inputs\": {\"get\": {\"when_missing\": {\"return\": 1}}},"
		" \"outputs\": {\"notify\": {}}}");
	record_operation(1, 2, 0);
	record_call(GET, "a", 1);
	replay_operation(1, 2, 0);
	replay_call(GET, "b", 1, PATCH_NONE);
	expect(VERDICT_EQUAL, "", NOTHING);
}

static void an_input_with_an_unknown_key_shows_both_keys(void **state)
{
	record_operation(1, 2, 0);
	record_call(GET, "a", 1);
	record_call(GET, "b", 1);
	replay_operation(1, 2, 0);
	replay_call(GET, "a", 1, 0);
	replay_call(GET, "c", 2, PATCH_NONE);
	scene.outcome->end = OUTCOME_UNMATCHED;
	scene.outcome->func = GET;
	expect(VERDICT_DIFFERENT,
	       "calls[get#2]: no recorded call has its key: the next one has another 'key'",
	       "{\"differences\":[" ROW("calls[get#2]", "{\"key\":\"b\",\"flags\":1}",
					"{\"key\":\"c\",\"flags\":2}") "],"
								       "\"missing\":[],\"extra\":[]}");
}

static void an_input_asked_once_too_often_has_no_recorded_key(void **state)
{
	use_config("{\"operations\": {\"handle\": {}}, \"inputs\": {\"get\": {\"key\": [\"key\"]}},"
		   " \"outputs\": {\"notify\": {}}}");
	record_operation(1, 2, 0);
	replay_operation(1, 2, 0);
	replay_call(GET, "a", 1, PATCH_NONE);
	scene.outcome->end = OUTCOME_UNMATCHED;
	scene.outcome->func = GET;
	expect(VERDICT_DIFFERENT, "calls[get#1]: it was called more often than it was recorded",
	       "{\"differences\":[" ROW("calls[get#1]", "{\"unavailable\":\"not there\"}",
					"{\"key\":\"a\"}") "],"
							   "\"missing\":[],\"extra\":[]}");
}

static void an_error_that_is_gone_is_fixed(void **state)
{
	record_operation(1, 2, -1);
	replay_operation(1, 2, 0);
	expect(VERDICT_FIXED, "the recording ended in an error (error_if), the replay does not",
	       "{\"differences\":[" ROW("return", "-1", "0") "],\"missing\":[],\"extra\":[]}");
}

static void a_recording_that_did_not_return_can_be_fixed(void **state)
{
	record_operation(1, 2, 0);
	recording->operation.left = LEFT_UNWOUND;
	replay_operation(1, 2, 0);
	expect(VERDICT_FIXED, "the recording ended in an error (it did not return), the replay does not",
	       NOTHING);
}

/* What was recorded does not tell whether it was an error. */
static void an_error_that_nobody_can_tell_is_neither_fixed_nor_new(void **state)
{
	use_config("{\"operations\": {\"handle\": {\"error_if\": \"*total > 4\"}},"
		   " \"inputs\": {\"get\": {}}, \"outputs\": {\"notify\": {}}}");
	record_operation(1, 2, 0);
	recording->operation.out.cnt = 0;
	replay_operation(1, 5, 0);
	scene.outcome->end = OUTCOME_DONE;
	assert_int_equal(judge(&comparison, recording, past.schema, store, config, &program, HANDLE, &result,
			       &displaced, NULL, NULL),
			 0);
	assert_int_equal(comparison.verdict, VERDICT_DIFFERENT);
	assert_string_equal(comparison.reason, "'total' differs");
}

static void a_new_error_is_failed(void **state)
{
	record_operation(1, 2, 0);
	replay_operation(1, 2, -3);
	expect(VERDICT_FAILED, "the replay ends in an error (error_if), the recording did not",
	       "{\"differences\":[" ROW("return", "0", "-3") "],\"missing\":[],\"extra\":[]}");
}

static void the_same_error_is_equal(void **state)
{
	record_operation(1, 2, -1);
	replay_operation(1, 2, -1);
	expect(VERDICT_EQUAL, "", NOTHING);
}

static void both_left_by_longjmp_is_equal(void **state)
{
	record_operation(1, 2, 0);
	recording->operation.left = LEFT_UNWOUND;
	scene_event(&scene, OUTCOME_ENTRY, HANDLE, 0, PATCH_NONE);
	scene.outcome->end = OUTCOME_LEFT;
	expect(VERDICT_EQUAL, "", NOTHING);
}

/* Ends without a return, each in words. */
static void a_replay_that_does_not_return_is_failed_and_says_how(void **state)
{
	static const struct {
		unsigned end;
		int number, wait_status, timed_out;
		const char *said, *want;
	} cases[] = {
		{OUTCOME_SIGNAL, SIGSEGV, 0, 0, "",
		 "SIGSEGV at address 0x10 in 0x1234; the last call served was 'calls[get#1]'"},
		{OUTCOME_BLOCKED, SYS_connect, 0, 0, "",
		 "connect() would have left the sandbox and was blocked in 0x1234; the last call served was "
		 "'calls[get#1]'"},
		{OUTCOME_BLOCKED, 99999, 0, 0, "",
		 "system call 99999 would have left the sandbox and was blocked in 0x1234; the last call served "
		 "was 'calls[get#1]'"},
		{OUTCOME_EXIT, 1, 0, 0, "first\nbad \tthing\n",
		 "the program called exit(1); the last call served was 'calls[get#1]'; it said 'bad ?thing'"},
		{OUTCOME_LEFT, 0, 0, 0, "",
		 "the operation was left by longjmp or an exception; the last call served was 'calls[get#1]'"},
		{OUTCOME_NONE, 0, SIGKILL, 1, "",
		 "the operation did not end within the time limit and was in 0x1234; the last call served was 'calls[get#1]'"},
		{OUTCOME_NONE, 0, SIGKILL, 0, "",
		 "the program was killed by SIGKILL; the last call served was 'calls[get#1]'"},
		{OUTCOME_NONE, 0, 3 << 8, 0, "",
		 "the program ended without a word (exit status 3); the last call served was 'calls[get#1]'"},
	};

	record_operation(1, 2, 0);
	record_call(GET, "a", 1);
	record_call(NOTIFY, "x", 1);
	replay_operation(1, 2, 0);
	replay_call(GET, "a", 1, 0);
	scene.outcome->pc_module = scene.outcome->caller_module = PATCH_NONE;
	scene.outcome->pc = 0x1234;
	scene.outcome->addr = 0x10;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scene.outcome->end = cases[i].end;
		scene.outcome->number = cases[i].number;
		result.wait_status = cases[i].wait_status;
		result.timed_out = cases[i].timed_out;
		result.said = cases[i].said;
		expect(VERDICT_FAILED, cases[i].want, NOTHING);
		comparison_release(&comparison);
	}
}

static void what_a_sanitizer_reported_is_a_failure_whatever_came_out(void **state)
{
	record_operation(1, 2, 0);
	replay_operation(1, 2, 0);
	strcpy(report, "a.c:1:2: runtime error: no");
	expect(VERDICT_FAILED, "a.c:1:2: runtime error: no", NOTHING);
	report[0] = '\0';
}

static void a_crash_names_the_function(void **state)
{
	struct object *object = NULL;
	struct program_file file = {.name = (char *)"prog"};
	const struct symbol *symbol;

	assert_int_equal(object_open(&object, "/proc/self/exe", NULL), 0);
	symbol = object_find_func(object, "main", NULL, NULL);
	assert_non_null(symbol);
	program.objects = &object;
	program.files = &file;
	program.files_cnt = 1;
	record_operation(1, 2, 0);
	scene_event(&scene, OUTCOME_ENTRY, HANDLE, 0, PATCH_NONE);
	scene.outcome->end = OUTCOME_SIGNAL;
	scene.outcome->number = SIGABRT;
	scene.outcome->pc = 0x77;
	scene.outcome->pc_module = PATCH_NONE;
	scene.outcome->caller = symbol->addr + 4;
	scene.outcome->caller_module = 0;
	expect(VERDICT_FAILED, "SIGABRT in 0x77 called from 'main+0x4'", NOTHING);
	object_free(object);
}

static void what_we_could_not_do_is_equalizer_failure(void **state)
{
	static const struct {
		unsigned end;
		const char *want;
	} cases[] = {
		{OUTCOME_UNSERVED, "'get' cannot be served: it did not return"},
		{OUTCOME_FULL, "the replay captured more than an outcome can hold"},
		{OUTCOME_TROUBLE, "it did not return"},
		{OUTCOME_END_CNT, "an end of no known kind"},
		{OUTCOME_UNMATCHED,
		 "what the replayed program left behind makes no sense: an unmatched call that "
		 "was not made"},
	};

	record_operation(1, 2, 0);
	replay_operation(1, 2, 0);
	strcpy(scene.outcome->text, "it did not return");
	scene.outcome->func = GET;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scene.outcome->end = cases[i].end;
		expect(VERDICT_EQUALIZER_FAILURE, cases[i].want, NOTHING);
	}
}

static void a_spoilt_outcome_is_no_verdict_on_the_program(void **state)
{
	record_operation(1, 2, 0);
	scene_event(&scene, OUTCOME_ENTRY, HANDLE, 0, PATCH_NONE)->len = 3;
	expect(VERDICT_EQUALIZER_FAILURE,
	       "what the replayed program left behind makes no sense: an event is longer than what is left",
	       NOTHING);
	/* But a crash is a crash. */
	scene.outcome->end = OUTCOME_SIGNAL;
	scene.outcome->number = SIGBUS;
	expect(VERDICT_FAILED, "SIGBUS at address 0x0", NOTHING);
}

static void a_function_that_does_not_exist_is_no_verdict(void **state)
{
	record_operation(1, 2, 0);
	replay_operation(1, 2, 0);
	scene_event(&scene, OUTCOME_ENTRY, 77, 1, PATCH_NONE);
	expect(VERDICT_EQUALIZER_FAILURE,
	       "what the replayed program left behind makes no sense: no function 77", NOTHING);
}

static void a_renamed_function_is_met_through_its_fallback_alias(void **state)
{
	shop_release(&past);
	add_funcs(&past, "old_get");
	use_config(
		"{\"operations\": {\"handle\": {}}, \"inputs\": {\"get\": {\"fallback_aliases\": [\"old_get\"]}},"
		" \"outputs\": {\"notify\": {}}}");
	record_operation(1, 2, 0);
	record_call(GET, "a", 0);
	record_call(GET, "b", 0);
	replay_operation(1, 2, 0);
	replay_call(GET, "b", 0, 1);
	expect(VERDICT_DIFFERENT, "'calls[get#1]' recorded but not made",
	       "{\"differences\":[],\"missing\":[\"calls[get#1]\"],\"extra\":[]}");
}

static void what_the_configuration_ignores_is_ignored(void **state)
{
	use_config(
		"{\"operations\": {\"handle\": {\"compare\": {\"ignore\": [\"*total\"]}}}, \"inputs\": {\"get\": "
		"{}}, \"outputs\": {\"notify\": {\"compare\": {\"ignore\": [\"text\"]}}}}");
	record_operation(1, 2, 0);
	record_call(NOTIFY, "one", 0);
	replay_operation(1, 3, 0);
	replay_call(NOTIFY, "1", 0, 0);
	expect(VERDICT_EQUAL, "", NOTHING);
}

static void a_comparison_is_a_line_of_json(void **state)
{
	auto_cjson cJSON *json = NULL, *with_gap = NULL;
	autofree char *text = NULL;

	comparison.verdict = VERDICT_FAILED;
	strcpy(comparison.key.category, "HandleOrder");
	strcpy(comparison.key.day, "20260801");
	strcpy(comparison.key.id, "00112233445566778899aabbccddeeff");
	strcpy(comparison.reason, "SIGSEGV");
	comparison.recorded_ns = 12;
	json = comparison_json(&comparison);
	text = json_print(json);
	assert_string_equal(
		text,
		"{\"type\":\"comparison\",\"id\":\"HandleOrder/20260801/00112233445566778899aabbccddeeff\","
		"\"category\":\"HandleOrder\",\"verdict\":\"failed\",\"reason\":\"SIGSEGV\","
		"\"differences\":[],\"missing\":[],\"extra\":[],\"recorded_ns\":12,\"replayed_ns\":0}");
	comparison.differences.unavailable = 3;
	with_gap = comparison_json(&comparison);
	assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(with_gap, "not_compared")), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_again_is_equal),
		TEST(what_flows_out_of_the_operation_is_compared),
		TEST(what_flows_into_an_output_is_compared_by_ordinal),
		TEST(a_written_direction_makes_a_pointee_compared),
		TEST(calls_not_made_are_missing_and_new_ones_are_extra),
		TEST(a_missing_call_goes_before_what_differs_later),
		TEST(an_output_that_differs_goes_before_what_is_missing_later),
		TEST(an_extra_call_goes_before_the_call_that_it_was_made_before),
		TEST(outputs_made_in_another_order_are_told_and_equal),
		TEST(what_several_threads_put_out_has_no_order),
		TEST(an_output_beyond_those_recorded_is_extra),
		TEST(a_new_output_that_has_an_answer_is_no_difference),
		TEST(an_input_that_may_be_missing_may_also_not_be_made),
		TEST(an_input_with_an_unknown_key_shows_both_keys),
		TEST(an_input_asked_once_too_often_has_no_recorded_key),
		TEST(an_error_that_is_gone_is_fixed),
		TEST(a_recording_that_did_not_return_can_be_fixed),
		TEST(an_error_that_nobody_can_tell_is_neither_fixed_nor_new),
		TEST(a_new_error_is_failed),
		TEST(the_same_error_is_equal),
		TEST(both_left_by_longjmp_is_equal),
		TEST(a_replay_that_does_not_return_is_failed_and_says_how),
		TEST(what_a_sanitizer_reported_is_a_failure_whatever_came_out),
		TEST(a_crash_names_the_function),
		TEST(what_we_could_not_do_is_equalizer_failure),
		TEST(a_spoilt_outcome_is_no_verdict_on_the_program),
		TEST(a_function_that_does_not_exist_is_no_verdict),
		TEST(a_renamed_function_is_met_through_its_fallback_alias),
		TEST(what_the_configuration_ignores_is_ignored),
		TEST(a_comparison_is_a_line_of_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
