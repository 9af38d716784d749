// SPDX-License-Identifier: BSD-3-Clause
#include "lib/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_failure_is_one_statement(void **state)
{
	struct err err = {};

	assert_int_equal(err_set(&err, -ENOENT, "no function '%s' in '%s'", "f", "a.out"), -ENOENT);
	assert_string_equal(err.msg, "no function 'f' in 'a.out'");
	assert_string_equal(err.hint, "");
	assert_false(err.is_usage);
}

static void the_purpose_stands_before_the_cause(void **state)
{
	struct err err = {};

	err_usage(&err, -ENOENT, "no function 'f'");
	err_hint(&err, "did you mean '%s'?", "g");
	assert_int_equal(err_wrap(&err, -EIO, "cannot probe '%s'", "f"), -EIO);
	assert_string_equal(err.msg, "cannot probe 'f': no function 'f'");
	assert_string_equal(err.hint, "did you mean 'g'?");
	assert_true(err.is_usage);
}

static void a_new_failure_drops_the_old_hint_and_kind(void **state)
{
	struct err err = {};

	err_usage(&err, -EINVAL, "unknown key");
	err_hint(&err, "look at the manual");
	err_set(&err, -EIO, "cannot read");
	assert_string_equal(err.hint, "");
	assert_false(err.is_usage);
	err_hint(&err, "look at the disk");
	err_usage(&err, -EINVAL, "unknown option");
	assert_string_equal(err.hint, "");
	assert_true(err.is_usage);
}

static void whoever_does_not_ask_is_not_told(void **state)
{
	assert_int_equal(err_set(NULL, -EIO, "x"), -EIO);
	assert_int_equal(err_usage(NULL, -EIO, "x"), -EIO);
	assert_int_equal(err_wrap(NULL, -EIO, "x"), -EIO);
	assert_int_equal(err_nomem(NULL), -ENOMEM);
	err_hint(NULL, "x");
}

static void what_another_says_is_passed_on_whole(void **state)
{
	struct err from = {}, err = {};

	err_usage(&from, -EINVAL, "no such key");
	err_hint(&from, "see the manual");
	assert_int_equal(err_pass(&err, -EINVAL, &from), -EINVAL);
	assert_memory_equal(&err, &from, sizeof(err));
	assert_int_equal(err_pass(NULL, -EIO, &from), -EIO);
}

static void long_messages_are_cut(void **state)
{
	char text[4 * ERR_MSG_MAX];
	struct err err = {};

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, -EIO, "%s", text);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	err_wrap(&err, -EIO, "why");
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	assert_memory_equal(err.msg, "why: xxx", 8);
	err_wrap(&err, -EIO, "%s", text);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	err_hint(&err, "%s", text);
	assert_int_equal(strlen(err.hint), ERR_HINT_MAX - 1);
}

static void no_memory_has_words(void **state)
{
	struct err err = {};

	assert_int_equal(err_nomem(&err), -ENOMEM);
	assert_string_equal(err.msg, "out of memory");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_is_one_statement),
		cmocka_unit_test(the_purpose_stands_before_the_cause),
		cmocka_unit_test(a_new_failure_drops_the_old_hint_and_kind),
		cmocka_unit_test(whoever_does_not_ask_is_not_told),
		cmocka_unit_test(what_another_says_is_passed_on_whole),
		cmocka_unit_test(long_messages_are_cut),
		cmocka_unit_test(no_memory_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
