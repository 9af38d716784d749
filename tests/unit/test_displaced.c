// SPDX-License-Identifier: BSD-3-Clause
#include "replay/displaced.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/util.h"

#define GIB	 (1ull << 30)
#define EXE	 0x555555554000ull
#define STACK	 0x7ffffffde000ull
#define ELSE	 0x612300001230ull
#define HOME_END 0x480000000000ull

static const struct patch_span spans[] = {{EXE, EXE + 0x5000}, {0x7ffff7d00000, 0x7ffffffff000}};
static struct displaced d;

static int setup(void **state)
{
	displaced_init(&d, spans, ARRAY_SIZE(spans));
	return 0;
}

static void an_address_where_the_program_has_nothing_stays(void **state)
{
	static const uint64_t addrs[] = {
		0, 1, 0xffff, 0x12345678, ELSE, EXE - 2 * GIB, EXE + 2 * GIB, 0x800000000000, UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++)
		assert_int_equal(displaced_to(&d, addrs[i]), addrs[i]);
	assert_int_equal(displaced_from(&d, ELSE), ELSE);
}

static void one_where_it_has_memory_or_soon_may_is_moved_and_found_again(void **state)
{
	static const uint64_t addrs[] = {EXE, EXE + 8, STACK + 1, EXE + 0x5000 + GIB / 2,
					 0x7ffff7d00000 - 16};

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		uint64_t to = displaced_to(&d, addrs[i]);

		assert_in_range(to, d.home, HOME_END);
		assert_int_equal(to % 4096, addrs[i] % 4096);
		assert_int_equal(displaced_to(&d, addrs[i]), to);
		assert_int_equal(displaced_from(&d, to), addrs[i]);
		assert_int_equal(displaced_from(&d, to + 100), addrs[i] + 100);
	}
}

static void distances_stay(void **state)
{
	uint64_t to = displaced_to(&d, EXE + 64);

	assert_int_equal(displaced_to(&d, EXE + 4096) - to, 4096 - 64);
	assert_int_equal(to - displaced_to(&d, EXE), 64);
}

static void no_two_are_moved_to_the_same_place(void **state)
{
	const struct patch_span all = {0x10000, 0x7ffffffff000};
	struct displaced full = {.home = 0x400000000000, .spans = {all}, .spans_cnt = 1};
	uint64_t last = 0;

	for (unsigned i = 0; i < DISPLACED_ZONES_MAX; i++) {
		uint64_t addr = (i + 1) * (DISPLACED_ZONE / 2 + 1), to = displaced_to(&full, addr);

		assert_int_not_equal(to, 0);
		assert_int_not_equal(to, last);
		assert_int_equal(displaced_from(&full, to), addr);
		last = to;
	}
}

static void more_places_than_zones_are_refused(void **state)
{
	const struct patch_span all = {0x10000, 0x7ffffffff000};
	struct displaced full = {.home = 0x400000000000, .spans = {all}, .spans_cnt = 1};
	size_t moved = 0;

	while (moved <= DISPLACED_ZONES_MAX && displaced_to(&full, (moved + 1) * DISPLACED_ZONE))
		moved++;
	assert_int_equal(moved, DISPLACED_ZONES_MAX);
	displaced_init(&full, &all, 1);
	assert_int_equal(full.home, 0);
	assert_int_equal(displaced_to(&full, ELSE), 0);
}

static void a_recorded_address_among_the_moved_moves_too(void **state)
{
	uint64_t to = displaced_to(&d, d.home + 0x40);

	assert_int_not_equal(to, d.home + 0x40);
	assert_int_equal(displaced_from(&d, to), d.home + 0x40);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_where_the_program_has_nothing_stays),
		TEST(one_where_it_has_memory_or_soon_may_is_moved_and_found_again),
		TEST(distances_stay),
		TEST(no_two_are_moved_to_the_same_place),
		TEST(more_places_than_zones_are_refused),
		TEST(a_recorded_address_among_the_moved_moves_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
