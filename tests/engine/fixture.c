// SPDX-License-Identifier: BSD-3-Clause
#include "tests/engine/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define RAX PATCH_RESULT_RAX

char fixture_victim[PATH_MAX], fixture_engine[PATH_MAX];
struct fixture shared;

const struct kit_func fixture_funcs[FIXTURE_FUNCS] = {
	{"operation", PATCH_OPERATION, .results = RAX, .out_arg = 3, .carries = 3},
	{"price_of", PATCH_INPUT, .results = RAX, .key_args = 1},
	{"fetch", PATCH_INPUT, .results = RAX, .key_string = 1},
	{"get_reply", PATCH_INPUT, .results = RAX, .key_args = 1, .joins = 2},
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
	{"pthread_create", PATCH_STARTS, .is_import = 1},
};

void fixture_init(int argc, char **argv)
{
	assert_int_equal(argc, 3);
	snprintf(fixture_victim, sizeof(fixture_victim), "%s", argv[1]);
	snprintf(fixture_engine, sizeof(fixture_engine), "%s", argv[2]);
}

int fixture_start(struct fixture *f, const struct kit_func *table, size_t cnt, unsigned ready_main,
		  const char *how, struct err *err)
{
	char *const args[] = {(char *)how, "/tmp", NULL};
	const struct server_opts opts = {
		.exe = fixture_victim,
		.engine = fixture_engine,
		.args = args,
		.ready_timeout_ms = strcmp(how, "hang") ? 0 : 300,
		.cpu = -1,
	};
	struct server_opts with_patch = opts;

	memset(f, 0, sizeof(*f));
	buf_init(&f->data, FIXTURE_CASE_MAX);
	kit_patch_init(&f->patch, fixture_victim, table, cnt, ready_main);
	with_patch.patch = f->patch.file.data;
	with_patch.patch_len = f->patch.file.len;
	return server_start(&f->server, &with_patch, err);
}

void fixture_stop(struct fixture *f)
{
	server_stop(f->server);
	kit_patch_release(&f->patch);
	buf_release(&f->data);
}

void fixture_start_or_fail(struct fixture *f, const char *how)
{
	struct err err = {};

	if (fixture_start(f, fixture_funcs, FIXTURE_FUNCS, 0, how, &err))
		fail_msg("%s (%s)", err.msg, err.hint);
}

void fixture_run(struct fixture *f, const struct kit_case *made)
{
	struct err err = {};

	kit_case_write(&f->data, made, &f->patch);
	if (server_run(f->server, f->data.data, f->data.len, FIXTURE_TIMEOUT_MS, f->how, &f->result, &err))
		fail_msg("%s (%s)", err.msg, err.hint);
	f->outcome = f->result.outcome;
}

const struct outcome_event *fixture_last(const struct fixture *f)
{
	return kit_event(f->outcome, f->outcome->events_cnt - 1);
}

void fixture_assert_done(const struct fixture *f, long result)
{
	if (f->outcome->end != OUTCOME_DONE)
		fail_msg("ended with %u, number %d, func %d: %s; said: %s", f->outcome->end,
			 f->outcome->number, f->outcome->func, f->outcome->text, f->result.said);
	assert_int_equal(f->result.wait_status, 0);
	assert_int_equal(fixture_last(f)->kind, OUTCOME_RETURN);
	assert_int_equal((long)fixture_last(f)->regs[0], result);
}

void fixture_assert_nothing_real(const struct fixture *f)
{
	assert_string_equal(f->result.said, "");
}

int fixture_setup(void **state)
{
	fixture_start_or_fail(&shared, "accept");
	return 0;
}

int fixture_teardown(void **state)
{
	fixture_stop(&shared);
	return 0;
}
