// SPDX-License-Identifier: BSD-3-Clause
#include "lib/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <zlib.h>

#include "lib/err.h"
#include "lib/json.h"
#include "lib/spool_file.h"
#include "lib/util.h"

#define FOOTER_MAGIC  "TDSEGIX1"
#define METADATA_MARK ",\"metadata\":"
#define GZIP_BITS     (15 + 16) /* zlib's: the largest window, in a gzip file */
#define CHUNK	      65536

void segment_entry_release(struct segment_entry *entry)
{
	free(entry->category);
	free(entry->metadata);
}

/* --- gzip --- */

static void gzip(struct buf *out, const struct buf *in)
{
	z_stream z = {.next_in = in->data, .avail_in = in->len};
	uint8_t chunk[CHUNK];
	int r;

	if (in->failed ||
	    deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY)) {
		out->failed = in->failed ? in->failed : -ENOMEM;
		return;
	}
	do {
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		r = deflate(&z, Z_FINISH);
		buf_put(out, chunk, sizeof(chunk) - z.avail_out);
	} while (r == Z_OK && !out->failed);
	deflateEnd(&z);
}

/* -EBADMSG when it is not a whole gzip file, or larger than it may be. */
static int gunzip(struct buf *out, const void *data, size_t len)
{
	z_stream z = {.next_in = (void *)data, .avail_in = len};
	uint8_t chunk[CHUNK];
	int r;

	if (inflateInit2(&z, GZIP_BITS))
		return -ENOMEM;
	do {
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		r = inflate(&z, Z_NO_FLUSH);
		buf_put(out, chunk, sizeof(chunk) - z.avail_out);
	} while (r == Z_OK && !out->failed);
	inflateEnd(&z);
	if (out->failed == -ENOMEM || r == Z_MEM_ERROR)
		return -ENOMEM;
	return r == Z_STREAM_END && !out->failed ? 0 : -EBADMSG;
}

/* --- making --- */

/* As it is, or not at all: what comes out must be what went in, byte for byte. */
static bool fits_line(const struct blob *metadata)
{
	auto_cjson cJSON *json = NULL;

	for (size_t i = 0; i < metadata->len; i++)
		if (((const unsigned char *)metadata->data)[i] < ' ')
			return false;
	json = cJSON_ParseWithLength(metadata->data, metadata->len);
	return cJSON_IsObject(json) && ((const char *)metadata->data)[metadata->len - 1] == '}';
}

static void put_line(struct buf *out, const struct segment_entry *entry, const char *segment)
{
	char id[CATEGORY_MAX + 48];

	snprintf(id, sizeof(id), "%s/%s/%s", entry->category, entry->day, entry->id);
	buf_printf(out, "{\"id\":");
	json_put_string(out, id);
	buf_printf(out, ",\"category\":");
	json_put_string(out, entry->category);
	buf_printf(out, ",\"segment\":");
	json_put_string(out, segment);
	buf_printf(out,
		   ",\"offset\":%llu,\"length\":%llu,\"crc32\":%u,\"metadata_length\":%llu" METADATA_MARK,
		   (unsigned long long)entry->at, (unsigned long long)entry->len, entry->crc,
		   (unsigned long long)entry->metadata_len);
	if (entry->metadata)
		buf_put(out, entry->metadata, entry->metadata_len);
	else
		buf_printf(out, "null");
	buf_printf(out, "}\n");
}

void segment_index_make(struct buf *index, const struct segment_entry *const *entries, size_t cnt,
			const char *key)
{
	auto_buf struct buf lines;

	buf_init(&lines, SEGMENT_INDEX_MAX);
	for (size_t i = 0; i < cnt; i++)
		put_line(&lines, entries[i], key);
	gzip(index, &lines);
}

static void put_footer(struct buf *segment, uint64_t index_at)
{
	uint64_t index_len = segment->len - index_at;
	size_t at = segment->len;

	buf_put(segment, FOOTER_MAGIC, strlen(FOOTER_MAGIC));
	buf_put_u64(segment, index_at);
	buf_put_u64(segment, index_len);
	if (!segment->failed)
		buf_put_u32(segment, crc32(0, segment->data + at, segment->len - at));
	buf_put_u32(segment, 0);
}

/* What it points to is the item's. */
static struct segment_entry entry_of(const struct cassette_item *item, uint64_t at)
{
	struct segment_entry entry = {
		.category = (char *)item->key.category,
		.metadata = fits_line(&item->metadata) ? item->metadata.data : NULL,
		.at = at,
		.len = item->full.len,
		.metadata_len = item->metadata.len,
		.crc = crc32(0, item->full.data, item->full.len),
	};

	memcpy(entry.day, item->key.day, sizeof(entry.day));
	memcpy(entry.id, item->key.id, sizeof(entry.id));
	return entry;
}

void segment_make(struct buf *segment, struct buf *index, const struct cassette_item *const *items,
		  size_t cnt, const char *key)
{
	struct spool_frame frame = {.kind = SPOOL_INDEX};
	auto_buf struct buf lines;
	uint64_t index_at;

	buf_init(&lines, SEGMENT_INDEX_MAX);
	segment_begin(segment);
	for (size_t i = 0; i < cnt; i++) {
		const struct cassette_item *item = items[i];
		struct segment_entry entry;

		frame_put(segment, &(struct spool_frame){.kind = SPOOL_RECORDING, .item = *item});
		entry = entry_of(item, segment->len - item->metadata.len - item->full.len);
		put_line(&lines, &entry, key);
	}
	gzip(index, &lines);
	frame.item.full = (struct blob){index->data, index->len};
	index_at = segment->len;
	if (index->failed)
		segment->failed = index->failed;
	frame_put(segment, &frame);
	put_footer(segment, index_at);
}

/* --- reading --- */

static bool take_number(uint64_t *out, const cJSON *line, const char *name, double max)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(line, name);

	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > max)
		return false;
	*out = item->valuedouble;
	return true;
}

/* @head: the line up to its metadata, closed. */
static int parse_head(struct segment_entry *entry, const char *head, size_t len)
{
	auto_cjson cJSON *line = cJSON_ParseWithLength(head, len);
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "id"));
	struct recording_key key;
	uint64_t crc;

	if (!id || recording_key_parse(&key, id, NULL) ||
	    !take_number(&entry->at, line, "offset", 1ull << 53) ||
	    !take_number(&entry->len, line, "length", CASSETTE_OBJECT_MAX) ||
	    !take_number(&entry->metadata_len, line, "metadata_length", CASSETTE_OBJECT_MAX) ||
	    !take_number(&crc, line, "crc32", UINT32_MAX))
		return -EBADMSG;
	entry->crc = crc;
	memcpy(entry->day, key.day, sizeof(entry->day));
	memcpy(entry->id, key.id, sizeof(entry->id));
	entry->category = strdup(key.category);
	return entry->category ? 0 : -ENOMEM;
}

static int parse_line(struct segment_entry *entry, const char *line, size_t len)
{
	const char *mark = memmem(line, len, METADATA_MARK, strlen(METADATA_MARK)), *metadata;
	autofree char *head = mark ? strndup(line, mark - line + 1) : NULL;
	size_t metadata_len;
	int r;

	if (!mark || line[len - 1] != '}' || memchr(line, '\0', len))
		return -EBADMSG;
	if (!head)
		return -ENOMEM;
	head[mark - line] = '}';
	metadata = mark + strlen(METADATA_MARK);
	metadata_len = line + len - 1 - metadata;
	r = parse_head(entry, head, mark - line + 1);
	if (r || (metadata_len == 4 && memcmp(metadata, "null", 4) == 0))
		return r;
	if (metadata_len != entry->metadata_len)
		return -EBADMSG;
	entry->metadata = strndup(metadata, metadata_len);
	return entry->metadata ? 0 : -ENOMEM;
}

int segment_index_each(const void *index, size_t len, int (*fn)(struct segment_entry *entry, void *ctx),
		       void *ctx, struct err *err)
{
	auto_buf struct buf lines;
	const char *at, *end, *newline;
	int r;

	buf_init(&lines, SEGMENT_INDEX_MAX);
	r = gunzip(&lines, index, len);
	at = lines.len ? (const char *)lines.data : ""; /* no arithmetic on NULL */
	end = at + lines.len;
	while (!r && at < end) {
		struct segment_entry entry = {};

		newline = memchr(at, '\n', end - at);
		r = newline ? parse_line(&entry, at, newline - at) : -EBADMSG;
		if (r) {
			segment_entry_release(&entry);
			break;
		}
		r = fn(&entry, ctx);
		at = newline + 1;
	}
	if (r == -ENOMEM)
		return err_nomem(err);
	return r == -EBADMSG ? err_set(err, r, "the index is damaged") : r;
}
