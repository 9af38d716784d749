// SPDX-License-Identifier: BSD-3-Clause
#include "lib/xml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/util.h"

static int append(const char *path, const char *text, void *ctx)
{
	size_t at = strlen(ctx);

	snprintf((char *)ctx + at, 512 - at, "%s=%s;", path, text);
	return 0;
}

static int each(const char *xml, char got[512], struct err *err)
{
	*got = '\0';
	return xml_each(xml, strlen(xml), append, got, err);
}

static void elements_come_at_their_end_with_path_and_text(void **state)
{
	char got[512];

	assert_int_equal(
		each("<?xml version=\"1.0\"?>\n<L xmlns=\"http://s3/doc\"> <C><K>a&amp;b &lt;&#233;></K>"
		     "<x:E/></C>\n <T>1</T></L>",
		     got, NULL),
		0);
	assert_string_equal(got, "L/C/K=a&b <\xc3\xa9>;L/C/E=;L/C=;L/T=1;L=;");
}

static int third(const char *path, const char *text, void *ctx)
{
	return ++*(int *)ctx == 3 ? -ENOMEM : 0;
}

static void it_ends_with_the_first_value_that_is_not_0(void **state)
{
	static const char xml[] = "<a><b/><b/><b/><b/></a>";
	int cnt = 0;

	assert_int_equal(xml_each(xml, strlen(xml), third, &cnt, NULL), -ENOMEM);
	assert_int_equal(cnt, 3);
}

static void what_is_not_xml_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *xml, *msg;
	} cases[] = {
		{"", "line 1 is not XML as expected: no element found"},
		{"<a>\n<b>", "line 2 is not XML as expected: no element found"},
		{"<a></b>", "line 1 is not XML as expected: mismatched tag"},
		{"{\"a\": 1}", "line 1 is not XML as expected: not well-formed (invalid token)"},
		{"<!DOCTYPE html><html></html>",
		 "line 1 is not XML as expected: it declares a document type"},
		{"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a></a>"
		 "</a></a></a></a></a></a>",
		 "line 1 is not XML as expected: it is nested too deep"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = {};
		char got[512];

		assert_int_equal(each(cases[i].xml, got, &err), -EBADMSG);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

static void an_element_of_too_much_text_is_refused(void **state)
{
	autofree char *xml = malloc(XML_TEXT_MAX + 16);
	struct err err = {};
	char got[512];

	strcpy(xml, "<a>");
	memset(xml + 3, 'x', XML_TEXT_MAX);
	strcpy(xml + 3 + XML_TEXT_MAX, "</a>");
	assert_int_equal(each(xml, got, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "too much text"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_come_at_their_end_with_path_and_text),
		cmocka_unit_test(it_ends_with_the_first_value_that_is_not_0),
		cmocka_unit_test(what_is_not_xml_is_refused_with_its_place),
		cmocka_unit_test(an_element_of_too_much_text_is_refused),
	};

	return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
