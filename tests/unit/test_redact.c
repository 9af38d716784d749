// SPDX-License-Identifier: BSD-3-Clause
#include "lib/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/digest.h"
#include "lib/recording.h"
#include "lib/rule.h"
#include "lib/shape.h"
#include "tests/support/shop.h"

/* int put(const char *text, int number, __int128 wide) */
static struct shop shop;
static struct shape *shape;
static struct call call;
static struct fragment fragment;
static char bytes[32];

static int setup(void **state)
{
	struct shop_param params[] = {{"text"}, {"number"}, {"wide"}, {}};

	shop_init(&shop);
	params[0].type = shop.cptr;
	params[1].type = shop.i32;
	params[2].type = shop.i128;
	shop_func(&shop, "put", shop.i32, params, NULL, 0);
	assert_int_equal(shape_build(&shape, shop.schema, 0, NULL, NULL), 0);
	strcpy(bytes, "4111 1111");
	fragment = (struct fragment){.addr = 0x1000,
				     .len = 10,
				     .captured = 10,
				     .node = shape->params[0].node,
				     .bytes = (const uint8_t *)bytes};
	call = (struct call){.args = {0x1000, 4711, 7, 8}, .in = {.fragments = &fragment, .cnt = 1}};
	return 0;
}

static int teardown(void **state)
{
	shape_free(shape);
	shop_release(&shop);
	return 0;
}

static void redact(int param, enum redact how, const char *key)
{
	const struct redact_key with = {key, key ? strlen(key) : 0};

	shape->nodes[shape->params[param].node].redact = how;
	assert_true(redact_concerns(shape));
	redact_call(&call, shape, &with);
}

static void nothing_is_changed_where_nothing_is_said(void **state)
{
	assert_false(redact_concerns(shape));
	redact_call(&call, shape, NULL);
	assert_string_equal(bytes, "4111 1111");
	assert_int_equal(call.args[1], 4711);
}

static void a_mask_keeps_the_length_and_the_pointer(void **state)
{
	redact(0, REDACT_MASK, NULL);
	assert_string_equal(bytes, "*********");
	assert_int_equal(call.args[0], 0x1000);
	assert_int_equal(call.args[1], 4711);
}

static void a_digest_is_that_of_the_text_and_the_key(void **state)
{
	char hex[DIGEST_HEX_LEN + 1];

	redact(0, REDACT_HMAC, "key");
	digest_hmac_hex("key", 3, "4111 1111", 9, hex);
	hex[9] = '\0';
	assert_string_equal(bytes, hex);
}

static void without_a_key_nothing_is_left(void **state)
{
	static const char zeros[10];

	redact(0, REDACT_HMAC, NULL);
	assert_memory_equal(bytes, zeros, sizeof(zeros));
}

static void a_number_in_a_register_goes_and_what_lies_beside_it_stays(void **state)
{
	call.args[1] = 0xaaaaaaaa00001267;
	redact(1, REDACT_DROP, NULL);
	assert_int_equal(call.args[1], 0xaaaaaaaa00000000);
	assert_string_equal(bytes, "4111 1111");
}

static void a_number_in_two_registers_goes_from_both(void **state)
{
	redact(2, REDACT_DROP, NULL);
	assert_int_equal(call.args[1], 4711);
	assert_int_equal(call.args[2], 0);
	assert_int_equal(call.args[3], 0);
}

static void text_that_was_cut_is_redacted_as_far_as_it_is_there(void **state)
{
	fragment.captured = 4;
	redact(0, REDACT_MASK, NULL);
	assert_string_equal(bytes, "**** 1111");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_changed_where_nothing_is_said),
		TEST(a_mask_keeps_the_length_and_the_pointer),
		TEST(a_digest_is_that_of_the_text_and_the_key),
		TEST(without_a_key_nothing_is_left),
		TEST(a_number_in_a_register_goes_and_what_lies_beside_it_stays),
		TEST(a_number_in_two_registers_goes_from_both),
		TEST(text_that_was_cut_is_redacted_as_far_as_it_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
