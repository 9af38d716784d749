// SPDX-License-Identifier: BSD-3-Clause
#include "lib/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_allocated_is_zeroed_aligned_and_apart(void **state)
{
	static const size_t lens[] = {1, 16, 17, 1000, 16 * 1024, 100, 3 * 1024 * 1024, 1, 15 * 1024, 5000};
	auto_pool struct pool *pool = pool_new();
	uint8_t *got[10];

	for (size_t i = 0; i < 10; i++) {
		got[i] = pool_alloc(pool, lens[i]);
		assert_non_null(got[i]);
		assert_int_equal((uintptr_t)got[i] % 16, 0);
		for (size_t j = 0; j < lens[i]; j++)
			assert_int_equal(got[i][j], 0);
		memset(got[i], (int)i + 1, lens[i]);
	}
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(got[i][0], i + 1);
		assert_int_equal(got[i][lens[i] - 1], i + 1);
	}
}

static void impossible_sizes_are_no_memory(void **state)
{
	auto_pool struct pool *pool = pool_new();

	assert_null(pool_alloc(pool, SIZE_MAX));
	assert_null(pool_array(pool, SIZE_MAX / 2, 4));
	assert_non_null(pool_array(pool, 7, 4));
}

static void printed_text_belongs_to_the_pool(void **state)
{
	auto_pool struct pool *pool = pool_new();

	assert_string_equal(pool_printf(pool, "%s#%d", "calls", 7), "calls#7");
	assert_string_equal(pool_printf(pool, "%s", ""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_allocated_is_zeroed_aligned_and_apart),
		cmocka_unit_test(impossible_sizes_are_no_memory),
		cmocka_unit_test(printed_text_belongs_to_the_pool),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
