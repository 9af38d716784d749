// SPDX-License-Identifier: BSD-3-Clause
/*
 * Floating-point registers: every value that was recorded is the program's, to the bit, or is unavailable;
 * and what was recorded replays. The calibration is included, so that it can be given flags that it did not
 * find.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "loader/fpregs.c"

#include "lib/cassette.h"
#include "lib/lookup.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/schema.h"
#include "lib/store.h"
#include "lib/value.h"
#include "tests/integration/victims/floats.h"
#include "tests/support/command.h"

#define THREADS	   4
#define EACH	   250
#define OPERATIONS (THREADS * EACH)
#define TIMEOUT_S  240
#define CALLS	   11 /* of an operation, itself included */

static const char config[] = "{\"service\": \"floats\", \"operations\": {\"op_float\": {}}, \"inputs\": {"
			     "\"in_scale\": {}, \"in_narrow\": {}, \"in_mixed\": {}, \"in_pair\": {}, "
			     "\"in_many\": {}, \"in_wide\": {}, \"in_complex\": {}, \"in_wide_complex\": {}, "
			     "\"in_text\": {\"args\": {\"return.s\": {\"string\": true}}}, "
			     "\"in_nothing\": {}}, \"outputs\": {\"out_put\": {}}}";

/* --- the calibration --- */

static void run_apart(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fn, arg), 0);
	pthread_join(thread, NULL);
}

static void the_flag_is_found_and_the_same_each_time(void **state)
{
	struct fpregs *first = NULL, *second = NULL;
	struct err err = {};

	if (fpregs_start(&first, &err) || fpregs_start(&second, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(__builtin_popcountll(fpregs_flag(first)), 1);
	assert_true(fpregs_flag(first) == fpregs_flag(second));
	print_message("  flag 0x%llx, %u ns a side\n", (unsigned long long)fpregs_flag(first),
		      fpregs_cost_ns(first));
	fpregs_stop(first);
	fpregs_stop(second);
}

struct trial {
	struct fpregs *fpregs;
	struct fpregs_bpf *skel;
	uint64_t right, passed; /* flags */
	unsigned read;		/* registers read by any wrong one */
};

static void *try_flags(void *arg)
{
	struct trial *t = arg;
	autoclose int link = -1;

	leave_rseq();
	link = probe(t->skel, NULL);
	for (int bit = 0; link >= 0 && bit < 64; bit++) {
		struct fpregs wrong = {.flag = 1ull << bit};

		if (verify(&wrong, t->skel, NULL) == 0)
			t->passed |= wrong.flag;
	}
	return NULL;
}

static void no_other_flag_passes_for_it(void **state)
{
	struct trial t = {.skel = fpregs_bpf__open()};
	struct err err = {};

	if (fpregs_start(&t.fpregs, &err) || load(t.skel, t.fpregs, &err) ||
	    fpregs_hand_down(t.fpregs, bpf_map__fd(t.skel->maps.kicks), &err))
		fail_msg("%s", err.msg);
	run_apart(try_flags, &t);
	assert_true(t.passed == fpregs_flag(t.fpregs));
	fpregs_bpf__destroy(t.skel);
	fpregs_stop(t.fpregs);
}

/* Nobody to switch to: the registers stay in the processor, and what lies in memory is an earlier call's. */
static void *try_unkicked(void *arg)
{
	struct trial *t = arg;
	autoclose int link = probe(t->skel, NULL);
	struct known known;

	t->skel->bss->fp_flag = t->right;
	for (int i = 0; link >= 0 && i < ROUNDS; i++) {
		fill(&known, false);
		memset(&t->skel->bss->verified, 0, sizeof(t->skel->bss->verified));
		fpregs_pass(&known);
		t->read += t->skel->bss->verified.is_there;
		t->passed += t->skel->bss->verified.is_there && !is_known(&t->skel->bss->verified, &known);
	}
	return NULL;
}

static void without_the_threads_nothing_is_read_rather_than_what_was_there_before(void **state)
{
	struct trial t = {.skel = fpregs_bpf__open()};
	struct err err = {};

	if (fpregs_start(&t.fpregs, &err) || load(t.skel, t.fpregs, &err))
		fail_msg("%s", err.msg);
	t.right = fpregs_flag(t.fpregs);
	run_apart(try_unkicked, &t);
	assert_int_equal(t.passed, 0);
	assert_in_range(t.read, 0, ROUNDS / 2);
	fpregs_bpf__destroy(t.skel);
	fpregs_stop(t.fpregs);
}

/* --- every value of a recording --- */

struct tally {
	struct store *store;
	size_t recordings;
	unsigned long right, unread;
	size_t calls_seen;
};

/* @value is @want, or could not be read. */
static void hold(struct tally *tally, const struct value *value, const void *want, size_t len)
{
	autofree char *path = NULL;

	assert_non_null(value);
	if (value->kind == VALUE_UNAVAILABLE && value->is_unread) {
		assert_string_equal(value->text, "the floating-point registers could not be read");
		tally->unread++;
		return;
	}
	path = value_path(value);
	if (value->kind == VALUE_UNAVAILABLE)
		fail_msg("'%s' is unavailable: %s", path, value->text);
	assert_int_equal(value->kind, VALUE_FLOAT);
	if (memcmp(value->bytes, want, len))
		fail_msg("'%s' is wrong", path);
	tally->right++;
}

static void hold_double(struct tally *tally, const struct value *value, double want)
{
	hold(tally, value, &want, sizeof(want));
}

static void hold_float(struct tally *tally, const struct value *value, float want)
{
	hold(tally, value, &want, sizeof(want));
}

static void hold_wide(struct tally *tally, const struct value *value, long double want)
{
	hold(tally, value, &want, ST0_BYTES);
}

/* Integers never lay in such a register. */
static void hold_int(const struct value *value, int64_t want)
{
	assert_int_equal(value->kind, VALUE_INT);
	assert_int_equal((int64_t)value->bits, want);
}

static void hold_mixed(struct tally *tally, const struct value *value, struct mixed want)
{
	assert_int_equal(value->kind, VALUE_STRUCT);
	hold_double(tally, value->child[0], want.d);
	hold_int(value->child[1], want.n);
}

static void hold_pair(struct tally *tally, const struct value *value, struct pair want)
{
	assert_int_equal(value->kind, VALUE_STRUCT);
	hold_float(tally, value->child[0], want.x);
	hold_float(tally, value->child[1], want.y);
}

static void is_scale(struct tally *t, const struct values *v, int n)
{
	hold_double(t, v->args[0], double_of(n, 31));
	hold_int(v->args[1], n);
	hold_float(t, v->args[2], float_of(n, 24));
	hold_double(t, v->result, double_of(n, 0));
}

static void is_narrow(struct tally *t, const struct values *v, int n)
{
	hold_float(t, v->args[0], float_of(n, 24));
	hold_float(t, v->result, float_of(n, 1));
}

static void is_mixed(struct tally *t, const struct values *v, int n)
{
	hold_int(v->args[0], n);
	hold_mixed(t, v->args[1], mixed_of(n, 22));
	hold_mixed(t, v->result, mixed_of(n, 2));
}

static void is_pair(struct tally *t, const struct values *v, int n)
{
	hold_pair(t, v->args[0], pair_of(n, 23));
	hold_int(v->args[1], n);
	hold_pair(t, v->result, pair_of(n, 3));
}

static void is_many(struct tally *t, const struct values *v, int n)
{
	for (int i = 0; i < 9; i++)
		hold_double(t, v->args[i], double_of(n, 11 + i));
	hold_int(v->args[9], n);
	hold_float(t, v->args[10], float_of(n, 20));
	hold_double(t, v->result, double_of(n, 4));
}

static void is_wide(struct tally *t, const struct values *v, int n)
{
	hold_wide(t, v->args[0], wide_of(n, 25));
	hold_double(t, v->args[1], double_of(n, 28));
	hold_wide(t, v->result, wide_of(n, 5));
}

static void is_complex(struct tally *t, const struct values *v, int n)
{
	hold_double(t, v->args[1]->child[0], double_of(n, 26));
	hold_double(t, v->args[1]->child[1], double_of(n, 27));
	hold_double(t, v->result->child[0], double_of(n, 6));
	hold_double(t, v->result->child[1], double_of(n, 7));
}

static void is_wide_complex(struct tally *t, const struct values *v, int n)
{
	hold_wide(t, v->result->child[0], wide_of(n, 8));
	hold_wide(t, v->result->child[1], wide_of(n, 9));
}

static void is_text(struct tally *t, const struct values *v, int n)
{
	hold_double(t, v->args[0], double_of(n, 30));
	assert_string_equal(v->result->child[0]->child[0]->bytes, n % 2 ? "odd" : "even");
	hold_double(t, v->result->child[1], double_of(n, 10));
}

static void is_nothing(struct tally *t, const struct values *v, int n)
{
	hold_double(t, v->args[0], 0);
	hold_double(t, v->result, 0);
}

static void is_put(struct tally *t, const struct values *v, int n)
{
	hold_double(t, v->args[0], double_of(n, 0));
	hold_mixed(t, v->args[1], (struct mixed){double_of(n, 4), n});
	hold_float(t, v->args[2], float_of(n, 24));
	hold_int(v->args[3], n);
	assert_null(v->result);
}

static const struct {
	const char *function;
	void (*check)(struct tally *tally, const struct values *values, int number);
} checks[] = {
	{"in_scale", is_scale},	    {"in_narrow", is_narrow},
	{"in_mixed", is_mixed},	    {"in_pair", is_pair},
	{"in_many", is_many},	    {"in_wide", is_wide},
	{"in_complex", is_complex}, {"in_wide_complex", is_wide_complex},
	{"in_text", is_text},	    {"in_nothing", is_nothing},
	{"out_put", is_put},
};

static void decode(struct tally *tally, struct values *out, const struct schema *schema,
		   const struct call *call, struct pool *pool)
{
	const struct shape *shape;
	struct err err = {};

	if (store_shape(tally->store, schema, call->func, &shape, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(call->left, LEFT_RETURN);
	assert_int_equal(values_decode(out, shape, call, pool), 0);
}

static void check_call(struct tally *tally, const struct schema *schema, const struct call *call, int number)
{
	auto_pool struct pool *pool = pool_new();
	const char *name = schema_func(schema, call->func)->name;
	struct values values;

	decode(tally, &values, schema, call, pool);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		if (strcmp(checks[i].function, name))
			continue;
		checks[i].check(tally, &values, number);
		tally->calls_seen++;
		return;
	}
	fail_msg("'%s' was recorded", name);
}

static int read_one(const struct found *found, void *ctx)
{
	struct tally *tally = ctx;
	auto_recording struct recording *recording = NULL;
	auto_pool struct pool *pool = pool_new();
	const struct schema *schema;
	struct values values;
	struct err err = {};
	int number;

	if (store_get(tally->store, &found->key, &recording, &schema, &err))
		fail_msg("%s", err.msg);
	decode(tally, &values, schema, &recording->operation, pool);
	number = (int)values.args[0]->bits;
	hold_double(tally, values.args[1], double_of(number, 31));
	hold_float(tally, values.args[2], float_of(number, 24));
	hold_double(tally, values.result, double_of(number, 0));
	for (size_t i = 0; i < recording->calls_cnt; i++)
		check_call(tally, schema, &recording->calls[i], number);
	tally->recordings++;
	return 0;
}

static struct tally read_all(const char *url)
{
	auto_cassette struct cassette *cassette = NULL;
	auto_store struct store *store = NULL;
	struct lookup lookup = {.with_incomplete = true};
	struct tally tally = {};
	struct err err = {};

	assert_int_equal(cassette_open(&cassette, url, false, &err), 0);
	assert_int_equal(store_new(&store, cassette, &err), 0);
	tally.store = store;
	assert_int_equal(lookup_each(cassette, &lookup, NULL, read_one, &tally, &err), 0);
	return tally;
}

/* --- recording and replaying --- */

static const char *victim(const char *name)
{
	return command_text("%s/tests/integration/victims/%s", command_build(), name);
}

static const char *tapedeck(void)
{
	return command_text("%s/tapedeck", command_build());
}

static const char *config_file(void)
{
	return command_text("%s/floats.json", command_folder());
}

static void write_config(const char *json)
{
	FILE *out = fopen(config_file(), "w");

	assert_non_null(out);
	fputs(json, out);
	fclose(out);
}

/* The URL of the tape. */
static const char *record(const char *build, const char *tape, const char *threads, const char *each,
			  const char *how)
{
	const char *url = command_text("file:%s/%s", command_folder(), tape);
	autofree char *said = NULL;
	struct command command;

	write_config(config);
	command_must(&command,
		     ARGV(tapedeck(), "record", "-c", config_file(), "--to", url, "--ring-size", "64M",
			  how ? how : "--json", "--", victim(build), threads, each),
		     0, TIMEOUT_S);
	said = command_file(command.err);
	/* The program checks its own numbers. */
	assert_non_null(strstr(said, "the command ended with status 0"));
	return url;
}

static void replay(const char *build, const char *url, int status, const char *want)
{
	autofree char *said = NULL;
	struct command command;

	command_must(&command, ARGV(tapedeck(), "equalize", "-c", config_file(), "--exe", victim(build), url),
		     status, TIMEOUT_S);
	said = command_file(command.out);
	if (!strstr(said, want))
		fail_msg("not '%s': %s", want, said);
}

static void check_tape(const char *build, const char *how)
{
	char name[64];
	struct tally tally;
	double share;

	snprintf(name, sizeof(name), "%s%s", build, how ? how : "");
	tally = read_all(record(build, name, "4", "250", how));
	assert_int_equal(tally.recordings, OPERATIONS);
	assert_int_equal(tally.calls_seen, OPERATIONS * CALLS);
	share = 100.0 * tally.right / (tally.right + tally.unread);
	print_message("  %s: %lu values right, %lu unavailable: %.2f %%\n", name, tally.right, tally.unread,
		      share);
	assert_true(share > 50); /* on an idle machine 99 and more */
}

static void every_value_is_right_or_unavailable(void **state)
{
	check_tape("floats-O0", NULL);
	check_tape("floats-O2", NULL);
}

static void so_it_is_with_two_links(void **state)
{
	check_tape("floats-O2", "--two-links");
}

/* On a busy machine some values may not be there, and what needs them cannot replay: then another tape. */
static void what_was_recorded_replays_in_another_build(void **state)
{
	static const char *const tapes[] = {"replayed", "again", "and-again"};
	const char *url = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(tapes); i++) {
		url = record("floats-O0", tapes[i], "0", "300", NULL);
		if (!read_all(url).unread)
			break;
	}
	replay("floats-O0", url, 0, "300 equal");
	replay("floats-O2", url, 0, "300 equal");
	replay("floats-regressed", url, 1, "200 equal, 100 different");
}

static const char *record_unread(const char *tape)
{
	const char *url = command_text("file:%s/%s", command_folder(), tape);
	autofree char *said = NULL;
	struct command command;

	command_must(&command,
		     ARGV("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice", tapedeck(),
			  "record", "-c", config_file(), "--to", url, "--", victim("floats-O2"), "0", "20"),
		     0, TIMEOUT_S);
	said = command_file(command.err);
	assert_non_null(strstr(said,
			       "values in floating-point registers are not available: no permission for "
			       "real-time priority (CAP_SYS_NICE)"));
	return url;
}

static void a_user_without_real_time_priority_gets_no_number(void **state)
{
	const char *url;
	struct tally tally;

	write_config(config);
	url = record_unread("unread");
	tally = read_all(url);
	assert_int_equal(tally.recordings, 20);
	/* What lay on the stack: a long double, and a double, and a float. */
	assert_int_equal(tally.right, 20 * 3);
	assert_true(tally.unread > 20 * 30);
	replay("floats-O2", url, 1, "'a' was not captured: the floating-point registers could not be read");
	replay("floats-O2", url, 1, "20 equalizer_failure");
}

/* The result could not be read: whether the replay's is the same nobody knows. */
static void what_could_not_be_read_is_neither_equal_nor_different(void **state)
{
	const char *url;

	write_config("{\"operations\": {\"in_wide_complex\": {}}}");
	url = record_unread("unread-result");
	replay("floats-O2", url, 1,
	       "'return.real' cannot be compared: when it was recorded the floating-point "
	       "registers could not be read");
	replay("floats-O2", url, 1, "20 equalizer_failure");
}

static int cleanup(void **state)
{
	command_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_flag_is_found_and_the_same_each_time),
		cmocka_unit_test(no_other_flag_passes_for_it),
		cmocka_unit_test(without_the_threads_nothing_is_read_rather_than_what_was_there_before),
		cmocka_unit_test(every_value_is_right_or_unavailable),
		cmocka_unit_test(so_it_is_with_two_links),
		cmocka_unit_test(what_was_recorded_replays_in_another_build),
		cmocka_unit_test(a_user_without_real_time_priority_gets_no_number),
		cmocka_unit_test(what_could_not_be_read_is_neither_equal_nor_different),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
