// SPDX-License-Identifier: BSD-3-Clause
#include "replay/compare.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/util.h"
#include "tests/support/made.h"

#define TEXT_MAX (64 * 1024)

static struct pool *pool;
static struct compare_rules rules;
static size_t passed_over;

static int setup(void **state)
{
	pool = pool_new();
	rules = (struct compare_rules){};
	return 0;
}

static int teardown(void **state)
{
	pool_free(pool);
	return 0;
}

/* Differences as lines "path recorded replayed". */
static void expect(const struct value *a, const struct value *b, const char *want)
{
	struct handle_map *handles = handle_map_new();
	struct differences found = {};
	auto_buf struct buf text;

	buf_init(&text, TEXT_MAX);
	assert_int_equal(compare_value(&found, "", a, b, &rules, handles, NULL), 0);
	for (size_t i = 0; i < found.cnt; i++) {
		struct difference *row = &found.row[i];
		autofree char *x = row->recorded ? json_print(row->recorded) : strdup("-");
		autofree char *y = row->replayed ? json_print(row->replayed) : strdup("-");

		buf_printf(&text, "%s%s %s %s", i ? "\n" : "", row->path, x, y);
	}
	buf_put_u8(&text, 0);
	assert_string_equal((char *)text.data, want);
	passed_over = found.unavailable;
	differences_release(&found);
	handle_map_free(handles);
}

static struct value *num(const char *name, enum value_kind kind, uint8_t size, bool is_signed, uint64_t bits,
			 const char *text)
{
	struct value *v = made_int(pool, name, 0);

	v->kind = kind;
	v->size = size;
	v->is_signed = is_signed;
	v->bits = bits;
	v->text = text;
	return v;
}

static void numbers_compare_by_value(void **state)
{
	static const struct {
		enum value_kind a_kind, b_kind;
		uint8_t a_size, b_size;
		bool a_signed, b_signed;
		uint64_t a, b;
		const char *a_name, *b_name, *want;
	} cases[] = {
		{VALUE_INT, VALUE_INT, 4, 8, true, true, -1ull, -1ull, NULL, NULL, ""},
		{VALUE_INT, VALUE_INT, 4, 8, false, true, 7, 7, NULL, NULL, ""},
		{VALUE_INT, VALUE_INT, 8, 8, true, false, -1ull, -1ull, NULL, NULL,
		 "x -1 \"18446744073709551615\""},
		{VALUE_BOOL, VALUE_INT, 1, 4, false, true, 1, 1, NULL, NULL, ""},
		{VALUE_BOOL, VALUE_BOOL, 1, 1, false, false, 1, 0, NULL, NULL, "x true false"},
		/* Renumbered, the same name: the same. */
		{VALUE_ENUM, VALUE_ENUM, 4, 4, false, false, 1, 2, "PAID", "PAID", ""},
		{VALUE_ENUM, VALUE_ENUM, 4, 4, false, false, 1, 1, "PAID", "OPEN", "x \"PAID\" \"OPEN\""},
		{VALUE_ENUM, VALUE_ENUM, 4, 4, false, false, 9, 9, NULL, "OPEN", ""},
		{VALUE_ENUM, VALUE_INT, 4, 4, false, true, 3, 3, "PAID", NULL, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(num("x", cases[i].a_kind, cases[i].a_size, cases[i].a_signed, cases[i].a,
			   cases[i].a_name),
		       num("x", cases[i].b_kind, cases[i].b_size, cases[i].b_signed, cases[i].b,
			   cases[i].b_name),
		       cases[i].want);
}

static struct value *real(const char *name, double *d)
{
	struct value *v = made_int(pool, name, 0);

	v->kind = VALUE_FLOAT;
	v->bytes = (const uint8_t *)d;
	v->len = v->size = sizeof(*d);
	return v;
}

static void floats_compare_bit_by_bit(void **state)
{
	double nan = __builtin_nan(""), zero = 0, minus = -0.0, a = 0.3, b = 0.1 + 0.2;

	expect(real("x", &nan), real("x", &nan), "");
	expect(real("x", &zero), real("x", &minus), "x 0 -0.0");
	expect(real("x", &a), real("x", &b), "x 0.3 0.30000000000000004");
}

static void a_tolerance_is_absolute_and_for_its_path_alone(void **state)
{
	struct compare_rule tolerance = {.kind = COMPARE_TOLERANCE, .path = "x", .absolute = 2};
	double a = 1, b = 3, c = 3.5, nan = __builtin_nan("");

	rules = (struct compare_rules){&tolerance, 1};
	expect(real("x", &a), real("x", &b), "");
	expect(real("x", &a), real("x", &c), "x 1 3.5");
	expect(real("x", &a), real("x", &nan), "x 1 \"nan\"");
	expect(made_int(pool, "x", 10), made_int(pool, "x", 8), "");
	expect(made_int(pool, "x", 10), made_int(pool, "x", 7), "x 10 7");
	expect(made_int(pool, "y", 10), made_int(pool, "y", 8), "y 10 8");
}

static void a_tolerance_is_relative_or_in_steps_too(void **state)
{
	struct compare_rule tolerance = {.kind = COMPARE_TOLERANCE, .path = "x", .relative = 0.01};
	double a = 200, b = 202, c = 202.1, inf = __builtin_inf(), zero = 0;
	double next = __builtin_nextafter(200, 300), third = __builtin_nextafter(next, 300);

	rules = (struct compare_rules){&tolerance, 1};
	expect(real("x", &a), real("x", &b), "");
	expect(real("x", &a), real("x", &c), "x 200 202.1");
	expect(real("x", &inf), real("x", &a), "x \"inf\" 200");
	expect(made_int(pool, "x", 100), made_int(pool, "x", 99), "");
	expect(made_int(pool, "x", 100), made_int(pool, "x", 98), "x 100 98");
	tolerance = (struct compare_rule){.kind = COMPARE_TOLERANCE, .path = "x", .ulp = 1};
	expect(real("x", &a), real("x", &next), "");
	expect(real("x", &a), real("x", &third), "x 200 200.00000000000006");
	expect(real("x", &zero), real("x", &a), "x 0 200");
}

static void text_that_must_match_only_has_to_look_right(void **state)
{
	struct compare_rule match = {.kind = COMPARE_MATCH, .path = "id", .pattern = "^[0-9a-f]{4}$"};
	struct value *a = made_pointer(pool, "id", 0x1000, made_text(pool, NULL, "12ab"));

	rules = (struct compare_rules){&match, 1};
	expect(a, made_pointer(pool, "id", 0x1000, made_text(pool, NULL, "ff00")), "");
	expect(a, made_pointer(pool, "id", 0x1000, made_text(pool, NULL, "ff00f")), "id \"12ab\" \"ff00f\"");
	expect(a, made_pointer(pool, "id", 0, NULL), "id \"12ab\" null");
	expect(made_pointer(pool, "id", 1, made_text(pool, NULL, "x")),
	       made_pointer(pool, "id", 1, made_text(pool, NULL, "12ab")), "id \"x\" \"12ab\"");
}

static void pointers_are_equal_when_their_data_is(void **state)
{
	struct value *a = made_pointer(pool, "s", 0x1000, made_text(pool, NULL, "abc"));
	struct value *b = made_pointer(pool, "s", 0x2000, made_text(pool, NULL, "abc"));

	expect(a, b, "");
	expect(a, made_pointer(pool, "s", 0, NULL), "s \"abc\" null");
	expect(a, made_pointer(pool, "s", 0x1000, made_text(pool, NULL, "abd")), "s \"abc\" \"abd\"");
	expect(made_pointer(pool, "n", 1, made_int(pool, NULL, 1)),
	       made_pointer(pool, "n", 1, made_int(pool, NULL, 2)), "*n 1 2");
}

static void members_are_met_by_name(void **state)
{
	struct value *a = made_group(pool, VALUE_STRUCT, "s", made_int(pool, "x", 1), made_int(pool, "y", 2),
				     made_int(pool, "gone", 3), NULL);
	struct value *b = made_group(pool, VALUE_STRUCT, "s", made_int(pool, "y", 2),
				     made_int(pool, "new", 9), made_int(pool, "x", 5), NULL);

	expect(a, b, "s.x 1 5");
}

/* reply->lines[] of {sku, qty} */
static struct value *reply_of(const char *const *skus, size_t cnt)
{
	struct value *lines = made_group(pool, VALUE_ARRAY, NULL, NULL), *reply;

	for (size_t i = 0; i < cnt; i++) {
		struct value *line = made_group(pool, VALUE_STRUCT, NULL, made_text(pool, "sku", skus[i]),
						made_int(pool, "qty", skus[i][0]), NULL);

		line->parent = lines;
		lines->child[lines->child_cnt++] = line;
	}
	reply = made_group(pool, VALUE_STRUCT, NULL, made_pointer(pool, "lines", 0x9000, lines),
			   made_int(pool, "seen_at", rand()), NULL);
	return made_pointer(pool, "reply", 0x8000, reply);
}

static const char *const abc[] = {"A", "B", "C"}, *const acb[] = {"A", "C", "B"},
			 *const axb[] = {"A", "X", "B"};

static void differences_have_configuration_paths(void **state)
{
	struct compare_rule ignore = {.kind = COMPARE_IGNORE, .path = "reply->seen_at"};

	rules = (struct compare_rules){&ignore, 1};
	expect(reply_of(abc, 3), reply_of(abc, 3), "");
	expect(reply_of(abc, 3), reply_of(axb, 3),
	       "reply->lines[1].sku \"B\" \"X\"\nreply->lines[1].qty 66 88\n"
	       "reply->lines[2].sku \"C\" \"B\"\nreply->lines[2].qty 67 66");
	expect(reply_of(abc, 3), reply_of(abc, 2), "reply->lines[2] {\"sku\":\"C\",\"qty\":67} -");
	expect(reply_of(abc, 1), reply_of(abc, 2), "reply->lines[1] - {\"sku\":\"B\",\"qty\":66}");
}

static void an_ignored_path_hides_all_beneath_it(void **state)
{
	static const struct {
		const char *ignore, *want;
	} cases[] = {
		{"reply", ""},
		{"reply->lines", ""},
		{"reply->lines[]", ""},
		{"reply->lines[].qty", "reply->lines[1].sku \"B\" \"X\""},
		{"reply->lines[1].qty", "reply->lines[1].sku \"B\" \"X\""},
		{"reply->lines[1]", ""},
		{"*reply", ""},
		{"reply->lines[0]", "reply->lines[1].sku \"B\" \"X\"\nreply->lines[1].qty 66 88"},
	};
	struct compare_rule ignore[] = {{.kind = COMPARE_IGNORE, .path = "reply->seen_at"},
					{.kind = COMPARE_IGNORE}};

	rules = (struct compare_rules){ignore, 2};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ignore[1].path = (char *)cases[i].ignore;
		expect(reply_of(abc, 2), reply_of(axb, 2), cases[i].want);
	}
}

static void an_unordered_array_is_a_multiset(void **state)
{
	struct compare_rule row[] = {{.kind = COMPARE_IGNORE, .path = "reply->seen_at"},
				     {.kind = COMPARE_UNORDERED, .path = "reply->lines[]"}};
	static const char *const aab[] = {"A", "A", "B"};

	rules = (struct compare_rules){row, 2};
	expect(reply_of(abc, 3), reply_of(acb, 3), "");
	expect(reply_of(abc, 3), reply_of(aab, 3),
	       "reply->lines[2].sku \"C\" \"A\"\nreply->lines[2].qty 67 65");
	expect(reply_of(acb, 3), reply_of(abc, 2), "reply->lines[1] {\"sku\":\"C\",\"qty\":67} -");
}

static void elements_with_a_key_are_found_by_it(void **state)
{
	struct compare_rule row[] = {
		{.kind = COMPARE_IGNORE, .pattern = "_at$"},
		{.kind = COMPARE_KEYED, .path = "reply->lines[]", .key = "sku"},
		{.kind = COMPARE_IGNORE, .path = "reply->lines[].qty"},
	};
	static const char *const cab[] = {"C", "A", "B"}, *const aab[] = {"A", "A", "B"};

	rules = (struct compare_rules){row, 2};
	expect(reply_of(abc, 3), reply_of(cab, 3), "");
	expect(reply_of(abc, 3), reply_of(acb, 2), "reply->lines[1] {\"sku\":\"B\",\"qty\":66} -");
	expect(reply_of(abc, 2), reply_of(cab, 3), "reply->lines[0] - {\"sku\":\"C\",\"qty\":67}");
	/* A key that stands twice is met twice. */
	expect(reply_of(aab, 3), reply_of(abc, 3),
	       "reply->lines[1] {\"sku\":\"A\",\"qty\":65} -\nreply->lines[2] - {\"sku\":\"C\",\"qty\":67}");
	rules.cnt = 3;
	expect(reply_of(abc, 3), reply_of(cab, 3), "");
}

static void add_element(struct value *array, int number)
{
	struct value *element = made_int(pool, NULL, number);

	element->parent = array;
	array->child[array->child_cnt++] = element;
}

static void of_a_long_array_the_first_differences_are_told_and_the_rest_counted(void **state)
{
	struct value *a = made_group(pool, VALUE_ARRAY, "a", NULL),
		     *b = made_group(pool, VALUE_ARRAY, "a", NULL);
	struct handle_map *handles = handle_map_new();
	struct differences found = {};

	for (int i = 0; i < 30; i++) {
		add_element(a, i);
		add_element(b, i < 5 ? i : i + 1);
	}
	assert_int_equal(compare_value(&found, "", a, b, &rules, handles, NULL), 0);
	assert_int_equal(found.cnt, 20);
	assert_string_equal(found.row[0].path, "a[5]");
	assert_int_equal(found.more, 5);
	differences_release(&found);
	handle_map_free(handles);
}

/* What the recorder could not read is no difference, and not equal either. */
static void a_register_that_could_not_be_read_is_noted(void **state)
{
	struct value *lost = made_unavailable(pool, "x", "the floating-point registers could not be read");
	struct handle_map *handles = handle_map_new();
	struct differences found = {};
	double one = 1;

	lost->is_unread = true;
	assert_int_equal(compare_value(&found, "calls[put#1].", lost, real("x", &one), &rules, handles, NULL),
			 0);
	assert_int_equal(found.cnt, 0);
	assert_string_equal(found.unread, "calls[put#1].x");
	differences_release(&found);
	assert_null(found.unread);
	handle_map_free(handles);
	expect(real("x", &one), lost,
	       "x 1 {\"unavailable\":\"the floating-point registers could not be read\"}");
	expect(lost, lost, "");
	assert_int_equal(passed_over, 1);
}

static void unavailable_is_never_equal_by_assumption(void **state)
{
	struct value *lost = made_unavailable(pool, "x", "memory at 0x1 could not be read");

	expect(lost, made_int(pool, "x", 1), "x {\"unavailable\":\"memory at 0x1 could not be read\"} 1");
	expect(made_int(pool, "x", 1), lost, "x 1 {\"unavailable\":\"memory at 0x1 could not be read\"}");
	assert_int_equal(passed_over, 0);
	expect(lost, made_unavailable(pool, "x", "another reason"), "");
	assert_int_equal(passed_over, 1);
}

static struct value *cut(const char *text, uint64_t full_len)
{
	struct value *v = made_text(pool, "t", text);

	v->is_truncated = true;
	v->full_len = full_len;
	return v;
}

static void what_a_limit_cut_compares_as_far_as_it_is_there(void **state)
{
	expect(cut("abc", 10), cut("abc", 10), "");
	assert_int_equal(passed_over, 1);
	expect(cut("abc", 10), cut("abc", 11),
	       "t {\"truncated\":\"abc\",\"length\":10} {\"truncated\":\"abc\",\"length\":11}");
	expect(cut("abc", 0), cut("abd", 0),
	       "t {\"truncated\":\"abc\",\"length\":null} {\"truncated\":\"abd\",\"length\":null}");
	expect(cut("abc", 0), made_text(pool, "t", "abc"),
	       "t {\"truncated\":\"abc\",\"length\":null} \"abc\"");
	expect(cut("abc", 0), made_text(pool, "t", "abcd"), "");
	assert_int_equal(passed_over, 1);
}

static void handles_are_mapped_one_to_one(void **state)
{
	struct handle_map *map = handle_map_new();

	assert_true(handle_map_agrees(map, 0x10, 0x20, false));
	assert_true(handle_map_agrees(map, 0x10, 0x99, false));
	assert_true(handle_map_agrees(map, 0x10, 0x20, true));
	assert_true(handle_map_agrees(map, 0x10, 0x20, true));
	assert_false(handle_map_agrees(map, 0x10, 0x21, true));
	assert_false(handle_map_agrees(map, 0x11, 0x20, true));
	for (uint64_t i = 0x100; i < 0x1000; i++)
		assert_true(handle_map_agrees(map, i, i << 8, true));
	assert_false(handle_map_agrees(map, 0x100, 0x101 << 8, true));
	handle_map_free(map);
}

static struct value *ref(const char *name, const struct value *target, const char *path)
{
	struct value *v = made_pointer(pool, name, 0x7000, NULL);

	v->kind = VALUE_REF;
	v->target = target;
	v->path = (char *)path;
	return v;
}

/* {first: pointer to *object, second: pointer or ref} */
static struct value *twice(int n, const char *second)
{
	struct value *object = made_group(pool, VALUE_STRUCT, NULL, made_int(pool, "n", n), NULL);
	struct value *copy = made_group(pool, VALUE_STRUCT, NULL, made_int(pool, "n", n), NULL);

	return made_group(pool, VALUE_STRUCT, "s", made_pointer(pool, "first", 0x7000, object),
			  second ? ref("second", object, second) : made_pointer(pool, "second", 0x7100, copy),
			  NULL);
}

static void a_reference_equals_the_same_data(void **state)
{
	expect(twice(1, "out.s.first"), twice(1, "out.s.first"), "");
	expect(twice(1, "out.s.first"), twice(1, NULL), "");
	expect(twice(1, "out.s.first"), twice(2, "out.s.first"), "s.first->n 1 2");
	expect(twice(1, "out.s.first"), twice(2, NULL), "s.first->n 1 2");
}

static void a_cycle_is_compared_once_round(void **state)
{
	struct value *s[2];

	for (int i = 0; i < 2; i++) {
		struct value *v = made_group(pool, VALUE_STRUCT, NULL, made_int(pool, "n", i), NULL);

		v->child[v->child_cnt++] = ref("next", v, i ? "a" : "b");
		v->child[1]->parent = v;
		s[i] = made_pointer(pool, "p", 0x10, v);
	}
	expect(s[0], s[1], "p->n 0 1");
}

static void many_differences_are_counted(void **state)
{
	struct differences found = {};
	struct handle_map *handles = handle_map_new();

	for (int i = 0; i < DIFFERENCES_MAX + 5; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "calls[x#%d].", i);
		assert_int_equal(compare_value(&found, prefix, made_int(pool, "a", 1), made_int(pool, "a", 2),
					       NULL, handles, NULL),
				 0);
	}
	assert_int_equal(found.cnt, DIFFERENCES_MAX);
	assert_int_equal(found.more, 5);
	assert_string_equal(found.row[7].path, "calls[x#7].a");
	differences_release(&found);
	handle_map_free(handles);
}

static void one_side_alone_is_a_difference(void **state)
{
	expect(made_int(pool, "return", 1), NULL, "return 1 -");
	expect(NULL, made_int(pool, "return", 1), "return - 1");
	expect(NULL, NULL, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_compare_by_value),
		TEST(floats_compare_bit_by_bit),
		TEST(a_tolerance_is_absolute_and_for_its_path_alone),
		TEST(a_tolerance_is_relative_or_in_steps_too),
		TEST(text_that_must_match_only_has_to_look_right),
		TEST(pointers_are_equal_when_their_data_is),
		TEST(members_are_met_by_name),
		TEST(differences_have_configuration_paths),
		TEST(an_ignored_path_hides_all_beneath_it),
		TEST(an_unordered_array_is_a_multiset),
		TEST(elements_with_a_key_are_found_by_it),
		TEST(of_a_long_array_the_first_differences_are_told_and_the_rest_counted),
		TEST(unavailable_is_never_equal_by_assumption),
		TEST(a_register_that_could_not_be_read_is_noted),
		TEST(what_a_limit_cut_compares_as_far_as_it_is_there),
		TEST(handles_are_mapped_one_to_one),
		TEST(a_reference_equals_the_same_data),
		TEST(a_cycle_is_compared_once_round),
		TEST(many_differences_are_counted),
		TEST(one_side_alone_is_a_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
