// SPDX-License-Identifier: BSD-3-Clause
#include "lib/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* FIPS 180-2, appendix B.1, and the digest of nothing. */
static void a_digest_is_that_of_the_standard(void **state)
{
	char hex[DIGEST_HEX_LEN + 1];

	digest_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_hex("", 0, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void random_ids_are_32_hex_digits_and_differ(void **state)
{
	char a[33], b[33];

	random_id(a);
	random_id(b);
	assert_int_equal(strspn(a, "0123456789abcdef"), 32);
	assert_int_equal(a[32], '\0');
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_is_that_of_the_standard),
		cmocka_unit_test(random_ids_are_32_hex_digits_and_differ),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
