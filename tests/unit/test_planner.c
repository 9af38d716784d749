// SPDX-License-Identifier: BSD-3-Clause
#include "lib/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/util.h"
#include "tests/support/shop.h"
#include "tests/support/trial.h"

#define ADDR(x) ((uint64_t)(x))

static int setup(void **state)
{
	static struct shop shop;

	shop_init(&shop);
	*state = &shop;
	return 0;
}

static int teardown(void **state)
{
	shop_release(*state);
	return 0;
}

static void start(struct trial *t, struct shop *s, int result, const struct shop_param *params,
		  const struct rule *rules, size_t cnt)
{
	trial_init(t, s, shop_func(s, "f", result, params, rules, cnt), NULL, 0);
}

/* The key from live memory is the key from what was recorded of it. */
static void assert_same_key(struct trial *t, const char *const *key, unsigned cnt)
{
	auto_buf struct buf want;
	const uint8_t *got;
	size_t len = trial_key(t, &got);
	struct err err = {};

	buf_init(&want, 2 * KEY_BYTES_MAX);
	if (key_put(&want, t->shape, &t->values, key, cnt, &err))
		fail_msg("%s", err.msg);
	if (want.len != len || memcmp(want.data, got, len))
		for (size_t i = 0; i < want.len || i < len; i++)
			printf("%zu: %02x %02x\n", i, i < want.len ? want.data[i] : 0, i < len ? got[i] : 0);
	assert_int_equal(want.len, len);
	if (len)
		assert_memory_equal(want.data, got, len);
}

static void finish(struct trial *t, const char *want)
{
	char *got;

	trial_leave(t);
	got = trial_json(t);
	assert_string_equal(got, want);
	assert_int_equal(t->flags, 0);
	free(got);
	assert_same_key(t, NULL, 0);
	trial_release(t);
}

static void check(struct trial *t, const char *want)
{
	trial_enter(t);
	finish(t, want);
}

static void scalars_need_no_ops(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"a", s->i8},    {"b", s->u16}, {"c", s->boolean},
				      {"d", s->color}, {"e", s->i64}, {}};
	struct trial t;

	start(&t, s, s->i32, params, NULL, 0);
	assert_int_equal(t.plan->in_cnt, 0);
	assert_int_equal(t.plan->out_cnt, 0);
	assert_int_equal(t.plan->flags, PLAN_F_ERRNO | PLAN_F_RETURN);
	memcpy(t.call.args, (uint64_t[]){0xabcdeffe, 0xabcd1234, 0xab01, 5, -7, 0}, 48);
	t.call.rax = 0x12345678fffffffdull;
	check(&t,
	      "{\"args\":{\"a\":-2,\"b\":4660,\"c\":true,\"d\":\"GREEN\",\"e\":-7},\"out\":{},\"return\":-3}");
}

static void strings_end_at_their_nul_or_their_limit(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"a", s->cptr}, {"b", s->cptr}, {"c", s->cptr}, {"d", s->cptr}, {}};
	struct rule rules[] = {{.path = "c", .max = 4}, {.path = "d", .max = 4}};
	struct trial t;

	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){ADDR("hello"), 0, ADDR("abcdef"), ADDR("abc")}, 32);
	trial_enter(&t);
	assert_int_equal(t.call.in.cnt, 3);
	assert_int_equal(t.call.in.fragments[0].len, 6);
	assert_int_equal(t.call.in.fragments[0].captured, 6);
	assert_int_equal(t.call.in.fragments[1].len, 5);
	assert_int_equal(t.call.in.fragments[1].captured, 4);
	assert_int_equal(t.call.in.fragments[2].len, 4);
	finish(&t,
	       "{\"args\":{\"a\":\"hello\",\"b\":null,\"c\":{\"truncated\":\"abcd\",\"length\":null},\"d\":\"abc\"},\"out\":{}}");
}

static void nested_structs_with_arrays_and_strings_are_copied_deep(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)}, {}};
	struct rule rules[] = {
		{.path = "o->lines", .count_text = "o->lines_cnt"},
		{.path = "o->tags", .count_text = "o->tags_cnt"},
		{.path = "o->blob", .bytes_text = "o->blob_len"},
		{.path = "o->next", .depth = 1},
		{.path = "o->next->lines", .count_text = "o->next->lines_cnt"},
	};
	const char *tags[] = {"new", NULL, "gift"};
	struct line lines[] = {{7, "bolt", 100}, {-8, NULL, 200}};
	struct order next = {.id = 2, .customer = "deep", .code = "12345678", .next = (void *)8};
	struct order o = {.id = 1,
			  .lines_cnt = 2,
			  .mode = 5,
			  .tags_cnt = 3,
			  .is_paid = true,
			  .lines = lines,
			  .code = "ab",
			  .customer = "acme",
			  .next = &next,
			  .priv = &s,
			  .blob = (void *)"xyz",
			  .blob_len = 3,
			  .color = 9,
			  .total = 1.5,
			  .tags = tags,
			  .u.word = 0x01020304,
			  .x = -1,
			  .y = 2};
	struct trial t;

	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	t.call.args[0] = ADDR(&o);
	check(&t,
	      "{\"args\":{\"o\":{\"id\":1,\"lines_cnt\":2,\"mode\":5,\"tags_cnt\":3,\"is_paid\":true,"
	      "\"lines\":[{\"sku\":7,\"name\":\"bolt\",\"price\":100},{\"sku\":-8,\"name\":null,\"price\":200}],"
	      "\"code\":\"ab\",\"customer\":\"acme\",\"next\":{\"id\":2,\"lines_cnt\":0,\"mode\":0,\"tags_cnt\":0,"
	      "\"is_paid\":false,\"lines\":null,\"code\":\"12345678\",\"customer\":{\"unavailable\":\"deeper than depth 2\"},"
	      "\"next\":{\"unavailable\":\"deeper than depth 2\"},\"priv\":null,\"blob\":null,\"blob_len\":0,\"color\":\"RED\","
	      "\"total\":0,\"tags\":null,\"note\":null,\"u\":{\"bytes\":\"AAAAAA==\",\"length\":4},\"x\":0,\"y\":0},"
	      "\"priv\":{\"handle\":1},\"blob\":{\"bytes\":\"eHl6\",\"length\":3},\"blob_len\":3,\"color\":9,\"total\":1.5,"
	      "\"tags\":[\"new\",null,\"gift\"],\"note\":null,\"u\":{\"bytes\":\"BAMCAQ==\",\"length\":4},\"x\":-1,\"y\":2}},\"out\":{}}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(scalars_need_no_ops),
		TEST(strings_end_at_their_nul_or_their_limit),
		TEST(nested_structs_with_arrays_and_strings_are_copied_deep),
	};

	return cmocka_run_group_tests_name("planner", tests, NULL, NULL);
}
