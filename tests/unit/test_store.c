// SPDX-License-Identifier: BSD-3-Clause
#include "lib/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/pool.h"
#include "lib/shape.h"
#include "lib/util.h"
#include "tests/support/shop.h"

#define ID "00112233445566778899aabbccddeeff"

struct fixture {
	struct cassette *cassette;
	struct shop shop;
	struct recording *recording;
	char schema[SCHEMA_ID_LEN + 1];
};

static const char document[] = "{\"category\":\"order\",\"recorded_at\":\"2025-11-25T23:59:59.999999999Z\"}";

static int setup(void **state)
{
	const struct shop_param params[] = {{"n", 0}, {}};
	struct fixture *f = calloc(1, sizeof(*f));
	struct shop_param typed[2];

	shop_init(&f->shop);
	memcpy(typed, params, sizeof(typed));
	typed[0].type = f->shop.i32;
	shop_func(&f->shop, "handle", f->shop.i32, typed, NULL, 0);
	shop_func(&f->shop, "get", f->shop.i32, typed, NULL, 0);
	assert_int_equal(schema_id(f->shop.schema, f->schema, NULL), 0);
	assert_int_equal(cassette_open(&f->cassette, "mem:", true, NULL), 0);
	assert_int_equal(recording_new(&f->recording, NULL), 0);
	f->recording->metadata = cJSON_Parse(document);
	f->recording->complete = true;
	f->recording->calls = pool_array(f->recording->pool, 1, sizeof(struct call));
	f->recording->calls_cnt = 1;
	f->recording->calls[0] = (struct call){.func = 1, .seq = 1};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	recording_free(f->recording);
	cassette_close(f->cassette);
	shop_release(&f->shop);
	free(f);
	return 0;
}

static struct store *new_store(struct fixture *f)
{
	struct store *store;

	assert_int_equal(store_new(&store, f->cassette, NULL), 0);
	return store;
}

static int count_one(const struct recording_key *key, void *ctx)
{
	++*(size_t *)ctx;
	return 0;
}

static void what_is_put_is_got_with_its_schema(void **state)
{
	struct fixture *f = *state;
	auto_store struct store *writer = new_store(f), *reader = new_store(f);
	auto_recording struct recording *got = NULL, *again = NULL;
	const struct schema *schema, *same;
	struct recording_key key;

	strcpy(f->recording->id, ID);
	assert_int_equal(store_put(writer, f->recording, f->shop.schema, &key, NULL), 0);
	assert_string_equal(key.category, "order");
	assert_string_equal(key.day, "20251125");
	assert_string_equal(key.id, ID);

	assert_int_equal(store_get(reader, &key, &got, &schema, NULL), 0);
	assert_string_equal(got->id, ID);
	assert_string_equal(got->schema, f->schema);
	assert_int_equal(got->calls_cnt, 1);
	assert_int_equal(schema_funcs_cnt(schema), 2);
	assert_string_equal(schema_func(schema, 1)->name, "get");
	assert_int_equal(store_get(reader, &key, &again, &same, NULL), 0);
	assert_ptr_equal(schema, same);
}

static void a_recording_without_id_gets_one(void **state)
{
	struct fixture *f = *state;
	auto_store struct store *store = new_store(f);
	struct recording_key a, b;

	assert_int_equal(store_put(store, f->recording, f->shop.schema, &a, NULL), 0);
	assert_int_equal(store_put(store, f->recording, f->shop.schema, &b, NULL), 0);
	assert_int_equal(strlen(a.id), 32);
	assert_string_not_equal(a.id, b.id);
}

static void the_document_beside_is_the_one_inside(void **state)
{
	struct fixture *f = *state;
	auto_store struct store *store = new_store(f);
	auto_recording struct recording *got = NULL;
	const struct schema *schema;
	struct recording_key key;
	autofree char *inside = NULL;
	struct blob blob;

	assert_int_equal(store_put(store, f->recording, f->shop.schema, &key, NULL), 0);
	assert_int_equal(store_get(store, &key, &got, &schema, NULL), 0);
	inside = cJSON_PrintUnformatted(got->metadata);
	assert_int_equal(cassette_get_metadata(f->cassette, &key, &blob, NULL), 0);
	assert_int_equal(blob.len, strlen(inside));
	assert_memory_equal(blob.data, inside, blob.len);
	free(blob.data);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(got->metadata, "schema")), f->schema);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(got->metadata, "complete")));
}

static void what_has_no_key_or_does_not_fit_is_not_put(void **state)
{
	static const struct {
		const char *document, *msg;
		uint32_t func;
		int code;
	} cases[] = {
		{"{}", "a recording's category cannot be ''", 0, -EINVAL},
		{"{\"category\":\"../x\"}", "a recording's category cannot be '../x'", 0, -EINVAL},
		{"{\"category\":\"x\"}", "a recording's time cannot be ''", 0, -EINVAL},
		{"{\"category\":\"x\",\"recorded_at\":\"now\"}", "a recording's time cannot be 'now'", 0,
		 -EINVAL},
		{document, "call 1 is of function 2 of a schema of 2", 2, -EBADMSG},
	};
	struct fixture *f = *state;
	auto_store struct store *store = new_store(f);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recording_key key = {"untouched"};
		struct err err = {};

		cJSON_Delete(f->recording->metadata);
		f->recording->metadata = cJSON_Parse(cases[i].document);
		f->recording->calls[0].func = cases[i].func;
		assert_int_equal(store_put(store, f->recording, f->shop.schema, &key, &err), cases[i].code);
		assert_string_equal(err.msg, cases[i].msg);
		assert_string_equal(key.category, "untouched");
	}
}

static void of_many_recordings_each_has_its_own_result(void **state)
{
	struct fixture *f = *state;
	auto_store struct store *store = new_store(f);
	auto_recording struct recording *nameless = NULL, *foreign = NULL;
	struct recording *recordings[4];
	int results[4] = {7, 7, 7, 7};
	struct err err = {};
	size_t cnt = 0;

	assert_int_equal(recording_new(&nameless, NULL), 0);
	nameless->metadata = cJSON_Parse("{}");
	assert_int_equal(recording_new(&foreign, NULL), 0);
	foreign->metadata = cJSON_Parse(document);
	foreign->operation.func = 5;
	memcpy(recordings, (struct recording *[]){f->recording, nameless, foreign, f->recording},
	       sizeof(recordings));
	assert_int_equal(store_put_many(store, recordings, 4, f->shop.schema, results, &err), -EINVAL);
	assert_string_equal(err.msg, "a recording's category cannot be ''");
	assert_int_equal(results[0], 0);
	assert_int_equal(results[1], -EINVAL);
	assert_int_equal(results[2], -EBADMSG);
	assert_int_equal(results[3], 0);
	assert_int_equal(cassette_each(f->cassette, NULL, NULL, NULL, count_one, &cnt, NULL), 0);
	assert_int_equal(cnt, 2);
}

static void put_raw(struct fixture *f, const struct recording_key *key)
{
	auto_buf struct buf buf;

	buf_init(&buf, 1 << 20);
	assert_int_equal(recording_write(&buf, f->recording, NULL), 0);
	assert_int_equal(cassette_put(f->cassette, key, buf.data, buf.len, "{}", NULL), 0);
}

static void not_got(struct fixture *f, const struct recording_key *key, int code, const char *msg)
{
	auto_store struct store *store = new_store(f);
	struct recording *got = (void *)1;
	const struct schema *schema = (void *)2;
	struct err err = {};

	assert_int_equal(store_get(store, key, &got, &schema, &err), code);
	assert_string_equal(err.msg, msg);
	assert_ptr_equal(got, (void *)1);
	assert_ptr_equal(schema, (void *)2);
}

static void what_does_not_belong_together_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct recording_key key = {"order", "20251125", ID};
	char bytes[DIGEST_HEX_LEN + 1], msg[256];
	const void *data;
	size_t len;

	not_got(f, &key, -ENOENT, "no recording 'order/20251125/" ID "' in 'mem:'");
	assert_int_equal(cassette_put(f->cassette, &key, "x", 1, "{}", NULL), 0);
	not_got(f, &key, -EBADMSG, "cannot read recording 'order/20251125/" ID "': not a recording");

	strcpy(f->recording->id, "ffffffffffffffffffffffffffffffff");
	put_raw(f, &key);
	not_got(f, &key, -EBADMSG,
		"cannot read recording 'order/20251125/" ID
		"': it is recording 'ffffffffffffffffffffffffffffffff'");

	strcpy(f->recording->id, ID);
	put_raw(f, &key);
	not_got(f, &key, -EBADMSG, "cannot read recording 'order/20251125/" ID "': it names no schema");

	strcpy(f->recording->schema, f->schema);
	put_raw(f, &key);
	snprintf(msg, sizeof(msg), "cannot read recording 'order/20251125/" ID "': no schema '%s' in 'mem:'",
		 f->schema);
	not_got(f, &key, -ENOENT, msg);

	digest_hex("abc", 3, bytes);
	assert_int_equal(cassette_put_schema(f->cassette, bytes, "abc", 3, NULL), 0);
	strcpy(f->recording->schema, bytes);
	put_raw(f, &key);
	{
		auto_store struct store *store = new_store(f);
		struct recording *got;
		const struct schema *schema;
		struct err err = {};

		assert_int_equal(store_get(store, &key, &got, &schema, &err), -EBADMSG);
		snprintf(msg, sizeof(msg),
			 "cannot read recording 'order/20251125/" ID "': schema '%s': ", bytes);
		assert_memory_equal(err.msg, msg, strlen(msg));
	}

	assert_int_equal(schema_bytes(f->shop.schema, &data, &len, NULL), 0);
	assert_int_equal(cassette_put_schema(f->cassette, f->schema, data, len, NULL), 0);
	strcpy(f->recording->schema, f->schema);
	f->recording->calls[0].func = 2;
	put_raw(f, &key);
	not_got(f, &key, -EBADMSG,
		"cannot read recording 'order/20251125/" ID "': call 1 is of function 2 of a schema of 2");
}

static void a_shape_is_built_once(void **state)
{
	struct fixture *f = *state;
	auto_store struct store *store = new_store(f);
	auto_recording struct recording *got = NULL;
	const struct shape *shape = NULL, *again, *other;
	const struct schema *schema;
	struct recording_key key;
	struct err err = {};

	assert_int_equal(store_put(store, f->recording, f->shop.schema, &key, NULL), 0);
	assert_int_equal(store_get(store, &key, &got, &schema, NULL), 0);
	assert_int_equal(store_shape(store, schema, 1, &shape, NULL), 0);
	assert_int_equal(shape->params_cnt, 1);
	assert_int_equal(store_shape(store, schema, 1, &again, NULL), 0);
	assert_ptr_equal(shape, again);
	assert_int_equal(store_shape(store, schema, 0, &other, NULL), 0);
	assert_ptr_not_equal(shape, other);
	assert_int_equal(store_shape(store, f->shop.schema, 1, &other, NULL), 0);
	assert_ptr_not_equal(shape, other);
	assert_int_equal(store_shape(store, schema, 2, &other, &err), -EINVAL);
	assert_string_equal(err.msg, "function 2 of a schema of 2");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_put_is_got_with_its_schema),
		TEST(a_recording_without_id_gets_one),
		TEST(the_document_beside_is_the_one_inside),
		TEST(of_many_recordings_each_has_its_own_result),
		TEST(what_has_no_key_or_does_not_fit_is_not_put),
		TEST(what_does_not_belong_together_is_refused),
		TEST(a_shape_is_built_once),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
