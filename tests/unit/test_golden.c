// SPDX-License-Identifier: BSD-3-Clause
/*
 * Files that earlier versions wrote, read for ever.
 *
 * tests/golden/v<n>/ holds a recording, its schema, and what it shows as JSON. With GOLDEN_WRITE=v<n> in the
 * environment this program writes such a folder instead, by the code below: once for each version of the
 * format, never again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/btf.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/cassette.h"
#include "lib/err.h"
#include "lib/expr.h"
#include "lib/json.h"
#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/recording.h"
#include "lib/recording_json.h"
#include "lib/shape.h"
#include "lib/store.h"
#include "lib/util.h"
#include "tests/support/shop.h"

#define GOLDEN	 "tests/golden"
#define FILE_MAX (1 << 20)
#define ID	 "00112233445566778899aabbccddeeff"

static const struct recording_key key = {"HandleOrder", "20251125", ID};

/* --- reading --- */

static void read_file(struct buf *out, const char *version, const char *name)
{
	char path[128];
	FILE *file;
	size_t n;

	buf_init(out, FILE_MAX);
	snprintf(path, sizeof(path), GOLDEN "/%s/%s", version, name);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("no '%s': run it where tests/ lies", path);
	n = fread(buf_grow(out, FILE_MAX), 1, FILE_MAX, file);
	out->len = n;
	fclose(file);
}

/* Everything of @want is in @got, with equal values; @got may say more. */
static void assert_within(const cJSON *want, const cJSON *got, const char *where)
{
	const cJSON *item;
	int i = 0;

	if (!cJSON_IsObject(want) && !cJSON_IsArray(want)) {
		autofree char *wanted = json_print(want), *found = got ? json_print(got) : strdup("nothing");

		if (strcmp(wanted, found) != 0)
			fail_msg("%s is %s, not %s", where, found, wanted);
		return;
	}
	if (!got || cJSON_GetArraySize(got) < cJSON_GetArraySize(want))
		fail_msg("%s has fewer elements", where);
	for (item = want->child; item; item = item->next, i++)
		assert_within(item,
			      cJSON_IsArray(want) ? cJSON_GetArrayItem(got, i)
						  : cJSON_GetObjectItemCaseSensitive(got, item->string),
			      item->string ? item->string : where);
}

static cJSON *show(struct cassette *cassette)
{
	auto_recording struct recording *recording = NULL;
	auto_store struct store *store = NULL;
	const struct schema *schema;
	struct err err = {};
	cJSON *json = NULL;

	assert_int_equal(store_new(&store, cassette, &err), 0);
	if (store_get(store, &key, &recording, &schema, &err) ||
	    recording_json(&json, &key, recording, schema, store, &err))
		fail_msg("%s", err.msg);
	return json;
}

static void every_version_shows_what_it_showed(void **state)
{
	static const char *const versions[] = {"v1", "v1-floats"};

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		auto_cassette struct cassette *cassette = NULL;
		auto_cjson cJSON *want = NULL, *got = NULL;
		auto_buf struct buf full, schema, text;
		struct err err = {};

		read_file(&full, versions[i], "recording");
		read_file(&schema, versions[i], "schema");
		read_file(&text, versions[i], "recording.json");
		want = cJSON_ParseWithLength((char *)text.data, text.len);
		assert_non_null(want);
		assert_int_equal(cassette_open(&cassette, "mem:", true, NULL), 0);
		if (cassette_put_schema(cassette,
					cJSON_GetStringValue(cJSON_GetObjectItem(
						cJSON_GetObjectItem(want, "metadata"), "schema")),
					schema.data, schema.len, &err) ||
		    cassette_put(cassette, &key, full.data, full.len, "{}", &err))
			fail_msg("%s", err.msg);
		got = show(cassette);
		assert_within(want, got, versions[i]);
	}
}

/* --- writing --- */

#define ORDER 0x7f0000001000
#define NEXT  0x7f0000001100
#define LINES 0x7f0000002000
#define NAME0 0x7f0000003000
#define NAME1 0x7f0000003010
#define WHO   0x7f0000003020
#define BLOB  0x7f0000004000
#define REPLY 0x7ffe00001000
#define KEY   0x7f0000005000

enum { HANDLE, DB_GET, STORE };

struct maker {
	struct shop shop;
	struct recording *recording;
	struct store *store;
};

static void add_func(struct maker *m, enum role role, const char *name, int result,
		     const struct shop_param *params, const struct rule *rules, size_t rules_cnt)
{
	struct schema_func func = {role, (char *)name, (char *)name, 0, NULL, rules_cnt};
	struct rule copy[4] = {};

	for (size_t i = 0; i < rules_cnt; i++) {
		copy[i] = rules[i];
		if ((copy[i].bytes_text && expr_parse(&copy[i].bytes, copy[i].bytes_text, NULL)) ||
		    (copy[i].count_text && expr_parse(&copy[i].count, copy[i].count_text, NULL)))
			abort();
	}
	func.rules = copy;
	func.id = btf__add_func_proto(m->shop.btf, result);
	for (; params->name; params++)
		btf__add_func_param(m->shop.btf, params->name, params->type);
	func.id = btf__add_func(m->shop.btf, name, BTF_FUNC_GLOBAL, func.id);
	assert_int_equal(schema_add_func(m->shop.schema, &func, NULL), 0);
	for (size_t i = 0; i < rules_cnt; i++) {
		expr_free(copy[i].bytes);
		expr_free(copy[i].count);
	}
}

static void make_schema(struct maker *m)
{
	struct shop *s = &m->shop;
	const struct rule handle_rules[] = {
		{.path = "order->lines", .count_text = "order->lines_cnt"},
		{.path = "order->blob", .bytes_text = "order->blob_len"},
		{.path = "reply", .direction = DIRECTION_OUT, .bytes_text = "return"},
	};

	shop_init(s);
	add_func(m, ROLE_OPERATION, "handle_order", s->i32,
		 (struct shop_param[]){
			 {"order", shop_cptr(s, s->order)}, {"reply", s->sptr}, {"size", s->u32}, {}},
		 handle_rules, ARRAY_SIZE(handle_rules));
	add_func(m, ROLE_INPUT, "db_get", s->i64,
		 (struct shop_param[]){{"key", s->cptr}, {"flags", s->u16}, {}}, NULL, 0);
	add_func(m, ROLE_OUTPUT, "store", 0,
		 (struct shop_param[]){{"total", s->u64}, {"paid", s->boolean}, {}}, NULL, 0);
}

/* The node of the pointer at @path, which the fragment behind it carries. */
static uint16_t node(struct maker *m, size_t func, const char *path)
{
	auto_path struct path parsed = {};
	const struct shape *shape;
	uint16_t at;
	struct err err = {};

	if (store_shape(m->store, m->shop.schema, func, &shape, &err) || path_parse(&parsed, path, &err) ||
	    shape_resolve(shape, SHAPE_NONE, &parsed, &at, &err))
		fail_msg("%s", err.msg);
	return at;
}

static void add(struct maker *m, struct side *side, size_t func, const char *path, uint64_t addr,
		const void *bytes, uint32_t len, uint32_t captured)
{
	struct pool *pool = m->recording->pool;

	if (!side->fragments)
		side->fragments = pool_array(pool, 16, sizeof(*side->fragments));
	side->fragments[side->cnt++] = (struct fragment){
		.addr = addr,
		.len = len,
		.captured = captured,
		.node = node(m, func, path),
		.status = captured < len ? PLAN_FRAGMENT_FAULT : PLAN_FRAGMENT_OK,
		.bytes = memcpy(pool_alloc(pool, captured), bytes, captured),
	};
}

static void make_operation(struct maker *m)
{
	struct order order = {
		.id = 4000000000,
		.lines_cnt = 2,
		.mode = 3,
		.is_paid = true,
		.lines = (void *)LINES,
		.code = "A-17",
		.customer = (void *)WHO,
		.next = (void *)NEXT,
		.priv = (void *)0xdead0000,
		.blob = (void *)BLOB,
		.blob_len = 4,
		.color = GREEN,
		.total = 99.95,
		.u.word = 0x04030201,
		.x = -1,
		.y = 2,
	};
	struct order next = {.id = 1, .next = (void *)ORDER, .customer = (void *)0x10};
	struct line lines[] = {{-7, (void *)NAME0, 1250}, {8, (void *)NAME1, UINT64_MAX}};
	struct call *op = &m->recording->operation;

	*op = (struct call){
		.func = HANDLE,
		.left = LEFT_RETURN,
		.left_ns = 81234,
		.args = {ORDER, REPLY, 256},
		.rsp = REPLY - 64,
		.rax = 5,
		.has_errno = true,
		.error_number = 11,
	};
	add(m, &op->in, HANDLE, "order", ORDER, &order, sizeof(order), sizeof(order));
	add(m, &op->in, HANDLE, "order->lines", LINES, lines, sizeof(lines), sizeof(lines));
	add(m, &op->in, HANDLE, "order->customer", WHO, "J\xc3\xb6rg", 6, 6);
	add(m, &op->in, HANDLE, "order->next", NEXT, &next, sizeof(next), sizeof(next));
	add(m, &op->in, HANDLE, "order->blob", BLOB, "\xff\x00\x01\x02", 4, 4);
	add(m, &op->in, HANDLE, "order->lines[].name", NAME0, "bolt", 5, 5);
	add(m, &op->in, HANDLE, "order->lines[].name", NAME1, "nut", 4, 4);
	add(m, &op->in, HANDLE, "order->next->customer", 0x10, "", 1, 0);
	add(m, &op->out, HANDLE, "reply", REPLY, "ok 42", 5, 5);
}

static void make_calls(struct maker *m)
{
	struct recording *r = m->recording;

	r->calls = pool_array(r->pool, 2, sizeof(*r->calls));
	r->calls_cnt = 2;
	r->calls[0] = (struct call){
		.func = DB_GET,
		.seq = 1,
		.left = LEFT_RETURN,
		.entered_ns = 1000,
		.left_ns = 2000,
		.args = {KEY, 0xdead0007},
		.rax = (uint64_t)-2,
		.has_errno = true,
		.error_number = 2,
	};
	add(m, &r->calls[0].in, DB_GET, "key", KEY, "cust:42", 8, 8);
	r->calls[1] = (struct call){
		.func = STORE,
		.seq = 2,
		.thread = 1,
		.left = LEFT_UNWOUND,
		.entered_ns = 3000,
		.args = {9995, 1},
	};
}

static void make_metadata(struct maker *m)
{
	struct recording *r = m->recording;

	strcpy(r->id, ID);
	assert_int_equal(schema_id(m->shop.schema, r->schema, NULL), 0);
	r->metadata = cJSON_Parse(
		"{\"service\":\"orders\",\"category\":\"HandleOrder\",\"function\":\"handle_order\","
		"\"recorded_at\":\"2025-11-25T10:00:00.123456789Z\",\"duration_ns\":81234,"
		"\"build_id\":\"0123456789abcdef\",\"host\":\"example\",\"pid\":4242,\"error\":false,"
		"\"user\":{\"customer\":\"J\xc3\xb6rg\",\"total\":99.95,\"big\":\"18446744073709551615\"}}");
	recording_add_incomplete(r, NULL, "call 2 was left by unwinding");
}

/* --- of version 1: values in floating-point registers --- */

enum { RATE, WIDE, LOST };

static void add_registers(struct maker *m, struct side *side, const void *regs, uint32_t cnt, bool is_read)
{
	const uint32_t len = cnt * PLAN_FP_BYTES, captured = is_read ? len : 0;

	side->fragments = pool_array(m->recording->pool, 1, sizeof(*side->fragments));
	side->cnt = 1;
	side->fragments[0] = (struct fragment){
		.addr = PLAN_FP_ADDR,
		.len = len,
		.captured = captured,
		.node = PLAN_NODE_FPREGS,
		.status = is_read ? PLAN_FRAGMENT_OK : PLAN_FRAGMENT_FAULT,
		.bytes = memcpy(pool_alloc(m->recording->pool, captured + 1), regs, captured),
	};
}

static void make_floats_schema(struct maker *m)
{
	struct shop *s = &m->shop;
	int f32, f80, both;

	shop_init(s);
	f32 = btf__add_float(s->btf, "float", 4);
	f80 = btf__add_float(s->btf, "long double", 16);
	both = btf__add_struct(s->btf, "both", 16);
	btf__add_field(s->btf, "number", s->i64, 0, 0);
	btf__add_field(s->btf, "real", s->f64, 64, 0);
	add_func(m, ROLE_OPERATION, "rate", both,
		 (struct shop_param[]){{"x", s->f64}, {"n", s->i32}, {"y", f32}, {"b", both}, {}}, NULL, 0);
	add_func(m, ROLE_INPUT, "wide", f80, (struct shop_param[]){{}}, NULL, 0);
	add_func(m, ROLE_INPUT, "lost", s->f64, (struct shop_param[]){{"x", s->f64}, {}}, NULL, 0);
}

static void make_floats(struct maker *m)
{
	const double in[3][2] = {{-0.1}, {0}, {6.02214076e23}}, out[1][2] = {{1e-300, 7}};
	const float narrow = 0.1f;
	const long double wide = 0.1L;
	uint8_t regs[PLAN_FP_CNT][PLAN_FP_BYTES] = {};
	struct recording *r = m->recording;

	make_floats_schema(m);
	memcpy(regs, in, sizeof(in));
	memcpy(regs[1], &narrow, sizeof(narrow));
	memcpy(regs[PLAN_FP_ST0], &wide, 10);
	r->operation =
		(struct call){.func = RATE, .left = LEFT_RETURN, .left_ns = 5000, .args = {3, 4}, .rax = 5};
	add_registers(m, &r->operation.in, regs, 3, true);
	add_registers(m, &r->operation.out, out, 1, true);
	r->calls = pool_array(r->pool, 2, sizeof(*r->calls));
	r->calls_cnt = 2;
	r->calls[0] = (struct call){.func = WIDE, .seq = 1, .left = LEFT_RETURN, .left_ns = 2000};
	add_registers(m, &r->calls[0].out, regs, PLAN_FP_ST0 + 1, true);
	r->calls[1] = (struct call){.func = LOST, .seq = 2, .left = LEFT_RETURN, .left_ns = 4000};
	add_registers(m, &r->calls[1].in, regs, 1, false);
	add_registers(m, &r->calls[1].out, regs, 1, false);
	strcpy(r->id, ID);
	assert_int_equal(schema_id(m->shop.schema, r->schema, NULL), 0);
	r->metadata =
		cJSON_Parse("{\"service\":\"rates\",\"category\":\"HandleOrder\",\"function\":\"rate\","
			    "\"recorded_at\":\"2025-11-25T10:00:00.5Z\",\"duration_ns\":5000,\"user\":{}}");
	r->complete = true;
}

static void make_orders(struct maker *m)
{
	make_schema(m);
	make_operation(m);
	make_calls(m);
	make_metadata(m);
}

static void write_file(const char *version, const char *name, const void *data, size_t len)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), GOLDEN "/%s/%s", version, name);
	file = fopen(path, "wbx");
	if (!file || fwrite(data, 1, len, file) != len || fclose(file))
		fail_msg("cannot write '%s'", path);
}

static void write_golden(void **state)
{
	const char *version = getenv("GOLDEN_WRITE");
	auto_cassette struct cassette *cassette = NULL;
	auto_cjson cJSON *json = NULL;
	autofree char *text = NULL;
	auto_buf struct buf full;
	struct recording_key put;
	struct maker m = {};
	const void *schema;
	char dir[128];
	size_t len;

	buf_init(&full, FILE_MAX);
	assert_int_equal(cassette_open(&cassette, "mem:", true, NULL), 0);
	assert_int_equal(store_new(&m.store, cassette, NULL), 0);
	assert_int_equal(recording_new(&m.recording, NULL), 0);
	if (strstr(version, "-floats"))
		make_floats(&m);
	else
		make_orders(&m);
	assert_int_equal(recording_write(&full, m.recording, NULL), 0);
	assert_int_equal(store_put(m.store, m.recording, m.shop.schema, &put, NULL), 0);
	assert_int_equal(schema_bytes(m.shop.schema, &schema, &len, NULL), 0);
	json = show(cassette);
	text = cJSON_Print(json);
	snprintf(dir, sizeof(dir), GOLDEN "/%s", version);
	mkdir(dir, 0777);
	write_file(version, "recording", full.data, full.len);
	write_file(version, "schema", schema, len);
	write_file(version, "recording.json", text, strlen(text));
	store_free(m.store);
	recording_free(m.recording);
	shop_release(&m.shop);
}

int main(void)
{
	const struct CMUnitTest reads[] = {cmocka_unit_test(every_version_shows_what_it_showed)};
	const struct CMUnitTest writes[] = {cmocka_unit_test(write_golden)};

	return getenv("GOLDEN_WRITE") ? cmocka_run_group_tests_name("golden: write", writes, NULL, NULL)
				      : cmocka_run_group_tests_name("golden", reads, NULL, NULL);
}
