// SPDX-License-Identifier: BSD-3-Clause
#include "lib/key.h"

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
#include "lib/planner.h"
#include "lib/util.h"
#include "tests/support/shop.h"
#include "tests/support/trial.h"

#define ADDR(x)	  ((uint64_t)(x))
#define KEYS(...) ((const char *const[]){__VA_ARGS__})

static void assert_bytes(const char *what, const void *got, size_t got_len, const void *want, size_t len)
{
	if (got_len == len && (!len || !memcmp(got, want, len)))
		return;
	for (size_t i = 0; i < got_len || i < len; i++)
		printf("%s %zu: got %02x, want %02x\n", what, i, i < got_len ? ((uint8_t *)got)[i] : 0,
		       i < len ? ((uint8_t *)want)[i] : 0);
	fail_msg("%s: %zu bytes, not %zu", what, got_len, len);
}

/* Both makers give @want. */
static void check(struct trial *t, const char *const *key, unsigned cnt, const void *want, size_t len)
{
	auto_buf struct buf put;
	const uint8_t *live;
	size_t live_len;
	struct err err = {};

	trial_enter(t);
	trial_leave(t);
	free(trial_json(t));
	live_len = trial_key(t, &live);
	assert_bytes("live", live, live_len, want, len);
	buf_init(&put, 2 * KEY_BYTES_MAX);
	if (key_put(&put, t->shape, &t->values, key, cnt, NULL, &err))
		fail_msg("%s", err.msg);
	assert_bytes("recorded", put.data, put.len, want, len);
	trial_release(t);
}

#define CHECK(t, key, cnt, text) check(t, key, cnt, text, sizeof(text) - 1)

static void the_default_key_is_scalars_text_and_what_const_points_to(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"a", s->i8},
				      {"t", s->cptr},
				      {"c", shop_cptr(s, s->u16)},
				      {"o", shop_ptr(s, s->i32)},
				      {"h", s->vptr},
				      {"e", s->color},
				      {}};
	uint16_t c = 0xfffe;
	int32_t o = 1;
	struct trial t;

	trial_init(&t, s, shop_func(s, "f", 0, params, NULL, 0), NULL, 0);
	memcpy(t.call.args, (uint64_t[]){0xff, ADDR("hi"), ADDR(&c), ADDR(&o), ADDR(&c), 5}, 48);
	CHECK(&t, NULL, 0,
	      "\xff\xff\xff\xff\xff\xff\xff\xff"
	      "\1hi\0"
	      "\1\xfe\xff\0\0\0\0\0\0"
	      "\5\0\0\0\0\0\0\0");
	trial_init(&t, s, shop_func(s, "f", 0, params, NULL, 0), NULL, 0);
	CHECK(&t, NULL, 0,
	      "\0\0\0\0\0\0\0\0"
	      "\0"
	      "\0"
	      "\0\0\0\0\0\0\0\0");
}

static void a_tagged_union_is_its_live_member(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)}, {}};
	struct rule_case cases[] = {{"GREEN", "bytes"}, {"0", "word"}};
	struct rule rule = {.path = "o->u", .tag = "o->color", .cases = cases, .cases_cnt = 2};
	const char *key[] = {"o->u"};
	struct order orders[] = {
		{.color = RED, .u = {7}}, {.color = GREEN, .u = {.bytes = "abc"}}, {.color = 9, .u = {8}}};
	static const struct {
		const char *bytes;
		size_t len;
	} want[] = {{"\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0", 16},
		    {"\1\0\0\0\0\0\0\0a\0\0\0\0\0\0\0b\0\0\0\0\0\0\0c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 40},
		    {"\xff\xff\xff\xff\xff\xff\xff\xff\10\0\0\0", 12}};

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct trial t;

		trial_init(&t, s, shop_func(s, "f", 0, params, &rule, 1), key, 1);
		t.call.args[0] = ADDR(&orders[i]);
		check(&t, key, 1, want[i].bytes, want[i].len);
	}
}

static void a_written_direction_takes_part(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"in", shop_ptr(s, s->i32)},
				      {"both", shop_ptr(s, s->i32)},
				      {"out", shop_ptr(s, s->i32)},
				      {"none", shop_ptr(s, s->i32)},
				      {}};
	struct rule rules[] = {{.path = "in", .direction = DIRECTION_IN},
			       {.path = "both", .direction = DIRECTION_INOUT},
			       {.path = "out", .direction = DIRECTION_OUT}};
	int32_t n = 3;
	struct trial t;

	trial_init(&t, s, shop_func(s, "f", 0, params, rules, ARRAY_SIZE(rules)), NULL, 0);
	memcpy(t.call.args, (uint64_t[]){ADDR(&n), ADDR(&n), ADDR(&n), ADDR(&n)}, 32);
	CHECK(&t, NULL, 0,
	      "\1\3\0\0\0\0\0\0\0"
	      "\1\3\0\0\0\0\0\0\0");
}

static void every_kind_has_its_bytes(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_cptr(s, s->order)}, {}};
	struct rule rules[] = {{.path = "o->lines", .count_text = "o->lines_cnt"},
			       {.path = "o->blob", .bytes_text = "o->blob_len"},
			       {.path = "o", .depth = 2}};
	struct line lines[] = {{-1, "deep", 2}};
	struct order next = {}, o = {.id = 1,
				     .lines_cnt = 1,
				     .mode = 6,
				     .tags_cnt = 31,
				     .is_paid = true,
				     .lines = lines,
				     .code = "ab",
				     .customer = "c",
				     .next = &next,
				     .priv = &next,
				     .blob = (void *)"xyz",
				     .blob_len = 3,
				     .color = 7,
				     .total = 1,
				     .u.word = 0x04030201,
				     .x = -2,
				     .y = 2};
	struct trial t;

	next.next = &o;
	trial_init(&t, s, shop_func(s, "f", 0, params, rules, ARRAY_SIZE(rules)), NULL, 0);
	t.call.args[0] = ADDR(&o);
#define Z7 "\0\0\0\0\0\0\0"
#define Z8 "\0" Z7
	CHECK(&t, NULL, 0,
	      "\1"
	      "\1" Z7 "\1" Z7 "\6" Z7 "\x1f" Z7 "\1" Z7 "\1"
	      "\1" Z7 "\xff\xff\xff\xff\xff\xff\xff\xff"
	      "\xfc"
	      "\2" Z7 "ab\0"
	      "\1c\0"
	      "\1" Z8 Z8 Z8 Z8 Z8 "\0"
	      "\0"
	      "\0"
	      "\xfc"
	      "\0"
	      "\0" Z8 Z8 Z8 "\0"
	      "\0"
	      "\0\0\0\0" Z8 Z8 "\1"
	      "\1\3" Z7 "xyz"
	      "\3" Z7 "\7" Z7 "\0\0\0\0\0\0\xf0\x3f"
	      "\0"
	      "\0"
	      "\1\2\3\4"
	      "\xfe\xff\xff\xff\xff\xff\xff\xff"
	      "\2" Z7);
}

static void paths_name_what_identifies_a_call(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"o", shop_ptr(s, s->order)},
				      {"n", s->i32},
				      {"buf", s->sptr},
				      {"h", s->vptr},
				      {"w", s->wide},
				      {}};
	struct rule rules[] = {{.path = "buf", .bytes_text = "n"}, {.path = "o", .depth = 4}};
	struct line lines[] = {{4, "four", 5}};
	struct order next = {.id = 9, .lines = lines}, o = {.id = 1, .next = &next, .x = 7, .code = "code"};
	const char *const *key = KEYS("o->next->id", "buf", "h", "o->x", "o->code", "(*o).next->lines->name",
				      "o->lines->sku", "w.a");
	struct trial t;

	trial_init(&t, s, shop_func(s, "f", 0, params, rules, 2), key, 8);
	memcpy(t.call.args, (uint64_t[]){ADDR(&o), 2, ADDR("ab"), 0x1122}, 32);
	t.stack[1] = 3;
	CHECK(&t, key, 8,
	      "\x09" Z7 "\1\2" Z7 "ab"
	      "\x22\x11\0\0\0\0\0\0"
	      "\7" Z7 "code\0"
	      "\1four\0"
	      "\xfa" /* behind NULL */ "\3" Z7);
}

static void an_empty_key_makes_all_calls_alike(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"n", s->i32}, {}};
	const char *none;
	struct trial t;

	trial_init(&t, s, shop_func(s, "f", 0, params, NULL, 0), &none, 0);
	assert_int_not_equal(t.plan->key_cnt, 0);
	check(&t, &none, 0, "", 0);
}

static void what_cannot_be_read_is_a_fault(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {
		{"l", shop_cptr(s, s->line)}, {"t", s->cptr}, {"b", s->cvptr}, {"n", s->i32}, {}};
	struct rule rules[] = {{.path = "b", .bytes_text = "n"}};
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct trial t;

	trial_init(&t, s, shop_func(s, "f", 0, params, rules, 1), NULL, 0);
	memcpy(t.call.args, (uint64_t[]){ADDR(page), ADDR(page), ADDR(page), 3}, 32);
	CHECK(&t, NULL, 0,
	      "\1\xfa"
	      "\1\xfa"
	      "\1\xfa"
	      "\3" Z7);
	munmap(page, 4096);
}

static void structs_in_registers_are_keyed_by_their_members(void **state)
{
	struct shop *s = *state;
	int chars = btf__add_array(s->btf, s->u32, s->ch, 5), tag = btf__add_struct(s->btf, "tag", 16);
	struct shop_param params[] = {{"t", tag}, {"s", s->slice}, {"n", s->i128}, {}};
	struct trial t;

	btf__add_field(s->btf, "name", chars, 0, 0);
	btf__add_field(s->btf, "low", s->u8, 40, 0);
	btf__add_field(s->btf, "bits", s->u16, 48, 3);
	btf__add_field(s->btf, "more", s->i16, 51, 13);
	btf__add_field(s->btf, "high", s->i64, 64, 0);
	trial_init(&t, s, shop_func(s, "f", 0, params, NULL, 0), NULL, 0);
	memcpy(t.call.args, (uint64_t[]){0xfffd80ee00636261, -1, ADDR("s"), 1 | 2ull << 32, 5, 6}, 48);
	CHECK(&t, NULL, 0,
	      "abc\0"
	      "\x80" Z7 "\5" Z7 "\xff\xff\xff\xff\xff\xff\xff\xff"
	      "\xff\xff\xff\xff\xff\xff\xff\xff"
	      "\1s\0"
	      "\1" Z7 "\2" Z7 "\5" Z7 "\6" Z7);
}

/* --- another layout --- */

/* Recorded: struct req { int id; const char *name; char old; enum mode { OFF, ON = 1 } mode; short narrow; }
 */
struct req_then {
	int32_t id;
	const char *name;
	char old;
	enum { THEN_OFF, THEN_ON } mode;
	int16_t narrow;
};

/* The build: members moved, one added, one gone, one wider, an enumerator renumbered. */
struct req_now {
	const char *name;
	uint64_t added;
	int32_t id;
	enum { NOW_NEW, NOW_OFF, NOW_ON } mode;
	int64_t narrow;
	const char *added_text;
};

static int req_then(struct shop *s)
{
	int mode = btf__add_enum(s->btf, "mode", 4), req;

	btf__add_enum_value(s->btf, "OFF", THEN_OFF);
	btf__add_enum_value(s->btf, "ON", THEN_ON);
	req = btf__add_struct(s->btf, "req", sizeof(struct req_then));
	btf__add_field(s->btf, "id", s->i32, offsetof(struct req_then, id) * 8, 0);
	btf__add_field(s->btf, "name", s->cptr, offsetof(struct req_then, name) * 8, 0);
	btf__add_field(s->btf, "old", s->ch, offsetof(struct req_then, old) * 8, 0);
	btf__add_field(s->btf, "mode", mode, offsetof(struct req_then, mode) * 8, 0);
	btf__add_field(s->btf, "narrow", s->i16, offsetof(struct req_then, narrow) * 8, 0);
	return req;
}

static int req_now(struct shop *s)
{
	int mode = btf__add_enum(s->btf, "mode", 4), req;

	btf__add_enum_value(s->btf, "NEW", NOW_NEW);
	btf__add_enum_value(s->btf, "OFF", NOW_OFF);
	btf__add_enum_value(s->btf, "ON", NOW_ON);
	req = btf__add_struct(s->btf, "req", sizeof(struct req_now));
	btf__add_field(s->btf, "name", s->cptr, offsetof(struct req_now, name) * 8, 0);
	btf__add_field(s->btf, "added", s->u64, offsetof(struct req_now, added) * 8, 0);
	btf__add_field(s->btf, "id", s->i32, offsetof(struct req_now, id) * 8, 0);
	btf__add_field(s->btf, "mode", mode, offsetof(struct req_now, mode) * 8, 0);
	btf__add_field(s->btf, "narrow", s->i64, offsetof(struct req_now, narrow) * 8, 0);
	btf__add_field(s->btf, "added_text", s->cptr, offsetof(struct req_now, added_text) * 8, 0);
	return req;
}

static void a_key_is_the_same_across_layouts(void **state)
{
	struct shop *s = *state;
	struct req_then then = {.id = 5, .name = "n", .old = 'x', .mode = THEN_ON, .narrow = -3};
	struct req_now now = {.id = 5, .name = "n", .mode = NOW_ON, .narrow = -3};
	struct shop_param params[] = {{"req", shop_cptr(s, req_then(s))}, {"count", s->i32}, {}};
	struct shop_param renamed[] = {{"req", shop_cptr(s, req_now(s))}, {"cnt", s->i64}, {}};
	auto_buf struct buf put;
	struct trial recorded, live;
	const uint8_t *key;
	size_t len;

	trial_init(&recorded, s, shop_func(s, "f", 0, params, NULL, 0), NULL, 0);
	memcpy(recorded.call.args, (uint64_t[]){ADDR(&then), 7}, 16);
	trial_enter(&recorded);
	free(trial_json(&recorded));
	trial_init(&live, s, shop_func(s, "f", 0, renamed, NULL, 0), NULL, 0);
	memcpy(live.call.args, (uint64_t[]){ADDR(&now), 7}, 16);
	trial_enter(&live);
	len = trial_key(&live, &key);
	buf_init(&put, KEY_BYTES_MAX);
	assert_int_equal(key_put(&put, live.shape, &recorded.values, NULL, 0, NULL, NULL), 0);
	assert_bytes("recorded", put.data, put.len, key, len);
	trial_release(&recorded);
	trial_release(&live);
}

static void a_number_that_does_not_fit_matches_nothing(void **state)
{
	struct shop *s = *state;
	struct shop_param wide[] = {{"n", s->i64}, {}}, narrow[] = {{"n", s->i32}, {}};
	auto_buf struct buf put;
	struct trial recorded, live;

	trial_init(&recorded, s, shop_func(s, "f", 0, wide, NULL, 0), NULL, 0);
	recorded.call.args[0] = 1 | 1ull << 32;
	trial_enter(&recorded);
	free(trial_json(&recorded));
	trial_init(&live, s, shop_func(s, "f", 0, narrow, NULL, 0), NULL, 0);
	buf_init(&put, KEY_BYTES_MAX);
	assert_int_equal(key_put(&put, live.shape, &recorded.values, NULL, 0, NULL, NULL), 0);
	assert_bytes("recorded", put.data, put.len, "\xfa", 1);
	trial_release(&recorded);
	trial_release(&live);
}

static void wrong_paths_are_told_in_words(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {
		{"o", shop_cptr(s, s->order)}, {"out", shop_ptr(s, s->i32)}, {"n", s->i32}, {}};
	struct rule rules[] = {{.path = "out", .direction = DIRECTION_OUT},
			       {.path = "o->lines", .count_text = "n"}};
	const struct {
		const char *key, *msg, *hint;
	} cases[] = {
		{"m", "no parameter 'm'", "the parameters are 'o', 'out', 'n'"},
		{"o->ip", "no member 'ip' in 'struct order'", "did you mean 'id'?"},
		{"return", "key 'return' is not known at entry", ""},
		{"o->next->next->next", "key 'o->next->next->next' is not captured: deeper than depth 3", ""},
		{"out", "key 'out' flows out only: it is not known at entry", ""},
		{"o->lines[]", "key 'o->lines[]' names each element: name the whole array", ""},
		{"o->lines[1].sku", "key 'o->lines[1].sku' names one of a varying number of elements", ""},
	};
	auto_shape struct shape *shape = NULL;
	struct plan *plan = calloc(1, sizeof(*plan));
	struct values values = {};

	assert_int_equal(shape_build(&shape, s->schema, shop_func(s, "f", 0, params, rules, 2), NULL, NULL),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf struct buf put;
		struct err err = {}, put_err = {};

		buf_init(&put, KEY_BYTES_MAX);
		assert_int_equal(planner_compile(plan, shape, &cases[i].key, 1, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(err.hint, cases[i].hint);
		assert_true(err.is_usage);
		assert_int_equal(key_put(&put, shape, &values, &cases[i].key, 1, NULL, &put_err), -EINVAL);
		assert_string_equal(put_err.msg, cases[i].msg);
	}
	free(plan);
}

/* Fill with what repeats nowhere near. */
static char *big_data(size_t len)
{
	char *big = malloc(len);

	for (size_t i = 0; i < len; i++)
		big[i] = i * 7 + (i >> 8) * 13 + (i >> 16);
	return big;
}

static void a_long_key_is_a_hash_of_it_all(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"b", s->cvptr}, {"t", s->cptr}, {"c", s->cvptr}, {}};
	struct rule rules[] = {{.path = "b", .bytes_text = "900001", .max = 1 << 20},
			       {.path = "c", .bytes_text = "100003", .max = 1 << 20}};
	char *big = big_data(900001);
	size_t changed[] = {0, 65500, 899999, 65536};
	uint8_t before[24];

	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		auto_buf struct buf put;
		const uint8_t *live;
		struct trial t;
		size_t len;

		trial_init(&t, s, shop_func(s, "f", 0, params, rules, 2), NULL, 0);
		big[changed[i]]++;
		memcpy(t.call.args, (uint64_t[]){ADDR(big), ADDR("some text"), ADDR(big + 7)}, 24);
		trial_enter(&t);
		trial_leave(&t);
		free(trial_json(&t));
		len = trial_key(&t, &live);
		assert_int_equal(len, 24);
		assert_memory_not_equal(live, before, 16);
		memcpy(before, live, sizeof(before));
		buf_init(&put, 16 * KEY_BYTES_MAX);
		assert_int_equal(key_put(&put, t.shape, &t.values, NULL, 0, NULL, NULL), 0);
		assert_bytes("recorded", put.data, put.len, live, len);
		trial_release(&t);
	}
	free(big);
}

static void a_key_is_itself_up_to_the_limit(void **state)
{
	struct shop *s = *state;
	struct shop_param params[] = {{"b", s->cvptr}, {"n", s->i32}, {}};
	struct rule rules[] = {{.path = "b", .bytes_text = "n", .max = 1 << 20}};
	char *big = big_data(KEY_BYTES_MAX);

	for (int64_t more = 0; more < 2; more++) {
		struct trial t;
		const uint8_t *live;

		trial_init(&t, s, shop_func(s, "f", 0, params, rules, 1), NULL, 0);
		memcpy(t.call.args, (uint64_t[]){ADDR(big), KEY_BYTES_MAX - 17 + more}, 16);
		trial_enter(&t);
		assert_int_equal(trial_key(&t, &live), more ? 24 : KEY_BYTES_MAX);
		trial_release(&t);
	}
	free(big);
}

/* What is at the depth limit behind one parameter is near behind another. */
static void an_object_met_at_two_depths_is_keyed_at_both(void **state)
{
	struct shop *s = *state;
	struct order five = {.id = 5}, four = {.id = 4, .next = &five}, three = {.id = 3, .next = &four},
		     two = {.id = 2, .next = &three}, one = {.id = 1, .next = &two};
	const uint64_t args[][2] = {
		{ADDR(&one), ADDR(&three)}, {ADDR(&three), ADDR(&one)}, {ADDR(&one), ADDR(&one)}};
	struct shop_param params[] = {{"a", shop_cptr(s, s->order)}, {"b", shop_cptr(s, s->order)}, {}};

	for (int is_cyclic = 0; is_cyclic < 2; is_cyclic++) {
		five.next = is_cyclic ? &two : NULL;
		for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
			auto_buf struct buf put;
			const uint8_t *live;
			struct trial t;
			size_t len;

			trial_init(&t, s, shop_func(s, "f", 0, params, NULL, 0), NULL, 0);
			memcpy(t.call.args, args[i], sizeof(args[i]));
			trial_enter(&t);
			trial_leave(&t);
			free(trial_json(&t));
			len = trial_key(&t, &live);
			buf_init(&put, KEY_BYTES_MAX);
			assert_int_equal(key_put(&put, t.shape, &t.values, NULL, 0, NULL, NULL), 0);
			assert_bytes("recorded", put.data, put.len, live, len);
			trial_release(&t);
		}
	}
}

static size_t printer(struct shop *s, bool is_list)
{
	static const struct rule rules[] = {{.path = "fmt", .is_format = true}};
	int tag = btf__add_struct(s->btf, "__va_list_tag", 24);
	int list = shop_ptr(s, tag);
	struct shop_param plain[] = {{"level", s->i32}, {"fmt", s->cptr}, {"", 0}, {}};
	struct shop_param listed[] = {{"level", s->i32}, {"fmt", s->cptr}, {"ap", list}, {}};

	return shop_func(s, "f", 0, is_list ? listed : plain, rules, 1);
}

#define FORMAT_TEXT "%s|%-*d|%.2s|%f|%hhu|%p|%Lf|%g|%ls|%lld"
#define FORMAT_KEY                                                                                           \
	"\3\0\0\0\0\0\0\0"                                                                                   \
	"\1" FORMAT_TEXT "\0"                                                                                \
	"\1bob\0"                                                                                            \
	"\7\0\0\0\0\0\0\0"                                                                                   \
	"\xff\xff\xff\xff\xff\xff\xff\xff"                                                                   \
	"\1al\0"                                                                                             \
	"\0\0\0\0\0\0\xf8\x3f"                                                                               \
	"\x2c\0\0\0\0\0\0\0"                                                                                 \
	"\1"                                                                                                 \
	"\0\0\0\0\0\0\0\x80\0\x40"                                                                           \
	"\0\0\0\0\0\0\xe0\x3f"                                                                               \
	"\xfc"                                                                                               \
	"\5\0\0\0\0\0\0\0"

static void put_double(uint64_t to[2], double number)
{
	memcpy(to, &number, sizeof(number));
}

static void variable_arguments_are_what_the_format_says(void **state)
{
	struct shop *s = *state;
	long double two = 2;
	struct trial t;

	trial_init(&t, s, printer(s, false), NULL, 0);
	memcpy(t.call.args,
	       (uint64_t[]){3, ADDR(FORMAT_TEXT), ADDR("bob"), 7, 0xaaaaaaaaffffffff, ADDR("alice")}, 48);
	put_double(t.fp_in[0], 1.5);
	put_double(t.fp_in[1], 0.5);
	t.stack[1] = 300;
	t.stack[2] = ADDR(&t);
	/* The stack is taken for aligned at its first argument: a long double lies at a multiple of 16. */
	memcpy((void *)((ADDR(&t.stack[3]) + 15) & ~15ull), &two, 10);
	memcpy((char *)((ADDR(&t.stack[3]) + 15) & ~15ull) + 16, (uint64_t[]){ADDR(L"wide"), 5}, 16);
	CHECK(&t, NULL, 0, FORMAT_KEY);
}

static void check_list(struct trial *t, ...)
{
	va_list ap;

	va_start(ap, t);
	memcpy(t->call.args, (uint64_t[]){3, ADDR(FORMAT_TEXT), ADDR(ap)}, 24);
	CHECK(t, NULL, 0, FORMAT_KEY);
	va_end(ap);
}

static void a_va_list_has_the_key_of_its_arguments(void **state)
{
	struct shop *s = *state;
	struct trial t;

	trial_init(&t, s, printer(s, true), NULL, 0);
	check_list(&t, "bob", 7, -1, "alice", 1.5, 300, &t, 2.0L, 0.5, L"wide", 5ll);
}

static void what_no_conversion_is_ends_the_key(void **state)
{
	struct shop *s = *state;
	struct trial t;

	trial_init(&t, s, printer(s, false), NULL, 0);
	memcpy(t.call.args, (uint64_t[]){3, ADDR("%d%y%d"), 1, 2}, 32);
	CHECK(&t, NULL, 0,
	      "\3\0\0\0\0\0\0\0"
	      "\1%d%y%d\0"
	      "\1\0\0\0\0\0\0\0"
	      "\xfc");
}

static void a_double_that_could_not_be_read_has_no_key(void **state)
{
	struct shop *s = *state;
	auto_buf struct buf put;
	struct err err = {};
	struct trial t;

	buf_init(&put, KEY_BYTES_MAX);
	trial_init(&t, s, printer(s, false), NULL, 0);
	t.fp_unread = true;
	memcpy(t.call.args, (uint64_t[]){3, ADDR("%f")}, 16);
	trial_enter(&t);
	trial_leave(&t);
	free(trial_json(&t));
	assert_int_equal(key_put(&put, t.shape, &t.values, NULL, 0, NULL, &err), -ENODATA);
	assert_string_equal(err.msg, "'...[0]' is part of its key, and was not captured: the floating-point "
				     "registers could not be read");
	trial_release(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shop_setup, shop_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_default_key_is_scalars_text_and_what_const_points_to),
		TEST(a_tagged_union_is_its_live_member),
		TEST(a_written_direction_takes_part),
		TEST(every_kind_has_its_bytes),
		TEST(paths_name_what_identifies_a_call),
		TEST(an_empty_key_makes_all_calls_alike),
		TEST(what_cannot_be_read_is_a_fault),
		TEST(structs_in_registers_are_keyed_by_their_members),
		TEST(a_key_is_the_same_across_layouts),
		TEST(a_number_that_does_not_fit_matches_nothing),
		TEST(wrong_paths_are_told_in_words),
		TEST(a_long_key_is_a_hash_of_it_all),
		TEST(a_key_is_itself_up_to_the_limit),
		TEST(an_object_met_at_two_depths_is_keyed_at_both),
		TEST(variable_arguments_are_what_the_format_says),
		TEST(a_va_list_has_the_key_of_its_arguments),
		TEST(what_no_conversion_is_ends_the_key),
		TEST(a_double_that_could_not_be_read_has_no_key),
	};

	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
