// SPDX-License-Identifier: BSD-3-Clause
/*
 * Any bytes are refused with words, or are a recording that is written and read back as it was.
 *
 * Checksums would keep a fuzzer out. So the first byte chooses: the rest is a file as it is; a file whose
 * length and checksums are made right first; or three lengths and the contents of the three sections.
 */
#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/recording.h"
#include "lib/util.h"
#include "tests/support/forge.h"

#define FILE_MAX (1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum mode { MODE_PLAIN, MODE_SEALED, MODE_SECTIONS, MODE_CNT };

static void seal_sections(struct buf *file)
{
	for (size_t at = FORMAT_HEADER_LEN; at + FORMAT_SECTION_LEN <= file->len; at += FORMAT_SECTION_LEN) {
		uint64_t offset, stored;
		uint32_t sum;

		memcpy(&offset, file->data + at + 8, sizeof(offset));
		memcpy(&stored, file->data + at + 16, sizeof(stored));
		if (offset > file->len || stored > file->len - offset)
			return;
		sum = htole32(crc32_z(0, file->data + offset, stored));
		memcpy(file->data + at + 4, &sum, sizeof(sum));
	}
}

static void make_sections(struct buf *file, const uint8_t *data, size_t len)
{
	struct forged sections[] = {{FORMAT_METADATA}, {FORMAT_CALLS}, {FORMAT_BYTES}};
	struct reader r;

	reader_init(&r, data, len);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		struct forged *s = &sections[i];

		s->encoding = reader_u8(&r) & 1;
		s->raw_len = s->encoding == FORMAT_ZLIB ? reader_u32(&r) : 0;
		s->stored_len = MIN((size_t)reader_u16(&r), reader_left(&r));
		s->stored = reader_bytes(&r, s->stored_len);
		if (r.failed)
			return;
		if (s->encoding == FORMAT_PLAIN)
			s->raw_len = s->stored_len;
	}
	forge_file(file, sections, ARRAY_SIZE(sections));
}

static void make_file(struct buf *file, const uint8_t *data, size_t len)
{
	enum mode mode = len ? data[0] % MODE_CNT : MODE_PLAIN;

	if (mode == MODE_SECTIONS) {
		make_sections(file, data + 1, len - 1);
		return;
	}
	if (len)
		buf_put(file, data + 1, len - 1);
	if (mode == MODE_SEALED && file->len >= FORMAT_HEADER_LEN) {
		seal_sections(file);
		forge_seal(file->data, file->len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_recording struct recording *first = NULL, *second = NULL;
	auto_buf struct buf file, once, twice;
	struct err err = {};

	buf_init(&file, FILE_MAX);
	buf_init(&once, FILE_MAX);
	buf_init(&twice, FILE_MAX);
	make_file(&file, data, len);
	if (recording_read(&first, file.data, file.len, &err)) {
		assert(err.msg[0]);
		return 0;
	}
	if (recording_write(&once, first, &err)) {
		assert(err.msg[0]);
		return 0;
	}
	assert(!recording_read(&second, once.data, once.len, &err));
	assert(!recording_write(&twice, second, &err));
	assert(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
	return 0;
}
