// SPDX-License-Identifier: BSD-3-Clause
/* Recording to bytes. Read it beside recording_read.c: the functions stand in the same order. */
#include "lib/recording.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/recording_format.h"
#include "lib/util.h"

#define WINDOW_BITS_MIN 9 /* of zlib */
#define SMALL_SECTION	(16 * 1024)
#define SMALL_MEM_LEVEL 5

struct section {
	uint16_t kind, encoding;
	uint32_t checksum; /* of the stored bytes */
	uint64_t offset, stored_len, raw_len;
};

struct writer {
	struct buf *out;
	size_t base; /* of the recording in @out */
	struct section sections[FORMAT_SECTIONS];
	uint32_t sections_cnt;
};

static unsigned hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static int check_id(const char *id, struct err *err)
{
	if (strlen(id) != RECORDING_ID_LEN || strspn(id, "0123456789abcdef") != RECORDING_ID_LEN)
		return err_set(err, -EBADMSG, "'%s' is no id of a recording: 32 hexadecimal digits", id);
	return 0;
}

static void put_header(struct buf *out, const struct writer *w, uint16_t mark, uint64_t len, const char *id)
{
	buf_put(out, FORMAT_MAGIC, FORMAT_MAGIC_LEN);
	buf_put_u16(out, FORMAT_VERSION);
	buf_put_u16(out, mark);
	buf_put_u32(out, 0); /* the checksum, taken over itself as 0 */
	buf_put_u64(out, len);
	for (int i = 0; i < FORMAT_ID_BYTES; i++)
		buf_put_u8(out, hex_digit(id[2 * i]) << 4 | hex_digit(id[2 * i + 1]));
	buf_put_u32(out, w->sections_cnt);
	buf_put_u32(out, 0);
}

static void put_table(struct buf *out, const struct writer *w)
{
	for (const struct section *s = w->sections; s < w->sections + w->sections_cnt; s++) {
		buf_put_u16(out, s->kind);
		buf_put_u16(out, s->encoding);
		buf_put_u32(out, s->checksum);
		buf_put_u64(out, s->offset);
		buf_put_u64(out, s->stored_len);
		buf_put_u64(out, s->raw_len);
	}
}

/* A window and tables no larger than the data needs: to clear those of the default takes longer than to
 * compress what a small operation has. */
static int deflate_init(z_stream *z, size_t raw_len)
{
	int window_bits = WINDOW_BITS_MIN;

	while (window_bits < MAX_WBITS && raw_len >> window_bits)
		window_bits++;
	return deflateInit2(z, Z_BEST_SPEED, Z_DEFLATED, window_bits,
			    raw_len <= SMALL_SECTION ? SMALL_MEM_LEVEL : MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY);
}

/* The length of @raw compressed into @stored, or 0 when that has not room for it. */
static size_t deflate_all(void *stored, size_t room, const void *raw, size_t raw_len)
{
	z_stream z = {.next_in = (void *)raw, .avail_in = raw_len, .next_out = stored, .avail_out = room};
	bool is_whole;

	if (deflate_init(&z, raw_len) != Z_OK)
		return 0;
	is_whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
	deflateEnd(&z);
	return is_whole ? z.total_out : 0;
}

/* Speed before size: recordings are written while the program runs. */
static int deflate_or_copy(struct buf *out, uint16_t *encoding, const void *raw, size_t raw_len)
{
	autofree void *stored = malloc(raw_len + 1);
	size_t len;

	if (!stored)
		return -ENOMEM;
	len = deflate_all(stored, raw_len, raw, raw_len);
	*encoding = len ? FORMAT_ZLIB : FORMAT_PLAIN;
	buf_put(out, len ? stored : raw, len ? len : raw_len);
	return out->failed;
}

static int put_section(struct writer *w, enum format_section kind, const void *raw, size_t raw_len,
		       struct err *err)
{
	size_t start = w->out->len;
	struct section s = {.kind = kind, .offset = start - w->base, .raw_len = raw_len};
	int r = deflate_or_copy(w->out, &s.encoding, raw, raw_len);

	if (r == -EFBIG)
		return err_set(err, r, "a recording of more than %zu bytes", w->out->max);
	if (r)
		return err_nomem(err);
	s.stored_len = w->out->len - start;
	s.checksum = crc32_z(0, w->out->data + start, s.stored_len);
	w->sections[w->sections_cnt++] = s;
	return 0;
}

static int put_metadata(struct writer *w, const struct recording *recording, struct err *err)
{
	autofree char *text = NULL;
	int r = recording_metadata_text(&text, recording, err);

	if (r)
		return r;
	if (strlen(text) > RECORDING_METADATA_MAX)
		return err_set(err, -EFBIG, "a metadata document of more than %d bytes",
			       RECORDING_METADATA_MAX);
	return put_section(w, FORMAT_METADATA, text, strlen(text), err);
}

static void put_call(struct buf *raw, const struct call *call)
{
	buf_put_u32(raw, call->func);
	buf_put_u32(raw, call->seq);
	buf_put_u32(raw, call->thread);
	buf_put_u8(raw, call->left);
	buf_put_u8(raw, (call->has_errno ? FORMAT_HAS_ERRNO : 0) |
				(call->in.steps_cut ? FORMAT_IN_STEPS_CUT : 0) |
				(call->in.budget_cut ? FORMAT_IN_BUDGET_CUT : 0) |
				(call->out.steps_cut ? FORMAT_OUT_STEPS_CUT : 0) |
				(call->out.budget_cut ? FORMAT_OUT_BUDGET_CUT : 0));
	buf_put_u16(raw, 0);
	buf_put_u64(raw, call->entered_ns);
	buf_put_u64(raw, call->left_ns);
	for (size_t i = 0; i < ARRAY_SIZE(call->args); i++)
		buf_put_u64(raw, call->args[i]);
	buf_put_u64(raw, call->rsp);
	buf_put_u64(raw, call->rax);
	buf_put_u64(raw, call->rdx);
	buf_put_u32(raw, call->error_number);
	buf_put_u32(raw, call->in.cnt);
	buf_put_u32(raw, call->out.cnt);
}

static void put_fragments(struct buf *raw, const struct side *side)
{
	for (size_t i = 0; i < side->cnt; i++) {
		const struct fragment *f = &side->fragments[i];

		buf_put_u64(raw, f->addr);
		buf_put_u32(raw, f->len);
		buf_put_u32(raw, f->captured);
		buf_put_u16(raw, f->node);
		buf_put_u8(raw, f->status);
		buf_put_u8(raw, 0);
	}
}

static size_t count_fragments(const struct recording *recording)
{
	size_t cnt = recording->operation.in.cnt + recording->operation.out.cnt;

	for (size_t i = 0; i < recording->calls_cnt; i++)
		cnt += recording->calls[i].in.cnt + recording->calls[i].out.cnt;
	return cnt;
}

static int put_calls(struct writer *w, const struct recording *recording, struct err *err)
{
	auto_buf struct buf raw;

	buf_init(&raw, RECORDING_BYTES_MAX);
	buf_put_u32(&raw, FORMAT_CALL_LEN);
	buf_put_u32(&raw, FORMAT_FRAGMENT_LEN);
	buf_put_u32(&raw, recording->calls_cnt);
	buf_put_u32(&raw, count_fragments(recording));
	put_call(&raw, &recording->operation);
	for (size_t i = 0; i < recording->calls_cnt; i++)
		put_call(&raw, &recording->calls[i]);
	put_fragments(&raw, &recording->operation.in);
	put_fragments(&raw, &recording->operation.out);
	for (size_t i = 0; i < recording->calls_cnt; i++) {
		put_fragments(&raw, &recording->calls[i].in);
		put_fragments(&raw, &recording->calls[i].out);
	}
	if (raw.failed)
		return err_nomem(err);
	return put_section(w, FORMAT_CALLS, raw.data, raw.len, err);
}

static void put_side_bytes(struct buf *raw, const struct side *side)
{
	for (size_t i = 0; i < side->cnt; i++)
		buf_put(raw, side->fragments[i].bytes, side->fragments[i].captured);
}

static int put_bytes(struct writer *w, const struct recording *recording, struct err *err)
{
	auto_buf struct buf raw;

	buf_init(&raw, RECORDING_BYTES_MAX);
	put_side_bytes(&raw, &recording->operation.in);
	put_side_bytes(&raw, &recording->operation.out);
	for (size_t i = 0; i < recording->calls_cnt; i++) {
		put_side_bytes(&raw, &recording->calls[i].in);
		put_side_bytes(&raw, &recording->calls[i].out);
	}
	if (raw.failed)
		return err_nomem(err);
	return put_section(w, FORMAT_BYTES, raw.data, raw.len, err);
}

static void put_text(struct buf *raw, const char *text)
{
	buf_put_u16(raw, strlen(text));
	buf_put(raw, text, strlen(text));
}

static int put_symbols(struct writer *w, const struct recording *recording, struct err *err)
{
	auto_buf struct buf raw;

	buf_init(&raw, RECORDING_BYTES_MAX);
	buf_put_u32(&raw, recording->symbols.cnt);
	for (size_t i = 0; i < recording->symbols.cnt; i++) {
		const struct named_address *row = &recording->symbols.row[i];

		buf_put_u64(&raw, row->addr);
		buf_put_u64(&raw, row->off);
		put_text(&raw, row->module);
		put_text(&raw, row->name);
	}
	if (raw.failed)
		return err_nomem(err);
	return put_section(w, FORMAT_SYMBOLS, raw.data, raw.len, err);
}

/* The mark is cleared by the last bytes written: until then the whole is torn. */
static int put_head(struct writer *w, const struct recording *recording, struct err *err)
{
	uint8_t *data = w->out->data + w->base;
	size_t len = w->out->len - w->base;
	auto_buf struct buf head;
	uint32_t checksum;

	buf_init(&head, FORMAT_HEADER_LEN + FORMAT_SECTIONS * FORMAT_SECTION_LEN);
	put_header(&head, w, 0, len, recording->id);
	put_table(&head, w);
	if (head.failed)
		return err_nomem(err);
	checksum = crc32_z(0, head.data, head.len);
	checksum = htole32(crc32_z(checksum, data + head.len, len - head.len));
	memcpy(head.data + FORMAT_AT_CHECKSUM, &checksum, sizeof(checksum));
	memcpy(data, head.data, head.len);
	return 0;
}

static int put_all(struct writer *w, const struct recording *recording, struct err *err)
{
	int r;

	put_header(w->out, w, FORMAT_MARK_INCOMPLETE, 0, recording->id);
	if (!buf_grow(w->out, (FORMAT_REQUIRED + !!recording->symbols.cnt) * FORMAT_SECTION_LEN))
		return err_set(err, w->out->failed, "no room for a recording in %zu bytes", w->out->max);
	r = put_metadata(w, recording, err);
	if (!r)
		r = put_calls(w, recording, err);
	if (!r)
		r = put_bytes(w, recording, err);
	if (!r && recording->symbols.cnt)
		r = put_symbols(w, recording, err);
	return r ? r : put_head(w, recording, err);
}

int recording_write(struct buf *out, const struct recording *recording, struct err *err)
{
	struct writer w = {.out = out, .base = out->len};
	int r = recording_sound(recording, err);

	if (!r)
		r = check_id(recording->id, err);
	if (!r)
		r = put_all(&w, recording, err);
	if (r)
		out->len = w.base;
	return r;
}
