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

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block). */
static void a_mac_is_that_of_the_standard(void **state)
{
	char hex[DIGEST_HEX_LEN + 1], key[131];

	memset(key, 0x0b, 20);
	digest_hmac_hex(key, 20, "Hi There", 8, hex);
	assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	digest_hmac_hex("Jefe", 4, "what do ya want for nothing?", 28, hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	digest_hmac_hex(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, hex);
	assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 1321's digest of "abc", in base64. */
static void md5_is_that_of_the_standard(void **state)
{
	char text[DIGEST_MD5_B64_LEN + 1];

	digest_md5_base64("abc", 3, text);
	assert_string_equal(text, "kAFQmDzST7DWlj99KOF/cg==");
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
		cmocka_unit_test(a_mac_is_that_of_the_standard),
		cmocka_unit_test(md5_is_that_of_the_standard),
		cmocka_unit_test(random_ids_are_32_hex_digits_and_differ),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
