// SPDX-License-Identifier: BSD-3-Clause
#include "lib/uri.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/util.h"

static void text_is_encoded_as_aws_signs_it(void **state)
{
	static const struct {
		const char *text, *path, *query;
	} cases[] = {
		{"", "", ""},
		{"aZ09-._~", "aZ09-._~", "aZ09-._~"},
		{"a b+c", "a%20b%2Bc", "a%20b%2Bc"},
		{"a/b//c", "a/b//c", "a%2Fb%2F%2Fc"},
		{"a%2F*'()!$&=?#", "a%252F%2A%27%28%29%21%24%26%3D%3F%23",
		 "a%252F%2A%27%28%29%21%24%26%3D%3F%23"},
		{"\xc3\xa9\x01\x7f", "%C3%A9%01%7F", "%C3%A9%01%7F"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf struct buf path, query;

		buf_init(&path, 4096);
		buf_init(&query, 4096);
		uri_encode(&path, cases[i].text, true);
		uri_encode(&query, cases[i].text, false);
		buf_put_u8(&path, 0);
		buf_put_u8(&query, 0);
		assert_string_equal((char *)path.data, cases[i].path);
		assert_string_equal((char *)query.data, cases[i].query);
	}
}

static void every_byte_survives_encoding_and_decoding(void **state)
{
	char text[256];
	auto_buf struct buf out;

	for (int i = 0; i < 255; i++)
		text[i] = i + 1;
	text[255] = '\0';
	buf_init(&out, 4096);
	uri_encode(&out, text, false);
	buf_put_u8(&out, 0);
	assert_int_equal(uri_decode((char *)out.data, true), 255);
	assert_string_equal((char *)out.data, text);
}

static void a_broken_encoding_is_refused(void **state)
{
	static const char *const cases[] = {"%", "%2", "a%zz", "%2z", "%00"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[16];

		strcpy(text, cases[i]);
		assert_int_equal(uri_decode(text, false), -EINVAL);
	}
}

static void a_plus_is_a_space_only_in_forms(void **state)
{
	char form[] = "a+b%2b", other[] = "a+b%2b";

	assert_int_equal(uri_decode(form, true), 4);
	assert_string_equal(form, "a b+");
	assert_int_equal(uri_decode(other, false), 4);
	assert_string_equal(other, "a+b+");
}

static void parameters_come_one_by_one(void **state)
{
	char text[] = "&region=eu-1&&flag&endpoint=http://h:80/%3Fx=y&bad=%zz&last=1";
	char *query = text, *name, *value;
	bool bad = false;

	assert_true(uri_param(&query, &name, &value, &bad));
	assert_string_equal(name, "region");
	assert_string_equal(value, "eu-1");
	assert_true(uri_param(&query, &name, &value, &bad));
	assert_string_equal(name, "flag");
	assert_string_equal(value, "");
	assert_true(uri_param(&query, &name, &value, &bad));
	assert_string_equal(name, "endpoint");
	assert_string_equal(value, "http://h:80/?x=y");
	assert_false(bad);
	assert_false(uri_param(&query, &name, &value, &bad));
	assert_true(bad);
	assert_string_equal(name, "bad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_encoded_as_aws_signs_it),
		cmocka_unit_test(every_byte_survives_encoding_and_decoding),
		cmocka_unit_test(a_broken_encoding_is_refused),
		cmocka_unit_test(a_plus_is_a_space_only_in_forms),
		cmocka_unit_test(parameters_come_one_by_one),
	};

	return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
