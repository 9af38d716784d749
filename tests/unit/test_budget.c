// SPDX-License-Identifier: BSD-3-Clause
#include "loader/budget.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/program.h"
#include "lib/util.h"

#define SECOND 1000000000ull
#define FUNCS  3

static const uint32_t site_ns[SITE_CNT] = {[SITE_NOP5] = 200, [SITE_EMULATED] = 400, [SITE_STEPPED] = 16000};

struct fixture {
	struct config_func config[FUNCS]; /* two operations and an input */
	struct program_func func[FUNCS];
	struct program program;
	struct func_count counts[FUNCS];
	struct budget *budget;
	uint64_t now;
};

static void start(struct fixture *f, double share)
{
	struct budget_advice advice;

	*f = (struct fixture){.now = 5 * SECOND};
	for (int i = 0; i < FUNCS; i++) {
		f->config[i] = (struct config_func){.role = i < 2 ? ROLE_OPERATION : ROLE_INPUT,
						    .sampling.rate = i == 1 ? 0.5 : 1};
		f->func[i] = (struct program_func){.config = &f->config[i], .site.kind = SITE_EMULATED};
	}
	f->program = (struct program){.funcs = f->func, .funcs_cnt = FUNCS};
	assert_int_equal(budget_new(&f->budget, &f->program, share, site_ns, NULL), 0);
	budget_weigh(f->budget, f->counts, f->now, &advice);
	assert_int_equal(advice.kind, BUDGET_KEEP);
}

static void add(struct fixture *f, int func, uint64_t hits, uint64_t taken, uint64_t busy_ns)
{
	f->counts[func].hits += hits;
	f->counts[func].taken += taken;
	f->counts[func].busy_ns += busy_ns;
}

static struct budget_advice after_a_second(struct fixture *f)
{
	struct budget_advice advice;

	f->now += SECOND;
	budget_weigh(f->budget, f->counts, f->now, &advice);
	return advice;
}

static bool is_about(double a, double b)
{
	return fabs(a - b) < 0.02 * b;
}

static void what_is_within_the_budget_is_left_alone(void **state)
{
	struct fixture f;
	struct budget_advice advice;

	start(&f, 0.02);
	add(&f, 0, 10000, 5000, 5000 * 2000); /* 4 ms hits, 1.2 ms returns, 10 ms recording */
	advice = after_a_second(&f);
	assert_int_equal(advice.kind, BUDGET_KEEP);
	assert_true(is_about(advice.share, 0.0152));
	assert_true(is_about(budget_share(f.budget), 0.0152));
	budget_free(f.budget);
}

static void the_dearest_operation_is_sampled_more_rarely(void **state)
{
	struct fixture f;
	struct budget_advice advice;

	start(&f, 0.02);
	add(&f, 0, 1000, 1000, 2000000);
	add(&f, 1, 2000, 1000, 10000000);
	add(&f, 2, 10000, 10000, 20000000); /* the input: half of it is each operation's */
	advice = after_a_second(&f);
	assert_int_equal(advice.kind, BUDGET_RATE);
	assert_int_equal(advice.func, 1);
	assert_true(advice.share > 0.03);
	assert_true(advice.rate < 0.5 && advice.rate >= 0.05);
	budget_free(f.budget);
}

static void a_rate_is_lowered_as_far_as_the_excess_asks(void **state)
{
	struct fixture f;
	struct budget_advice advice;

	start(&f, 0.02);
	add(&f, 0, 10000, 10000, 33600000); /* 4 ms fixed, 36 ms variable: 40 of 20 */
	advice = after_a_second(&f);
	assert_int_equal(advice.kind, BUDGET_RATE);
	assert_true(is_about(advice.rate, 14.0 / 36));
	add(&f, 0, 10000, 10000 * advice.rate, 33600000 * advice.rate);
	advice = after_a_second(&f);
	assert_int_equal(advice.kind, BUDGET_KEEP);
	assert_true(is_about(advice.share, 0.018));
	budget_free(f.budget);
}

static void a_probe_that_is_too_dear_by_itself_is_taken_off_once(void **state)
{
	struct fixture f;
	struct budget_advice advice;

	start(&f, 0.02);
	f.func[2].site.kind = SITE_STEPPED;
	add(&f, 0, 1000, 1000, 1000000);
	add(&f, 2, 10000, 0, 0); /* 160 ms */
	advice = after_a_second(&f);
	assert_int_equal(advice.kind, BUDGET_UNPROBE);
	assert_int_equal(advice.func, 2);
	assert_true(is_about(advice.hits, 10000));
	assert_true(is_about(advice.cost, 0.16));
	add(&f, 0, 100000, 0, 0); /* 40 ms: this one next */
	advice = after_a_second(&f);
	assert_int_equal(advice.kind, BUDGET_UNPROBE);
	assert_int_equal(advice.func, 0);
	budget_free(f.budget);
}

static void a_lowered_rate_rises_again_up_to_the_configured_one(void **state)
{
	struct fixture f;
	struct budget_advice advice;
	double before, rate = 0;
	int rounds = 0;

	start(&f, 0.02);
	add(&f, 1, 10000, 10000, 33600000);
	before = after_a_second(&f).rate;
	assert_true(before < 0.5);
	while ((advice = after_a_second(&f)).kind == BUDGET_RATE) {
		assert_int_equal(advice.func, 1);
		assert_true(advice.rate > before);
		before = rate = advice.rate;
		assert_true(++rounds < 50);
	}
	assert_true(rate == 0.5);

	add(&f, 1, 10000, 10000, 33600000);
	assert_int_equal(after_a_second(&f).kind, BUDGET_RATE);
	budget_forget(f.budget);
	assert_int_equal(after_a_second(&f).kind, BUDGET_KEEP);
	budget_free(f.budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_within_the_budget_is_left_alone),
		cmocka_unit_test(the_dearest_operation_is_sampled_more_rarely),
		cmocka_unit_test(a_rate_is_lowered_as_far_as_the_excess_asks),
		cmocka_unit_test(a_probe_that_is_too_dear_by_itself_is_taken_off_once),
		cmocka_unit_test(a_lowered_rate_rises_again_up_to_the_configured_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
