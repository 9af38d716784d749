/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes: a growable buffer with a stated maximum, and a bounded reader.
 *
 * Both latch: after the first failure every further call does nothing, so a writer emits everything and
 * asks once, and a reader checks once at the end. All numbers are little-endian.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len, cap, max; /* bytes */
	int failed;	      /* 0, -ENOMEM, or -EFBIG past @max */
};

void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf);
void buf_put(struct buf *buf, const void *data, size_t len);
void buf_put_u8(struct buf *buf, uint8_t v);
void buf_put_u16(struct buf *buf, uint16_t v);
void buf_put_u32(struct buf *buf, uint32_t v);
void buf_put_u64(struct buf *buf, uint64_t v);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for @len zeroed bytes at the end, or NULL once failed; valid until the next call. */
void *buf_grow(struct buf *buf, size_t len);
void buf_align(struct buf *buf, size_t to); /* zero-fill to a multiple of @to */

#define auto_buf __attribute__((cleanup(buf_release)))

struct reader {
	const uint8_t *pos, *end;
	bool failed;
};

void reader_init(struct reader *r, const void *data, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* Borrowed bytes of the input, NULL once failed. */
const void *reader_bytes(struct reader *r, size_t len);
size_t reader_left(const struct reader *r);
