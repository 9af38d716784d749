// SPDX-License-Identifier: BSD-3-Clause
/*
 * What was captured is rebuilt elsewhere in this process, and captured again: both must read the same, in
 * other memory.
 */
#include "replay/rebuild.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/rule.h"
#include "lib/util.h"
#include "lib/value.h"
#include "replay/notes.h"
#include "replay/target/patch.h"
#include "tests/support/made.h"
#include "tests/support/shop.h"
#include "tests/support/trial.h"

#define ADDR(x)	   ((uint64_t)(x))
#define ALLOCS_MAX 64

/* --- the target's side: SERVE_* run in this process --- */

struct machine {
	uint64_t v[PATCH_SERVE_VALUES], shared[64], args[ABI_GPRS], rax;
	void *allocs[ALLOCS_MAX];
	size_t allocs_cnt;
};

static void alloc(struct machine *m, const struct serve_op *op)
{
	assert_true(m->allocs_cnt < ALLOCS_MAX);
	m->allocs[m->allocs_cnt] = calloc(1, op->len ? op->len : 1);
	m->v[op->dst] = ADDR(m->allocs[m->allocs_cnt++]);
}

static void step(struct machine *m, const struct serve_op *op, const uint8_t *data)
{
	switch (op->kind) {
	case SERVE_ALLOC:
		return alloc(m, op);
	case SERVE_WRITE:
		memcpy((void *)(m->v[op->dst] + op->off), data + op->data, op->len);
		return;
	case SERVE_POINTER:
		*(uint64_t *)(m->v[op->dst] + op->off) = m->v[op->src] ? m->v[op->src] + op->data : 0;
		return;
	case SERVE_FOLLOW:
		m->v[op->dst] = *(uint64_t *)(m->v[op->src] + op->off);
		return;
	case SERVE_ADD:
		m->v[op->dst] = m->v[op->src] + op->off;
		return;
	case SERVE_SHARE:
		m->shared[op->data] = m->v[op->dst];
		return;
	case SERVE_SHARED:
		m->v[op->dst] = m->shared[op->data];
		return;
	default:
		fail_msg("op %u", op->kind);
	}
}

static void run(struct machine *m, const struct rebuild *rebuild)
{
	const struct serve_op *ops = (void *)rebuild->ops.data;

	for (size_t i = rebuild->ops_done; i < rebuild->ops.len / sizeof(*ops); i++)
		step(m, &ops[i], rebuild->data.data);
}

static void machine_release(struct machine *m)
{
	for (size_t i = 0; i < m->allocs_cnt; i++)
		free(m->allocs[i]);
}

/* --- the driver's side --- */

struct bench {
	struct trial t;
	struct rebuild rebuild;
	struct notes notes;
	struct err err;
	struct machine machine;
};

static void begin(struct bench *b, struct shop *shop, int result, const struct shop_param *params,
		  const struct rule *rules, size_t cnt)
{
	memset(b, 0, sizeof(*b));
	trial_init(&b->t, shop, shop_func(shop, "f", result, params, rules, cnt), NULL, 0);
	notes_init(&b->notes);
	rebuild_init(&b->rebuild, NULL, 1 << 20, &b->notes, &b->err);
}

static void end(struct bench *b)
{
	machine_release(&b->machine);
	rebuild_release(&b->rebuild);
	notes_release(&b->notes);
	trial_release(&b->t);
}

/* Capture the call with @args, decode it, and rebuild its arguments; the new ones replace @args. */
static int rebuild_args(struct bench *b, uint64_t *args, size_t cnt, char **recorded)
{
	memcpy(b->t.call.args, args, cnt * sizeof(*args));
	trial_enter(&b->t);
	trial_leave(&b->t);
	*recorded = trial_json(&b->t);
	rebuild_begin(&b->rebuild, b->t.shape, b->t.shape, NULL, NULL);
	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(rebuild_know(&b->rebuild, b->t.values.args[i], b->t.shape->params[i].node),
				 0);
	for (size_t i = 0; i < cnt; i++) {
		struct rebuild_value value = {};
		int r = rebuild_value(&b->rebuild, &value, b->t.values.args[i], b->t.shape->params[i].node);

		if (r < 0)
			return r;
		run(&b->machine, &b->rebuild);
		b->rebuild.ops_done = b->rebuild.ops.len / sizeof(struct serve_op);
		memcpy(&args[i], value.bytes, 8);
		for (size_t k = 0; k < value.slots_cnt; k++)
			args[i] = b->machine.v[value.slots[k].reg];
	}
	return 0;
}

/* The same function, called with the rebuilt arguments. */
static void assert_reads_the_same(struct bench *b, struct shop *shop, size_t func, const uint64_t *args,
				  size_t cnt, const char *recorded)
{
	struct trial again;
	char *got;

	trial_init(&again, shop, func, NULL, 0);
	memcpy(again.call.args, args, cnt * sizeof(*args));
	trial_enter(&again);
	trial_leave(&again);
	got = trial_json(&again);
	assert_string_equal(got, recorded);
	free(got);
	trial_release(&again);
}

static struct rule count_rule(const char *path, const char *count)
{
	return (struct rule){.path = (char *)path, .count_text = (char *)count};
}

static struct order example(struct line lines[2], struct order *next)
{
	lines[0] = (struct line){11, "eleven", 1100};
	lines[1] = (struct line){12, NULL, 1200};
	return (struct order){.id = 7,
			      .lines_cnt = 2,
			      .mode = 5,
			      .tags_cnt = 3,
			      .is_paid = true,
			      .lines = lines,
			      .code = "AB-12",
			      .customer = "acme",
			      .next = next,
			      .priv = (void *)0x1234,
			      .color = GREEN,
			      .total = 12.5,
			      .u.word = 0xdeadbeef,
			      .x = -1,
			      .y = 2};
}

static void a_graph_reads_the_same_where_it_was_rebuilt(void **state)
{
	struct shop *shop = *state;
	const struct rule rules[] = {count_rule("o->lines", "o->lines_cnt")};
	struct order next = {.id = 8, .customer = "next"}, order;
	uint64_t args[] = {ADDR(&order), -5};
	const uint64_t was = args[0];
	struct line lines[2];
	struct bench b;
	char *recorded;

	order = example(lines, &next);
	begin(&b, shop, 0, (struct shop_param[]){{"o", shop_ptr(shop, shop->order)}, {"n", shop->i32}, {}},
	      rules, 1);
	assert_int_equal(rebuild_args(&b, args, 2, &recorded), 0);
	assert_int_not_equal(args[0], was);
	assert_int_equal((int32_t)args[1], -5);
	memset(&order, 0xee, sizeof(order));
	memset(lines, 0xee, sizeof(lines));
	assert_reads_the_same(&b, shop, schema_funcs_cnt(shop->schema) - 1, args, 2, recorded);
	free(recorded);
	end(&b);
}

static void an_object_that_was_met_twice_is_one_object_again(void **state)
{
	struct shop *shop = *state;
	struct order order = {.id = 1};
	uint64_t args[] = {ADDR(&order), ADDR(&order)};
	struct bench b;
	char *recorded;

	order.next = &order;
	begin(&b, shop, 0,
	      (struct shop_param[]){
		      {"a", shop_ptr(shop, shop->order)}, {"b", shop_ptr(shop, shop->order)}, {}},
	      NULL, 0);
	assert_int_equal(rebuild_args(&b, args, 2, &recorded), 0);
	assert_int_equal(args[0], args[1]);
	assert_ptr_equal(((struct order *)args[0])->next, args[0]);
	free(recorded);
	end(&b);
}

static void a_handle_and_null_keep_their_numbers(void **state)
{
	struct shop *shop = *state;
	uint64_t args[] = {0x1234, 0};
	struct bench b;
	char *recorded;

	begin(&b, shop, 0, (struct shop_param[]){{"h", shop->vptr}, {"s", shop->cptr}, {}}, NULL, 0);
	assert_int_equal(rebuild_args(&b, args, 2, &recorded), 0);
	assert_int_equal(args[0], 0x1234);
	assert_int_equal(args[1], 0);
	free(recorded);
	end(&b);
}

static void text_that_was_cut_is_refused_and_says_what_to_raise(void **state)
{
	struct shop *shop = *state;
	const struct rule rules[] = {{.path = (char *)"s", .max = 4}};
	uint64_t args[] = {ADDR("longer than four")};
	struct bench b;
	char *recorded;

	begin(&b, shop, 0, (struct shop_param[]){{"s", shop->cptr}, {}}, rules, 1);
	assert_int_equal(rebuild_args(&b, args, 1, &recorded), -EUNATCH);
	assert_string_equal(b.err.msg, "'s' was cut by a limit when it was recorded: raise its \"max\"");
	free(recorded);
	end(&b);
}

static void a_pointer_to_memory_that_nobody_could_read_keeps_its_number(void **state)
{
	struct shop *shop = *state;
	uint64_t args[] = {0x10};
	struct bench b;
	char *recorded;

	begin(&b, shop, 0, (struct shop_param[]){{"o", shop_cptr(shop, shop->line)}, {}}, NULL, 0);
	assert_int_equal(rebuild_args(&b, args, 1, &recorded), 0);
	assert_int_equal(args[0], 0x10);
	free(recorded);
	end(&b);
}

static void what_a_limit_kept_out_is_refused_with_the_reason(void **state)
{
	const struct value value = {.kind = VALUE_UNAVAILABLE,
				    .name = "s",
				    .bits = 0x1000,
				    .text = "too much",
				    .is_limited = true};
	struct rebuild_value rebuilt = {};
	struct shop *shop = *state;
	struct bench b;

	begin(&b, shop, 0, (struct shop_param[]){{"s", shop->cptr}, {}}, NULL, 0);
	rebuild_begin(&b.rebuild, b.t.shape, b.t.shape, NULL, NULL);
	assert_int_equal(rebuild_value(&b.rebuild, &rebuilt, &value, b.t.shape->params[0].node), -EUNATCH);
	assert_string_equal(b.err.msg, "'s' was not captured: too much");
	end(&b);
}

/* --- numbers that became a bool --- */

static int rebuild_bool(struct bench *b, struct shop *shop, const struct value *value, uint8_t *out)
{
	struct rebuild_value rebuilt = {};
	int r;

	begin(b, shop, 0, (struct shop_param[]){{"on", shop->boolean}, {}}, NULL, 0);
	rebuild_begin(&b->rebuild, b->t.shape, b->t.shape, NULL, NULL);
	r = rebuild_value(&b->rebuild, &rebuilt, value, b->t.shape->params[0].node);
	*out = rebuilt.bytes[0];
	return r;
}

static void an_integer_becomes_a_bool_as_c_converts_it(void **state)
{
	static const struct {
		uint64_t bits;
		uint8_t size, want;
		bool is_noted;
	} cases[] = {{0, 4, 0},	      {1, 4, 1},	 {2, 4, 1, true},
		     {2, 1, 1, true}, {256, 4, 1, true}, {-1ull, 8, 1, true}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct value value = {.kind = VALUE_INT,
					    .name = "on",
					    .size = cases[i].size,
					    .is_signed = true,
					    .bits = cases[i].bits};
		struct bench b;
		uint8_t got;

		assert_int_equal(rebuild_bool(&b, *state, &value, &got), 0);
		assert_int_equal(got, cases[i].want);
		assert_int_equal(b.notes.cnt, cases[i].is_noted);
		if (cases[i].is_noted)
			assert_string_equal(
				b.notes.text[0],
				"'on' is a bool in this build: recorded numbers other than 0 are true");
		end(&b);
	}
}

static void an_enumerator_that_is_no_bool_is_refused(void **state)
{
	const struct value value = {.kind = VALUE_ENUM, .name = "on", .size = 4, .bits = 2, .text = "MID"};
	struct bench b;
	uint8_t got;

	assert_int_equal(rebuild_bool(&b, *state, &value, &got), -EUNATCH);
	assert_string_equal(b.err.msg, "'on' is neither true nor false in this build");
	end(&b);
}

static void a_bool_that_was_none_keeps_its_byte(void **state)
{
	const struct value value = {.kind = VALUE_BOOL, .name = "on", .size = 1, .bits = 2};
	struct bench b;
	uint8_t got;

	assert_int_equal(rebuild_bool(&b, *state, &value, &got), 0);
	assert_int_equal(got, 2);
	end(&b);
}

/* --- what flows out through live memory --- */

/* Run f on @live as recorded: @change stands for what the real function did. Then serve the record to
 * @served. */
static void serve_out(struct bench *b, struct order *live, struct order *served,
		      void (*change)(struct order *))
{
	const struct value *args[ABI_PARAMS_MAX], *out[ABI_PARAMS_MAX];

	b->t.call.args[0] = ADDR(live);
	trial_enter(&b->t);
	change(live);
	trial_leave(&b->t);
	free(trial_json(&b->t)); /* decodes */
	memcpy(args, b->t.values.args, sizeof(args));
	memcpy(out, b->t.values.out, sizeof(out));
	rebuild_begin(&b->rebuild, b->t.shape, b->t.shape, args, out);
	assert_int_equal(rebuild_know(&b->rebuild, out[0], b->t.shape->params[0].node), 0);
	assert_int_equal(rebuild_know(&b->rebuild, args[0], b->t.shape->params[0].node), 0);
	if (rebuild_through(&b->rebuild, 0, b->t.values.out[0], b->t.values.args[0],
			    b->t.shape->params[0].node) < 0)
		fail_msg("%s", b->err.msg);
	b->machine.v[0] = ADDR(served);
	run(&b->machine, &b->rebuild);
}

static void begin_order(struct bench *b, struct shop *shop)
{
	const struct rule rules[] = {count_rule("o->lines", "o->lines_cnt")};

	begin(b, shop, 0, (struct shop_param[]){{"o", shop_ptr(shop, shop->order)}, {}}, rules, 1);
}

static void pay(struct order *order)
{
	order->is_paid = true;
	order->lines[1].price = 999;
	order->total = 1.5;
}

static void a_pointer_that_did_not_change_is_followed_in_live_memory(void **state)
{
	struct line lines[2], served_lines[2];
	struct order live = example(lines, NULL), served = example(served_lines, NULL);
	struct bench b;

	live.is_paid = served.is_paid = false;
	begin_order(&b, *state);
	serve_out(&b, &live, &served, pay);
	assert_ptr_equal(served.lines, served_lines);
	assert_true(served.is_paid);
	assert_int_equal(served_lines[1].price, 999);
	assert_true(served.total == 1.5);
	end(&b);
}

static void grow(struct order *order)
{
	static struct line more[3] = {{21, "a", 1}, {22, "b", 2}, {23, "c", 3}};

	order->lines = more;
	order->lines_cnt = 3;
	order->customer = NULL;
}

static void a_pointer_that_changed_leads_to_new_memory(void **state)
{
	struct line lines[2], served_lines[2];
	struct order live = example(lines, NULL), served = example(served_lines, NULL);
	struct bench b;

	begin_order(&b, *state);
	serve_out(&b, &live, &served, grow);
	assert_ptr_not_equal(served.lines, served_lines);
	assert_int_equal(served.lines_cnt, 3);
	assert_int_equal(served.lines[2].sku, 23);
	assert_string_equal(served.lines[2].name, "c");
	assert_null(served.customer);
	assert_int_equal(served_lines[0].sku, 11);
	end(&b);
}

static void link_itself(struct order *order)
{
	order->next = order;
}

static void a_pointer_to_a_live_argument_leads_there(void **state)
{
	struct line lines[2], served_lines[2];
	struct order live = example(lines, NULL), served = example(served_lines, NULL);
	struct bench b;

	begin_order(&b, *state);
	serve_out(&b, &live, &served, link_itself);
	assert_ptr_equal(served.next, &served);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_graph_reads_the_same_where_it_was_rebuilt),
		cmocka_unit_test(an_object_that_was_met_twice_is_one_object_again),
		cmocka_unit_test(a_handle_and_null_keep_their_numbers),
		cmocka_unit_test(text_that_was_cut_is_refused_and_says_what_to_raise),
		cmocka_unit_test(a_pointer_to_memory_that_nobody_could_read_keeps_its_number),
		cmocka_unit_test(what_a_limit_kept_out_is_refused_with_the_reason),
		cmocka_unit_test(an_integer_becomes_a_bool_as_c_converts_it),
		cmocka_unit_test(an_enumerator_that_is_no_bool_is_refused),
		cmocka_unit_test(a_bool_that_was_none_keeps_its_byte),
		cmocka_unit_test(a_pointer_that_did_not_change_is_followed_in_live_memory),
		cmocka_unit_test(a_pointer_that_changed_leads_to_new_memory),
		cmocka_unit_test(a_pointer_to_a_live_argument_leads_there),
	};

	return cmocka_run_group_tests(tests, shop_setup, shop_teardown);
}
