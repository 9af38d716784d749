// SPDX-License-Identifier: BSD-3-Clause
#include "lib/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>


static void what_is_written_is_read_back(void **state)
{
	auto_buf struct buf buf;
	struct reader r;

	buf_init(&buf, 1024);
	buf_put_u8(&buf, 0x12);
	buf_put_u16(&buf, 0x1234);
	buf_put_u32(&buf, 0x12345678);
	buf_put_u64(&buf, 0x123456789abcdef0);
	buf_put(&buf, "raw", 3);
	assert_int_equal(buf.failed, 0);

	reader_init(&r, buf.data, buf.len);
	assert_int_equal(reader_u8(&r), 0x12);
	assert_int_equal(reader_u16(&r), 0x1234);
	assert_int_equal(reader_u32(&r), 0x12345678);
	assert_int_equal(reader_u64(&r), 0x123456789abcdef0);
	assert_memory_equal(reader_bytes(&r, 3), "raw", 3);
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.failed);
}

static void numbers_are_little_endian(void **state)
{
	auto_buf struct buf buf;

	buf_init(&buf, 1024);
	buf_put_u32(&buf, 0x11223344);
	assert_memory_equal(buf.data, "\x44\x33\x22\x11", 4);
}

static void a_full_buffer_stays_failed_and_keeps_what_it_had(void **state)
{
	auto_buf struct buf buf;

	buf_init(&buf, 4);
	buf_put_u32(&buf, 1);
	assert_int_equal(buf.failed, 0);
	buf_put_u8(&buf, 2);
	assert_int_equal(buf.failed, -EFBIG);
	assert_int_equal(buf.len, 4);
	assert_null(buf_grow(&buf, 0));
	buf_printf(&buf, "x");
	buf_put(&buf, "x", 1);
	assert_int_equal(buf.len, 4);
}

static void a_length_that_overflows_is_refused(void **state)
{
	auto_buf struct buf buf;

	buf_init(&buf, SIZE_MAX);
	buf_put_u8(&buf, 1);
	buf_put(&buf, "x", SIZE_MAX);
	assert_int_equal(buf.failed, -EFBIG);
}

static void grown_bytes_are_zero_and_alignment_fills(void **state)
{
	static const uint8_t zeros[600];
	auto_buf struct buf buf;
	void *at;

	buf_init(&buf, 4096);
	buf_put_u8(&buf, 0xff);
	at = buf_grow(&buf, sizeof(zeros));
	assert_non_null(at);
	assert_memory_equal(at, zeros, sizeof(zeros));
	buf_align(&buf, 8);
	assert_int_equal(buf.len, 608);
	buf_align(&buf, 8);
	assert_int_equal(buf.len, 608);
}

static void printed_text_has_no_nul_counted(void **state)
{
	auto_buf struct buf buf;

	buf_init(&buf, 16);
	buf_printf(&buf, "%d-%s", 12, "ab");
	buf_printf(&buf, "!");
	assert_int_equal(buf.len, 6);
	assert_memory_equal(buf.data, "12-ab!", 6);
}

static void a_reader_past_its_end_latches(void **state)
{
	struct reader r;

	reader_init(&r, "\x01\x02\x03", 3);
	assert_int_equal(reader_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(reader_u8(&r), 0);
	assert_null(reader_bytes(&r, 1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(numbers_are_little_endian),
		cmocka_unit_test(a_full_buffer_stays_failed_and_keeps_what_it_had),
		cmocka_unit_test(a_length_that_overflows_is_refused),
		cmocka_unit_test(grown_bytes_are_zero_and_alignment_fills),
		cmocka_unit_test(printed_text_has_no_nul_counted),
		cmocka_unit_test(a_reader_past_its_end_latches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
