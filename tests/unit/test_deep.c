// SPDX-License-Identifier: BSD-3-Clause
/* Lists, trees and graphs: captured by a list of work, from this process's own memory. */
#include "lib/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/plan.h"
#include "lib/planner.h"
#include "lib/util.h"
#include "replay/target/capture.h"
#include "tests/support/shop.h"
#include "tests/support/trial.h"

#define ADDR(x) ((uint64_t)(x))

struct tree {
	uint64_t key;
	struct tree *left, *right;
};

/* f(const struct tree *t, const struct tree *u), both of @depth. */
static size_t tree_func(struct shop *s, int depth)
{
	struct rule rules[] = {{.path = "t", .depth = depth}, {.path = "u", .depth = depth}};
	int tree = btf__add_struct(s->btf, "tree", sizeof(struct tree));

	/* The pointer to it comes next. */
	btf__add_field(s->btf, "key", s->u64, 0, 0);
	btf__add_field(s->btf, "left", tree + 1, 64, 0);
	btf__add_field(s->btf, "right", tree + 1, 128, 0);
	assert_int_equal(btf__add_ptr(s->btf, tree), tree + 1);
	return shop_func(s, "f", 0,
			 (struct shop_param[]){{"t", shop_cptr(s, tree)}, {"u", shop_cptr(s, tree)}, {}},
			 rules, 2);
}

static void enter(struct trial *t, struct shop *s, int depth, const struct tree *one, const struct tree *two)
{
	trial_init(t, s, tree_func(s, depth), NULL, 0);
	t->call.args[0] = ADDR(one);
	t->call.args[1] = ADDR(two);
	trial_enter(t);
	trial_leave(t);
	free(trial_json(t));
}

struct tally {
	size_t cnt, refs, unavailable, deepest;
	uint64_t sum;
	const char *why;
};

static void count(struct tally *tally, const struct value *pointer, size_t depth)
{
	const struct value *v =
		pointer->kind == VALUE_POINTER && pointer->child_cnt ? pointer->child[0] : NULL;

	tally->refs += pointer->kind == VALUE_REF;
	if (pointer->kind == VALUE_UNAVAILABLE) {
		tally->unavailable++;
		tally->why = pointer->text;
	}
	if (!v)
		return;
	tally->cnt++;
	tally->deepest = MAX(tally->deepest, depth);
	tally->sum += v->child[0]->bits;
	count(tally, v->child[1], depth + 1);
	count(tally, v->child[2], depth + 1);
}

static struct tree *plant(struct tree *trees, size_t from, size_t to)
{
	size_t mid = (from + to) / 2;

	if (from >= to)
		return NULL;
	trees[mid] = (struct tree){mid, plant(trees, from, mid), plant(trees, mid + 1, to)};
	return &trees[mid];
}

static struct tree *chain(struct tree *trees, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		trees[i] = (struct tree){i, NULL, i + 1 < cnt ? &trees[i + 1] : NULL};
	return trees;
}

static void a_list_of_500_and_a_tree_of_1000_are_whole(void **state)
{
	static struct tree list[500], trees[1000];
	struct tally of_list = {}, of_tree = {};
	struct trial t;

	enter(&t, *state, 1000, chain(list, 500), plant(trees, 0, 1000));
	count(&of_list, t.values.args[0], 1);
	count(&of_tree, t.values.args[1], 1);
	assert_int_equal(t.flags, 0);
	assert_int_equal(of_list.cnt, 500);
	assert_int_equal(of_list.deepest, 500);
	assert_int_equal(of_list.sum, 500 * 499 / 2);
	assert_int_equal(of_tree.cnt, 1000);
	assert_int_equal(of_tree.sum, 1000 * 999 / 2);
	assert_int_equal(of_list.unavailable + of_tree.unavailable + of_list.refs + of_tree.refs, 0);
	assert_true(t.shape->nodes_cnt < 16);
	trial_release(&t);
}

static void a_list_ends_at_its_depth_and_says_so(void **state)
{
	static struct tree list[1001];
	static const struct {
		int depth;
		size_t cnt;
		const char *why;
	} rows[] = {{17, 17, "deeper than depth 17"}, {1000, 1000, "deeper than depth 1000"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tally tally = {};
		struct trial t;

		enter(&t, *state, rows[i].depth, chain(list, 1001), NULL);
		count(&tally, t.values.args[0], 1);
		assert_int_equal(tally.cnt, rows[i].cnt);
		assert_int_equal(tally.unavailable, 1);
		assert_string_equal(tally.why, rows[i].why);
		trial_release(&t);
	}
}

static void more_objects_than_are_followed_are_a_limit(void **state)
{
	struct tree *trees = calloc(PLAN_WORK_MAX + 100, sizeof(*trees));
	struct tally tally = {};
	struct trial t;

	enter(&t, *state, 1000, plant(trees, 0, PLAN_WORK_MAX + 100), NULL);
	count(&tally, t.values.args[0], 1);
	assert_true(t.flags & CAPTURE_STEPS);
	assert_int_equal(tally.cnt, PLAN_WORK_MAX);
	assert_string_equal(tally.why, "the step limit of a call was reached");
	trial_release(&t);
	free(trees);
}

/* A ring in both directions, into which another list leads. */
static void cycles_and_aliases_are_references(void **state)
{
	struct tree ring[30], other = {99, &ring[7], NULL};
	struct tally of_ring = {}, of_other = {};
	struct trial t;

	for (size_t i = 0; i < 30; i++)
		ring[i] = (struct tree){i, &ring[(i + 29) % 30], &ring[(i + 1) % 30]};
	enter(&t, *state, 100, ring, &other);
	count(&of_ring, t.values.args[0], 1);
	count(&of_other, t.values.args[1], 1);
	assert_int_equal(of_ring.cnt, 30);
	assert_int_equal(of_ring.sum, 30 * 29 / 2);
	assert_int_equal(of_ring.refs, 31);
	assert_int_equal(of_other.cnt, 1);
	assert_int_equal(of_other.refs, 1);
	assert_int_equal(of_ring.unavailable + of_other.unavailable, 0);
	trial_release(&t);
}

static void the_key_has_the_first_object(void **state)
{
	static const uint8_t want[] = "\1\0\0\0\0\0\0\0\0\0\xfc\1\5\0\0\0\0\0\0\0\0\0";
	struct tree list[30], last = {5};
	auto_buf struct buf put;
	const uint8_t *live;
	struct trial t;

	enter(&t, *state, 100, chain(list, 30), &last);
	assert_int_equal(trial_key(&t, &live), sizeof(want) - 1);
	assert_memory_equal(live, want, sizeof(want) - 1);
	buf_init(&put, KEY_BYTES_MAX);
	assert_int_equal(key_put(&put, t.shape, &t.values, NULL, 0, NULL, NULL), 0);
	assert_int_equal(put.len, sizeof(want) - 1);
	assert_memory_equal(put.data, want, put.len);
	trial_release(&t);
}

static void a_rule_holds_for_each_object(void **state)
{
	struct shop *s = *state;
	struct rule rules[] = {{.path = "o", .depth = 100},
			       {.path = "o->lines", .count_text = "o->lines_cnt"}};
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)}, {}};
	struct line lines[40] = {};
	struct order orders[40] = {};
	const struct value *at;
	struct trial t;

	for (size_t i = 0; i < 40; i++)
		orders[i] = (struct order){.id = i,
					   .lines_cnt = i % 4,
					   .lines = lines + i,
					   .next = i < 39 ? &orders[i + 1] : NULL};
	trial_init(&t, s, shop_func(s, "f", 0, params, rules, 2), NULL, 0);
	t.call.args[0] = ADDR(orders);
	trial_enter(&t);
	trial_leave(&t);
	free(trial_json(&t));
	at = t.values.args[0];
	for (size_t i = 0; i < 40; i++) {
		const struct value *order = at->child[0], *array;

		assert_int_equal(order->child[0]->bits, i);
		array = value_pointee(order->child[5]);
		assert_int_equal(array->kind, VALUE_ARRAY);
		assert_int_equal(array->child_cnt, i % 4);
		at = order->child[8];
		assert_string_equal(at->name, "next");
	}
	assert_int_equal(at->bits, 0);
	trial_release(&t);
}

static void one_of_many_objects_is_no_key_and_no_length(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)}, {"b", s->cvptr}, {}};
	struct rule rules[] = {{.path = "o", .depth = 100}, {.path = "b", .bytes_text = "o->next->next->id"}};
	const char *key[] = {"o->next->next->id"};
	auto_shape struct shape *shape = NULL;
	struct plan *plan = calloc(1, sizeof(*plan));
	struct err err = {};

	assert_int_equal(shape_build(&shape, s->schema, shop_func(s, "f", 0, params, rules, 1), NULL, &err),
			 0);
	assert_int_not_equal(planner_compile(plan, shape, key, 1, &err), 0);
	assert_string_equal(err.msg, "key 'o->next->next->id' names one of a varying number of objects");
	shape_free(shape);
	shape = NULL;
	assert_int_equal(shape_build(&shape, s->schema, shop_func(s, "f", 0, params, rules, 2), NULL, &err),
			 0);
	assert_int_not_equal(planner_compile(plan, shape, NULL, 0, &err), 0);
	assert_string_equal(err.msg, "'b' uses 'o', where one of any number of objects is named");
	free(plan);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_list_of_500_and_a_tree_of_1000_are_whole),
		TEST(a_list_ends_at_its_depth_and_says_so),
		TEST(more_objects_than_are_followed_are_a_limit),
		TEST(cycles_and_aliases_are_references),
		TEST(the_key_has_the_first_object),
		TEST(a_rule_holds_for_each_object),
		TEST(one_of_many_objects_is_no_key_and_no_length),
	};

	return cmocka_run_group_tests_name("deep", tests, NULL, NULL);
}
