// SPDX-License-Identifier: BSD-3-Clause
#include "loader/upload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/cassette.h"
#include "lib/recording.h"
#include "tests/support/shop.h"

#define MANY 500

static const char document[] = "{\"category\":\"order\",\"recorded_at\":\"2025-11-25T23:59:59Z\"}";

static struct shop shop;
static struct cassette *cassette;

static int setup(void **state)
{
	struct shop_param params[] = {{"n", 0}, {}};

	shop_init(&shop);
	params[0].type = shop.i32;
	shop_func(&shop, "handle", shop.i32, params, NULL, 0);
	assert_int_equal(cassette_open(&cassette, "mem:", true, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	cassette_close(cassette);
	shop_release(&shop);
	return 0;
}

static struct recording *a_recording(bool complete)
{
	struct recording *recording = NULL;

	assert_int_equal(recording_new(&recording, NULL), 0);
	recording->metadata = cJSON_Parse(document);
	recording->complete = complete;
	return recording;
}

static int count(const struct recording_key *key, void *ctx)
{
	++*(unsigned *)ctx;
	return 0;
}

static unsigned stored(void)
{
	unsigned cnt = 0;

	assert_int_equal(cassette_each(cassette, NULL, NULL, NULL, count, &cnt, NULL), 0);
	return cnt;
}

static void what_is_queued_is_stored_before_it_closes(void **state)
{
	struct upload_counts counts = {};
	struct upload *upload;

	assert_int_equal(upload_new(&upload, cassette, shop.schema, NULL), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(upload_put(upload, a_recording(i > 0)), 0);
	upload_close(upload, &counts);
	assert_int_equal(counts.stored, MANY);
	assert_int_equal(counts.stored_incomplete, 1);
	assert_int_equal(counts.dropped + counts.failed, 0);
	assert_string_equal(counts.error, "");
	assert_int_equal(stored(), MANY);
}

/* What is being written when it is given up is stored; what is given up is counted; nothing is both or
 * neither. */
static void what_is_given_up_is_counted(void **state)
{
	struct upload_counts counts = {};
	struct upload *upload;

	assert_int_equal(upload_new(&upload, cassette, shop.schema, NULL), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(upload_put(upload, a_recording(true)), 0);
	upload_give_up(upload);
	upload_counts(upload, &counts);
	assert_in_range(counts.queued, 0, UPLOAD_BATCH_MAX);
	assert_int_equal(upload_put(upload, a_recording(true)), 0);
	upload_close(upload, &counts);
	assert_int_equal(counts.stored + counts.dropped, MANY + 1);
	assert_true(counts.stored > 0);
	assert_int_equal(stored(), counts.stored);
}

static void what_cannot_be_stored_is_counted_and_says_why(void **state)
{
	struct upload_counts counts = {};
	struct recording *nameless = a_recording(true);
	struct upload *upload;

	cJSON_DeleteItemFromObject(nameless->metadata, "category");
	assert_int_equal(upload_new(&upload, cassette, shop.schema, NULL), 0);
	assert_int_equal(upload_put(upload, nameless), 0);
	upload_close(upload, &counts);
	assert_int_equal(counts.failed, 1);
	assert_int_equal(counts.stored, 0);
	assert_true(strlen(counts.error) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_queued_is_stored_before_it_closes),
		TEST(what_is_given_up_is_counted),
		TEST(what_cannot_be_stored_is_counted_and_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
