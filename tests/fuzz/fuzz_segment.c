// SPDX-License-Identifier: BSD-3-Clause
/* Any bytes, and any lines packed as an index is, are refused with words, or are entries that come out again
 * as they went in. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/err.h"
#include "lib/segment.h"

#define ENTRIES_MAX 64
#define PACKED_MAX  (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct entries {
	struct segment_entry entry[ENTRIES_MAX];
	size_t cnt;
};

static int keep(struct segment_entry *entry, void *ctx)
{
	struct entries *entries = ctx;

	if (entries->cnt == ENTRIES_MAX) {
		segment_entry_release(entry);
		return 1;
	}
	entries->entry[entries->cnt++] = *entry;
	return 0;
}

static void release(struct entries *entries)
{
	for (size_t i = 0; i < entries->cnt; i++)
		segment_entry_release(&entries->entry[i]);
}

static int read_all(struct entries *entries, const void *data, size_t len)
{
	struct err err = {};
	int r = segment_index_each(data, len, keep, entries, &err);

	assert(r >= 0 || err.msg[0]);
	return r;
}

static void assert_same(const struct segment_entry *one, const struct segment_entry *other)
{
	assert(!strcmp(one->category, other->category) && !strcmp(one->day, other->day) &&
	       !strcmp(one->id, other->id));
	assert(one->at == other->at && one->len == other->len && one->crc == other->crc);
	assert(one->metadata_len == other->metadata_len && !one->metadata == !other->metadata);
	assert(!one->metadata || !memcmp(one->metadata, other->metadata, one->metadata_len));
}

static void write_and_read(const struct entries *entries)
{
	const struct segment_entry *all[ENTRIES_MAX];
	struct entries again = {};
	auto_buf struct buf index;

	buf_init(&index, PACKED_MAX);
	for (size_t i = 0; i < entries->cnt; i++)
		all[i] = &entries->entry[i];
	segment_index_make(&index, all, entries->cnt, "segments/20251125/x.seg");
	assert(!index.failed);
	assert(!read_all(&again, index.data, index.len));
	assert(again.cnt == entries->cnt);
	for (size_t i = 0; i < again.cnt; i++)
		assert_same(&entries->entry[i], &again.entry[i]);
	release(&again);
}

static size_t pack(uint8_t *to, const uint8_t *data, size_t len)
{
	z_stream z = {.next_in = (void *)data, .avail_in = len, .next_out = to, .avail_out = PACKED_MAX};

	assert(!deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY));
	assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t packed[PACKED_MAX];
	struct entries raw = {}, entries = {};

	read_all(&raw, data, len);
	release(&raw);
	if (len < PACKED_MAX / 2 && !read_all(&entries, packed, pack(packed, data, len)))
		write_and_read(&entries);
	release(&entries);
	return 0;
}
