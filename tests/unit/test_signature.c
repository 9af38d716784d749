// SPDX-License-Identifier: BSD-3-Clause
#include "lib/signature.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/shape.h"
#include "lib/store.h"
#include "tests/support/shop.h"

/* int handle(int kind, const char *who), an operation; int get(int n), an input */
static struct shop shop;
static struct cassette *cassette;
static struct store *store;

static int setup(void **state)
{
	struct shop_param handle[] = {{"kind"}, {"who"}, {}}, get[] = {{"n"}, {}};

	shop_init(&shop);
	handle[0].type = get[0].type = shop.i32;
	handle[1].type = shop.cptr;
	shop_func(&shop, "handle", shop.i32, handle, NULL, 0);
	shop_func(&shop, "get", shop.i32, get, NULL, 0);
	assert_int_equal(cassette_open(&cassette, "mem:", true, NULL), 0);
	assert_int_equal(store_new(&store, cassette, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	store_free(store);
	cassette_close(cassette);
	shop_release(&shop);
	return 0;
}

/* One that asked so often, the last time for @n. */
static uint64_t signature(int kind, const char *who, int calls, int n)
{
	auto_recording struct recording *recording = NULL;
	const struct shape *shape;
	struct fragment fragment;
	uint64_t out = 0;

	assert_int_equal(store_shape(store, shop.schema, 0, &shape, NULL), 0);
	assert_int_equal(recording_new(&recording, NULL), 0);
	fragment = (struct fragment){.addr = 0x1000,
				     .len = who ? strlen(who) + 1 : 0,
				     .captured = who ? strlen(who) + 1 : 0,
				     .node = shape->params[1].node,
				     .bytes = (const uint8_t *)who};
	recording->operation = (struct call){.left = LEFT_RETURN, .args = {kind, who ? 0x1000 : 0}};
	if (who)
		recording->operation.in = (struct side){.fragments = &fragment, .cnt = 1};
	recording->calls = pool_array(recording->pool, calls + 1, sizeof(*recording->calls));
	for (int i = 0; i < calls; i++)
		recording->calls[recording->calls_cnt++] =
			(struct call){.func = 1, .seq = i + 1, .left = LEFT_RETURN, .args = {(uint64_t)n}};
	assert_int_equal(signature_of(&out, recording, shop.schema, store, NULL), 0);
	assert_int_not_equal(out, 0);
	return out;
}

static void what_sends_code_the_same_way_is_alike(void **state)
{
	assert_int_equal(signature(5, "ada", 2, 7), signature(5, "ada", 2, 7));
	assert_int_equal(signature(5, "ada", 2, 7), signature(900, "bob and others", 2, 1));
}

static void what_sends_code_another_way_is_not(void **state)
{
	uint64_t one = signature(5, "ada", 2, 7);

	assert_int_not_equal(one, signature(0, "ada", 2, 7));
	assert_int_not_equal(one, signature(-5, "ada", 2, 7));
	assert_int_not_equal(one, signature(5, "", 2, 7));
	assert_int_not_equal(one, signature(5, NULL, 2, 7));
	assert_int_not_equal(one, signature(5, "ada", 3, 7));
	assert_int_not_equal(one, signature(5, "ada", 2, -7));
}

static void each_signature_is_new_once(void **state)
{
	struct signatures seen = {};

	for (uint64_t i = 1; i <= 1000; i++)
		assert_int_equal(signatures_add(&seen, i * 256), 1);
	for (uint64_t i = 1; i <= 1000; i++)
		assert_int_equal(signatures_add(&seen, i * 256), 0);
	assert_int_equal(seen.cnt, 1000);
	signatures_release(&seen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_sends_code_the_same_way_is_alike),
		TEST(what_sends_code_another_way_is_not),
		TEST(each_signature_is_new_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
