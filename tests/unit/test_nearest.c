// SPDX-License-Identifier: BSD-3-Clause
#include "lib/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/util.h"

static const char *const names[] = {
	"alias", "category", "args", "metadata", "store_result", "store_results", "db_get", "db_put",
};

static const struct {
	const char *want, *best;
} cases[] = {
	{"ailas", "alias"},	  /* swapped */
	{"alia", "alias"},	  /* short of one */
	{"catagory", "category"}, /* one replaced */
	{"metdata", "metadata"},  /* one left out */
	{"db_gte", "db_get"},	  /* nearer than db_put */
	{"store_resultss", "store_results"},
	{"alias", "alias"},
	{"Alias", "alias"},
	{"wholly_else", NULL},
	{"x", NULL},
	{"", NULL},
};

static void the_nearest_name_wins_when_it_is_near_enough(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nearest n;

		nearest_init(&n, cases[i].want);
		for (size_t j = 0; j < ARRAY_SIZE(names); j++)
			nearest_try(&n, names[j]);
		if (!cases[i].best) {
			assert_null(n.best);
			continue;
		}
		assert_non_null(n.best);
		assert_string_equal(n.best, cases[i].best);
	}
}

static void the_first_of_two_equally_near_names_stays(void **state)
{
	struct nearest n;

	nearest_init(&n, "item_a");
	nearest_try(&n, "item_b");
	nearest_try(&n, "item_c");
	assert_string_equal(n.best, "item_b");
	assert_int_equal(n.distance, 1);
}

static void one_letter_has_nothing_in_common_with_another(void **state)
{
	struct nearest n;

	nearest_init(&n, "g");
	nearest_try(&n, "h");
	assert_null(n.best);
}

static void names_of_any_length_are_taken(void **state)
{
	char endless[100000];
	struct nearest n;

	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	nearest_init(&n, endless);
	nearest_try(&n, endless);
	assert_null(n.best);
	nearest_init(&n, "alias");
	nearest_try(&n, endless);
	nearest_try(&n, "alias");
	assert_string_equal(n.best, "alias");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_name_wins_when_it_is_near_enough),
		cmocka_unit_test(the_first_of_two_equally_near_names_stays),
		cmocka_unit_test(one_letter_has_nothing_in_common_with_another),
		cmocka_unit_test(names_of_any_length_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
