/* SPDX-License-Identifier: BSD-3-Clause */
/* Recordings with right checksums around any content, for tests of what lies behind the checksums. */
#pragma once

#include <endian.h>
#include <string.h>

#include <zlib.h>

#include "lib/buf.h"
#include "lib/recording_format.h"

struct forged {
	uint16_t kind, encoding;
	const void *stored;
	size_t stored_len;
	uint64_t raw_len;
};

/* Make the whole file's length and checksum right. */
static inline void forge_seal(uint8_t *file, size_t len)
{
	uint64_t len64 = htole64(len);
	uint32_t sum = 0;

	memcpy(file + FORMAT_AT_LENGTH, &len64, sizeof(len64));
	memcpy(file + FORMAT_AT_CHECKSUM, &sum, sizeof(sum));
	sum = htole32(crc32_z(0, file, len));
	memcpy(file + FORMAT_AT_CHECKSUM, &sum, sizeof(sum));
}

static inline void forge_file(struct buf *out, const struct forged *sections, size_t cnt)
{
	size_t offset = FORMAT_HEADER_LEN + cnt * FORMAT_SECTION_LEN;

	buf_put(out, FORMAT_MAGIC, FORMAT_MAGIC_LEN);
	buf_put_u16(out, FORMAT_VERSION);
	buf_grow(out, FORMAT_AT_SECTIONS - out->len);
	buf_put_u32(out, cnt);
	buf_put_u32(out, 0);
	for (size_t i = 0; i < cnt; i++) {
		buf_put_u16(out, sections[i].kind);
		buf_put_u16(out, sections[i].encoding);
		buf_put_u32(out, crc32_z(0, sections[i].stored, sections[i].stored_len));
		buf_put_u64(out, offset);
		buf_put_u64(out, sections[i].stored_len);
		buf_put_u64(out, sections[i].raw_len);
		offset += sections[i].stored_len;
	}
	for (size_t i = 0; i < cnt; i++)
		buf_put(out, sections[i].stored, sections[i].stored_len);
	forge_seal(out->data, out->len);
}
