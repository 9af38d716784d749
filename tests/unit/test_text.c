// SPDX-License-Identifier: BSD-3-Clause
#include "tools/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/util.h"

#define TEXT_MAX 65536
#define X40	 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X80	 X40 X40

static void expect(const char *recorded, const char *replayed, const char *want)
{
	auto_cjson cJSON *a = recorded ? cJSON_Parse(recorded) : NULL,
			 *b = replayed ? cJSON_Parse(replayed) : NULL;
	auto_buf struct buf text;

	buf_init(&text, TEXT_MAX);
	text_sides(&text, a, b);
	buf_put_u8(&text, 0);
	assert_string_equal((const char *)text.data, want);
}

static void short_values_are_shown_whole(void **state)
{
	expect("1", "{\"id\": 2}", "recorded 1, replayed {id=2}");
	expect("\"a\"", "null", "recorded \"a\", replayed null");
	expect(NULL, "\"a\"", "recorded nothing, replayed \"a\"");
}

static void of_long_text_what_lies_around_the_difference_is_shown(void **state)
{
	expect("\"" X80 "the gentleman of the house of many windows on the river\"", "\"" X80 "the lady\"",
	       "from byte 84 on: recorded ...\"xxxxxxxxxxxxthe gentleman of the house of many w\"..., "
	       "replayed ...\"xxxxxxxxxxxxthe lady\"");
	expect("\"" X80 "!\"", "\"" X80 "\"",
	       "from byte 80 on: recorded ...\"xxxxxxxxxxxxxxxx!\", replayed ...\"xxxxxxxxxxxxxxxx\" (80 bytes)");
}

static void no_character_is_cut(void **state)
{
	/* The excerpt would begin inside of one. */
	expect("\"" X80 "\u20acyyyyyyyyyyyyyyy1\"", "\"" X80 "\u20acyyyyyyyyyyyyyyy2\"",
	       "from byte 98 on: recorded ...\"\xe2\x82\xacyyyyyyyyyyyyyyy1\", replayed "
	       "...\"\xe2\x82\xacyyyyyyyyyyyyyyy2\"");
}

static void of_bytes_the_first_that_differs_is_shown(void **state)
{
	/* 00 01 02 ff and 00 01 03 ff */
	expect("{\"bytes\": \"AAEC/w==\", \"length\": 4}", "{\"bytes\": \"AAED/w==\", \"length\": 4}",
	       "from byte 2 on: recorded \"\\x00\\x01\\x02\\xff\", replayed \"\\x00\\x01\\x03\\xff\"");
}

static void what_is_long_and_no_text_is_cut(void **state)
{
	expect("\"" X80 "\"", "7", "recorded \"" X80 "\", replayed 7");
	expect("[\"" X80 "\", \"" X80 "\", \"" X80 "\"]", "7",
	       "recorded [\"" X80 "\", \"" X80 "\", \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..., replayed 7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_values_are_shown_whole),
		cmocka_unit_test(of_long_text_what_lies_around_the_difference_is_shown),
		cmocka_unit_test(no_character_is_cut),
		cmocka_unit_test(of_bytes_the_first_that_differs_is_shown),
		cmocka_unit_test(what_is_long_and_no_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
