// SPDX-License-Identifier: BSD-3-Clause
#include "loader/package.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/config.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/plan.h"
#include "lib/program.h"
#include "lib/recording.h"
#include "tests/support/shop.h"
#include "tests/support/trial.h"

/* f(const char *customer, int amount) -> int, captured from this process. */
struct packed {
	struct trial t;
	struct config_func config;
	struct config all;
	struct program_func func;
	struct program program;
	struct package_context context;
	struct recording *recording;
	bool is_kept;
	uint32_t draw;
};

static void begin(struct packed *p, struct shop *shop, const char *customer, int amount, int result)
{
	const struct shop_param params[] = {{"customer", shop->cptr}, {"amount", shop->i32}, {}};

	memset(p, 0, sizeof(*p));
	trial_init(&p->t, shop, shop_func(shop, "f", shop->i32, params, NULL, 0), NULL, 0);
	p->t.call.args[0] = (uint64_t)customer;
	p->t.call.args[1] = amount;
	trial_enter(&p->t);
	p->t.call.rax = result;
	trial_leave(&p->t);
	free(trial_json(&p->t));
	p->config = (struct config_func){
		.name = (char *)"libf.so:f", .symbol = (char *)"f", .category = (char *)"F"};
	p->all = (struct config){.service = (char *)"shop"};
	p->func = (struct program_func){.config = &p->config, .shape = p->t.shape};
	p->program = (struct program){.funcs = &p->func, .funcs_cnt = 1};
	p->context = (struct package_context){.config = &p->all,
					      .program = &p->program,
					      .schema_id = "abcd",
					      .host = "here",
					      .build_id = "b1d",
					      .realtime_offset_ns = 1000000000000000000};
	assert_int_equal(recording_new(&p->recording, NULL), 0);
	p->recording->operation = p->t.call;
	p->recording->operation.func = 0;
	p->recording->operation.left_ns = 1500;
	p->recording->complete = true;
}

static bool pack(struct packed *p)
{
	struct err err = {};
	const struct package_source source = {
		.pid = 42, .number = 1, .started_ns = 5, .is_kept = p->is_kept, .draw = p->draw};
	bool keep = false;

	if (package_recording(p->recording, &p->context, &source, &keep, &err) < 0)
		fail_msg("%s", err.msg);
	return keep;
}

static void end(struct packed *p)
{
	recording_free(p->recording);
	expr_free(p->config.sampling.keep_if);
	expr_free(p->config.error_if);
	trial_release(&p->t);
}

static void the_document_says_where_and_when_it_was_recorded(void **state)
{
	struct packed p;
	char *text;

	begin(&p, *state, "acme", 7, 3);
	assert_true(pack(&p));
	assert_int_equal(strlen(p.recording->id), RECORDING_ID_LEN);
	assert_string_equal(p.recording->schema, "abcd");
	text = cJSON_PrintUnformatted(p.recording->metadata);
	assert_string_equal(
		text,
		"{\"service\":\"shop\",\"category\":\"F\",\"function\":\"libf.so:f\","
		"\"recorded_at\":\"2001-09-09T01:46:40.000000005Z\",\"duration_ns\":1500,"
		"\"build_id\":\"b1d\",\"host\":\"here\",\"pid\":42,\"complete\":true,\"schema\":\"abcd\","
		"\"user\":{}}");
	free(text);
	end(&p);
}

static void configured_metadata_is_searchable_under_user(void **state)
{
	struct named_path paths[] = {{.name = (char *)"who", .path = (char *)"customer"},
				     {.name = (char *)"status", .path = (char *)"return"}};
	struct packed p;
	char *text;

	begin(&p, *state, "acme", 7, -3);
	p.config.metadata = paths;
	p.config.metadata_cnt = 2;
	assert_true(pack(&p));
	text = cJSON_PrintUnformatted(cJSON_GetObjectItem(p.recording->metadata, "user"));
	assert_string_equal(text, "{\"who\":\"acme\",\"status\":-3}");
	free(text);
	end(&p);
}

/* @cnt calls of f as a metadata mark (what it is called is the name, the number its value), then one of f. */
static void add_marks(struct packed *p, struct program_func funcs[2], struct config_func *mark, size_t cnt)
{
	*mark = (struct config_func){.mark = PLAN_MARK_METADATA};
	funcs[0] = p->func;
	funcs[1] = (struct program_func){.config = mark, .shape = p->t.shape};
	p->program = (struct program){.funcs = funcs, .funcs_cnt = 2};
	p->recording->calls = calloc(cnt + 1, sizeof(struct call));
	for (size_t i = 0; i <= cnt; i++) {
		p->recording->calls[i] = p->t.call;
		p->recording->calls[i].func = i < cnt;
		p->recording->calls[i].seq = i + 1;
	}
	p->recording->calls_cnt = cnt + 1;
}

static void end_marked(struct packed *p)
{
	free(p->recording->calls);
	p->recording->calls = NULL;
	p->recording->calls_cnt = 0;
	end(p);
}

static void a_metadata_mark_is_metadata_and_no_call(void **state)
{
	struct named_path path = {.name = (char *)"status", .path = (char *)"return"};
	const struct {
		const char *name, *user;
	} cases[] = {{"number", "{\"number\":7,\"status\":-3}"}, {"status", "{\"status\":-3}"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct program_func funcs[2];
		struct config_func mark;
		struct packed p;
		char *text;

		begin(&p, *state, cases[i].name, 7, -3);
		p.config.metadata = &path;
		p.config.metadata_cnt = 1;
		add_marks(&p, funcs, &mark, 2);
		assert_true(pack(&p));
		text = cJSON_PrintUnformatted(cJSON_GetObjectItem(p.recording->metadata, "user"));
		assert_string_equal(text, cases[i].user);
		free(text);
		assert_int_equal(p.recording->calls_cnt, 1);
		assert_int_equal(p.recording->calls[0].func, 0);
		assert_int_equal(p.recording->calls[0].seq, 1);
		end_marked(&p);
	}
}

static void more_metadata_than_there_is_room_for_is_said(void **state)
{
	struct program_func funcs[2];
	struct config_func mark;
	struct packed p;
	char name[4001];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	begin(&p, *state, name, 7, 0);
	add_marks(&p, funcs, &mark, 40);
	assert_true(pack(&p));
	assert_false(p.recording->complete);
	assert_int_equal(p.recording->incomplete_cnt, 1);
	assert_string_equal(p.recording->incomplete[0],
			    "the program gave more than 128 KiB of metadata: not all of it is here");
	end_marked(&p);
}

static void what_the_program_keeps_is_kept_whatever_keep_if_says(void **state)
{
	struct packed p;

	begin(&p, *state, "acme", 1, -1);
	assert_int_equal(expr_parse(&p.config.sampling.keep_if, "return > 0", NULL), 0);
	assert_false(pack(&p));
	p.is_kept = true;
	assert_true(pack(&p));
	end(&p);
}

static void a_rate_at_the_end_leaves_out_what_is_not_kept(void **state)
{
	struct packed p;

	begin(&p, *state, "acme", 1, -1);
	p.config.sampling.is_at_end = true;
	p.config.sampling.rate = 0.25;
	p.draw = UINT32_MAX / 4 - 1;
	assert_true(pack(&p));
	p.draw = UINT32_MAX / 4 + 1;
	assert_false(pack(&p));
	p.is_kept = true;
	assert_true(pack(&p));
	p.is_kept = false;
	p.config.sampling.is_at_end = false; /* it has decided already */
	assert_true(pack(&p));
	end(&p);
}

static void the_name_follows_from_the_operations_number_and_the_key(void **state)
{
	unsigned long long name[2];
	char want[33];
	struct packed p;

	begin(&p, *state, "acme", 1, -1);
	p.context.name_key[0] = 5;
	p.context.name_key[1] = 6;
	pack(&p);
	plan_name(name, p.context.name_key, 1);
	snprintf(want, sizeof(want), "%016llx%016llx", name[0], name[1]);
	assert_string_equal(p.recording->id, want);
	for (unsigned i = 0; i < 128; i++) {
		const char digit[] = {want[i / 4], '\0'};

		assert_int_equal(plan_answer(name, i, 0, 0), strtoul(digit, NULL, 16) >> (3 - i % 4) & 1);
	}
	assert_true(plan_answer(name, PLAN_ASK_IS, name[0], name[1]));
	assert_false(plan_answer(name, PLAN_ASK_IS, name[1], name[0]));
	assert_true(plan_answer(name, PLAN_ASK_STATE, 0, 0));
	assert_false(plan_answer(name, 1000, 0, 0));
	end(&p);
}

static void keep_if_decides_at_the_end_and_keeps_what_it_cannot_decide(void **state)
{
	static const struct {
		const char *keep_if, *customer;
		bool keeps;
	} cases[] = {
		{"return < 0", "acme", true},
		{"return > 0", "acme", false},
		{"customer == \"acme\"", "acme", true},
		{"customer == \"acme\"", "other", false},
		{"customer == \"acme\"", (char *)0x10, true}, /* unreadable */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const cJSON *undecided;
		struct packed p;

		begin(&p, *state, cases[i].customer, 1, -1);
		assert_int_equal(expr_parse(&p.config.sampling.keep_if, cases[i].keep_if, NULL), 0);
		assert_int_equal(pack(&p), cases[i].keeps);
		undecided = cJSON_GetObjectItem(p.recording->metadata, "keep_if");
		assert_int_equal(undecided != NULL, cases[i].customer == (char *)0x10);
		end(&p);
	}
}

static void an_error_is_what_error_if_says_or_not_to_return(void **state)
{
	struct packed p;

	begin(&p, *state, "acme", 1, -1);
	assert_int_equal(expr_parse(&p.config.error_if, "return < 0", NULL), 0);
	pack(&p);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(p.recording->metadata, "error")));
	end(&p);

	begin(&p, *state, "acme", 1, 0);
	p.recording->operation.left = LEFT_UNWOUND;
	pack(&p);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(p.recording->metadata, "error")));
	end(&p);

	begin(&p, *state, "acme", 1, -1);
	pack(&p);
	assert_null(cJSON_GetObjectItem(p.recording->metadata, "error"));
	end(&p);
}

static void an_incomplete_recording_says_why(void **state)
{
	struct packed p;
	char *text;

	begin(&p, *state, "acme", 1, 0);
	assert_int_equal(recording_add_incomplete(p.recording, NULL, "3 events were lost"), 0);
	pack(&p);
	text = cJSON_PrintUnformatted(cJSON_GetObjectItem(p.recording->metadata, "incomplete"));
	assert_string_equal(text, "[\"3 events were lost\"]");
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(p.recording->metadata, "complete")));
	free(text);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_says_where_and_when_it_was_recorded),
		cmocka_unit_test(configured_metadata_is_searchable_under_user),
		cmocka_unit_test(a_metadata_mark_is_metadata_and_no_call),
		cmocka_unit_test(more_metadata_than_there_is_room_for_is_said),
		cmocka_unit_test(what_the_program_keeps_is_kept_whatever_keep_if_says),
		cmocka_unit_test(a_rate_at_the_end_leaves_out_what_is_not_kept),
		cmocka_unit_test(the_name_follows_from_the_operations_number_and_the_key),
		cmocka_unit_test(keep_if_decides_at_the_end_and_keeps_what_it_cannot_decide),
		cmocka_unit_test(an_error_is_what_error_if_says_or_not_to_return),
		cmocka_unit_test(an_incomplete_recording_says_why),
	};

	return cmocka_run_group_tests(tests, shop_setup, shop_teardown);
}
