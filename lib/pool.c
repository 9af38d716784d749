// SPDX-License-Identifier: BSD-3-Clause
#include "lib/pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/util.h"

#define CHUNK_MIN (1024) /* the first; each is twice the one before, up to */
#define CHUNK_MAX (64 * 1024)
#define ALIGNMENT 16

struct chunk {
	struct chunk *next;
	size_t len, cap; /* bytes of data */
	_Alignas(ALIGNMENT) uint8_t data[];
};

struct pool {
	struct chunk *chunks; /* the first is the one with room */
	size_t next, bytes;   /* the next chunk's; of all */
};

struct pool *pool_new(void)
{
	return calloc(1, sizeof(struct pool));
}

/* calloc zeroes, and gets a large chunk from the kernel without touching it. */
static struct chunk *chunk_new(size_t cap)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + cap);

	if (chunk)
		chunk->cap = cap;
	return chunk;
}

/* A chunk for one large object goes behind the first, whose room stays in use. */
static struct chunk *chunk_add(struct pool *pool, size_t len)
{
	size_t cap = pool->next ? pool->next : CHUNK_MIN;
	struct chunk *chunk = chunk_new(MAX(len, cap));

	if (!chunk)
		return NULL;
	pool->bytes += sizeof(*chunk) + chunk->cap;
	if (len < cap)
		pool->next = MIN(2 * cap, (size_t)CHUNK_MAX);
	if (len >= cap && pool->chunks) {
		chunk->next = pool->chunks->next;
		pool->chunks->next = chunk;
	} else {
		chunk->next = pool->chunks;
		pool->chunks = chunk;
	}
	return chunk;
}

void *pool_alloc(struct pool *pool, size_t len)
{
	struct chunk *chunk = pool->chunks;
	void *at;

	if (len > SIZE_MAX / 2)
		return NULL;
	len = ALIGN_UP(len, ALIGNMENT);
	if (!chunk || len > chunk->cap - chunk->len)
		chunk = chunk_add(pool, len);
	if (!chunk)
		return NULL;
	at = chunk->data + chunk->len;
	chunk->len += len;
	return at;
}

void *pool_array(struct pool *pool, size_t cnt, size_t size)
{
	size_t len;

	return __builtin_mul_overflow(cnt, size, &len) ? NULL : pool_alloc(pool, len);
}

size_t pool_bytes(const struct pool *pool)
{
	return sizeof(*pool) + pool->bytes;
}

char *pool_printf(struct pool *pool, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text = len < 0 ? NULL : pool_alloc(pool, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(args, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, args);
	va_end(args);
	return text;
}

void pool_free(struct pool *pool)
{
	struct chunk *next;

	if (!pool)
		return;
	for (struct chunk *chunk = pool->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(pool);
}

void pool_freep(struct pool **pool)
{
	pool_free(*pool);
}
