// SPDX-License-Identifier: BSD-3-Clause
/* Any bytes, with a length and a checksum that fit, are refused with words or are written back and read
 * again. */
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/buf.h"
#include "lib/compiled.h"
#include "lib/err.h"
#include "lib/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void settle(uint8_t *data, size_t len)
{
	uint64_t whole = htole64(len);
	uint32_t crc;

	memcpy(data + 16, &whole, sizeof(whole));
	memset(data + 12, 0, sizeof(crc));
	crc = htole32(crc32_z(0, data, len));
	memcpy(data + 12, &crc, sizeof(crc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	auto_compiled struct compiled *compiled = NULL, *again = NULL;
	autofree uint8_t *copy = malloc(len + 1);
	auto_buf struct buf written;
	struct err err = {};

	memcpy(copy, data, len);
	if (len >= 32)
		settle(copy, len);
	buf_init(&written, COMPILED_BYTES_MAX);
	if (compiled_read(&compiled, copy, len, &err)) {
		assert(err.msg[0]);
		return 0;
	}
	assert(!compiled_write(&written, compiled, &err));
	assert(!compiled_read(&again, written.data, written.len, &err));
	assert(again->funcs_cnt == compiled->funcs_cnt);
	return 0;
}
