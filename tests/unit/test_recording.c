// SPDX-License-Identifier: BSD-3-Clause
#include "lib/recording.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/plan.h"
#include "lib/pool.h"
#include "lib/util.h"
#include "tests/support/forge.h"

#define FILE_MAX (1 << 20)
#define ID	 "00112233445566778899aabbccddeeff"
#define SCHEMA	 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct fragment in_fragments[] = {
	{0x7ffe0010, 16, 16, 2, PLAN_FRAGMENT_OK, (const uint8_t *)"0123456789abcdef"},
	{0x7ffe0000, 64, 3, 5, PLAN_FRAGMENT_FAULT, (const uint8_t *)"abc"},
	{UINT64_MAX, 8, 0, 6, PLAN_FRAGMENT_FAULT, NULL},
};
static struct fragment out_fragments[] = {
	{0x1000, 4, 4, 0xffff, PLAN_FRAGMENT_OK, (const uint8_t *)"\xff\x00\x01\x02"},
};

/* Two calls, fragments on either side, text in the metadata; every field has another value than 0. */
static struct recording *sample(void)
{
	struct recording *r;

	assert_int_equal(recording_new(&r, NULL), 0);
	strcpy(r->id, ID);
	strcpy(r->schema, SCHEMA);
	r->metadata = cJSON_Parse("{\"service\":\"orders\",\"category\":\"HandleOrder\",\"duration_ns\":1234,"
				  "\"user\":{\"customer\":\"acme \\u00e9\"}}");
	r->operation = (struct call){
		.func = 0,
		.thread = 1,
		.left = LEFT_RETURN,
		.left_ns = 1234,
		.args = {1, 2, 3, 4, 5, UINT64_MAX},
		.rsp = 0x7ffe1000,
		.rax = 77,
		.rdx = 78,
		.has_errno = true,
		.error_number = -5,
		.in = {in_fragments, ARRAY_SIZE(in_fragments), .steps_cut = true},
	};
	r->calls = pool_array(r->pool, 2, sizeof(*r->calls));
	r->calls[0] = (struct call){.func = 1, .seq = 1, .thread = 1, .left = LEFT_UNWOUND, .entered_ns = 17};
	r->calls[1] = (struct call){
		.func = 2,
		.seq = 5,
		.thread = 2,
		.left = LEFT_RETURN,
		.entered_ns = 50,
		.left_ns = 60,
		.rax = UINT64_MAX,
		.in = {.budget_cut = true},
		.out = {out_fragments, ARRAY_SIZE(out_fragments), .steps_cut = true, .budget_cut = true},
	};
	r->calls_cnt = 2;
	r->complete = true;
	return r;
}

static void sides_equal(const struct side *a, const struct side *b)
{
	assert_int_equal(a->cnt, b->cnt);
	assert_int_equal(a->steps_cut, b->steps_cut);
	assert_int_equal(a->budget_cut, b->budget_cut);
	for (size_t i = 0; i < a->cnt; i++) {
		const struct fragment *f = &a->fragments[i], *g = &b->fragments[i];

		assert_int_equal(f->addr, g->addr);
		assert_int_equal(f->len, g->len);
		assert_int_equal(f->captured, g->captured);
		assert_int_equal(f->node, g->node);
		assert_int_equal(f->status, g->status);
		if (f->captured)
			assert_memory_equal(f->bytes, g->bytes, f->captured);
	}
}

static void calls_equal(const struct call *a, const struct call *b)
{
	assert_int_equal(a->func, b->func);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->thread, b->thread);
	assert_int_equal(a->left, b->left);
	assert_int_equal(a->entered_ns, b->entered_ns);
	assert_int_equal(a->left_ns, b->left_ns);
	assert_memory_equal(a->args, b->args, sizeof(a->args));
	assert_int_equal(a->rsp, b->rsp);
	assert_int_equal(a->rax, b->rax);
	assert_int_equal(a->rdx, b->rdx);
	assert_int_equal(a->has_errno, b->has_errno);
	assert_int_equal(a->error_number, b->error_number);
	sides_equal(&a->in, &b->in);
	sides_equal(&a->out, &b->out);
}

static void write_sample(struct buf *out)
{
	auto_recording struct recording *r = sample();
	struct err err = {};

	buf_init(out, FILE_MAX);
	if (recording_write(out, r, &err))
		fail_msg("%s", err.msg);
}

static void refused(const void *data, size_t len, const char *words)
{
	struct recording *untouched = (void *)1, *r = untouched;
	struct err err = {};

	assert_int_equal(recording_read(&r, data, len, &err), -EBADMSG);
	assert_ptr_equal(r, untouched);
	if (!strstr(err.msg, words) || !err.msg[0])
		fail_msg("'%s' was said, not '%s'", err.msg, words);
}

static void what_was_written_is_read_back(void **state)
{
	auto_recording struct recording *r = sample(), *got = NULL;
	auto_buf struct buf buf;
	struct err err = {};

	buf_init(&buf, FILE_MAX);
	buf_put(&buf, "before", 6);
	assert_int_equal(recording_write(&buf, r, &err), 0);
	assert_int_equal(recording_read(&got, buf.data + 6, buf.len - 6, &err), 0);
	assert_string_equal(got->id, ID);
	assert_string_equal(got->schema, SCHEMA);
	assert_true(got->complete);
	assert_int_equal(got->incomplete_cnt, 0);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(
				    cJSON_GetObjectItem(got->metadata, "user"), "customer")),
			    "acme \xc3\xa9");
	calls_equal(&got->operation, &r->operation);
	assert_int_equal(got->calls_cnt, 2);
	calls_equal(&got->calls[0], &r->calls[0]);
	calls_equal(&got->calls[1], &r->calls[1]);
}

#define META "{\"complete\":true}"

/* A calls section with one call record of the operation and @cnt fragments. */
static void put_raw_calls(struct buf *raw, uint32_t call_len, uint32_t fragment_len, uint32_t calls,
			  uint32_t cnt)
{
	buf_put_u32(raw, call_len);
	buf_put_u32(raw, fragment_len);
	buf_put_u32(raw, calls);
	buf_put_u32(raw, cnt);
	buf_grow(raw, FORMAT_CALL_LEN + cnt * FORMAT_FRAGMENT_LEN);
}

static void symbols_are_read_back_and_stand_behind_every_call(void **state)
{
	static struct named_address rows[] = {{0x401000, "", "visit", 0},
					      {0x401010, "", "orders.c:table", 16},
					      {0x7f0000001000, "libshop.so", "price", 0}};
	auto_recording struct recording *written = sample(), *read = NULL;
	struct err err = {};
	auto_buf struct buf buf;

	buf_init(&buf, FILE_MAX);
	recording_set_symbols(written, &(struct symbols){rows, ARRAY_SIZE(rows)});
	assert_int_equal(recording_write(&buf, written, &err), 0);
	assert_int_equal(recording_read(&read, buf.data, buf.len, &err), 0);
	assert_int_equal(read->symbols.cnt, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct named_address *row = symbols_find(read->calls[1].symbols, rows[i].addr);

		assert_non_null(row);
		assert_string_equal(row->module, rows[i].module);
		assert_string_equal(row->name, rows[i].name);
		assert_int_equal(row->off, rows[i].off);
	}
	assert_null(symbols_find(read->operation.symbols, 0x401001));
}

static void wrong_symbols_are_refused_in_words(void **state)
{
	static const uint8_t one[] = {1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0,  0,
				      0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 'f'};
	static const struct {
		size_t at, len;
		uint8_t byte;
		const char *words;
	} cases[] = {
		{0, sizeof(one), 2, "symbol 1 has no name"},
		{0, sizeof(one), 0, "the symbols are not as many as they say"},
		{2, sizeof(one), 2, "131073 symbols"},
		{0, 3, 1, "symbols"},
		{20, sizeof(one), 7, "symbol 0 has no name"},
		{22, sizeof(one), 0, "symbol 0 has no name"},
		{24, sizeof(one), 0, "symbol 0 has no name"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf struct buf buf, raw, calls;

		buf_init(&buf, FILE_MAX);
		buf_init(&raw, FILE_MAX);
		buf_init(&calls, FILE_MAX);
		buf_put(&raw, one, cases[i].len);
		if (cases[i].at < raw.len)
			raw.data[cases[i].at] = cases[i].byte;
		put_raw_calls(&calls, FORMAT_CALL_LEN, FORMAT_FRAGMENT_LEN, 0, 0);
		forge_file(
			&buf,
			(struct forged[]){{FORMAT_METADATA, FORMAT_PLAIN, META, strlen(META), strlen(META)},
					  {FORMAT_CALLS, FORMAT_PLAIN, calls.data, calls.len, calls.len},
					  {FORMAT_BYTES, FORMAT_PLAIN, "", 0, 0},
					  {FORMAT_SYMBOLS, FORMAT_PLAIN, raw.data, raw.len, raw.len}},
			4);
		refused(buf.data, buf.len, cases[i].words);
	}
}

static void an_empty_recording_is_read_back(void **state)
{
	auto_recording struct recording *r = NULL, *got = NULL;
	auto_buf struct buf buf;

	buf_init(&buf, FILE_MAX);
	assert_int_equal(recording_new(&r, NULL), 0);
	strcpy(r->id, ID);
	assert_int_equal(recording_write(&buf, r, NULL), 0);
	assert_int_equal(recording_read(&got, buf.data, buf.len, NULL), 0);
	assert_int_equal(got->calls_cnt, 0);
	assert_false(got->complete);
	assert_string_equal(got->schema, "");
}

static void large_data_is_compressed_and_read_back(void **state)
{
	enum { LEN = 300000 };
	auto_recording struct recording *r = sample(), *got = NULL;
	autofree uint8_t *bytes = malloc(LEN);
	struct fragment big = {0x1000, LEN, LEN, 1, PLAN_FRAGMENT_OK, bytes};
	auto_buf struct buf buf;

	for (size_t i = 0; i < LEN; i++)
		bytes[i] = i / 1000;
	r->operation.out = (struct side){&big, 1};
	buf_init(&buf, FILE_MAX);
	assert_int_equal(recording_write(&buf, r, NULL), 0);
	assert_true(buf.len < LEN / 10);
	assert_int_equal(recording_read(&got, buf.data, buf.len, NULL), 0);
	calls_equal(&got->operation, &r->operation);
}

static void reasons_are_kept_once_and_take_completeness_back(void **state)
{
	auto_recording struct recording *r = sample(), *got = NULL;
	auto_buf struct buf buf;

	for (int i = 0; i < 2; i++)
		assert_int_equal(recording_add_incomplete(r, NULL, "%d events were lost", 3), 0);
	assert_int_equal(recording_add_incomplete(r, NULL, "recording stopped"), 0);
	assert_false(r->complete);
	buf_init(&buf, FILE_MAX);
	assert_int_equal(recording_write(&buf, r, NULL), 0);
	assert_int_equal(recording_read(&got, buf.data, buf.len, NULL), 0);
	assert_false(got->complete);
	assert_int_equal(got->incomplete_cnt, 2);
	assert_string_equal(got->incomplete[0], "3 events were lost");
	assert_string_equal(got->incomplete[1], "recording stopped");
}

static void reasons_have_a_limit_that_says_so(void **state)
{
	auto_recording struct recording *r = sample();

	for (int i = 0; i < 2 * RECORDING_REASONS_MAX; i++)
		assert_int_equal(recording_add_incomplete(r, NULL, "reason %d", i), 0);
	assert_int_equal(r->incomplete_cnt, RECORDING_REASONS_MAX);
	assert_string_equal(r->incomplete[RECORDING_REASONS_MAX - 1], "more reasons than are kept");
}

static void the_document_says_what_the_recording_says(void **state)
{
	auto_recording struct recording *r = sample();
	autofree char *text = NULL;

	cJSON_AddBoolToObject(r->metadata, "complete", true);
	recording_add_incomplete(r, NULL, "lost");
	assert_int_equal(recording_metadata_text(&text, r, NULL), 0);
	assert_string_equal(text, "{\"service\":\"orders\",\"category\":\"HandleOrder\",\"duration_ns\":1234,"
				  "\"user\":{\"customer\":\"acme \xc3\xa9\"},\"schema\":\"" SCHEMA
				  "\",\"complete\":false,\"incomplete\":[\"lost\"]}");
}

static void a_torn_file_is_refused_and_says_so(void **state)
{
	auto_buf struct buf buf;

	write_sample(&buf);
	refused("", 0, "torn: it is empty");
	for (size_t len = 1; len < buf.len; len++)
		refused(buf.data, len, "torn: ");
	buf_put_u8(&buf, 0);
	refused(buf.data, buf.len, "torn: ");
}

static void every_changed_bit_is_noticed(void **state)
{
	auto_buf struct buf buf;

	write_sample(&buf);
	for (size_t i = 0; i < buf.len * 8; i++) {
		buf.data[i / 8] ^= 1 << i % 8;
		refused(buf.data, buf.len, "");
		buf.data[i / 8] ^= 1 << i % 8;
	}
	for (size_t i = 0; i < buf.len; i++) {
		buf.data[i] ^= 0xff;
		refused(buf.data, buf.len, "");
		buf.data[i] ^= 0xff;
	}
}

static void a_bad_head_is_refused_in_words(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		const char *words;
	} cases[] = {
		{0, 'x', "not a recording"},
		{FORMAT_AT_VERSION, 9, "version 9 is newer than this program's 1"},
		{FORMAT_AT_VERSION, 0, "not a recording: version 0"},
		{FORMAT_AT_MARK, FORMAT_MARK_INCOMPLETE, "torn: the incomplete mark is still set"},
		{FORMAT_AT_CHECKSUM, 0, "checksum differs"},
		{FORMAT_AT_LENGTH + 7, 1, "torn: "},
		{FORMAT_AT_ID, 1, "checksum differs"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf struct buf buf;

		write_sample(&buf);
		buf.data[cases[i].at] = cases[i].byte;
		refused(buf.data, buf.len, cases[i].words);
	}
	refused("\x7f"
		"ELF",
		4, "not a recording");
}

static void wrong_counts_and_sizes_are_refused_in_words(void **state)
{
	static const struct {
		uint32_t call_len, fragment_len, calls, cnt;
		const char *words;
	} cases[] = {
		{0, 20, 0, 0, "calls of a size that cannot be"},
		{115, 20, 0, 0, "calls of a size that cannot be"},
		{116, 19, 0, 0, "calls of a size that cannot be"},
		{UINT32_MAX, 20, 0, 0, "calls of a size that cannot be"},
		{116, 20, 1, 0, "1 calls and 0 fragments in 132 bytes"},
		{116, 20, UINT32_MAX, 0, "4294967295 calls"},
		{116, 20, RECORDING_CALLS_MAX, 0, "100000 calls"},
		{116, 20, 0, 1, "the calls' fragments are not as many as there are"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf struct buf buf, raw;
		struct forged sections[] = {
			{FORMAT_METADATA, FORMAT_PLAIN, META, strlen(META), strlen(META)},
			{FORMAT_CALLS},
			{FORMAT_BYTES, FORMAT_PLAIN, "", 0, 0},
		};

		buf_init(&buf, FILE_MAX);
		buf_init(&raw, FILE_MAX);
		put_raw_calls(&raw, cases[i].call_len, cases[i].fragment_len, cases[i].calls, cases[i].cnt);
		sections[1] = (struct forged){FORMAT_CALLS, FORMAT_PLAIN, raw.data, raw.len, raw.len};
		forge_file(&buf, sections, ARRAY_SIZE(sections));
		refused(buf.data, buf.len, cases[i].words);
	}
}

static void wrong_sections_are_refused_in_words(void **state)
{
	static const struct {
		struct forged section;
		const char *words;
	} cases[] = {
		{{0x1234, FORMAT_PLAIN, "x", 1, 1}, "no section 'metadata'"},
		{{FORMAT_CALLS, FORMAT_PLAIN, "x", 1, 1}, "two sections 'calls'"},
		{{FORMAT_METADATA, FORMAT_PLAIN, "x", 1, 2}, "section 'metadata' cannot have 2 bytes in 1"},
		{{FORMAT_METADATA, FORMAT_ZLIB, "x", 1, 2000},
		 "section 'metadata' cannot have 2000 bytes in 1"},
		{{FORMAT_METADATA, FORMAT_ZLIB, "x", 1, 7},
		 "section 'metadata' is not the zlib data it should be"},
		{{FORMAT_METADATA, FORMAT_ZLIB, "x", 1, RECORDING_BYTES_MAX + 1ull},
		 "section 'metadata' says it has"},
		{{FORMAT_METADATA, FORMAT_ZLIB, "x", 1, UINT64_MAX}, "section 'metadata' says it has"},
		{{FORMAT_METADATA, 2, "x", 1, 1}, "section 'metadata' has the unknown encoding 2"},
		{{FORMAT_METADATA, FORMAT_PLAIN, "[]", 2, 2}, "the metadata is not one JSON object"},
		{{FORMAT_METADATA, FORMAT_PLAIN, "{} {}", 5, 5}, "the metadata is not one JSON object"},
		{{FORMAT_METADATA, FORMAT_PLAIN, "{", 1, 1}, "the metadata is not one JSON object"},
		{{FORMAT_METADATA, FORMAT_PLAIN, "{}", 2, 2}, "does not say whether it is complete"},
		{{FORMAT_METADATA, FORMAT_PLAIN, "{\"complete\":true,\"schema\":\"../x\"}", 33, 33},
		 "'schema' is not 64 hexadecimal digits"},
		{{FORMAT_METADATA, FORMAT_PLAIN, "{\"complete\":true,\"incomplete\":[1]}", 34, 34},
		 "'incomplete' is not a list of strings"},
		{{FORMAT_METADATA, FORMAT_PLAIN, "{\"complete\":true,\"incomplete\":[\"a\"]}", 36, 36},
		 "complete, and yet incomplete: a"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_buf struct buf buf, raw;
		struct forged sections[3] = {cases[i].section};

		buf_init(&buf, FILE_MAX);
		buf_init(&raw, FILE_MAX);
		put_raw_calls(&raw, FORMAT_CALL_LEN, FORMAT_FRAGMENT_LEN, 0, 0);
		sections[1] = (struct forged){FORMAT_CALLS, FORMAT_PLAIN, raw.data, raw.len, raw.len};
		sections[2] = (struct forged){FORMAT_BYTES, FORMAT_PLAIN, "", 0, 0};
		forge_file(&buf, sections, ARRAY_SIZE(sections));
		refused(buf.data, buf.len, cases[i].words);
	}
}

/* What a later version of the same format may add: a section, and fields behind those we know. */
static void what_is_newer_is_passed_over(void **state)
{
	auto_recording struct recording *got = NULL;
	auto_buf struct buf buf, raw;
	struct forged sections[] = {
		{0x7777, 9, "later", 5, 1ull << 60},
		{FORMAT_METADATA, FORMAT_PLAIN, META, strlen(META), strlen(META)},
		{FORMAT_BYTES, FORMAT_PLAIN, "abc", 3, 3},
		{FORMAT_CALLS},
	};

	buf_init(&buf, FILE_MAX);
	buf_init(&raw, FILE_MAX);
	buf_put_u32(&raw, FORMAT_CALL_LEN + 4);
	buf_put_u32(&raw, FORMAT_FRAGMENT_LEN + 8);
	buf_put_u32(&raw, 0);
	buf_put_u32(&raw, 1);
	buf_grow(&raw, FORMAT_CALL_LEN - 4);
	buf_put_u32(&raw, 1);
	buf_put_u32(&raw, 0xdddddddd);
	buf_put_u64(&raw, 0x5000);
	buf_put_u32(&raw, 3);
	buf_put_u32(&raw, 3);
	buf_grow(&raw, 12);
	sections[3] = (struct forged){FORMAT_CALLS, FORMAT_PLAIN, raw.data, raw.len, raw.len};
	forge_file(&buf, sections, ARRAY_SIZE(sections));
	assert_int_equal(recording_read(&got, buf.data, buf.len, NULL), 0);
	assert_int_equal(got->operation.out.cnt, 1);
	assert_int_equal(got->operation.out.fragments[0].addr, 0x5000);
	assert_memory_equal(got->operation.out.fragments[0].bytes, "abc", 3);
}

/* A valid calls section of an operation and a call with a fragment each. */
static void put_valid_calls(struct buf *raw)
{
	buf_put_u32(raw, FORMAT_CALL_LEN);
	buf_put_u32(raw, FORMAT_FRAGMENT_LEN);
	buf_put_u32(raw, 1);
	buf_put_u32(raw, 2);
	for (int i = 0; i < 2; i++) {
		buf_put_u32(raw, 0);
		buf_put_u32(raw, i);
		buf_grow(raw, FORMAT_CALL_LEN - 16);
		buf_put_u32(raw, 1);
		buf_put_u32(raw, 0);
	}
	for (int i = 0; i < 2; i++) {
		buf_put_u64(raw, 0x5000);
		buf_put_u32(raw, 3);
		buf_put_u32(raw, 3);
		buf_put_u32(raw, 0);
	}
}

static void reads_or_refuses(const struct buf *file, size_t *taken)
{
	auto_recording struct recording *got = NULL, *again = NULL;
	auto_buf struct buf buf;
	struct err err = {};
	int r = recording_read(&got, file->data, file->len, &err);

	if (r) {
		assert_int_equal(r, -EBADMSG);
		assert_true(err.msg[0]);
		return;
	}
	++*taken;
	buf_init(&buf, FILE_MAX);
	assert_int_equal(recording_write(&buf, got, NULL), 0);
	assert_int_equal(recording_read(&again, buf.data, buf.len, NULL), 0);
	calls_equal(&got->operation, &again->operation);
}

/* Behind right checksums no byte of the calls may crash the reader; what it takes, it can write and read. */
static void hostile_calls_are_refused_or_sound(void **state)
{
	size_t taken = 0, cnt = 0;

	for (size_t i = 0; i < 16 + 2 * FORMAT_CALL_LEN + 2 * FORMAT_FRAGMENT_LEN; i++) {
		for (int bit = 0; bit < 8; bit++, cnt++) {
			auto_buf struct buf file, raw;
			struct forged sections[] = {
				{FORMAT_METADATA, FORMAT_PLAIN, META, strlen(META), strlen(META)},
				{FORMAT_CALLS},
				{FORMAT_BYTES, FORMAT_PLAIN, "abcdef", 6, 6},
			};

			buf_init(&file, FILE_MAX);
			buf_init(&raw, FILE_MAX);
			put_valid_calls(&raw);
			raw.data[i] ^= 1 << bit;
			sections[1] = (struct forged){FORMAT_CALLS, FORMAT_PLAIN, raw.data, raw.len, raw.len};
			forge_file(&file, sections, ARRAY_SIZE(sections));
			reads_or_refuses(&file, &taken);
		}
	}
	/* Most bits are values, such as registers; the others are structure. */
	assert_in_range(taken, cnt / 2, cnt - 8 * 16);
}

static void what_cannot_be_is_not_written(void **state)
{
	static struct fragment bad[] = {
		{0x1000, 1, 2, 0, PLAN_FRAGMENT_OK, (const uint8_t *)"ab"},
		{0x1000, 2, 2, 0, PLAN_FRAGMENT_BUDGET + 1, (const uint8_t *)"ab"},
		{UINT64_MAX, 2, 2, 0, PLAN_FRAGMENT_OK, (const uint8_t *)"ab"},
	};
	static const char *const words[] = {
		"call 5: a fragment has 2 bytes of 1",
		"call 5: a fragment has the unknown status 3",
		"call 5: a fragment reaches beyond the address space",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_recording struct recording *r = sample();
		auto_buf struct buf buf;
		struct err err = {};

		buf_init(&buf, FILE_MAX);
		r->calls[1].out = (struct side){&bad[i], 1};
		assert_int_equal(recording_write(&buf, r, &err), -EBADMSG);
		assert_string_equal(err.msg, words[i]);
		assert_int_equal(buf.len, 0);
	}
}

static void calls_out_of_order_are_not_written(void **state)
{
	auto_recording struct recording *r = sample();
	auto_buf struct buf buf;
	struct err err = {};

	buf_init(&buf, FILE_MAX);
	r->calls[1].seq = 1;
	assert_int_equal(recording_write(&buf, r, &err), -EBADMSG);
	assert_string_equal(err.msg, "call 1 stands behind call 1");
	r->calls[1].seq = 2;
	r->calls[1].left = LEFT_CNT;
	assert_int_equal(recording_write(&buf, r, &err), -EBADMSG);
	assert_string_equal(err.msg, "call 2: left in the unknown way 4");
	r->calls[1].left = LEFT_EXIT;
	strcpy(r->id, "Z");
	assert_int_equal(recording_write(&buf, r, &err), -EBADMSG);
	assert_string_equal(err.msg, "'Z' is no id of a recording: 32 hexadecimal digits");
}

static void too_much_is_efbig(void **state)
{
	auto_recording struct recording *r = sample();
	auto_buf struct buf buf;
	struct err err = {};

	buf_init(&buf, 300);
	assert_int_equal(recording_write(&buf, r, &err), -EFBIG);
	assert_string_equal(err.msg, "a recording of more than 300 bytes");
	assert_int_equal(buf.len, 0);
	r->calls_cnt = RECORDING_CALLS_MAX + 1;
	assert_int_equal(recording_write(&buf, r, &err), -EFBIG);
	assert_string_equal(err.msg, "more than 100000 calls");
	r->calls_cnt = 2;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(symbols_are_read_back_and_stand_behind_every_call),
		cmocka_unit_test(wrong_symbols_are_refused_in_words),
		cmocka_unit_test(an_empty_recording_is_read_back),
		cmocka_unit_test(large_data_is_compressed_and_read_back),
		cmocka_unit_test(reasons_are_kept_once_and_take_completeness_back),
		cmocka_unit_test(reasons_have_a_limit_that_says_so),
		cmocka_unit_test(the_document_says_what_the_recording_says),
		cmocka_unit_test(a_torn_file_is_refused_and_says_so),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(a_bad_head_is_refused_in_words),
		cmocka_unit_test(wrong_counts_and_sizes_are_refused_in_words),
		cmocka_unit_test(wrong_sections_are_refused_in_words),
		cmocka_unit_test(what_is_newer_is_passed_over),
		cmocka_unit_test(hostile_calls_are_refused_or_sound),
		cmocka_unit_test(what_cannot_be_is_not_written),
		cmocka_unit_test(calls_out_of_order_are_not_written),
		cmocka_unit_test(too_much_is_efbig),
	};

	return cmocka_run_group_tests_name("recording", tests, NULL, NULL);
}
