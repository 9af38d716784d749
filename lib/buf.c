// SPDX-License-Identifier: BSD-3-Clause
#include "lib/buf.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

#define BUF_FIRST 256

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){.max = max};
}

void buf_release(struct buf *buf)
{
	free(buf->data);
	buf->data = NULL;
	buf->len = buf->cap = 0;
}

static bool reserve(struct buf *buf, size_t len)
{
	size_t cap = buf->cap ? buf->cap : BUF_FIRST;
	uint8_t *data;

	if (buf->failed)
		return false;
	if (len > buf->max || buf->len > buf->max - len) {
		buf->failed = -EFBIG;
		return false;
	}
	if (buf->len + len <= buf->cap)
		return true;
	while (cap < buf->len + len)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = -ENOMEM;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void *buf_grow(struct buf *buf, size_t len)
{
	void *at;

	if (!reserve(buf, len))
		return NULL;
	at = buf->data + buf->len;
	memset(at, 0, len);
	buf->len += len;
	return at;
}

void buf_put(struct buf *buf, const void *data, size_t len)
{
	if (!len || !reserve(buf, len))
		return;
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

void buf_put_u8(struct buf *buf, uint8_t v)
{
	buf_put(buf, &v, sizeof(v));
}

void buf_put_u16(struct buf *buf, uint16_t v)
{
	v = htole16(v);
	buf_put(buf, &v, sizeof(v));
}

void buf_put_u32(struct buf *buf, uint32_t v)
{
	v = htole32(v);
	buf_put(buf, &v, sizeof(v));
}

void buf_put_u64(struct buf *buf, uint64_t v)
{
	v = htole64(v);
	buf_put(buf, &v, sizeof(v));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0 || !reserve(buf, len + 1))
		return;
	va_start(args, fmt);
	vsnprintf((char *)buf->data + buf->len, len + 1, fmt, args);
	va_end(args);
	buf->len += len;
}

void buf_align(struct buf *buf, size_t to)
{
	buf_grow(buf, ALIGN_UP(buf->len, to) - buf->len);
}

void reader_init(struct reader *r, const void *data, size_t len)
{
	const uint8_t *first = len ? data : (const void *)""; /* no arithmetic on NULL */

	*r = (struct reader){.pos = first, .end = first + len};
}

size_t reader_left(const struct reader *r)
{
	return r->end - r->pos;
}

const void *reader_bytes(struct reader *r, size_t len)
{
	const void *at = r->pos;

	if (r->failed || len > reader_left(r)) {
		r->failed = true;
		return NULL;
	}
	r->pos += len;
	return at;
}

uint8_t reader_u8(struct reader *r)
{
	const uint8_t *at = reader_bytes(r, 1);

	return at ? *at : 0;
}

uint16_t reader_u16(struct reader *r)
{
	const void *at = reader_bytes(r, 2);
	uint16_t v = 0;

	if (at)
		memcpy(&v, at, sizeof(v));
	return le16toh(v);
}

uint32_t reader_u32(struct reader *r)
{
	const void *at = reader_bytes(r, 4);
	uint32_t v = 0;

	if (at)
		memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

uint64_t reader_u64(struct reader *r)
{
	const void *at = reader_bytes(r, 8);
	uint64_t v = 0;

	if (at)
		memcpy(&v, at, sizeof(v));
	return le64toh(v);
}
