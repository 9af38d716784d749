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
#include "replay/target/capture.h"
#include "tests/support/shop.h"
#include "tests/support/trial.h"

#define ADDR(x) ((uint64_t)(x))

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
	if (key_put(&want, t->shape, &t->values, key, cnt, NULL, &err))
		fail_msg("%s", err.msg);
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

static void what_flows_out_is_read_at_return(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"buf", s->vptr},
				      {"n", s->size},
				      {"out", shop_ptr(s, s->i32)},
				      {"text", shop_ptr(s, s->sptr)},
				      {"l", shop_ptr(s, s->line)},
				      {}};
	struct rule rules[] = {{.path = "buf", .direction = DIRECTION_OUT, .bytes_text = "return"},
			       {.path = "out", .direction = DIRECTION_OUT},
			       {.path = "text", .direction = DIRECTION_OUT},
			       {.path = "*text", .is_string = true}};
	struct line l = {1, "old", 2};
	char buf[8] = "garbage", *text = (char *)8;
	int32_t out = 11;
	struct trial t;

	start(&t, s, s->i64, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){ADDR(buf), 8, ADDR(&out), ADDR(&text), ADDR(&l)}, 40);
	trial_enter(&t);
	memcpy(buf, "abc", 3);
	out = -4;
	text = "made";
	l = (struct line){3, "new", 4};
	t.call.rax = 3;
	finish(&t,
	       "{\"args\":{\"n\":8,\"l\":{\"sku\":1,\"name\":\"old\",\"price\":2}},\"out\":{\"buf\":{\"bytes\":\"YWJj\",\"length\":3},"
	       "\"out\":-4,\"text\":\"made\",\"l\":{\"sku\":3,\"name\":\"new\",\"price\":4}},\"return\":3}");
}

static void results_are_followed(void **state)
{
	struct shop *s = *state;
	struct rule rules[] = {{.path = "return->lines", .count_text = "return->lines_cnt"},
			       {.path = "return", .depth = 2}};
	struct line lines[] = {{1, "one", 10}, {2, "two", 20}};
	struct order o = {.id = 3, .lines = lines, .lines_cnt = 2};
	struct trial t;
	char *got;

	start(&t, s, shop_cptr(s, s->order), (struct shop_param[]){{}}, rules, ARRAY_SIZE(rules));
	trial_enter(&t);
	t.call.rax = ADDR(&o);
	trial_leave(&t);
	got = trial_json(&t);
	assert_non_null(strstr(
		got,
		"\"lines\":[{\"sku\":1,\"name\":{\"unavailable\":\"deeper than depth 2\"},\"price\":10},{\"sku\":2"));
	free(got);
	trial_release(&t);

	start(&t, s, s->slice, (struct shop_param[]){{}}, NULL, 0);
	trial_enter(&t);
	t.call.rax = ADDR("sliced");
	t.call.rdx = 6 | 0xfffffffeull << 32;
	finish(&t, "{\"args\":{},\"out\":{},\"return\":{\"text\":\"sliced\",\"len\":6,\"kind\":-2}}");
}

static void a_result_in_memory_is_read_where_rax_says(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"n", s->i32}, {}};
	int32_t number = 6;
	struct wide wide = {1, "wide", &number, 4};
	struct trial t;

	start(&t, s, s->wide, params, NULL, 0);
	t.call.args[0] = ADDR(&wide);
	t.call.args[1] = 5;
	trial_enter(&t);
	t.call.rax = ADDR(&wide);
	finish(&t,
	       "{\"args\":{\"n\":5},\"out\":{},\"return\":{\"a\":1,\"name\":\"wide\",\"out\":6,\"d\":4}}");
}

static void structs_by_value_are_read_in_registers_and_on_the_stack(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"s", s->slice}, {"w", s->wide}, {"n", s->i32}, {}};
	int32_t number = 1;
	struct wide wide = {1, "wide", &number, 4};
	struct trial t;

	start(&t, s, 0, params, NULL, 0);
	memcpy(t.call.args, (uint64_t[]){ADDR("text"), 4 | 7ull << 32, 9}, 24);
	memcpy(&t.stack[1], &wide, sizeof(wide));
	trial_enter(&t);
	number = 2;
	memset(&t.stack[1], 0xee, sizeof(wide)); /* the callee's to use */
	finish(&t,
	       "{\"args\":{\"s\":{\"text\":\"text\",\"len\":4,\"kind\":7},\"w\":{\"a\":1,\"name\":\"wide\",\"out\":1,\"d\":4},\"n\":9},"
	       "\"out\":{\"w\":{\"a\":1,\"out\":2,\"d\":4}}}");
}

static void stack_arguments_outlive_their_slots(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"a", s->i32},
				      {"b", s->i32},
				      {"c", s->i32},
				      {"d", s->i32},
				      {"e", s->i32},
				      {"f", s->i32},
				      {"g", s->i16},
				      {"buf", s->vptr},
				      {"n", s->i32},
				      {"o", shop_ptr(s, s->line)},
				      {}};
	struct rule rules[] = {{.path = "buf", .bytes_text = "n", .direction = DIRECTION_OUT}};
	struct line l = {1, "in", 2};
	char buf[] = "????";
	struct trial t;

	start(&t, s, 0, params, rules, 1);
	memcpy(&t.stack[1], (uint64_t[]){0xffffffffffff8000, ADDR(buf), 0xdeadbeef00000002, ADDR(&l)}, 32);
	trial_enter(&t);
	memset(&t.stack[1], 0xee, 32);
	memcpy(buf, "ok", 2);
	l.name = "out";
	finish(&t,
	       "{\"args\":{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":-32768,\"n\":2,\"o\":{\"sku\":1,\"name\":\"in\",\"price\":2}},"
	       "\"out\":{\"buf\":{\"bytes\":\"b2s=\",\"length\":2},\"o\":{\"sku\":1,\"name\":\"out\",\"price\":2}}}");
}

static void arrays_end_at_their_terminator(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"argv", shop_cptr(s, s->sptr)},	 {"ids", shop_cptr(s, s->i32)},
				      {"bytes", shop_cptr(s, s->u8)},	 {"none", shop_cptr(s, s->i32)},
				      {"endless", shop_cptr(s, s->i32)}, {}};
	struct rule rules[] = {{.path = "argv", .has_terminator = true},
			       {.path = "argv[]", .is_string = true},
			       {.path = "ids", .has_terminator = true, .terminator = -1},
			       {.path = "bytes", .has_terminator = true, .terminator = -1},
			       {.path = "none", .has_terminator = true},
			       {.path = "endless", .has_terminator = true, .max = 2}};
	char *argv[] = {"prog", "-x", NULL, (char *)8};
	int32_t ids[] = {4, 5, 0, -1, 99}, endless[] = {1, 2, 3};
	uint8_t bytes[] = {1, 255, 2};
	struct trial t;

	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){ADDR(argv), ADDR(ids), ADDR(bytes), 0, ADDR(endless)}, 40);
	trial_enter(&t);
	assert_int_equal(t.call.in.fragments[0].len, 3 * sizeof(char *));
	finish(&t,
	       "{\"args\":{\"argv\":[\"prog\",\"-x\"],\"ids\":[4,5,0],\"bytes\":[1],\"none\":null,\"endless\":{\"truncated\":[1,2],\"length\":null}},\"out\":{}}");
}

static void lengths_beyond_the_limit_are_cut_and_say_so(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"v", shop_cptr(s, s->i32)},
				      {"n", s->i64},
				      {"b", s->cvptr},
				      {"m", s->i64},
				      {"l", shop_cptr(s, s->line)},
				      {"k", s->u64},
				      {}};
	struct rule rules[] = {{.path = "v", .count_text = "n", .max = 2},
			       {.path = "b", .bytes_text = "m", .max = 3},
			       {.path = "l", .count_text = "k", .max = 1}};
	int32_t v[] = {1, 2, 3};
	struct line l[] = {{1, "one", 1}, {2, "two", 2}};
	struct trial t;

	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){ADDR(v), 3, ADDR("abcdef"), 5, ADDR(l), 2}, 48);
	trial_enter(&t);
	assert_int_equal(t.call.in.fragments[0].len, 12);
	assert_int_equal(t.call.in.fragments[0].captured, 8);
	finish(&t,
	       "{\"args\":{\"v\":{\"truncated\":[1,2],\"length\":3},\"n\":3,\"b\":{\"truncated\":{\"bytes\":\"YWJj\",\"length\":3},\"length\":5},\"m\":5,"
	       "\"l\":{\"truncated\":[{\"sku\":1,\"name\":\"one\",\"price\":1}],\"length\":2},\"k\":2},\"out\":{}}");
	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){ADDR(v), -3, ADDR("abcdef"), -5, ADDR(l), 1ull << 63}, 48);
	check(&t,
	      "{\"args\":{\"v\":[],\"n\":-3,\"b\":{\"bytes\":\"\",\"length\":0},\"m\":-5,\"l\":[],\"k\":\"9223372036854775808\"},\"out\":{}}");
	/* 2^62 lines of 24 bytes wrap; they must not look like few. */
	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){0, 0, 0, 0, ADDR(l), 1ull << 62}, 48);
	trial_enter(&t);
	assert_int_equal(t.call.in.fragments[0].len, UINT32_MAX);
	assert_int_equal(t.call.in.fragments[0].captured, sizeof(struct line));
	trial_release(&t);
}

static void flexible_arrays_are_read_behind_their_struct(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"p", shop_cptr(s, s->packet)},
				      {"b", shop_cptr(s, s->batch)},
				      {"q", shop_cptr(s, s->packet)},
				      {}};
	struct rule rules[] = {{.path = "p->data", .bytes_text = "p->len"},
			       {.path = "b->lines", .count_text = "b->cnt"}};
	struct {
		struct packet p;
		char data[4];
	} p = {{.len = 3, .kind = 1}, "xyz"};
	struct {
		struct batch b;
		struct line lines[2];
	} b = {{.cnt = 2}, {{1, "one", 1}, {2, "two", 2}}};
	struct trial t;

	memcpy(p.p.data, "xyz", 3);
	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){ADDR(&p), ADDR(&b), ADDR(&p)}, 24);
	check(&t,
	      "{\"args\":{\"p\":{\"len\":3,\"kind\":1,\"data\":{\"bytes\":\"eHl6\",\"length\":3}},"
	      "\"b\":{\"cnt\":2,\"lines\":[{\"sku\":1,\"name\":\"one\",\"price\":1},{\"sku\":2,\"name\":\"two\",\"price\":2}]},"
	      "\"q\":{\"ref\":\"args.p\"}},\"out\":{}}");
}

static void each_element_has_its_own_length(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {
		{"o", shop_cptr(s, s->order)}, {"n", s->i32}, {"p", shop_cptr(s, shop_ptr(s, s->order))}, {}};
	struct rule types[] = {{.path = "tags", .count_text = "tags_cnt"}};
	struct rule rules[] = {{.path = "o", .count_text = "n"},
			       {.path = "o[].blob", .bytes_text = "o[].blob_len * 2 - sizeof(o[].lines_cnt)"},
			       {.path = "p", .count_text = "n"},
			       {.path = "p[]->blob", .bytes_text = "p[]->blob_len"}};
	const char *tags[] = {"a", "b", "c"};
	struct order o[2] = {{.blob = (void *)"abcdef", .blob_len = 2, .tags = tags, .tags_cnt = 1},
			     {.blob = (void *)"ghijkl", .blob_len = 3, .tags = tags, .tags_cnt = 2}};
	struct order q = o[1], *p[2] = {&q, NULL};
	struct trial t;
	char *got, *at;

	shop_type_rules(s, s->order, types, 1);
	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){ADDR(o), 2, ADDR(p)}, 24);
	trial_enter(&t);
	trial_leave(&t);
	got = trial_json(&t);
	at = strstr(got, "\"blob\":{\"bytes\":\"YWI=\",\"length\":2}"); /* 2 * 2 - 2 */
	assert_non_null(at);
	at = strstr(at, "\"tags\":[\"a\"]");
	assert_non_null(at);
	at = strstr(at, "\"blob\":{\"bytes\":\"Z2hpag==\",\"length\":4}"); /* 2 * 3 - 2 */
	assert_non_null(at);
	assert_non_null(strstr(at, "\"tags\":[\"a\",\"b\"]"));
	free(got);
	assert_same_key(&t, NULL, 0);
	trial_release(&t);
}

static void entry_gives_what_was_at_entry(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"buf", s->vptr}, {"n", shop_ptr(s, s->i32)}, {"late", s->vptr}, {}};
	struct rule rules[] = {{.path = "buf", .direction = DIRECTION_OUT, .bytes_text = "entry(*n) + 1"},
			       {.path = "late", .direction = DIRECTION_OUT, .bytes_text = "*n"}};
	int32_t n = 1;
	struct trial t;

	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){ADDR("abcdef"), ADDR(&n), ADDR("ghi")}, 24);
	trial_enter(&t);
	n = 3;
	finish(&t,
	       "{\"args\":{\"n\":1},\"out\":{\"buf\":{\"bytes\":\"YWI=\",\"length\":2},\"n\":3,\"late\":{\"bytes\":\"Z2hp\",\"length\":3}}}");

	/* An entry value that could not be had is no length of 0. */
	start(&t, s, 0, params, rules, ARRAY_SIZE(rules));
	memcpy(t.call.args, (uint64_t[]){ADDR("abcdef"), 0, 0}, 24);
	trial_enter(&t);
	trial_leave(&t);
	assert_int_equal(t.call.out.cnt, 0);
	trial_release(&t);
}

static void expressions_are_cs(void **state)
{
	struct shop *s = *state;
	const struct {
		const char *text;
		int want; /* -1: nothing is captured */
	} cases[] = {
		{"7", 7},
		{"a + b", 8},
		{"a - b", 2},
		{"a * b", 15},
		{"a / b", 1},
		{"a % b", 2},
		{"a / 0", 0},
		{"-c", 4},
		{"min(a, b)", 3},
		{"max(a, b)", 5},
		{"(a > b) * 2", 2},
		{"(a >= 5) + (a <= 5) + (b < a) + (a == 5) + (a != b)", 5},
		{"!a + !0", 1},
		{"a && b", 1},
		{"a && 0", 0},
		{"0 || b", 1},
		{"0 || 0", 0},
		{"sizeof(*o) / 8", sizeof(struct order) / 8},
		{"sizeof(o->code)", 8},
		{"o->mode + o->tags_cnt", 5 + 17},
		{"o->next == 0", 1},
		{"o->next && o->next->id", 0},
		{"o->next->id", -1},
		{"!o->next || o->next->id", 1},
		{"((a + b) * (a - b) + (a * b)) / ((b + 1) - 2)", 15},
		{"u == 255", 1},
		{"c == -4", 1},
		{"o->color == 5", 1},
		{"return + 1", 10},
		{"errno", 2},
		{"o->lines[1].sku", 6},
		{"o->lines->sku", 4},
		{"(*o).id", 12},
	};
	struct shop_param params[] = {{"buf", s->vptr},
				      {"a", s->i32},
				      {"b", s->u8},
				      {"c", s->i8},
				      {"u", s->u8},
				      {"o", shop_cptr(s, s->order)},
				      {}};
	struct line lines[] = {{4}, {6}};
	struct order o = {.id = 12, .mode = 5, .tags_cnt = 17, .color = GREEN, .lines = lines};
	char buf[64] = "";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rule rules[] = {
			{.path = "buf", .direction = DIRECTION_OUT, .bytes_text = (char *)cases[i].text},
			{.path = "o->lines", .count_text = "2"}};
		int got = -1;
		struct trial t;

		start(&t, s, s->i32, params, rules, ARRAY_SIZE(rules));
		memcpy(t.call.args, (uint64_t[]){ADDR(buf), 5, 0xff03, -4, 0xffff, ADDR(&o)}, 48);
		trial_enter(&t);
		t.call.rax = 9;
		t.call.error_number = 2;
		trial_leave(&t);
		if (t.call.out.cnt)
			got = t.call.out.fragments[0].captured;
		if (got != cases[i].want)
			fail_msg("'%s' is %d, not %d", cases[i].text, got, cases[i].want);
		trial_release(&t);
	}
}

static void what_cannot_be_read_is_unavailable_and_the_rest_goes_on(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->line)}, {"t", s->cptr},
				      {"l", shop_cptr(s, s->line)}, {"n", s->i32},
				      {"after", s->cptr},	    {}};
	struct rule rules[] = {{.path = "l", .count_text = "n"}};
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct line *l = (struct line *)(page + 4096 - sizeof(struct line) - 8);
	struct trial t;
	char *got;

	assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
	l[0] = (struct line){1, "one", 1};
	l[1].sku = 2;
	memcpy(page, "abc", 4);
	start(&t, s, 0, params, rules, 1);
	memcpy(t.call.args, (uint64_t[]){ADDR(page + 5000), ADDR(page + 4095), ADDR(l), 2, ADDR("after")},
	       40);
	page[4095] = 'z';
	trial_enter(&t);
	trial_leave(&t);
	assert_int_equal(t.call.in.fragments[0].status, PLAN_FRAGMENT_FAULT);
	assert_int_equal(t.call.in.fragments[0].captured, 0);
	assert_int_equal(t.call.in.fragments[1].status, PLAN_FRAGMENT_FAULT);
	assert_int_equal(t.call.in.fragments[1].captured, 1);
	assert_int_equal(t.call.in.fragments[2].status, PLAN_FRAGMENT_FAULT);
	assert_int_equal(t.call.in.fragments[2].captured, sizeof(struct line) + 8);
	assert_int_equal(t.call.in.fragments[2].len, 2 * sizeof(struct line));
	got = trial_json(&t);
	assert_non_null(strstr(got, "\"o\":{\"unavailable\":\"memory at 0x"));
	assert_non_null(strstr(got, "\"t\":{\"unavailable\":\"memory at 0x"));
	assert_non_null(strstr(got, "\"after\":\"after\""));
	free(got);
	trial_release(&t);
	munmap(page, 8192);
}

static void long_data_comes_in_pieces_up_to_the_budget(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"b", s->cvptr}, {"n", s->u32}, {"after", s->cptr}, {}};
	struct rule rules[] = {{.path = "b", .bytes_text = "n", .max = 1000000}};
	uint8_t *big = calloc(1, 100000);
	struct trial t;

	for (int i = 0; i < 100000; i++)
		big[i] = i % 251;
	start(&t, s, 0, params, rules, 1);
	memcpy(t.call.args, (uint64_t[]){ADDR(big), 40000, ADDR("after")}, 24);
	trial_enter(&t);
	trial_leave(&t);
	assert_int_equal(t.call.in.cnt, 4);
	assert_int_equal(t.call.in.fragments[0].len, 40000);
	assert_int_equal(t.call.in.fragments[0].captured, PLAN_FRAGMENT_MAX);
	assert_int_equal(t.call.in.fragments[2].addr, ADDR(big) + 2 * PLAN_FRAGMENT_MAX);
	assert_int_equal(t.call.in.fragments[2].captured, 40000 - 2 * PLAN_FRAGMENT_MAX);
	assert_int_equal(t.flags, 0);
	free(trial_json(&t));
	assert_int_equal(t.values.args[0]->child[0]->len, 40000);
	assert_memory_equal(t.values.args[0]->child[0]->bytes, big, 40000);
	assert_same_key(&t, NULL, 0);
	trial_release(&t);

	start(&t, s, 0, params, rules, 1);
	memcpy(t.call.args, (uint64_t[]){ADDR(big), 100000, ADDR("after")}, 24);
	trial_enter(&t);
	assert_int_equal(t.flags, 0);
	assert_int_equal(t.call.in.cnt, 8);
	assert_int_equal(t.call.in.fragments[6].captured, 100000 - 6 * PLAN_FRAGMENT_MAX);
	trial_release(&t);

	start(&t, s, 0, params, rules, 1);
	memcpy(t.call.args, (uint64_t[]){ADDR(big), 100000, ADDR("after")}, 24);
	assert_true(t.plan->more_in >= 1000000 && t.plan->more_in <= 1010000);
	assert_int_equal(t.plan->more_out, 0);
	t.plan->more_in = 0;
	trial_enter(&t);
	assert_int_equal(t.flags, CAPTURE_BUDGET);
	assert_int_equal(t.call.in.cnt, 4);
	assert_int_equal(t.call.in.fragments[3].status, PLAN_FRAGMENT_BUDGET);
	assert_true(t.lens[CAPTURE_IN] <= PLAN_BYTES_MAX);
	trial_release(&t);
	free(big);
}

static void hostile_counts_end_at_the_step_limit(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"l", shop_cptr(s, s->line)}, {"n", s->i32}, {}};
	struct rule rules[] = {{.path = "l", .count_text = "n", .max = 10000}};
	struct line *l = calloc(10000, sizeof(*l));
	struct trial t;

	start(&t, s, 0, params, rules, 1);
	t.call.args[0] = ADDR(l);
	t.call.args[1] = 0x7fffffff;
	trial_enter(&t);
	assert_int_equal(t.flags, CAPTURE_STEPS);
	trial_release(&t);

	rules[0].max = 2000;
	start(&t, s, 0, params, rules, 1);
	t.call.args[0] = ADDR(l);
	t.call.args[1] = 2000;
	trial_enter(&t);
	assert_int_equal(t.flags, CAPTURE_STEPS);
	trial_release(&t);
	free(l);
}

static uint64_t bits_of(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	return bits;
}

static void floating_point_registers_are_captured_and_keyed(void **state)
{
	struct shop *s = *state;
	int f32 = btf__add_float(s->btf, "float", 4), f64 = shop_cptr(s, s->f64);
	int both = btf__add_struct(s->btf, "both", 16);
	struct shop_param params[] = {{"d", s->f64}, {"p", f64}, {"n", s->i32}, {"b", both}, {"f", f32}, {}};
	float narrow[2] = {0.5f, 77};
	double d = 2.5;
	struct trial t;

	btf__add_field(s->btf, "i", s->i64, 0, 0);
	btf__add_field(s->btf, "x", s->f64, 64, 0);
	start(&t, s, both, params, NULL, 0);
	assert_int_equal(t.plan->fp_in, 3);
	assert_int_equal(t.plan->fp_out, 1);
	memcpy(t.call.args, (uint64_t[]){ADDR(&d), 3, 9}, 24);
	t.fp_in[0][0] = bits_of(-1.25);
	t.fp_in[1][0] = bits_of(1e300);
	memcpy(t.fp_in[2], narrow, sizeof(narrow));
	t.call.rax = 11;
	t.fp_out[0][0] = bits_of(4.75);
	check(&t,
	      "{\"args\":{\"d\":-1.25,\"p\":2.5,\"n\":3,\"b\":{\"i\":9,\"x\":1e+300},\"f\":0.5},\"out\":{},"
	      "\"return\":{\"i\":11,\"x\":4.75}}");
}

static void what_needs_no_floating_point_register_asks_for_none(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"p", shop_cptr(s, s->f64)}, {"n", s->i32}, {}};
	struct trial t;

	start(&t, s, s->i32, params, NULL, 0);
	assert_int_equal(t.plan->fp_in, 0);
	assert_int_equal(t.plan->fp_out, 0);
	trial_release(&t);
}

static void a_key_of_registers_that_could_not_be_read_is_refused(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"n", s->i32}, {"d", s->f64}, {}};
	auto_buf struct buf key;
	struct err err = {};
	struct trial t;

	start(&t, s, s->f64, params, NULL, 0);
	t.fp_unread = true;
	trial_enter(&t);
	trial_leave(&t);
	free(trial_json(&t));
	buf_init(&key, KEY_BYTES_MAX);
	assert_int_equal(key_put(&key, t.shape, &t.values, NULL, 0, NULL, &err), -ENODATA);
	assert_string_equal(err.msg,
			    "'d' is part of its key, and was not captured: the floating-point registers "
			    "could not be read");
	assert_int_equal(key_put(&key, t.shape, &t.values, (const char *const[]){"n"}, 1, NULL, &err), 0);
	trial_release(&t);
}

static void pointers_in_fixed_arrays_are_followed(void **state)
{
	struct shop *s = *state;
	int names = btf__add_array(s->btf, s->u32, s->cptr, 3),
	    pair = btf__add_array(s->btf, s->u32, s->cptr, 2);
	int one = btf__add_struct(s->btf, "names", 24), two;
	struct shop_param params[] = {{"n", 0}, {"p", 0}, {}};
	const char *n[3] = {"x", NULL, "z"};
	struct trial t;

	btf__add_field(s->btf, "name", names, 0, 0);
	two = btf__add_struct(s->btf, "pair", 16);
	btf__add_field(s->btf, "name", pair, 0, 0);
	params[0].type = shop_cptr(s, one);
	params[1].type = two;
	start(&t, s, 0, params, NULL, 0);
	memcpy(t.call.args, (uint64_t[]){ADDR(n), ADDR("left"), ADDR("right")}, 24);
	check(&t,
	      "{\"args\":{\"n\":{\"name\":[\"x\",null,\"z\"]},\"p\":{\"name\":[\"left\",\"right\"]}},\"out\":{}}");
}

static void what_does_not_fit_names_its_parameter(void **state)
{
	struct shop *s = *state;
	struct rule rule = {.path = "v", .count_text = "n+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1"};
	int ptr = shop_ptr(s, s->i32), box = btf__add_struct(s->btf, "box", 16), many;
	struct shop_param params[] = {{"n", s->i32}, {"many", 0}, {}};
	struct plan *plan = calloc(1, sizeof(*plan));
	auto_shape struct shape *shape = NULL;
	struct err err = {};

	btf__add_field(s->btf, "n", s->i32, 0, 0);
	btf__add_field(s->btf, "v", ptr, 64, 0);
	many = btf__add_struct(s->btf, "many", 16 * 240);
	for (int i = 0; i < 240; i++) {
		char name[16];

		snprintf(name, sizeof(name), "b%d", i);
		btf__add_field(s->btf, name, box, i * 128, 0);
	}
	params[1].type = shop_cptr(s, many);
	shop_type_rules(s, box, &rule, 1);
	assert_int_equal(shape_build(&shape, s->schema, shop_func(s, "f", 0, params, NULL, 0), NULL, &err),
			 0);
	plan->fp_in = 77;
	assert_int_equal(planner_compile(plan, shape, NULL, 0, &err), -E2BIG);
	assert_string_equal(err.msg, "'many' needs more than 8192 steps to capture");
	assert_string_equal(err.hint, "lower its \"depth\", or make parts of it \"opaque\"");
	assert_int_equal(plan->fp_in, 77);
	free(plan);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)
	const struct CMUnitTest tests[] = {
		TEST(scalars_need_no_ops),
		TEST(strings_end_at_their_nul_or_their_limit),
		TEST(nested_structs_with_arrays_and_strings_are_copied_deep),
		TEST(what_flows_out_is_read_at_return),
		TEST(results_are_followed),
		TEST(a_result_in_memory_is_read_where_rax_says),
		TEST(structs_by_value_are_read_in_registers_and_on_the_stack),
		TEST(stack_arguments_outlive_their_slots),
		TEST(arrays_end_at_their_terminator),
		TEST(lengths_beyond_the_limit_are_cut_and_say_so),
		TEST(flexible_arrays_are_read_behind_their_struct),
		TEST(each_element_has_its_own_length),
		TEST(entry_gives_what_was_at_entry),
		TEST(expressions_are_cs),
		TEST(what_cannot_be_read_is_unavailable_and_the_rest_goes_on),
		TEST(long_data_comes_in_pieces_up_to_the_budget),
		TEST(hostile_counts_end_at_the_step_limit),
		TEST(floating_point_registers_are_captured_and_keyed),
		TEST(what_needs_no_floating_point_register_asks_for_none),
		TEST(a_key_of_registers_that_could_not_be_read_is_refused),
		TEST(pointers_in_fixed_arrays_are_followed),
		TEST(what_does_not_fit_names_its_parameter),
	};

	return cmocka_run_group_tests_name("planner", tests, NULL, NULL);
}
