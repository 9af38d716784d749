// SPDX-License-Identifier: BSD-3-Clause
/* Bytes to recording; nothing in them is trusted. Read it beside recording_write.c: the functions stand in
 * the same order. */
#include "lib/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <zlib.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/pool.h"
#include "lib/recording_format.h"
#include "lib/util.h"

struct section {
	uint16_t encoding;
	bool is_there;
	const uint8_t *stored; /* borrowed from the input */
	size_t stored_len, raw_len;
};

struct file {
	const uint8_t *data;
	size_t len;
	uint32_t sections_cnt;
	struct section sections[FORMAT_SECTION_CNT]; /* those that this version knows, by kind */
};

static const char *const section_names[] = {
	[FORMAT_METADATA] = "metadata",
	[FORMAT_CALLS] = "calls",
	[FORMAT_BYTES] = "bytes",
	[FORMAT_SYMBOLS] = "symbols",
};
_Static_assert(ARRAY_SIZE(section_names) == FORMAT_SECTION_CNT, "every section has a name");

static int check_file(const struct file *file, uint32_t checksum, struct err *err)
{
	static const uint8_t zero[sizeof(checksum)];
	const uint8_t *behind = file->data + FORMAT_AT_CHECKSUM + sizeof(checksum);
	uint32_t sum = crc32_z(0, file->data, FORMAT_AT_CHECKSUM);

	sum = crc32_z(sum, zero, sizeof(zero));
	sum = crc32_z(sum, behind, file->data + file->len - behind);
	if (sum != checksum)
		return err_set(err, -EBADMSG, "checksum differs: %08x, said to be %08x", sum, checksum);
	return 0;
}

static int get_header(struct reader *r, struct file *file, struct recording *out, struct err *err)
{
	size_t magic_len = MIN(file->len, (size_t)FORMAT_MAGIC_LEN);
	uint32_t version, mark, checksum;
	uint64_t len;
	const uint8_t *id;

	if (!magic_len)
		return err_set(err, -EBADMSG, "torn: it is empty");
	if (memcmp(file->data, FORMAT_MAGIC, magic_len) != 0)
		return err_set(err, -EBADMSG, "not a recording");
	reader_bytes(r, magic_len);
	version = reader_u16(r);
	mark = reader_u16(r);
	checksum = reader_u32(r);
	len = reader_u64(r);
	id = reader_bytes(r, FORMAT_ID_BYTES);
	file->sections_cnt = reader_u32(r);
	reader_u32(r);
	if (r->failed)
		return err_set(err, -EBADMSG, "torn: %zu bytes, less than a header", file->len);
	if (version > FORMAT_VERSION)
		return err_set(err, -EBADMSG, "version %u is newer than this program's %d", version,
			       FORMAT_VERSION);
	if (!version)
		return err_set(err, -EBADMSG, "not a recording: version 0");
	if (mark)
		return err_set(err, -EBADMSG, "torn: the incomplete mark is still set");
	if (len != file->len)
		return err_set(err, -EBADMSG, "torn: %zu bytes of %llu", file->len, (unsigned long long)len);
	for (int i = 0; i < FORMAT_ID_BYTES; i++) {
		out->id[2 * i] = "0123456789abcdef"[id[i] >> 4];
		out->id[2 * i + 1] = "0123456789abcdef"[id[i] & 0xf];
	}
	return check_file(file, checksum, err);
}

static int get_table_entry(struct reader *r, struct file *file, struct err *err)
{
	uint32_t kind = reader_u16(r), encoding = reader_u16(r), checksum = reader_u32(r);
	uint64_t offset = reader_u64(r), stored_len = reader_u64(r), raw_len = reader_u64(r);
	struct section *s;

	if (r->failed)
		return err_set(err, -EBADMSG, "the table of sections does not fit");
	if (offset > file->len || stored_len > file->len - offset)
		return err_set(err, -EBADMSG, "a section lies outside: %llu bytes at %llu",
			       (unsigned long long)stored_len, (unsigned long long)offset);
	if (!kind || kind >= FORMAT_SECTION_CNT)
		return 0;
	s = &file->sections[kind];
	if (s->is_there)
		return err_set(err, -EBADMSG, "two sections '%s'", section_names[kind]);
	if (raw_len > RECORDING_BYTES_MAX)
		return err_set(err, -EBADMSG, "section '%s' says it has %llu bytes", section_names[kind],
			       (unsigned long long)raw_len);
	*s = (struct section){encoding, true, file->data + offset, stored_len, raw_len};
	if (crc32_z(0, s->stored, s->stored_len) != checksum)
		return err_set(err, -EBADMSG, "checksum of section '%s' differs", section_names[kind]);
	return 0;
}

static int get_table(struct reader *r, struct file *file, struct err *err)
{
	int ret;

	if (file->sections_cnt > FORMAT_SECTIONS_MAX)
		return err_set(err, -EBADMSG, "%u sections, more than %d", file->sections_cnt,
			       FORMAT_SECTIONS_MAX);
	for (uint32_t i = 0; i < file->sections_cnt; i++) {
		ret = get_table_entry(r, file, err);
		if (ret)
			return ret;
	}
	for (int kind = 1; kind <= FORMAT_REQUIRED; kind++)
		if (!file->sections[kind].is_there)
			return err_set(err, -EBADMSG, "no section '%s'", section_names[kind]);
	return 0;
}

/* @raw has room for s->raw_len bytes. */
static bool inflate_or_copy(void *raw, const struct section *s)
{
	uLongf raw_len = s->raw_len;
	uLong stored_len = s->stored_len;

	if (s->encoding == FORMAT_PLAIN) {
		memcpy(raw, s->stored, s->raw_len);
		return true;
	}
	return uncompress2(raw, &raw_len, s->stored, &stored_len) == Z_OK && raw_len == s->raw_len &&
	       stored_len == s->stored_len;
}

static int get_section(const void **raw, size_t *raw_len, const struct file *file, enum format_section kind,
		       struct pool *pool, struct err *err)
{
	const struct section *s = &file->sections[kind];
	void *data;

	if (s->encoding > FORMAT_ZLIB)
		return err_set(err, -EBADMSG, "section '%s' has the unknown encoding %u", section_names[kind],
			       s->encoding);
	if (s->encoding == FORMAT_PLAIN ? s->raw_len != s->stored_len
					: s->raw_len > s->stored_len * FORMAT_ZLIB_RATIO_MAX)
		return err_set(err, -EBADMSG, "section '%s' cannot have %zu bytes in %zu",
			       section_names[kind], s->raw_len, s->stored_len);
	data = pool_alloc(pool, s->raw_len + 1);
	if (!data)
		return err_nomem(err);
	if (!inflate_or_copy(data, s))
		return err_set(err, -EBADMSG, "section '%s' is not the zlib data it should be",
			       section_names[kind]);
	*raw = data;
	*raw_len = s->raw_len;
	return 0;
}

static int get_schema(struct recording *out, struct err *err)
{
	const cJSON *schema = cJSON_GetObjectItemCaseSensitive(out->metadata, "schema");
	const char *id = cJSON_GetStringValue(schema);

	if (!schema)
		return 0;
	if (!id || strlen(id) != SCHEMA_ID_LEN || strspn(id, "0123456789abcdef") != SCHEMA_ID_LEN)
		return err_set(err, -EBADMSG, "the metadata's 'schema' is not 64 hexadecimal digits");
	memcpy(out->schema, id, SCHEMA_ID_LEN + 1);
	return 0;
}

static int get_incomplete(struct recording *out, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(out->metadata, "incomplete"), *item;
	int r;

	if (list && !cJSON_IsArray(list))
		return err_set(err, -EBADMSG, "the metadata's 'incomplete' is not a list");
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item))
			return err_set(err, -EBADMSG, "the metadata's 'incomplete' is not a list of strings");
		r = recording_add_incomplete(out, err, "%s", item->valuestring);
		if (r)
			return r;
	}
	return 0;
}

static int get_metadata(struct recording *out, const struct file *file, struct pool *scratch, struct err *err)
{
	const cJSON *complete;
	const void *text;
	const char *end;
	size_t len;
	int r;

	r = get_section(&text, &len, file, FORMAT_METADATA, scratch, err);
	if (r)
		return r;
	if (len > RECORDING_METADATA_MAX)
		return err_set(err, -EBADMSG, "a metadata document of more than %d bytes",
			       RECORDING_METADATA_MAX);
	out->metadata = cJSON_ParseWithLengthOpts(text, len, &end, false);
	if (!cJSON_IsObject(out->metadata) || end != (const char *)text + len)
		return err_set(err, -EBADMSG, "the metadata is not one JSON object");
	complete = cJSON_GetObjectItemCaseSensitive(out->metadata, "complete");
	if (!cJSON_IsBool(complete))
		return err_set(err, -EBADMSG, "the metadata does not say whether it is complete");
	r = get_schema(out, err);
	if (!r)
		r = get_incomplete(out, err);
	/* Last, as a reason takes it back; recording_sound refuses both at once. */
	out->complete = cJSON_IsTrue(complete);
	return r;
}

/* The number of fragments of each side; where they are is known only when all calls are. */
static void get_call(struct reader *r, struct call *call, size_t record_len)
{
	size_t left = reader_left(r);
	uint32_t flags;

	call->func = reader_u32(r);
	call->seq = reader_u32(r);
	call->thread = reader_u32(r);
	call->left = reader_u8(r);
	flags = reader_u8(r);
	call->has_errno = flags & FORMAT_HAS_ERRNO;
	call->in.steps_cut = flags & FORMAT_IN_STEPS_CUT;
	call->in.budget_cut = flags & FORMAT_IN_BUDGET_CUT;
	call->out.steps_cut = flags & FORMAT_OUT_STEPS_CUT;
	call->out.budget_cut = flags & FORMAT_OUT_BUDGET_CUT;
	reader_u16(r);
	call->entered_ns = reader_u64(r);
	call->left_ns = reader_u64(r);
	for (size_t i = 0; i < ARRAY_SIZE(call->args); i++)
		call->args[i] = reader_u64(r);
	call->rsp = reader_u64(r);
	call->rax = reader_u64(r);
	call->rdx = reader_u64(r);
	call->error_number = (int32_t)reader_u32(r);
	call->in.cnt = reader_u32(r);
	call->out.cnt = reader_u32(r);
	reader_bytes(r, record_len - (left - reader_left(r)));
}

static void get_fragment(struct reader *r, struct fragment *f, size_t record_len)
{
	f->addr = reader_u64(r);
	f->len = reader_u32(r);
	f->captured = reader_u32(r);
	f->node = reader_u16(r);
	f->status = reader_u8(r);
	reader_bytes(r, record_len - (FORMAT_FRAGMENT_LEN - 1));
}

/* Hand @side its fragments, the next of @fragments. */
static bool deal(struct side *side, struct fragment **fragments, size_t *cnt)
{
	if (side->cnt > *cnt)
		return false;
	side->fragments = *fragments;
	*fragments += side->cnt;
	*cnt -= side->cnt;
	return true;
}

static int deal_fragments(struct recording *out, struct fragment *fragments, size_t cnt, struct err *err)
{
	bool enough =
		deal(&out->operation.in, &fragments, &cnt) && deal(&out->operation.out, &fragments, &cnt);

	for (size_t i = 0; enough && i < out->calls_cnt; i++)
		enough = deal(&out->calls[i].in, &fragments, &cnt) &&
			 deal(&out->calls[i].out, &fragments, &cnt);
	if (!enough || cnt)
		return err_set(err, -EBADMSG, "the calls' fragments are not as many as there are");
	return 0;
}

static int get_calls(struct recording *out, struct fragment **fragments, size_t *fragments_cnt,
		     const struct file *file, struct pool *scratch, struct err *err)
{
	uint64_t call_len, fragment_len, calls_cnt, cnt;
	const void *raw;
	struct reader r;
	size_t len;
	int ret;

	ret = get_section(&raw, &len, file, FORMAT_CALLS, scratch, err);
	if (ret)
		return ret;
	reader_init(&r, raw, len);
	call_len = reader_u32(&r);
	fragment_len = reader_u32(&r);
	calls_cnt = reader_u32(&r);
	cnt = reader_u32(&r);
	if (r.failed || call_len < FORMAT_CALL_LEN || call_len > FORMAT_RECORD_MAX ||
	    fragment_len < FORMAT_FRAGMENT_LEN || fragment_len > FORMAT_RECORD_MAX)
		return err_set(err, -EBADMSG, "calls of a size that cannot be");
	if (calls_cnt > RECORDING_CALLS_MAX || cnt > RECORDING_FRAGMENTS_MAX ||
	    (calls_cnt + 1) * call_len + cnt * fragment_len != reader_left(&r))
		return err_set(err, -EBADMSG, "%llu calls and %llu fragments in %zu bytes",
			       (unsigned long long)calls_cnt, (unsigned long long)cnt, len);
	out->calls = pool_array(out->pool, calls_cnt, sizeof(*out->calls));
	*fragments = pool_array(out->pool, cnt, sizeof(**fragments));
	if (!out->calls || !*fragments)
		return err_nomem(err);
	get_call(&r, &out->operation, call_len);
	for (out->calls_cnt = 0; out->calls_cnt < calls_cnt; out->calls_cnt++)
		get_call(&r, &out->calls[out->calls_cnt], call_len);
	for (size_t i = 0; i < cnt; i++)
		get_fragment(&r, &(*fragments)[i], fragment_len);
	*fragments_cnt = cnt;
	return deal_fragments(out, *fragments, cnt, err);
}

static int get_bytes(struct recording *out, struct fragment *fragments, size_t cnt, const struct file *file,
		     struct err *err)
{
	const void *raw;
	struct reader r;
	size_t len;
	int ret;

	ret = get_section(&raw, &len, file, FORMAT_BYTES, out->pool, err);
	if (ret)
		return ret;
	reader_init(&r, raw, len);
	for (struct fragment *f = fragments; f < fragments + cnt; f++)
		f->bytes = reader_bytes(&r, f->captured);
	if (r.failed || reader_left(&r))
		return err_set(err, -EBADMSG, "the fragments' bytes are not as many as they say");
	return 0;
}

/* Of @len_max bytes at most, without a NUL; an empty one is allowed. NULL: no such. */
static char *get_text(struct reader *r, size_t len_max, struct pool *pool)
{
	size_t len = reader_u16(r);
	const char *text = len < len_max ? reader_bytes(r, len) : NULL;

	if (r->failed || !text || memchr(text, '\0', len))
		return NULL;
	return pool_printf(pool, "%.*s", (int)len, text);
}

static int get_symbol(struct reader *r, struct symbols *symbols, struct pool *pool, struct err *err)
{
	struct named_address *row = &symbols->row[symbols->cnt];

	row->addr = reader_u64(r);
	row->off = reader_u64(r);
	row->module = get_text(r, SYMBOL_NAME_MAX, pool);
	row->name = row->module ? get_text(r, SYMBOL_NAME_MAX, pool) : NULL;
	if (!row->name || !row->name[0])
		return err_set(err, -EBADMSG, "symbol %zu has no name", symbols->cnt);
	if (symbols->cnt && row->addr <= row[-1].addr)
		return err_set(err, -EBADMSG, "symbols are out of order");
	symbols->cnt++;
	return 0;
}

static int get_symbols(struct recording *out, const struct file *file, struct pool *scratch, struct err *err)
{
	struct symbols symbols = {};
	struct reader r;
	const void *raw;
	uint32_t cnt;
	size_t len;
	int ret;

	if (!file->sections[FORMAT_SYMBOLS].is_there)
		return 0;
	ret = get_section(&raw, &len, file, FORMAT_SYMBOLS, scratch, err);
	if (ret)
		return ret;
	reader_init(&r, raw, len);
	cnt = reader_u32(&r);
	if (r.failed || cnt > SYMBOLS_CNT_MAX)
		return err_set(err, -EBADMSG, "%u symbols", cnt);
	symbols.row = pool_array(out->pool, cnt, sizeof(*symbols.row));
	if (!symbols.row)
		return err_nomem(err);
	while (!ret && symbols.cnt < cnt)
		ret = get_symbol(&r, &symbols, out->pool, err);
	if (ret)
		return ret;
	if (reader_left(&r))
		return err_set(err, -EBADMSG, "the symbols are not as many as they say");
	recording_set_symbols(out, &symbols);
	return 0;
}

static int get_head(struct file *file, struct recording *out, struct err *err)
{
	struct reader r;
	int ret;

	reader_init(&r, file->data, file->len);
	ret = get_header(&r, file, out, err);
	return ret ? ret : get_table(&r, file, err);
}

static int get_all(struct recording *out, struct file *file, struct err *err)
{
	auto_pool struct pool *scratch = pool_new();
	struct fragment *fragments = NULL;
	size_t cnt = 0;
	int r;

	if (!scratch)
		return err_nomem(err);
	r = get_head(file, out, err);
	if (!r)
		r = get_metadata(out, file, scratch, err);
	if (!r)
		r = get_calls(out, &fragments, &cnt, file, scratch, err);
	if (!r)
		r = get_bytes(out, fragments, cnt, file, err);
	if (!r)
		r = get_symbols(out, file, scratch, err);
	return r ? r : recording_sound(out, err);
}

int recording_read(struct recording **out, const void *data, size_t len, struct err *err)
{
	auto_recording struct recording *recording = NULL;
	struct file file = {.data = data, .len = len};
	int r;

	r = recording_new(&recording, err);
	if (!r)
		r = get_all(recording, &file, err);
	if (r)
		return r == -EFBIG ? -EBADMSG : r;
	*out = TAKE_PTR(recording);
	return 0;
}
